"""Charts of a codec study: opinion against bytes, and who was chosen over whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fechner.records.claims.codec_claim import CodecClaim
from fechner.report.style import PALETTE, WIDTH, is_narrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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


def opinion_curves(claim: CodecClaim, width: float = WIDTH) -> Figure:
    """Draw opinion against bytes, one curve an arm."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(width, 3.4))
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
    between = "\n" if is_narrow(width) else " "
    axis.set_xlabel(
        f"bytes of the coded file, thousands,{between}geometric mean over images (log scale)"
    )
    unit = "JND" if claim.paired else "points"
    axis.set_ylabel(f"{claim.dimension}, {unit} above the mean")
    axis.grid(axis="y")
    axis.legend(loc="upper left")
    figure.tight_layout()
    return figure


def chosen_matrix(shares: pd.DataFrame, arms: Sequence[str], width: float = WIDTH) -> Figure:
    """Draw how often each arm was chosen over each other at equal rate, one panel a rate.

    Parameters
    ----------
    shares
        The table of `judged_pairs.chosen_shares`.
    arms
        Names of the arms.
    width
        Of the figure in inches.
    """
    import matplotlib.pyplot as plt

    rates = sorted(set(shares["rate"]))
    columns = min(max(len(rates), 1), 2 if is_narrow(width) else 4)
    lines = -(-max(len(rates), 1) // columns)
    side = min((width - 1.2) / columns, 2.4)
    figure, axes = plt.subplots(
        lines, columns, figsize=(width, (side + 0.7) * lines + 0.4), squeeze=False
    )
    for axis in axes.flat[len(rates) :]:
        axis.set_visible(False)
    for axis, rate in zip(axes.flat, rates, strict=False):
        _draw_shares(axis, shares[shares["rate"] == rate], arms, named=axis in axes[:, 0])
        axis.set_title(f"rate {rate}")
    figure.supylabel("chosen, % \N{HORIZONTAL ELLIPSIS}", fontsize=9)
    figure.supxlabel("\N{HORIZONTAL ELLIPSIS} over", fontsize=9)
    figure.tight_layout()
    return figure


def _draw_shares(axis: Axes, rows: pd.DataFrame, arms: Sequence[str], *, named: bool) -> None:
    import matplotlib
    from matplotlib.patches import Rectangle

    colours = matplotlib.colormaps["PuOr"]
    for arm, over, share in zip(rows["arm"], rows["over"], rows["share"], strict=True):
        row, column = arms.index(arm), arms.index(over)
        axis.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, color=colours(float(share)), alpha=0.75)
        )
        # Black on the colours of the cells, which do not follow the page into the dark.
        axis.text(
            column, row, f"{100 * share:.0f}", ha="center", va="center", color="black", fontsize=9
        )
    edge = len(arms) - 0.5
    axis.set(xlim=(-0.5, edge), ylim=(edge, -0.5), aspect="equal")
    axis.set_xticks(range(len(arms)), arms, rotation=30, ha="right")
    axis.set_yticks(range(len(arms)), arms if named else [""] * len(arms))
    axis.tick_params(length=0)
