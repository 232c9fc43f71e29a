"""What SIMULATED participants think of coded pictures, in points of 0..100, by declared worlds.

``judge``
    The quality of the whole picture by MDSI.
``map``
    The quality of the quarter of the picture that its map calls most important, by the similarity
    of gradient magnitudes; what lies outside is never looked at. An encoder that spends its bytes
    on that quarter is better there by construction.
``null``
    Each coded picture of a rate has the mean quality of its arms: no arm is better.

Neither metric is known to any encoder of a set, which steers by sizes or SSIMULACRA2.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from fechner.compression.metrics.local_errors import gms_error
from fechner.compression.ramp import most_important
from fechner.records.images.files import read_image, read_map_png
from fechner.records.stimuli import INTACT, Stimulus, StimulusSet
from fechner.study.demo_images import simulated_quality

SEEN_FROM = 0.0015
"""Mean ``1 - GMS`` at which loss begins to be seen: where the line of DMOS over its logarithm,
least squares over 43 JPEGs of LIVE (Sheikh, Sabir and Bovik 2006; r .94), comes to 0."""
POINTS_A_DOUBLING = 20.0
"""What each doubling beyond it costs. LIVE's participants, who rated one picture at a time, lost 11
points; two pictures side by side are told apart more finely. Chosen so that the answers of
the demonstration settle the world ``map``: it says how sure its verdict is, not which arm it
favours."""

WORLDS = ("judge", "map", "null")
"""Worlds in which coded pictures have points of their own."""

Quality = Callable[[np.ndarray, Stimulus, np.ndarray], float]
"""From the intact picture, the row of a coded one and its pixels to points."""


def simulated_opinions(stimuli: StimulusSet, world: str, maps: Path) -> dict[str, float]:
    """Return the points that the average SIMULATED participant gives each picture of a set.

    Parameters
    ----------
    stimuli
        A set of coded pictures.
    world
        One of `WORLDS`.
    maps
        Folder of the maps, ``SCENE.png`` each; only ``map`` looks at them.

    Returns
    -------
    dict
        Stimulus -> points, [0, 100].
    """
    if world == "map":
        looked = {name: _looked_at(maps / f"{name}.png") for name in stimuli.scenes}
        return _points(
            stimuli,
            lambda intact, one, shown: quality_where_looked(intact, shown, looked[one.scene]),
        )
    points = _points(stimuli, lambda intact, one, shown: simulated_quality(intact, shown))
    return _alike(stimuli, points) if world == "null" else points


def quality_where_looked(intact: np.ndarray, shown: np.ndarray, looked: np.ndarray) -> float:
    """Return the quality of a part of a picture: ``100 - b log2(1 + e / s)``, at least 0.

    e is the mean of ``1 - GMS`` in the part, b `POINTS_A_DOUBLING`, s `SEEN_FROM`.

    Parameters
    ----------
    intact, shown
        uint8 (h, w, 3).
    looked
        (h, w), above 0 where somebody looks.
    """
    error = gms_error(intact, shown)
    weights = cv2.resize(looked.astype(np.float32), error.shape[::-1], interpolation=cv2.INTER_AREA)
    mean = float(np.average(error, weights=weights))
    return max(0.0, float(100 - POINTS_A_DOUBLING * np.log2(1 + mean / SEEN_FROM)))


def _looked_at(path: Path) -> np.ndarray:
    importance = read_map_png(path)
    return most_important(importance, (importance.shape[0], importance.shape[1]))


def _points(stimuli: StimulusSet, quality: Quality) -> dict[str, float]:
    intact = {
        one.scene: read_image(stimuli.image_path(one))
        for one in stimuli.stimuli
        if one.region == INTACT
    }
    return {
        one.stimulus: quality(intact[one.scene], one, read_image(stimuli.image_path(one)))
        for one in stimuli.pictures
    }


def _alike(stimuli: StimulusSet, points: dict[str, float]) -> dict[str, float]:
    """Return the mean points of all arms of a scene and rate, for each of them."""
    alike: dict[tuple[str, int], list[float]] = {}
    for one in stimuli.stimuli:
        alike.setdefault((one.scene, one.level), []).append(points[one.stimulus])
    means = {one.stimulus: float(np.mean(alike[one.scene, one.level])) for one in stimuli.stimuli}
    return points | means
