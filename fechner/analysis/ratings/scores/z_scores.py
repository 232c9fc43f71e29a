"""z-scores: each participant's ratings on that participant's own scale (LIVE's way).

Sheikh, Sabir and Bovik 2006 standardise within participants before they average, so that people
who use a part of the scale only count as much as others; the range of 0 to 100 is that of
Seshadrinathan et al. 2010.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.errors import InputError


@dataclass(frozen=True)
class ZScores:
    """Standardised ratings, and the participants who have none.

    Attributes
    ----------
    matrix
        z-scores in 0 to 100, of the same images and participants; NaN where not rated.
    left_out
        Participants whose ratings do not vary, or who rated fewer than two images.
    """

    matrix: RatingMatrix
    left_out: tuple[str, ...]


def z_scores(matrix: RatingMatrix) -> ZScores:
    """Return each participant's ratings standardised, then brought to 0 to 100.

    For participant s over the images i that s rated,

        z[i, s] = (rating[i, s] - mean_s) / sd_s,    score[i, s] = 100 (z[i, s] + 3) / 6

    with `sd_s` of the sample (n - 1). A score of 50 is the participant's own mean, and 99.7 %
    of normal ratings lie within 0 and 100. The direction is that of the ratings.

    Raises
    ------
    InputError
        If nobody's ratings vary.

    Examples
    --------
    >>> ratings = np.array([[1.0, 40.0], [2.0, 50.0], [3.0, 60.0]])
    >>> z_scores(RatingMatrix(ratings, ("a", "b", "c"), ("P1", "P2"))).matrix.values[:, 1].round(1)
    array([33.3, 50. , 66.7])
    """
    values = matrix.values
    n = np.isfinite(values).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(values, axis=0) / n
        sd = np.sqrt(np.nansum((values - mean) ** 2, axis=0) / (n - 1))
        # Differences of equal ratings that are no whole numbers leave dust, not zero.
        varies = sd > 1e-9 * np.maximum(1, np.abs(mean))
        scores = 100 * ((values - mean) / np.where(varies, sd, np.nan) + 3) / 6
    if not varies.any():
        raise InputError(
            "nobody's ratings vary between images, so that they have no z-scores; use the MOS"
        )
    left = tuple(p for p, does in zip(matrix.participants, varies, strict=True) if not does)
    return ZScores(replace(matrix, values=scores, limits=None), left)
