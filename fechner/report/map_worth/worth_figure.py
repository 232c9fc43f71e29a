"""What maps and rivals are worth, side by side, and what they add to contrast energy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fechner.provenance import atomic_path
from fechner.report.style import PALETTE, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {"map": ("high", "high"), "rival": ("intact", "paper"), "people": ("ink", "ink")}
"""Colours of the line and of the dot's face."""


def judge_figure(judge: pd.DataFrame, *, title: str = "", simulated: bool = False) -> Figure:
    """Draw how errors under maps agree with DMOS: the table of `records.map_worth.judged`."""
    table = judge.rename(
        columns={
            "error": "panel", "spearman": "value", "spearman_low": "low", "spearman_high": "high"
        }
    )  # fmt: skip
    return _two_rows(
        table, "Spearman with DMOS", title, "95 %, whole references drawn anew", simulated
    )


def people_figure(agreement: pd.DataFrame, *, title: str = "", simulated: bool = False) -> Figure:
    """Draw how maps agree with marks: the table of `records.map_worth.against_people`."""
    table = agreement.rename(columns={"measure": "panel"})
    return _two_rows(table, "", title, "95 % over images; black: people themselves", simulated)


def _two_rows(
    table: pd.DataFrame, label: str, title: str, intervals: str, simulated: bool
) -> Figure:
    """Draw a column a panel: values above, their difference from contrast energy below."""
    import matplotlib.pyplot as plt

    panels = list(dict.fromkeys(table["panel"]))
    first = table[table["panel"] == panels[0]]
    order = [
        name
        for kind in ("rival", "map", "people")
        for name in first[first["kind"] == kind].sort_values("value")["map"]
    ]
    places = {name: row for row, name in enumerate(order)}
    height = 1.4 + 2 * 0.19 * len(places)
    with drawing():
        figure, axes = plt.subplots(
            2, len(panels), figsize=(2.6 + 1.7 * len(panels), height), sharey=True,
            sharex="row" if label else False, layout="constrained", squeeze=False,
        )  # fmt: skip
        for column, panel in enumerate(panels):
            part = table[table["panel"] == panel]
            _dots(axes[0, column], part, places, "value", ("low", "high"))
            _dots(
                axes[1, column], part, places, "minus_contrast",
                ("minus_contrast_low", "minus_contrast_high"),
            )  # fmt: skip
            axes[0, column].set(title=panel.replace(" given", "\ngiven"), xlabel=label)
            axes[1, column].set_xlabel("minus contrast energy")
            axes[1, column].axvline(0, color=PALETTE["ink"], lw=0.8)
            axes[1, column].set_visible(bool(part["minus_contrast"].notna().any()))
        for axis in axes[:, 0]:
            axis.set_yticks(list(places.values()), list(places))
            axis.set_ylim(-0.6, len(places) - 0.4)
        figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)
        figure.supxlabel(
            f"filled: maps, open: their rivals; lines: {intervals}",
            fontsize=7.5, color=PALETTE["soft"],
        )  # fmt: skip
        if simulated:
            figure.text(0.995, 0.995, "SIMULATED", ha="right", va="top", color=PALETTE["stamp"],
                        fontweight="bold")  # fmt: skip
    return figure


def _dots(
    axis: Axes, part: pd.DataFrame, places: dict[str, int], value: str, ends: tuple[str, str]
) -> None:
    for kind, (line, face) in KINDS.items():
        rows = part[(part["kind"] == kind) & part[value].notna()]
        at = rows["map"].map(places)
        axis.hlines(at, rows[ends[0]], rows[ends[1]], color=PALETTE[line], lw=1.2)
        axis.plot(rows[value], at, "o", color=PALETTE[line], mfc=PALETTE[face], ms=4.5)
    axis.grid(axis="x")


def write_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all, and close it; return the path."""
    import matplotlib.pyplot as plt

    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=160, facecolor=PALETTE["paper"], format="png")
    plt.close(figure)
    return path
