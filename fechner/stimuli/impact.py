"""How much a stimulus lost, everywhere and where it matters.

Each figure is a mean of squared errors; weights have mean 1 over the picture, so all
of them are in squared 8-bit grey levels and equal the plain one under equal weights.
"""

from __future__ import annotations

import numpy as np

from fechner.errors import RefusedError

CENTRE_VARIANCE = 0.22
"""Horizontal variance of fixations in squared half widths (Clarke & Tatler 2014)."""

CENTRE_ASPECT = 0.45
"""Vertical over horizontal variance of fixations (Clarke & Tatler 2014)."""


def squared_error(intact: np.ndarray, degraded: np.ndarray) -> np.ndarray:
    """Return the squared error of every pixel, mean over channels, float64 ``(height, width)``."""
    return np.square(intact.astype(np.float64) - degraded).mean(axis=2)


def importance_weights(importance: np.ndarray) -> np.ndarray:
    """Return an importance map ``(height, width)`` scaled to mean 1.

    Raises
    ------
    RefusedError
        If the map is 0 everywhere.
    """
    importance = np.asarray(importance, np.float64)
    if not importance.mean() > 0:
        raise RefusedError("the importance map is 0 everywhere: nothing can be predicted from it")
    return importance / importance.mean()


def centre_weights(height: int, width: int) -> np.ndarray:
    """Return the centre bias of fixations ``(height, width)`` scaled to mean 1.

    ``exp(-(x^2 + y^2 / 0.45) / (2 * 0.22))`` with x and y in half widths from the
    centre (Clarke & Tatler 2014, Vision Research 102, 41-51).
    """
    y = (np.arange(height)[:, None] - (height - 1) / 2) / (width / 2)
    x = (np.arange(width)[None] - (width - 1) / 2) / (width / 2)
    bias = np.exp(-(x**2 + y**2 / CENTRE_ASPECT) / (2 * CENTRE_VARIANCE))
    return bias / bias.mean()


def weighted_error(error: np.ndarray, weights: np.ndarray) -> float:
    """Return ``mean(weights * error)``, squared grey levels."""
    return float((weights * error).mean())
