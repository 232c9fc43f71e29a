"""How sure an alignment is: intervals, chance, ceilings.

Pairs share images, so pairs are never resampled or permuted: images are. The p values
that scipy gives for correlations of RSM entries are invalid for the same reason
(Nili and others 2014, PLoS Computational Biology 10:e1003553).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment import Alignment
from fechner.analysis.network.pairs import Pairs
from fechner.errors import FechnerError


def bootstrap_interval(
    similarity: NDArray,
    human: NDArray,
    pairs: Pairs,
    *,
    rng: np.random.Generator,
    fit: str = "spearman",
    resamples: int = 500,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile interval of the alignment over resampled images.

    An image that is drawn twice makes pairs with itself, which are dropped: their
    similarity is perfect by construction and says nothing.

    Parameters
    ----------
    similarity, human : (n_pairs,)
    pairs
        The pairs that the two vectors describe.
    """
    drawn = np.empty(resamples)
    for k in range(resamples):
        times = np.bincount(rng.integers(pairs.n, size=pairs.n), minlength=pairs.n)
        repeats = times[pairs.rows] * times[pairs.columns]
        try:
            drawn[k] = Alignment(np.repeat(human, repeats), fit)(np.repeat(similarity, repeats))
        except FechnerError:  # Too few distinct images were drawn to compare ratings.
            drawn[k] = np.nan
    return _percentiles(drawn, level)


def statistic_interval(
    statistic: Callable[[NDArray, NDArray], float],
    a: ArrayLike,
    b: ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile interval of ``statistic(a, b)`` over resampled images (n,)."""
    x, y = np.asarray(a), np.asarray(b)
    drawn = np.empty(resamples)
    for k in range(resamples):
        sample = rng.integers(len(x), size=len(x))
        drawn[k] = statistic(x[sample], y[sample])
    return _percentiles(drawn, level)


def _percentiles(drawn: NDArray, level: float) -> tuple[float, float]:
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
