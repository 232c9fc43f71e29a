"""Marks of people on the pixels of a picture: where they lie, and how densely.

Points are places; a mark with a radius is the area that its brush covered, and each place counts by
the share of the participants who covered it.

Everything is taken at the size to which maps are averaged down (at most 512 pixels long), so that
maps and marks meet pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fechner.analysis.judging.weighing import resized
from fechner.analysis.ratings.prediction.pixels import LONGEST_SIDE
from fechner.records.journal.painted import paint
from fechner.records.map_worth.marks import MarkedImage

SPREAD = 1 / 32
"""SD of the Gaussian that makes a density of points, in longer sides of the picture: about one
degree of visual angle where the picture spans 32 degrees, as it does in common set-ups."""


HALF_DIAGONAL = 0.5**0.5
"""Of a pixel, in pixels: a circle of this radius holds the middle of one wherever it lies."""


@dataclass(frozen=True, eq=False)
class HumanPlane:
    """Marks in one picture.

    Attributes
    ----------
    weights
        float64 ``(h, w)``: how much each pixel was marked; for points, 1 at each marked pixel;
        for areas, the share of those who marked the picture that covered it.
    density
        float64 ``(h, w)``: points or areas smoothed; a map of people as it is.
    points
        Whether marks are points or areas, so that a place without one is unmarked.
    """

    weights: NDArray[np.float64]
    density: NDArray[np.float64]
    points: bool


def working_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Return the size at which maps and marks of a picture of `shape` (height, width) meet."""
    scale = min(1.0, LONGEST_SIDE / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def human_plane(
    marked: MarkedImage,
    shape: tuple[int, int],
    *,
    spread: float = SPREAD,
    only: Sequence[str] | None = None,
) -> HumanPlane:
    """Return the marks of a picture as planes.

    Parameters
    ----------
    marked
        What people marked.
    shape
        Height and width of the picture.
    spread
        SD of the density of points and areas, in longer sides.
    only
        The participants whose marks count; None is everybody.

    Returns
    -------
    HumanPlane
    """
    if marked.weights is not None:
        plane = marked_weights(marked, shape)
        return HumanPlane(plane, plane, points=False)
    weights = marked_weights(marked, shape, only=only)
    counts = weights if marked.paths else _points(marked, shape, only)
    return HumanPlane(weights, _smooth(counts, spread), points=True)


def marked_weights(
    marked: MarkedImage, shape: tuple[int, int], *, only: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Return how much each pixel was marked, as `HumanPlane.weights` says, ``(h, w)``.

    Parameters
    ----------
    marked, shape, only
        As for `human_plane`.
    """
    if marked.weights is not None:
        return resized(marked.weights.astype(np.float64), working_shape(shape))
    if marked.paths:
        return covered_share(marked, shape, only=only)
    return (_points(marked, shape, only) > 0).astype(np.float64)


def _points(
    marked: MarkedImage, shape: tuple[int, int], only: Sequence[str] | None
) -> NDArray[np.float64]:
    """Return how many points lie on each pixel, ``(h, w)``."""
    h, w = working_shape(shape)
    mine = np.ones(len(marked.x), bool)
    if only is not None and marked.participants is not None:
        mine = np.isin(marked.participants, list(only))
    rows = np.minimum((marked.y[mine] * h / shape[0]).astype(int), h - 1)
    columns = np.minimum((marked.x[mine] * w / shape[1]).astype(int), w - 1)
    counts = np.zeros((h, w))
    np.add.at(counts, (rows, columns), 1)
    return counts


def _smooth(plane: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    # Nobody marks outside the picture: the density there is not folded back into it.
    sd = spread * max(plane.shape)
    soft = cv2.GaussianBlur(plane, (0, 0), sd, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(soft, np.float64)


def covered_share(
    marked: MarkedImage, shape: tuple[int, int], *, only: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Return the share of participants whose brushes covered each place, ``(h, w)`` in [0, 1].

    Parameters
    ----------
    marked
        Marks with a radius.
    shape
        Height and width of the picture.
    only
        The participants that count; None is everybody who marked it.
    """
    areas = _areas(marked, shape)
    counted = [code for code in areas if only is None or code in set(only)]
    total = np.zeros(working_shape(shape))
    for code in counted:
        total += areas[code]
    return total / max(1, len(counted))


@lru_cache(maxsize=1)
def _areas(marked: MarkedImage, shape: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Return what each participant covered; halves of the same people ask for it again and again.

    A pixel of the working size is covered where its middle is (`records.journal.painted`); a brush
    smaller than that covers the pixel that it stands on.
    """
    h, w = working_shape(shape)
    scale = np.array([w / shape[1], h / shape[0]])
    areas: dict[str, NDArray[np.bool_]] = {}
    for one in marked.paths:
        area = areas.setdefault(one.participant, np.zeros((h, w), bool))
        places = (one.points + 0.5) * scale - 0.5
        paint(area, places.tolist(), max(one.radius * float(scale.mean()), HALF_DIAGONAL))
    return areas
