"""What a search over channels behind a fully connected layer will take, said before it begins.

Behind such a layer no channel has inner products of its own: each removal passes all images
through what follows, .05 s for 600 images and .36 s for 1608 (4096 rectified units), so that a
comparison with shuffled ratings can take days. One removal is timed, on made-up activations of
the right size.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fechner.analysis.network.alignment.downstream import FullyConnected
    from fechner.analysis.network.choosing.sets import ChannelSet
    from fechner.analysis.network.choosing.strategies import Strategy
    from fechner.analysis.network.layers.networks import Network

PASSES = {
    "negative": 1.0,
    "random": 1.0,
    "threshold": 2.3,
    "curve": 2.3,
    "single_pass": 2.0,
    "greedy": 3.3,
}
"""Removals that a choice evaluates, in units of its channels: once each for the impacts; three
inner folds of two thirds of the images cost 1.3 more; greedy pruning of 512 took 2.3 more."""
WORTH_SAYING = 60.0
"""Seconds below which nothing is said."""
FEWEST = 3
"""Images that make a matrix; fewer are refused later, by who knows what for."""
_PROBED = 2


def say_cost(
    network: Network,
    sets: Sequence[ChannelSet],
    strategies: Sequence[Strategy],
    *,
    images: int,
    choices: int,
) -> None:
    """Print how long the searches behind fully connected layers will take on one core, if long.

    Parameters
    ----------
    network, sets
        What is read; only sets with a target are spoken of.
    strategies
        Each chooses from each set.
    images
        Of one choice.
    choices
        How often each strategy chooses: folds, and again under shuffled ratings.
    """
    from fechner.analysis.network.layers.depth import layers_of
    from fechner.analysis.network.layers.fully_connected import read_fully_connected
    from fechner.cli.console import console

    for one in (one for one in sets if one.target and images >= FEWEST):
        (layer,), target = one.layers, str(one.target)
        behind = read_fully_connected(network, layer, target)
        channels = next(told.channels for told in layers_of(network) if told.name == layer)
        each = seconds_a_channel(behind, channels, images)
        passes = sum(_passes(strategy, channels) for strategy in strategies)
        whole = each * channels * passes * choices
        if whole > WORTH_SAYING:
            console.print(
                f"{target} judges {channels} channels of {layer} on {images} images: {each:.2g} s "
                f"for each that is left out, for all choices some {_told(whole)} on one core "
                "(--jobs and --cluster share them out; fewer --shuffles are fewer choices)",
                soft_wrap=True,
            )


def seconds_a_channel(layer: FullyConnected, channels: int, images: int) -> float:
    """Return the seconds of one removal, on made-up activations of two channels."""
    import numpy as np

    from fechner.analysis.network.alignment.alignment import align
    from fechner.analysis.network.alignment.downstream import DownstreamChannels, FullyConnected
    from fechner.analysis.network.alignment.impact import leave_one_out
    from fechner.analysis.network.alignment.pairs import all_pairs

    rng, space = np.random.default_rng(0), layer.weight.shape[1] // channels
    values = np.maximum(rng.normal(size=(images, _PROBED, space)), 0).astype(np.float32)
    few = FullyConnected(layer.weight[:, : _PROBED * space], layer.bias, layer.later, layer.last)
    pairs = all_pairs(images)
    state, measure = DownstreamChannels(values, few, pairs), align(rng.normal(size=images), pairs)
    leave_one_out(state, measure, channels=[0])
    begin = time.perf_counter()
    leave_one_out(state, measure, channels=[1])
    # Half of it is the alignment of all channels, which is computed once for all of them.
    return (time.perf_counter() - begin) / 2


def _passes(strategy: Strategy, channels: int) -> float:
    return channels / 2 if strategy.method == "exhaustive" else PASSES.get(strategy.method, 0.0)


def _told(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 86_400 else f"{seconds / 86_400:.1f} days"
