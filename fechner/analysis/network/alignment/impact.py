"""What each channel does for alignment.

The impact of a channel is the alignment with all channels minus the alignment without
it: positive where the channel helps. `leave_one_out` re-ranks every pair once a channel;
for many pairs `certified_impact` counts instead of sorting, with a bound on the error.
"""

from __future__ import annotations

from typing import NamedTuple, TypeGuard

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.alignment import Alignment, AnyAlignment
from fechner.analysis.network.alignment.distance_channels import DistanceChannels
from fechner.analysis.network.alignment.downstream import DownstreamChannels
from fechner.analysis.network.alignment.grams import ChannelGrams
from fechner.analysis.network.alignment.rules import similarity_of_row
from fechner.errors import InputError
from fechner.progress import Progress, silent

AnyChannels = ChannelGrams | DownstreamChannels | DistanceChannels
BUCKETS = 1 << 17
"""Buckets of `certified_impact`: one megabyte, which stays in the processor's cache."""
ONE_PAIR = 1 << 44
"""A bucket holds the number of its pairs above this bit, the sum of their doubled ranks below."""
BUCKET_WIDTH = 1.3
"""Width of `Buckets` in standard deviations of similarity; near even for bell shapes."""
ROUNDING = 1e-9
"""Added to a bound before it decides: similarities that are tied on the grid of sorting (4e-12) may
lie on both sides of a bucket's edge."""
MANY_PAIRS = 500_000
"""Pairs from which counting is used: 1000 images. One channel of 600 images takes 2.0 ms by
sorting and 1.4 ms by counting, of 2400 images 54 and 26 ms, of 10 000 images 1.03 and 0.43 s."""


def leave_one_out(
    grams: AnyChannels,
    alignment: AnyAlignment,
    *,
    channels: ArrayLike | None = None,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Return the exact impact of each channel, (n_channels,).

    ``impact_c = alignment(all active) - alignment(all active but c)``; 0 for channels
    that are not active, or not among `channels` where those are given.

    Parameters
    ----------
    grams
        The channels, and which of them are active.
    alignment
        What their similarities are held against.
    channels
        Only these are evaluated; every active one where left out.
    progress
        Called after each channel.

    Returns
    -------
    numpy.ndarray
        float64 ``(n_channels,)``.
    """
    similarity = grams.similarity()
    whole = alignment(similarity)
    # One vector of similarities serves every channel; for 10 000 images it takes 400 MB.
    impact = np.zeros(grams.n_channels)
    chosen = np.flatnonzero(grams.active) if channels is None else np.asarray(channels)
    for done, channel in enumerate(chosen, start=1):
        impact[channel] = whole - alignment(grams.similarity(without=channel, out=similarity))
        progress(done, len(chosen))
    return impact


def certified_impact(
    grams: ChannelGrams,
    alignment: Alignment,
    *,
    tolerance: float = 0.0,
    channels: ArrayLike | None = None,
    progress: Progress = silent,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the impact of each channel and a bound on its error, (n_channels,) each.

    Similarities are counted into buckets instead of sorted. All pairs of a bucket get its
    mean rank, and the error that this makes has a bound (see `_bucketed`). Where the sign
    of an impact lies within its bound, and so decides whether the channel is kept, or
    where the bound exceeds a positive `tolerance`, the channel is evaluated exactly and
    its bound is 0. `channels` limits the work to some.

    Parameters
    ----------
    grams
        The channels, and which of them are active.
    alignment
        What their similarities are held against, by Spearman.
    tolerance
        The largest bound that a positive impact may keep; 0 for any.
    channels
        Only these are evaluated; every active one where left out.
    progress
        Called after each channel.

    Returns
    -------
    impact, bound
        float64 ``(n_channels,)`` each; ``|error| <= bound``.

    Raises
    ------
    InputError
        If the alignment is not Spearman's: only ranks can be counted.
    """
    if alignment.fit != "spearman":
        raise InputError(f"certified impact needs the fit spearman, got {alignment.fit}")
    similarity = grams.similarity()
    whole = alignment(similarity)
    buckets = _buckets_of(similarity)
    impact, bound = np.zeros((2, grams.n_channels))
    chosen = np.flatnonzero(grams.active) if channels is None else np.asarray(channels, int)
    chosen = chosen[grams.squares[chosen].any(axis=1)]  # A dead channel has no impact.
    for done, channel in enumerate(chosen, start=1):
        without, bound[channel] = _bucketed(grams, alignment, int(channel), buckets)
        impact[channel] = whole - without
        if abs(impact[channel]) <= bound[channel] or bound[channel] > (tolerance or np.inf):
            exact = alignment(grams.similarity(without=channel, out=similarity))
            impact[channel], bound[channel] = whole - exact, 0.0
        progress(done, len(chosen))
    return impact, bound


def channel_impact(
    grams: AnyChannels, alignment: AnyAlignment, *, progress: Progress = silent
) -> NDArray[np.float64]:
    """Return the impact of each channel, (n_channels,), its sign always exact.

    Many pairs under Spearman take `certified_impact`, all else `leave_one_out`.
    """
    if _counts(grams) and _ranks(alignment):
        return certified_impact(grams, alignment, progress=progress)[0]
    return leave_one_out(grams, alignment, progress=progress)


def reached_without(
    grams: AnyChannels,
    alignment: AnyAlignment,
    channels: ArrayLike,
    *,
    above: float,
    most: int,
) -> NDArray[np.float64]:
    """Return the alignment without each of `channels`, exact where a choice among them needs it.

    The choice is of at most `most` channels, best first, whose removal lifts alignment above
    `above`. Many pairs under Spearman are counted. Where the bounds leave open whether a channel
    is chosen, or before which other, it is evaluated exactly, and so is the best: the choice and
    what the best reaches are those of exact evaluation.

    Parameters
    ----------
    grams
        The channels, and which of them are active.
    alignment
        What their similarities are held against.
    channels
        Those that may go, (n_candidates,) integers.
    above
        What has to be bettered.
    most
        How many are chosen at most, 1 or more.

    Returns
    -------
    (n_candidates,) float64
    """
    chosen = np.asarray(channels, int)
    reached, undecided = np.zeros(len(chosen)), np.arange(len(chosen))
    if _counts(grams) and _ranks(alignment):
        buckets = _buckets_of(grams.similarity())
        counted = [_bucketed(grams, alignment, int(channel), buckets) for channel in chosen]
        reached, bound = np.array(counted).T
        undecided = _undecided(reached, bound + ROUNDING, above, most)
    for place in undecided:
        reached[place] = alignment(grams.similarity(without=int(chosen[place])))
    return reached


def _undecided(reached: NDArray, bound: NDArray, above: float, most: int) -> NDArray[np.intp]:
    """Return the places whose error may change which `most` are best, their order, or the best."""
    order = np.argsort(-reached, kind="stable")
    order = order[(reached + bound)[order] > above]
    low, high = (reached - bound)[order], (reached + bound)[order]
    # A place is settled where all before it lie surely higher and all after it surely lower.
    least_before = np.append(np.inf, np.minimum.accumulate(low))
    most_after = np.append(np.maximum.accumulate(high[::-1])[::-1], -np.inf)[1:]
    settled = (least_before[:-1] > high) & (low > most_after) & (low > above)
    settled[:1] = False  # What the best reaches is kept.
    # One that surely lies below `most` others is not among the best.
    beaten = least_before[min(most, len(order))] > high
    return order[~settled & ~beaten]


def _counts(grams: AnyChannels) -> TypeGuard[ChannelGrams]:
    """Return whether pairs are many enough to be counted instead of sorted."""
    return isinstance(grams, ChannelGrams) and len(grams.pairs) > MANY_PAIRS


def _ranks(alignment: AnyAlignment) -> TypeGuard[Alignment]:
    """Return whether counts in buckets give the alignment: it rests on ranks alone."""
    return isinstance(alignment, Alignment) and alignment.fit == "spearman"


class Buckets(NamedTuple):
    """Buckets of similarity, each with about as many pairs as the next.

    A similarity s falls into ``BUCKETS / 2 (1 + t / sqrt(1 + t^2))``,
    ``t = (s - centre) / width``: rising, and close to the share of pairs below s.
    """

    centre: float
    width: float


def _buckets_of(similarity: NDArray) -> Buckets:
    return Buckets(float(similarity.mean()), BUCKET_WIDTH * float(similarity.std()) or 1.0)


def _bucketed(
    grams: ChannelGrams, alignment: Alignment, channel: int, buckets: Buckets
) -> tuple[float, float]:
    """Return the alignment without `channel` from bucket counts, and a bound on its error.

    With ``m_b`` pairs in bucket b, the ranks within buckets vary by at most
    ``lost = sum(m_b^3 - m_b) / 12`` in sum of squares, so by Cauchy and Schwarz the
    covariance is off by at most ``sqrt(lost * rank_spread)``.
    """
    packed = np.zeros(BUCKETS, np.int64)
    rule, pairs = grams.rule(channel), grams.pairs
    for start, tile in grams.tiles(channel):
        _count_tile(
            grams.total, tile, start, rule, pairs.starts, pairs.columns, pairs.complete,
            alignment.doubled_ranks, buckets, packed,
        )  # fmt: skip
    count, spread = float(len(pairs)), alignment.rank_spread
    cross, lost = _rank_buckets(packed, count)
    full = (count**3 - count) / 12
    if full <= lost:  # So many pairs are tied that sorting is due.
        return 0.0, np.inf
    # 1200 images of 512 channels: the bound is 1e-5 where the error is 3e-8 at most and the mean
    # impact 2e-4, so that it leaves the sign of 3 % of the channels open.
    value = cross / np.sqrt(full * spread)
    worst = (abs(cross) + np.sqrt(lost * spread)) / np.sqrt((full - lost) * spread)
    return value, worst - abs(value)


@njit(cache=True, error_model="numpy")  # The other model checks each division, one by one.
def _count_tile(total, tile, start, rule, starts, columns, complete, ranks, buckets, packed):
    half = 0.5 * packed.size * (1 - 1e-9)  # Never quite the last place + 1, however large t is.
    per_unit = 1.0 / buckets.width
    similarity = np.empty(tile.shape[1])
    places = np.empty(tile.shape[1], np.int32)
    for row in range(tile.shape[0]):
        i = start + row
        pairs = slice(starts[i], starts[i + 1])
        size = starts[i + 1] - starts[i]
        similarity_of_row(
            i, total[pairs], tile[row], start, columns[pairs], complete, rule, similarity[:size]
        )
        # The places first, then the counting: the first loop runs in vector lanes, which counting
        # cannot, because two pairs may meet in one bucket. Together they take 10 % longer.
        for a in range(size):
            t = (similarity[a] - buckets.centre) * per_unit
            places[a] = np.int32(half * (1.0 + t / np.sqrt(1.0 + t * t)))
        of_row = ranks[pairs]
        for a in range(size):
            packed[np.uint32(places[a])] += ONE_PAIR + of_row[a]


@njit(cache=True)
def _rank_buckets(packed, count):
    """Return the centred product of mean ranks with ratings, and the spread lost in buckets.

    Both are infinite where a bucket has overflowed.
    """
    centre = (count + 1) / 2.0
    below = 0.0
    cross = 0.0
    lost = 0.0
    for b in range(packed.size):
        word = np.uint64(packed[b])
        m = float(word // np.uint64(ONE_PAIR))
        rating = float(word % np.uint64(ONE_PAIR)) / 2.0 - centre * m
        cross += (below + (m + 1.0) / 2.0 - centre) * rating
        lost += m**3 - m
        below += m
    # A sum of ranks beyond its 44 bits carries into the number of pairs, which then is wrong.
    return (cross, lost / 12.0) if below == count else (np.inf, np.inf)
