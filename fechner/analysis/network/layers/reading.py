"""What the layers of a network say of one batch of images.

A hook on each wanted layer shows its output at the moment when it is given; the pass ends at
the last of them. Whatever the network's own order of axes (`tracing`), channels come second:
``(n, channels, h, w)``, tokens of a transformer ``(n, channels, 1, tokens)``, units
``(n, units)``. A module that is used several times in a pass is read by the number of the use:
``relu#2``.

Hooks hang on the module, which threads may share: one thread reads at a time, and its hooks
answer to its own pass alone. Reading many images, decoding and keeping what was read is the
work of `activations`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fechner.analysis.network.layers.architectures import PENULTIMATE
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.tracing import FORWARD_ERRORS, PART, Trace, trace
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
        As for `visit`.
    """
    import torch

    with torch.inference_mode():
        return capture(network, layers, batch)


def capture(
    network: Network, layers: Sequence[str], batch: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the outputs of `layers`, with gradients where `batch` asks for them.

    Outputs are copied at once, because the next activation may work in place; after the last
    one nothing follows.

    Raises
    ------
    InputError
        As for `visit`.
    """
    found: dict[str, torch.Tensor] = {}
    wanted = len(set(layers))

    def keep(name: str, value: torch.Tensor) -> None:
        last = len(found) + 1 == wanted
        found[name] = value if last else value.clone()

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
        Called with the name of a layer and its output, channels second.

    Raises
    ------
    InputError
        If a layer gives nothing that has channels, is used several times, or takes no part in
        the pass, or if the images are too small for it.
    """
    with network.lock:
        # The usual images come first; the batch itself is asked where nothing else passes.
        traced = trace(network.module, usual=(batch.shape[2], batch.shape[3]))
        wanted = [_wanted(network, traced, name) for name in dict.fromkeys(layers)]
        try:
            missing = _run(network, wanted, batch, look)
        except FORWARD_ERRORS as error:
            raise _explained(network, traced, wanted, batch, error) from error
    if missing:
        raise InputError(
            f"layer {missing[0]!r} of {network.name} takes no part in the forward pass; "
            f"use {network.default_layer!r}"
        )


@dataclass(frozen=True)
class _Wanted:
    """A layer that is to be read: which call of which module, and which part of its tokens."""

    name: str
    module: str
    number: int
    axis: int
    part: str = ""
    enters: bool = False


def _wanted(network: Network, traced: Trace, name: str) -> _Wanted:
    if name == PENULTIMATE:
        last = last_linear(network.module)
        if last is None:
            raise InputError("the network has no fully connected layer")
        return _Wanted(name, last[0], 1, axis=-1, enters=True)
    plain, _, part = name.partition(PART)
    call = traced.named(plain)
    if call is None:
        if several := traced.of(plain):
            raise InputError(
                f"layer {plain!r} of {network.name} is used {len(several)} times in one pass; "
                f"say which: {', '.join(one.name for one in several)}"
            )
        raise InputError(
            f"layer {name!r} of {network.name} takes no part in the forward pass; "
            f"use {network.default_layer!r}"
        )
    if call.axis is None or (part and len(call.shape or ()) != 3):
        raise _no_channels(network, name, call.gave)
    return _Wanted(name, call.module, call.number, call.axis, part)


def _run(
    network: Network,
    wanted: Sequence[_Wanted],
    batch: torch.Tensor,
    look: Callable[[str, torch.Tensor], None],
) -> list[str]:
    """Pass `batch`, show what was wanted, and return the names that were not met."""
    left = {one.name for one in wanted}
    counts: dict[str, int] = {}
    reader = threading.get_ident()

    def meet(module: str, enters: bool, value: Any) -> None:
        # A thread that runs the module without reading it meets this hook, too.
        if threading.get_ident() != reader:
            return
        if not enters:
            counts[module] = counts.get(module, 0) + 1
        for one in wanted:
            if (one.module, one.enters) == (module, enters) and (
                enters or one.number == counts[module]
            ):
                look(one.name, _arranged(network, one, value, batch))
                left.discard(one.name)
        if not left:
            raise _Enough

    hooks = [
        _hook(network.module, module, enters, meet)
        for module, enters in dict.fromkeys((one.module, one.enters) for one in wanted)
    ]
    try:
        network.module(batch)
    except _Enough:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return [one.name for one in wanted if one.name in left]


def _hook(
    module: nn.Module, name: str, enters: bool, meet: Callable[[str, bool, Any], None]
) -> Any:
    part = module.get_submodule(name)
    if enters:
        return part.register_forward_pre_hook(lambda _, given: meet(name, True, given[0]))
    return part.register_forward_hook(lambda _, __, out: meet(name, False, out))


def _arranged(network: Network, one: _Wanted, value: Any, batch: torch.Tensor) -> torch.Tensor:
    """Return a layer's output with the channels second, as a view."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise _no_channels(network, one.name, type(value).__name__)
    shape = tuple(value.shape)
    # A fully connected layer works on the last axis, whatever stands before it.
    axis = one.axis % value.ndim if one.enters else one.axis
    if not axis < value.ndim <= 4 or 0 in shape or shape[0] != len(batch):
        raise _no_channels(network, one.name, str(shape))
    if value.ndim == 3:
        return _tokens(network, one, value.movedim(axis, 1), batch)
    return value.movedim(axis, 1)


def _tokens(
    network: Network, one: _Wanted, tokens: torch.Tensor, batch: torch.Tensor
) -> torch.Tensor:
    """Return the wanted part of tokens ``(n, channels, tokens)``.

    All of them in one row, ``(n, channels, 1, tokens)``; ``cls``: the first, ``(n, channels)``;
    ``patches``: those of the image on their grid, ``(n, channels, h, w)``.
    """
    if not one.part:
        return tokens.unsqueeze(2)
    before = int(getattr(network.module, "num_prefix_tokens", 0))
    if one.part == "cls":
        if before and getattr(network.module, "cls_token", None) is not None:
            return tokens[:, :, 0]
        raise InputError(f"{network.name} has no class token; read {one.name.partition(PART)[0]!r}")
    if one.part == "patches":
        patch = getattr(getattr(network.module, "patch_embed", None), "patch_size", None)
        if patch is not None:
            rows, columns = (-(-batch.shape[2 + k] // patch[k]) for k in (0, 1))
            if rows * columns == tokens.shape[2] - before:
                return tokens[:, :, before:].unflatten(2, (rows, columns))
        raise InputError(
            f"the tokens of {one.name.partition(PART)[0]!r} of {network.name} are not one for each "
            "patch of the image; read the layer without a part"
        )
    raise InputError(f"no part {one.part!r} of a layer of tokens; expected cls or patches")


def _no_channels(network: Network, name: str, gave: str) -> InputError:
    return InputError(
        f"layer {name!r} of {network.name} has no channels of single images: expected one tensor "
        f"(n, channels, h, w), (n, tokens, channels) or (n, units), got {gave}; use a layer such "
        f"as {network.default_layer!r}"
    )


_ENOUGH_PX = 1024
"""Side in pixels at which the search for the least size of image ends."""


def _explained(
    network: Network,
    traced: Trace,
    wanted: Sequence[_Wanted],
    batch: torch.Tensor,
    error: Exception,
) -> Exception:
    """Return what is to be said of a failed pass: that of the size, or `error` itself."""
    height, width = batch.shape[2:]
    if isinstance(error, InputError):
        return error
    if traced.fixed and (height, width) != traced.size:
        return InputError(
            f"{network.name} takes images of {traced.size[1]} x {traced.size[0]} px only, got "
            f"{width} x {height}; resize them, or use another network"
        )
    low, high = min(height, width), min(height, width)
    for one in wanted:
        if not _passes(network, one, batch, high):
            break
    else:
        return error
    while not _passes(network, one, batch, high):
        low, high = high, 2 * high
        if high > _ENOUGH_PX:
            return error
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _passes(network, one, batch, middle) else (middle, high)
    return InputError(
        f"layer {one.name!r} of {network.name} needs images of at least {high} px; got "
        f"{width} x {height}"
    )


def _passes(network: Network, one: _Wanted, batch: torch.Tensor, side: int) -> bool:
    """Return whether a blank square image reaches a layer."""
    import torch

    blank = batch.new_zeros(1, 3, side, side)
    try:
        with torch.no_grad():
            return not _run(network, [one], blank, lambda _, __: None)
    except (*FORWARD_ERRORS, InputError):
        return False


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
