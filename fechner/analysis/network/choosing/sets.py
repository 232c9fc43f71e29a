"""Which channels are meant: layers of a network, joined or not, pooled, and who judges them.

A set of channels is written ``LAYER``, ``LAYER+LAYER`` (joined: pooled over space and put
side by side), or ``LAYER:TARGET`` (a convolution judged by a fully connected layer behind
it). One forward pass reads all sets that are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.downstream import FullyConnected
from fechner.analysis.network.layers.activations import activations, describe_preprocessing
from fechner.analysis.network.layers.architectures import PENULTIMATE
from fechner.analysis.network.layers.fully_connected import entering, read_fully_connected
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import POOLS, Pool
from fechner.errors import InputError, nearest
from fechner.progress import Progress, silent
from fechner.provenance import sha256_file
from fechner.records.selection import ChannelSelection

SPACE = "space"
POOLINGS = (SPACE, *POOLS)


@dataclass(frozen=True)
class ChannelSet:
    """Channels of a network.

    Attributes
    ----------
    layers
        One, or several that are joined.
    pool
        One of `POOLINGS`; ``space`` leaves the channels unpooled.
    target
        The fully connected layer that judges the channels, if any.
    """

    layers: tuple[str, ...]
    pool: str = SPACE
    target: str | None = None

    @property
    def name(self) -> str:
        """How the set is written, without its pooling."""
        joined = "+".join(self.layers)
        return joined if self.target is None else f"{joined}:{self.target}"


@dataclass(frozen=True, eq=False)
class ChannelValues:
    """What the channels of one set say of each image.

    Attributes
    ----------
    channels
        The set; its pool is ``space`` where the layer has no space to pool.
    values : (n_images, n_channels[, height, width])
        Of joined layers one after another; of pool ``mean_sd`` all means of a layer, then
        all its SDs, each counted as a channel.
    widths
        How many of these channels come from each layer.
    network, weights_sha256, preprocessing, size
        Where they come from; `size` is the side in pixels of the network's square, None where
        images were seen at their own size.
    seen : (n_images,) bool
        Images that the weights were fitted to.
    judge
        The fully connected layer of the target, if any.
    parts
        How many channels come from each of the sets that are joined, which the strategy
        ``averaged`` reads one by one; empty where nothing is joined.
    """

    channels: ChannelSet
    values: NDArray
    widths: tuple[int, ...]
    network: str
    weights_sha256: str
    preprocessing: str
    size: int | None
    seen: NDArray[np.bool_]
    judge: FullyConnected | None = None
    parts: tuple[int, ...] = ()


def joined(parts: Sequence[ChannelValues]) -> ChannelValues:
    """Return pooled channels of several networks side by side.

    Raises
    ------
    InputError
        If a part has space or a target: such channels cannot stand beside others.
    """
    for part in parts:
        if part.values.ndim > 2 or part.judge is not None:
            raise InputError(
                f"{part.network}/{part.channels.name}: joined channels have no space and no "
                "target; pool them by mean, max or mean_sd"
            )
    first = parts[0]
    return replace(
        first,
        channels=ChannelSet(
            tuple(layer for part in parts for layer in part.channels.layers), first.channels.pool
        ),
        values=np.concatenate([part.values for part in parts], axis=1),
        widths=tuple(width for part in parts for width in part.widths),
        network="+".join(part.network for part in parts),
        seen=np.logical_or.reduce([part.seen for part in parts]),
        parts=tuple(part.values.shape[1] for part in parts),
    )


def parse_channel_sets(words: Sequence[str], pools: Sequence[str]) -> list[ChannelSet]:
    """Return every set of `words` in every pooling that it can have.

    Raises
    ------
    InputError
        If a pooling is unknown, joined layers have none, or joined layers have a target.
    """
    for pool in pools:
        check_pooling(pool)
    sets: list[ChannelSet] = []
    for word in words:
        joined, _, target = word.partition(":")
        layers = tuple(joined.split("+"))
        if target and len(layers) > 1:
            raise InputError(f"{word!r}: a target judges one layer; join layers or name a target")
        if target or layers == (PENULTIMATE,):
            sets.append(ChannelSet(layers, target=target or None))
            continue
        fitting = [pool for pool in pools if pool != SPACE or len(layers) == 1]
        if not fitting:
            raise InputError(
                f"{word!r}: joined layers differ in space; pool them by mean, max or mean_sd"
            )
        sets += [ChannelSet(layers, pool) for pool in fitting]
    return list(dict.fromkeys(sets))


def chosen_set(selection: ChannelSelection) -> ChannelSet:
    """Return the set of channels that `selection` was made among."""
    return ChannelSet(tuple(selection.layers), selection.pool or SPACE, selection.target)


def check_pooling(pool: str) -> None:
    """Raise InputError if `pool` is not one of POOLINGS."""
    if pool not in POOLINGS:
        raise InputError(f"unknown pooling {pool!r}; {nearest(pool, POOLINGS)}")


def read_channels(
    network: Network,
    sets: Sequence[ChannelSet],
    paths: Sequence[Path],
    *,
    size: int = 224,
    cache: Path | None = None,
    progress: Progress = silent,
) -> list[ChannelValues]:
    """Return the values of every set for the images at `paths`.

    Layers that any set needs with their space are read so and pooled afterwards; the others
    are pooled as they are read. A layer without space comes once, whatever its poolings.

    Parameters and errors as for `activations` and `read_fully_connected`.

    Parameters
    ----------
    network
        What sees the images.
    sets
        Which channels are read.
    paths
        The images.
    size
        Side in pixels of the square that the network sees.
    cache
        A folder where activations are kept between runs.
    progress
        Called after each batch of images.

    Returns
    -------
    list of ChannelValues
        One for each of `sets`, with a row for each of `paths`.

    Raises
    ------
    InputError
        If an image cannot be read, or the network has no such layer.
    """
    judges = [
        read_fully_connected(network, one.layers[0], one.target) if one.target else None
        for one in sets
    ]
    layers = _Layers(network, sets, paths, size, cache, progress)
    seen = np.array([bool(network.seen) and sha256_file(path) in network.seen for path in paths])
    found = []
    for one, judge in zip(sets, judges, strict=True):
        parts = [layers.pooled(layer, one.pool) for layer in one.layers]
        flat = len(one.layers) == 1 and layers.without_space(one.layers[0])
        values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        found.append(
            ChannelValues(
                ChannelSet(one.layers, SPACE, one.target) if flat else one,
                values if judge is None else entering(values, judge),
                tuple(part.shape[1] for part in parts),
                network.name,
                network.weights_sha256,
                describe_preprocessing(network, size),
                size,
                seen,
                judge,
            )
        )
    return list({one.channels: one for one in found}.values())


class _Layers:
    """Activations of layers, each read once, with space where any set needs it."""

    def __init__(
        self,
        network: Network,
        sets: Sequence[ChannelSet],
        paths: Sequence[Path],
        size: int,
        cache: Path | None,
        progress: Progress,
    ) -> None:
        def read(layers: list[str], pool: Pool | None) -> dict[str, NDArray]:
            if not layers:
                return {}
            found = activations(
                network, layers, paths, size=size, pool=pool, cache=cache, progress=progress
            )
            return {layer: found[layer].values for layer in layers}

        spatial = [one.layers[0] for one in sets if one.pool == SPACE]
        self.values = {SPACE: read(list(dict.fromkeys(spatial)), None)}
        for pool in POOLS:
            wanted = [layer for one in sets if one.pool == pool for layer in one.layers]
            missing = [layer for layer in dict.fromkeys(wanted) if layer not in spatial]
            self.values[pool] = read(missing, pool)

    def pooled(self, layer: str, pool: str) -> NDArray:
        spatial = self.values[SPACE]
        return pool_values(spatial[layer], pool) if layer in spatial else self.values[pool][layer]

    def without_space(self, layer: str) -> bool:
        spatial = self.values[SPACE]
        return layer in spatial and spatial[layer].ndim == 2


def pool_values(values: ArrayLike, pooling: str) -> NDArray:
    """Return activations (n, C, h, w) as they are, or pooled to (n, C) or (n, 2 C).

    Parameters
    ----------
    pooling
        ``space`` (no pooling), ``mean``, ``max``, or ``mean_sd``: all means, then all
        standard deviations. Activations without space come back as they are.

    Raises
    ------
    InputError
        If the pooling is unknown.
    """
    check_pooling(pooling)
    features = np.asarray(values)
    if pooling == SPACE or features.ndim == 2:
        return features
    flat = features.reshape(*features.shape[:2], -1)
    if pooling == "max":
        return flat.max(axis=2)
    mean = flat.mean(axis=2)
    return mean if pooling == "mean" else np.concatenate([mean, flat.std(axis=2)], axis=1)
