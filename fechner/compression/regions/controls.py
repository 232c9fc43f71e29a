"""Control regions: they ignore importance, or take it from elsewhere.

A difference between a region of high and one of low importance says something about
the map only beside regions that have the same area but not the map's choice.
"""

from __future__ import annotations

import cv2
import numpy as np

from fechner.compression.degrading.families import gaussian
from fechner.compression.light import Plane
from fechner.compression.regions.blocks import BlockGrid
from fechner.compression.regions.covariates import eccentricity
from fechner.compression.regions.program import coverage
from fechner.errors import RefusedError


def donor_region(grid: BlockGrid, donor: np.ndarray, blocks: int) -> np.ndarray:
    """Return another picture's region on this picture, bool ``(height, width)``.

    The donor's mask is stretched to this picture; the `blocks` blocks that it covers
    most are taken, so that the area is exactly that of this picture's own regions.
    A mask from a picture of the same size comes back unchanged.
    """
    size = (grid.width, grid.height)
    mask = np.asarray(donor, np.float32)
    stretched = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.float32)
    covered = grid.means(stretched)
    nearby = grid.means(gaussian(stretched, 2.0 * grid.block))
    order = np.lexsort((-nearby, -np.round(covered, 3)))
    chosen = np.zeros(grid.count, bool)
    chosen[order[:blocks]] = True
    return grid.mask(chosen)


def random_region(
    grid: BlockGrid, *, patches: int, side: int, rng: np.random.Generator
) -> np.ndarray:
    """Return patches at random places that do not overlap.

    Parameters
    ----------
    grid
        The blocks of the picture.
    patches, side
        How many, and their side in blocks.
    rng
        Draws the places.

    Returns
    -------
    numpy.ndarray
        bool ``(height, width)``.

    Raises
    ------
    RefusedError
        If so many patches do not fit side by side.
    """
    cover = coverage(grid, side).tocsc()
    for _ in range(200):
        taken = np.zeros(grid.count)
        free = np.ones(cover.shape[1], bool)
        for _ in range(patches):
            if not free.any():
                break
            place = rng.choice(np.flatnonzero(free))
            taken += cover[:, [place]].toarray().ravel()
            free = cover.T @ taken == 0
        else:
            return grid.mask(taken > 0)
    raise RefusedError(
        f"{patches} random patches of {side} x {side} blocks do not fit the picture; "
        "choose a smaller share"
    )


def mirrored(mask: np.ndarray) -> np.ndarray:
    """Return a region reflected left to right: the same area, shape and eccentricity."""
    return np.ascontiguousarray(np.asarray(mask)[:, ::-1])


def centre_region(grid: BlockGrid, blocks: int) -> np.ndarray:
    """Return the `blocks` blocks nearest the picture's centre, bool ``(height, width)``."""
    distance = grid.means(eccentricity(grid.height, grid.width))
    chosen = np.zeros(grid.count, bool)
    chosen[np.argsort(distance, kind="stable")[:blocks]] = True
    return grid.mask(chosen)


def middle_map(importance: np.ndarray) -> Plane:
    """Return a map that is high where `importance` is near its median: its rank's closeness to 1/2.

    `matched_regions` on it gives a region of middling importance as its high arm.
    """
    flat = np.asarray(importance).ravel()
    rank = np.empty(flat.size, np.float32)
    rank[np.argsort(flat, kind="stable")] = np.linspace(0, 1, flat.size, dtype=np.float32)
    return (1 - 2 * np.abs(rank - 0.5)).reshape(np.shape(importance))
