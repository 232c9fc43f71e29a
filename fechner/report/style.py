"""How the report's charts look: one palette, one size of type, vector graphics for the page.

Charts are inline SVG whose colours are the page's own variables, so that they follow light,
dark and print. While matplotlib draws, each variable is stood for by a colour of `PALETTE`;
`svg` turns these back. Arms have one colour throughout, from the colour-blind-safe palette
of Okabe and Ito (2008).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.stimuli import overlays

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


PALETTE = {
    "ink": "#1b1b1a",
    "soft": "#6b6b69",
    "grid": "#dededb",
    "paper": "#fdfdfc",
    **{arm: _hex(overlays.arm_rgb(arm)) for arm in ("low", "high", "donor")},
    "intact": "#8a8a88",
    "accent": _hex(overlays.OTHER_ARM),
    "stamp": "#b3261e",
}
"""Page variable and the colour that stands for it while matplotlib draws."""

ARM_NAMES = {
    "intact": "intact",
    "low": "unimportant region degraded",
    "high": "important region degraded",
    "donor": "another image's mask degraded",
}

WIDTH = 7.2
"""Width of a full chart in inches of 72 px."""

NARROW = 4.4
"""Width of a chart on a telephone, in inches of 72 px; panels then stand below each other."""


STAMP_HEIGHT = 0.24
"""Height in inches of the strip above a chart that carries the stamp."""


def arm_colour(arm: str) -> str:
    """Return the colour of an arm, the same as that of its outlines in pictures."""
    return PALETTE.get(arm, _hex(overlays.arm_rgb(arm)))


def jitter(n: int, width: float) -> np.ndarray:
    """Return n offsets within +-`width` that keep neighbouring dots apart, always the same."""
    offsets: np.ndarray = width * np.sin(np.arange(n) * 2.4)
    return offsets


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with the report's settings inside the block."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ink, soft, grid = PALETTE["ink"], PALETTE["soft"], PALETTE["grid"]
    settings: dict[Any, Any] = {
        "font.size": 9,
        # Names of images, people and rivals are the user's: a dollar begins no formula.
        "text.parse_math": False,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 9,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": soft,
        "axes.linewidth": 0.7,
        "xtick.color": soft,
        "ytick.color": soft,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "grid.color": grid,
        "grid.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "svg.fonttype": "none",
        "svg.hashsalt": "fechner",
        "figure.dpi": 72,
    }
    with plt.rc_context(settings):
        yield


def is_narrow(width: float) -> bool:
    """Return whether panels side by side do not fit a chart of `width` inches."""
    return width < (WIDTH + NARROW) / 2


def svg(figure: Figure, *, label: str, simulated: bool = False) -> str:
    """Return the figure as inline SVG that takes its colours from the page, and close it.

    Parameters
    ----------
    label
        What the chart shows, for readers who do not see it.
    simulated
        Whether to draw SIMULATED onto it.
    """
    import matplotlib.pyplot as plt

    text = svg_text(figure, stamped(figure, simulated=simulated))
    plt.close(figure)
    return for_page(text, label)


def stamped(figure: Figure, *, simulated: bool) -> Bbox:
    """Write SIMULATED above the figure where its data are, and return what is to be drawn."""
    from matplotlib.transforms import Bbox

    width, height = figure.get_size_inches()
    top = height + (STAMP_HEIGHT if simulated else 0.0)
    if simulated:
        figure.text(
            0.0, top / height, "SIMULATED", ha="left", va="top", color=PALETTE["stamp"],
            fontsize=9, fontweight="bold",
        )  # fmt: skip
    return Bbox([[0, 0], [width, top]])


def svg_text(figure: Figure, box: Bbox) -> str:
    """Return the part of a figure in `box` (inches) as SVG in the colours of `PALETTE`."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches=box, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
    return re.sub(r'="[^"]*"', _short, text)


def _short(attribute: re.Match[str]) -> str:
    """Return an attribute in hundredths of a px: six decimals are half of a file of many dots."""
    return re.sub(r"(?<![\w#.])-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", attribute[0])


def for_page(text: str, label: str) -> str:
    """Return SVG whose colours are the page's variables, with a label for who does not see it."""
    for variable, colour in PALETTE.items():
        text = text.replace(colour, f"var(--{variable})")
    escaped = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("<svg ", f'<svg role="img" aria-label="{escaped}" ', 1)
