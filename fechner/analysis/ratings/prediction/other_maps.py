"""Predicted harm when the map of another image weighs an image's errors.

`prediction` needs it for its control: whole maps change places and the prediction is
recomputed from the pixels, so that everything that maps have in common (a centre bias,
say) stays in the control.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from fechner.errors import InputError
from fechner.records.images.files import read_image
from fechner.records.maps import read_map
from fechner.records.stimuli import INTACT, StimulusSet

LONGEST_SIDE = 512
"""Side in px to which errors and maps are averaged down; weighted means barely move."""


def predictions_with_other_maps(
    stimuli: StimulusSet, maps: Path, *, low: str = "low", high: str = "high"
) -> np.ndarray:
    """Return ``cross[i, j]``: predicted ``impact(high) - impact(low)`` of image i by map j.

    Parameters
    ----------
    stimuli
        The pictures.
    maps
        Folder of the importance maps, one a scene.
    low, high
        Names of the regions.

    Returns
    -------
    numpy.ndarray
        float64 (n_images, n_images) in squared grey levels, images in alphabetical order.

    Raises
    ------
    InputError
        If an arm, a picture or a map is missing, or a map was changed.
    """
    errors, importance = {}, {}
    for scene in sorted(stimuli.scenes):
        reference = read_image(_pictures(stimuli, scene, INTACT)[0]).astype(np.float64)
        errors[scene] = (
            _error(reference, _pictures(stimuli, scene, low)),
            _error(reference, _pictures(stimuli, scene, high)),
        )
        importance[scene] = _reduced(read_map(maps, scene).values)
    return cross_predictions(errors, importance)


def cross_predictions(
    squared_errors: Mapping[str, tuple[np.ndarray, np.ndarray]], maps: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return ``cross[i, j]``: predicted harm of image i, weighed by the map of image j.

    Parameters
    ----------
    squared_errors
        Image and its two squared errors (low arm, high arm), each float (h, w), averaged over
        colour channels, in squared grey levels.
    maps
        Image and its importance map, float [0, 1]; maps of another size are resampled.

    Returns
    -------
    numpy.ndarray
        float64 (n_images, n_images), images in alphabetical order.
    """
    names = sorted(squared_errors)
    missing = [name for name in names if name not in maps]
    if missing:
        raise InputError(f"no importance map for image {missing[0]!r}; compute the maps first")
    return np.array(
        [[_weighted(*squared_errors[i], maps[j]) for j in names] for i in names], dtype=float
    )


def _weighted(low: np.ndarray, high: np.ndarray, importance: np.ndarray) -> float:
    if importance.shape != low.shape:
        size = (low.shape[1], low.shape[0])
        importance = cv2.resize(importance.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    weights = importance / max(float(importance.mean()), 1e-12)
    return float((weights * (high - low)).mean())


def _pictures(stimuli: StimulusSet, scene: str, region: str) -> list[Path]:
    found = [s for s in stimuli.stimuli if s.scene == scene and s.region == region]
    if not found:
        raise InputError(f"scene {scene!r} has no arm {region!r}; rebuild the stimuli")
    return [stimuli.unchanged_path(stimulus) for stimulus in found]


def _error(reference: np.ndarray, pictures: list[Path]) -> np.ndarray:
    """Return the squared error (h, w), mean over channels, families and levels, averaged down."""
    errors = [np.square(reference - read_image(path)).mean(axis=2) for path in pictures]
    return _reduced(np.mean(errors, axis=0))


def _reduced(values: np.ndarray) -> np.ndarray:
    h, w = values.shape
    scale = LONGEST_SIDE / max(h, w)
    if scale >= 1:
        return values
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)
