"""Whether maps change when what they rest on is destroyed, and stay when it should not matter.

A map should change with the network's weights (cascading shuffling) and with the ratings that its
channels were chosen by; it should stay much the same when the channels are chosen on other scenes,
and say something like what other methods and networks say. Each check is a correlation over places
with the map itself, one number an image.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fechner.analysis.judging.likeness import likeness
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.images.files import read_image
from fechner.study.channels import select_channels
from fechner.study.map_worth.made import MapsToJudge, OneMap, made_maps, own_names
from fechner.study.map_worth.maps import Maps

if TYPE_CHECKING:
    from fechner.records.rated_images import RatedImages
    from fechner.records.selection import ChannelSelection

SHUFFLED_RATINGS = "like itself under shuffled ratings"
OTHER_SCENES = "like itself on other scenes"


@dataclass(frozen=True)
class Reselection:
    """Where a selection is made anew.

    Attributes
    ----------
    rated
        The rated images.
    repeats
        How many times under shuffled ratings, and how many times on other scenes.
    cache
        Folder where activations are kept.
    """

    rated: RatedImages
    repeats: int = 2
    cache: Path | None = None


Rows = list[dict[Hashable, Any]]


def sanity_rows(
    images: Mapping[str, Path],
    asked: MapsToJudge,
    maps: Maps,
    *,
    others: Mapping[str, MapsToJudge],
    reselection: Reselection | None,
    seed: int,
    pool: Executor | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
) -> tuple[Rows, list[str]]:
    """Return a row an image, map and check, and notes on what could not be done.

    Parameters
    ----------
    images, asked
        The images, and the selection with its network.
    maps
        Their maps, by method and file.
    others
        Other selections with their networks.
    reselection
        Rated images to choose on anew; None leaves these checks out.
    seed
        Of the shuffling.
    pool, folder
        Where images run, and through which networks travel there.
    progress
        Called after each other model.
    """
    rows = _between(images, maps, [*own_names(asked), *asked.folders])
    models = list(_models(asked, others, reselection, seed))
    for done, (measure, model) in enumerate(models, start=1):
        both = [name for name in own_names(asked) if name in own_names(model)]
        model = replace(model, degradation=asked.degradation)
        tasks = [(path, {name: maps[name][path] for name in both}) for path in images.values()]
        with travelling(model, folder, pool) as carried:
            alike = run_all(partial(_like, carried), tasks, pool=pool)
        rows += [
            {"image": name, "map": method, "measure": measure, "value": value}
            for name, values in zip(images, alike, strict=True)
            for method, value in values.items()
        ]
        progress(done, len(models))
    notes = []
    if reselection is None:
        notes.append("shuffled ratings and other scenes were not tried: give --rated TABLE")
    if not others:
        notes.append("no other selection to be like: give --beside NAME=selection.json")
    return _means_of_repeats(rows), notes


def _means_of_repeats(rows: Rows) -> Rows:
    """Return one row an image, map and measure; what is not defined is left out of a mean."""
    table = pd.DataFrame(rows, columns=["image", "map", "measure", "value"])
    means = table.groupby(["image", "map", "measure"], sort=False)["value"].mean()
    return means.reset_index().to_dict("records")


def _between(images: Mapping[str, Path], maps: Maps, methods: Sequence[str]) -> Rows:
    """Return how alike the maps of two methods are."""
    return [
        {
            "image": name,
            "map": one,
            "measure": f"like {other}",
            "value": likeness(maps[one][path], maps[other][path]),
        }
        for k, one in enumerate(methods)
        for other in methods[k + 1 :]
        for name, path in images.items()
    ]


def _models(
    asked: MapsToJudge,
    others: Mapping[str, MapsToJudge],
    reselection: Reselection | None,
    seed: int,
) -> Iterator[tuple[str, MapsToJudge]]:
    """Give the name of each check and the model that makes the other map."""
    from fechner.analysis.network.sanity.cascading import cascaded

    selection, network = asked.selection, asked.network
    assert selection is not None and network is not None
    for share, broken in cascaded(network, selection.layers, seed=seed):
        measure = f"like itself, {share:.0%} of the layers shuffled"
        yield measure, replace(asked, network=broken, distance=None)
    if asked.distance is not None and asked.distance.distance is not None:
        layers = asked.distance.distance.layers
        for share, broken in cascaded(asked.distance.network, layers, seed=seed):
            measure = f"like itself, {share:.0%} of the layers shuffled"
            yield measure, MapsToJudge(distance=replace(asked.distance, network=broken))
    for name, other in others.items():
        yield f"like {name}", other
    if reselection is not None:
        for k in range(reselection.repeats):
            shuffled = reselected(asked, reselection, seed=seed, shuffle=seed + k + 1)
            yield SHUFFLED_RATINGS, replace(asked, selection=shuffled, distance=None)
            elsewhere = reselected(asked, reselection, seed=seed + k + 1)
            yield OTHER_SCENES, replace(asked, selection=elsewhere, distance=None)


def reselected(
    asked: MapsToJudge, reselection: Reselection, *, seed: int, shuffle: int | None = None
) -> ChannelSelection:
    """Return the selection that the same strategy makes on the rated images.

    Parameters
    ----------
    asked
        The selection and its network.
    reselection
        Where it is made anew.
    seed
        Of the split into scenes that choose and scenes that judge.
    shuffle
        Seed by which ratings change places among the images; None leaves them.

    Raises
    ------
    InputError
        If the selection was made on pairs, or the rated images lack its dimension.
    """
    from fechner.analysis.network.evidence.selection import SelectionOptions

    selection, network = asked.selection, asked.network
    assert selection is not None and network is not None
    if selection.on_reference_pairs:
        raise InputError(
            "the selection was made on reference pairs, which --rated cannot repeat; leave it out"
        )
    rated = reselection.rated
    rated.scores(selection.dimension)
    if shuffle is not None:
        dealt = np.random.default_rng(shuffle).permutation(rated.scores(selection.dimension))
        rated = replace(rated, table=rated.table.assign(**{selection.dimension: dealt}))
    made = select_channels(
        rated,
        selection.dimension,
        network=network,
        layers=[selection.layer],
        pools=[selection.pool or "space"],
        size=selection.side,
        options=SelectionOptions(strategies=(selection.method,), shuffles=0),
        seed=seed,
        cache=reselection.cache,
    )
    return made.by_method(selection.method)


def _like(carried: MapsToJudge | Path, task: tuple[Path, Mapping[str, OneMap]]) -> dict[str, float]:
    """Return how alike the maps of another model are to those of one image, by method."""
    path, own = task
    other = made_maps(arrived(carried), read_image(path))
    return {method: likeness(values, other[method]) for method, values in own.items()}
