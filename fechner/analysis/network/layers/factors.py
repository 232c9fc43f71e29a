"""What networks differ in besides their weights: goal, data, block of a layer, accuracy.

The factors by which a layer study is read. Accuracies are single-crop top-1 on ImageNet's
validation images, as published with the weights that `architectures` names; none is measured
here, and other weights of the same network have another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fechner.analysis.network.layers.architectures import ARCHITECTURES
from fechner.analysis.network.layers.networks import RANDOM

CLASSIFICATION = "classification"
UNKNOWN = "not known"
UNTRAINED = "none"
"""Goal and data of a network with random weights, which goes by ``NAME=random``."""

GOALS = {
    "alexnet_colorization": "colorization",
    "alexnet_deepcluster": "clustering",
    "alexnet_jigsaw": "jigsaw",
    "alexnet_rotnet": "rotation",
    "perceptnet": "image quality",
}
"""What a network of `ARCHITECTURES` was trained for, where it is not classification."""

_LITE = "tensorflow/tpu, models/official/efficientnet/lite/README.md (commit 07e173c), FP32"


@dataclass(frozen=True)
class Accuracy:
    """Published top-1 accuracy on ImageNet, in percent, and where it is published."""

    percent: float
    source: str


def _torchvision(percent: float, weights: str) -> Accuracy:
    return Accuracy(percent, f"torchvision, acc@1 of {weights}")


ACCURACIES = {
    "alexnet": _torchvision(56.522, "AlexNet_Weights.IMAGENET1K_V1"),
    "vgg16": _torchvision(71.592, "VGG16_Weights.IMAGENET1K_V1"),
    "resnet50": _torchvision(76.130, "ResNet50_Weights.IMAGENET1K_V1"),
    "densenet121": _torchvision(74.434, "DenseNet121_Weights.IMAGENET1K_V1"),
    "efficientnet_b0": _torchvision(77.692, "EfficientNet_B0_Weights.IMAGENET1K_V1"),
    "squeezenet1_1": _torchvision(58.178, "SqueezeNet1_1_Weights.IMAGENET1K_V1"),
    "efficientnet_lite0": Accuracy(75.1, _LITE),
    "efficientnet_lite1": Accuracy(76.7, _LITE),
    "efficientnet_lite2": Accuracy(77.6, _LITE),
}

_POOLINGS = {
    "alexnet": (2, 5, 12),
    "alexnet_places365": (2, 5, 12),
    "alexnet_cifar10": (2, 5, 12),
    "vgg16": (4, 9, 16, 23, 30),
    "squeezenet1_1": (2, 5, 8),
}
"""Numbers of the poolings that end the blocks of a plain sequence ``features.0, 1, ...``."""
_NUMBERED = re.compile(r"(blocks?|layers?|stages?|features|denseblock|conv|pool|gdn)[._]?(\d+)")


@dataclass(frozen=True)
class Factors:
    """What a network is: its goal, its training data, and which family it belongs to."""

    goal: str
    data: str
    family: str


def factors_of(network: str) -> Factors:
    """Return the factors of a network by its name; one that is no `ARCHITECTURES` is its own."""
    name, _, weights = network.partition("=")
    known = ARCHITECTURES.get(name)
    if known is None:
        return Factors(UNKNOWN, UNKNOWN, network)
    if weights == RANDOM:
        return Factors(UNTRAINED, UNTRAINED, known.family)
    return Factors(GOALS.get(network, CLASSIFICATION), known.trained_on, known.family)


def block_of(network: str, layer: str) -> int | None:
    """Return the number of the block (stage) that a layer belongs to, or None.

    0 is the input. In a plain sequence a block ends with its pooling; elsewhere it is the
    first number in the layer's name, counted from 1.

    Examples
    --------
    >>> block_of("alexnet", "features.5"), block_of("alexnet", "features.6")
    (2, 3)
    >>> block_of("resnet50", "layer2.0.conv1"), block_of("efficientnet_lite0", "blocks.0.0")
    (2, 1)
    """
    if layer == "input":
        return 0
    found = _NUMBERED.search(layer)
    if found is None:
        return None
    number = int(found[2])
    poolings = _POOLINGS.get(network.partition("=")[0])
    if poolings is not None and layer.startswith("features."):
        return 1 + sum(number > pooling for pooling in poolings)
    return number + 1 if found[1] in ("blocks", "features", "stages") else number
