"""What maps and rivals are worth, side by side, and what they add to contrast energy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from fechner.provenance import atomic_path
from fechner.report.style import PALETTE, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

KINDS = {"map": ("high", "high"), "rival": ("intact", "paper"), "people": ("ink", "ink")}
"""Colours of the line and of the dot's face."""

LIKE_COLOURS = ("high", "low", "accent", "donor")


def judge_figure(judge: pd.DataFrame, *, title: str = "", simulated: bool = False) -> Figure:
    """Draw how errors under maps agree with DMOS: the table of `records.map_worth.judged`."""
    table = judge.rename(
        columns={
            "error": "measure", "spearman": "value", "spearman_low": "low", "spearman_high": "high"
        }
    )  # fmt: skip
    said = "95 %, whole references drawn anew"
    return _figure(table, title, said, simulated, label="Spearman with DMOS")


def people_figure(agreement: pd.DataFrame, *, title: str = "", simulated: bool = False) -> Figure:
    """Draw how maps agree with marks: the table of `records.map_worth.agreement`."""
    return _figure(agreement, title, "95 % over images; black: people themselves", simulated)


def check_figure(agreement: pd.DataFrame, *, title: str = "", simulated: bool = False) -> Figure:
    """Draw how maps follow their model, and below how alike they are to other maps.

    Parameters
    ----------
    agreement
        The table of `records.map_worth.agreement`.
    title
        What was checked.
    simulated
        Whether to stamp SIMULATED onto it.
    """
    return _figure(agreement, title, "95 % over images", simulated)


def _figure(
    table: pd.DataFrame, title: str, intervals: str, simulated: bool, *, label: str = ""
) -> Figure:
    """Draw measures that rivals have, too, above, and likeness to other maps below.

    Parameters
    ----------
    table
        Columns measure, map, kind, value, low, high, and the difference from contrast energy.
    title
        Of the figure.
    intervals
        What the lines are.
    simulated
        Whether to stamp it.
    label
        Of the first row's axes, which then share one scale.
    """
    import matplotlib.pyplot as plt

    rivalled = set(table.loc[table["kind"] == "rival", "measure"])
    above, below = (table[table["measure"].isin(rivalled) == which] for which in (True, False))
    n_maps, n_likes = above["map"].nunique(), below["measure"].nunique()
    heights = [1.1 + 2 * 0.19 * n_maps, 0.6 + 0.22 * n_likes if n_likes else 0.0]
    width = 2.6 + 1.7 * above["measure"].nunique()
    with drawing():
        figure = plt.figure(figsize=(width, sum(heights) + 0.3), layout="constrained")
        if n_likes:
            upper, lower = cast("Any", figure.subfigures(2, 1, height_ratios=heights))
            _two_rows(upper, above, label)
            _likenesses(lower.subplots(), below)
        else:
            _two_rows(figure, above, label)
        figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)
        figure.supxlabel(
            f"filled: maps, open: their rivals; lines: {intervals}",
            fontsize=7.5, color=PALETTE["soft"],
        )  # fmt: skip
        if simulated:
            figure.text(0.995, 0.995, "SIMULATED", ha="right", va="top", color=PALETTE["stamp"],
                        fontweight="bold")  # fmt: skip
    return figure


def _two_rows(figure: FigureBase, table: pd.DataFrame, label: str) -> None:
    """Draw a column a measure: values above, their difference from contrast energy below."""
    measures = list(dict.fromkeys(table["measure"]))
    first = table[table["measure"] == measures[0]]
    order = [
        name
        for kind in ("rival", "map", "people")
        for name in first[first["kind"] == kind].sort_values("value")["map"]
    ]
    places = {name: row for row, name in enumerate(order)}
    axes = figure.subplots(
        2, len(measures), sharey=True, sharex="row" if label else False, squeeze=False
    )
    for column, measure in enumerate(measures):
        part = table[table["measure"] == measure]
        upper, lower = axes[:, column]
        _dots(upper, part, places, "value", ("low", "high"))
        _dots(lower, part, places, "minus_contrast", ("minus_contrast_low", "minus_contrast_high"))
        upper.set(title=measure.replace(" given", "\ngiven").replace(" at", "\nat"), xlabel=label)
        lower.set_xlabel("minus contrast energy")
        lower.axvline(0, color=PALETTE["ink"], lw=0.8)
        lower.set_visible(bool(part["minus_contrast"].notna().any()))
    for axis in axes[:, 0]:
        axis.set_yticks(list(places.values()), list(places))
        axis.set_ylim(-0.6, len(places) - 0.4)


def _likenesses(axis: Axes, table: pd.DataFrame) -> None:
    """Draw how alike maps are to other maps, a line a check, a sign a method."""
    checks = list(dict.fromkeys(table["measure"]))[::-1]
    places = {name: row for row, name in enumerate(checks)}
    maps = list(dict.fromkeys(table["map"]))
    for k, name in enumerate(maps):
        rows = table[(table["map"] == name) & table["value"].notna()]
        at = rows["measure"].map(places) + 0.16 * ((len(maps) - 1) / 2 - k)
        colour = PALETTE[LIKE_COLOURS[k % len(LIKE_COLOURS)]]
        axis.hlines(at, rows["low"], rows["high"], color=colour, lw=1.2)
        axis.plot(rows["value"], at, "so^D"[k % 4], color=colour, ms=4.5, label=name)
    axis.axvline(0, color=PALETTE["ink"], lw=0.8)
    axis.grid(axis="x")
    axis.set(xlabel="Spearman over places", xlim=(-1.02, 1.02))
    axis.set_yticks(list(places.values()), checks)
    axis.set_ylim(-0.6, len(checks) - 0.4)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4)


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
