"""Other predictions of the same harm: what does the importance map know that these do not.

A rival is a number for each arm of each image. Most weigh the squared errors, as the map does,
by another map: the importance map mirrored, the contrast of the original, its saliency. Others
stand in the table of stimuli (centre bias, plain squared error, structural similarity) or are
given as numbers, such as the distance between activations of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fechner.analysis.ratings.prediction.other_maps import cross_predictions
from fechner.analysis.ratings.prediction.pixels import ScenePixels, averaged_down, each_scene
from fechner.records.maps import read_map
from fechner.records.stimuli import StimulusSet

CONTRAST_WINDOW = 1 / 64
"""SD of the Gaussian window of local contrast, in longer sides of the picture."""

SALIENCY_SIDE = 64
"""Width in px at which the spectral residual is taken (Hou and Zhang 2007)."""

SALIENCY_BLUR = 2.5
"""SD in px of the Gaussian on the saliency map, as in the authors' program."""


@dataclass(frozen=True)
class RivalPrediction:
    """What a rival predicts.

    Attributes
    ----------
    name, about
        What it is called, and how it is made, in a few words.
    arms
        Scene and the predicted harm of its low and its high arm, in any unit; more is worse.
    """

    name: str
    about: str
    arms: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class PixelPredictions:
    """What the statistics take from the pictures: `cross` as in `other_maps`, and rivals."""

    cross: np.ndarray
    rivals: list[RivalPrediction] = field(default_factory=list)


def pixel_predictions(
    stimuli: StimulusSet, maps: Path, *, low: str = "low", high: str = "high"
) -> PixelPredictions:
    """Read every picture once, and predict by each map of the set and by each rival.

    Parameters
    ----------
    stimuli
        The pictures.
    maps
        Folder of the importance maps, one a scene.
    low, high
        Names of the regions.

    Raises
    ------
    InputError
        If an arm or a map is missing, or a map was changed.
    RefusedError
        If a picture is missing or was changed.
    """
    scenes: list[ScenePixels] = []
    importance: dict[str, np.ndarray] = {}
    arms: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in WEIGHTS}
    for one in each_scene(stimuli, low=low, high=high):
        importance[one.scene] = averaged_down(read_map(maps, one.scene).values)
        for name, rival in WEIGHTS.items():
            arms[name][one.scene] = one.weighted(rival.of(one.luma, importance[one.scene]))
        # The errors are all that the shuffled maps need; full pictures of all scenes would not fit.
        scenes.append(ScenePixels(one.scene, one.luma[:0], one.low, one.high))
    rivals = [RivalPrediction(name, WEIGHTS[name].about, found) for name, found in arms.items()]
    return PixelPredictions(cross_predictions(scenes, importance), rivals)


def mirrored_map(luma: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """Return the importance map with left and right exchanged."""
    return importance[:, ::-1]


def local_contrast(luma: np.ndarray, importance: np.ndarray | None = None) -> np.ndarray:
    """Return the contrast energy around each pixel, squared grey levels, (height, width).

    ``G * Y^2 - (G * Y)^2`` with a Gaussian window G of SD 1/64 of the longer side: the squared
    RMS contrast of Frazor and Geisler (2006), not divided by the local mean, since grey levels
    are already compressed.
    """
    sd = CONTRAST_WINDOW * max(luma.shape)
    values = luma.astype(np.float64)
    mean = cv2.GaussianBlur(values, (0, 0), sd)
    return np.maximum(cv2.GaussianBlur(values**2, (0, 0), sd) - mean**2, 0)


def spectral_residual(luma: np.ndarray, importance: np.ndarray | None = None) -> np.ndarray:
    """Return the saliency of the spectral residual (Hou and Zhang 2007), at 64 px width.

    With A and P amplitude and phase of the Fourier transform and h a 3 x 3 mean,

        R = log A - h * log A,     S = g * |F^-1 exp(R + i P)|^2
    """
    h, w = luma.shape
    size = (SALIENCY_SIDE, max(1, round(SALIENCY_SIDE * h / w)))
    small = cv2.resize(luma.astype(np.float64), size, interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(small)
    # A flat picture has amplitudes of exactly 0 beside the mean; their logarithm must stay finite.
    log_amplitude = np.log(np.abs(spectrum) + 1e-9)
    residual = log_amplitude - cv2.blur(log_amplitude, (3, 3), borderType=cv2.BORDER_REPLICATE)
    back = np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))
    return cv2.GaussianBlur(np.abs(back) ** 2, (0, 0), SALIENCY_BLUR)


@dataclass(frozen=True)
class _Weighing:
    about: str
    of: Callable[[np.ndarray, np.ndarray], np.ndarray]


WEIGHTS = {
    "mirrored map": _Weighing("errors weighted by the mirrored importance map", mirrored_map),
    "local contrast": _Weighing(
        "errors weighted by the local contrast energy of the original", local_contrast
    ),
    "saliency": _Weighing("errors weighted by spectral-residual saliency", spectral_residual),
}
"""Rivals that weigh the squared errors by a map of their own, from luma and importance map."""

COLUMNS = {
    "centre": ("errors weighted by nearness to the centre", "centre_error"),
    "squared error": ("plain mean squared error", "mse"),
    "structural similarity": ("1 - SSIM", "ssim"),
}
"""Rivals that stand in the table of stimuli: how each is made, and its column."""


def rivals_in_table(stimuli: pd.DataFrame, *, low: str, high: str) -> list[RivalPrediction]:
    """Return the rivals whose columns a table of stimuli has, means over families and levels."""
    found = []
    for name, (about, column) in COLUMNS.items():
        if column not in stimuli.columns:
            continue
        values = 1 - stimuli[column] if column == "ssim" else stimuli[column]
        means = values.groupby([stimuli["scene"], stimuli["region"]]).mean().unstack()
        arms = means.reindex(columns=[low, high]).dropna()
        pairs = zip(arms[low], arms[high], strict=True)
        found.append(
            RivalPrediction(
                name,
                about,
                {str(s): (float(a), float(b)) for s, (a, b) in zip(arms.index, pairs, strict=True)},
            )
        )
    return found
