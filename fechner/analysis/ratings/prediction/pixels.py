"""What was removed from each image, place by place: squared errors, and maps that weigh them.

The one place where the statistics look at pictures. `other_maps` and `rivals` weigh the
errors of `ScenePixels` by different maps; everything is averaged down to at most
`LONGEST_SIDE`, which moves weighted means by less than .2 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fechner.errors import InputError
from fechner.records.images.files import read_image
from fechner.records.stimuli import INTACT, StimulusSet
from fechner.rival_maps import luma_of

LONGEST_SIDE = 512
"""Side in px to which errors and maps are averaged down."""


@dataclass(frozen=True, eq=False)
class ScenePixels:
    """One scene: its intact picture, and what each of two arms took from it.

    Attributes
    ----------
    scene
        Its name.
    luma
        float32 (height, width) of the intact picture, [0, 255].
    low, high
        Squared error of each arm, float64 (h, w), mean over colour channels, families and
        levels, in squared grey levels, averaged down.
    """

    scene: str
    luma: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def weighted(self, weights: np.ndarray) -> tuple[float, float]:
        """Return the mean error of the low and of the high arm, weighted by a map (any size).

        The map is scaled to mean 1, so that the unit stays squared grey levels; one that is 0
        everywhere gives 0.
        """
        w = _resized(np.asarray(weights, np.float64), self.low.shape)
        w = w / max(float(w.mean()), 1e-12)
        return float((w * self.low).mean()), float((w * self.high).mean())


def each_scene(stimuli: StimulusSet, *, low: str, high: str) -> Iterator[ScenePixels]:
    """Read the scenes one after another, in alphabetical order.

    Parameters
    ----------
    stimuli
        The pictures.
    low, high
        Names of the regions.

    Raises
    ------
    InputError
        If a scene lacks one of the regions or the intact picture.
    RefusedError
        If a picture is missing or changed.
    """
    for scene in sorted(stimuli.scenes):
        intact = read_image(_pictures(stimuli, scene, INTACT)[0])
        yield ScenePixels(
            scene,
            luma_of(intact),
            _error(intact, _pictures(stimuli, scene, low)),
            _error(intact, _pictures(stimuli, scene, high)),
        )


def _pictures(stimuli: StimulusSet, scene: str, region: str) -> list[Path]:
    found = [s for s in stimuli.stimuli if s.scene == scene and s.region == region]
    if not found:
        raise InputError(f"scene {scene!r} has no arm {region!r}; rebuild the stimuli")
    return [stimuli.unchanged_path(stimulus) for stimulus in found]


def _error(intact: np.ndarray, pictures: list[Path]) -> np.ndarray:
    reference = intact.astype(np.float64)
    errors = [np.square(reference - read_image(path)).mean(axis=2) for path in pictures]
    return averaged_down(np.mean(errors, axis=0))


def averaged_down(values: np.ndarray) -> np.ndarray:
    """Return a map (height, width) whose longer side is at most `LONGEST_SIDE`."""
    h, w = values.shape
    scale = min(1.0, LONGEST_SIDE / max(h, w))
    return _resized(values, (max(1, round(h * scale)), max(1, round(w * scale))))


def _resized(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if values.shape == shape:
        return values
    return cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
