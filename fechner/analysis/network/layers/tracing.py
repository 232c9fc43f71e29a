"""What the modules of a network do in one forward pass.

How often each is called, in which order, and which axis of what it gives is the channels.
`reading` and `depth` ask this of any network, so that neither has to know architectures. A pass
of two small blank images of different size answers it: the axes that grow with the image are
space, the one that does not is the channels. So channels-last stages (Swin) and transformer
tokens are told from ordinary feature maps without a list of names.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from fechner.errors import InputError

if TYPE_CHECKING:
    from torch import nn

Size = tuple[int, int]

PART = "@"
"""Between a layer of tokens and the part of it that is wanted: ``blocks.5@cls``."""

_PROBES: tuple[tuple[Size, Size], ...] = (((64, 96), (96, 160)), ((224, 288), (288, 384)))
"""Pairs of heights and widths; the second for networks that need more than 64 px. In either
every side differs still after a reduction by 32."""

FORWARD_ERRORS = (RuntimeError, ValueError, AssertionError, IndexError)
"""What modules raise for an image that they cannot take."""


@dataclass(frozen=True)
class Call:
    """One call of one module during the pass.

    Attributes
    ----------
    name
        The module's name; ``name#2`` for the second of several calls.
    module, number
        The module's name, and which of its calls this is, from 1.
    shape
        Of what it gave, or None where that was no single tensor.
    gave
        The shape or the type of what it gave, in words.
    axis
        The axis of the channels, or None where there is none.
    """

    name: str
    module: str
    number: int
    shape: tuple[int, ...] | None
    gave: str
    axis: int | None

    @property
    def channels(self) -> int | None:
        """Number of channels, or None."""
        return None if self.shape is None or self.axis is None else self.shape[self.axis]


@dataclass(frozen=True)
class Trace:
    """All calls of a pass in the order in which they ended, and the image that passed.

    Attributes
    ----------
    size
        Height and width of an image that the network takes.
    fixed
        Whether no image of another size passed.
    """

    calls: tuple[Call, ...]
    size: Size
    fixed: bool

    def named(self, name: str) -> Call | None:
        """Return the call of that name, or None."""
        return next((call for call in self.calls if call.name == name), None)

    def of(self, module: str) -> list[Call]:
        """Return every call of a module."""
        return [call for call in self.calls if call.module == module]


_TRACES: WeakKeyDictionary[nn.Module, Trace] = WeakKeyDictionary()
"""Of each module that was traced: a trace costs two small passes."""


def trace(module: nn.Module, *, usual: Size = (224, 224)) -> Trace:
    """Return what `module` does in a pass; computed once, and kept as long as the module lives.

    Parameters
    ----------
    usual
        Size that is tried where the module takes no image of any other.

    Raises
    ------
    InputError
        If the module takes no image of a size that was tried.
    """
    if module not in _TRACES:
        _TRACES[module] = _traced(module, usual)
    return _TRACES[module]


def _traced(module: nn.Module, usual: Size) -> Trace:
    for small, large in _PROBES:
        try:
            return _trace_of(_pass(module, small), _pass(module, large), small, fixed=False)
        except FORWARD_ERRORS:
            continue
    try:
        seen = _pass(module, usual)
    except FORWARD_ERRORS as error:
        raise InputError(
            f"the network takes no blank image of {usual[1]} x {usual[0]} pixels "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
    return _trace_of(seen, seen, usual, fixed=True)


_Seen = dict[tuple[str, int], Any]


def _pass(module: nn.Module, size: Size) -> _Seen:
    """Return the shape (or the type) of what each call gives, in the order of their ends."""
    import torch

    seen: _Seen = {}
    counts: dict[str, int] = {}
    reader = threading.get_ident()

    def note(name: str, value: Any) -> None:
        if threading.get_ident() == reader:
            counts[name] = counts.get(name, 0) + 1
            tensor = isinstance(value, torch.Tensor)
            seen[name, counts[name]] = tuple(value.shape) if tensor else type(value).__name__

    weight = next(module.parameters(), None)
    blank = torch.zeros(1, 3, *size) if weight is None else weight.new_zeros(1, 3, *size)
    # In training the batch norms would learn from the blank image.
    training = [part for part in module.modules() if part.training]
    hooks = [
        part.register_forward_hook(lambda _, __, out, name=name: note(name, out))
        for name, part in module.named_modules()
        if name
    ]
    try:
        module.eval()
        with torch.no_grad():
            module(blank)
    finally:
        for hook in hooks:
            hook.remove()
        for part in training:
            part.training = True
    return seen


def _trace_of(small: _Seen, large: _Seen, size: Size, *, fixed: bool) -> Trace:
    times = {name: number for name, number in small}
    return Trace(
        calls=tuple(
            Call(
                name=name if times[name] == 1 else f"{name}#{number}",
                module=name,
                number=number,
                shape=gave if isinstance(gave, tuple) else None,
                gave=str(gave),
                axis=_channel_axis(gave, large.get((name, number))),
            )
            for (name, number), gave in small.items()
        ),
        size=size,
        fixed=fixed,
    )


def _channel_axis(small: Any, large: Any) -> int | None:
    """Return the axis of the channels of one image's output, given for two sizes of image."""
    if not isinstance(small, tuple) or not isinstance(large, tuple) or len(small) != len(large):
        return None
    # Windows of attention are stacked along the first axis: no image has them to itself.
    if not 2 <= len(small) <= 4 or (small[0], large[0]) != (1, 1) or 0 in small:
        return None
    grown = {axis for axis in range(1, len(small)) if small[axis] != large[axis]}
    if len(small) == 2:
        return None if grown else 1
    if len(small) == 3:
        # Tokens (1, tokens, channels), or channels with their places in one row.
        return {frozenset(): 2, frozenset({1}): 2, frozenset({2}): 1}.get(frozenset(grown))
    if grown:
        return {frozenset({2, 3}): 1, frozenset({3}): 1, frozenset({1, 2}): 3}.get(frozenset(grown))
    # Nothing grew: the two sides of a square are alike. One place, or a tie, is the usual order.
    _, first, second, third = small
    return 3 if first == second != third else 1
