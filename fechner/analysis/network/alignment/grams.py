"""An RSM as a sum over channels, from which one channel can be taken at a time.

The inner product of two images is the sum of the inner products of their channels, so
leaving channel ``c`` out is one subtraction: ``G - G_c``, with norms to match, instead
of comparing all features anew. Running sums stay in float64, because late in an
elimination almost everything cancels.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.pairs import Pairs
from fechner.analysis.network.alignment.rules import Rule, of_tile, of_vector
from fechner.analysis.network.alignment.similarity import (
    DEAD,
    SIMILARITIES,
    check_similarity,
    checked_values,
)
from fechner.analysis.network.alignment.sums import ChannelSums
from fechner.threads import small_matrices

CACHE_BYTES = 1 << 30
"""Inner products of every channel are kept for reuse up to this size. It is the same on every
machine, however much memory is free: kept products and fresh ones are added up in another order, so
that a limit that moves would let the last digits of a search move with it."""
TILE_NUMBERS = 1 << 18
"""Inner products that are computed at a time: two megabytes, so that they stay in cache."""
TOGETHER = 16
"""Channels that are multiplied together where only their sum is wanted."""
PROJECTED_COLUMNS = 1 << 12
"""Features, of whole channels, that are projected at a time."""
PROJECTED_ROWS = 1 << 9
"""Images that are projected at a time, at most, and a quarter of all: products of few rows spend
their time in laying out the other matrix. 402 rows of 1608 take two thirds of the time of 163."""


class ChannelGrams(ChannelSums):
    """The running inner products of the active channels, over pairs of images.

    Any thread may read them; only the thread that made or copied them may change them
    (`activate`, `remove`, `weigh`).

    Parameters
    ----------
    values : (n_images, n_channels, ...)
        Activations; what follows the channel axis is space.
    pairs
        The pairs to compare.
    similarity
        One of `SIMILARITIES`. Pearson centres each image's features over all channels
        once, and over the channels left after each removal.

    Attributes
    ----------
    active : (n_channels,) bool
        The channels that are summed.
    """

    _running = ("active", "total", "norms", "offsets")

    def __init__(self, values: ArrayLike, pairs: Pairs, *, similarity: str = "cosine") -> None:
        check_similarity(similarity)
        features = checked_values(values)
        self.pairs = pairs
        self.similarity_name = similarity
        self._owner = threading.get_ident()
        self.values = features.reshape(*features.shape[:2], -1)
        self.n_channels, self.space = self.values.shape[1:]
        self._means = (
            self.values.mean(axis=(1, 2), dtype=np.float64)
            if similarity == "pearson"
            else np.zeros(pairs.n)
        )
        self._measure_channels()
        self._plan = self._plan_tiles(max(1, TILE_NUMBERS // pairs.n))
        # Pairs within scenes fill narrow blocks, which wide tiles would pad with zeros.
        wide = min(PROJECTED_ROWS, -(-pairs.n // 4))
        self._wide_plan = self._plan_tiles(wide) if pairs.complete else self._plan
        self._cache = self._cached_products()
        self.activate(np.ones(self.n_channels, bool))

    def _measure_channels(self) -> None:
        """Keep squared norm and sum of each channel in each image, (n_channels, n_images)."""
        # Image by image: the whole set in float64 would take twice the memory it has.
        shape = (self.n_channels, self.pairs.n)
        self.squares, self.sums = np.empty(shape), np.zeros(shape)
        for image in range(self.pairs.n):
            features = self.values[image].astype(np.float64) - self._means[image]
            self.squares[:, image] = (features**2).sum(axis=1)
            if self.similarity_name == "pearson":
                self.sums[:, image] = features.sum(axis=1)

    def _plan_tiles(self, rows: int) -> list[tuple[int, int, int]]:
        """Return first row, last row and last column of each tile of `rows` that holds pairs."""
        starts, plan = self.pairs.starts, []
        for start in range(0, self.pairs.n, rows):
            stop = min(start + rows, self.pairs.n)
            columns = self.pairs.columns[starts[start] : starts[stop]]
            # Pairs within scenes leave whole blocks of the matrix empty: those are not computed.
            if columns.size:
                plan.append((start, stop, int(columns.max()) + 1))
        return plan

    def _cached_products(self) -> NDArray[np.float64] | None:
        if self.n_channels * len(self.pairs) * 8 > CACHE_BYTES:
            return None
        cache = np.empty((self.n_channels, len(self.pairs)))
        for channel in range(self.n_channels):
            self._multiply(channel, cache[channel])
        return cache

    def features(self, channel: int) -> NDArray[np.float64]:
        """Return one channel of every image, (n_images, space)."""
        return self.values[:, channel].astype(np.float64) - self._means[:, None]

    def products(self, channel: int) -> NDArray[np.float64]:
        """Return the inner product of one channel at each pair, (n_pairs,)."""
        if self._cache is not None:
            return self._cache[channel]
        return self._multiply(channel, np.empty(len(self.pairs)))

    def project(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``products(c) @ weights`` of every channel, (n_channels,); 0 if not active.

        Where products are not kept, the weights are laid out as a matrix ``W`` over images and
        the sum over pairs is ``sum_s x_cs' W x_cs``: one product of matrices for many channels at
        once, in float32, where a product a channel took 2.6 instead of 1.0 s (1608 images of 512
        x 49 features) and 9.5 instead of .1 s (2400 of 1280). Its relative error is some 3e-7.
        """
        sums, chosen = np.zeros(self.n_channels), np.flatnonzero(self.active)
        if self._cache is not None:
            _project_rows(self._cache, chosen, weights, sums)
            return sums
        together = max(1, PROJECTED_COLUMNS // self.space)
        for first in range(0, len(chosen), together):
            channels = chosen[first : first + together]
            sums[channels] = self._projected(channels, weights)
        return sums

    def _projected(
        self, channels: NDArray[np.intp], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return ``products(c) @ weights`` of some channels, by one product of matrices a tile."""
        features = self.values[:, channels].astype(np.float32)
        features -= self._means[:, None, None].astype(np.float32)
        features = features.reshape(self.pairs.n, -1)
        sums = np.zeros(features.shape[1])
        for start, stop, end in self._wide_plan:
            tile = np.zeros((stop - start, end - start), np.float32)
            _scatter(weights, start, self.pairs.starts, self.pairs.columns, tile)
            with small_matrices():
                carried = tile @ features[start:end]
            sums += np.einsum("if,if->f", carried, features[start:stop])
        return sums.reshape(len(channels), -1).sum(axis=1)

    def _multiply(self, channel: int, out: NDArray[np.float64]) -> NDArray[np.float64]:
        for start, tile in self.tiles(channel):
            _gather(tile, start, self.pairs.starts, self.pairs.columns, out)
        return out

    def tiles(self, channel: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Give the inner products of one channel, some rows of the pair matrix at a time.

        Each tile comes with its first row ``start``; entry ``[i, j]`` is the product of images
        ``start + i`` and ``start + j``. A tile is overwritten by the next one.
        """
        return self._tiles(self.features(channel))

    def _tiles(self, features: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        buffer = np.empty(max(TILE_NUMBERS, self.pairs.n))
        for start, stop, end in self._plan:
            tile = buffer[: (stop - start) * (end - start)].reshape(stop - start, end - start)
            with small_matrices():
                np.matmul(features[start:stop], features[start:end].T, out=tile)
            yield start, tile

    def _sum(self, channels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the inner products of `channels` together, (n_pairs,)."""
        total = np.zeros(len(self.pairs))
        if self._cache is not None:
            for channel in channels:
                total += self._cache[channel]
            return total
        # One product of 16 channels side by side is their sum, in a sixteenth of the passes over
        # `total`; all channels side by side would be a copy of everything in float64.
        for first in range(0, len(channels), TOGETHER):
            chunk = self.values[:, channels[first : first + TOGETHER]].astype(np.float64)
            chunk -= self._means[:, None, None]
            for start, tile in self._tiles(chunk.reshape(self.pairs.n, -1)):
                _add(tile, start, self.pairs.starts, self.pairs.columns, total)
        return total

    def activate(self, active: NDArray[np.bool_]) -> None:
        """Sum exactly the channels where `active` (n_channels,) is True."""
        self._check_owner()
        self.active = np.array(active, dtype=bool)
        chosen = np.flatnonzero(self.active)
        # Added up anew, even where a few subtractions would do: what rounding left of channels
        # that went before is gone.
        self.total = self._sum(chosen)
        self.norms = self.squares[chosen].sum(axis=0)
        self.offsets = self.sums[chosen].sum(axis=0)
        # What later sums are small against: `rule` reads less than a share of it as nothing.
        self.whole = self.norms.copy()

    def weigh(self, weights: NDArray[np.float64]) -> None:
        """Sum all channels with features scaled by the root of `weights` (n_channels,), >= 0."""
        self.activate(np.asarray(weights) > 0)
        self.total = np.zeros(len(self.pairs))
        for channel in np.flatnonzero(self.active):
            self.total += weights[channel] * self.products(channel)
        # Features times the root of w: products and squares grow by w, sums by its root.
        self.norms = weights @ self.squares
        self.offsets = np.sqrt(np.maximum(weights, 0.0)) @ self.sums
        self.whole = self.norms.copy()

    def remove(self, channels: Iterable[int]) -> None:
        """Take `channels` out of the sums."""
        self._check_owner()
        # After hundreds of removals these are small differences of large sums: in float32 the
        # last channels would be ordered by rounding.
        for channel in channels:
            self.total -= self.products(channel)
            self.norms -= self.squares[channel]
            self.offsets -= self.sums[channel]
            self.active[channel] = False

    def similarity(
        self, without: int | None = None, *, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the similarity (n_pairs,) of the active channels, but for `without`.

        `out` is filled instead of a new array where it is given.
        """
        out = np.empty(len(self.pairs)) if out is None else out
        rule, pairs = self.rule(without), self.pairs
        of_pairs = (rule, pairs.starts, pairs.columns, pairs.complete)
        if without is None or self._cache is not None:
            np.subtract(self.total, 0.0 if without is None else self.products(without), out=out)
            of_vector(out, *of_pairs)
            return out
        for start, tile in self.tiles(without):
            of_tile(self.total, tile, start, *of_pairs, out)
        return out

    def rule(self, without: int | None = None) -> Rule:
        """Return what turns the inner product of a pair into its similarity."""
        norms, offsets, left = self.norms, self.offsets, int(self.active.sum())
        if without is not None:
            norms, offsets = norms - self.squares[without], offsets - self.sums[without]
            left -= 1
        # Pearson's inner product of m features is <a, b> - (sum a)(sum b) / m. The means over all
        # channels were taken out at the start, so that these sums are small and little cancels.
        share = 1.0 / max(left * self.space, 1)
        squared = norms - offsets**2 * share
        # What rounding leaves of a removed image must not be read as length.
        floor = DEAD * self.whole
        alive = squared > floor
        lengths = np.where(alive, 1 / np.sqrt(np.where(alive, squared, 1.0)), 0.0)
        kind = SIMILARITIES.index(self.similarity_name)
        return Rule(kind, norms, lengths, offsets * np.sqrt(share), floor)


@njit(cache=True)
def _gather(tile, start, starts, columns, out):
    for i in range(tile.shape[0]):
        for k in range(starts[start + i], starts[start + i + 1]):
            out[k] = tile[i, columns[k] - start]


@njit(cache=True)
def _add(tile, start, starts, columns, out):
    for i in range(tile.shape[0]):
        for k in range(starts[start + i], starts[start + i + 1]):
            out[k] += tile[i, columns[k] - start]


# Adding in any order lets the compiler use vector lanes: 2.7 times as fast. The last digits
# that this changes say only which channels come first to be evaluated exactly.
@njit(cache=True, fastmath=True)
def _project_rows(cache, chosen, weights, sums):
    for channel in chosen:
        total = 0.0
        for k in range(weights.size):
            total += cache[channel, k] * weights[k]
        sums[channel] = total


@njit(cache=True)
def _scatter(weights, start, starts, columns, tile):
    for row in range(tile.shape[0]):
        for k in range(starts[start + row], starts[start + row + 1]):
            tile[row, columns[k] - start] = weights[k]
