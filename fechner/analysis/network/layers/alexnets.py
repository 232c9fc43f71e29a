"""The AlexNets that are not torchvision's: VISSL's five, and one for CIFAR-10.

The five that VISSL publishes for different goals (Goyal et al. 2019 and the papers of the
goals) differ in architecture and input, too: a difference between two of them is no effect of
the goal alone. `_PLANS` shows what differs. Their files name blocks by number
(``_feature_blocks.0.0.weight``); here they are called ``conv1`` to ``pool5``. What lies behind
``pool5`` served the pretext task and is left out.

Inputs are RGB for all: lightness (Colorization) and edges (DeepCluster) are computed by a
first module of the network itself, so that they can be read like any layer.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

BLOCKS = ("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5")
"""Blocks of VISSL's AlexNets, in the order of their numbers."""

_ALL = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class _Plan:
    """What differs between the five.

    Attributes
    ----------
    filters
        Of the five convolutions.
    stride, padding
        Of the first one, 11 x 11.
    groups
        Of the second, fourth and fifth.
    normed
        Convolutions that a batch norm follows.
    local_norm
        Where local response normalisation stands: before or after the first two poolings.
    inputs
        Channels that enter the first convolution.
    """

    filters: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    stride: int = 4
    padding: int = 0
    groups: int = 2
    normed: tuple[int, ...] = _ALL
    local_norm: str = ""
    inputs: int = 3


_PLANS = {
    "colorization": _Plan(inputs=1),
    "deepcluster": _Plan(padding=2, groups=1, inputs=2),
    "jigsaw": _Plan(stride=2, normed=(3, 4, 5), local_norm="after"),
    "rotnet": _Plan(filters=(64, 192, 384, 256, 256), padding=2, groups=1),
    "bvlc": _Plan(normed=(), local_norm="before"),
}


def build_vissl(goal: str) -> nn.Sequential:
    """Return VISSL's AlexNet for `goal` (a key of `_PLANS`), with random weights."""
    plan = _PLANS[goal]
    parts: dict[str, nn.Module] = {}
    if goal == "colorization":
        parts["lightness"] = Lightness()
    if goal == "deepcluster":
        parts["sobel"] = _edges()
    inputs = plan.inputs
    for name in BLOCKS:
        number = int(name[-1])
        if name.startswith("pool"):
            parts[name] = _pooling(plan, number)
            continue
        parts[name] = _convolution(plan, number, inputs)
        inputs = plan.filters[number - 1]
    return nn.Sequential(OrderedDict(parts))


def _convolution(plan: _Plan, number: int, inputs: int) -> nn.Sequential:
    filters = plan.filters[number - 1]
    shape: dict[str, Any]
    if number == 1:
        shape = {"kernel_size": 11, "stride": plan.stride, "padding": plan.padding}
    else:
        side = 5 if number == 2 else 3
        groups = 1 if number == 3 else plan.groups
        shape = {"kernel_size": side, "padding": side // 2, "groups": groups}
    parts: list[nn.Module] = [nn.Conv2d(inputs, filters, **shape)]
    if number in plan.normed:
        parts.append(nn.BatchNorm2d(filters))
    return nn.Sequential(*parts, nn.ReLU(inplace=True))


def _pooling(plan: _Plan, number: int) -> nn.Module:
    pool = nn.MaxPool2d(kernel_size=3, stride=2)
    if not plan.local_norm or number == 5:
        return pool
    # The constants of Krizhevsky et al. 2012 as Caffe has them.
    norm = nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75)
    return nn.Sequential(*((norm, pool) if plan.local_norm == "before" else (pool, norm)))


class Lightness(nn.Module):
    """Return ``L* - 50`` of sRGB in [0, 1]: ``(n, 3, h, w)`` to ``(n, 1, h, w)``, [-50, 50].

    L* as in CIE 1976 with the white point D65. VISSL computes it from 8 bits with OpenCV,
    whose result is rounded to steps of 100 / 255; here it is not rounded.
    """

    def forward(self, image: Tensor) -> Tensor:
        """Return the lightness of the images."""
        linear = torch.where(
            image <= 0.04045, image / 12.92, ((image.clamp(min=0) + 0.055) / 1.055) ** 2.4
        )
        luminance = (linear * linear.new_tensor(_TO_Y).view(1, 3, 1, 1)).sum(1, keepdim=True)
        # The linear part below (6/29)^3 keeps the slope finite at black.
        root = torch.where(
            luminance > _KNEE, luminance.clamp(min=_KNEE) ** (1 / 3), luminance * 7.787 + 16 / 116
        )
        return 116 * root - 66


_TO_Y = (0.212671, 0.715160, 0.072169)
"""Luminance of linear sRGB (ITU-R BT.709, as OpenCV rounds it)."""

_KNEE = 0.008856
"""(6/29)^3."""


def _edges() -> nn.Sequential:
    """Return DeepCluster's fixed filters: the mean of the colours, then both of Sobel's."""
    grey, sobel = nn.Conv2d(3, 1, 1), nn.Conv2d(1, 2, 3, padding=1)
    across = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    with torch.no_grad():
        grey.weight.fill_(1 / 3)
        sobel.weight.copy_(torch.stack([across, across.T])[:, None])
        for filters in (grey, sobel):
            filters.bias.zero_()  # type: ignore[union-attr]
    return nn.Sequential(grey, sobel)


def vissl_name(name: str) -> str | None:
    """Return our name for a tensor of VISSL's files, or None for what lies behind ``pool5``.

    ``_feature_blocks.0.0.weight`` is ``conv1.0.weight``. DeepCluster's own file numbers its
    layers in one row (``features.0.weight``); both are understood, our names as well.
    """
    found = re.fullmatch(r"_feature_blocks\.(\w+)\.(.+)", name)
    if found:
        block, rest = found.groups()
        if block.isdigit():
            return f"{BLOCKS[int(block)]}.{rest}" if int(block) < len(BLOCKS) else None
        return f"{block}.{rest}"
    found = re.fullmatch(r"features\.(\d+)\.(.+)", name)
    if found and int(found[1]) in _IN_A_ROW:
        return f"{_IN_A_ROW[int(found[1])]}.{found[2]}"
    return None if name.split(".")[0] in ("classifier", "top_layer", "fc_block") else name


_IN_A_ROW = {
    first + place: f"conv{number}.{place}"
    for number, first in enumerate((0, 4, 8, 11, 14), start=1)
    for place in (0, 1)
}
"""Number of a layer of DeepCluster's own file: its name here."""


def build_cifar10() -> nn.Sequential:
    """Return the AlexNet for CIFAR-10 of github bearpaw/pytorch-classification (W. Yang).

    Five convolutions as torchvision's, but padding 5 in the first, poolings 2 x 2, and one
    fully connected layer. Its 32 x 32 images leave one place at the end; of larger images the
    mean over places enters the last layer here, which the original refuses.
    """
    features = nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=5),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=2),
        nn.Conv2d(64, 192, kernel_size=5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=2),
        nn.Conv2d(192, 384, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=2),
    )
    return nn.Sequential(
        OrderedDict(
            features=features,
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            classifier=nn.Linear(256, 10),
        )
    )
