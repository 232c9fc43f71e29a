"""Charts of a codec study: opinion against bytes, and who was chosen over whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fechner.records.claims.codec_claim import CodecClaim
from fechner.report.style import PALETTE, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("low", "high", "donor", "accent", "ink")
"""Colours of the arms, in the order of the claim: the one that is held better comes first."""
MARKS = "osD^v"


def arm_looks(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return colour and mark of each arm."""
    return {
        name: (PALETTE[COLOURS[k % len(COLOURS)]], MARKS[k % len(MARKS)])
        for k, name in enumerate(names)
    }


def opinion_curves(claim: CodecClaim) -> Figure:
    """Draw opinion against bytes, one curve an arm."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    looks = arm_looks([claim.rule.codec.better, *claim.rule.codec.than])
    ends = []
    for name, (colour, mark) in looks.items():
        own = sorted((one for one in claim.curve if one.arm == name), key=lambda one: one.bytes)
        sizes, opinion = [one.bytes / 1000 for one in own], [one.opinion for one in own]
        axis.plot(
            sizes, opinion, color=colour, marker=mark, markersize=6, linewidth=1.8, label=name
        )
        ends += sizes
    axis.set_xscale("log")
    ticks = np.unique(np.round(np.geomspace(min(ends), max(ends), 5), 1))
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_xticks([], minor=True)
    axis.set_xlabel("bytes of the coded file, thousands, geometric mean over images (log scale)")
    unit = "JND" if claim.paired else "points"
    axis.set_ylabel(f"{claim.dimension}, {unit} above the mean")
    axis.grid(axis="y")
    axis.legend(loc="upper left")
    figure.tight_layout()
    return figure


def chosen_matrix(compared: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw how often each arm was chosen over each other at equal rate, one panel a rate.

    Parameters
    ----------
    compared
        The table of `comparisons.with_conditions`, without those who were left out.
    names
        The arms.
    """
    import matplotlib.pyplot as plt

    same = compared[compared["level_first"] == compared["level_second"]]
    levels = sorted({int(level) for level in same["level_first"] if level > 0})
    figure, axes = plt.subplots(
        1, len(levels), figsize=(WIDTH, 0.9 + 1.9 / max(1, len(levels) / 2)), squeeze=False
    )
    for axis, level in zip(axes[0], levels, strict=True):
        shares = _shares(same[same["level_first"] == level], names)
        axis.imshow(shares, vmin=0, vmax=1, cmap="PuOr", alpha=0.75)
        for row, column in np.ndindex(shares.shape):
            if np.isfinite(shares[row, column]):
                axis.text(
                    column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center",
                    color="#1b1b1a", fontsize=9,
                )  # fmt: skip
        axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axis.set_yticks(range(len(names)), names if axis is axes[0][0] else [""] * len(names))
        axis.set_title(f"rate {level}")
        axis.tick_params(length=0)
    axes[0][0].set_ylabel("chosen, % ...")
    figure.supxlabel("... over", fontsize=9)
    figure.tight_layout()
    return figure


def _shares(rows: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    found = np.full((len(names), len(names)), np.nan)
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            ahead = rows[(rows["region_first"] == first) & (rows["region_second"] == second)]
            back = rows[(rows["region_first"] == second) & (rows["region_second"] == first)]
            shares = np.concatenate([ahead["share"], 1 - back["share"]])
            if a != b and len(shares):
                found[a, b] = shares.mean()
    return found
