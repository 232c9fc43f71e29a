"""Every layer of a network and how deep it lies.

Depth counts the modules that compute something (convolutions, norms, activations, poolings,
linear layers; not dropout or identities, and no containers), in the order of one forward pass:

    depth = 100 * (such modules that have ended when the layer ends) / (those at the default layer)

The input is 0, the end of the features (`Network.default_layer`) 100, and so is everything
behind it, so that a file with the features only has the same depths as a complete one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from torch import nn

from fechner.analysis.network.layers.architectures import PENULTIMATE
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.tracing import trace
from fechner.analysis.network.layers.weights import last_linear

_KINDS: tuple[tuple[str, str], ...] = (
    ("linear", "linear"),
    ("norm", "norm"),
    ("conv", "convolution"),
    ("pool", "pooling"),
    ("drop", "dropout"),
    ("identity", "identity"),
)
"""Part of a class's name: kind of the layer. The first that fits counts."""


@dataclass(frozen=True)
class LayerInfo:
    """One layer that can be read.

    Attributes
    ----------
    name
        As in `Network.layers`.
    depth_percent
        0 (input) to 100 (end of the features).
    kind
        convolution, norm, activation, pooling, linear, dropout, identity, block (holds other
        layers), input of the head (`PENULTIMATE`), or the name of the module's class.
    channels
        Number of channels.
    """

    name: str
    depth_percent: float
    kind: str
    channels: int


def layers_of(network: Network) -> list[LayerInfo]:
    """Return every layer of `network` that can be read, in the order in which they end.

    Raises
    ------
    InputError
        If the network takes no image.
    """
    with network.lock:
        calls = trace(network.module).calls
    parts = dict(network.module.named_modules())
    done = list(accumulate(int(_computes(parts[call.module])) for call in calls))
    ends = [k for k, call in zip(done, calls, strict=True) if call.name == network.default_layer]
    total = max(ends[0] if ends else done[-1], 1)
    found = [
        LayerInfo(call.name, min(100 * k / total, 100.0), _kind(parts[call.module]), call.channels)
        for k, call in zip(done, calls, strict=True)
        if call.name in network.layers and call.channels is not None
    ]
    last = last_linear(network.module)
    if PENULTIMATE in network.layers and last is not None:
        found.append(LayerInfo(PENULTIMATE, 100.0, "input of the head", last[1].in_features))
    return found


def _computes(part: nn.Module) -> bool:
    return _kind(part) not in ("dropout", "identity", "block")


def _kind(part: nn.Module) -> str:
    """Return what a module does, by the name of its class."""
    word = type(part).__name__
    if any(part.children()):
        # timm's batch norms hold their activation.
        alone = next(part.parameters(recurse=False), None) is not None and "Norm" in word
        return "norm" if alone else "block"
    if "activation" in type(part).__module__:
        return "activation"
    return next((kind for piece, kind in _KINDS if piece in word.lower()), word)
