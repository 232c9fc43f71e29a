"""What each channel does for alignment: exactly, and by its gradient.

The impact of a channel is the alignment with all channels minus the alignment without
it: positive where the channel helps. Exact impact re-ranks every pair once a channel;
the gradient gives all channels at once and is good enough to say which deserve the
exact computation.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fechner.analysis.network.alignment import Alignment
from fechner.analysis.network.grams import ChannelGrams, similarity_of
from fechner.errors import InputError
from fechner.progress import Progress, silent

DENSITY_BINS = 512
BUCKETS = 1 << 16
"""Buckets of `certified_impact`: counts and sums stay in the processor's cache."""
MANY_PAIRS = 500_000
"""From about 1000 images, counting is faster than sorting."""


def leave_one_out(
    grams: ChannelGrams, alignment: Alignment, *, progress: Progress = silent
) -> NDArray[np.float64]:
    """Return the exact impact of each channel, (n_channels,).

    ``impact_c = alignment(all active) - alignment(all active but c)``; 0 for channels
    that are not active.
    """
    similarity = grams.similarity()
    whole = alignment(similarity)
    impact = np.zeros(grams.n_channels)
    chosen = np.flatnonzero(grams.active)
    for done, channel in enumerate(chosen, start=1):
        impact[channel] = whole - alignment(grams.similarity(without=channel, out=similarity))
        progress(done, len(chosen))
    return impact


def certified_impact(
    grams: ChannelGrams,
    alignment: Alignment,
    *,
    tolerance: float = 0.0,
    progress: Progress = silent,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the impact of each channel and a bound on its error, (n_channels,) each.

    Similarities are counted into buckets instead of sorted. All pairs of a bucket get its
    mean rank, and the error that this makes has a bound (see `_bucketed`). Where the sign
    of an impact lies within its bound, and so decides whether the channel is kept, or
    where the bound exceeds a positive `tolerance`, the channel is evaluated exactly and
    its bound is 0.

    Raises
    ------
    InputError
        If the alignment is not Spearman's: only ranks can be counted.
    """
    if alignment.fit != "spearman":
        raise InputError(f"certified impact needs the fit spearman, got {alignment.fit}")
    similarity = grams.similarity()
    whole = alignment(similarity)
    low, high = float(similarity.min()), float(similarity.max())
    impact, bound = np.zeros((2, grams.n_channels))
    chosen = np.flatnonzero(grams.active)
    for done, channel in enumerate(chosen, start=1):
        without, bound[channel] = _bucketed(grams, alignment, channel, low, high)
        impact[channel] = whole - without
        if abs(impact[channel]) <= bound[channel] or bound[channel] > (tolerance or np.inf):
            exact = alignment(grams.similarity(without=channel, out=similarity))
            impact[channel], bound[channel] = whole - exact, 0.0
        progress(done, len(chosen))
    return impact, bound


def channel_impact(
    grams: ChannelGrams, alignment: Alignment, *, progress: Progress = silent
) -> NDArray[np.float64]:
    """Return the impact of each channel, (n_channels,), its sign always exact.

    Many pairs under Spearman take `certified_impact`, all else `leave_one_out`.
    """
    if alignment.fit == "spearman" and len(grams.pairs) > MANY_PAIRS:
        return certified_impact(grams, alignment, progress=progress)[0]
    return leave_one_out(grams, alignment, progress=progress)


def _bucketed(
    grams: ChannelGrams, alignment: Alignment, channel: int, low: float, high: float
) -> tuple[float, float]:
    """Return the alignment without `channel` from bucket counts, and a bound on its error.

    With ``m_b`` pairs in bucket b, the ranks within buckets vary by at most
    ``lost = sum(m_b^3 - m_b) / 12`` in sum of squares, so by Cauchy and Schwarz the
    covariance is off by at most ``sqrt(lost * rank_spread)``.
    """
    counts, sums = np.zeros(BUCKETS, np.int32), np.zeros(BUCKETS)
    per_unit = BUCKETS / max(high - low, np.finfo(float).tiny)
    rule, pairs = grams.rule(channel), grams.pairs
    for start, tile in grams.tiles(channel):
        _count_tile(
            grams.total, tile, start, rule, pairs.starts, pairs.columns,
            alignment.doubled_ranks, low, per_unit, counts, sums,
        )  # fmt: skip
    count = float(len(pairs))
    m = counts.astype(np.float64)
    mean_rank = np.cumsum(m) - (m - 1) / 2
    centre = (count + 1) / 2
    cross = float((mean_rank - centre) @ (sums / 2 - centre * m))
    full, lost = (count**3 - count) / 12, float((m**3 - m).sum()) / 12
    spread = alignment.rank_spread
    value = cross / np.sqrt(full * spread)
    if full <= lost:
        return value, np.inf
    worst = (abs(cross) + np.sqrt(lost * spread)) / np.sqrt((full - lost) * spread)
    return value, worst - abs(value)


@njit(cache=True)
def _count_tile(
    total, tile, start, rule, starts, columns, doubled_ranks, low, per_unit, counts, sums
):
    last = counts.size - 1
    for row in range(tile.shape[0]):
        i = start + row
        for k in range(starts[i], starts[i + 1]):
            inner = total[k] - tile[row, columns[k] - start]
            place = (similarity_of(inner, i, columns[k], rule) - low) * per_unit
            b = min(max(int(place), 0), last)
            counts[b] += 1
            sums[b] += doubled_ranks[k]


def impact_gradient(grams: ChannelGrams, alignment: Alignment) -> NDArray[np.float64]:
    """Return the first-order impact of each channel, (n_channels,); 0 where not active.

    With ``w_ij`` the derivative of the alignment with respect to the similarity of pair
    ij, leaving channel c out changes cosine similarity by
    ``-G_c,ij / (|i| |j|) + s_ij (q_ci / |i|^2 + q_cj / |j|^2) / 2``.
    """
    similarity = grams.similarity()
    weight = _pair_derivative(similarity, alignment)
    on_products, on_squares = _chain(grams, similarity, weight)
    gradient = np.zeros(grams.n_channels)
    chosen = np.flatnonzero(grams.active)
    for channel in chosen:
        gradient[channel] = grams.products(channel) @ on_products
    gradient[chosen] -= grams.squares[chosen] @ on_squares
    return gradient


def _pair_derivative(similarity: NDArray, alignment: Alignment) -> NDArray[np.float64]:
    """Return d alignment / d similarity for each pair, (n_pairs,), up to a positive factor.

    Raising one similarity past its neighbours changes a rank correlation by their density
    times how far its rating lies above theirs.
    """
    rating = alignment.centred
    if alignment.fit in ("pearson", "rmse_linear"):
        spread = similarity - similarity.mean()
        slope = (spread @ rating) / max(spread @ spread, np.finfo(float).tiny)
        scale = np.sqrt(max((spread @ spread) * (rating @ rating), np.finfo(float).tiny))
        return (rating - slope * spread) / scale
    low, high = similarity.min(), similarity.max()
    if high <= low:
        return np.zeros(len(similarity))
    bins = min(DENSITY_BINS, max(8, int(np.sqrt(len(similarity)))))
    per_unit = bins / (high - low)
    derivative = _rank_derivative(similarity, rating, low, per_unit, bins)
    return derivative * (per_unit / np.sqrt((rating @ rating) * len(similarity) ** 3 / 12))


@njit(cache=True)
def _rank_derivative(similarity, rating, low, per_unit, bins):
    counts = np.zeros(bins + 4)
    sums = np.zeros(bins + 4)
    place = np.empty(similarity.size, np.int32)
    for k in range(similarity.size):
        b = min(int((similarity[k] - low) * per_unit), bins - 1) + 2
        place[k] = b
        counts[b] += 1.0
        sums[b] += rating[k]
    density = np.zeros(bins + 4)
    level = np.zeros(bins + 4)
    for b in range(2, bins + 2):
        density[b] = (
            counts[b - 2] + 2 * counts[b - 1] + 3 * counts[b] + 2 * counts[b + 1] + counts[b + 2]
        ) / 9.0
        level[b] = (
            sums[b - 2] + 2 * sums[b - 1] + 3 * sums[b] + 2 * sums[b + 1] + sums[b + 2]
        ) / 9.0
    derivative = np.empty(similarity.size)
    for k in range(similarity.size):
        b = place[k]
        derivative[k] = density[b] * rating[k] - level[b]
    return derivative


def _chain(
    grams: ChannelGrams, similarity: NDArray, weight: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what a channel's products (n_pairs,) and squares (n_images,) are worth."""
    rows, columns, n = grams.pairs.rows, grams.pairs.columns, grams.pairs.n

    def each_image(value: NDArray) -> NDArray:
        return np.bincount(rows, value, n) + np.bincount(columns, value, n)

    if grams.similarity_name == "dot":
        return weight, np.zeros(n)
    if grams.similarity_name == "euclidean":
        pull = np.where(similarity < 0, weight / np.where(similarity < 0, -similarity, 1.0), 0.0)
        return pull, each_image(pull) / 2
    squared = grams.norms - grams.offsets**2 / max(int(grams.active.sum()) * grams.space, 1)
    inverse = np.where(squared > 0, 1 / np.sqrt(np.where(squared > 0, squared, 1.0)), 0.0)
    return weight * inverse[rows] * inverse[columns], each_image(
        weight * similarity
    ) * inverse**2 / 2
