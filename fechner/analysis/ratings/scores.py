"""Scores: one number an image, with its uncertainty.

From the plainest to the most modelled: MOS; MOS after removing each participant's bias
(ITU-T P.913); DMOS against hidden references (ITU-T P.910); and the maximum likelihood of
image quality, participant bias and participant inconsistency together (Li and Bampis 2017;
ITU-T P.910 annex), which needs no rejection because inconsistent participants weigh little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.matrices import (
    RatingMatrix,
    choose_dimension,
    rated_arms,
    rating_matrix,
)
from fechner.errors import InputError
from fechner.records.ratings import Ratings
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable


@dataclass(frozen=True)
class ParticipantModel:
    """Maximum likelihood of ``u[i, s] = q_i + b_s + N(0, v_s^2)``.

    Attributes
    ----------
    quality, quality_error
        q_i and its standard error (n_images,), in points: residual SD of the image (n) over
        the root of its number of ratings, as the reference software sureal.
    bias, inconsistency
        b_s and v_s (n_participants,), in points.
    log_likelihood
        Mean log likelihood of a rating.
    iterations
        Alternations until the largest change of a score was below the tolerance.
    """

    quality: np.ndarray
    quality_error: np.ndarray
    bias: np.ndarray
    inconsistency: np.ndarray
    log_likelihood: float
    iterations: int


def mos(matrix: RatingMatrix, *, level: float = 0.95) -> pd.DataFrame:
    """Return the mean opinion score of each image with its t interval.

    Returns
    -------
    pandas.DataFrame
        Columns image, mos, sd (of the sample, n - 1), n, ci_low, ci_high. Where n is 1 the SD
        and the interval are NaN.

    Examples
    --------
    >>> ratings = np.array([[4.0, 5.0, 3.0], [1.0, 2.0, np.nan]])
    >>> scores = mos(RatingMatrix(ratings, ("a", "b"), ("P1", "P2", "P3")))
    >>> scores["mos"].tolist(), scores["n"].tolist()
    ([4.0, 1.5], [3, 2])
    """
    values = matrix.values
    n = np.isfinite(values).sum(axis=1)
    mean = _rowmean(values)
    squares = np.nansum((values - mean[:, None]) ** 2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan)
        half = stats.t.ppf(0.5 + level / 2, n - 1) * sd / np.sqrt(n)
    return pd.DataFrame(
        {
            "image": matrix.images,
            "mos": mean,
            "sd": sd,
            "n": n,
            "ci_low": mean - half,
            "ci_high": mean + half,
        }
    )


def participant_bias(matrix: RatingMatrix) -> np.ndarray:
    """Return each participant's bias (n_participants,): mean of ``rating - MOS``, in points."""
    return _rowmean((matrix.values - _rowmean(matrix.values)[:, None]).T)


def remove_bias(matrix: RatingMatrix) -> RatingMatrix:
    """Return the matrix with each participant's bias subtracted."""
    return RatingMatrix(
        matrix.values - participant_bias(matrix)[None, :], matrix.images, matrix.participants
    )


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


def maximum_likelihood(
    matrix: RatingMatrix, *, tolerance: float = 1e-8, limit: int = 10_000
) -> ParticipantModel:
    """Fit quality, bias and inconsistency by alternating projections (Li et al. 2020).

    Each turn: ``v_s`` the SD of the residuals of s, ``q_i`` the mean of ``u - b`` weighted by
    ``1 / v_s^2``, ``b_s`` the mean of ``u - q``; until q moves less than `tolerance`
    (Euclidean norm). The origin is where the biases have mean zero.

    Raises
    ------
    InputError
        If there are fewer than two images or participants, or someone repeats the consensus
        exactly, so that the likelihood has no maximum.
    """
    u = matrix.values
    if min(u.shape) < 2:
        raise InputError(
            f"the model of participants expects 2 images and 2 participants or more, got {u.shape}"
        )
    here = np.isfinite(u)
    q, b = _rowmean(u), participant_bias(matrix)
    turn, moved = 0, np.inf
    while moved >= tolerance and turn < limit:
        turn += 1
        v = _inconsistency(u, q, b, matrix)
        weights = np.where(here, v[None, :] ** -2.0, 0.0)
        new = np.nansum(np.where(here, u - b[None, :], 0.0) * weights, axis=1) / weights.sum(axis=1)
        b = _rowmean((u - new[:, None]).T)
        moved, q = float(np.linalg.norm(new - q)), new
    # Ratings fix only q + b. Where some are missing, each turn moves the mean of the biases.
    origin = b.mean()
    q, b = q + origin, b - origin
    v = _inconsistency(u, q, b, matrix)
    residual = u - q[:, None] - b[None, :]
    spread = np.broadcast_to(v, u.shape)[here]
    likelihood = float(stats.norm.logpdf(residual[here], scale=spread).mean())
    error = np.sqrt(_rowmean((residual - _rowmean(residual)[:, None]) ** 2) / here.sum(axis=1))
    return ParticipantModel(q, error, b, v, likelihood, turn)


def _inconsistency(u: np.ndarray, q: np.ndarray, b: np.ndarray, matrix: RatingMatrix) -> np.ndarray:
    # Divided by n, not n - 1: this is the maximum of the likelihood. An inconsistency of 0 would
    # weigh without bound.
    v = np.nanstd(u - q[:, None] - b[None, :], axis=0)
    if v.min() < 1e-9:
        raise InputError(
            f"participant {matrix.participants[int(v.argmin())]!r} agrees exactly with the "
            "consensus, so that inconsistency cannot be estimated; use the bias-removed MOS"
        )
    return v


def _rowmean(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row over what is there, NaN for an empty row, without warnings."""
    n = np.isfinite(values).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0, np.nansum(values, axis=1) / n, np.nan)
