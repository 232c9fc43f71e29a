"""How a map agrees with where people marked or looked: the measures of Bylinskii and others.

Bylinskii, Judd, Oliva, Torralba and Durand 2019, "What do different evaluation metrics tell us
about saliency models?", IEEE TPAMI 41:740. ``S`` is the map, ``h`` what people marked: 1 at each
marked pixel, or a map of theirs.

``pearson``       correlation over pixels of S with the density of marks
``nss``           mean of ``(S - mean S) / SD S`` at the marks, weighed by h
``auc``           chance that S is higher at a marked pixel than at one without mark, ties half;
                  painted areas weighed by the share of people who painted a pixel; where marks are
                  a map, at a pixel drawn by h than at one drawn anywhere
``auc_judd``      the same area from thresholds at the marked values alone, as published: a
                  trapezium lies over each step, so that it is too high by up to ``1 / (2 n)`` with
                  n marks; for comparison with tables of others, and for points only
``auc_shuffled``  as `auc`, against places marked in other images: a centre bias earns nothing

Each is NaN where it is not defined: a constant map, no marks, no mark elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MEASURES = ("pearson", "nss", "auc", "auc_judd", "auc_shuffled")
CHANCE = {"pearson": 0.0, "nss": 0.0, "auc": 0.5, "auc_judd": 0.5, "auc_shuffled": 0.5}
"""What a map without relation to the marks reaches."""

NOT_DEFINED = float("nan")


def pearson_of_maps(one: NDArray, other: NDArray) -> float:
    """Return Pearson's correlation over pixels of two planes; NaN where one is constant.

    Examples
    --------
    >>> pearson_of_maps(np.array([[0.0, 1.0]]), np.array([[3.0, 5.0]]))
    1.0
    """
    x, y = (np.asarray(plane, np.float64).ravel() for plane in (one, other))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return NOT_DEFINED
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1, 1))


def partial_of_maps(one: NDArray, other: NDArray, given: NDArray) -> float:
    """Return the correlation of two planes with a third held constant; NaN where not defined.

    ``(r12 - r13 r23) / sqrt((1 - r13^2) (1 - r23^2))``

    Examples
    --------
    >>> x, y = np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([[0.0, 2.0, 1.0, 3.0]])
    >>> round(partial_of_maps(x, y, np.array([[1.0, 0.0, 0.0, 1.0]])), 3)
    0.8
    """
    r12, r13, r23 = (pearson_of_maps(a, b) for a, b in ((one, other), (one, given), (other, given)))
    left = (1 - r13**2) * (1 - r23**2)
    return float((r12 - r13 * r23) / np.sqrt(left)) if left > 1e-12 else NOT_DEFINED


def nss(values: NDArray, weights: NDArray) -> float:
    """Return the normalised scanpath saliency (Peters and others 2005).

    Parameters
    ----------
    values, weights : (h, w)
        The map, and how often each pixel was marked.

    Examples
    --------
    >>> nss(np.array([[0.0, 2.0]]), np.array([[0, 1]]))
    1.0
    """
    values = np.asarray(values, np.float64)
    total = float(np.sum(weights))
    if np.ptp(values) == 0 or not total > 0:
        return NOT_DEFINED
    return float((weights * (values - values.mean())).sum() / (values.std() * total))


def auc(values: NDArray, marked: NDArray, unmarked: NDArray) -> float:
    """Return the chance that the map is higher at a marked place, ties counting half.

    Parameters
    ----------
    values, marked, unmarked : (h, w)
        The map, and the weight of each pixel among marked and among unmarked places.

    Examples
    --------
    >>> auc(np.array([[1, 2, 3, 2]]), np.array([[0, 1, 1, 0]]), np.array([[1, 0, 0, 1]]))
    0.875
    """
    values = np.asarray(values, np.float64).ravel()
    marked, unmarked = (np.asarray(one, np.float64).ravel() for one in (marked, unmarked))
    totals = marked.sum() * unmarked.sum()
    if np.ptp(values) == 0 or not totals > 0:
        return NOT_DEFINED
    _, level = np.unique(values, return_inverse=True)
    high, low = (np.bincount(level, weights=one) for one in (marked, unmarked))
    below = np.cumsum(low) - low
    return float((high * (below + low / 2)).sum() / totals)


def auc_judd(values: NDArray, marked: NDArray) -> float:
    """Return the area under the ROC curve as Judd and others 2009 take it.

    Thresholds are the values at marked pixels; between them the curve is straight.

    Parameters
    ----------
    values : (h, w)
        The map.
    marked : (h, w)
        Whether each pixel was marked, bool.

    Examples
    --------
    One mark on the second of four levels lies under ``(0, 0), (1/3, 1), (1, 1)``:

    >>> round(auc_judd(np.array([[4, 3, 2, 1]]), np.array([[False, True, False, False]])), 4)
    0.8333
    """
    marked = np.asarray(marked, bool)
    if np.ptp(values) == 0 or not marked.any() or marked.all():
        return NOT_DEFINED
    at, elsewhere = np.asarray(values)[marked], np.asarray(values)[~marked]
    levels = np.unique(at)[::-1]
    hits = (len(at) - np.searchsorted(np.sort(at), levels)) / len(at)
    alarms = (len(elsewhere) - np.searchsorted(np.sort(elsewhere), levels)) / len(elsewhere)
    y, x = np.concatenate([[0], hits, [1]]), np.concatenate([[0], alarms, [1]])
    return float(((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum())
