"""A study's maps against the marks of its own participants, scene by scene.

Participants mark degraded images, so that their marks lie where something was degraded. Held
against the map of people (`analysis.ratings.marks`) are therefore the model's map alone, the error
alone, and the error that the map weights, each beside the same with local contrast in the map's
place:

    error(x) = sqrt(G * mean over the scene's degraded images of e(x) w(x)),  w = 1, map, contrast

with e the squared error and G the Gaussian that people's map was smoothed by. The root is taken
because marks say where, hardly how much. All are correlated (Pearson) over the places of people's
own cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.judging.intervals import mean_interval
from fechner.analysis.judging.people_measures import pearson_of_maps
from fechner.analysis.ratings.marks.agreement import MapAgreement
from fechner.analysis.ratings.marks.people_maps import PeopleMap, smoothed
from fechner.records.human_marks.compared import (
    ABOUT,
    CONTRAST,
    ERROR,
    ERROR_BY_CONTRAST,
    ERROR_BY_MAP,
    MAP,
    OverScenes,
    SceneMarks,
)

DIFFERENCES = (
    (MAP, CONTRAST),
    (ERROR_BY_MAP, ERROR),
    (ERROR_BY_MAP, ERROR_BY_CONTRAST),
)
"""What is compared with what: does the map tell more than its rival."""


def scene_marks(
    scene: str,
    people: PeopleMap,
    agreement: MapAgreement,
    *,
    importance: NDArray,
    contrast: NDArray,
    error: NDArray,
    sd_px: float,
) -> SceneMarks:
    """Return how a scene's planes correlate with the map of its participants.

    Parameters
    ----------
    scene
        Its name.
    people, agreement
        The map of people on its degraded images, and how far they agree.
    importance, contrast, error
        ``(height, width)``, 0 or more: the model's map, local contrast of the intact image, and
        the mean squared error of the degraded images.
    sd_px
        SD of the Gaussian in pixels.

    Returns
    -------
    SceneMarks
    """
    planes = {
        MAP: smoothed(importance, sd_px),
        CONTRAST: smoothed(contrast, sd_px),
        ERROR: np.sqrt(smoothed(error, sd_px)),
        ERROR_BY_MAP: np.sqrt(smoothed(error * importance, sd_px)),
        ERROR_BY_CONTRAST: np.sqrt(smoothed(error * contrast, sd_px)),
    }
    share = people.share
    found = {name: _correlation(planes[name], share) for name in ABOUT}
    return SceneMarks(
        scene=scene,
        people=agreement.people,
        nowhere=agreement.nowhere,
        marked_share=agreement.marked_share,
        reliability=agreement.reliability,
        ceiling=agreement.ceiling,
        correlations={name: _told(value) for name, value in found.items()},
    )


def _correlation(plane: NDArray, share: NDArray) -> float:
    # Smoothing leaves a grain of rounding on a plane that is the same everywhere.
    even = float(np.ptp(plane)) <= 1e-9 * float(np.abs(plane).max())
    return float("nan") if even else pearson_of_maps(plane, share)


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def over_scenes(
    scenes: Sequence[SceneMarks], *, level: float
) -> tuple[list[OverScenes], list[OverScenes], OverScenes]:
    """Return means over scenes: of each correlation, of the differences, and of the ceiling.

    A scene where one of two is undefined has no part in their difference.
    """
    values = {name: np.array([_number(one.correlations[name]) for one in scenes]) for name in ABOUT}
    correlations = [_mean(name, values[name], level) for name in ABOUT]
    differences = [
        _mean(difference_name(one, other), values[one] - values[other], level)
        for one, other in DIFFERENCES
    ]
    ceilings = np.array([_number(one.ceiling) for one in scenes])
    return correlations, differences, _mean("ceiling", ceilings, level)


def difference_name(one: str, other: str) -> str:
    """Return how the difference of two correlations is called."""
    return f"{one} - {other}"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _mean(name: str, values: NDArray, level: float) -> OverScenes:
    mean, low, high, n = mean_interval(values, level=level)
    return OverScenes(
        name=name,
        mean=_told(mean),
        low=_told(low),
        high=_told(high),
        scenes=n,
        undefined=len(values) - n,
    )


def mean_error(intact: NDArray, degraded: Sequence[NDArray]) -> NDArray[np.float64]:
    """Return the squared error of each place, mean over channels and degraded images, (h, w)."""
    reference = intact.astype(np.float64)
    return np.asarray(
        np.mean([np.square(one - reference).mean(axis=2) for one in degraded], axis=0), np.float64
    )
