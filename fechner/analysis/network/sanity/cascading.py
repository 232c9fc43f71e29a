"""Networks whose weights are shuffled layer by layer, from the last to the first.

A map that stays the same when the network behind it is destroyed shows the image, not the network
(Adebayo and others 2018, "Sanity checks for saliency maps", NeurIPS: cascading randomisation).
Here the numbers of each tensor change places, so that every layer keeps the spread of its weights
and activations do not run away; their authors draw new ones.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import nn

from fechner.analysis.network.layers.networks import Network
from fechner.errors import InputError

SHARES = (0.25, 0.5, 1.0)
"""Of the modules up to the read layers, counted from the last, that are shuffled."""


def cascaded(
    network: Network, layers: Sequence[str], *, shares: Sequence[float] = SHARES, seed: int = 0
) -> Iterator[tuple[float, Network]]:
    """Give the network with ever more of its modules shuffled.

    Parameters
    ----------
    network
        Stays as it is. It keeps its name and digest, so that the selection still fits.
    layers
        The layers that are read: modules behind the last of them play no part.
    shares
        Rising, in (0, 1].
    seed
        Of the shuffling.

    Yields
    ------
    tuple of float and Network
        The share, and a network of its own.

    Raises
    ------
    InputError
        If no module before the layers has weights.
    """
    names = modules_with_weights(network, layers)
    module = copy.deepcopy(network.module)
    generator = torch.Generator().manual_seed(seed)
    done = 0
    for share in shares:
        until = max(1, round(share * len(names)))
        for name in names[::-1][done:until]:
            _shuffle(module.get_submodule(name), generator)
        done = until
        yield share, replace(network, module=copy.deepcopy(module))


def modules_with_weights(network: Network, layers: Sequence[str]) -> list[str]:
    """Return the innermost modules with weights, up to the last of `layers`, in their order.

    Raises
    ------
    InputError
        If there is none.
    """
    order = [name for name, _ in network.module.named_modules()]
    asked = [layer.partition("#")[0].partition(":")[0] for layer in layers]
    last = max(
        (k for k, name in enumerate(order) if any(_within(name, layer) for layer in asked)),
        default=len(order) - 1,
    )
    found = [
        name
        for name in order[: last + 1]
        if name and any(True for _ in network.module.get_submodule(name).parameters(recurse=False))
    ]
    if not found:
        raise InputError(
            f"no module of {network.name} before {', '.join(layers)} has weights to shuffle; ask "
            "for another layer"
        )
    return found


def _within(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")


def _shuffle(module: nn.Module, generator: torch.Generator) -> None:
    with torch.no_grad():
        for tensor in [*module.parameters(recurse=False), *module.buffers(recurse=False)]:
            if tensor.is_floating_point() and tensor.numel() > 1:
                order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                tensor.copy_(tensor.flatten()[order].view_as(tensor))
