"""Marks of people on the pixels of a picture: where they lie, and how densely.

Everything is taken at the size to which maps are averaged down (at most 512 pixels long), so that
maps and marks meet pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fechner.analysis.judging.weighing import resized
from fechner.analysis.ratings.prediction.pixels import LONGEST_SIDE
from fechner.records.map_worth.marks import MarkedImage

SPREAD = 1 / 32
"""SD of the Gaussian that makes a density of points, in longer sides of the picture: about one
degree of visual angle where the picture spans 32 degrees, as it does in common set-ups."""


@dataclass(frozen=True, eq=False)
class HumanPlane:
    """Marks in one picture.

    Attributes
    ----------
    weights
        float64 ``(h, w)``: how much each pixel was marked; for points, 1 at each marked pixel.
    density
        float64 ``(h, w)``: points smoothed; a map of people as it is.
    points
        Whether marks are points.
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
        SD of the density of points, in longer sides.
    only
        The participants whose points count; None is everybody.

    Returns
    -------
    HumanPlane
    """
    h, w = working_shape(shape)
    if marked.weights is not None:
        plane = resized(marked.weights.astype(np.float64), (h, w))
        return HumanPlane(plane, plane, points=False)
    mine = np.ones(len(marked.x), bool)
    if only is not None and marked.participants is not None:
        mine = np.isin(marked.participants, list(only))
    rows = np.minimum((marked.y[mine] * h / shape[0]).astype(int), h - 1)
    columns = np.minimum((marked.x[mine] * w / shape[1]).astype(int), w - 1)
    counts = np.zeros((h, w))
    np.add.at(counts, (rows, columns), 1)
    # Nobody marks outside the picture: the density there is not folded back into it.
    density: NDArray = cv2.GaussianBlur(
        counts, (0, 0), spread * max(h, w), borderType=cv2.BORDER_CONSTANT
    )
    return HumanPlane((counts > 0).astype(np.float64), density, points=True)


def marked_elsewhere(others: Sequence[HumanPlane], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return how much other pictures were marked at each place of one of `shape` (h, w).

    Places are carried over in shares of height and width. Points stay points, whatever the sizes.
    """
    total = np.zeros(shape)
    for one in others:
        rows, columns = np.nonzero(one.weights)
        h, w = one.weights.shape
        to = ((rows + 0.5) * shape[0] / h).astype(int), ((columns + 0.5) * shape[1] / w).astype(int)
        np.add.at(total, to, one.weights[rows, columns] / one.weights.sum())
    return total
