"""Where the maps of a compression come from: a network, the centre, a folder, or nowhere.

The compression room takes maps as files and knows no networks; here they are drawn, once a
picture, below the results' ``.compress/maps``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.errors import InputError, MissingPartError

if TYPE_CHECKING:
    from fechner.analysis.network.maps.importance import Recipe
    from fechner.compression.folders.jobs import Job
    from fechner.study.maps import MapsAsked

NETWORK, CENTRE, UNIFORM = "network", "centre", "uniform"
WORDS = (NETWORK, CENTRE, UNIFORM)


@dataclass(frozen=True)
class MapSource:
    """Where maps come from.

    Attributes
    ----------
    kind
        One of `WORDS`, or ``"folder"``.
    folder
        The folder of given maps.
    selection, weights
        Of the network that draws them.
    """

    kind: str
    folder: Path | None = None
    selection: Path | None = None
    weights: Path | None = None

    @property
    def words(self) -> str:
        """What the maps are, for people."""
        if self.kind == NETWORK:
            return "a network's" if self.selection is None else f"those of {self.selection}"
        return {CENTRE: "the centre", UNIFORM: "the same everywhere"}.get(
            self.kind, f"from {self.folder}"
        )


def map_source(
    given: str, *, centre: bool = False, selection: Path | None = None, weights: Path | None = None
) -> MapSource:
    """Return what ``--map``, ``--centre``, ``--selection`` and ``--weights`` ask for together.

    Parameters
    ----------
    given
        One of `WORDS`, or a folder.
    centre
        Whether ``--centre`` was given.
    selection, weights
        Files of a selection and of a network's weights.

    Raises
    ------
    InputError
        If they contradict each other, or a folder or file is missing.
    MissingPartError
        If a network is to draw the maps and torch is not installed.
    """
    if centre and given not in (NETWORK, CENTRE):
        raise InputError(f"expected one source of importance, got --centre and --map {given}")
    kind = CENTRE if centre else given
    if kind != NETWORK and (selection, weights) != (None, None):
        raise InputError(
            f"expected one source of importance: --selection and --weights are for a network's "
            f"maps, and {'--centre' if centre else f'--map {given}'} was given too"
        )
    if kind == NETWORK and find_spec("torch") is None:
        raise MissingPartError(
            "importance by a network needs torch, which is not installed; install it with: pip "
            "install 'fechner[analysis]', or take --map centre"
        )
    if kind in WORDS:
        return MapSource(kind, selection=selection, weights=weights)
    if not Path(given).is_dir():
        raise InputError(
            f"no folder {given}; --map takes network, centre, uniform or a folder of maps, which "
            "`fechner maps make` makes"
        )
    return MapSource("folder", Path(given))


def with_maps(jobs: Sequence[Job], source: MapSource, out: Path, *, quiet: bool) -> list[Job]:
    """Return the jobs with the maps that were asked for, drawing those that are not there yet."""
    if source.kind == UNIFORM:
        return [replace(job, flat=True) for job in jobs]
    if source.kind != NETWORK:
        return list(jobs)
    return _drawn(jobs, source, out, quiet=quiet)


def _drawn(jobs: Sequence[Job], source: MapSource, out: Path, *, quiet: bool) -> list[Job]:
    """Draw the map of every picture; one without a map is compressed evenly, and it is said."""
    from fechner.analysis.network.maps.importance import recipe_for
    from fechner.cli.compressing.telling import quiet_bar
    from fechner.compression.folders.jobs import RECORDS
    from fechner.provenance import digest
    from fechner.study.maps import mapping_network

    asked = mapping_network(source.selection, weights=source.weights)
    recipe = recipe_for(
        asked.network, asked.selection, method=asked.method, distance=asked.distance
    )
    # A folder a recipe, so that other maps are never taken for these.
    folder = out / RECORDS / "maps" / digest(recipe.parameters(asked.network))[:12]
    found = []
    with quiet_bar("Importance maps", quiet=quiet) as progress:
        for done, job in enumerate(jobs, start=1):
            found.append(_with_map(job, asked, recipe, folder / f"{job.name}.png"))
            progress(done, len(jobs))
    return found


def _with_map(job: Job, asked: MapsAsked, recipe: Recipe, path: Path) -> Job:
    """Return a job with its map; one of which no map can be made matters alike everywhere."""
    from fechner.compression.folders.batch import done_row

    try:
        if job.left or (job.in_place and done_row(job)):
            return job
        _draw(job, asked, recipe, path)
    except Exception as error:  # one odd file never ends the run
        return replace(job, flat=True, remark=f"compressed evenly, without a map: {error}")
    return replace(job, importance=path)


def _draw(job: Job, asked: MapsAsked, recipe: Recipe, path: Path) -> None:
    """Draw one map, unless it is there."""
    from fechner.analysis.network.maps.importance import METHODS, made_map
    from fechner.compression.formats.reading import read_pixels
    from fechner.records.done import done_key, read_done, write_done
    from fechner.records.images.files import write_map_png
    from fechner.records.maps import counted

    background = job.settings.background
    of = [recipe.parameters(asked.network), background]
    key, record = done_key("maps", of, [job.source]), path.with_name(f"{path.name}.json")
    if read_done(record, key) is not None:
        return
    raw = made_map(asked.network, read_pixels(job.source, background=background), recipe).values
    values = counted(raw, METHODS[recipe.method][1])
    write_map_png(path, np.clip(values / max(float(values.max()), 1e-12), 0, 1))
    write_done(record, key, wrote=[path])
