"""The noise ceiling: how well the best possible model could do, given how people differ.

Two questions have two ceilings, and a model must be held against its own.

- **One participant's ratings** (Nili et al. 2014, for ratings instead of dissimilarities). The
  mean correlation of each participant's ratings over images with the mean of all participants
  (upper bound: the participant is part of it, so that nothing fits better on average) and with
  the mean of all others (lower bound). A model is compared by its mean correlation with the
  participants, one at a time.
- **The MOS.** A model is compared by its correlation with the mean of all participants. Lower
  bound: what the MOS of a second panel of the same size would reach, the reliability of the
  MOS; upper bound: what the true scores would reach, its square root.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fechner.analysis.ratings.correlation import pearson
from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.reliability.coefficient import Coefficient
from fechner.errors import InputError


@dataclass(frozen=True)
class Ceiling:
    """Bounds of a correlation, each in [-1, 1], and the participants that had no part in it."""

    lower: float
    upper: float
    constant: tuple[str, ...] = ()


def participant_ceiling(matrix: RatingMatrix, *, ranks: bool = False) -> Ceiling:
    """Return the bounds of the mean correlation with single participants.

    Before they are averaged, ratings are standardised within each participant (ranked, for
    Spearman's correlation), which makes the upper bound the largest that one set of scores
    can reach.

    Parameters
    ----------
    matrix
        Ratings (n_images, n_participants), NaN where missing.
    ranks
        Spearman's correlation instead of Pearson's.

    Returns
    -------
    Ceiling
        Participants who gave one rating only, or the same rating to everything, correlate with
        nothing and are named in `constant`.

    Raises
    ------
    InputError
        If fewer than two participants are left.
    """
    here = np.isfinite(matrix.values)
    varied = [bool(own.sum() > 1 and np.ptp(x[own]) > 0) for x, own in
              zip(matrix.values.T, here.T, strict=True)]  # fmt: skip
    constant = tuple(
        name for name, kept in zip(matrix.participants, varied, strict=True) if not kept
    )
    if sum(varied) < 2:
        raise InputError("a noise ceiling needs two participants whose ratings vary")
    values, here = matrix.values[:, varied], here[:, varied]
    scores = np.zeros(values.shape)
    for p, own in enumerate(here.T):
        x = values[own, p]
        scores[own, p] = stats.rankdata(x) if ranks else (x - x.mean()) / x.std()
    total, count = scores.sum(axis=1), here.sum(axis=1)
    bounds: list[list[float]] = [[], []]
    for p, own in enumerate(here.T):
        others = own & (count > 1)
        without = (total[others] - scores[others, p]) / (count[others] - 1)
        bounds[0].append(_correlation(scores[others, p], without, ranks))
        bounds[1].append(_correlation(scores[own, p], total[own] / count[own], ranks))
    return Ceiling(float(np.mean(bounds[0])), float(np.mean(bounds[1])), constant)


def mos_ceiling(reliability_of_mos: Coefficient) -> tuple[Coefficient, Coefficient]:
    """Return the lower and the upper bound of the correlation with the MOS, with intervals.

    Parameters
    ----------
    reliability_of_mos
        The split-half reliability, or ICC(C,k).

    Examples
    --------
    >>> lower, upper = mos_ceiling(Coefficient("split-half", 0.81, 0.64, 1.0))
    >>> lower.value, upper.value, upper.low
    (0.81, 0.9, 0.8)
    """
    ends = (reliability_of_mos.value, reliability_of_mos.low, reliability_of_mos.high)
    lower = [None if end is None else max(0.0, end) for end in ends]
    upper = [None if end is None else float(np.sqrt(end)) for end in lower]
    return (
        Coefficient("MOS: lower", float(lower[0] or 0.0), lower[1], lower[2]),
        Coefficient("MOS: upper", float(upper[0] or 0.0), upper[1], upper[2]),
    )


def _correlation(x: np.ndarray, y: np.ndarray, ranks: bool) -> float:
    return pearson(stats.rankdata(x), stats.rankdata(y)) if ranks else pearson(x, y)
