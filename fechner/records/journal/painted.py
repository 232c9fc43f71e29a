"""Which pixels of an image a mark covers: the same on the screen, in exports and in maps.

A pixel is covered where the distance of its middle from the path of the brush (a chain of
straight pieces between the points of a stroke; for a click, its one point) is at most the radius.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from fechner.records.journal.marks import Stroke

Place = Sequence[float]
"""Column and row of a pixel; further numbers, such as its time, are not read."""


def painted(strokes: Iterable[Stroke], size: tuple[int, int]) -> np.ndarray:
    """Return where an image of `size` (width, height) is covered by any stroke, bool (h, w).

    Examples
    --------
    >>> stroke = Stroke(points=((2, 1, 0.0), (4, 1, 80.0)), radius=1.0)
    >>> painted([stroke], (7, 3)).astype(int)
    array([[0, 0, 1, 1, 1, 0, 0],
           [0, 1, 1, 1, 1, 1, 0],
           [0, 0, 1, 1, 1, 0, 0]])
    """
    mask = np.zeros((size[1], size[0]), bool)
    for stroke in strokes:
        paint(mask, stroke.points, stroke.radius)
    return mask


def paint(mask: np.ndarray, points: Sequence[Place], radius: float) -> None:
    """Set `mask` (h, w) to True where a path through `points` covers it, in place."""
    for first, second in zip(points, [*points[1:], points[-1]], strict=True):
        rows, columns = piece_box(mask.shape, first, second, radius)
        near = _distance(rows, columns, first, second) <= radius
        mask[rows, columns] |= near


def piece_box(
    shape: tuple[int, ...], first: Place, second: Place, margin: float
) -> tuple[slice, slice]:
    """Return the rows and columns of an image that lie within `margin` px of a straight piece."""
    reach = int(np.ceil(margin))
    ranges = []
    for axis, length in ((1, shape[0]), (0, shape[1])):
        low = int(min(first[axis], second[axis])) - reach
        high = int(max(first[axis], second[axis])) + reach + 1
        ranges.append(slice(max(low, 0), min(max(high, 0), length)))
    return ranges[0], ranges[1]


def _distance(rows: slice, columns: slice, first: Place, second: Place) -> np.ndarray:
    """Return the distance in px of every pixel of a box from a straight piece."""
    y = np.arange(rows.start, rows.stop)[:, None] - first[1]
    x = np.arange(columns.start, columns.stop)[None] - first[0]
    dx, dy = second[0] - first[0], second[1] - first[1]
    length = dx * dx + dy * dy
    share = np.clip((x * dx + y * dy) / length, 0, 1) if length else 0.0
    return np.hypot(x - share * dx, y - share * dy)
