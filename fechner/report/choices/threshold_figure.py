"""Thresholds by region: every participant's, and the population's with its interval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fechner.report.choices.written import write_figure
from fechner.report.style import PALETTE, arm_colour, jitter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def threshold_chart(single: pd.DataFrame, levels: pd.DataFrame | None, *, measure: str) -> Figure:
    """Draw one column a region, on a logarithmic axis.

    Parameters
    ----------
    single
        ``region, threshold, within`` of every staircase.
    levels
        ``region, threshold, low, high`` of the population; None where there is none.
    measure
        What thresholds are measured in.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    regions = sorted(single["region"].unique(), key=_order)
    figure, axis = plt.subplots(figsize=(1.2 + 1.5 * max(len(regions), 2), 3.6))
    for place, region in enumerate(regions):
        _draw_region(axis, place, single[single["region"] == region], arm_colour(region))
        rows = [] if levels is None else levels[levels["region"] == region].to_dict("records")
        for row in rows:
            ends = [row["low"], row["high"]]
            axis.plot([place + 0.3] * 2, ends, color=arm_colour(region), linewidth=2.5)
            axis.plot(place + 0.3, row["threshold"], "D", color=arm_colour(region), markersize=7)
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_xticks(range(len(regions)), regions)
    axis.set_xlim(-0.5, len(regions) - 0.4)
    axis.set_ylabel(f"threshold ({measure})")
    axis.grid(axis="y")
    axis.set_title(
        "dots: staircases; diamonds: the population, with interval",
        fontsize=8.5,
        fontweight="normal",
    )
    figure.tight_layout()
    return figure


def _order(region: str) -> tuple[int, str]:
    known = ("low", "donor", "middle", "high")
    return (known.index(region) if region in known else len(known), region)


def _draw_region(axis: Axes, place: int, rows: pd.DataFrame, colour: str) -> None:
    within = rows["within"].to_numpy(bool)
    values = rows["threshold"].to_numpy(float)
    x = place - 0.08 + jitter(len(rows), 0.16)
    axis.plot(x[within], values[within], "o", color=colour, alpha=0.55, markersize=5)
    # Hollow: beyond what was shown, so that only a bound is known.
    axis.plot(
        x[~within], values[~within], "o", markerfacecolor="none",
        markeredgecolor=PALETTE["soft"], markersize=5,
    )  # fmt: skip


def write_threshold_figure(
    single: pd.DataFrame,
    levels: pd.DataFrame | None,
    path: Path,
    *,
    measure: str,
    simulated: bool = False,
) -> None:
    """Write the picture as PNG, SVG or PDF, by the suffix of `path`.

    Parameters
    ----------
    single, levels, measure
        What `threshold_chart` takes.
    path
        Where to.
    simulated
        Whether to draw SIMULATED onto it.
    """
    write_figure(
        lambda: threshold_chart(single, levels, measure=measure), path, simulated=simulated
    )
