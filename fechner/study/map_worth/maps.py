"""Which maps are judged: those of a selection, those of a folder, and the rivals of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.analysis.judging.rivals import IMAGE_RIVALS, own_rivals
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
    from fechner.study.maps import MapsAsked

Maps = dict[str, dict[Path, "np.ndarray | None"]]
"""Method, image, and the map of the image, float32 at most 512 px long; None where all is 0."""

Maker = Callable[[np.ndarray], "np.ndarray | None"]

PLAIN_DISTANCES: tuple[Method, ...] = ("distance", "distance_per_error")


@dataclass(frozen=True)
class MapsToJudge:
    """Which maps are judged beside the rivals that every picture gives.

    Attributes
    ----------
    selection, network
        A selection and its network: maps by removal and contribution, and their rivals.
    distance
        A network, and what is compared in it: maps by distance, and by distance per error.
    folders, rivals
        Name and folder of maps of the images, made elsewhere: to be judged, and to be beaten.
    degradation
        How detail is removed for maps by removal and by distance; the default blur where None.
    """

    selection: ChannelSelection | None = None
    network: Network | None = None
    distance: MapsAsked | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    rivals: Mapping[str, Path] = field(default_factory=dict)
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
    _require_own_names(asked)
    maps = _from_folders(images, asked.folders)
    rivals: list[str] = []
    own = makers(asked)
    of_network = _rival_makers(asked, seed)
    maps |= _made(images, own | of_network, progress)
    rivals += list(of_network)
    for method in [name for name in maps if name not in rivals]:
        changed = own_rivals(method, maps[method])
        maps |= changed
        rivals += list(changed)
    maps |= _from_folders(images, asked.rivals)
    rivals += list(asked.rivals)
    return maps, rivals


def _require_own_names(asked: MapsToJudge) -> None:
    """Refuse a folder that is called as a method, a rival or another folder is."""
    given = [*asked.folders, *asked.rivals]
    taken = [*IMAGE_RIVALS, *makers(asked), *_rival_makers(asked, 0), *given]
    for name in given:
        if taken.count(name) > 1:
            raise InputError(f"maps may not be called {name!r}, which is taken; rename them")


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


def makers(asked: MapsToJudge) -> dict[str, Maker]:
    """Return what makes the map of an image, by method, for each that needs a network."""
    made: dict[str, Maker] = {}
    if asked.selection is not None and asked.network is not None:
        for method in methods_of(asked.selection):
            name = "distance, selected channels" if method == "distance" else method
            made[name] = partial(_map_by, method, asked.network, asked.selection, asked)
    if asked.distance is not None:
        for method in PLAIN_DISTANCES:
            made[method.replace("_", " ")] = partial(
                _map_by, method, asked.distance.network, None, asked
            )
    return made


def methods_of(selection: ChannelSelection) -> list[Method]:
    """Return the ways in which maps of a selection can be made."""
    from fechner.analysis.network.maps.importance import map_method

    usual = map_method(selection)
    return ["removal", "contribution"] if usual == "removal" else [usual]


def _rival_makers(asked: MapsToJudge, seed: int) -> dict[str, Maker]:
    """Return the makers of rivals that need the selection's network."""
    from fechner.analysis.network.sanity.rival_selections import (
        all_channels_selection,
        permuted_selection,
    )

    if asked.selection is None or asked.network is None:
        return {}
    permuted = replace(asked, selection=permuted_selection(asked.selection, seed=seed))
    made = {f"{name}, weights permuted": maker for name, maker in makers(permuted).items()
            if name not in _plain_names()}  # fmt: skip
    every = all_channels_selection(asked.selection)
    made["all channels"] = partial(_map_by, "contribution", asked.network, every, asked)
    return made


def _plain_names() -> set[str]:
    return {method.replace("_", " ") for method in PLAIN_DISTANCES}


def _map_by(
    method: Method,
    network: Network,
    selection: ChannelSelection | None,
    asked: MapsToJudge,
    image: np.ndarray,
) -> np.ndarray | None:
    """Return one map as it counts, averaged down; None where nothing was lost or all is 0."""
    from fechner.analysis.network.maps.importance import METHODS, OF_PAIRS, raw_map
    from fechner.analysis.network.maps.removal import BLURRED

    degradation = asked.degradation or BLURRED
    worse = degradation.apply(image)
    if method in OF_PAIRS and np.array_equal(worse, image):
        return None
    compared = None if selection is not None or asked.distance is None else asked.distance.distance
    raw = raw_map(
        network, image, selection, method=method, degradation=degradation, distance=compared
    )
    return _small(counted(raw, METHODS[method][1]))


def _made(images: Sequence[Path], made_by: Mapping[str, Maker], progress: Progress) -> Maps:
    maps: Maps = {name: {} for name in made_by}
    total = len(images) * len(made_by)
    for path in images:
        image = read_image(path)
        for name, maker in made_by.items():
            maps[name][path] = maker(image)
            progress(sum(map(len, maps.values())), total)
    return maps


@dataclass(eq=False)
class LayerDistance:
    """What a layer sees of the difference of two pictures at each place: a local error.

    Its mean over the picture is the distance of the whole pair.
    """

    asked: MapsAsked

    def __call__(self, reference: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Return the plane (height, width); see `analysis.network.maps.damage`."""
        from fechner.analysis.network.maps.damage import damage

        if self.asked.distance is None:
            raise InputError("a layer distance needs a layer; ask for maps by distance")
        return damage(self.asked.network, reference, image, self.asked.distance).values


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
    made: dict[str, object] = {"folders": sorted(asked.folders), "rivals": sorted(asked.rivals)}
    if asked.selection is not None:
        made |= {
            "network": asked.selection.network,
            "layer": asked.selection.layer,
            "selection": asked.selection.method,
        }
    if asked.distance is not None and asked.distance.distance is not None:
        made |= {
            "distance_network": asked.distance.network.name,
            "distance_weights": asked.distance.network.weights_sha256,
            "distance": asked.distance.distance.words,
        }
    return made


def map_digests(asked: MapsToJudge) -> dict[str, str]:
    """Return the sha256 of every file of the maps that were given."""
    return {
        f"{name}/{path.name}": sha256_file(path)
        for name, folder in {**asked.folders, **asked.rivals}.items()
        for path in sorted(Path(folder).glob("*.*"))
        if path.is_file()
    }
