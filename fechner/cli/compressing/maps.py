"""Where the maps of a compression come from: a network, the centre, a folder, or nowhere.

The compression room takes maps as files and knows no networks; here they are drawn, once a
picture, below the results' ``.compress/maps``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.errors import FechnerError, InputError

if TYPE_CHECKING:
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
    """
    if centre and given not in (NETWORK, CENTRE):
        raise InputError(f"expected one source of importance, got --centre and --map {given}")
    kind = CENTRE if centre else given
    if kind != NETWORK and (selection, weights) != (None, None):
        raise InputError(
            f"expected one source of importance: --selection and --weights are for a network's "
            f"maps, and {'--centre' if centre else f'--map {given}'} was given too"
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
    made = recipe.parameters(asked.network)
    # A folder a recipe, so that other maps are never taken for these.
    folder = out / RECORDS / "maps" / digest(made)[:12]
    found = []
    with quiet_bar("Importance maps", quiet=quiet) as progress:
        for done, job in enumerate(jobs, start=1):
            path = folder / f"{job.name}.png"
            try:
                _draw(job, asked, recipe, made, path)
                found.append(replace(job, importance=path))
            except FechnerError as error:
                found.append(replace(job, flat=True, remark=f"no map, so evenly: {error}"))
            progress(done, len(jobs))
    return found


def _draw(job: Job, asked: MapsAsked, recipe: Any, made: dict[str, Any], path: Path) -> None:
    """Draw one map, unless it is there."""
    from fechner.analysis.network.maps.importance import METHODS, made_map
    from fechner.records.done import done_key, read_done, write_done
    from fechner.records.images.files import read_image, write_map_png
    from fechner.records.maps import counted

    key, record = done_key("maps", made, [job.source]), path.with_name(f"{path.name}.json")
    if read_done(record, key) is not None:
        return
    raw = made_map(asked.network, read_image(job.source), recipe).values
    values = counted(raw, METHODS[recipe.method][1])
    write_map_png(path, np.clip(values / max(float(values.max()), 1e-12), 0, 1))
    write_done(record, key, wrote=[path])
