"""The networks that can be loaded by name: what has to be known of each before it is built.

The table of `networks`. Nothing here imports torch: `fechner networks` lists the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fechner.analysis.network.layers import tensor_names

if TYPE_CHECKING:
    from torch import nn

PENULTIMATE = "penultimate"

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
"""Channel means and SDs of ImageNet in [0, 1], as every torchvision network expects."""

_HALF = (0.5, 0.5, 0.5)
_TORCHVISION = "https://download.pytorch.org/models/"
_VISSL = "https://dl.fbaipublicfiles.com/vissl/model_zoo/"


@dataclass(frozen=True)
class Architecture:
    """What has to be known of a network before it is built.

    Attributes
    ----------
    head
        Name of the part behind the convolutions; "" where the network has none.
    make
        Builds it with random weights.
    url
        Where its weights are published.
    fetch
        Whether they are downloaded; else they are given as a file.
    trained_on
        Data of the published weights.
    mean, sd
        Per colour channel, for an image in [0, 1].
    rename
        The network's name for a tensor of a published file; None for one that it leaves out.
    fixed
        Parts whose values are given by the definition, so that a file may lack them.
    own_outputs
        Whether a file with another number of outputs is taken, as that of another task.
    usual
        Height and width of the images that it was trained on.
    """

    name: str
    family: str
    default_layer: str
    layers: tuple[str, ...]
    head: str
    make: Callable[[], nn.Module]
    url: str = ""
    fetch: bool = True
    licence: str = "BSD-3-Clause (torchvision)"
    trained_on: str = "ImageNet"
    mean: tuple[float, ...] = IMAGENET_MEAN
    sd: tuple[float, ...] = IMAGENET_SD
    rename: Callable[[str], str | None] = str
    fixed: tuple[str, ...] = ()
    own_outputs: bool = True
    usual: tuple[int, int] = (224, 224)


def _torchvision(name: str, **options: int) -> nn.Module:
    import torchvision

    return torchvision.models.get_model(name, weights=None, **options)


def _densenet121() -> nn.Module:
    from torch import nn

    module = _torchvision("densenet121")
    # torchvision applies the last activation as a function; as a module it can be read,
    # and applying it twice changes nothing.
    module.features.add_module("relu5", nn.ReLU(inplace=False))  # type: ignore[union-attr]
    return module


def _timm(name: str) -> nn.Module:
    import timm

    return timm.create_model(name, pretrained=False)


def _vissl(goal: str) -> nn.Module:
    from fechner.analysis.network.layers.alexnets import build_vissl

    return build_vissl(goal)


def _vissl_name(name: str) -> str | None:
    from fechner.analysis.network.layers.alexnets import vissl_name

    return vissl_name(name)


def _cifar10() -> nn.Module:
    from fechner.analysis.network.layers.alexnets import build_cifar10

    return build_cifar10()


def _perceptnet() -> nn.Module:
    from fechner.analysis.network.layers.perceptnet import build_perceptnet

    return build_perceptnet()


def _lite(number: int) -> Architecture:
    name = f"efficientnet_lite{number}"
    repeats = tensor_names.LITE_REPEATS[name]
    return Architecture(
        name=name,
        family="EfficientNet-Lite",
        default_layer="bn2",
        layers=("blocks.2", "blocks.4", "blocks.6", "bn2", PENULTIMATE),
        head="classifier",
        make=partial(_timm, f"tf_{name}"),
        licence="Apache-2.0",
        mean=_HALF,
        sd=_HALF,
        rename=partial(tensor_names.efficientnet_lite_name, repeats=repeats),
        usual={0: (224, 224), 1: (240, 240), 2: (260, 260)}[number],
    )


def _vissl_alexnet(
    goal: str, file: str, *, mean: tuple[float, ...], sd: tuple[float, ...], licence: str
) -> Architecture:
    return Architecture(
        name=f"alexnet_{goal}",
        family="AlexNet (VISSL)",
        default_layer="pool5",
        layers=("conv1", "conv2", "conv3", "conv4", "conv5", "pool5"),
        head="",
        make=partial(_vissl, goal),
        url=_VISSL + file,
        fetch=False,
        licence=licence,
        mean=mean,
        sd=sd,
        rename=_vissl_name,
        fixed=("sobel.",),
        usual=(224, 224) if goal in ("deepcluster", "rotnet") else (227, 227),
    )


_RESEARCH = "CC BY-NC 4.0 (its authors' repository)"

ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        _lite(0),
        Architecture(
            name="alexnet",
            family="AlexNet",
            default_layer="features.12",
            layers=("features.2", "features.5", "features.11", "features.12", PENULTIMATE),
            head="classifier",
            make=partial(_torchvision, "alexnet"),
            url=_TORCHVISION + "alexnet-owt-7be5be79.pth",
        ),
        Architecture(
            name="vgg16",
            family="VGG",
            default_layer="features.30",
            layers=("features.16", "features.23", "features.29", "features.30", PENULTIMATE),
            head="classifier",
            make=partial(_torchvision, "vgg16"),
            url=_TORCHVISION + "vgg16-397923af.pth",
        ),
        Architecture(
            name="resnet50",
            family="ResNet",
            default_layer="layer4",
            layers=("layer1", "layer2", "layer3", "layer4", PENULTIMATE),
            head="fc",
            make=partial(_torchvision, "resnet50"),
            url=_TORCHVISION + "resnet50-0676ba61.pth",
        ),
        Architecture(
            name="densenet121",
            family="DenseNet",
            default_layer="features.relu5",
            layers=("features.denseblock2", "features.denseblock3", "features.relu5", PENULTIMATE),
            head="classifier",
            make=_densenet121,
            url=_TORCHVISION + "densenet121-a639ec97.pth",
            rename=tensor_names.densenet_name,
        ),
        Architecture(
            name="efficientnet_b0",
            family="EfficientNet",
            default_layer="features.8",
            layers=("features.3", "features.5", "features.7", "features.8", PENULTIMATE),
            head="classifier",
            make=partial(_torchvision, "efficientnet_b0"),
            url=_TORCHVISION + "efficientnet_b0_rwightman-7f5810bc.pth",
        ),
        Architecture(
            name="squeezenet1_1",
            family="SqueezeNet",
            default_layer="features.12",
            layers=("features.5", "features.8", "features.12"),
            head="classifier",
            make=partial(_torchvision, "squeezenet1_1"),
            url=_TORCHVISION + "squeezenet1_1-b8a52dc0.pth",
        ),
        Architecture(
            name="alexnet_places365",
            family="AlexNet",
            default_layer="features.12",
            layers=("features.2", "features.5", "features.11", "features.12", PENULTIMATE),
            head="classifier",
            make=partial(_torchvision, "alexnet", num_classes=365),
            url="http://places2.csail.mit.edu/models_places365/alexnet_places365.pth.tar",
            fetch=False,
            licence="CC BY (Places365)",
            trained_on="Places365",
            own_outputs=False,
        ),
        Architecture(
            name="alexnet_cifar10",
            family="AlexNet (CIFAR)",
            default_layer="features.12",
            layers=("features.2", "features.5", "features.11", "features.12", PENULTIMATE),
            head="classifier",
            make=_cifar10,
            url="https://github.com/bearpaw/pytorch-classification",
            fetch=False,
            licence="MIT (bearpaw/pytorch-classification)",
            trained_on="CIFAR-10",
            # Of CIFAR-10's training images.
            mean=(0.4914, 0.4822, 0.4465),
            sd=(0.2023, 0.1994, 0.2010),
            own_outputs=False,
            usual=(32, 32),
        ),
        _vissl_alexnet(
            "colorization",
            "converted_alexnet_colorization_in1k_pretext.torch",
            # Its first module makes lightness from plain RGB.
            mean=(0.0, 0.0, 0.0),
            sd=(1.0, 1.0, 1.0),
            licence=_RESEARCH,
        ),
        _vissl_alexnet(
            "deepcluster",
            "deepcluster_alexnet_checkpoint.torch",
            mean=IMAGENET_MEAN,
            sd=IMAGENET_SD,
            licence=_RESEARCH,
        ),
        _vissl_alexnet(
            "jigsaw",
            "converted_alexnet_jigsaw_in1k_pretext.torch",
            mean=IMAGENET_MEAN,
            sd=IMAGENET_SD,
            licence=_RESEARCH,
        ),
        _vissl_alexnet(
            "rotnet",
            "rotnet_alexnet_model_net_epoch50.torch",
            mean=IMAGENET_MEAN,
            sd=IMAGENET_SD,
            licence="MIT (gidariss/FeatureLearningRotNet)",
        ),
        _vissl_alexnet(
            "bvlc",
            "converted_caffenet_bvlc_in1k_supervised.torch",
            mean=IMAGENET_MEAN,
            # Caffe subtracts the mean from [0, 255] and divides by nothing.
            sd=(1 / 255, 1 / 255, 1 / 255),
            licence="no restriction (BVLC CaffeNet), file MIT (VISSL)",
        ),
        _lite(1),
        _lite(2),
        Architecture(
            name="perceptnet",
            family="PerceptNet",
            default_layer="gdn4",
            layers=("gdn1", "conv1", "gdn2", "conv2", "gdn3", "conv3", "gdn4"),
            head="",
            make=_perceptnet,
            url="https://github.com/alexhepburn/perceptnet",
            fetch=False,
            licence="licence not stated by its authors",
            trained_on="TID2008",
            mean=(0.0, 0.0, 0.0),
            sd=(1.0, 1.0, 1.0),
            usual=(384, 512),
        ),
    )
}
