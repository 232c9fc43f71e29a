"""Predicted harm when the map of another image weighs an image's errors.

`tracking` needs it for its control: whole maps change places and the prediction is recomputed
from the pixels, so that everything that maps have in common (a centre bias, say) stays in the
control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fechner.analysis.ratings.prediction.pixels import ScenePixels
from fechner.errors import InputError


def cross_predictions(scenes: Sequence[ScenePixels], maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return ``cross[i, j]``: predicted ``impact(high) - impact(low)`` of image i by map j.

    Parameters
    ----------
    scenes
        What was removed from each image, in alphabetical order of the scenes.
    maps
        Image and its importance map, float [0, 1]; maps of another size are resampled.

    Returns
    -------
    numpy.ndarray
        float64 (n_images, n_images) in squared grey levels.

    Raises
    ------
    InputError
        If an image has no map.
    """
    names = [one.scene for one in scenes]
    missing = [name for name in names if name not in maps]
    if missing:
        raise InputError(f"no importance map for image {missing[0]!r}; compute the maps first")
    harms = [[one.weighted(maps[name]) for name in names] for one in scenes]
    return np.array([[high - low for low, high in row] for row in harms], dtype=float)
