"""Tumbling letters: a black E on a white panel, its three strokes to one of four sides.

The letter is five strokes wide and high. Its size is told by one stroke's, which at logMAR m
subtends 10 ** m minutes of arc:

    stroke in pixels = 10 ** m * pixels per degree / 60.

So a screen shows nothing finer than logMAR log10(60 / pixels per degree), at which a stroke is one
pixel: 0.18 at 40 pixels per degree. Strokes of broken widths are drawn by the share of each pixel
that they cover, in linear light, the middle stroke centred on a pixel: it is black in its whole
length, and a pixel of the gap beside it has at least 75 % of the panel's light (least at strokes of
1.5 pixels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fechner.experiment.vision.codes import codes_of
from fechner.experiment.vision.plates import Direction
from fechner.protocols.vision import LINE_LOGMAR

STROKES = 5
"""Width and height of the letter in strokes."""

LEAST_STROKE_PX = 1.0
"""No thinner stroke is drawn."""

PANEL_DEG = 4.0
"""Side of the white panel that every letter stands on, in degrees."""

QUARTER_TURNS: dict[Direction, int] = {"right": 0, "up": 1, "left": 2, "down": 3}
"""Counter-clockwise, from a letter whose strokes point to the right."""


def stroke_px(logmar: float, pixels_per_degree: float) -> float:
    """Return the width in pixels of a stroke at a logMAR."""
    return float(10**logmar) * pixels_per_degree / 60


def finest_logmar(pixels_per_degree: float) -> float:
    """Return the logMAR at which a stroke is one pixel wide: the finest that a screen shows."""
    return math.log10(60 * LEAST_STROKE_PX / pixels_per_degree)


def degrees_for(logmar: float) -> float:
    """Return the pixels per degree from which on a screen shows letters of a logMAR."""
    return float(60 * LEAST_STROKE_PX / 10**logmar)


def lines(largest: float, smallest: float, pixels_per_degree: float) -> list[float]:
    """Return the logMAR of each line from the largest down to the smallest that is shown."""
    finest = max(smallest, finest_logmar(pixels_per_degree))
    # A line that is too fine by rounding alone counts.
    number = math.floor((largest - finest) / LINE_LOGMAR + 1e-6) + 1
    return [round(largest - LINE_LOGMAR * k, 6) + 0.0 for k in range(number)]  # no -0.0


@dataclass(frozen=True)
class Letter:
    """A letter E on its panel.

    Parameters
    ----------
    towards
        Where its three strokes point.
    stroke
        Width of a stroke in pixels, 1 or more.
    side
        Of the white panel in pixels; an odd number, so that the middle stroke fills pixels.
    """

    towards: Direction
    stroke: float
    side: int

    def draw(self) -> Image.Image:
        """Return the panel with its letter, RGB."""
        return Image.fromarray(codes_of(1 - self.covered())).convert("RGB")

    def covered(self) -> NDArray[np.float64]:
        """Return the share of each pixel of the panel ``(side, side)`` that the letter covers."""
        edges = self.side / 2 + self.stroke * (np.arange(STROKES + 1) - STROKES / 2)
        rows = sum(_share(self.side, *edges[k : k + 2]) for k in (0, 2, 4))
        spine, bars = _share(self.side, *edges[:2]), _share(self.side, edges[1], edges[-1])
        whole = np.outer(_share(self.side, edges[0], edges[-1]), spine) + np.outer(rows, bars)
        return np.rot90(whole, QUARTER_TURNS[self.towards])


def _share(side: int, start: float, end: float) -> NDArray[np.float64]:
    """Return the share of each of `side` pixels in a row that lies between two places."""
    pixels = np.arange(side)
    covered: NDArray[np.float64] = np.minimum(end, pixels + 1) - np.maximum(start, pixels)
    return np.clip(covered, 0, 1)
