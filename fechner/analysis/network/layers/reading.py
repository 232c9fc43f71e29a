"""What the layers of a network say of one batch of images.

A hook on each wanted layer keeps its output; the pass ends at the last of them. Hooks hang
on the module, which threads may share: one thread reads at a time, and its hooks answer to
its own pass alone. Reading many images, decoding and keeping what was read is the work of
`activations`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fechner.analysis.network.layers.networks import PENULTIMATE, Network
from fechner.analysis.network.layers.weights import last_linear
from fechner.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import nn

Pool = Literal["mean", "max", "mean_sd"]
POOLS: tuple[Pool, ...] = ("mean", "max", "mean_sd")


def as_input(network: Network, images: np.ndarray) -> torch.Tensor:
    """Return uint8 ``(n, h, w, 3)`` as the network's float32 input ``(n, 3, h, w)``, on its device.

    ``(x / 255 - mean) / sd`` for each colour channel.
    """
    import torch

    images = np.require(images, requirements="W")
    pixels = torch.from_numpy(images).to(network.device).permute(0, 3, 1, 2).float()
    mean = torch.tensor(network.mean, device=network.device).view(1, 3, 1, 1) * 255
    sd = torch.tensor(network.sd, device=network.device).view(1, 3, 1, 1) * 255
    return pixels.sub_(mean).div_(sd)


class _Enough(Exception):  # noqa: N818 - a signal, not an error
    """Every wanted layer has been read: the rest of the pass is not needed."""


def layer_values(
    network: Network, layers: Sequence[str], batch: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the outputs of `layers` for one input batch ``(n, 3, h, w)``, without gradients.

    Raises
    ------
    InputError
        If a layer gives nothing that has channels.
    """
    import torch

    with torch.inference_mode():
        return capture(network, layers, batch)


def capture(
    network: Network, layers: Sequence[str], batch: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the outputs of `layers`, with gradients where `batch` asks for them.

    Outputs are copied at once, because the next activation may work in place.

    Raises
    ------
    InputError
        As for `visit`.
    """
    found: dict[str, torch.Tensor] = {}

    def keep(name: str, value: torch.Tensor) -> None:
        found[name] = value.clone()

    visit(network, layers, batch, keep)
    return found


def visit(
    network: Network,
    layers: Sequence[str],
    batch: torch.Tensor,
    look: Callable[[str, torch.Tensor], None],
) -> None:
    """Show `look` what each of `layers` gives for `batch`, at the moment when it gives it.

    The pass ends at the last wanted layer. Nothing is copied: the next module may work in
    place, so that `look` computes at once or copies what it keeps.

    Parameters
    ----------
    network, layers
        The network, and names of its layers.
    batch
        Its input, ``(n, 3, h, w)``.
    look
        Called with the name of a layer and its output.

    Raises
    ------
    InputError
        If a layer gives nothing that has channels, or takes no part in the pass.
    """
    seen: set[str] = set()
    reader = threading.get_ident()

    def meet(name: str, value: Any) -> None:
        # A thread that runs the module without reading it meets this hook, too.
        if threading.get_ident() != reader:
            return
        look(name, _with_channels(network, name, value))
        seen.add(name)
        if len(seen) == len(set(layers)):
            raise _Enough

    with network.lock:
        hooks = [_hook(network.module, name, meet) for name in layers]
        try:
            network.module(batch)
        except _Enough:
            pass
        finally:
            for hook in hooks:
                hook.remove()
    if silent_layers := [name for name in layers if name not in seen]:
        raise InputError(
            f"layer {silent_layers[0]!r} of {network.name} takes no part in the forward pass; "
            f"use {network.default_layer!r}"
        )


def _hook(module: nn.Module, name: str, meet: Callable[[str, Any], None]) -> Any:
    if name == PENULTIMATE:
        last = last_linear(module)
        if last is None:
            raise InputError("the network has no fully connected layer")
        return last[1].register_forward_pre_hook(lambda _, given: meet(name, given[0]))
    return module.get_submodule(name).register_forward_hook(lambda _, __, out: meet(name, out))


def _with_channels(network: Network, name: str, value: Any) -> torch.Tensor:
    import torch

    if isinstance(value, torch.Tensor) and value.ndim in (2, 4) and 0 not in value.shape:
        return value
    shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
    raise InputError(
        f"layer {name!r} of {network.name} has no channels: expected (n, channels, h, w) or "
        f"(n, units), got {shape}; use a layer such as {network.default_layer!r}"
    )


def pooled(values: torch.Tensor, pool: Pool | None) -> torch.Tensor:
    """Return ``(n, C, h, w)`` reduced over space to ``(n, C)``, for mean_sd ``(n, 2C)``.

    Values without space, or with pool None, come back unchanged.
    """
    import torch

    if pool is None or values.ndim == 2:
        return values
    if pool == "mean":
        return values.mean(dim=(2, 3))
    if pool == "max":
        return values.amax(dim=(2, 3))
    sd, mean = torch.std_mean(values, dim=(2, 3), correction=0)
    return torch.cat([mean, sd], dim=1)
