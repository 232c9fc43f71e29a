"""Scores by maximum likelihood: quality, participant bias and inconsistency together.

Li and Bampis 2017; ITU-T P.910 annex. It needs no rejection of participants, because inconsistent
ones weigh little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.scores.intervals import mean_interval
from fechner.analysis.ratings.scores.mos import participant_bias, row_means
from fechner.errors import InputError


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

    def scores(self, matrix: RatingMatrix, *, level: float = 0.95) -> pd.DataFrame:
        """Return one row an image: image, quality, error, n, ci_low, ci_high, in points.

        The interval is that of `mean_interval` for the residual SD behind `quality_error`.
        """
        n = np.isfinite(matrix.values).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = self.quality_error * n / np.sqrt(n - 1)
        low, high = mean_interval(self.quality, sd, n, limits=matrix.limits, level=level)
        return pd.DataFrame(
            {
                "image": matrix.images,
                "quality": self.quality,
                "error": self.quality_error,
                "n": n,
                "ci_low": low,
                "ci_high": high,
            }
        )

    def participants(self, matrix: RatingMatrix) -> pd.DataFrame:
        """Return one row a participant: participant, n, bias, inconsistency, in points."""
        return pd.DataFrame(
            {
                "participant": matrix.participants,
                "n": np.isfinite(matrix.values).sum(axis=0),
                "bias": self.bias,
                "inconsistency": self.inconsistency,
            }
        )


def maximum_likelihood(
    matrix: RatingMatrix, *, tolerance: float = 1e-8, limit: int = 10_000
) -> ParticipantModel:
    """Fit quality, bias and inconsistency by alternating projections (Li et al. 2020).

    Each turn: ``v_s`` the SD of the residuals of s, ``q_i`` the mean of ``u - b`` weighted by
    ``1 / v_s^2``, ``b_s`` the mean of ``u - q``; until q moves less than `tolerance`
    (Euclidean norm). The origin is where the biases have mean zero, whether or not ratings are
    missing, as in sureal 0.9.

    Raises
    ------
    InputError
        If there are fewer than two images or participants, someone rated one image only, all
        ratings are the same, or the scores can follow one participant exactly, so that the
        likelihood has no maximum. It happens with few participants, or many missing ratings.
    """
    u = matrix.values
    if min(u.shape) < 2:
        raise InputError(
            f"the model of participants expects 2 images and 2 participants or more, got {u.shape}"
        )
    here = np.isfinite(u)
    _require_information(matrix, here)
    q, b = row_means(u), participant_bias(matrix)
    turn, moved = 0, np.inf
    while moved >= tolerance and turn < limit:
        turn += 1
        v = _inconsistency(u, q, b, matrix)
        weights = np.where(here, v[None, :] ** -2.0, 0.0)
        new = np.nansum(np.where(here, u - b[None, :], 0.0) * weights, axis=1) / weights.sum(axis=1)
        b = row_means((u - new[:, None]).T)
        moved, q = float(np.linalg.norm(new - q)), new
    # Ratings fix only q + b. Where some are missing, each turn moves the mean of the biases.
    origin = b.mean()
    q, b = q + origin, b - origin
    v = _inconsistency(u, q, b, matrix)
    residual = u - q[:, None] - b[None, :]
    spread = np.broadcast_to(v, u.shape)[here]
    likelihood = float(stats.norm.logpdf(residual[here], scale=spread).mean())
    error = np.sqrt(row_means((residual - row_means(residual)[:, None]) ** 2) / here.sum(axis=1))
    return ParticipantModel(q, error, b, v, likelihood, turn)


def _require_information(matrix: RatingMatrix, here: np.ndarray) -> None:
    few = np.flatnonzero(here.sum(axis=0) < 2)
    if len(few):
        raise InputError(
            f"participant {matrix.participants[few[0]]!r} rated one image only, which tells "
            "nothing of bias and inconsistency; leave out these ratings or use the MOS"
        )
    if np.ptp(matrix.values[here]) == 0:
        raise InputError("all ratings are the same: no image differs from another; use the MOS")


def _inconsistency(u: np.ndarray, q: np.ndarray, b: np.ndarray, matrix: RatingMatrix) -> np.ndarray:
    # Divided by n, not n - 1: this is the maximum of the likelihood. An inconsistency of 0 would
    # weigh without bound.
    v = np.nanstd(u - q[:, None] - b[None, :], axis=0)
    if v.min() < 1e-9:
        raise InputError(
            f"the likelihood has no maximum: it grows the more the scores follow participant "
            f"{matrix.participants[int(v.argmin())]!r} alone; use the bias-removed MOS"
        )
    return v
