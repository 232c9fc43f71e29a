"""How ratings spread over their scale: the rated images, and what participants gave each arm."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from fechner.records.scales import Scale
from fechner.report.style import ARM_NAMES, PALETTE, WIDTH, arm_colour, is_narrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 25
"""Of a scale that has no steps; one that has few gets a bar a step."""


def image_distribution(
    scores: np.ndarray, scale: Scale, *, dimension: str, width: float = WIDTH
) -> Figure:
    """Draw how the mean ratings of the images spread over the scale.

    Parameters
    ----------
    scores
        (n_images,), in points of the scale.
    scale
        The scale; the chart shows all of it, so that a set without bad images looks like one.
    dimension
        What was rated.
    width
        Of the chart in inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(width, 2.1))
    counts, edges = np.histogram(scores, np.linspace(scale.minimum, scale.maximum, BINS + 1))
    axis.bar(edges[:-1], counts, np.diff(edges), align="edge", color=PALETTE["accent"], alpha=0.75,
             edgecolor=PALETTE["paper"], linewidth=0.8)  # fmt: skip
    middle = float(np.median(scores))
    axis.axvline(middle, color=PALETTE["ink"], linewidth=1.2)
    left = middle > (scale.minimum + scale.maximum) / 2
    axis.annotate(
        f"median {middle:.3g}", (middle, 1), xycoords=("data", "axes fraction"),
        xytext=(-4 if left else 4, -2), textcoords="offset points",
        ha="right" if left else "left", va="top", fontsize=8.5,
    )  # fmt: skip
    axis.set_ylim(0, 1.25 * max(1, counts.max()))
    axis.set_ylabel("images")
    _scale_axis(axis, scale, f"mean {dimension} of an image")
    axis.grid(axis="y")
    figure.tight_layout()
    return figure


def arm_distribution(
    ratings: Mapping[str, np.ndarray], scale: Scale, *, dimension: str, width: float = WIDTH
) -> Figure:
    """Draw how single ratings of each arm spread over the scale, one row an arm.

    Parameters
    ----------
    ratings
        Arm and its single ratings, as participants gave them.
    scale
        The scale.
    dimension
        What was rated.
    width
        Of the chart in inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(ratings), 1, figsize=(width, 0.62 * len(ratings) + 0.75), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    edges = _edges(np.concatenate(list(ratings.values())), scale)
    for axis, (arm, values) in zip(axes[:, 0], ratings.items(), strict=True):
        weights = np.full(len(values), 1 / max(1, len(values)))
        axis.hist(values, edges, weights=weights, color=arm_colour(arm), alpha=0.75,
                  edgecolor=PALETTE["paper"], linewidth=0.8)  # fmt: skip
        axis.axvline(float(np.mean(values)), color=PALETTE["ink"], linewidth=1.2)
        name = ARM_NAMES.get(arm, arm)
        axis.set_ylabel(
            fill(name, 16 if is_narrow(width) else 20), rotation=0, ha="right", va="center",
        )  # fmt: skip
        axis.set_yticks([])
        axis.tick_params(axis="x", length=0)
        axis.spines["left"].set_visible(False)
    _scale_axis(axes[-1, 0], scale, f"single ratings ({dimension}); line: mean")
    figure.tight_layout(h_pad=0.2)
    figure.align_ylabels()
    return figure


def _edges(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return a bin a step where ratings come in few steps, `BINS` bins otherwise."""
    steps = np.unique(values)
    if 1 < len(steps) <= BINS:
        half = float(np.diff(steps).min()) / 2
        count = round((scale.maximum - scale.minimum) / (2 * half))
        if count <= BINS:
            return np.linspace(scale.minimum - half, scale.maximum + half, count + 2)
    return np.linspace(scale.minimum, scale.maximum, BINS + 1)


def _scale_axis(axis: Axes, scale: Scale, label: str) -> None:
    margin = 0.03 * (scale.maximum - scale.minimum)
    axis.set_xlim(scale.minimum - margin, scale.maximum + margin)
    end = "" if scale.good == "high" else "; low is good"
    axis.set_xlabel(f"{label}, scale {scale}{end}")
