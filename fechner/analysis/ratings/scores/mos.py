"""Mean opinion scores, plain and with each participant's bias removed (ITU-T P.913)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.scores.intervals import mean_interval


def mos(matrix: RatingMatrix, *, level: float = 0.95) -> pd.DataFrame:
    """Return the mean opinion score of each image with its interval (`intervals.mean_interval`).

    Returns
    -------
    pandas.DataFrame
        Columns image, mos, sd (of the sample, n - 1), n, ci_low, ci_high; the interval stays
        within the limits of the matrix. Where n is 1 the SD and the interval are NaN.

    Examples
    --------
    >>> ratings = np.array([[4.0, 5.0, 3.0], [1.0, 2.0, np.nan]])
    >>> scores = mos(RatingMatrix(ratings, ("a", "b"), ("P1", "P2", "P3")))
    >>> scores["mos"].tolist(), scores["n"].tolist()
    ([4.0, 1.5], [3, 2])
    """
    values = matrix.values
    n = np.isfinite(values).sum(axis=1)
    mean = row_means(values)
    squares = np.nansum((values - mean[:, None]) ** 2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan)
    low, high = mean_interval(mean, sd, n, limits=matrix.limits, level=level)
    return pd.DataFrame(
        {
            "image": matrix.images,
            "mos": mean,
            "sd": sd,
            "n": n,
            "ci_low": low,
            "ci_high": high,
        }
    )


def unvaried(scores: pd.DataFrame) -> list[str]:
    """Return the names in the first column of those that everybody rated the same."""
    return scores.loc[(scores["sd"] < 1e-9) & (scores["n"] > 1)].iloc[:, 0].tolist()


def participant_bias(matrix: RatingMatrix) -> np.ndarray:
    """Return each participant's bias (n_participants,): mean of ``rating - MOS``, in points."""
    return row_means((matrix.values - row_means(matrix.values)[:, None]).T)


def bias_table(matrix: RatingMatrix) -> pd.DataFrame:
    """Return one row a participant: participant, n (images rated), bias, in points."""
    rated = np.isfinite(matrix.values).sum(axis=0)
    people = {"participant": matrix.participants, "n": rated, "bias": participant_bias(matrix)}
    return pd.DataFrame(people)


def remove_bias(matrix: RatingMatrix) -> RatingMatrix:
    """Return the matrix with each participant's bias subtracted."""
    return replace(matrix, values=matrix.values - participant_bias(matrix)[None, :])


def row_means(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row over what is there, NaN for an empty row, without warnings."""
    n = np.isfinite(values).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0, np.nansum(values, axis=1) / n, np.nan)
