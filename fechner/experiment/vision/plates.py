"""Colour plates: a ring with a gap among dots, told from the ground by colour alone.

Dots of random size and luminance fill a disc. Those of the ring differ from the others along one
confusion line only (`confusion`), so that to somebody without that kind of cone both are drawn
from the same luminances of the same hue. The ring is Landolt's: its stroke and its gap are a
fifth of its diameter. After the Cambridge Colour Test (Regan, Reffin and Mollon 1994, Vision
Research 34, 1279-1299; Mollon and Reffin 1989), whose upper limits of normal vision are about
0.010 in u', v' on the protan and deutan line and 0.015 on the tritan line.

Every plate is drawn anew from its seed; none is a copy of a printed one. What a plate cannot do:
a screen whose primaries are not those of sRGB, night light or coloured room light move its
colours, an anomalous trichromat with fine discrimination sees it, and so it screens participants
and diagnoses nobody.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fechner.experiment.vision.codes import codes_of, light_of
from fechner.experiment.vision.confusion import moved
from fechner.protocols.vision import Axis

Direction = Literal["left", "up", "down", "right"]

DIRECTIONS: tuple[Direction, ...] = ("left", "up", "down", "right")
"""Where the gap is, or where a letter's strokes point."""

TOWARDS: dict[Direction, tuple[int, int]] = {
    "left": (-1, 0),
    "up": (0, -1),
    "down": (0, 1),
    "right": (1, 0),
}
"""Steps to the right and downwards."""

PlateKind = Axis | Literal["control"]
"""Which cone tells a plate's ring from its ground; a control plate is seen by everybody."""

LUMINANCES = (0.10, 0.30)
"""Of dots, where white is 1: threefold, so that no difference of luminance can be relied on."""

CONTROL_LUMINANCES = ((0.06, 0.12), (0.40, 0.80))
"""Of ground and ring of a control plate, which everybody sees: three to thirteenfold."""

DISC_LUMINANCE = 0.012
"""Between the dots: darker than any of them, so that each is seen."""

OUTER = 0.74
"""Outer radius of the ring, in radii of the plate."""

STROKE = 0.4 * OUTER
"""Width of the ring and of its gap: a fifth of the ring's diameter."""

DOTS = (0.052, 0.042, 0.033, 0.025, 0.018)
"""Radii of dots, the largest first, in radii of the plate."""

TRIES = (400, 700, 1000, 1400, 2000)
"""How often a dot of each size is tried; where it would touch another, it is left out."""

SPACE = 0.01
"""Least distance between two dots."""

RIM = 2
"""Pixels around the disc."""


class Dot(NamedTuple):
    """A dot: its middle and radius in radii of the plate, and a draw from [0, 1] for its light."""

    x: float
    y: float
    radius: float
    draw: float


@dataclass(frozen=True)
class Plate:
    """A colour plate, drawn from its seed.

    Parameters
    ----------
    axis
        Which cone tells the ring from the ground; "control" for a plate that everybody sees.
    gap
        Where the ring is open.
    distance_uv
        How far its colour is from the ground's, in CIE 1976 u', v'.
    seed
        Of the dots.
    side
        Width and height in pixels.
    grey
        The background, an 8-bit sRGB value.
    """

    axis: PlateKind
    gap: Direction
    distance_uv: float
    seed: int
    side: int
    grey: int = 128

    def draw(self) -> Image.Image:
        """Return the plate as it is shown, RGB."""
        light = np.full((self.side, self.side, 3), light_of(self.grey))
        radius = self.side / 2 - RIM
        _cover(light, self.side / 2, radius, Dot(0, 0, 1, 0), np.full(3, DISC_LUMINANCE))
        for dot in dots(self.seed):
            _cover(light, self.side / 2, radius, dot, self.light_of(dot))
        return Image.fromarray(codes_of(light))

    def light_of(self, dot: Dot) -> NDArray[np.float64]:
        """Return the linear sRGB light ``(3,)`` of a dot."""
        ring = in_ring(dot.x, dot.y, self.gap)
        if self.axis == "control":
            return np.full(3, _between(CONTROL_LUMINANCES[ring], dot.draw))
        hue = moved(self.axis, self.distance_uv) if ring else np.ones(3)
        return _between(LUMINANCES, dot.draw) * hue


def in_ring(x: float, y: float, gap: Direction) -> bool:
    """Return whether a place, in radii of the plate from its middle, lies on the ring."""
    if not OUTER - STROKE <= math.hypot(x, y) <= OUTER:
        return False
    right, down = TOWARDS[gap]
    along, across = x * right + y * down, x * down - y * right
    return along < 0 or abs(across) > STROKE / 2


@lru_cache(maxsize=4)
def dots(seed: int) -> tuple[Dot, ...]:
    """Return the dots of a plate: none touches another, the largest are placed first.

    Python's own generator is used, whose numbers stay the same in all its versions.
    """
    rng, found = random.Random(seed), _Placed()
    for radius, tries in zip(DOTS, TRIES, strict=True):
        for _ in range(tries):
            reach, angle = (
                (1 - radius - SPACE) * math.sqrt(rng.random()),
                2 * math.pi * rng.random(),
            )
            draw = rng.random()
            found.add(Dot(reach * math.cos(angle), reach * math.sin(angle), radius, draw))
    return tuple(found.dots)


class _Placed:
    """Dots by the cell of a grid that they lie in, so that only neighbours are compared."""

    def __init__(self) -> None:
        self.dots: list[Dot] = []
        self._cells: dict[tuple[int, int], list[Dot]] = {}

    def add(self, dot: Dot) -> None:
        """Keep a dot that touches none."""
        side = 2 * DOTS[0] + SPACE
        column, row = math.floor(dot.x / side), math.floor(dot.y / side)
        for x in (column - 1, column, column + 1):
            for y in (row - 1, row, row + 1):
                for other in self._cells.get((x, y), ()):
                    apart = math.hypot(dot.x - other.x, dot.y - other.y)
                    if apart < dot.radius + other.radius + SPACE:
                        return
        self._cells.setdefault((column, row), []).append(dot)
        self.dots.append(dot)


def _between(limits: tuple[float, float], share: float) -> float:
    """Return what lies at a share of the way between two luminances, in equal ratios."""
    low, high = limits
    return float(low * (high / low) ** share)


def _cover(
    light: NDArray[np.float64], middle: float, radius: float, dot: Dot, colour: NDArray[np.float64]
) -> None:
    """Mix a dot's light into the plate's ``(side, side, 3)``: edges by the share of each pixel.

    Light is mixed, not codes: a mixture with neutral ground stays on the confusion line.
    """
    x, y, reach = middle + dot.x * radius, middle + dot.y * radius, dot.radius * radius
    left, top = math.floor(x - reach), math.floor(y - reach)
    size = math.ceil(2 * reach) + 2
    rows, columns = np.mgrid[top : top + size, left : left + size] + 0.5
    share = np.clip(reach - np.hypot(columns - x, rows - y) + 0.5, 0, 1)[..., None]
    part = light[top : top + size, left : left + size]
    part += share * (colour - part)
