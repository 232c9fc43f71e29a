"""Selections that a real one has to do better than: weights permuted, and all channels alike.

Both keep network, layers and pooling. A map that a permuted selection makes as well owes nothing
to which channel was chosen; one that all channels make as well owes nothing to choosing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.tracing import trace
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection, Gain


def permuted_selection(selection: ChannelSelection, *, seed: int = 0) -> ChannelSelection:
    """Return the selection with its weights dealt anew among the channels of each layer.

    Examples
    --------
    >>> from fechner.records.selection import Gain
    >>> one = ChannelSelection(
    ...     network="", weights_sha256="", layer="a+b", widths=[3, 2], n_channels=5,
    ...     kept=[True, True, False, True, False], weights=[1.0, 2.0, 0.0, 3.0, 0.0],
    ...     impact=[0.0] * 5, size=224, pool=None, preprocessing="", dimension="", method="readout",
    ...     alignment_selection=Gain(before=None, after=None),
    ...     alignment_held_out=Gain(before=None, after=None),
    ...     scenes_selection=[], scenes_held_out=[], provenance={},
    ... )
    >>> dealt = permuted_selection(one)
    >>> sorted(dealt.weights[:3]), sorted(dealt.weights[3:])
    ([0.0, 1.0, 2.0], [0.0, 3.0])
    """
    rng = np.random.default_rng(seed)
    ends = np.cumsum(selection.widths)[:-1]
    parts = np.split(np.arange(selection.n_channels), ends)
    order = np.concatenate([rng.permutation(part) for part in parts])
    return selection.model_copy(
        update={
            "weights": [selection.weights[k] for k in order],
            "kept": [selection.kept[k] for k in order],
            "method": f"{selection.method}, weights permuted",
        }
    )


def all_channels_selection(selection: ChannelSelection) -> ChannelSelection:
    """Return the selection with every channel kept and of equal weight.

    Where means and SDs of channels both count, only the means do: they are the activation.
    """
    weights = []
    for width in selection.widths:
        means = width // 2 if selection.pool == "mean_sd" else width
        weights += [1.0] * means + [0.0] * (width - means)
    return selection.model_copy(
        update={"weights": weights, "kept": [w > 0 for w in weights], "method": "all channels"}
    )


def all_channels_of(network: Network, layers: Sequence[str]) -> ChannelSelection:
    """Return every channel of these layers with equal weight, where no selection was made.

    Raises
    ------
    InputError
        If there is no such layer, or it has no channels.
    """
    traced = trace(network.module)
    calls = [traced.named(network.checked_layer(layer)) for layer in layers]
    widths = [call.channels if call is not None else None for call in calls]
    counted = [width for width in widths if width is not None]
    if len(counted) < len(layers):
        raise InputError(
            f"layer {layers[widths.index(None)]!r} of {network.name} has no channels of its own; "
            f"use a layer such as {network.default_layer!r}"
        )
    n = sum(counted)
    unknown = Gain(before=None, after=None)
    return ChannelSelection(
        network=network.name,
        weights_sha256=network.weights_sha256,
        layer="+".join(layers),
        widths=counted,
        n_channels=n,
        kept=[True] * n,
        weights=[1.0] * n,
        impact=[0.0] * n,
        size=None,
        pool=None,
        preprocessing="",
        dimension="",
        method="all channels",
        alignment_selection=unknown,
        alignment_held_out=unknown,
        scenes_selection=[],
        scenes_held_out=[],
        provenance={},
    )
