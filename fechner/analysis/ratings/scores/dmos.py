"""DMOS: differential scores against the hidden reference of each scene (ITU-T P.910)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import (
    RatingMatrix,
    choose_dimension,
    rated_arms,
    rating_matrix,
)
from fechner.analysis.ratings.scores.mos import mos
from fechner.analysis.ratings.scores.z_scores import z_scores
from fechner.errors import InputError
from fechner.records.ratings import Ratings
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable


@dataclass(frozen=True, eq=False)
class AgainstReference:
    """Each participant's rating of each image minus that of its scene's reference.

    Attributes
    ----------
    matrix
        Differences in points, images (references left out) by participants; NaN where a
        participant did not rate both. Higher is better where the high end of the scale is good.
    scenes, regions
        Of each image.
    end
        The good end of the scale.
    """

    matrix: RatingMatrix
    scenes: np.ndarray
    regions: np.ndarray
    end: float


def against_reference(
    ratings: Ratings, stimuli: StimulusSet | StimulusTable, *, dimension: str | None = None
) -> AgainstReference:
    """Return ``rating[i, s] - rating[r, s]``, r the intact stimulus of the scene of i.

    Raises
    ------
    InputError
        If a column, the scale or the dimension is missing, a rated image is not in the stimuli,
        or a scene has no reference that was rated.
    """
    chosen = choose_dimension(ratings, dimension)
    about = rated_arms(ratings, stimuli, dimension=chosen).drop_duplicates("image")
    about = about.set_index("image")
    references = {about["scene"][name]: name for name in about.index[about["region"] == INTACT]}
    for scene in dict.fromkeys(about["scene"]):
        if scene not in references:
            raise InputError(
                f"scene {scene!r} has no rated stimulus of the region {INTACT!r}; without its "
                "reference there is no difference to score"
            )
    matrix = rating_matrix(ratings, chosen)
    row = {name: k for k, name in enumerate(matrix.images)}
    names = [name for name in matrix.images if about["region"][name] != INTACT]
    if not names:
        raise InputError("only references were rated; without other images there is no difference")
    test = matrix.values[[row[name] for name in names]]
    reference = matrix.values[[row[references[about["scene"][name]]] for name in names]]
    scale = ratings.scale(chosen)
    width = scale.maximum - scale.minimum
    return AgainstReference(
        RatingMatrix(test - reference, tuple(names), matrix.participants, (-width, width)),
        about["scene"][names].to_numpy(),
        about["region"][names].to_numpy(),
        scale.maximum if scale.good == "high" else scale.minimum,
    )


def dmos(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    dimension: str | None = None,
    level: float = 0.95,
    standardised: bool = False,
) -> pd.DataFrame:
    """Return differential scores against the hidden references (ITU-T P.910, ACR-HR).

    For image i, participant s and the reference r of the same scene

        d[i, s] = rating[i, s] - rating[r, s] + good end of the scale

    so that an image as good as its reference scores the good end of the scale; then as `mos`.
    Standardised, the differences become z-scores of each participant before they are averaged
    (`z_scores`, as for LIVE, whose differences are reference minus image: higher is worse there).

    Parameters
    ----------
    ratings
        Their column image names a stimulus.
    stimuli
        Which scene each belongs to; the reference of a scene has the region ``intact``.
    dimension
        Which ratings; may be left out where there is only one.
    level
        Of the intervals.
    standardised
        Whether differences become z-scores, 0 to 100, 50 a participant's mean difference.

    Returns
    -------
    pandas.DataFrame
        Columns stimulus, scene, region, dmos, sd, n, ci_low, ci_high, in points: one row a rated
        stimulus that is no reference. An image better than its reference lies beyond the good
        end; intervals stay within what two ratings can differ by. Participants who did not rate
        the reference do not count in n; where nobody did, n is 0 and the score NaN.

    Raises
    ------
    InputError
        As `against_reference`; if standardised and nobody's differences vary.
    """
    found = against_reference(ratings, stimuli, dimension=dimension)
    if standardised:
        matrix, end = z_scores(found.matrix).matrix, 0.0
    else:
        matrix, end = found.matrix, found.end
    scores = mos(matrix, level=level)
    scores.insert(1, "scene", found.scenes)
    scores.insert(2, "region", found.regions)
    shifted = ["mos", "ci_low", "ci_high"]
    scores[shifted] += end
    return scores.rename(columns={"image": "stimulus", "mos": "dmos"})
