"""Mean opinion scores, plain and with each participant's bias removed (ITU-T P.913)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.matrices import RatingMatrix


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
    mean = row_means(values)
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
    return row_means((matrix.values - row_means(matrix.values)[:, None]).T)


def remove_bias(matrix: RatingMatrix) -> RatingMatrix:
    """Return the matrix with each participant's bias subtracted."""
    return RatingMatrix(
        matrix.values - participant_bias(matrix)[None, :], matrix.images, matrix.participants
    )


def row_means(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row over what is there, NaN for an empty row, without warnings."""
    n = np.isfinite(values).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0, np.nansum(values, axis=1) / n, np.nan)
