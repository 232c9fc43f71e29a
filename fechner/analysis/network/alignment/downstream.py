"""Channels of a convolution, judged by a fully connected layer behind it.

A fully connected layer mixes all channels, so there is no Gram of one channel to subtract
from the similarity of its outputs. But what each channel adds to the layer's units is a sum
that can be kept: ``units = bias + sum_c contribution_c``. The sum over all active channels
is cached; leaving one out subtracts its part and runs only what follows. What a
`DownstreamChannels` offers is what `ChannelGrams` offers, so impact, gradient and pruning
work on either. `fully_connected` reads the layers from a network.

Where nothing follows the layer, images are compared by the units themselves, and the inner
products U U' without channel c, of features V and weights W, need no units anew::

    (U - V W') (U - V W')' = U U' - P - P',    P = (U W - V W'W / 2) V'

which costs a product of ``n x n x space`` instead of ``n x n x units``: 49 instead of 4096.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.pairs import Pairs
from fechner.analysis.network.alignment.similarity import (
    check_similarity,
    checked_values,
    model_similarity,
    similarity_of_inner,
)
from fechner.analysis.network.alignment.sums import ChannelSums
from fechner.errors import InputError
from fechner.threads import small_matrices


class Later(Protocol):
    """What follows the fully connected layer, up to where images are compared."""

    def __call__(self, units: NDArray) -> NDArray:
        """Return the features (n_images, n_features) of the units (n_images, n_units)."""

    def back(self, units: NDArray, slope: NDArray) -> NDArray:
        """Return the slope along the units, given that along the features."""


@dataclass(frozen=True, eq=False)
class FullyConnected:
    """A fully connected layer and what follows it.

    Attributes
    ----------
    weight : (n_units, n_channels * space)
    bias : (n_units,)
    later
        What follows: a nonlinearity, further layers.
    last
        Whether nothing follows: `later` returns the units as they are.
    """

    weight: NDArray
    bias: NDArray
    later: Later
    last: bool = False


class DownstreamChannels(ChannelSums):
    """The channels of a convolution, seen through a fully connected layer.

    Any thread may read them; only the thread that made or copied them may change them.

    Parameters
    ----------
    values : (n_images, n_channels, ...)
        Activations that enter the fully connected layer, channel after channel.
    layer
        The fully connected layer.
    pairs, similarity
        As for `ChannelGrams`.

    Raises
    ------
    InputError
        If the layer does not fit the activations.
    """

    _running = ("active", "total", "inner")

    def __init__(
        self, values: ArrayLike, layer: FullyConnected, pairs: Pairs, *, similarity: str = "cosine"
    ) -> None:
        check_similarity(similarity)
        features = checked_values(values)
        self._owner = threading.get_ident()
        self.values = features.reshape(*features.shape[:2], -1)
        self.n_channels, space = self.values.shape[1:]
        matrix = np.asarray(layer.weight)
        if matrix.ndim != 2 or matrix.shape[1] != self.n_channels * space:
            raise InputError(
                f"the fully connected layer takes {matrix.shape[-1]} numbers, the activations "
                f"have {self.n_channels} channels x {space}; choose the layer that feeds it"
            )
        self.weight = matrix.reshape(len(matrix), self.n_channels, space)
        self.bias = np.asarray(layer.bias, dtype=np.float64)
        self._units_compared = layer.last
        self.pairs, self.later, self.similarity_name = pairs, layer.later, similarity
        self.activate(np.ones(self.n_channels, bool))

    def activate(self, active: NDArray[np.bool_]) -> None:
        """Sum exactly the channels where `active` (n_channels,) is True."""
        self._check_owner()
        self.active = np.array(active, dtype=bool)
        shape = (self.pairs.n, -1)
        flat = self.values[:, self.active].reshape(shape).astype(np.float64)
        self.total = flat @ self.weight[:, self.active].reshape(len(self.weight), -1).T + self.bias
        self.inner = self._inner_products()

    def _inner_products(self) -> NDArray[np.float64]:
        """Return the inner products of the units, (n_images, n_images); none where layers follow.

        For Pearson the units of an image are centred first.
        """
        if not self._units_compared:
            return np.empty(0)
        units = self._centred(self.total, axis=1)
        with small_matrices(self.pairs.n):
            return units @ units.T

    def _centred(self, values: NDArray, *, axis: int) -> NDArray[np.float64]:
        """Return `values` in float64, for Pearson without their mean over the units of `axis`."""
        exact = np.asarray(values, np.float64)
        if self.similarity_name != "pearson":
            return exact
        return exact - exact.mean(axis=axis, keepdims=True)

    def contribution(self, channel: int) -> NDArray[np.float64]:
        """Return what one channel adds to every unit, (n_images, n_units)."""
        with small_matrices(self.pairs.n):
            return self.values[:, channel].astype(np.float64) @ self.weight[:, channel].T

    def remove(self, channels: Iterable[int]) -> None:
        """Take `channels` out of the sums."""
        self._check_owner()
        for channel in channels:
            self.total = self.total - self.contribution(channel)
            self.active[channel] = False
        self.inner = self._inner_products()

    def similarity(
        self, without: int | None = None, *, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the similarity (n_pairs,) after the later layers, but for channel `without`."""
        if self._units_compared:
            inner = self.inner if without is None else self._inner_without(without)
            kind = "cosine" if self.similarity_name == "pearson" else self.similarity_name
            result = similarity_of_inner(self.pairs, inner, kind)
        else:
            units = self.total if without is None else self.total - self.contribution(without)
            kind = self.similarity_name
            result = model_similarity(self.later(units), self.pairs, similarity=kind)
        if out is not None:
            out[:] = result
        return result

    def _inner_without(self, channel: int) -> NDArray[np.float64]:
        """Return the inner products (n_images, n_images) of the units but for one channel."""
        V = self.values[:, channel].astype(np.float64)
        W = self._centred(self.weight[:, channel], axis=0)
        with small_matrices(self.pairs.n):
            P = (self.total @ W - V @ (W.T @ W) / 2) @ V.T
        return self.inner - P - P.T

    def worth(self, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each channel is worth, (n_channels,), to first order; 0 if not active.

        Parameters
        ----------
        slope : (n_pairs,)
            What one unit of each pair's similarity is worth.
        """
        features = self.later(self.total)
        on_features = similarity_slope(features, self.pairs, slope, self.similarity_name)
        on_units = self.later.back(self.total, on_features)
        worth = np.zeros(self.n_channels)
        for channel in np.flatnonzero(self.active):
            worth[channel] = ((on_units @ self.weight[:, channel]) * self.values[:, channel]).sum()
        return worth


def similarity_slope(
    features: NDArray, pairs: Pairs, slope: NDArray, similarity: str
) -> NDArray[np.float64]:
    """Return how a weighted sum of similarities rises with each feature, the shape of `features`.

    For cosine, ``d s_ij / d f_i = (f_j / |f_j| - s_ij f_i / |f_i|) / |f_i|``.

    Parameters
    ----------
    features : (n_images, n_features)
    slope : (n_pairs,)
        The weight of each pair's similarity.

    Returns
    -------
    (n_images, n_features) float64

    Raises
    ------
    InputError
        If the features hold NaN or infinite values.
    """
    W = np.zeros((pairs.n, pairs.n))
    W[pairs.rows, pairs.columns] = slope
    W += W.T
    if similarity == "dot":
        return W @ features
    if similarity == "euclidean":
        apart = np.zeros_like(W)
        distance = -model_similarity(features, pairs, similarity=similarity)
        apart[pairs.rows, pairs.columns] = distance
        apart += apart.T
        pull = np.divide(W, apart, out=np.zeros_like(W), where=apart > 0)
        return pull @ features - pull.sum(axis=1, keepdims=True) * features
    centre = features.mean(axis=1, keepdims=True) if similarity == "pearson" else 0.0
    vectors = features - centre
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    pulled = W @ unit
    rise = pulled - (pulled * unit).sum(axis=1, keepdims=True) * unit
    rise = np.divide(rise, length, out=np.zeros_like(rise), where=length > 0)
    return rise - rise.mean(axis=1, keepdims=True) if similarity == "pearson" else rise
