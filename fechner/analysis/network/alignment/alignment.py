"""How well a network's similarities agree with people's.

The alignment of a model RSM with a rating RSM, over pairs of images. Every measure is
oriented so that higher is better: Spearman (default), Kendall tau-a, Pearson, and minus
the RMSE after the best linear or the best monotone rescaling of the model similarity.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.pairs import Pairs
from fechner.analysis.network.alignment.ranks import (
    grid_bits,
    key_bits,
    midranks,
    pack,
    payload_bits,
    rank_covariance,
    sorted_words,
)
from fechner.analysis.network.alignment.similarity import rating_similarity
from fechner.errors import InputError, nearest

CORRELATIONS = ("spearman", "tau_a", "pearson")
FITS = (*CORRELATIONS, "rmse_linear", "rmse_monotone")


@dataclass(frozen=True, eq=False)
class Alignment:
    """The alignment of any model similarity with one rating similarity.

    Attributes
    ----------
    human : (n_pairs,) float64
        Rating similarity of each pair; it is ranked once, when this is made.
    fit
        One of `FITS`.
    doubled_ranks : (n_pairs,) int64
        Twice the midrank of each pair's rating similarity.
    rank_spread
        Sum of squared deviations of those midranks from their mean.

    Raises
    ------
    InputError
        If `fit` is unknown or all pairs are equally similar.
    """

    human: NDArray[np.float64]
    fit: str = "spearman"
    doubled_ranks: NDArray[np.int64] = field(init=False, repr=False)
    rank_spread: float = field(init=False, repr=False)
    _sorted: NDArray[np.float64] = field(init=False, repr=False)
    _tied: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise InputError(f"unknown fit measure {self.fit!r}; {nearest(self.fit, FITS)}")
        human = np.ascontiguousarray(self.human, dtype=np.float64)
        if human.size < 3 or np.ptp(human) == 0:
            raise InputError("every pair of images is rated equally alike; check the ratings")
        ranks = midranks(human)
        object.__setattr__(self, "human", human)
        object.__setattr__(self, "doubled_ranks", np.rint(2 * ranks).astype(np.int64))
        object.__setattr__(self, "rank_spread", float(((ranks - ranks.mean()) ** 2).sum()))
        # Each is another sort of all pairs, in every bootstrap sample.
        alone = np.sort(human) if self.fit == "rmse_monotone" else np.empty(0)
        object.__setattr__(self, "_sorted", alone)
        counts = np.unique(ranks, return_counts=True)[1] if self.fit == "tau_a" else np.zeros(0)
        object.__setattr__(self, "_tied", float((counts * (counts - 1.0)).sum() / 2))

    def __len__(self) -> int:
        return self.human.size

    def __call__(self, similarity: NDArray[np.float64]) -> float:
        """Return the alignment of `similarity` (n_pairs,); higher is better.

        A similarity that is the same for every pair aligns 0 (correlations), where
        scipy returns NaN.
        """
        if similarity.shape != self.human.shape:
            raise InputError(f"{similarity.size} similarities for {self.human.size} pairs")
        if self.fit == "pearson":
            return _pearson(similarity, self.human)
        if self.fit == "rmse_linear":
            return -_linear_rmse(_pearson(similarity, self.human), float(self.human.std()))
        words, shift = self._sorted_words(similarity)
        if self.fit == "rmse_monotone":
            return -_isotonic_rmse(words, shift, self._sorted)
        if self.fit == "tau_a":
            return _tau_a(words, shift, self._tied)
        cross, spread = rank_covariance(words, shift)
        return float(cross / np.sqrt(spread * self.rank_spread)) if spread > 0 else 0.0

    @property
    def centred(self) -> NDArray[np.float64]:
        """What each pair contributes to the covariance: centred midranks, or values."""
        target = self.human if self.fit in ("pearson", "rmse_linear") else self.doubled_ranks / 2
        return target - target.mean()

    def repeated(self, times: NDArray) -> Alignment:
        """Return the measure over each pair taken ``times[k]`` times, (n_pairs,) int."""
        return Alignment(np.repeat(self.human, times), self.fit)

    def _sorted_words(self, similarity: NDArray) -> tuple[NDArray[np.uint64], int]:
        count = self.human.size
        shift = payload_bits(count)
        # New in every call, so that threads may share one measure. Beside the sort that costs
        # nothing to be measured up to 3 million pairs, 2 % at 24 million.
        words = np.empty(count, np.uint64)
        values = np.ascontiguousarray(similarity, dtype=np.float64)
        pack(values, self.doubled_ranks, shift, grid_bits(count), words)
        # Within a tie of similarities, Spearman needs no order of ratings.
        low = shift if self.fit == "spearman" else 0
        return sorted_words(words, low, shift + key_bits(count)), shift


@dataclass(frozen=True, eq=False)
class PartialAlignment:
    """Alignment with `first` once `others` are held constant: partial Spearman or Pearson.

    With r the correlations of the model similarity, R those among the rating similarities,
    1 `first` and Z `others`::

        (r_1 - r_Z' R_ZZ^-1 R_Z1) / sqrt((1 - r_Z' R_ZZ^-1 r_Z) (1 - R_1Z R_ZZ^-1 R_Z1))

    The others are further dimensions (quality, to judge authenticity), or whether two images
    show the same scene.

    Raises
    ------
    InputError
        If the fits differ or are no correlation, or the others explain all of the first.
    """

    first: Alignment
    others: tuple[Alignment, ...]
    _shared: NDArray[np.float64] = field(init=False, repr=False)
    _inverse: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        fits = {part.fit for part in (self.first, *self.others)}
        if len(fits) > 1 or self.fit not in ("spearman", "pearson"):
            raise InputError(
                "partial alignment needs spearman or pearson for all its parts, got "
                + " and ".join(sorted(fits))
            )
        shared = np.array([other(self.first.human) for other in self.others])
        among = np.array([[one(two.human) for one in self.others] for two in self.others])
        inverse = np.linalg.pinv(among)
        if shared @ inverse @ shared > 1 - 1e-9:
            raise InputError("what is partialled out equals what is aligned; choose another")
        object.__setattr__(self, "_shared", shared)
        object.__setattr__(self, "_inverse", inverse)

    def __len__(self) -> int:
        return len(self.first)

    @property
    def fit(self) -> str:
        """The fit measure of all parts."""
        return self.first.fit

    @property
    def human(self) -> NDArray[np.float64]:
        """The rating similarity that is aligned, (n_pairs,)."""
        return self.first.human

    @property
    def centred(self) -> NDArray[np.float64]:
        """What each pair contributes to the covariance, free of the other similarities."""
        others = np.stack([other.centred for other in self.others], axis=1)
        return self.first.centred - others @ np.linalg.lstsq(others, self.first.centred)[0]

    def __call__(self, similarity: NDArray[np.float64]) -> float:
        """Return the partial alignment of `similarity` (n_pairs,)."""
        reached = np.array([other(similarity) for other in self.others])
        along = self._inverse @ reached
        left = (1 - reached @ along) * (1 - self._shared @ self._inverse @ self._shared)
        apart = self.first(similarity) - self._shared @ along
        return float(apart / np.sqrt(left)) if left > 1e-12 else 0.0

    def repeated(self, times: NDArray) -> PartialAlignment:
        """Return the measure over each pair taken ``times[k]`` times."""
        return PartialAlignment(
            self.first.repeated(times), tuple(other.repeated(times) for other in self.others)
        )


AnyAlignment = Alignment | PartialAlignment


def align(
    ratings: ArrayLike, pairs: Pairs, *, fit: str = "spearman", kernel: str = "absolute"
) -> Alignment:
    """Return the alignment with `ratings` (n_images,) or (n_images, n_dimensions) over `pairs`.

    Parameters
    ----------
    ratings
        ``(n_images,)`` or ``(n_images, n_dimensions)``.
    pairs
        Which pairs of images are compared.
    fit
        ``"spearman"``, ``"pearson"``, ... : how similarities are held against each other.
    kernel
        How a difference of ratings becomes a similarity.

    Returns
    -------
    Alignment
        Called with similarities ``(n_pairs,)``, it gives their agreement with the ratings.

    Raises
    ------
    InputError
        If the fit or the kernel is unknown, or the ratings do not vary over the pairs.

    Examples
    --------
    A similarity that falls wherever the ratings come apart agrees with them wholly:

    >>> from fechner.analysis.network.alignment.pairs import all_pairs
    >>> ratings, pairs = np.array([1.0, 2.0, 4.0, 5.0]), all_pairs(4)
    >>> align(ratings, pairs)(-((ratings[pairs.rows] - ratings[pairs.columns]) ** 2))
    1.0
    """
    return Alignment(rating_similarity(ratings, pairs, kernel=kernel), fit)


def _linear_rmse(r: float, spread: float) -> float:
    """Return the RMSE of ratings around their best linear function of similarity.

    ``spread * sqrt(1 - r^2)``. A similarity that runs against the ratings (r < 0) would
    have to be turned around; its score is mirrored beyond that of a flat line, to
    ``spread * (2 - sqrt(1 - r^2))``, so that a search can tell less wrong from more.
    """
    unexplained = float(np.sqrt(max(1 - r * r, 0.0)))
    return spread * (unexplained if r >= 0 else 2 - unexplained)


def _pearson(x: NDArray, y: NDArray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    # What is left of a constant after centring is rounding.
    if x @ x <= 1e-24 * x.size * max(1.0, np.abs(x).max()) or scale == 0:
        return 0.0
    return float(x @ y / scale)


@njit(cache=True)
def _isotonic_rmse(words, shift, sorted_ratings):
    """Return the RMSE of ratings around their best non-decreasing function of similarity.

    Pool adjacent violators (Barlow and others 1972) over runs of tied similarities.
    """
    count = words.size
    mask = (np.uint64(1) << np.uint64(shift)) - np.uint64(1)
    totals = np.empty(count)
    weights = np.empty(count)
    top = 0
    squares = 0.0
    start = 0
    while start < count:
        key = words[start] >> np.uint64(shift)
        totals[top] = 0.0
        weights[top] = 0.0
        while start < count and words[start] >> np.uint64(shift) == key:
            rating = sorted_ratings[np.int64(words[start] & mask) // 2 - 1]
            totals[top] += rating
            weights[top] += 1.0
            squares += rating * rating
            start += 1
        top += 1
        while top > 1 and totals[top - 2] * weights[top - 1] >= totals[top - 1] * weights[top - 2]:
            totals[top - 2] += totals[top - 1]
            weights[top - 2] += weights[top - 1]
            top -= 1
    explained = 0.0
    for b in range(top):
        explained += totals[b] * totals[b] / weights[b]
    return np.sqrt(max(squares - explained, 0.0) / count)


@njit(cache=True)
def _tau_a(words, shift, tied_ratings):
    """Return Kendall's tau-a by counting inversions in a merge sort (Knight 1966).

    Words come in rising order of similarity and, within a tie, of rating.
    """
    count = words.size
    mask = (np.uint64(1) << np.uint64(shift)) - np.uint64(1)
    tied_both = 0.0
    tied_similarity = 0.0
    start = 0
    while start < count:
        end = start
        same = start
        while end < count and words[end] >> np.uint64(shift) == words[start] >> np.uint64(shift):
            if words[end] != words[same]:
                tied_both += (end - same) * (end - same - 1) / 2.0
                same = end
            end += 1
        tied_both += (end - same) * (end - same - 1) / 2.0
        tied_similarity += (end - start) * (end - start - 1) / 2.0
        start = end
    source = words & mask
    target = np.empty_like(source)
    discordant = 0.0
    width = 1
    while width < count:
        for low in range(0, count, 2 * width):
            middle = min(low + width, count)
            high = min(low + 2 * width, count)
            a, b = low, middle
            for k in range(low, high):
                if a < middle and (b >= high or source[a] <= source[b]):
                    target[k] = source[a]
                    a += 1
                else:
                    target[k] = source[b]
                    discordant += middle - a
                    b += 1
        source, target = target, source
        width *= 2
    total = count * (count - 1) / 2.0
    return (total - tied_similarity - tied_ratings + tied_both - 2.0 * discordant) / total
