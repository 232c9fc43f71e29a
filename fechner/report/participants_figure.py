"""How many participants a MOS needs: the width of its interval against their number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fechner.provenance import atomic_path
from fechner.report.style import PALETTE, WIDTH, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def participants_needed(
    table: pd.DataFrame, *, wanted: float, needed: int, level: float = 0.95
) -> Figure:
    """Draw the width of a MOS's interval over participants, by formula, simulated and observed.

    Parameters
    ----------
    table
        What `reliability.participants_needed.width_table` returns.
    wanted, needed
        Width in points, and the participants that reach it.
    level
        Of the intervals.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    n = table["participants"]
    axis.plot(n, table["width"], color=PALETTE["ink"], label="MOS, formula")
    axis.plot(n, table["width_bias_removed"], color=PALETTE["accent"], linestyle="--",
              label="MOS, biases of participants removed")  # fmt: skip
    axis.errorbar(n, table["simulated"], 1.96 * table["simulated_error"], fmt="o", markersize=4,
                  markerfacecolor=PALETTE["paper"], color=PALETTE["ink"], elinewidth=0.8,
                  label="MOS, simulated (95 % Monte-Carlo interval)")  # fmt: skip
    seen = table["observed"].notna()
    axis.plot(n[seen], table.loc[seen, "observed"], "x", color=PALETTE["high"], markersize=6,
              label="random parts of this panel, mean of all images")  # fmt: skip
    _mark(axis, wanted, needed)
    ticks = [k for k in (5, 10, 20, 30, 50, 100, 200, 500, 1000, 5000) if n.min() <= k <= n.max()]
    axis.set_xscale("log")
    axis.set_xticks(ticks, [str(k) for k in ticks])
    axis.minorticks_off()
    axis.set_ylim(0, 1.05 * float(np.nanmax(table[["width", "observed"]])))
    axis.set_xlabel("participants")
    axis.set_ylabel(f"width of the {100 * level:.0f} % interval (points)")
    axis.grid()
    axis.legend(loc="upper right")
    axis.set_title("participants that a MOS needs")
    figure.tight_layout()
    return figure


def _mark(axis: Axes, wanted: float, needed: int) -> None:
    axis.axhline(wanted, color=PALETTE["soft"], linewidth=0.8, linestyle=":")
    axis.plot([needed, needed], [0, wanted], color=PALETTE["soft"], linewidth=0.8, linestyle=":")
    axis.annotate(
        f"{wanted:.3g} points: {needed}", (needed, wanted), xytext=(5, 5),
        textcoords="offset points", color=PALETTE["ink"], fontsize=8.5,
    )  # fmt: skip


def write_participants_figure(
    table: pd.DataFrame,
    path: Path,
    *,
    wanted: float,
    needed: int,
    level: float = 0.95,
    simulated: bool = False,
) -> None:
    """Write the picture as PNG, SVG or PDF, by the suffix of `path`.

    Parameters
    ----------
    table, wanted, needed, level
        As for `participants_needed`.
    path
        Where to.
    simulated
        Whether to stamp SIMULATED onto it.
    """
    with drawing():
        import matplotlib.pyplot as plt

        figure = participants_needed(table, wanted=wanted, needed=needed, level=level)
        if simulated:
            figure.text(0.99, 0.985, "SIMULATED", ha="right", va="top", color=PALETTE["stamp"],
                        fontsize=9, fontweight="bold")  # fmt: skip
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=160, facecolor=PALETTE["paper"])
        plt.close(figure)
