"""Which channels the words of the command line mean.

``--network NAME[=CHECKPOINT]``, ``--layer LAYER[+LAYER][:TARGET]`` and ``--pool`` make the
sets of channels that ``fechner channels`` works on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fechner.analysis.network.choosing.sets import ChannelSet, ChannelValues
    from fechner.analysis.network.layers.networks import Network
    from fechner.records.rated_images import RatedImages
    from fechner.records.ratings import Ratings


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


def read_sets(
    network: Network,
    layers: list[str] | None,
    pools: list[str],
    rated: RatedImages,
    size: int,
    cache: Path | None,
) -> list[ChannelValues]:
    """Return the values of every layer in every pooling; the default layer if none is named."""
    from fechner.analysis.network.choosing.sets import parse_channel_sets

    sets = parse_channel_sets(layers or [network.default_layer], pools)
    return values_of(network, sets, rated, size, cache)


def feature_sets(
    networks: list[str],
    layers: list[str] | None,
    pools: list[str],
    rated: RatedImages,
    size: int,
    cache: Path | None,
    *,
    usual: bool = False,
) -> dict[tuple[str, str], ChannelValues]:
    """Return the channels of everything asked for, by network/layer and pooling.

    With `usual`, a network of which no layer is named is read at all its usual layers.
    """
    from fechner.analysis.network.choosing.sets import joined
    from fechner.analysis.network.layers.networks import catalogue

    known = {info.name: info.layers for info in catalogue()} if usual else {}

    sets: dict[tuple[str, str], ChannelValues] = {}
    for word in networks:
        parts: list[ChannelValues] = []
        for member in word.split("+"):
            name, _, weights = member.partition("=")
            source = network_of(name, Path(weights) if weights else None)
            mine = [
                one.removeprefix(f"{name}/")
                for one in layers or []
                if "/" not in one or one.startswith(f"{name}/")
            ]
            readable = [one for one in known.get(name, ()) if one in source.layers]
            parts += read_sets(source, mine or readable, pools, rated, size, cache)
        label = "+".join(_label(member) for member in word.split("+"))
        if "+" not in word:
            sets |= {(f"{label}/{one.channels.name}", _pooling(one)): one for one in parts}
            continue
        for pool in dict.fromkeys(map(_pooling, parts)):
            if pool != "space" or pools == ["space"]:
                sets[label, pool] = joined([one for one in parts if _pooling(one) == pool])
    return sets


def _pooling(one: ChannelValues) -> str:
    return "none" if one.values.ndim == 2 and one.channels.pool == "space" else one.channels.pool


def _label(member: str) -> str:
    """Return NAME, or NAME=CHECKPOINT without folder and ending."""
    name, _, weights = member.partition("=")
    return f"{name}={Path(weights).stem}" if weights else name


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
