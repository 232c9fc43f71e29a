"""Charts of what participants did: arms, differences and images.

Each function takes records and arrays and returns a matplotlib figure; `page` puts them in.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from fechner.analysis.ratings.matrices import Differences
from fechner.records.claims.claim import Claim, ImageContrast
from fechner.records.contrasts.contrast import Contrast
from fechner.report.style import (
    ARM_NAMES,
    PALETTE,
    WIDTH,
    arm_colour,
    is_narrow,
    jitter,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED = 40
"""Rows above which a chart leaves out the names."""


def contrast_forest(claim: Claim, width: float = WIDTH) -> Figure:
    """Draw every contrast under every model with its interval; the deciding ones are filled."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(row.name for row in claim.contrasts))
    panels = (len(names), 1) if is_narrow(width) else (1, len(names))
    height = (0.34 * _most_models(claim) + 1.0) * panels[0]
    figure, axes = plt.subplots(*panels, figsize=(width, height), sharex=True, squeeze=False)
    for axis, name in zip(axes.ravel(), names, strict=True):
        rows = [row for row in claim.contrasts if row.name == name]
        _forest(axis, rows, arm_colour(name.split(" - ")[0]))
        axis.set_title(_contrast_title(name))
        axis.set_xlabel("points; right of 0, the first is better")
    figure.tight_layout()
    return figure


def _most_models(claim: Claim) -> int:
    names = [row.name for row in claim.contrasts]
    return max(names.count(name) for name in names)


REGIONS = {"low": "unimportant", "high": "important", "donor": "other mask"}
"""What is degraded in an arm, in the fewest words."""


def _contrast_title(name: str) -> str:
    return " \N{MINUS SIGN} ".join(REGIONS.get(arm, arm) for arm in name.split(" - "))


def _forest(axis: Axes, rows: Sequence[Contrast], colour: str) -> None:
    y = np.arange(len(rows))[::-1]
    axis.axvline(0, color=PALETTE["soft"], linewidth=0.8)
    for at, row in zip(y, rows, strict=True):
        axis.plot([row.low, row.high], [at, at], color=colour, linewidth=2.2 if row.decides else 1)
        axis.plot(
            row.estimate, at, "o", color=colour, markersize=6,
            markerfacecolor=colour if row.decides else PALETTE["paper"],
        )  # fmt: skip
    labels = [f"{row.model} (decides)" if row.decides else row.model for row in rows]
    axis.set_yticks(y, labels)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")


def arm_drops(claim: Claim, width: float = WIDTH) -> Figure:
    """Draw how far each arm fell below the intact image: images as dots, mean with interval."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(width, 0.62 * len(claim.drops) + 0.9))
    arms = [row.name.split(" - ")[1] for row in claim.drops]
    for at, (arm, drop) in enumerate(zip(reversed(arms), reversed(claim.drops), strict=True)):
        means = np.array([row.estimate for row in claim.images if row.name == drop.name])
        colour = arm_colour(arm)
        axis.plot(
            means, at + jitter(len(means), 0.16), "o", color=colour, alpha=0.4, markersize=4,
            markeredgewidth=0,
        )  # fmt: skip
        axis.plot([drop.low, drop.high], [at, at], color=colour, linewidth=2.4)
        axis.plot(drop.estimate, at, "o", color=colour, markersize=8)
    axis.axvline(0, color=PALETTE["soft"], linewidth=0.8)
    names = [ARM_NAMES.get(arm, arm) for arm in reversed(arms)]
    if is_narrow(width):
        names = [fill(name, 16) for name in names]
    axis.set_yticks(range(len(arms)), names)
    axis.set_ylim(-0.55, len(arms) - 0.45)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")
    axis.set_xlabel("rated below the intact image (points)")
    figure.tight_layout()
    return figure


def difference_heatmap(table: Differences, width: float = WIDTH) -> Figure:
    """Draw the participant by image differences, both sorted by their means."""
    import matplotlib.pyplot as plt

    rows = np.argsort(np.nanmean(table.values, axis=1))[::-1]
    columns = np.argsort(np.nanmean(table.values, axis=0))[::-1]
    values = table.values[np.ix_(rows, columns)]
    height = float(np.clip(0.2 * len(rows) + 1.3, 2.4, 7.0))
    figure, axis = plt.subplots(figsize=(width, height))
    limit = float(np.nanquantile(np.abs(values), 0.98)) or 1.0
    image = axis.imshow(values, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
    _name_ticks(axis, [table.images[k] for k in columns], [table.participants[k] for k in rows])
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.tick_params(length=0)
    bar = figure.colorbar(
        image, ax=axis, fraction=0.03 * WIDTH / width, pad=0.02, extend="both", extendfrac=0.03
    )
    bar.outline.set_visible(False)
    bar.set_label(f"{_contrast_title(table.name)} (points)")
    figure.tight_layout()
    return figure


def _name_ticks(axis: Axes, columns: list[str], rows: list[str]) -> None:
    if len(columns) <= MOST_NAMED:
        axis.set_xticks(
            range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor"
        )
    else:
        axis.set_xticks([])
        axis.set_xlabel(f"{len(columns)} images")
    if len(rows) <= MOST_NAMED:
        axis.set_yticks(range(len(rows)), rows)
    else:
        axis.set_yticks([])
        axis.set_ylabel(f"{len(rows)} participants")


def image_effects(claim: Claim, width: float = WIDTH) -> Figure:
    """Draw the claim's contrasts image by image with their intervals, sorted by the first."""
    import matplotlib.pyplot as plt

    contrasts = list(dict.fromkeys(row.name for row in claim.contrasts))
    shown = [[row for row in claim.images if row.name == name] for name in contrasts]
    shown = [rows for rows in shown if rows]
    names = [row.image for row in sorted(shown[0], key=lambda row: row.estimate)]
    figure, axis = plt.subplots(figsize=(width, float(np.clip(0.24 * len(names) + 1.1, 2, 9))))
    axis.axvline(0, color=PALETTE["soft"], linewidth=0.8)
    shifts = np.linspace(0.15, -0.15, len(shown)) if len(shown) > 1 else [0.0]
    for rows, shift in zip(shown, shifts, strict=True):
        _image_dots(axis, [row for row in rows if row.image in names], names, float(shift))
    named = names if len(names) <= MOST_NAMED else []
    axis.set_yticks(range(len(named)), named)
    axis.set_ylim(-0.7, len(names) - 0.3)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")
    axis.set_xlabel("difference in rating (points)")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0, handlelength=1)
    figure.tight_layout()
    return figure


def _image_dots(axis: Axes, rows: Sequence[ImageContrast], names: list[str], shift: float) -> None:
    colour = arm_colour(rows[0].name.split(" - ")[0])
    y = np.array([names.index(row.image) for row in rows]) + shift
    for at, row in zip(y, rows, strict=True):
        if row.low is not None and row.high is not None:
            axis.hlines(at, row.low, row.high, color=colour, linewidth=1.2)
    means = [row.estimate for row in rows]
    axis.plot(means, y, "o", color=colour, markersize=5, label=_contrast_title(rows[0].name))
