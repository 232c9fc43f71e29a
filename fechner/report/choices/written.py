"""How the figures of this room reach their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.provenance import atomic_path
from fechner.report.style import PALETTE, STAMP_HEIGHT, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(draw: Callable[[], Figure], path: Path, *, simulated: bool) -> None:
    """Write what `draw` draws as PNG, SVG or PDF, by the suffix of `path`.

    Parameters
    ----------
    draw
        Returns the figure; called with the report's settings.
    path
        Where to.
    simulated
        Whether a strip above it says SIMULATED.
    """
    import matplotlib.pyplot as plt
    from matplotlib.transforms import Bbox

    with drawing():
        figure = draw()
        width, height = figure.get_size_inches()
        top = height + (STAMP_HEIGHT if simulated else 0.0)
        if simulated:
            figure.text(
                0.99, (top - 0.05) / height, "SIMULATED", ha="right", va="top",
                color=PALETTE["stamp"], fontsize=9, fontweight="bold",
            )  # fmt: skip
        box = Bbox([[0, 0], [width, top]])
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=160, facecolor=PALETTE["paper"], bbox_inches=box)
        plt.close(figure)
