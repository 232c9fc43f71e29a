"""Charts of what a layer study compares: fitted weights, accuracy, and differences of rows.

`layer_figures` says which figure of the paper each is, and draws those against depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.distances.table import YARDSTICK
from fechner.analysis.network.layers.factors import ACCURACIES
from fechner.report.style import PALETTE, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
from fechner.report.layers.layer_figures import (
    LABEL_HEIGHT,
    NO_WEIGHTS,
    height_of,
    kept_apart,
    span_of,
)

MOST_DIFFERENCES = 24
"""Rows of a forest above which only those furthest from 0 are drawn."""


def crossed_weights(crossed: pd.DataFrame) -> Figure:
    """Draw what fine-tuned weights reach on the set that fitted them and on others.

    Left: all channels alike (open) and fine-tuned (filled); right: the gain with its interval.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, 2, figsize=(WIDTH, 0.36 * len(crossed) + 1.0), sharey=True, width_ratios=(3, 2)
    )
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


def _place(row: dict) -> str:
    return " ".join(str(row[key]) for key in ("network", "layer", "readout") if row.get(key))


def _crossed_label(row: dict, *, place: bool) -> str:
    judged = row["judged_on"]
    if row["fitted_on"] == judged:
        rest = {"image": "its other images", "reference": "its other references"}
        judged = rest.get(str(row.get("part")), "its rest")
    arrow = f"{row['fitted_on']} \N{RIGHTWARDS ARROW} {judged}"
    return f"{_place(row)}\n{arrow}" if place else arrow


def against_accuracy(rows: pd.DataFrame) -> Figure | None:
    """Draw each network's best correlation against its published accuracy on ImageNet.

    None where fewer than two networks have a published accuracy.
    """
    import matplotlib.pyplot as plt

    best = best_rows(rows)
    best = best[best["network"].isin(ACCURACIES)]
    if len(best) < 2:
        return None
    x = np.array([ACCURACIES[name].percent for name in best["network"]])
    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    axis.vlines(x, best["low"], best["high"], color=PALETTE["accent"], linewidth=2, alpha=0.5)
    axis.plot(x, best["spearman"], "o", color=PALETTE["accent"], markersize=6)
    axis.set_xlim(x.min() - 4, x.max() + 4)
    axis.set_ylim(*span_of([best["low"], best["high"], best["spearman"]]))
    axis.set_xlabel("published top-1 accuracy on ImageNet (%)")
    axis.set_ylabel("best Spearman with DMOS")
    axis.grid()
    figure.tight_layout()
    _name_dots(axis, x, best)
    return figure


def _name_dots(axis: Axes, x: NDArray, rows: pd.DataFrame) -> None:
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


def difference_forest(differences: pd.DataFrame) -> Figure:
    """Draw differences between rows: thick over references, thin over kinds of distortion."""
    import matplotlib.pyplot as plt

    rows = differences
    if len(rows) > MOST_DIFFERENCES:
        furthest = rows["difference"].abs().nlargest(MOST_DIFFERENCES).index
        rows = rows.loc[sorted(furthest)]
    second = {spoken(name) for name in rows["second"]}
    if len(second) == 1:
        names = [spoken(name) for name in rows["first"]]
        about = f"Spearman minus that of {second.pop()}; right of 0, the named one agrees better"
    else:
        names = [
            f"{spoken(first)} \N{MINUS SIGN} {spoken(second)}"
            for first, second in zip(rows["first"], rows["second"], strict=True)
        ]
        about = "difference of Spearman; right of 0, the first agrees better"
    figure, axis = plt.subplots(figsize=(WIDTH, 0.33 * len(rows) + 1.2))
    y = np.arange(len(rows))[::-1]
    axis.axvline(0, color=PALETTE["soft"], linewidth=0.8)
    has_types = "low_types" in rows
    colour = PALETTE["low"]
    for at, row in zip(y, rows.to_dict("records"), strict=True):
        axis.plot([row["low"], row["high"]], [at, at], color=colour, linewidth=3.2, alpha=0.75,
                  solid_capstyle="butt", label="95 % over references")  # fmt: skip
        if has_types and pd.notna(row["low_types"]):
            axis.plot(
                [row["low_types"], row["high_types"]], [at - 0.22] * 2, color=PALETTE["high"],
                linewidth=1.2, label="95 % over kinds of distortion",
            )  # fmt: skip
        axis.plot(row["difference"], at, "o", color=colour, markersize=5)
    axis.set_yticks(y, names, fontsize=8.5)
    axis.set_ylim(-0.7, len(rows) - 0.4)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")
    handles, labels = axis.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    height = figure.get_size_inches()[1]
    figure.tight_layout(rect=(0, 0.5 / height, 1, 1))
    figure.text(0.99, 0.36 / height, about, ha="right", va="center")
    figure.legend(once.values(), once.keys(), loc="lower right", ncols=2)
    return figure


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
