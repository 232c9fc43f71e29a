"""A map as weights: when it can weigh, and the mean of a plane that it weighs.

A map that is 0 everywhere weighs nothing and one that is constant has no correlation: such cases
are NaN here, so that they are counted and never averaged in as 0.
"""

from __future__ import annotations

import cv2
import numpy as np


def resized(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a plane at `shape` (h, w): averaged where it shrinks, interpolated where it grows."""
    if values.shape == tuple(shape):
        return values
    grows = shape[0] > values.shape[0] or shape[1] > values.shape[1]
    how = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    return cv2.resize(values, (shape[1], shape[0]), interpolation=how)


def weighted_mean(plane: np.ndarray, weights: np.ndarray | None) -> float:
    """Return ``sum w e / sum w`` over the places where the plane `e` is a number.

    Parameters
    ----------
    plane : (h, w)
        NaN where it says nothing.
    weights : (height, width), optional
        0 or more, of any size; None is a map that could not be made.

    Returns
    -------
    float
        NaN where there are no weights, or all are 0.

    Examples
    --------
    >>> error = np.array([[1.0, 3.0], [np.nan, 5.0]])
    >>> weighted_mean(error, np.ones((2, 2)))
    3.0
    >>> weighted_mean(error, np.array([[0.0, 1.0], [9.0, 1.0]]))
    4.0
    >>> weighted_mean(error, np.zeros((2, 2)))
    nan
    """
    if weights is None:
        return float("nan")
    told = np.isfinite(plane)
    w = resized(np.asarray(weights, np.float64), plane.shape)[told]
    total = w.sum()
    return float(w @ plane[told] / total) if total > 0 else float("nan")
