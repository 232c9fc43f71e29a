"""The marks as they are drawn over the image: seen on light and on dark, the image beneath them.

Where nothing is marked the picture is transparent, so that the image's own pixels stand.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fechner.experiment.screens.look import Box
from fechner.records.journal.painted import Place, paint, piece_box

TINT = (255, 205, 60, 84)
"""Colour and opacity of the marked area."""

LINE = 5
"""Side in pixels of the filters that make the two lines around a marked area: two pixels each."""

DARK, LIGHT = (0, 0, 0, 255), (255, 255, 255, 255)


class Painting:
    """The marked area of an image of `size` (width, height) px, and its picture."""

    def __init__(self, size: tuple[int, int], radius: float) -> None:
        self._mask = np.zeros((size[1], size[0]), bool)
        self._radius = radius
        self._picture = Image.new("RGBA", size, (0, 0, 0, 0))
        self.revision = 0

    def add(self, points: list[Place]) -> None:
        """Cover a path with the brush; of a longer stroke the last two points are enough."""
        paint(self._mask, points, self._radius)
        for first, second in zip(points, [*points[1:], points[-1]], strict=True):
            self._redraw(*piece_box(self._mask.shape, first, second, self._radius + 2 * LINE))
        self.revision += 1

    def begin_anew(self, strokes: list[list[Place]]) -> None:
        """Cover what these strokes cover, and nothing else."""
        self._mask[:] = False
        self._picture.paste((0, 0, 0, 0), (0, 0, *self._picture.size))
        for stroke in strokes:
            self.add(stroke)
        self.revision += 1

    def picture(self) -> tuple[Image.Image, Box] | None:
        """Return the drawn part, RGBA, and its place on the image; None where nothing is marked."""
        box = self._picture.getbbox()
        return None if box is None else (self._picture.crop(box), box)

    def _redraw(self, rows: slice, columns: slice) -> None:
        # The lines need a margin: they are drawn for the box and taken from within it.
        mask = Image.fromarray(self._mask[rows, columns].astype(np.uint8) * 255)
        outer = np.asarray(mask.filter(ImageFilter.MaxFilter(LINE))) > 0
        inner = np.asarray(mask.filter(ImageFilter.MinFilter(LINE))) > 0
        here = self._mask[rows, columns]
        drawn = np.zeros((*here.shape, 4), np.uint8)
        drawn[outer & ~here] = DARK
        drawn[here & ~inner] = LIGHT
        drawn[inner] = TINT
        self._picture.paste(Image.fromarray(drawn), (columns.start, rows.start))


def ring(radius: int) -> Image.Image:
    """Return the brush as it follows the pointer: a dark and a light circle, RGBA, odd side."""
    side, fine = 2 * (radius + 3) + 1, 4
    large = Image.new("RGBA", (side * fine, side * fine), (0, 0, 0, 0))
    draw = ImageDraw.Draw(large)
    middle = side * fine / 2
    for distance, colour in ((radius + 1.5, DARK), (radius, LIGHT)):
        reach = distance * fine
        corners = (middle - reach, middle - reach, middle + reach, middle + reach)
        draw.ellipse(corners, None, colour, round(1.6 * fine))
    for reach, colour in ((2.4 * fine, DARK), (1.3 * fine, LIGHT)):
        draw.ellipse((middle - reach, middle - reach, middle + reach, middle + reach), colour)
    return large.resize((side, side), Image.Resampling.LANCZOS)
