"""Which scene lends its region to which: the control that knows no map of the scene.

A donor region has the area, the shapes and the centre prior of a high region, but
comes from another picture. Every scene gives once and takes once (a derangement).
A region may be reflected left to right on the way. Of all derangements the one is
taken in which the same strength removes most nearly the same information under the
donor region as under the scene's own; the map of the receiving scene plays no part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from fechner.compression.regions.blocks import BlockGrid
from fechner.compression.regions.controls import donor_region

FORBIDDEN = 1e12
"""Cost of a scene that would take its own region."""


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

    Returns
    -------
    numpy.ndarray
        ``(n_donors,)``, 0 or more.
    """
    flat = np.asarray(error).ravel()
    blocks = round(own.sum() / grid.block**2)
    mine = flat[grid.means(own) > 0.5].mean()
    theirs = [flat[grid.means(donor_region(grid, donor, blocks)) > 0.5].mean() for donor in donors]
    return np.abs(np.log(np.maximum(theirs, 1e-9) / max(mine, 1e-9)))


def assign_donors(costs: np.ndarray) -> list[int]:
    """Return for each scene the column of the region that it takes; no scene takes its own.

    Every scene gives once, as it is or mirrored, so that the smallest sum of fourth
    powers of the costs is reached: large mismatches count most.

    Parameters
    ----------
    costs
        ``(n, 2 n)``: row = receiving scene, column j = region of scene j, column
        j + n = the same mirrored.
    """
    costs = np.asarray(costs, float) ** 4
    n = len(costs)
    plain, mirror = costs[:, :n], costs[:, n:]
    best = np.minimum(plain, mirror)
    np.fill_diagonal(best, FORBIDDEN)
    chosen = linear_sum_assignment(best)[1]
    return [int(j) + n * int(mirror[i, j] < plain[i, j]) for i, j in enumerate(chosen)]
