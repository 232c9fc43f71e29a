"""What a picture lost against its intact one, as every row of a stimulus set says it."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from fechner.compression.metrics.local_errors import squared_error
from fechner.compression.metrics.quality import ssim
from fechner.rival_maps import centre_weights
from fechner.stimuli.impact import importance_weights, weighted_error


class Losses(TypedDict):
    """Errors in squared 8-bit grey levels, structural similarity in [-1, 1]."""

    mse: float
    ssim: float
    predicted_impact: float
    centre_error: float


def losses(intact: np.ndarray, shown: np.ndarray, importance: np.ndarray) -> Losses:
    """Return what a picture lost: plainly, structurally, where it matters, near the centre.

    Parameters
    ----------
    intact, shown
        uint8 (height, width, 3).
    importance
        Map (height, width), 0 or more.

    Returns
    -------
    Losses

    Raises
    ------
    RefusedError
        If the map is 0 everywhere.
    """
    error = squared_error(intact, shown)
    return {
        "mse": float(error.mean()),
        "ssim": ssim(intact, shown),
        "predicted_impact": weighted_error(error, importance_weights(importance)),
        "centre_error": weighted_error(error, centre_weights(*error.shape)),
    }
