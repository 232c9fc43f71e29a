"""Predictions with the maps of other images, computed from the files of a study.

`prediction` needs them for its control: whole maps are dealt to other images and the
prediction is recomputed from the pixels, so that everything that maps have in common (a
centre bias, say) stays in the control.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fechner.analysis.ratings.correlation import cross_predictions
from fechner.analysis.ratings.matrices import require_columns
from fechner.errors import InputError
from fechner.records.images.files import read_image, read_map_png

LONGEST_SIDE = 512
"""Side in px to which errors and maps are averaged down; weighted means barely move."""


def dealt_maps(
    stimuli: pd.DataFrame,
    stimuli_folder: Path,
    maps_folder: Path,
    *,
    low: str = "low",
    high: str = "high",
    intact: str = "intact",
) -> np.ndarray:
    """Return ``cross[i, j]``: predicted ``impact(high) - impact(low)`` of image i by map j.

    Parameters
    ----------
    stimuli
        The table stimuli.csv: scene, region, file.
    stimuli_folder, maps_folder
        Where the PNGs lie; a map is ``SCENE.png``.

    Returns
    -------
    numpy.ndarray
        float64 (n_images, n_images) in squared grey levels, images in alphabetical order.

    Raises
    ------
    InputError
        If a column, an arm, a file or a map is missing.
    """
    require_columns(stimuli, ("scene", "region", "file"), table="stimuli")
    scenes = sorted(stimuli["scene"].astype(str).unique())
    errors, maps = {}, {}
    for scene in scenes:
        rows = stimuli[stimuli["scene"].astype(str) == scene]
        reference = read_image(stimuli_folder / _files(rows, intact, scene)[0]).astype(np.float64)
        errors[scene] = (
            _error(reference, rows, low, scene, stimuli_folder),
            _error(reference, rows, high, scene, stimuli_folder),
        )
        maps[scene] = _reduced(read_map_png(maps_folder / f"{scene}.png"))
    return cross_predictions(errors, maps)


def _files(rows: pd.DataFrame, region: str, scene: str) -> list[str]:
    files = rows.loc[rows["region"] == region, "file"].astype(str).tolist()
    if not files:
        raise InputError(f"scene {scene!r} has no arm {region!r}; rebuild the stimuli")
    return files


def _error(
    reference: np.ndarray, rows: pd.DataFrame, region: str, scene: str, folder: Path
) -> np.ndarray:
    """Return the squared error (h, w), mean over channels, families and levels, averaged down."""
    degraded = [read_image(folder / name) for name in _files(rows, region, scene)]
    errors = [np.square(reference - image).mean(axis=2) for image in degraded]
    return _reduced(np.mean(errors, axis=0))


def _reduced(values: np.ndarray) -> np.ndarray:
    h, w = values.shape
    scale = LONGEST_SIDE / max(h, w)
    if scale >= 1:
        return values
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)
