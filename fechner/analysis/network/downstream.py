"""Channels judged by what a later, fully connected layer makes of them.

A fully connected target has no running Gram: taking a channel out changes every unit.
But its pre-activations are a sum over channels, so they are kept, the channel's part is
subtracted, and only what follows is run again. `DownstreamChannels` offers what
`ChannelGrams` offers, so impact and pruning work on either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.pairs import Pairs
from fechner.analysis.network.similarity import check_similarity, checked_values, model_similarity
from fechner.errors import InputError


def rectified(units: NDArray) -> NDArray:
    """Return ``max(units, 0)``: what commonly follows a fully connected layer."""
    return np.maximum(units, 0.0)


class DownstreamChannels:
    """The channels of a convolution, seen through a fully connected layer.

    Parameters
    ----------
    values : (n_images, n_channels, ...)
        Activations that enter the fully connected layer, channel after channel.
    weight : (n_units, n_channels * space)
    bias : (n_units,)
        Of the fully connected layer.
    rest
        What follows it, on (n_images, n_units): rectification, further layers.
    pairs, similarity
        As for `ChannelGrams`.

    Raises
    ------
    InputError
        If the weight does not fit the activations.
    """

    def __init__(
        self,
        values: ArrayLike,
        weight: ArrayLike,
        bias: ArrayLike,
        pairs: Pairs,
        *,
        rest: Callable[[NDArray], NDArray] = rectified,
        similarity: str = "cosine",
    ) -> None:
        check_similarity(similarity)
        features = checked_values(values)
        self.values = features.reshape(*features.shape[:2], -1)
        self.n_channels, space = self.values.shape[1:]
        matrix = np.asarray(weight)
        if matrix.ndim != 2 or matrix.shape[1] != self.n_channels * space:
            raise InputError(
                f"the fully connected layer takes {matrix.shape[-1]} numbers, the activations "
                f"have {self.n_channels} channels x {space}; choose the layer that feeds it"
            )
        self.weight = matrix.reshape(len(matrix), self.n_channels, space)
        self.bias = np.asarray(bias, dtype=np.float64)
        self.pairs, self.rest, self.similarity_name = pairs, rest, similarity
        self.activate(np.ones(self.n_channels, bool))

    def activate(self, active: NDArray[np.bool_]) -> None:
        """Sum exactly the channels where `active` (n_channels,) is True."""
        self.active = np.array(active, dtype=bool)
        shape = (self.pairs.n, -1)
        flat = self.values[:, self.active].reshape(shape).astype(np.float64)
        self.total = flat @ self.weight[:, self.active].reshape(len(self.weight), -1).T + self.bias

    def contribution(self, channel: int) -> NDArray[np.float64]:
        """Return what one channel adds to every unit, (n_images, n_units)."""
        return self.values[:, channel].astype(np.float64) @ self.weight[:, channel].T

    def copy(self) -> DownstreamChannels:
        """Return an independent state over the same activations."""
        twin = object.__new__(DownstreamChannels)
        twin.__dict__.update(self.__dict__)
        twin.active, twin.total = self.active.copy(), self.total.copy()
        return twin

    def remove(self, channels: Iterable[int]) -> None:
        """Take `channels` out of the sums."""
        for channel in channels:
            self.total = self.total - self.contribution(channel)
            self.active[channel] = False

    def similarity(
        self, without: int | None = None, *, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the similarity (n_pairs,) after the later layers, but for channel `without`."""
        units = self.total if without is None else self.total - self.contribution(without)
        result = model_similarity(self.rest(units), self.pairs, similarity=self.similarity_name)
        if out is not None:
            out[:] = result
        return result
