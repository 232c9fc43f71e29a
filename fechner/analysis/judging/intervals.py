"""Means over images with their interval; what is not defined is left out and counted.

A correlation ends at -1 and 1, and so does the interval of its mean. Student's on the values leaves
them as soon as two or three images are all there is. Taken on Fisher's scale it cannot: with m the
mean and s its standard error,

    tanh(artanh(m) -+ t s / (1 - m^2)),

which is Student's own interval where m is far from the ends or s small. Over 20 000 sets of images
whose correlations scatter by .3 to .5 on Fisher's scale it holds the true mean in 92 to 95 % of
them with 2 to 30 images; Student's holds it in 88 to 95 %, and leaves -1 to 1 in 76 to 90 % of the
sets of two images and in 25 to 80 % of those of three.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Limits = tuple[float, float]
CORRELATION: Limits = (-1.0, 1.0)
AREA: Limits = (0.0, 1.0)

LIMITS: dict[str, Limits] = {
    "pearson": CORRELATION,
    "pearson given contrast": CORRELATION,
    "loss": CORRELATION,
    "loss at equal mse": CORRELATION,
    "loss given contrast": CORRELATION,
    "auc": AREA,
    "auc_judd": AREA,
    "auc_shuffled": AREA,
}
"""The least and the largest value of a measure; others (NSS, deletion, insertion) have none."""


def difference_limits(measure: str) -> Limits | None:
    """Return the limits of the difference of two values of a measure, None without any.

    Examples
    --------
    >>> difference_limits("pearson"), difference_limits("nss")
    ((-2.0, 2.0), None)
    """
    limits = LIMITS.get(measure)
    return None if limits is None else (limits[0] - limits[1], limits[1] - limits[0])


def mean_interval(
    values: NDArray, *, limits: Limits | None = None, level: float = 0.95
) -> tuple[float, float, float, int]:
    """Return mean, both ends of its interval, and the number of defined values.

    Parameters
    ----------
    values : (n,)
        One number an image, NaN where it is not defined.
    limits
        Which values there can be; the interval then lies within them. None: Student's own.
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
    >>> mean, low, high, n = mean_interval(np.array([0.3, 0.7]), limits=(-1, 1))
    >>> f"{mean} [{low:.2f}, {high:.2f}] of {n}"
    '0.5 [-0.99, 1.00] of 2'
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
    if limits is None:
        return mean, mean - half, mean + half, n
    return mean, *_within(mean, half, limits), n


def _within(mean: float, half: float, limits: Limits) -> tuple[float, float]:
    """Return ``mean -+ half`` taken on Fisher's scale between the limits."""
    middle, reach = (limits[0] + limits[1]) / 2, (limits[1] - limits[0]) / 2
    m = (mean - middle) / reach
    if half == 0 or abs(m) >= 1:
        # A mean at a limit leaves no scatter: all values are that limit.
        return mean, mean
    away = half / reach / (1 - m**2)
    ends = np.tanh(np.arctanh(m) + np.array([-away, away]))
    low, high = (float(end) for end in middle + reach * ends)
    return min(low, mean), max(high, mean)
