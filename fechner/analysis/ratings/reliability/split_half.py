"""Split-half reliability: whether two halves of the participants order the images alike.

The participants are halved at random many times, the mean ratings of the halves correlated
over images, and the mean correlation r stepped up to all P participants (Spearman 1910;
Brown 1910),

    f r / (1 + (f - 1) r),     f = P / (size of a half)

which is ``2 r / (1 + r)`` for an even number; of an odd number one participant, another each
time, is left out. A participant's bias shifts all images alike and plays no part, so that the
result estimates what ICC(C,k) does. The spread of the halves is no interval (they share the
same participants); the interval resamples images.
"""

from __future__ import annotations

import numpy as np

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.reliability.coefficient import Coefficient
from fechner.errors import InputError

RESAMPLED_SPLITS = 200
"""Splits that each resample of images goes through; more do not move its mean by .001."""


def split_half(
    matrix: RatingMatrix,
    *,
    level: float = 0.95,
    splits: int = 1000,
    resamples: int = 1000,
    rng: np.random.Generator,
) -> Coefficient:
    """Return the reliability of the MOS by random halves of the participants.

    Parameters
    ----------
    matrix
        Ratings (n_images, n_participants), NaN where missing. An image that one of the halves
        did not rate is left out of that split.
    level
        Of the interval.
    splits
        Random halves.
    resamples
        Draws of images for the interval.
    rng
        Where both come from.

    Returns
    -------
    Coefficient

    Raises
    ------
    InputError
        If there are fewer than four participants, or halves never share three images.
    """
    values = matrix.values
    U, P = values.shape
    if P < 4:
        raise InputError(f"split halves need at least four participants, got {P}")
    first, second, shared = _halves(values, splits, rng)
    if (shared.sum(axis=1) < 3).all():
        raise InputError("halves of the participants share fewer than three images; rate more")
    factor = P / (P // 2)
    r = _correlations(np.ones((1, U)), first, second, shared)
    some = slice(0, RESAMPLED_SPLITS)
    weights = np.stack([np.bincount(rng.integers(0, U, U), minlength=U) for _ in range(resamples)])
    draws = _correlations(weights.astype(float), first[some], second[some], shared[some])
    stepped = spearman_brown(_mean(draws), factor)
    low, high = np.quantile(stepped, [0.5 - level / 2, 0.5 + level / 2])
    return Coefficient(
        "split-half", float(spearman_brown(_mean(r), factor)[0]), float(low), float(high)
    )


def spearman_brown(r: np.ndarray, factor: float) -> np.ndarray:
    """Return the reliability of `factor` times as many participants, from r of any shape.

    Halves that disagree (r below 0) are stepped down alike: the formula itself would leave -1.

    Examples
    --------
    >>> spearman_brown(np.array([0.5, 1.0]), 2)
    array([0.66666667, 1.        ])
    """
    return factor * r / (1 + (factor - 1) * np.abs(r))


def _halves(
    values: np.ndarray, splits: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the means of both halves (n_splits, n_images), 0 where not shared, and where they are.

    Centred, because correlations of large means lose digits.
    """
    here, P = np.isfinite(values), values.shape[1]
    filled = np.where(here, values - values[here].mean(), 0.0)
    chosen = np.zeros((2, splits, P))
    for split in range(splits):
        order = rng.permutation(P)[: 2 * (P // 2)].reshape(2, -1)
        chosen[0, split, order[0]] = chosen[1, split, order[1]] = 1.0
    counts = chosen @ here.T.astype(float)
    shared = (counts > 0).all(axis=0)
    means = np.where(shared, chosen @ filled.T / np.maximum(counts, 1), 0.0)
    return means[0], means[1], shared.astype(float)


def _correlations(
    weights: np.ndarray, first: np.ndarray, second: np.ndarray, shared: np.ndarray
) -> np.ndarray:
    """Return Pearson's r (n_draws, n_splits), each image counted as often as `weights` say."""
    n = weights @ shared.T
    mean = [weights @ one.T / np.maximum(n, 1) for one in (first, second)]
    squares = [
        weights @ (one**2).T - n * m**2 for one, m in zip((first, second), mean, strict=True)
    ]
    product = weights @ (first * second).T - n * mean[0] * mean[1]
    scale = np.sqrt(np.maximum(squares[0], 0) * np.maximum(squares[1], 0))
    r = np.divide(product, scale, out=np.full(n.shape, np.nan), where=scale > 1e-12)
    return np.clip(r, -1, 1)


def _mean(r: np.ndarray) -> np.ndarray:
    """Return the mean over splits of each draw, over those that have a correlation; 0 if none."""
    told = np.isfinite(r)
    return np.where(told, r, 0.0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
