"""Which channels the words of the command line mean.

``--network NAME[@SIZE][=CHECKPOINT]``, ``--layer LAYER[+LAYER][:TARGET]`` and ``--pool`` make the
sets of channels that ``fechner channels`` works on; ``scene_statistics`` is one without a network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.analysis.network.choosing.sets import ChannelSet, ChannelValues
    from fechner.analysis.network.layers.networks import Network
    from fechner.records.rated_images import RatedImages
    from fechner.records.ratings import Ratings

NO_SPACE = "none"
"""Pooling of what has no space to pool."""


def network_of(name: str, weights: Path | None) -> Network:
    """Return the network `name`, with the weights of a file or the published ones."""
    from fechner.analysis.network.layers.networks import load_network

    return load_network(name, weights=weights)


def values_of(
    network: Network, sets: list[ChannelSet], rated: RatedImages, size: int, cache: Path | None
) -> list[ChannelValues]:
    """Return the values of `sets` for the images of a table, behind a progress bar."""
    from fechner.analysis.network.choosing.sets import read_channels
    from fechner.cli.console import bar

    with bar(f"Activations, {network.name}") as progress:
        return read_channels(network, sets, rated.paths, size=size, cache=cache, progress=progress)


def feature_sets(
    networks: list[str],
    layers: list[str] | None,
    pools: list[str],
    rated: RatedImages,
    size: int,
    cache: Path | None,
    *,
    usual: bool = False,
    before: Callable[[Network, list[ChannelSet]], None] | None = None,
) -> dict[tuple[str, str], ChannelValues]:
    """Return the channels of everything asked for, by network/layer and pooling.

    Parameters
    ----------
    networks, layers, pools
        The words of the command line.
    rated, size, cache
        The images, the side in pixels that they are squashed to, and where activations are kept.
    usual
        Whether a network of which no layer is named is read at all its usual layers.
    before
        Called with each network and its sets, once all are known and before any image is read.

    Returns
    -------
    dict
        Channels by ``(network/layer, pooling)``.

    Raises
    ------
    InputError
        If a word is none, or weights or images cannot be read.
    """
    from fechner.analysis.network.choosing.sets import joined

    sets: dict[tuple[str, str], ChannelValues] = {}
    members = dict.fromkeys(member for word in networks for member in word.split("+"))
    # All of them first: a missing file or an unknown layer is found before hours of reading.
    asked = {member: _asked(member, layers, pools, usual=usual) for member in members}
    for wanted in asked.values():
        if before is not None and wanted.network is not None:
            before(wanted.network, wanted.sets)
    read = {member: _read(one, rated, size, cache) for member, one in asked.items()}
    for word in networks:
        parts = [one for member in word.split("+") for one in read[member]]
        label = "+".join(map(_label, word.split("+")))
        if word in read:
            for one in parts:
                named = label if one.channels.name == label else f"{label}/{one.channels.name}"
                sets[named, _pooling(one)] = one
            continue
        # What has no space to pool stands beside the others in each of their poolings.
        pooled = dict.fromkeys(pool for pool in map(_pooling, parts) if pool != NO_SPACE)
        for pool in pooled or [NO_SPACE]:
            if pool != "space" or pools == ["space"]:
                fitting = [one for one in parts if _pooling(one) in (pool, NO_SPACE)]
                sets[label, pool] = joined(fitting)
    return sets


@dataclass(frozen=True)
class _Asked:
    """What one NAME[@SIZE][=CHECKPOINT] means; no network for the statistics of scenes."""

    network: Network | None
    sets: list[ChannelSet]
    side: int | None


def _asked(member: str, layers: list[str] | None, pools: list[str], *, usual: bool) -> _Asked:
    """Return what a member names; its weights are loaded and its layers are known."""
    from fechner.analysis.network.choosing.scene_statistics import SCENE_STATISTICS
    from fechner.analysis.network.choosing.sets import parse_channel_sets
    from fechner.analysis.network.layers.networks import catalogue

    if member == SCENE_STATISTICS:
        return _Asked(None, [], None)
    name, side, weights = _parts_of(member)
    network = network_of(name, Path(weights) if weights else None)
    mine = [
        one.removeprefix(f"{name}/")
        for one in layers or []
        if "/" not in one or one.startswith(f"{name}/")
    ]
    known = {info.name: info.layers for info in catalogue()} if usual else {}
    readable = [one for one in known.get(name, ()) if one in network.layers]
    sets = parse_channel_sets(mine or readable or [network.default_layer], pools)
    for layer in {layer for one in sets for layer in one.layers}:
        network.checked_layer(layer)
    return _Asked(network, sets, side)


def _read(asked: _Asked, rated: RatedImages, size: int, cache: Path | None) -> list[ChannelValues]:
    from fechner.analysis.network.choosing.scene_statistics import read_scene_statistics
    from fechner.cli.console import bar

    if asked.network is None:
        with bar("Scene statistics") as progress:
            return [read_scene_statistics(rated.paths, progress=progress)]
    return values_of(asked.network, asked.sets, rated, asked.side or size, cache)


def _parts_of(member: str) -> tuple[str, int | None, str]:
    """Return name, size and checkpoint of NAME[@SIZE][=CHECKPOINT]."""
    named, _, weights = member.partition("=")
    name, at, side = named.partition("@")
    if at and not side.isdecimal():
        raise InputError(
            f"{member!r}: after '@' stands the side in pixels that images are squashed to, as in "
            f"{name}@384; got {side!r}"
        )
    return name, int(side) if at else None, weights


def _pooling(one: ChannelValues) -> str:
    flat = one.values.ndim == 2 and one.channels.pool == "space"
    return NO_SPACE if flat else one.channels.pool


def _label(member: str) -> str:
    """Return NAME, or NAME=CHECKPOINT without folder and ending."""
    named, _, weights = member.partition("=")
    return f"{named}={Path(weights).stem}" if weights else named


def dimensions_of(
    rated: RatedImages, asked: list[str] | None, partial_out: str | None = None
) -> list[str]:
    """Return the dimensions asked for, or each; an unknown one is refused before any work."""
    from fechner.analysis.network.choosing.rated_features import joint_scores

    names = asked or rated.dimensions
    for name in [*names, *([partial_out] if partial_out else [])]:
        joint_scores(rated, name)
    return names


def single_ratings(ratings: Path | None, rated: RatedImages) -> Ratings | None:
    """Read single ratings on the scales of the rated images; None without a table."""
    if ratings is None:
        return None
    from fechner.records.ratings import read_ratings

    return read_ratings(ratings, scales=rated.scales)
