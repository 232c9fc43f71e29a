"""Which scene lends its region to which: the control that knows no map of the scene.

A donor region has the area, the shapes and the centre prior of a high region, but
comes from another picture. Every scene gives once and takes once (a derangement).
A region may be reflected left to right on the way. Of all derangements the one is
taken in which the same strength removes most nearly the same information under the
donor region as under the scene's own; the map of the receiving scene plays no part.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from fechner.compression.degrading.families import gaussian

FORBIDDEN = 1e12
"""Cost of a scene that would take its own region."""


def mismatch(error: np.ndarray, own: np.ndarray, donors: Sequence[np.ndarray]) -> np.ndarray:
    """Return ``|log(error under a donor's region / under the scene's own)|``, one a donor.

    Regions are compared block by block, not pixel by pixel: a pair of scenes takes about 70
    microseconds (24 x 32 blocks), where stretching and filtering whole masks took 42 milliseconds,
    and there are two pairs for every two scenes.

    Parameters
    ----------
    error
        ``(rows, columns)``: squared error of each block when everything is degraded.
    own
        The blocks of the scene's own high region, bool ``(rows, columns)``.
    donors
        The blocks of the other scenes' high regions, bool, on grids of any shape.

    Returns
    -------
    numpy.ndarray
        ``(n_donors,)``, 0 or more.
    """
    error, own = np.asarray(error, float), np.asarray(own, bool)
    mine = error[own].mean()
    theirs = [error[_lying_on(donor, own)].mean() for donor in donors]
    return np.abs(np.log(np.maximum(theirs, 1e-9) / max(mine, 1e-9)))


def _lying_on(donor: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the blocks of a scene that another's region would cover, as many as its own.

    As `compression.regions.controls.donor_region` chooses them; a region on a grid of the same
    shape comes back unchanged.
    """
    blocks = int(own.sum())
    if donor.shape == own.shape and int(donor.sum()) == blocks:
        return donor
    size = (own.shape[1], own.shape[0])
    found = cv2.resize(donor.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    covered = np.asarray(found, np.float32)
    order = np.lexsort((-gaussian(covered, 2.0).ravel(), -np.round(covered.ravel(), 3)))
    chosen = np.zeros(own.size, bool)
    chosen[order[:blocks]] = True
    return chosen.reshape(own.shape)


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
