"""Which maps are judged: those of a selection, those of a folder, and the rivals of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.analysis.judging.rivals import own_rivals
from fechner.analysis.ratings.prediction.pixels import averaged_down
from fechner.errors import InputError
from fechner.progress import Progress, silent
from fechner.provenance import sha256_file
from fechner.records.images.files import image_size, read_image
from fechner.records.map_worth.given import given_maps
from fechner.records.maps import counted

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network
    from fechner.analysis.network.maps.importance import Method
    from fechner.analysis.network.maps.removal import Degradation
    from fechner.records.selection import ChannelSelection

Maps = dict[str, dict[Path, "np.ndarray | None"]]
"""Method, image, and the map of the image, float32 at most 512 px long; None where all is 0."""


@dataclass(frozen=True)
class MapsToJudge:
    """Which maps are judged beside the rivals that every picture gives.

    Attributes
    ----------
    selection, network
        A selection and its network: maps by removal and contribution, and their rivals.
    folders
        Name and folder of maps of the images, made elsewhere.
    degradation
        How detail is removed for maps by removal; the default blur where None.
    """

    selection: ChannelSelection | None = None
    network: Network | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    degradation: Degradation | None = None


def maps_of_images(
    images: Sequence[Path], asked: MapsToJudge, *, seed: int = 0, progress: Progress = silent
) -> tuple[Maps, list[str]]:
    """Return the maps of images by method, and which of the methods are rivals.

    Parameters
    ----------
    images
        The images.
    asked
        Which maps are made or read.
    seed
        Of the permuted weights.
    progress
        Called after each image of each method that needs a network.

    Raises
    ------
    InputError
        If a map is missing or does not fit, or two images have one name.
    """
    maps = _from_folders(images, asked.folders)
    rivals: list[str] = []
    if asked.selection is not None and asked.network is not None:
        made, of_network = _from_selection(images, asked, seed, progress)
        maps |= made
        rivals += of_network
    for method in [name for name in maps if name not in rivals]:
        own = own_rivals(method, maps[method])
        maps |= own
        rivals += list(own)
    return maps, rivals


def _from_folders(images: Sequence[Path], folders: Mapping[str, Path]) -> Maps:
    if not folders:
        return {}
    named: dict[str, Path] = {}
    for path in images:
        if path.stem in named:
            raise InputError(
                f"two images are called {path.stem!r} ({named[path.stem]} and {path}), and maps "
                "are known by name; rename one"
            )
        named[path.stem] = path
    sizes = {name: image_size(path) for name, path in named.items()}
    return {
        method: {named[name]: _small(values) for name, values in given_maps(folder, sizes).items()}
        for method, folder in folders.items()
    }


def _from_selection(
    images: Sequence[Path], asked: MapsToJudge, seed: int, progress: Progress
) -> tuple[Maps, list[str]]:
    """Return maps that need the network, and the rivals among them."""
    from fechner.analysis.network.sanity.rival_selections import (
        all_channels_selection,
        permuted_selection,
    )

    selection, network = asked.selection, asked.network
    assert selection is not None and network is not None
    methods = methods_of(selection)
    permuted = permuted_selection(selection, seed=seed)
    own = {method: (method, selection) for method in methods}
    of_network = {f"{method}, weights permuted": (method, permuted) for method in methods}
    of_network["all channels"] = ("contribution", all_channels_selection(selection))
    makers = own | of_network
    maps: Maps = {name: {} for name in makers}
    total = len(images) * len(makers)
    for path in images:
        image = read_image(path)
        for name, (method, chosen) in makers.items():
            maps[name][path] = map_by(method, network, image, chosen, asked.degradation)
            progress(sum(map(len, maps.values())), total)
    return maps, list(of_network)


def methods_of(selection: ChannelSelection) -> list[Method]:
    """Return the ways in which maps of a selection can be made."""
    from fechner.analysis.network.maps.importance import map_method

    return ["removal", "contribution"] if map_method(selection) == "removal" else ["contribution"]


def map_by(
    method: Method,
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    degradation: Degradation | None = None,
) -> np.ndarray | None:
    """Return one map as it counts, averaged down; None where it is 0 everywhere.

    Parameters
    ----------
    method, network, selection, degradation
        See `analysis.network.maps.importance.raw_map`.
    image
        uint8 (height, width, 3).
    """
    from fechner.analysis.network.maps.importance import METHODS, raw_map
    from fechner.analysis.network.maps.removal import BLURRED

    raw = raw_map(network, image, selection, method=method, degradation=degradation or BLURRED)
    return _small(counted(raw, METHODS[method][1]))


def _small(values: np.ndarray) -> np.ndarray | None:
    """Return a map averaged down, so that maps of many photographs fit in memory; None if all 0."""
    return averaged_down(values.astype(np.float32)) if values.any() else None


def without_weights(maps: Maps) -> list[str]:
    """Return a line for each map that is 0 everywhere, and so weighs nothing."""
    return [
        f"{name} is 0 everywhere on {path.name}: left out for this map"
        for name, of_images in maps.items()
        for path, values in of_images.items()
        if values is None
    ]


def how_made(asked: MapsToJudge) -> dict[str, object]:
    """Return what of the maps a record must tell: the selection, and names of folders."""
    made: dict[str, object] = {"folders": sorted(asked.folders)}
    if asked.selection is not None:
        made |= {
            "network": asked.selection.network,
            "layer": asked.selection.layer,
            "selection": asked.selection.method,
        }
    return made


def map_digests(asked: MapsToJudge) -> dict[str, str]:
    """Return the sha256 of every file of the maps that were given."""
    return {
        f"{name}/{path.name}": sha256_file(path)
        for name, folder in asked.folders.items()
        for path in sorted(Path(folder).glob("*.*"))
        if path.is_file()
    }
