"""The figure of `fechner maps judge`: how maps agree with people, and what they add to contrast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fechner.provenance import atomic_path
from fechner.report.style import PALETTE, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def judge_figure(judge: pd.DataFrame, *, title: str = "", simulated: bool = False) -> Figure:
    """Draw agreement above and its difference from contrast energy below, a column an error.

    Parameters
    ----------
    judge
        The table of `records.map_worth.judged`.
    title
        What was judged.
    simulated
        Whether to stamp SIMULATED onto it.

    Returns
    -------
    Figure
        Maps are filled dots, rivals open ones; lines are 95 % over references.
    """
    import matplotlib.pyplot as plt

    errors = list(dict.fromkeys(judge["error"]))
    first = judge[judge["error"] == errors[0]].sort_values(
        ["kind", "spearman"], ascending=[False, True]
    )
    places = {name: row for row, name in enumerate(first["map"])}
    height = 1.3 + 2 * 0.19 * len(places)
    with drawing():
        figure, axes = plt.subplots(
            2, len(errors), figsize=(2.6 + 1.9 * len(errors), height), sharey=True, sharex="row",
            layout="constrained", squeeze=False,
        )  # fmt: skip
        for column, error in enumerate(errors):
            part = judge[judge["error"] == error]
            _dots(axes[0, column], part, places, "spearman")
            _dots(axes[1, column], part, places, "minus_contrast")
            axes[0, column].set(title=error, xlabel="Spearman with DMOS")
            axes[1, column].set_xlabel("minus contrast energy")
            axes[1, column].axvline(0, color=PALETTE["ink"], lw=0.8)
        for axis in axes[:, 0]:
            axis.set_yticks(list(places.values()), list(places))
            axis.set_ylim(-0.6, len(places) - 0.4)
        figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)
        figure.supxlabel(
            "filled: maps, open: their rivals; lines: 95 %, whole references drawn anew",
            fontsize=7.5, color=PALETTE["soft"],
        )  # fmt: skip
        if simulated:
            figure.text(0.995, 0.995, "SIMULATED", ha="right", va="top", color=PALETTE["stamp"],
                        fontweight="bold")  # fmt: skip
    return figure


def _dots(axis: Axes, part: pd.DataFrame, places: dict[str, int], value: str) -> None:
    for kind, face in (("map", PALETTE["high"]), ("rival", PALETTE["paper"])):
        rows = part[(part["kind"] == kind) & part[value].notna()]
        at = rows["map"].map(places)
        colour = PALETTE["high"] if kind == "map" else PALETTE["intact"]
        axis.hlines(at, rows[f"{value}_low"], rows[f"{value}_high"], color=colour, lw=1.2)
        axis.plot(rows[value], at, "o", color=colour, mfc=face, ms=4.5)
    axis.grid(axis="x")


def write_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all, and close it; return the path."""
    import matplotlib.pyplot as plt

    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=160, facecolor=PALETTE["paper"], format="png")
    plt.close(figure)
    return path
