"""DMOS: differential scores against the hidden reference of each scene (ITU-T P.910)."""

from __future__ import annotations

import pandas as pd

from fechner.analysis.ratings.matrices import (
    RatingMatrix,
    choose_dimension,
    rated_arms,
    rating_matrix,
)
from fechner.analysis.ratings.scores.mos import mos
from fechner.errors import InputError
from fechner.records.ratings import Ratings
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable


def dmos(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    dimension: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return differential scores against the hidden references (ITU-T P.910, ACR-HR).

    For image i, participant s and the reference r of the same scene

        d[i, s] = rating[i, s] - rating[r, s] + good end of the scale

    so that an image as good as its reference scores the good end of the scale; then as `mos`.

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

    Returns
    -------
    pandas.DataFrame
        Columns stimulus, scene, region, dmos, sd, n, ci_low, ci_high, in points: one row a rated
        stimulus that is no reference. Participants who did not rate the reference do not count
        in n; where nobody did, n is 0 and the score NaN.

    Raises
    ------
    InputError
        If a column, the scale or the dimension is missing, a rated image is not in the stimuli,
        or a scene has no reference that was rated.
    """
    chosen = choose_dimension(ratings, dimension)
    arms = rated_arms(ratings, stimuli, dimension=chosen)
    about = arms.drop_duplicates("image").set_index("image")
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
    test = matrix.values[[row[name] for name in names]]
    reference = matrix.values[[row[references[about["scene"][name]]] for name in names]]
    scale = ratings.scale(chosen)
    top = scale.maximum if scale.good == "high" else scale.minimum
    scores = mos(
        RatingMatrix(test - reference + top, tuple(names), matrix.participants), level=level
    )
    scores.insert(1, "scene", about["scene"][names].to_numpy())
    scores.insert(2, "region", about["region"][names].to_numpy())
    return scores.rename(columns={"image": "stimulus", "mos": "dmos"})
