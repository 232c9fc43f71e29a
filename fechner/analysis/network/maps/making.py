"""The maps of a set of images: one after the other or in parallel, and no work done twice.

A map that is finished lies at once in ``.unfinished`` below the folder of the set, with a record
of everything that shaped it (`records.done`), so that a run that was stopped goes on where it
was. Importance is measured on the scale of the whole set: files that others read are written when
all maps are there, and ``.unfinished`` then goes. An image that cannot be read, or has no map, is
named; the others go on, and what was finished is kept for the next run.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.analysis.network.maps.damage import LocalDistance
from fechner.analysis.network.maps.importance import (
    MARGIN,
    METHODS,
    SHORT_SIDE,
    Method,
    Recipe,
    made_map,
    recipe_for,
)
from fechner.analysis.network.maps.removal import BLURRED, MOST_POINTS, Degradation
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.provenance import atomic_path, provenance, sha256_file
from fechner.records.done import done_key, read_done, write_done
from fechner.records.images.files import read_image
from fechner.records.maps import (
    ImportanceMaps,
    finished_maps,
    require_place,
    scale_of_ranges,
    write_maps,
)
from fechner.records.selection import ChannelSelection

UNFINISHED = ".unfinished"


def importance_maps(
    network: Network,
    images: Mapping[str, Path],
    selection: ChannelSelection | None = None,
    *,
    folder: Path,
    method: Method | Literal["auto"] = "auto",
    degradation: Degradation = BLURRED,
    against: Mapping[str, Path] | None = None,
    distance: LocalDistance | None = None,
    short_side: int | None = SHORT_SIDE,
    margin: int = MARGIN,
    most_points: int = MOST_POINTS,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> ImportanceMaps:
    """Write the importance maps of `images` to `folder`, all on one scale.

    Parameters
    ----------
    network
        What looks at the images.
    images
        Name of each map and path of its image.
    selection
        Whose channels count, and how much; None for maps by distance of all channels.
    folder
        Gets ``NAME.png`` and ``signed/NAME.png`` (16 bit), ``NAME.json`` and ``maps.json``. All
        processes of `pool` must see it.
    method
        ``"distance"``, ``"distance_per_error"``, ``"removal"``, ``"contribution"``, or as
        `importance.map_method` says.
    degradation
        For all but ``"contribution"``: how detail is removed; a map holds for that way only.
    against
        Name of each map and path of the degraded version of its image, in place of
        `degradation`.
    distance
        What is compared, for maps by distance; by default as `damage.local_distance` says.
    short_side, margin
        For ``"contribution"``: size and continuation of the network's view, in pixels; a size of
        None keeps that of the image.
    most_points
        For ``"removal"``: gradients after which no more are taken.
    pool
        Where images are worked on, one task each; this process where it is None.
    progress
        Called after each image.

    Returns
    -------
    ImportanceMaps
        The same maps as are written, by name; each is read when it is asked for.

    Raises
    ------
    InputError
        If a name cannot be that of a file, the selection does not fit the network, or tells no
        place from another; and, after the maps of all other images were written, if an image or
        its degraded version cannot be read or compared.
    RefusedError
        If a picture in `folder` has the name of a map and is none.

    Examples
    --------
    Where the network sees that two pictures were blurred, without ratings and selection:

    >>> import tempfile
    >>> from fechner.analysis.network.layers.networks import load_network
    >>> from fechner.records.images.files import write_png
    >>> network = load_network("efficientnet_lite0", device="cpu")
    >>> folder, rng = Path(tempfile.mkdtemp()), np.random.default_rng(1)
    >>> images = {"0801": folder / "a.png", "null": folder / "b.png"}
    >>> for path in images.values():
    ...     write_png(path, rng.integers(0, 256, (90, 120, 3)).astype(np.uint8))
    >>> made = importance_maps(network, images, folder=folder / "maps")
    >>> {name: one.values.shape for name, one in made.maps.items()}
    {'0801': (90, 120), 'null': (90, 120)}
    >>> max(float(one.values.max()) for one in made.maps.values())
    1.0
    """
    if not images:
        raise InputError("no image was given; name at least one")
    recipe = recipe_for(
        network,
        selection,
        method=method,
        degradation=degradation,
        distance=distance,
        short_side=short_side,
        margin=margin,
        most_points=most_points,
    )
    require_place(Path(folder), images)
    parameters = recipe.parameters(network, against=against is not None)
    jobs = [
        _job(name, path, worse, parameters)
        for name, path, worse in _paired(images, against, recipe)
    ]
    keys = {job.name: job.key for job in jobs}
    there = finished_maps(folder, keys)
    if there is not None:
        return there
    folder = Path(folder)
    work = folder / UNFINISHED
    # A folder that the user made stays, however empty.
    ours = [work] if folder.exists() else [work, folder]
    try:
        with travelling(network, work, pool) as carried:
            make = partial(_finish_one, carried, recipe, work)
            outcomes = run_all(make, jobs, pool=pool, progress=progress)
        done = [(job, one) for job, one in zip(jobs, outcomes, strict=True) if not one.failed]
        failed = [(job, one) for job, one in zip(jobs, outcomes, strict=True) if one.failed]
        if not done:
            raise InputError(_named(failed))
        made = _write_set(network, recipe, parameters, folder, done)
    finally:
        _remove_if_empty(ours)
    if failed:
        raise InputError(
            f"{len(failed)} of {len(jobs)} images have no map: {_named(failed)}; "
            f"the other {len(done)} maps are in {folder}"
        )
    shutil.rmtree(work, ignore_errors=True)
    return made


@dataclass(frozen=True)
class _Job:
    """An image, its degraded version, and the key of everything that shapes its map.

    ``key`` is empty, and ``problem`` says why, where a file cannot be read.
    """

    name: str
    path: Path
    worse: Path | None
    key: str = ""
    problem: str = ""


@dataclass(frozen=True)
class _Outcome:
    """What the record of a map says of it, or why there is none."""

    about: dict[str, Any]
    failed: str = ""


def _paired(
    images: Mapping[str, Path], against: Mapping[str, Path] | None, recipe: Recipe
) -> list[tuple[str, Path, Path | None]]:
    """Return name, image and degraded version of each map."""
    if against is None:
        return [(name, Path(path), None) for name, path in images.items()]
    if recipe.method == "contribution":
        raise InputError(
            "maps by contribution compare no images; leave out the degraded ones or ask for maps "
            "by distance"
        )
    missing = [name for name in images if name not in against]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(images)} images have no degraded version of the same name, "
            f"first {missing[0]!r}; give one for each"
        )
    return [(name, Path(path), Path(against[name])) for name, path in images.items()]


def _job(name: str, path: Path, worse: Path | None, parameters: Mapping[str, Any]) -> _Job:
    try:
        key = done_key("map", parameters, [path] if worse is None else [path, worse])
    except InputError as error:
        return _Job(name, path, worse, problem=str(error))
    return _Job(name, path, worse, key)


def _finish_one(carried: Network | Path, recipe: Recipe, work: Path, job: _Job) -> _Outcome:
    """Make and keep the raw map of one image, unless it is there."""
    if job.problem:
        return _Outcome({}, job.problem)
    values, record = work / f"{job.name}.npy", work / f"{job.name}.json"
    there = read_done(record, job.key)
    if there is not None:
        return _Outcome(there)
    try:
        worse = None if job.worse is None else read_image(job.worse)
        found = made_map(arrived(carried), read_image(job.path), recipe, worse=worse)
    except InputError as error:
        # Errors of reading name the file already; those of comparing do not.
        said = str(error)
        return _Outcome({}, said if str(job.path) in said else f"{job.path}: {said}")
    with atomic_path(values) as temporary, temporary.open("wb") as file:
        np.save(file, found.values)
    span = float(found.values.min()), float(found.values.max())
    about = found.about | {"raw_minimum": span[0], "raw_maximum": span[1]}
    write_done(record, job.key, wrote=[values], content=about)
    return _Outcome(about)


def _named(failed: Sequence[tuple[_Job, _Outcome]]) -> str:
    """Return why images have no maps, in one line."""
    told = "; ".join(one.failed for _, one in failed[:3])
    return told if len(failed) <= 3 else f"{told}; and {len(failed) - 3} more"


class _Kept(Mapping[str, np.ndarray]):
    """Raw maps by name, each read when it is asked for: a set can be larger than memory."""

    def __init__(self, work: Path, names: Sequence[str]) -> None:
        self._work, self._names = work, names

    def __getitem__(self, name: str) -> np.ndarray:
        raw: np.ndarray = np.load(self._work / f"{name}.npy")
        return raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _write_set(
    network: Network,
    recipe: Recipe,
    parameters: Mapping[str, Any],
    folder: Path,
    done: Sequence[tuple[_Job, _Outcome]],
) -> ImportanceMaps:
    words, counts = METHODS[recipe.method]
    kept = _Kept(folder / UNFINISHED, [job.name for job, _ in done])
    try:
        scale_of_ranges([(one.about["raw_minimum"], one.about["raw_maximum"]) for _, one in done])
    except InputError:
        shutil.rmtree(folder / UNFINISHED)
        raise
    simulated = recipe.selection is not None and bool(recipe.selection.provenance.get("simulated"))
    selected = {"selection": parameters["selection_sha256"]} if recipe.selection else {}
    about = {
        job.name: {
            "image": job.path.name,
            "method": words,
            "unit": recipe.unit,
            **one.about,
            "provenance": provenance(
                parameters=parameters, inputs=_inputs(job) | selected, simulated=simulated
            ),
        }
        for job, one in done
    }
    inputs = {**selected, "weights": network.weights_sha256}
    record = {
        "method": words,
        "unit": recipe.unit,
        "keys": {job.name: job.key for job, _ in done},
        "provenance": provenance(parameters=parameters, inputs=inputs, simulated=simulated),
    }
    return write_maps(folder, kept, about=about, set_record=record, counts=counts)


def _inputs(job: _Job) -> dict[str, str]:
    """Return the sha256 of the files that a map rests on, by their names."""
    found = {job.path.name: sha256_file(job.path)}
    if job.worse is not None:
        found[f"degraded {job.worse.name}"] = sha256_file(job.worse)
    return found


def _remove_if_empty(folders: Sequence[Path]) -> None:
    for place in folders:
        with suppress(OSError):
            place.rmdir()
