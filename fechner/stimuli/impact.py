"""How much a stimulus lost, everywhere and where it matters.

Each figure is a mean of squared errors; weights have mean 1 over the picture, so all
of them are in squared 8-bit grey levels and equal the plain one under equal weights.
"""

from __future__ import annotations

import numpy as np

from fechner.errors import RefusedError


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


def weighted_error(error: np.ndarray, weights: np.ndarray) -> float:
    """Return ``mean(weights * error)``, squared grey levels."""
    return float((weights * error).mean())
