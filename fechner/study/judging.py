"""Judging maps by people: the maps of a table's references, made or given, and the verdict.

`fechner maps judge` in one call: pairs, or rated patches, are read; maps of their references are
made with a selection and its rivals, or read from folders; and what each map's errors say is held
against what people said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fechner.analysis.judging.judged import judged_maps
from fechner.analysis.judging.patch_shares import patch_shares
from fechner.analysis.judging.rivals import own_rivals
from fechner.analysis.judging.weighted_errors import weighted_errors
from fechner.analysis.ratings.prediction.pixels import averaged_down
from fechner.compression.metrics.local_errors import LOCAL_ERRORS, LocalError
from fechner.data.pairs import ReferencePairs
from fechner.errors import InputError, nearest
from fechner.progress import Progress, silent
from fechner.provenance import provenance, sha256_file
from fechner.records.images.files import image_size, read_image
from fechner.records.layers.study import PairsTable
from fechner.records.map_worth.given import given_maps
from fechner.records.map_worth.judged import JudgedMaps
from fechner.records.map_worth.patches import read_patch_ratings
from fechner.records.maps import counted
from fechner.study.opening import Bars, no_bars
from fechner.study.pair_sets import open_pair_set

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network
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
        Name and folder of maps of the references, made elsewhere.
    """

    selection: ChannelSelection | None = None
    network: Network | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)


def judge_pairs(
    table: PairsTable,
    asked: MapsToJudge,
    *,
    families: Sequence[str] = (),
    errors: Sequence[str] = tuple(LOCAL_ERRORS),
    resamples: int = 1000,
    seed: int = 0,
    pool: Executor | None = None,
    bars: Bars = no_bars,
) -> JudgedMaps:
    """Judge maps by the pairs of a table.

    Parameters
    ----------
    table
        Images with their references and what people said of them.
    asked
        Which maps.
    families
        The distortion types that count; none is all.
    errors
        Names of local errors that are weighed.
    resamples, seed
        Of the bootstrap over references, and of the permuted weights.
    pool
        Where references run.
    bars
        Draws a bar from its title.

    Raises
    ------
    InputError
        If the table, a map or a name is not what was expected.
    """
    with bars("Images") as progress:
        opened = open_pair_set(table, pool=pool, progress=progress)
    pairs, notes = opened.pairs, list(opened.left_out)
    pairs = _of_families(pairs, families, table.table)
    taken = _errors_called(errors)
    images = list(dict.fromkeys(Path(path) for path in pairs.references))
    with bars("Maps") as progress:
        maps, rivals = maps_of_images(images, asked, seed=seed, progress=progress)
    notes += _without_weights(maps)
    with bars("Weighted errors") as progress:
        found = weighted_errors(
            pairs, maps, rivals=rivals, errors=taken, pool=pool, progress=progress
        )
    judge, differences = judged_maps(
        found,
        pairs.dmos,
        [str(path) for path in pairs.references],
        families=pairs.families,
        resamples=resamples,
        seed=seed,
    )
    return JudgedMaps(
        judge,
        differences,
        pd.DataFrame({"note": notes}, dtype=object),
        provenance(
            parameters={
                "set": pairs.name,
                "dimension": opened.dimension,
                "families": list(families),
                "n_pairs": len(pairs),
                "n_references": len(images),
                "resamples": resamples,
                **_how_made(asked),
            },
            inputs={"table": opened.sha256, **_digests(asked)},
            seed=seed,
            simulated=pairs.simulated,
        ),
    )


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
    from fechner.analysis.network.maps.importance import METHODS, Method, map_method, raw_map
    from fechner.analysis.network.sanity.rival_selections import (
        all_channels_selection,
        permuted_selection,
    )

    selection, network = asked.selection, asked.network
    assert selection is not None and network is not None
    methods: list[Method] = ["contribution"]
    if map_method(selection) == "removal":
        methods.append("removal")
    permuted = permuted_selection(selection, seed=seed)
    makers: dict[str, tuple[Method, ChannelSelection]] = {
        method: (method, selection) for method in methods
    }
    of_network: dict[str, tuple[Method, ChannelSelection]] = {
        f"{method}, weights permuted": (method, permuted) for method in methods
    }
    of_network["all channels"] = ("contribution", all_channels_selection(selection))
    makers |= of_network
    maps: Maps = {name: {} for name in makers}
    total = len(images) * len(makers)
    for path in images:
        image = read_image(path)
        for name, (method, chosen) in makers.items():
            raw = raw_map(network, image, chosen, method=method)
            maps[name][path] = _small(counted(raw, METHODS[method][1]))
            progress(sum(map(len, maps.values())), total)
    return maps, list(of_network)


def _small(values: np.ndarray) -> np.ndarray | None:
    """Return a map averaged down, so that maps of many photographs fit in memory; None if all 0."""
    return averaged_down(values.astype(np.float32)) if values.any() else None


def _of_families(pairs: ReferencePairs, families: Sequence[str], table: Path) -> ReferencePairs:
    if not families:
        return pairs
    if pairs.families is None:
        raise InputError(f"{table} has no column 'family'; leave out --family")
    known = sorted(set(pairs.families))
    for name in families:
        if name not in known:
            raise InputError(f"{table} has no family {name!r}; {nearest(name, known)}")
    kept = np.flatnonzero(np.isin(pairs.families, list(families)))
    return ReferencePairs(
        images=[pairs.images[k] for k in kept],
        references=[pairs.references[k] for k in kept],
        dmos=pairs.dmos[kept],
        scenes=pairs.scenes[kept],
        families=pairs.families[kept],
        levels=None if pairs.levels is None else pairs.levels[kept],
        name=pairs.name,
        simulated=pairs.simulated,
    )


def _errors_called(names: Sequence[str]) -> dict[str, LocalError]:
    for name in names:
        if name not in LOCAL_ERRORS:
            raise InputError(f"no local error {name!r}; {nearest(name, LOCAL_ERRORS)}")
    return {name: LOCAL_ERRORS[name] for name in names}


def _without_weights(maps: Maps) -> list[str]:
    return [
        f"{name} is 0 everywhere on {path.name}: its pairs are left out for this map"
        for name, of_images in maps.items()
        for path, values in of_images.items()
        if values is None
    ]


def _how_made(asked: MapsToJudge) -> dict[str, object]:
    made: dict[str, object] = {"folders": sorted(asked.folders)}
    if asked.selection is not None:
        made |= {
            "network": asked.selection.network,
            "layer": asked.selection.layer,
            "selection": asked.selection.method,
        }
    return made


def _digests(asked: MapsToJudge) -> dict[str, str]:
    return {
        f"{name}/{path.name}": sha256_file(path)
        for name, folder in asked.folders.items()
        for path in sorted(Path(folder).glob("*.*"))
        if path.is_file()
    }


def judge_patches(
    table: Path,
    asked: MapsToJudge,
    *,
    resamples: int = 1000,
    seed: int = 0,
    bars: Bars = no_bars,
) -> JudgedMaps:
    """Judge maps by rated patches: is a patch worse than its image where the map is high.

    Parameters
    ----------
    table
        See `records.map_worth.patches`.
    asked
        Which maps, here of the images themselves.
    resamples, seed
        Of the bootstrap over images, and of the permuted weights.
    bars
        Draws a bar from its title.

    Raises
    ------
    InputError
        If the table or a map is not what was expected.
    """
    patches = read_patch_ratings(table)
    images = list(dict.fromkeys(patches.images))
    with bars("Maps") as progress:
        maps, rivals = maps_of_images(images, asked, seed=seed, progress=progress)
    found = patch_shares(patches, maps, rivals=rivals)
    judge, differences = judged_maps(
        found,
        patches.worse,
        [str(path) for path in patches.images],
        resamples=resamples,
        seed=seed,
    )
    return JudgedMaps(
        judge,
        differences,
        pd.DataFrame({"note": _without_weights(maps)}, dtype=object),
        provenance(
            parameters={
                "set": table.stem,
                "n_patches": len(patches),
                "n_images": len(images),
                "resamples": resamples,
                **_how_made(asked),
            },
            inputs={"table": patches.sha256, **_digests(asked)},
            seed=seed,
            simulated=patches.simulated,
        ),
    )
