"""A study's maps against the marks of its own participants, scene by scene.

Participants mark degraded images, so that their marks lie where something was degraded. Held
against the map of people (`analysis.ratings.marks`) are therefore the model's map alone, the error
alone, and the error that the map weights, each beside the same with local contrast in the map's
place:

    error(x) = sqrt(G * mean over the scene's degraded images of e(x) w(x)),  w = 1, map, contrast

with e the squared error and G the Gaussian that people's map was smoothed by. The root is taken
because marks say where, hardly how much. Each is held against the map of people (Pearson), and
against what they painted by the other measures of `people_measures`, beside one half of the people
in the place of a map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.judging.against_people import half_against_half
from fechner.analysis.judging.human_density import (
    HumanPlane,
    human_plane,
    marked_weights,
    working_shape,
)
from fechner.analysis.judging.intervals import (
    AREA,
    LIMITS,
    Limits,
    difference_limits,
    mean_interval,
)
from fechner.analysis.judging.marks_elsewhere import MarksOfAll, marks_of_all
from fechner.analysis.judging.people_measures import auc, nss, pearson_of_maps
from fechner.analysis.judging.weighing import resized
from fechner.analysis.ratings.marks.agreement import MapAgreement
from fechner.analysis.ratings.marks.people_maps import PeopleMap, smoothed
from fechner.records.human_marks.compared import (
    ABOUT,
    CONTRAST,
    ERROR,
    ERROR_BY_CONTRAST,
    ERROR_BY_MAP,
    MAP,
    MEASURES,
    PEOPLE,
    OverScenes,
    SceneMarks,
)
from fechner.records.human_marks.table import MarkedShowing
from fechner.records.map_worth.brush_paths import BrushPath
from fechner.records.map_worth.marks import MarkedImage

DIFFERENCES = (
    (MAP, CONTRAST),
    (ERROR_BY_MAP, ERROR),
    (ERROR_BY_MAP, ERROR_BY_CONTRAST),
)
"""What is compared with what: does the map tell more than its rival."""

HALVES = 10
"""Random halves of the participants, each against the other both ways."""


@dataclass(frozen=True, eq=False)
class ScenePaint:
    """What the participants of a scene painted on its degraded images.

    Attributes
    ----------
    marked
        Every mark that stands.
    shape
        Height and width of the images in pixels.
    """

    marked: MarkedImage
    shape: tuple[int, int]

    def plane(self, spread: float) -> HumanPlane:
        """Return which share painted each place, and that smoothed; see `human_plane`."""
        return human_plane(self.marked, self.shape, spread=spread)


@dataclass(frozen=True, eq=False)
class PaintedScenes:
    """What the participants painted on every scene that they marked.

    Attributes
    ----------
    scenes
        By name.
    together
        What was painted on all of them.
    """

    scenes: Mapping[str, ScenePaint]
    together: MarksOfAll


def painted_scenes(answers: Sequence[MarkedShowing]) -> PaintedScenes:
    """Return what was painted on each scene; scenes that nobody marked are absent."""
    paths: dict[str, list[BrushPath]] = {}
    shapes: dict[str, tuple[int, int]] = {}
    for answer in answers:
        shapes[answer.scene] = answer.size[::-1]
        own = paths.setdefault(answer.scene, [])
        for mark in answer.marks:
            points = np.array([place[:2] for place in mark.points], np.float64)
            own.append(BrushPath(answer.participant, points, mark.radius))
    scenes = {
        scene: ScenePaint(_marked_image(own), shapes[scene]) for scene, own in paths.items() if own
    }
    together = marks_of_all(
        (marked_weights(one.marked, one.shape) for one in scenes.values()),
        {working_shape(one.shape) for one in scenes.values()},
    )
    return PaintedScenes(scenes, together)


def _marked_image(paths: Sequence[BrushPath]) -> MarkedImage:
    x, y = np.concatenate([one.points for one in paths]).T
    whose = np.repeat([one.participant for one in paths], [len(one.points) for one in paths])
    return MarkedImage(x, y, whose, paths=tuple(paths))


def scene_marks(
    scene: str,
    people: PeopleMap,
    agreement: MapAgreement,
    *,
    importance: NDArray,
    contrast: NDArray,
    error: NDArray,
    sd_px: float,
    painted: PaintedScenes | None = None,
) -> SceneMarks:
    """Return how a scene's planes agree with the map of its participants, and with their marks.

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
    painted
        What was painted on this and the other scenes; without it only Pearson is defined.

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
    found: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    found["pearson"] = {name: _correlation(planes[name], share) for name in ABOUT}
    if painted is not None and scene in painted.scenes:
        for measure, values in _against_paint(scene, planes, painted, sd_px).items():
            found[measure] |= values
    return SceneMarks(
        scene=scene,
        people=agreement.people,
        nowhere=agreement.nowhere,
        marked_share=agreement.marked_share,
        reliability=agreement.reliability,
        ceiling=agreement.ceiling,
        agreement={
            measure: {name: _told(values.get(name, np.nan)) for name in (*ABOUT, PEOPLE)}
            for measure, values in found.items()
        },
    )


def _against_paint(
    scene: str, planes: Mapping[str, NDArray], painted: PaintedScenes, sd_px: float
) -> dict[str, dict[str, float]]:
    """Return the measures of points for each plane, and all measures of people themselves."""
    own = painted.scenes[scene]
    spread = sd_px / max(own.shape)
    human = own.plane(spread)
    elsewhere = painted.together.elsewhere(human.weights)
    nobody = human.weights == 0
    found: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    for name, plane in planes.items():
        if _even(plane):
            continue
        shown = resized(np.asarray(plane, np.float64), human.weights.shape)
        found["nss"][name] = nss(shown, human.weights)
        found["auc"][name] = auc(shown, human.weights, nobody)
        found["auc_shuffled"][name] = auc(shown, human.weights, elsewhere)
    halves = half_against_half(own.marked, own.shape, elsewhere, spread=spread, splits=HALVES)
    for measure in MEASURES:
        found[measure][PEOPLE] = halves[measure]
    return found


def _even(plane: NDArray) -> bool:
    # Smoothing leaves a grain of rounding on a plane that is the same everywhere.
    return float(np.ptp(plane)) <= 1e-9 * float(np.abs(plane).max())


def _correlation(plane: NDArray, share: NDArray) -> float:
    return float("nan") if _even(plane) else pearson_of_maps(plane, share)


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def over_scenes(
    scenes: Sequence[SceneMarks], *, level: float
) -> tuple[list[OverScenes], list[OverScenes], OverScenes]:
    """Return means over scenes: by each measure, of the differences, and of the ceiling.

    A scene where one of two is undefined has no part in their difference.
    """
    agreement, differences = [], []
    for measure in MEASURES:
        values = {
            name: np.array([_number(one.agreement[measure][name]) for one in scenes])
            for name in (*ABOUT, PEOPLE)
        }
        within, apart = LIMITS.get(measure), difference_limits(measure)
        agreement += [_mean(name, measure, of, within, level) for name, of in values.items()]
        differences += [
            _mean(difference_name(one, other), measure, values[one] - values[other], apart, level)
            for one, other in DIFFERENCES
        ]
    ceilings = np.array([_number(one.ceiling) for one in scenes])
    return agreement, differences, _mean("ceiling", "pearson", ceilings, AREA, level)


def difference_name(one: str, other: str) -> str:
    """Return how the difference of two of them is called."""
    return f"{one} - {other}"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _mean(
    name: str, measure: str, values: NDArray, limits: Limits | None, level: float
) -> OverScenes:
    mean, low, high, n = mean_interval(values, limits=limits, level=level)
    return OverScenes(
        name=name,
        measure=measure,
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
