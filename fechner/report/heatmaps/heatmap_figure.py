"""One map beside its image: panels side by side, and a colour bar with its unit.

The palette and the square-root view are those of `stimuli.overlays`, here as in the sheets and in
the report; the bar carries the values themselves, so that the view can be read back.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fechner.report.style import PALETTE, drawing
from fechner.stimuli.overlays import coloured_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_AREA = 6.6
"""Square inches of a panel: wide and tall pictures get as much paper."""
GAP, BAR, MARGIN, TITLE, FOOT = 0.12, 0.16, 0.16, 0.30, 0.34
"""Inches between panels, of the colour bar, around all, above a panel, and below."""
LABELS = 0.75
"""Inches for the numbers and the unit of the colour bar."""
DPI = 150


@dataclass(frozen=True, eq=False)
class Panels:
    """What is drawn.

    Attributes
    ----------
    pictures
        Title and picture of each panel, uint8 ``(height, width, 3)``, all of one shape.
    scale
        The value at the upper end of the colour bar.
    unit
        What a value is.
    made
        How the map was made, for the line below.
    simulated
        Whether SIMULATED stands on it.
    """

    pictures: Mapping[str, NDArray[np.uint8]]
    scale: float
    unit: str
    made: str
    simulated: bool = False


def heatmap_png(panels: Panels) -> bytes:
    """Return the panels and their colour bar as PNG."""
    with drawing():
        import matplotlib.pyplot as plt

        pictures = list(panels.pictures.items())
        rows, columns = pictures[0][1].shape[:2]
        width = float(np.clip((PANEL_AREA * columns / rows) ** 0.5, 1.2, 5.0))
        height = width * rows / columns
        whole = (
            2 * MARGIN + len(pictures) * width + (len(pictures) - 1) * GAP + GAP + BAR + LABELS,
            MARGIN + TITLE + height + FOOT,
        )
        figure = plt.figure(figsize=whole, facecolor=PALETTE["paper"])
        for k, (title, picture) in enumerate(pictures):
            place = (MARGIN + k * (width + GAP), FOOT, width, height)
            axes = figure.add_axes(_share(place, whole))
            axes.imshow(picture, interpolation="antialiased", aspect="auto")
            axes.set_title(title, fontsize=9, pad=5)
            axes.set_axis_off()
        left = MARGIN + len(pictures) * (width + GAP)
        _draw_bar(figure.add_axes(_share((left, FOOT, BAR, height), whole)), panels)
        foot = FOOT / 2 / whole[1]
        figure.text(
            MARGIN / whole[0],
            foot,
            panels.made,
            color=PALETTE["soft"],
            fontsize=8,
            va="center",
        )
        if panels.simulated:
            figure.text(
                1 - MARGIN / whole[0], foot, "SIMULATED", color=PALETTE["stamp"], fontsize=9,
                fontweight="bold", ha="right", va="center",
            )  # fmt: skip
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI, facecolor=PALETTE["paper"])
        plt.close(figure)
    return buffer.getvalue()


def _share(
    place: tuple[float, float, float, float], whole: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Return a place in inches as shares of the figure."""
    left, bottom, width, height = place
    return left / whole[0], bottom / whole[1], width / whole[0], height / whole[1]


def _draw_bar(axes: Axes, panels: Panels) -> None:
    """Draw the colours from 0 to the scale, the numbers at the places where they are seen."""
    # A row is at the share of the bar that its colour's square root is at, so that the colours run
    # evenly and the numbers do not.
    seen = np.linspace(1, 0, 256)
    axes.imshow(coloured_map((seen**2)[:, None]), aspect="auto", extent=(0, 1, 0, 1))
    values = _ticks(panels.scale)
    axes.set_yticks([(value / panels.scale) ** 0.5 for value in values])
    axes.set_yticklabels([f"{value:g}" for value in values])
    axes.set_ylim(0, 1)
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_ylabel(panels.unit, fontsize=8.5)
    axes.set_title("square root", fontsize=7.5, fontweight="normal", color=PALETTE["soft"], pad=5)
    axes.set_xticks([])
    axes.spines[["left", "bottom"]].set_visible(False)


def _ticks(scale: float) -> list[float]:
    """Return 0 and round values up to `scale`, about evenly spaced on the square root."""
    unit = 10.0 ** np.floor(np.log10(scale))
    lead = scale / unit
    wanted = [0, 0.1, 0.5, 1] if lead < 2 else [0, 0.5, 2, 4] if lead < 5 else [0, 1, 3, 6, 9]
    if 1.5 <= lead < 2:
        wanted = [*wanted, 1.5]
    return [float(round(part * unit, 12)) for part in wanted if part * unit <= scale]
