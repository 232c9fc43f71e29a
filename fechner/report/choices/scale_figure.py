"""The scale of compared items in JND, with intervals, and the scales of single scenes behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fechner.report.choices.written import write_figure
from fechner.report.style import PALETTE, WIDTH, arm_colour, is_narrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def colour_of_region(item: str) -> str:
    """Return the colour of an item whose name begins with an arm of a study of regions."""
    return arm_colour(item.split()[0])


def scale_chart(
    table: pd.DataFrame,
    *,
    anchor: str | None,
    width: float = WIDTH,
    colour_of: Callable[[str], str] = colour_of_region,
) -> Figure:
    """Draw one row an item, the best on top.

    Parameters
    ----------
    table
        ``scene, item, jnd, low, high`` as `scale_values.ScaleValues` has it; with several
        scenes a panel each.
    anchor
        The item at 0 JND; None where the mean is.
    width
        Of the figure in inches.
    colour_of
        Returns the colour of an item.
    """
    import matplotlib.pyplot as plt

    groups = list(table.groupby("scene", sort=True))
    columns = min(len(groups), 2 if is_narrow(width) else 4)
    rows = -(-len(groups) // columns)
    most = max(len(group) for _, group in groups)
    size = (width, max(1.9, rows * (0.55 + 0.24 * most) + 0.5))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True)
    for axis, (scene, group) in zip(axes.flat, groups, strict=False):
        _draw_scale(axis, group.sort_values("jnd", ignore_index=True), colour_of)
        if len(groups) > 1:
            axis.set_title(str(scene))
    for axis in axes.flat[len(groups) :]:
        axis.set_visible(False)
    for axis in axes.flat[max(len(groups) - columns, 0) : len(groups)]:
        axis.tick_params(labelbottom=True)
    zero = "the mean" if anchor is None else anchor
    label = f"quality in JND above {zero} (1 JND: chosen in 75 %)"
    figure.tight_layout(rect=(0, 0.3 / size[1], 1, 1))
    figure.text(0.5, 0.08 / size[1], label, ha="center", va="bottom", fontsize=9)
    return figure


def _draw_scale(axis: Axes, rows: pd.DataFrame, colour_of: Callable[[str], str]) -> None:
    axis.axvline(0, color=PALETTE["soft"], linewidth=0.8)
    values = rows[["jnd", "low", "high"]].to_numpy(float)
    for place, (item, (jnd, low, high)) in enumerate(zip(rows["item"], values, strict=True)):
        colour = colour_of(str(item))
        axis.plot([low, high], [place, place], color=colour, linewidth=2)
        axis.plot(jnd, place, "o", color=colour, markersize=6)
    axis.set_yticks(range(len(rows)), rows["item"])
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.grid(axis="x")


def write_scale_figure(
    table: pd.DataFrame, path: Path, *, anchor: str | None, simulated: bool = False
) -> None:
    """Write the picture as PNG, SVG or PDF, by the suffix of `path`.

    Parameters
    ----------
    table, anchor
        What `scale_chart` takes.
    path
        Where to.
    simulated
        Whether to draw SIMULATED onto it.
    """
    write_figure(lambda: scale_chart(table, anchor=anchor), path, simulated=simulated)
