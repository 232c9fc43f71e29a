"""Which maps are judged: those of a selection, those of a folder, and the rivals of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.analysis.judging.rivals import IMAGE_RIVALS, own_rivals
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.provenance import sha256_file
from fechner.records.images.files import image_size, read_image
from fechner.records.map_worth.given import given_maps
from fechner.study.map_worth.made import (
    MapsToJudge,
    OneMap,
    averaged,
    made_maps,
    own_names,
    rival_names,
)

if TYPE_CHECKING:
    from fechner.study.maps import MapsAsked

Maps = dict[str, dict[Path, OneMap]]
"""Method, image, and the map of the image."""


def maps_of_images(
    images: Sequence[Path],
    asked: MapsToJudge,
    *,
    seed: int = 0,
    pool: Executor | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
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
    pool
        Where images run, one task each; this process where it is None.
    folder
        Through which networks travel there (`travelling`).
    progress
        Called after each image.

    Raises
    ------
    InputError
        If the selection does not fit its network, a map is missing or does not fit, or two images
        have one name.
    """
    _require_own_names(asked)
    if asked.selection is not None and asked.network is not None:
        from fechner.analysis.network.maps.checks import check_selection

        check_selection(asked.network, asked.selection)
    maps = _from_folders(images, asked.folders)
    rivals: list[str] = []
    maps |= _made(images, asked, seed, pool, folder, progress)
    rivals += rival_names(asked)
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
    taken = [*IMAGE_RIVALS, *own_names(asked), *rival_names(asked), *given]
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
        method: {
            named[name]: averaged(values) for name, values in given_maps(folder, sizes).items()
        }
        for method, folder in folders.items()
    }


def _made(
    images: Sequence[Path],
    asked: MapsToJudge,
    seed: int,
    pool: Executor | None,
    folder: Path | None,
    progress: Progress,
) -> Maps:
    from fechner.analysis.network.layers.travelling import travelling

    with travelling(asked, folder, pool) as carried:
        found = run_all(partial(_of_image, carried, seed), images, pool=pool, progress=progress)
    names = [*own_names(asked), *rival_names(asked)]
    return {
        name: {path: one[name] for path, one in zip(images, found, strict=True)} for name in names
    }


def _of_image(carried: MapsToJudge | Path, seed: int, path: Path) -> dict[str, OneMap]:
    from fechner.analysis.network.layers.travelling import arrived

    return made_maps(arrived(carried), read_image(path), rivals=True, seed=seed)


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
