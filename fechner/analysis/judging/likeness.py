"""How alike two maps of one picture are, in the order of places."""

from __future__ import annotations

import numpy as np

from fechner.analysis.judging.weighing import resized
from fechner.analysis.network.alignment.ranks import spearman

SIDE = 48
"""Longer side in places at which maps are compared: finer, neighbours only repeat each other."""


def likeness(one: np.ndarray | None, other: np.ndarray | None) -> float:
    """Return Spearman's correlation over places of two maps; NaN where one is constant or missing.

    Parameters
    ----------
    one, other
        Each (height, width), of any size and one aspect ratio.

    Examples
    --------
    >>> one = np.arange(12.0).reshape(3, 4)
    >>> likeness(one, one**3), likeness(one, -one), likeness(one, np.ones((3, 4)))
    (1.0, -1.0, nan)
    """
    if one is None or other is None:
        return float("nan")
    # The coarser of the two is not enlarged: what interpolation adds, the finer does not have.
    coarser = min((one, other), key=np.size)
    scale = min(1.0, SIDE / max(coarser.shape))
    shape = max(1, round(coarser.shape[0] * scale)), max(1, round(coarser.shape[1] * scale))
    x, y = (resized(np.asarray(plane, np.float64), shape).ravel() for plane in (one, other))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return spearman(x, y)
