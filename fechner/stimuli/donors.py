"""Which scene lends its region to which: the control that knows no map of the scene.

A donor region has the area, the shapes and the centre prior of a high region, but
comes from another picture. Every scene gives once and takes once (a derangement).
Of all derangements the one is taken in which the same strength removes most nearly
the same information under the donor region as under the scene's own regions; the
map of the receiving scene plays no part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from fechner.compression.blocks import BlockGrid
from fechner.compression.regions import donor_region


def mismatch(
    error: np.ndarray, grid: BlockGrid, own: np.ndarray, donors: Sequence[np.ndarray]
) -> np.ndarray:
    """Return ``|log(error under a donor's region / under the scene's own)|``, one a donor.

    Parameters
    ----------
    error
        ``(rows, columns)``: squared error of each block when everything is degraded.
    grid
        The blocks of the scene.
    own
        The scene's own high region, bool ``(height, width)``.
    donors
        The other scenes' high regions, bool, of any size.
    """
    flat = np.asarray(error).ravel()
    blocks = round(own.sum() / grid.block**2)
    mine = flat[grid.means(own) > 0.5].mean()
    theirs = [flat[grid.means(donor_region(grid, donor, blocks)) > 0.5].mean() for donor in donors]
    return np.abs(np.log(np.maximum(theirs, 1e-9) / max(mine, 1e-9)))


def assign_donors(costs: np.ndarray) -> list[int]:
    """Return for each scene the donor that minimises the sum of squared costs, never itself.

    Parameters
    ----------
    costs
        ``(n, n)``, row = receiving scene, column = donor; the diagonal is ignored.
    """
    squared = np.square(np.asarray(costs, float))
    np.fill_diagonal(squared, 1e6)
    return [int(donor) for donor in linear_sum_assignment(squared)[1]]
