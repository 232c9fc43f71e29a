"""Charts of what a layer study compares: fitted weights, accuracy, and differences of rows.

`layer_figures` says which figure of the paper each is, and draws those against depth.
"""

from __future__ import annotations

import textwrap
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.distances.table import YARDSTICK
from fechner.analysis.network.layers.factors import ACCURACIES
from fechner.report.layers.layer_figures import NO_WEIGHTS, span_of
from fechner.report.layers.line_labels import LABEL_HEIGHT, height_of, kept_apart
from fechner.report.style import PALETTE, WIDTH, is_narrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = dict[Hashable, Any]

MOST_DIFFERENCES = 24
"""Rows of a forest above which only those furthest from 0 are drawn."""


def crossed_weights(crossed: pd.DataFrame, width: float = WIDTH) -> Figure:
    """Draw what fine-tuned weights reach on the set that fitted them and on others.

    First panel: all channels alike (open) and fine-tuned (filled); second: the gain, with its
    interval.
    """
    import matplotlib.pyplot as plt

    narrow, height = is_narrow(width), 0.36 * len(crossed) + 1.0
    figure, axes = plt.subplots(
        *((2, 1) if narrow else (1, 2)), figsize=(width, (1 + narrow) * height), sharey=True,
        width_ratios=None if narrow else (3, 2),
    )  # fmt: skip
    y = np.arange(len(crossed))[::-1]
    rows = crossed.to_dict("records")
    for at, row in zip(y, rows, strict=True):
        itself = row["fitted_on"] == row["judged_on"]
        colour = PALETTE["accent"] if itself else PALETTE["low"]
        before, after = row["before"], row["after"]
        axes[0].plot([before, after], [at, at], color=colour, linewidth=1.0)
        axes[0].plot(before, at, "o", color=colour, markerfacecolor=PALETTE["paper"], markersize=6)
        axes[0].plot(after, at, "o", color=colour, markersize=6)
        axes[1].plot([row["low"], row["high"]], [at, at], color=colour, linewidth=2.2, alpha=0.6)
        axes[1].plot(after - before, at, "o", color=colour, markersize=6)
    several = len({_place(row) for row in rows}) > 1
    axes[0].set_yticks(y, [_crossed_label(row, place=several) for row in rows])
    axes[0].set_ylim(-0.6, len(crossed) - 0.4)
    axes[0].set_xlabel("Spearman with DMOS")
    axes[1].axvline(0, color=PALETTE["soft"], linewidth=0.8)
    axes[1].set_xlabel("gain")
    for axis in axes:
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        axis.grid(axis="x")
        axis.locator_params(axis="x", nbins=6)
    figure.tight_layout()
    return figure


def _place(row: Row) -> str:
    return " ".join(str(row[key]) for key in ("network", "layer", "readout") if row.get(key))


def _crossed_label(row: Row, *, place: bool) -> str:
    judged = row["judged_on"]
    if row["fitted_on"] == judged:
        rest = {"image": "its other images", "reference": "its other references"}
        judged = rest.get(str(row.get("part")), "its rest")
    arrow = f"{row['fitted_on']} \N{RIGHTWARDS ARROW} {judged}"
    return f"{_place(row)}\n{arrow}" if place else arrow


def rows_with_accuracy(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the best row of each network whose accuracy on ImageNet is published."""
    best = best_rows(rows)
    return best[best["network"].isin(ACCURACIES)]


def against_accuracy(best: pd.DataFrame, width: float = WIDTH) -> Figure:
    """Draw each network's best correlation (`rows_with_accuracy`) against its accuracy."""
    import matplotlib.pyplot as plt

    x = np.array([ACCURACIES[name].percent for name in best["network"]])
    figure, axis = plt.subplots(figsize=(width, 3.4))
    axis.vlines(x, best["low"], best["high"], color=PALETTE["accent"], linewidth=2, alpha=0.5)
    axis.plot(x, best["spearman"], "o", color=PALETTE["accent"], markersize=6)
    axis.set_xlim(x.min() - 4, x.max() + 4)
    axis.set_ylim(*span_of([best["low"], best["high"], best["spearman"]]))
    axis.set_xlabel("published top-1 accuracy on ImageNet (%)")
    axis.set_ylabel("best Spearman with DMOS")
    axis.grid()
    if is_narrow(width):
        _number_dots(figure, axis, x, best)
    else:
        figure.tight_layout()
        _name_dots(axis, x, best)
    return figure


def _number_dots(figure: Figure, axis: Axes, x: NDArray[np.float64], rows: pd.DataFrame) -> None:
    """Write numbers at the dots from left to right, and their names below the panel."""
    named = []
    ordered = sorted(zip(x, rows.to_dict("records"), strict=True), key=lambda pair: pair[0])
    for number_, (at, row) in enumerate(ordered, start=1):
        axis.annotate(
            str(number_), (at, row["spearman"]), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=8.5,
        )  # fmt: skip
        named.append(f"{number_}  {row['network']} {row['layer']}, {row['readout']}")
    width, height = figure.get_size_inches()
    room = 0.19 * len(named) + 0.1
    figure.set_size_inches(width, height + room)
    figure.tight_layout(rect=(0, room / (height + room), 1, 1))
    figure.text(
        0.02, 0.08 / (height + room), "\n".join(named), va="bottom", fontsize=8.5, linespacing=1.4
    )


def _name_dots(axis: Axes, x: NDArray[np.float64], rows: pd.DataFrame) -> None:
    """Name each dot beside it, on the side where there is room; names keep apart."""
    low, high = axis.get_ylim()
    height = height_of(axis)
    least = 2.3 * LABEL_HEIGHT * (high - low) / height
    middle = float(np.mean(axis.get_xlim()))
    for side in (1, -1):
        mine = [
            (row["spearman"], at, f"{row['network']}\n{row['layer']}, {row['readout']}")
            for at, row in zip(x, rows.to_dict("records"), strict=True)
            if (at <= middle) == (side > 0)
        ]
        mine.sort()
        places = kept_apart([y for y, *_ in mine], least, low + least / 2, high - least / 2)
        edge = max((at for _, at, _ in mine), default=0.0) if side > 0 else min(
            (at for _, at, _ in mine), default=0.0
        )  # fmt: skip
        for (y, at, name), place in zip(mine, places, strict=True):
            axis.annotate(
                name, (at, y), xytext=(edge + 1.2 * side, place), fontsize=8, va="center",
                ha="left" if side > 0 else "right",
                arrowprops={"arrowstyle": "-", "color": PALETTE["soft"], "linewidth": 0.6},
            )  # fmt: skip


def best_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the row with the highest correlation of each network, all channels alike."""
    mine = rows[rows["weights"].isin(NO_WEIGHTS) & (rows["network"] != YARDSTICK)]
    mine = mine[mine["spearman"].notna()]
    return mine.loc[mine.groupby("network", sort=False)["spearman"].idxmax()]


def difference_forest(differences: pd.DataFrame, width: float = WIDTH) -> Figure:
    """Draw differences between rows: thick over references, thin over kinds of distortion."""
    import matplotlib.pyplot as plt

    rows = differences
    if len(rows) > MOST_DIFFERENCES:
        furthest = rows["difference"].abs().nlargest(MOST_DIFFERENCES).index
        rows = rows.loc[sorted(furthest)]
    narrow = is_narrow(width)
    names, about = _named_differences(rows, joint="\n" if narrow else " ")
    lines = max(name.count("\n") + 1 for name in names) if narrow else 0
    figure, axis = plt.subplots(figsize=(width, (0.33 + 0.15 * lines) * len(rows) + 1.4))
    y = np.arange(len(rows))[::-1]
    axis.axvline(0, color=PALETTE["soft"], linewidth=0.8)
    for at, row in zip(y, rows.to_dict("records"), strict=True):
        _draw_difference(axis, at, row)
    axis.set_ylim(-0.7, len(rows) - 0.4)
    if narrow:
        axis.set_ylim(-0.6, len(rows) - 0.1)
        axis.set_yticks([])
        for at, name in zip(y, names, strict=True):
            axis.text(
                0, at + 0.2, name, transform=axis.get_yaxis_transform(), va="bottom", fontsize=8.5
            )
    else:
        axis.set_yticks(y, names, fontsize=8.5)
        axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")
    _explain_below(figure, axis, about)
    return figure


def _named_differences(rows: pd.DataFrame, *, joint: str) -> tuple[list[str], str]:
    """Return the name of each difference, and what a difference is."""
    second = {spoken(name) for name in rows["second"]}
    if len(second) == 1:
        names = [spoken(name) for name in rows["first"]]
        return names, (
            f"Spearman minus that of {second.pop()}; right of 0, the named one agrees better"
        )
    names = [
        f"{spoken(first)}{joint}\N{MINUS SIGN} {spoken(second)}"
        for first, second in zip(rows["first"], rows["second"], strict=True)
    ]
    return names, "difference of Spearman; right of 0, the first agrees better"


def _draw_difference(axis: Axes, at: float, row: Row) -> None:
    colour = PALETTE["low"]
    axis.plot([row["low"], row["high"]], [at, at], color=colour, linewidth=3.2, alpha=0.75,
              solid_capstyle="butt", label="95 % over references")  # fmt: skip
    if pd.notna(row.get("low_types")):
        axis.plot(
            [row["low_types"], row["high_types"]], [at - 0.22] * 2, color=PALETTE["high"],
            linewidth=1.2, label="95 % over kinds of distortion",
        )  # fmt: skip
    axis.plot(row["difference"], at, "o", color=colour, markersize=5)


def _explain_below(figure: Figure, axis: Axes, about: str) -> None:
    """Write below the panel what a difference is, and what thick and thin lines are."""
    width, height = figure.get_size_inches()
    handles, labels = axis.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    columns = 1 if is_narrow(width) else 2
    said = textwrap.wrap(about, 60) if is_narrow(width) else [about]
    legend = 0.19 * -(-len(once) // columns) + 0.1
    room = legend + 0.17 * len(said) + 0.05
    figure.tight_layout(rect=(0, room / height, 1, 1))
    figure.text(0.99, (room - 0.03) / height, "\n".join(said), ha="right", va="top")
    figure.legend(once.values(), once.keys(), loc="lower right", ncols=columns)


def spoken(name: str) -> str:
    """Return the name of a distance in a table of differences in words.

    Examples
    --------
    >>> spoken("alexnet/features.9/euclid/none"), spoken("yardstick/fsim/fsim/none")
    ('alexnet features.9 euclid', 'fsim')
    """
    network, *rest = name.split("/")
    if network == YARDSTICK and rest:
        return rest[0]
    return " ".join([network, *[part for part in rest if part not in NO_WEIGHTS]])
