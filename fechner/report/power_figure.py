"""The planning picture: the smallest effect that a study finds, against its number of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fechner.provenance import atomic_path
from fechner.report.style import PALETTE, WIDTH, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def power_curves(table: pd.DataFrame, *, wanted: float = 0.8) -> Figure:
    """Draw the smallest effect in points over images, one line a number of participants.

    Parameters
    ----------
    table
        What `power.power_table` returns.
    """
    import matplotlib
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    groups = list(table.groupby("participants"))
    shades = matplotlib.colormaps["viridis"]([0.85 - 0.75 * k / max(len(groups) - 1, 1)
                                              for k in range(len(groups))])  # fmt: skip
    for (participants, rows), shade in zip(groups, shades, strict=True):
        rows = rows.sort_values("images")
        axis.plot(rows["images"], rows["smallest_effect"], "o-", color=shade, markersize=5)
        axis.annotate(
            f"{participants} participants",
            (rows["images"].iloc[-1], rows["smallest_effect"].iloc[-1]),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=PALETTE["ink"],
            fontsize=8.5,
        )
    axis.set_xlabel("images")
    axis.set_ylabel("smallest effect (points)")
    axis.set_ylim(bottom=0)
    axis.margins(x=0.03)
    axis.grid()
    axis.set_title(f"found with probability {wanted:g}")
    figure.tight_layout()
    figure.subplots_adjust(right=0.8)
    return figure


def write_power_figure(table: pd.DataFrame, path: Path, *, wanted: float = 0.8) -> None:
    """Write the planning picture as PNG, SVG or PDF, by the suffix of `path`."""
    with drawing():
        import matplotlib.pyplot as plt

        figure = power_curves(table, wanted=wanted)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=160, facecolor=PALETTE["paper"])
        plt.close(figure)
