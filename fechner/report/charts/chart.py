"""A chart of the page: drawn for wide and for narrow screens, and to be taken along as SVG or PNG.

Both drawings stand in the page, of which the reader's screen shows one; so a chart on a telephone
has type of a size that can be read, and its panels below each other. The files to take along are
in the page too, as links that need neither script nor network.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fechner.records.simulated import marked_name
from fechner.report.style import NARROW, PALETTE, WIDTH, for_page, stamped, svg_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

PNG_DPI = 144
"""Of a chart's PNG: 1,037 px wide, twice the width at which the page shows it."""

COLOURS = 64
"""Colours of a chart's PNG: a third of the bytes, and no difference that is seen."""

Draw = Callable[[float], "Figure"]


@dataclass(frozen=True)
class Chart:
    """A drawn chart.

    Attributes
    ----------
    file
        Its name as a file, without suffix; it says SIMULATED where its data are.
    wide, narrow
        Inline SVG that takes its colours from the page.
    svg, png
        The same as files of their own, on paper's white: data URIs.
    tables
        Names of the tables that hold its data.
    """

    file: str
    wide: str
    narrow: str
    svg: str
    png: str
    tables: tuple[str, ...]


def chart(
    draw: Draw, *, name: str, label: str, simulated: bool, tables: tuple[str, ...] = ()
) -> Chart:
    """Draw a chart in both widths, and as files.

    Parameters
    ----------
    draw
        Returns the figure for a width in inches; called with the report's settings (`drawing`).
    name
        Of its files.
    label
        What it shows, for readers who do not see it.
    simulated
        Whether to draw SIMULATED onto it.
    tables
        Names of the tables that hold its data.

    Returns
    -------
    Chart
    """
    import matplotlib.pyplot as plt

    figure = draw(WIDTH)
    box = stamped(figure, simulated=simulated)
    text, png = svg_text(figure, box), _png(figure, box)
    plt.close(figure)
    small = draw(NARROW)
    narrow = svg_text(small, stamped(small, simulated=simulated))
    plt.close(small)
    return Chart(
        file=marked_name(name, simulated=simulated),
        wide=for_page(_own_ids(text, f"{name}-"), label),
        narrow=for_page(_own_ids(narrow, f"{name}-narrow-"), label),
        svg=_uri("image/svg+xml", _on_paper(text).encode("utf-8")),
        png=_uri("image/png", png),
        tables=tables,
    )


def _own_ids(text: str, prefix: str) -> str:
    """Return SVG whose ids begin with `prefix`: two charts of a page must not share one.

    A hidden chart's clip paths are not drawn, and the first of two with one name would be meant.
    """
    for name in (' id="', "url(#", 'xlink:href="#'):
        text = text.replace(name, name + prefix)
    return text


def _on_paper(text: str) -> str:
    """Return SVG that stands alone: on white, in a face that every system has."""
    start = text.index(">", text.index("<svg")) + 1
    paper = (
        "<style>text{font-family:system-ui,Arial,sans-serif!important}</style>"
        f'<rect width="100%" height="100%" fill="{PALETTE["paper"]}"/>'
    )
    return text[:start] + paper + text[start:]


def _png(figure: Figure, box: Bbox) -> bytes:
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(
        drawn, format="png", dpi=PNG_DPI, bbox_inches=box, facecolor=PALETTE["paper"],
        metadata={"Software": None},
    )  # fmt: skip
    with Image.open(drawn) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(small, "PNG", optimize=True, dpi=(PNG_DPI, PNG_DPI))
    return small.getvalue()


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"
