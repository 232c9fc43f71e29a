"""The fully connected layers behind a convolution, read from a network.

Channels of a convolution can be judged by what a later, fully connected layer makes of
them (`downstream`): the convolution's activations are pooled as the network pools them,
enter its first fully connected layer, and pass the layers after it up to the target. That
this is all the network does between the two is checked on a random input, not assumed.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.downstream import FullyConnected
from fechner.analysis.network.layers.architectures import PENULTIMATE
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import capture
from fechner.errors import InputError, nearest

if TYPE_CHECKING:
    import torch
    from torch import nn

TOLERANCE = 1e-4
"""Largest difference from the network itself, as a share of its largest output."""

_PROBE_SIDE = 96
_BATCH = 64


@dataclass(frozen=True, eq=False)
class TorchLayers:
    """Layers of a network as a function of numpy arrays, float64, and its slope."""

    module: nn.Module

    def __call__(self, units: NDArray) -> NDArray:
        """Return the features (n_images, n_features) of the units (n_images, n_units)."""
        import torch

        with torch.no_grad():
            return self.module(torch.tensor(units)).numpy()

    def back(self, units: NDArray, slope: NDArray) -> NDArray:
        """Return the slope along the units, given that along the features."""
        import torch

        given = torch.tensor(units, requires_grad=True)
        (found,) = torch.autograd.grad(self.module(given), given, torch.tensor(slope))
        return found.numpy()


def read_fully_connected(network: Network, layer: str, target: str) -> FullyConnected:
    """Return the first fully connected layer of `network` and what follows it up to `target`.

    Parameters
    ----------
    layer
        The convolution whose channels are judged.
    target
        The fully connected layer, the nonlinearity after it, a later layer, or
        `PENULTIMATE`, where images are compared.

    Raises
    ------
    InputError
        If the network has no fully connected layers, `target` is none of them, or more than
        pooling lies between `layer` and the first of them.
    """
    from torch import nn

    network.checked_layer(layer)
    chain = _fully_connected_part(network)
    linear_at = [(k, part) for k, (_, part) in enumerate(chain) if isinstance(part, nn.Linear)]
    first, linear = linear_at[0]
    ends = {name: k for k, (name, _) in enumerate(chain) if k >= first}
    if len(linear_at) > 1:
        ends[PENULTIMATE] = linear_at[-1][0] - 1
    if target not in ends:
        raise InputError(
            f"no fully connected layer {target!r} of {network.name} to judge channels by; "
            f"{nearest(target, ends)}"
        )
    _check_path(network, layer, chain[first][0], linear)
    later = [part for _, part in chain[first + 1 : ends[target] + 1]]
    return FullyConnected(
        weight=linear.weight.detach().cpu().numpy(),
        bias=linear.bias.detach().cpu().numpy(),
        later=_later(later),
        # A network that only reads drops nothing out.
        last=all(isinstance(part, nn.Dropout | nn.Identity) for part in later),
    )


def _later(parts: list[nn.Module]) -> TorchLayers:
    """Return copies of `parts` in float64, none of which works in place."""
    from torch import nn

    module = nn.Sequential(*(deepcopy(part) for part in parts)).double().cpu()
    for part in module.modules():
        if hasattr(part, "inplace"):
            setattr(part, "inplace", False)  # noqa: B010 - no attribute that torch declares
    return TorchLayers(module.eval().requires_grad_(False))


def entering(values: NDArray, layer: FullyConnected) -> NDArray[np.float32]:
    """Return activations pooled as they enter `layer`, (n_images, n_channels, space).

    Parameters
    ----------
    values : (n_images, n_channels, height, width)

    Raises
    ------
    InputError
        If the layer does not take these channels.
    """
    import torch

    space = layer.weight.shape[1] / values.shape[1]
    side = round(space**0.5)
    if values.ndim != 4 or side * side != space:
        raise InputError(
            f"the fully connected layer takes {layer.weight.shape[1]} numbers, which is no square "
            f"of cells for activations of shape {values.shape[1:]}; choose the layer that feeds it"
        )
    pooled = np.empty((*values.shape[:2], side * side), np.float32)
    for start in range(0, len(values), _BATCH):
        batch = torch.tensor(np.asarray(values[start : start + _BATCH]))
        pooled[start : start + len(batch)] = _squares(batch, side).flatten(2).numpy()
    return pooled


def _squares(batch: torch.Tensor, side: int) -> torch.Tensor:
    from torch.nn.functional import adaptive_avg_pool2d

    return adaptive_avg_pool2d(batch, side)


def _fully_connected_part(network: Network) -> list[tuple[str, nn.Module]]:
    """Return name and module of each layer of the head, in order."""
    from torch import nn

    head = network.module.get_submodule(network.head)
    parts = [(network.head, head)]
    if isinstance(head, nn.Sequential):
        parts = [(f"{network.head}.{name}", part) for name, part in head.named_children()]
    if not network.complete or not any(isinstance(part, nn.Linear) for _, part in parts):
        raise InputError(
            f"{network.name} ({network.weights_source}) has no fully connected layers to judge "
            "channels by; use a complete weight file, or no target"
        )
    return parts


def _check_path(network: Network, layer: str, name: str, linear: nn.Linear) -> None:
    """Refuse a layer whose pooled activations are not what the fully connected layer gets."""
    import torch

    generator = torch.Generator().manual_seed(0)
    shape = (1, 3, _PROBE_SIDE, _PROBE_SIDE)
    probe = torch.randn(shape, generator=generator).to(network.device)
    with torch.inference_mode():
        found = capture(network, [layer, name], probe)
        values, units = found[layer], found[name]
        takes = linear.in_features
        side = round((takes / values.shape[1]) ** 0.5) if values.ndim == 4 else 0
        fits = side > 0 and values.shape[1] * side * side == takes
        expected = linear(_squares(values, side).flatten(1)) if fits else None
    if expected is None or (
        (expected - units).abs().max() > TOLERANCE * max(float(units.abs().max()), 1e-9)
    ):
        raise InputError(
            f"more than pooling lies between {layer!r} of {network.name} and its fully connected "
            f"layers, so they cannot judge its channels; use {network.default_layer!r}"
        )
