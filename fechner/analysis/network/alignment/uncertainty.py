"""How sure an alignment is: intervals, chance, ceilings.

Pairs share images, so pairs are never resampled or permuted: images are. The p values
that scipy gives for correlations of RSM entries are invalid for the same reason
(Nili and others 2014, PLoS Computational Biology 10:e1003553).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.alignment import AnyAlignment
from fechner.analysis.network.alignment.pairs import Pairs
from fechner.analysis.network.alignment.ranks import midranks
from fechner.analysis.network.alignment.similarity import rating_similarity
from fechner.errors import FechnerError, InputError


def resampled_images(
    n_images: int, *, rng: np.random.Generator, resamples: int = 500
) -> NDArray[np.int64]:
    """Return how often each image is drawn in each bootstrap sample, (resamples, n_images)."""
    return rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=resamples)


def bootstrap_draws(
    similarity: NDArray, measure: AnyAlignment, pairs: Pairs, times: NDArray
) -> NDArray[np.float64]:
    """Return the alignment of resampled images, (resamples,).

    An image that is drawn twice makes pairs with itself, which are dropped: their
    similarity is perfect by construction and says nothing. NaN where too few distinct
    images were drawn to compare ratings.

    Parameters
    ----------
    similarity : (n_pairs,)
    measure
        What aligns it, over the same pairs.
    pairs
        Those pairs.
    times : (resamples, n_images)
        See `resampled_images`.

    Returns
    -------
    (resamples,) float64
    """
    drawn = np.full(len(times), np.nan)
    for k, each in enumerate(times):
        repeats = each[pairs.rows] * each[pairs.columns]
        with suppress(FechnerError):
            drawn[k] = measure.repeated(repeats)(np.repeat(similarity, repeats))
    return drawn


def bootstrap_interval(
    similarity: NDArray,
    measure: AnyAlignment,
    pairs: Pairs,
    *,
    rng: np.random.Generator,
    resamples: int = 500,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the alignment over resampled images.

    Parameters
    ----------
    similarity
        ``(n_pairs,)``.
    measure, pairs
        What similarities are held against, and which pairs they are of.
    rng
        Draws the images.
    resamples
        How often they are drawn.

    Returns
    -------
    low, high
        Ends of the interval.
    """
    times = resampled_images(pairs.n, rng=rng, resamples=resamples)
    return percentile_interval(bootstrap_draws(similarity, measure, pairs, times))


def permutation_p(
    similarity: NDArray,
    ratings: ArrayLike,
    pairs: Pairs,
    *,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    kernel: str = "absolute",
    permutations: int = 1000,
) -> tuple[float, NDArray[np.float64]]:
    """Return the one-sided p of a Spearman alignment, and the alignments under permutation.

    Images swap their ratings; the ranks of both RSMs are computed once and only looked up
    anew, so a permutation costs no sort. ``p = (1 + #{permuted >= observed}) / (1 + N)``.

    Parameters
    ----------
    similarity : (n_pairs,)
    ratings : (n_images,) or (n_images, n_dimensions)
    pairs
        All pairs of the images, or all pairs within `groups`: a permutation must map pairs to
        pairs.
    groups : (n_images,), optional
        Images swap ratings only with images of the same group.

    Returns
    -------
    p
        In (0, 1].
    permuted : (permutations,) float64
        The alignment under each permutation.

    Raises
    ------
    InputError
        If `pairs` are not all pairs and no groups are given, or there is no permutation.
    """
    if permutations < 1:
        raise InputError(f"--permutations expects 1 or more, got {permutations}")
    if not pairs.complete and groups is None:
        raise InputError("permuting all images needs all pairs; give the groups of the pairs")
    swap = _swapping(pairs.n, groups)
    model = midranks(similarity)
    human = midranks(rating_similarity(ratings, pairs, kernel=kernel))
    model, human = model - model.mean(), human - human.mean()
    scale = np.sqrt((model @ model) * (human @ human))
    if scale == 0:
        return 1.0, np.zeros(permutations)
    ranks = pairs.matrix(human, diagonal=0.0)
    observed = float(model @ human / scale)
    permuted = np.array(
        [
            _permuted_sum(model, ranks, pairs.starts, pairs.columns, swap(rng))
            for _ in range(permutations)
        ]
    )
    permuted /= scale
    # Permutations that leave every pair in place must count, whatever the rounding.
    beyond = int((permuted >= observed - 1e-12).sum())
    return (1 + beyond) / (1 + permutations), permuted


def _swapping(
    n_images: int, groups: ArrayLike | None
) -> Callable[[np.random.Generator], NDArray[np.intp]]:
    """Return what draws an order of images in which each stays within its group."""
    if groups is None:
        return lambda rng: rng.permutation(n_images)
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    place = np.argsort(codes, kind="stable")

    def swap(rng: np.random.Generator) -> NDArray[np.intp]:
        order = np.empty(n_images, np.intp)
        # Sorted by group, with chance deciding inside each.
        order[place] = np.lexsort((rng.random(n_images), codes))
        return order

    return swap


@njit(cache=True)
def _permuted_sum(model, ranks, starts, columns, order):
    total = 0.0
    for i in range(order.size):
        row = ranks[order[i]]
        for k in range(starts[i], starts[i + 1]):
            total += model[k] * row[order[columns[k]]]
    return total


def statistic_interval(
    statistic: Callable[[NDArray, NDArray], float],
    a: ArrayLike,
    b: ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of ``statistic(a, b)`` over resampled images (n,).

    Parameters
    ----------
    statistic
        A number from two samples of equal length.
    a, b
        One value an image each, ``(n_images,)``.
    rng
        Draws the images.
    resamples
        How often they are drawn.

    Returns
    -------
    low, high
        Ends of the interval.
    """
    x, y = np.asarray(a), np.asarray(b)
    drawn = np.empty(resamples)
    for k in range(resamples):
        sample = rng.integers(len(x), size=len(x))
        drawn[k] = statistic(x[sample], y[sample])
    return percentile_interval(drawn)


def percentile_interval(drawn: NDArray, *, level: float = 0.95) -> tuple[float, float]:
    """Return the central `level` of the numbers `drawn`, NaN left out; NaN where none is."""
    if not np.isfinite(drawn).any():
        return float("nan"), float("nan")
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
