"""Planning pictures: the smallest effect that a study finds, and its power, against its images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    for participants, rows, shade in _by_participants(table):
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


def _by_participants(table: pd.DataFrame) -> list[tuple[int, pd.DataFrame, Any]]:
    """Return each number of participants, its rows by images, and a colour."""
    import matplotlib

    groups = list(table.groupby("participants"))
    places = [0.85 - 0.75 * k / max(len(groups) - 1, 1) for k in range(len(groups))]
    shades = matplotlib.colormaps["viridis"](places)
    return [
        (int(str(participants)), rows.sort_values("images"), shade)
        for (participants, rows), shade in zip(groups, shades, strict=True)
    ]


def simulated_power_curves(table: pd.DataFrame, *, wanted: float = 0.8, aim: str = "") -> Figure:
    """Draw simulated power over images with its Monte-Carlo band, and the formula where it holds.

    Parameters
    ----------
    table
        What `simulated.simulated_power` returns.
    wanted
        Power to reach; the fewest images that do so are filled.
    aim
        What is to be found, for the title.
    """
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(WIDTH, 3.8))
    for participants, rows, shade in _by_participants(table):
        axis.fill_between(rows["images"], rows["low"], rows["high"], color=shade, alpha=0.22,
                          linewidth=0)  # fmt: skip
        axis.plot(rows["images"], rows["power"], color=shade, label=f"{participants} participants")
        axis.plot(rows["images"], rows["power"], "o", color=shade, markersize=4,
                  markerfacecolor=PALETTE["paper"])  # fmt: skip
        axis.plot(rows["images"], rows["analytic"], "--", color=PALETTE["ink"], linewidth=0.9)
        enough = rows[rows["power"] >= wanted]
        if len(enough):
            axis.plot(enough["images"].iloc[0], enough["power"].iloc[0], "o", color=shade)
    axis.plot([], [], "--", color=PALETTE["ink"], linewidth=0.9,
              label="formula" if table["analytic"].notna().any() else "")  # fmt: skip
    axis.axhline(wanted, color=PALETTE["soft"], linewidth=0.8, linestyle=":")
    axis.set_xlabel("images")
    axis.set_ylabel("power")
    axis.set_ylim(0, 1.02)
    axis.grid()
    axis.legend(loc="lower right")
    runs = int(table["runs"].max())
    axis.set_title(f"{aim}\n{runs} simulated studies a size, 95 % Monte-Carlo bands".strip())
    figure.tight_layout()
    return figure


def write_power_figure(table: pd.DataFrame, path: Path, *, wanted: float = 0.8) -> None:
    """Write the smallest effects as PNG, SVG or PDF, by the suffix of `path`."""
    _write(path, lambda: power_curves(table, wanted=wanted))


def write_simulated_power_figure(
    table: pd.DataFrame, path: Path, *, wanted: float = 0.8, aim: str = ""
) -> None:
    """Write the simulated power as PNG, SVG or PDF, by the suffix of `path`.

    Parameters
    ----------
    table, wanted, aim
        As for `simulated_power_curves`.
    path
        Where to.
    """
    _write(path, lambda: simulated_power_curves(table, wanted=wanted, aim=aim))


def _write(path: Path, draw: Callable[[], Figure]) -> None:
    with drawing():
        import matplotlib.pyplot as plt

        figure = draw()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=160, facecolor=PALETTE["paper"])
        plt.close(figure)
