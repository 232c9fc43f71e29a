"""LPIPS and DISTS: distances inside a network with channel weights that people's judgements set.

LPIPS (Zhang and others 2018, version 0.1) is the read-out ``unit`` of five to seven layers with
the published linear heads as channel weights, so that it costs one more pass and no code of its
own; its scaling of images from [-1, 1] is ImageNet's mean and SD of images from [0, 1]. DISTS
(Ding and others 2020) is piq's, images scaled to a short side of 256 as its authors do.

Both need trained trunks (AlexNet, SqueezeNet 1.1, VGG16), which are torchvision's or a file of
the user's, and heads: a folder of the user's with ``alex.pth``, ``squeeze.pth``, ``vgg.pth``,
``dists.pt``, or those that the packages ``lpips`` and ``DISTS-pytorch`` install. Where one is
not to be had, the yardstick says so and has no values.
"""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.distances.passes import OfReference, by_reference, pass_pairs
from fechner.analysis.network.distances.readouts import distances
from fechner.analysis.network.distances.yardsticks import Yardstick, unit_tensor
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.layers.weights import read_weights
from fechner.errors import InputError, MissingPartError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.images.files import read_image

if TYPE_CHECKING:
    from fechner.data.pairs import ReferencePairs

LPIPS_LAYERS = {
    "alexnet": tuple(f"features.{k}" for k in (1, 4, 7, 9, 11)),
    "squeezenet1_1": tuple(f"features.{k}" for k in (1, 4, 7, 9, 10, 11, 12)),
    "vgg16": tuple(f"features.{k}" for k in (3, 8, 15, 22, 29)),
}
"""Where each LPIPS looks: the outputs of the slices of its trunk."""
HEADS = {"alexnet": "alex", "squeezenet1_1": "squeeze", "vgg16": "vgg"}
"""What LPIPS calls its trunks, and the files of its heads."""
DISTS_LAYERS = ("3", "8", "15", "22", "29")
DISTS_CHANNELS = (3, 64, 128, 256, 512, 512)
"""Of the image itself and of the five layers."""
PERCEPTUAL = (*(f"lpips_{name}" for name in HEADS.values()), "dists")


def perceptual_yardsticks(
    pairs: ReferencePairs,
    *,
    heads: Path | None = None,
    trunks: Mapping[str, Path] | None = None,
    cache: Path | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> list[Yardstick]:
    """Return the `PERCEPTUAL` yardsticks, those without weights with a reason in place of values.

    Parameters
    ----------
    pairs
        Distorted images and their references.
    heads
        Folder with the heads; None looks for installed packages.
    trunks
        Weight files by network (``alexnet``, ``squeezenet1_1``, ``vgg16``); torchvision's
        published files where left out.
    cache, pool
        See `pass_pairs`.

    Raises
    ------
    InputError
        If an image cannot be read or is too small, or a weight file does not fit.
    """
    files = trunks or {}
    sticks = []
    for done, (name, short) in enumerate(HEADS.items(), start=1):
        try:
            head = lpips_head(name, heads)
            trunk = load_network(name, weights=files.get(name), device="cpu")
        except MissingPartError as error:
            sticks.append(Yardstick(f"lpips_{short}", None, True, str(error)))
            continue
        values = lpips(trunk, head, pairs, cache=cache, pool=pool)
        sticks.append(Yardstick(f"lpips_{short}", values, True))
        progress(done, len(PERCEPTUAL))
    try:
        weights = dists_weights(heads)
        trunk = load_network("vgg16", weights=files.get("vgg16"), device="cpu")
    except MissingPartError as error:
        return [*sticks, Yardstick("dists", None, True, str(error))]
    return [*sticks, Yardstick("dists", dists(trunk, weights, pairs, pool=pool), True)]


def lpips(
    trunk: Network,
    head: NDArray,
    pairs: ReferencePairs,
    *,
    cache: Path | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Return LPIPS of each pair, (n_pairs,), at native size.

    Parameters
    ----------
    trunk
        One of `LPIPS_LAYERS`.
    head : (n_channels of its layers,)
        See `lpips_head`.
    pairs, cache, pool
        See `pass_pairs`.
    """
    layers = LPIPS_LAYERS[trunk.name]
    found = pass_pairs(trunk, pairs, layers, cache=cache, pool=pool, progress=progress)
    return distances("unit", [found.layer(layer) for layer in layers], weights=head)


def lpips_head(trunk: str, folder: Path | None = None) -> NDArray[np.float64]:
    """Return the published weights of the trunk's channels, (n_channels of its layers,).

    Raises
    ------
    MissingPartError
        If there is no such file.
    InputError
        If the file is no head of this trunk.
    """
    name = f"{HEADS[trunk]}.pth"
    installed = _package_folder("lpips", "weights/v0.1")
    path = _first_file([folder, installed], name)
    if path is None:
        raise MissingPartError(
            f"the heads of LPIPS ({name}) are not on this machine; install them with: pip install "
            "lpips, or give the folder that holds them"
        )
    state = read_weights(path)["state"]
    parts = [state.get(f"lin{k}.model.1.weight") for k in range(len(LPIPS_LAYERS[trunk]))]
    if any(part is None for part in parts) or len(state) != len(parts):
        raise InputError(f"{path} is no head of LPIPS for {trunk}; copy it again")
    return np.concatenate([part.numpy().ravel().astype(np.float64) for part in parts])


def dists_weights(folder: Path | None = None) -> NDArray[np.float64]:
    """Return alpha and beta of DISTS, (2, n_channels); errors as for `lpips_head`."""
    installed = _package_folder("DISTS_pytorch", "")
    path = _first_file([folder], "dists.pt") or _first_file([installed], "weights.pt")
    if path is None:
        raise MissingPartError(
            "the weights of DISTS (dists.pt) are not on this machine; install them with: pip "
            "install DISTS-pytorch, or give the folder that holds them"
        )
    state = read_weights(path)["state"]
    if not {"alpha", "beta"} <= set(state):
        raise InputError(f"{path} holds no alpha and beta of DISTS; copy it again")
    both = np.stack([state[name].numpy().ravel() for name in ("alpha", "beta")])
    if both.shape[1] != sum(DISTS_CHANNELS):
        raise InputError(f"{path} has {both.shape[1]} weights, DISTS {sum(DISTS_CHANNELS)}")
    return both.astype(np.float64)


def dists(
    trunk: Network, weights: NDArray, pairs: ReferencePairs, *, pool: Executor | None = None
) -> NDArray[np.float64]:
    """Return DISTS of each pair, (n_pairs,): 0 for equal images.

    Parameters
    ----------
    trunk
        VGG16.
    weights : (2, n_channels)
        See `dists_weights`; they are divided by their sum, as published.
    pairs, pool
        See `pass_pairs`.
    """
    groups = by_reference(pairs)
    found = run_all(partial(_dists_of, trunk, weights), groups, pool=pool)
    values = np.empty(len(pairs.images))
    values[np.concatenate([np.array(group.rows) for group in groups])] = np.concatenate(found)
    return values


def _dists_of(trunk: Network, weights: NDArray, group: OfReference) -> NDArray[np.float64]:
    import piq
    import torch

    shares = torch.from_numpy(weights / weights.sum()).float()
    parts = [
        part.view(1, -1, 1, 1)
        for kind in shares
        for part in torch.split(kind, list(DISTS_CHANNELS))
    ]
    # Its own constructor would download a trunk and weights.
    model = piq.DISTS.__new__(piq.DISTS)
    features = copy.deepcopy(trunk.module.get_submodule("features"))
    piq.perceptual.ContentLoss.__init__(
        model, features, DISTS_LAYERS, parts, replace_pooling=True,
        allow_layers_weights_mismatch=True,
    )  # fmt: skip
    reference = unit_tensor(read_image(group.reference))
    with torch.inference_mode():
        return np.array(
            [float(model(unit_tensor(read_image(image)), reference)) for image in group.images]
        )


def _package_folder(package: str, inside: str) -> Path | None:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))) / inside


def _first_file(folders: list[Path | None], name: str) -> Path | None:
    places = [Path(folder) / name for folder in folders if folder is not None]
    return next((place for place in places if place.is_file()), None)
