"""An RSM as a sum over channels, from which one channel can be taken at a time.

The inner product of two images is the sum of the inner products of their channels, so
leaving channel ``c`` out is one subtraction: ``G - G_c``, with norms to match, instead
of comparing all features anew. Running sums stay in float64, because late in an
elimination almost everything cancels.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.pairs import Pairs
from fechner.analysis.network.similarity import (
    DEAD,
    SIMILARITIES,
    check_similarity,
    checked_values,
)

CACHE_BYTES = 1 << 30
"""Inner products of every channel are kept for reuse up to this size."""


class ChannelGrams:
    """The running inner products of the active channels, over pairs of images.

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

    def __init__(self, values: ArrayLike, pairs: Pairs, *, similarity: str = "cosine") -> None:
        check_similarity(similarity)
        features = checked_values(values)
        self.pairs = pairs
        self.similarity_name = similarity
        self.values = features.reshape(*features.shape[:2], -1)
        self.n_channels, self.space = self.values.shape[1:]
        self._means = (
            self.values.mean(axis=(1, 2), dtype=np.float64)
            if similarity == "pearson"
            else np.zeros(pairs.n)
        )
        self._measure_channels()
        self._cache = self._cached_products()
        self.activate(np.ones(self.n_channels, bool))

    def _measure_channels(self) -> None:
        """Keep squared norm and sum of each channel in each image, (n_channels, n_images)."""
        shape = (self.n_channels, self.pairs.n)
        self.squares, self.sums = np.empty(shape), np.zeros(shape)
        for channel in range(self.n_channels):
            features = self.features(channel)
            self.squares[channel] = (features**2).sum(axis=1)
            if self.similarity_name == "pearson":
                self.sums[channel] = features.sum(axis=1)

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

    def _multiply(self, channel: int, out: NDArray[np.float64]) -> NDArray[np.float64]:
        features = self.features(channel)
        block = max(1, (1 << 19) // self.pairs.n)
        for start in range(0, self.pairs.n, block):
            product = features[start : start + block] @ features[start:].T
            _gather(product, start, self.pairs.starts, self.pairs.columns, out)
        return out

    def activate(self, active: NDArray[np.bool_]) -> None:
        """Sum exactly the channels where `active` (n_channels,) is True."""
        self.active = np.array(active, dtype=bool)
        chosen = np.flatnonzero(self.active)
        self.total = np.zeros(len(self.pairs))
        for channel in chosen:
            self.total += self.products(channel)
        self.norms = self.squares[chosen].sum(axis=0)
        self.offsets = self.sums[chosen].sum(axis=0)
        # Rounding left over from here must not be read as length.
        self._least = DEAD * self.norms

    def copy(self) -> ChannelGrams:
        """Return an independent state over the same activations."""
        twin = object.__new__(ChannelGrams)
        twin.__dict__.update(self.__dict__)
        for name in ("active", "total", "norms", "offsets"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def remove(self, channels: Iterable[int]) -> None:
        """Take `channels` out of the sums."""
        for channel in channels:
            self.total -= self.products(channel)
            self.norms -= self.squares[channel]
            self.offsets -= self.sums[channel]
            self.active[channel] = False

    def similarity(self, without: int | None = None) -> NDArray[np.float64]:
        """Return the similarity (n_pairs,) of the active channels, but for `without`."""
        out = np.empty(len(self.pairs))
        left = int(self.active.sum()) - (without is not None)
        if without is None:
            products, squares, sums = self.total[:0], 0.0, 0.0
        else:
            products = self.products(without)
            squares, sums = self.squares[without], self.sums[without]
        norms, offsets = self.norms - squares, self.offsets - sums
        size = max(left * self.space, 1)
        _similarities(
            self.total, products, norms, offsets, 1.0 / size, self._least,
            SIMILARITIES.index(self.similarity_name), self.pairs.starts, self.pairs.columns, out,
        )  # fmt: skip
        return out


@njit(cache=True)
def _gather(product, start, starts, columns, out):  # type: ignore[no-untyped-def]
    for i in range(product.shape[0]):
        for k in range(starts[start + i], starts[start + i + 1]):
            out[k] = product[i, columns[k] - start]


@njit(cache=True)
def _similarities(total, products, norms, offsets, share, least, kind, starts, columns, out):  # type: ignore[no-untyped-def]
    n = norms.size
    lengths = np.zeros(n)
    for i in range(n):
        squared = norms[i] - offsets[i] * offsets[i] * share
        if squared > least[i]:
            lengths[i] = 1.0 / np.sqrt(squared)
    for i in range(n):
        for k in range(starts[i], starts[i + 1]):
            j = columns[k]
            inner = total[k] - products[k] if products.size else total[k]
            if kind <= 1:
                inner -= offsets[i] * offsets[j] * share
                out[k] = inner * lengths[i] * lengths[j]
            elif kind == 2:
                apart = norms[i] + norms[j] - 2.0 * inner
                out[k] = -np.sqrt(apart) if apart > least[i] + least[j] else 0.0
            else:
                out[k] = inner
