"""Other predictions of the same harm: what does the importance map know that these do not.

A rival is a number for each arm of each image. Most weigh the squared errors, as the map does,
by another map: the importance map mirrored, the contrast of the original, its saliency, and maps in
folders: those of the same network without the selection's weights, or pictures that the user
brings. Others stand in the table of stimuli: the layer distance, which was frozen beside the map's
prediction, centre bias, plain squared error, structural similarity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from fechner.analysis.ratings.prediction.other_maps import cross_predictions
from fechner.analysis.ratings.prediction.pixels import ScenePixels, averaged_down, each_scene
from fechner.records.map_worth.given import given_maps
from fechner.records.map_worth.study_rivals import RivalMaps
from fechner.records.maps import read_map
from fechner.records.stimuli import LAYER_DISTANCE, StimulusSet
from fechner.rival_maps import local_contrast, mirrored_map, spectral_residual


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
    stimuli: StimulusSet,
    maps: Path,
    rivals: Sequence[RivalMaps] = (),
    *,
    low: str = "low",
    high: str = "high",
) -> PixelPredictions:
    """Read every picture once, and predict by each map of the set and by each rival.

    Parameters
    ----------
    stimuli
        The pictures.
    maps
        Folder of the importance maps, one a scene.
    rivals
        Maps of the same pictures in other folders. One that is 0 everywhere predicts no harm.
    low, high
        Names of the regions.

    Raises
    ------
    InputError
        If an arm or a map is missing, a map was changed, or one of a rival's has another size than
        the picture, or holds what no map holds.
    RefusedError
        If a picture is missing or was changed.
    """
    scenes: list[ScenePixels] = []
    importance: dict[str, np.ndarray] = {}
    arms: dict[str, dict[str, tuple[float, float]]] = {
        name: {} for name in (*WEIGHTS, *(one.name for one in rivals))
    }
    for one in each_scene(stimuli, low=low, high=high):
        importance[one.scene] = averaged_down(read_map(maps, one.scene).values)
        for name, rival in WEIGHTS.items():
            arms[name][one.scene] = one.weighted(rival.of(one.luma, importance[one.scene]))
        for given in rivals:
            found = given_maps(given.folder, {one.scene: one.luma.shape})[one.scene]
            arms[given.name][one.scene] = one.weighted(averaged_down(found))
        # The errors are all that the shuffled maps need; full pictures of all scenes would not fit.
        scenes.append(ScenePixels(one.scene, one.luma[:0], one.low, one.high))
    about = {name: rival.about for name, rival in WEIGHTS.items()}
    about |= {given.name: given.about for given in rivals}
    return PixelPredictions(
        cross_predictions(scenes, importance),
        [RivalPrediction(name, about[name], found) for name, found in arms.items()],
    )


@dataclass(frozen=True)
class _Weighing:
    about: str
    of: Callable[[np.ndarray, np.ndarray], np.ndarray]


WEIGHTS = {
    "mirrored map": _Weighing(
        "errors weighted by the mirrored importance map", lambda luma, own: mirrored_map(own)
    ),
    "local contrast": _Weighing(
        "errors weighted by the local contrast energy of the original",
        lambda luma, own: local_contrast(luma),
    ),
    "saliency": _Weighing(
        "errors weighted by spectral-residual saliency", lambda luma, own: spectral_residual(luma)
    ),
}
"""Rivals that weigh the squared errors by a map of their own, from luma and importance map."""

DISTANCE = "layer distance"
"""The prediction without a map, which every stimulus carries beside that of the map."""

COLUMNS = {
    DISTANCE: ("distance from the intact picture within a network, without a map", LAYER_DISTANCE),
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
