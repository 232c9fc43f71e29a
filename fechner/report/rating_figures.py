"""Charts of what participants did: arms, differences, images, and the predicted harm.

Each function takes records and arrays and returns a matplotlib figure; `page` puts them in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fechner.analysis.ratings.matrices import Differences
from fechner.records.claim import Claim, ImageContrast
from fechner.records.contrasts.contrast import Contrast
from fechner.records.prediction import Prediction
from fechner.report.style import (
    ARM_NAMES,
    PALETTE,
    WIDTH,
    arm_colour,
    jitter,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELLED = 24
"""Dots above which a scatter leaves out the names."""

MOST_NAMED = 40
"""Rows above which a chart leaves out the names."""


def contrast_forest(claim: Claim) -> Figure:
    """Draw every contrast under every model with its interval; the deciding ones are filled."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(row.name for row in claim.contrasts))
    figure, axes = plt.subplots(
        1, len(names), figsize=(WIDTH, 0.34 * _most_models(claim) + 1.0), sharex=True, squeeze=False
    )
    for axis, name in zip(axes[0], names, strict=True):
        rows = [row for row in claim.contrasts if row.name == name]
        _forest(axis, rows, arm_colour(name.split(" - ")[0]))
        axis.set_title(_contrast_title(name))
        axis.set_xlabel("points; right of 0, the first is better")
    figure.tight_layout()
    return figure


def _most_models(claim: Claim) -> int:
    names = [row.name for row in claim.contrasts]
    return max(names.count(name) for name in names)


def _contrast_title(name: str) -> str:
    return name.replace(" - ", " \N{MINUS SIGN} ")


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


def arm_drops(claim: Claim) -> Figure:
    """Draw how far each arm fell below the intact image: images as dots, mean with interval."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(WIDTH, 0.62 * len(claim.drops) + 0.9))
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
    axis.set_yticks(range(len(arms)), [ARM_NAMES.get(arm, arm) for arm in reversed(arms)])
    axis.set_ylim(-0.55, len(arms) - 0.45)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")
    axis.set_xlabel("rated below the intact image (points)")
    figure.tight_layout()
    return figure


def difference_heatmap(table: Differences) -> Figure:
    """Draw the participant by image differences, both sorted by their means."""
    import matplotlib.pyplot as plt

    rows = np.argsort(np.nanmean(table.values, axis=1))[::-1]
    columns = np.argsort(np.nanmean(table.values, axis=0))[::-1]
    values = table.values[np.ix_(rows, columns)]
    height = float(np.clip(0.2 * len(rows) + 1.3, 2.4, 7.0))
    figure, axis = plt.subplots(figsize=(WIDTH, height))
    limit = float(np.nanquantile(np.abs(values), 0.98)) or 1.0
    image = axis.imshow(values, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
    _name_ticks(axis, [table.images[k] for k in columns], [table.participants[k] for k in rows])
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.tick_params(length=0)
    bar = figure.colorbar(image, ax=axis, fraction=0.03, pad=0.02, extend="both", extendfrac=0.03)
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


def image_effects(claim: Claim) -> Figure:
    """Draw the claim's contrasts image by image with their intervals, sorted by the first."""
    import matplotlib.pyplot as plt

    contrasts = list(dict.fromkeys(row.name for row in claim.contrasts))
    shown = [[row for row in claim.images if row.name == name] for name in contrasts]
    shown = [rows for rows in shown if rows]
    names = [row.image for row in sorted(shown[0], key=lambda row: row.estimate)]
    figure, axis = plt.subplots(figsize=(WIDTH, float(np.clip(0.24 * len(names) + 1.1, 2, 9))))
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
    axis.legend(loc="upper left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0, handlelength=1)
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


def predicted_observed(prediction: Prediction) -> Figure:
    """Draw observed against predicted difference, images as dots; shuffled maps beside it."""
    import matplotlib.pyplot as plt

    shuffled = np.array(prediction.shuffled)
    panels = 2 if len(shuffled) else 1
    widths = [1.6, 1][:panels]
    figure, axes = plt.subplots(
        1, panels, figsize=(WIDTH if panels == 2 else 5.2, 3.5), width_ratios=widths, squeeze=False
    )
    _scatter(axes[0, 0], prediction)
    if panels == 2:
        _shuffled(axes[0, 1], shuffled, prediction.pearson.r)
    figure.tight_layout()
    if len(prediction.images) <= MOST_LABELLED:
        _label_dots(axes[0, 0], prediction)
    return figure


def arms_observed(prediction: Prediction) -> Figure:
    """Draw the drop of every degraded image against its predicted impact, arms in colour."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    axis.axhline(0, color=PALETTE["soft"], linewidth=0.8)
    for arm in dict.fromkeys(row.arm for row in prediction.arms):
        rows = [row for row in prediction.arms if row.arm == arm]
        x, y = [row.predicted for row in rows], [row.drop for row in rows]
        r = f", r = {prediction.by_arm[arm].r:.2f}" if arm in prediction.by_arm else ""
        label = f"{ARM_NAMES.get(arm, arm)}{r}"
        axis.plot(x, y, "o", color=arm_colour(arm), markersize=6, alpha=0.85, label=label)
    axis.grid()
    axis.set_xlabel("predicted impact (squared grey levels)")
    axis.set_ylabel("rated below intact (points)")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1, borderaxespad=0)
    figure.tight_layout()
    return figure


def _scatter(axis: Axes, prediction: Prediction) -> None:
    x = np.array([row.predicted for row in prediction.images])
    y = np.array([row.observed for row in prediction.images])
    error = np.array([row.observed_error for row in prediction.images])
    axis.axhline(0, color=PALETTE["soft"], linewidth=0.8)
    axis.vlines(x, y - error, y + error, color=PALETTE["low"], linewidth=1, alpha=0.6)
    axis.plot(x, y, "o", color=PALETTE["low"], markersize=6)
    if np.ptp(x) > 0:
        slope, start = np.polyfit(x, y, 1)
        ends = np.array([x.min(), x.max()])
        axis.plot(ends, start + slope * ends, color=PALETTE["ink"], linewidth=1)
    axis.grid()
    axis.margins(x=0.12, y=0.08)
    axis.set_title(f"r = {prediction.pearson.r:.2f}, p = {prediction.pearson.p:.3f}")
    axis.set_xlabel("predicted: impact of high \N{MINUS SIGN} low (squared grey levels)")
    axis.set_ylabel("observed: rating of low \N{MINUS SIGN} high (points)")


def _label_dots(axis: Axes, prediction: Prediction) -> None:
    """Name each dot on the first of four sides where no dot and no earlier name is in the way."""
    names = [row.image for row in prediction.images]
    x = np.array([row.predicted for row in prediction.images])
    y = np.array([row.observed for row in prediction.images])
    dots = axis.transData.transform(np.column_stack([x, y]))
    taken = [(px - 4, py - 4, px + 4, py + 4) for px, py in dots]
    for k in np.argsort(-dots[:, 1]):
        width = 4.3 * len(names[k])
        for dx, dy in ((6, 2), (-6 - width, 2), (6, -9), (-6 - width, -9)):
            left, bottom = dots[k, 0] + dx, dots[k, 1] + dy
            box = (left, bottom, left + width, bottom + 8)
            if not any(_overlap(box, other) for other in taken):
                break
        else:
            continue
        taken.append(box)
        axis.annotate(
            names[k], (x[k], y[k]), xytext=(dx, dy), textcoords="offset points",
            fontsize=7.5, color=PALETTE["soft"],
        )  # fmt: skip


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _shuffled(axis: Axes, shuffled: np.ndarray, r: float) -> None:
    axis.hist(shuffled, bins=24, color=PALETTE["grid"], edgecolor=PALETTE["soft"], linewidth=0.5)
    axis.axvline(r, color=PALETTE["low"], linewidth=2)
    axis.set_title("maps of other images")
    axis.set_xlabel("r")
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
