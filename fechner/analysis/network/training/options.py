"""What shapes a fit of a network to ratings: which part, how long, in which steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fechner.errors import InputError

Part = Literal["head", "whole"]
PARTS: tuple[str, ...] = ("head", "whole")


@dataclass(frozen=True)
class FinetuneOptions:
    """What shapes a fit.

    Attributes
    ----------
    part
        ``"head"`` (the trunk stays as it is) or ``"whole"``.
    validation
        Share of the scenes that decide when to stop, in (0, 1).
    head_epochs, whole_epochs
        Most passes over the training images for each part.
    patience
        Epochs without a lower validation error after which training stops.
    head_rate, whole_rate
        Learning rates of AdamW (Loshchilov and Hutter 2019).
    weight_decay
        Of AdamW.
    batch
        Images in one step of the whole network; the head uses all at once.
    size
        Side in pixels of the square that an image is squashed to.
    """

    part: Part = "head"
    validation: float = 0.2
    head_epochs: int = 500
    whole_epochs: int = 20
    patience: int = 20
    head_rate: float = 0.01
    whole_rate: float = 1e-4
    weight_decay: float = 0.05
    batch: int = 16
    size: int = 224


def check_options(options: FinetuneOptions) -> None:
    """Refuse options out of range.

    Raises
    ------
    InputError
        If the part is unknown, the share is none, or a count is below 1.
    """
    if options.part not in PARTS:
        raise InputError(f"no part {options.part!r}; expected one of {', '.join(PARTS)}")
    if not 0 < options.validation < 1:
        raise InputError(f"validation is a share in (0, 1), got {options.validation}")
    counts = (options.head_epochs, options.whole_epochs, options.patience, options.batch)
    if min(counts) < 1:
        raise InputError("epochs, patience and batch must be 1 or more")
