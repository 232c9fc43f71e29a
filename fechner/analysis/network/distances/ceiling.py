"""How well any distance could agree, given how far people agree with each other.

Where single ratings exist, the scores of half the people say how reliable those of all are
(Spearman 1910, Brown 1910); the square root of that is what the true scores would reach, and
a distance's share of it says how much is left to explain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.ranks import spearman
from fechner.errors import InputError

SPLITS = 100


def single_dmos(
    ratings: ArrayLike, images: ArrayLike, references: ArrayLike
) -> NDArray[np.float64]:
    """Return each person's DMOS of each pair: reference rating minus image rating.

    Parameters
    ----------
    ratings : (n_participants, n_images)
        Higher is better; NaN where somebody did not rate.
    images, references : (n_pairs,) int
        Columns of the distorted images and of their references.
    """
    panel = np.asarray(ratings, np.float64)
    return panel[:, np.asarray(references)] - panel[:, np.asarray(images)]


def score_ceiling(single: ArrayLike, *, seed: int = 0, splits: int = SPLITS) -> tuple[float, float]:
    """Return the lower and upper bound of Spearman's correlation with the mean scores.

    Lower: what the mean scores of a second panel of the same size would reach,
    ``2 r / (1 + r)`` with r the mean correlation of random halves; upper: its square root.

    Parameters
    ----------
    single : (n_participants, n_pairs)
        Each person's score of each pair (`single_dmos`), NaN where there is none.
    seed, splits
        Of the random halves, and how many.

    Raises
    ------
    InputError
        If there are fewer than four people, or halves leave pairs unrated.
    """
    panel = np.asarray(single, np.float64)
    if len(panel) < 4:
        raise InputError(f"split halves need at least four people, got {len(panel)}")
    rng, found = np.random.default_rng(seed), []
    for _ in range(splits):
        order = rng.permutation(len(panel))
        first, second = (_means(panel[half]) for half in (order[::2], order[1::2]))
        if np.isfinite(first).all() and np.isfinite(second).all():
            found.append(spearman(first, second))
    if not found:
        raise InputError("every half of the people left pairs unrated; collect more ratings")
    r = float(np.mean(found))
    lower = max(2 * r / (1 + r), 0.0)
    return lower, float(np.sqrt(lower))


def share_of_ceiling(correlation: float, ceiling: tuple[float, float]) -> float:
    """Return a correlation over the upper bound of `score_ceiling`; NaN where that is 0."""
    return correlation / ceiling[1] if ceiling[1] > 0 else float("nan")


def _means(panel: NDArray) -> NDArray[np.float64]:
    told = np.isfinite(panel)
    count = told.sum(axis=0)
    total = np.where(told, panel, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
