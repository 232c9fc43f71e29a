"""Mean opinion scores: one number an image, with its uncertainty.

Reads a `RatingMatrix`. From the plainest to the most modelled: MOS; MOS after removing each
participant's bias (ITU-T P.913); DMOS against hidden references; and the maximum likelihood
of image quality, participant bias and participant inconsistency together (Li and Bampis
2017; ITU-T P.910 annex), which needs no rejection because inconsistent participants weigh
little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.errors import InputError, nearest


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
    matrix: RatingMatrix, references: Mapping[str, str], *, top: float, level: float = 0.95
) -> pd.DataFrame:
    """Return differential scores against hidden references (ITU-T P.910, ACR-HR).

    ``d[i, s] = rating[i, s] - rating[reference of i, s] + top``, so that an image as good as
    its reference scores `top`; then as `mos`, for the images that have a reference.

    Parameters
    ----------
    references
        Image and the name of its reference, both rated.
    top
        Best value of the scale.

    Raises
    ------
    InputError
        If an image or a reference was not rated.
    """
    row = {name: k for k, name in enumerate(matrix.images)}
    for name in [*references, *references.values()]:
        if name not in row:
            raise InputError(f"no ratings of image {name!r}; {nearest(name, matrix.images)}")
    test = matrix.values[[row[name] for name in references]]
    reference = matrix.values[[row[name] for name in references.values()]]
    scores = mos(
        RatingMatrix(test - reference + top, tuple(references), matrix.participants), level=level
    )
    return scores.rename(columns={"mos": "dmos"})


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
