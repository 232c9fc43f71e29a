"""Charts of the predicted harm: did it come true, do rivals do as well, and how much does it cost.

Each function takes the record and returns a matplotlib figure; `page` puts them in.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from fechner.records.prediction import BendPlace, CalibrationLine, Prediction, Rival
from fechner.report.style import ARM_NAMES, PALETTE, WIDTH, arm_colour, is_narrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LETTERS = 26
"""Of a rival's name in one line."""

MOST_LABELLED = 24
"""Dots above which a scatter leaves out the names."""


def predicted_observed(prediction: Prediction, width: float = WIDTH) -> Figure:
    """Draw observed against predicted difference, images as dots; shuffled maps beside it."""
    import matplotlib.pyplot as plt

    shuffled = np.array(prediction.shuffled)
    parts = [1.6, 1] if len(shuffled) else [1]
    if is_narrow(width):
        figure, axes = plt.subplots(
            len(parts), 1, figsize=(width, 3.4 + 1.7 * (len(parts) - 1)), height_ratios=parts,
            squeeze=False,
        )  # fmt: skip
    else:
        figure, axes = plt.subplots(
            1, len(parts), figsize=(width if len(parts) == 2 else 5.2, 3.5), width_ratios=parts,
            squeeze=False,
        )  # fmt: skip
    scatter, *rest = axes.ravel()
    _scatter(scatter, prediction)
    for axis in rest:
        _shuffled(axis, shuffled, prediction.pearson.r)
    figure.tight_layout()
    if len(prediction.images) <= MOST_LABELLED:
        _label_dots(scatter, prediction)
    return figure


def rivals(prediction: Prediction, width: float = WIDTH) -> Figure:
    """Draw each prediction's correlation, and how far the map's lies above each rival's."""
    import matplotlib.pyplot as plt

    found = prediction.rivals
    height = 0.32 * len(found) + 1.35
    if is_narrow(width):
        figure, (left, right) = plt.subplots(2, 1, figsize=(width, 2 * height), sharey=True)
    else:
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(width, height), sharey=True, width_ratios=[1.15, 1]
        )
    y = np.arange(len(found), -1, -1)
    own = prediction.pearson
    _interval(left, y[0], own.r, own.low, own.high, PALETTE["low"], filled=True)
    for at, rival in zip(y[1:], found, strict=True):
        colour = _rival_colour(rival)
        r = rival.correlation
        _interval(left, at, r.r, r.low, r.high, colour, filled=False)
        ends = rival.difference_low, rival.difference_high
        _interval(right, at, rival.difference, *ends, colour, filled=True)
    left.set_yticks(y, ["the importance map", *(_rival_name(rival) for rival in found)])
    left.set_ylim(-0.6, len(found) + 0.6)
    left.set_xlim(-1.02, 1.02)
    for axis in (left, right):
        axis.axvline(0, color=PALETTE["soft"], linewidth=0.8)
        axis.grid(axis="x")
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
    left.set_title("each prediction")
    left.set_xlabel("r with the observed harm")
    right.set_title("the map beyond each rival")
    right.set_xlabel("r of the map \N{MINUS SIGN} r of the rival")
    figure.tight_layout()
    return figure


def _interval(
    axis: Axes, y: float, at: float, low: float, high: float, colour: str, *, filled: bool
) -> None:
    axis.plot([low, high], [y, y], color=colour, linewidth=2.0 if filled else 1.2)
    face = colour if filled else PALETTE["paper"]
    axis.plot(at, y, "o", color=colour, markersize=6, markerfacecolor=face)


def _rival_colour(rival: Rival) -> str:
    return PALETTE["intact"] if rival.matched else PALETTE["accent"]


def _rival_name(rival: Rival) -> str:
    # A name may be the user's: long ones would leave no room for what they name.
    name = f"{rival.name} (matched)" if rival.matched else rival.name
    return textwrap.fill(name, MOST_LETTERS)


def calibration(prediction: Prediction, width: float = WIDTH) -> Figure:
    """Draw the drop of every degraded image against its predicted impact, with the line of all."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(width, 3.6))
    axis.axhline(0, color=PALETTE["soft"], linewidth=0.8)
    for arm in dict.fromkeys(row.arm for row in prediction.arms):
        rows = [row for row in prediction.arms if row.arm == arm]
        x, y = [row.predicted for row in rows], [row.drop for row in rows]
        r = f", r = {prediction.by_arm[arm].r:.2f}" if arm in prediction.by_arm else ""
        label = f"{ARM_NAMES.get(arm, arm)}{r}"
        axis.plot(x, y, "o", color=arm_colour(arm), markersize=6, alpha=0.85, label=label)
    ends = np.array([0.0, max(row.predicted for row in prediction.arms)])
    every = [line for line in prediction.calibration if line.arm is None]
    if every:
        _line(axis, every[0], ends)
    if prediction.bend is not None and prediction.bend.place is not None:
        _bend(axis, prediction.bend.place)
    axis.grid()
    axis.set_xlabel("predicted impact (squared grey levels)")
    axis.set_ylabel("rated below intact (points)")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1, borderaxespad=0)
    figure.tight_layout()
    return figure


def _line(axis: Axes, line: CalibrationLine, ends: np.ndarray) -> None:
    label = f"all arms: {line.intercept:.1f} points + {100 * line.slope:.2g} a 100"
    axis.plot(ends, line.intercept + line.slope * ends, color=PALETTE["ink"], label=label)


def _bend(axis: Axes, place: BendPlace) -> None:
    axis.axvspan(place.low, place.high, color=PALETTE["grid"], alpha=0.6, linewidth=0)
    axis.axvline(
        place.at, color=PALETTE["ink"], linewidth=0.9, linestyle=":",
        label=f"bends at about {place.at:.0f} ({place.low:.0f} to {place.high:.0f})",
    )  # fmt: skip


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
