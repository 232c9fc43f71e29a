"""Means over images with their interval; what is not defined is left out and counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def mean_interval(values: NDArray, *, level: float = 0.95) -> tuple[float, float, float, int]:
    """Return mean, both ends of Student's interval, and the number of defined values.

    Parameters
    ----------
    values : (n,)
        One number an image, NaN where it is not defined.
    level
        Of the interval.

    Returns
    -------
    tuple
        Mean and ends are NaN where no value, and the ends where fewer than two, are defined.

    Examples
    --------
    >>> mean, low, high, n = mean_interval(np.array([1.0, 2.0, 3.0, np.nan]))
    >>> f"{mean} [{low:.2f}, {high:.2f}] of {n}"
    '2.0 [-0.48, 4.48] of 3'
    """
    told = np.asarray(values, np.float64)
    told = told[np.isfinite(told)]
    n = len(told)
    if not n:
        return float("nan"), float("nan"), float("nan"), 0
    mean = float(told.mean())
    if n < 2:
        return mean, float("nan"), float("nan"), 1
    half = float(stats.t.ppf(0.5 + level / 2, n - 1) * told.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half, n
