"""Figures of scores by distortion and level; the numbers are those of `data.distortions`."""

from __future__ import annotations

from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fechner.data.distortions import MOST_LEVELS, distorted_images, levels_of, scores_by_distortion
from fechner.data.label_figures import (
    BLUE,
    GREY,
    ORANGE,
    blank_figure,
    dot_opacity,
    draw_groups,
    label_scale,
)
from fechner.data.labels import share_between
from fechner.records.rated_images import RatedImages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COLUMNS = 5
WIDEST_LINEAR = 30
"""Ratio of the highest to the lowest level above which levels are shown by their logarithm."""


def draw_distortions(
    rated: RatedImages, dimension: str, level: str | None = None, *, simulated: bool
) -> Figure:
    """One panel a distortion: scores against level, a thin line a reference, the mean thick.

    Where no level is known, boxes of the distortions instead.

    Parameters
    ----------
    rated
        A table with ``reference`` and ``family``.
    dimension
        Which ratings.
    level
        The column that says how strong a distortion is; None takes ``level`` if it is there.
    simulated
        Whether SIMULATED is written onto the figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = distorted_images(rated, level)
    if table["level"].isna().all():
        distorted = replace(rated, table=table)
        share = share_between(distorted, dimension, "family")
        return draw_groups(distorted, dimension, "family", share, simulated=simulated)
    statistics = scores_by_distortion(rated, dimension, level)
    ranks = statistics[statistics["level"].isna()].set_index("family")["level_spearman"]
    families = list(dict.fromkeys(table["family"]))
    columns = min(len(families), MOST_COLUMNS)
    rows = -(-len(families) // columns)
    size = (1.0 + 2.1 * columns, 0.8 + 2.0 * rows)
    figure, axes = blank_figure(rows, columns, size, simulated)
    scale = rated.scales[dimension]
    for place, axis in enumerate(axes.flat):
        if place >= len(families):
            axis.set_axis_off()
            continue
        family = families[place]
        own = table[table["family"] == family]
        _draw_family(axis, own, dimension)
        label_scale(axis, "y", dimension, scale)
        axis.set_ylabel("")
        if place % columns:
            axis.tick_params(labelleft=False)
        axis.set_title(_title(str(family), len(own), float(ranks[family])), fontsize=8)
    better = "higher" if scale.good == "high" else "lower"
    figure.supylabel(f"{dimension} (points, {scale}; {better} is better)", fontsize=9)
    figure.supxlabel(
        f"{level or 'level'} (a thin line a reference; orange: mean; Spearman of level with how "
        "bad the scores are)",
        fontsize=9,
    )
    return figure


def _draw_family(axis: Axes, own: pd.DataFrame, dimension: str) -> None:
    for _, of_reference in own.groupby("reference"):
        line = of_reference.sort_values("level")
        axis.plot(line["level"], line[dimension], color=GREY, lw=0.6, alpha=0.45, zorder=1)
    axis.plot(
        own["level"], own[dimension], ".", color=BLUE, alpha=dot_opacity(len(own)), ms=5, mew=0
    )
    means = [(at, part[dimension].mean()) for at, part in levels_of(own)]
    axis.plot(*zip(*means, strict=True), "o-", color=ORANGE, lw=2, ms=4, zorder=3)
    values = own["level"].dropna()
    if values.min() > 0 and values.max() / values.min() > WIDEST_LINEAR:
        axis.set_xscale("log")
    elif values.nunique() <= MOST_LEVELS:
        axis.set_xticks(np.unique(values))
    axis.tick_params(labelsize=7)


def _title(family: str, count: int, rank: float) -> str:
    """Return the title of a panel; a long name is broken, so that neighbours do not touch."""
    said = f"n {count}" if np.isnan(rank) else f"n {count}, Spearman {rank:.2f}"
    return "\n".join([*wrap(family, 26), said])
