"""A stimulus set on disk: one row a picture, and the check that nothing changed.

``FOLDER/stimuli.csv`` has one row a stimulus, ``stimuli.json`` says how the set was
made and holds the sha256 of every file. Pictures that only catch trials show stand in
``catch.csv``, in the same columns, so that nothing that counts stimuli counts them. Sessions read
stimuli through this module, so it needs the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError, RefusedError, nearest
from fechner.provenance import (
    digest,
    read_json,
    sha256_file,
    write_json,
    write_text,
)
from fechner.records.csv_text import named_rows_as_csv, read_rows
from fechner.records.simulated import is_marked
from fechner.records.stimulus.row import CODED as CODED
from fechner.records.stimulus.row import COVARIATE as COVARIATE
from fechner.records.stimulus.row import INTACT as INTACT
from fechner.records.stimulus.row import LAYER_DISTANCE as LAYER_DISTANCE
from fechner.records.stimulus.row import SEVERE as SEVERE
from fechner.records.stimulus.row import TRUTHS as TRUTHS
from fechner.records.stimulus.row import Stimulus as Stimulus
from fechner.records.stimulus.row import as_row as as_row
from fechner.records.stimulus.row import check_columns, stimulus_of_row

if TYPE_CHECKING:
    import pandas as pd

TABLE, CATCH_TABLE, RECORD = "stimuli.csv", "catch.csv", "stimuli.json"

KEPT = ".scenes"
"""Folder, inside a set's, of what was made of each scene; without `TABLE` the build goes on yet."""


@dataclass(frozen=True)
class StimulusSet:
    """A folder of stimuli with its tables and record.

    Attributes
    ----------
    folder
        Where the pictures lie.
    stimuli
        The pictures under test, and the intact ones.
    record
        How the set was made.
    catch_items
        Pictures that only catch trials show.
    """

    folder: Path
    stimuli: tuple[Stimulus, ...]
    record: Mapping[str, Any]
    catch_items: tuple[Stimulus, ...] = ()

    @property
    def pictures(self) -> tuple[Stimulus, ...]:
        """Everything that a session can show: stimuli and catch items."""
        return (*self.stimuli, *self.catch_items)

    @cached_property
    def sha256(self) -> str:
        """Digest of every picture's row, and so of every picture."""
        rows = [as_row(stimulus) for stimulus in self.stimuli]
        if not self.catch_items:
            return digest(rows)
        return digest([rows, [as_row(one) for one in self.catch_items]])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a stimulus, in the columns of ``stimuli.csv``; names are text."""
        import pandas as pd

        rows, known = [], any(stimulus.truth for stimulus in self.stimuli)
        for stimulus in self.stimuli:
            row = dict(vars(stimulus))
            covariates = row.pop("covariates")
            if not known:
                del row["truth"]
            if not self.has_layer_distances:
                del row[LAYER_DISTANCE]
            if not self.has_coded_files:
                row = {name: value for name, value in row.items() if name not in CODED}
            rows.append(row | {COVARIATE + name: value for name, value in covariates.items()})
        return pd.DataFrame(rows)

    @property
    def has_layer_distances(self) -> bool:
        """Whether every stimulus carries the prediction without a map."""
        return all(stimulus.layer_distance is not None for stimulus in self.stimuli)

    @property
    def has_coded_files(self) -> bool:
        """Whether pictures were decoded from files that lie beside them."""
        return any(stimulus.coded for stimulus in self.stimuli)

    @property
    def scenes(self) -> list[str]:
        """The photographs, in the order of the table."""
        return list(dict.fromkeys(stimulus.scene for stimulus in self.stimuli))

    @property
    def simulated(self) -> bool:
        """Whether the maps behind the stimuli rest on SIMULATED ratings."""
        return bool(self.record.get("provenance", {}).get("simulated", False))

    def image_path(self, stimulus: Stimulus | str) -> Path:
        """Return the path of a stimulus's PNG.

        Raises
        ------
        InputError
            If no stimulus has that name.
        """
        found = self.named(stimulus) if isinstance(stimulus, str) else stimulus
        return Path(self.folder) / found.file

    def unchanged_path(self, stimulus: Stimulus | str) -> Path:
        """Return the path of a stimulus's PNG after checking that it is the one that was built.

        Whoever shows a picture or hands it on takes its path from here.

        Raises
        ------
        InputError
            If no stimulus has that name.
        RefusedError
            If the PNG is missing or holds other bytes.
        """
        found = self.named(stimulus) if isinstance(stimulus, str) else stimulus
        problem = _problem(self, found)
        if problem:
            raise _changed(self.folder, problem)
        return self.image_path(found)

    def named(self, name: str) -> Stimulus:
        """Return the stimulus called `name`.

        Raises
        ------
        InputError
            If there is none; near names are suggested.
        """
        for stimulus in self.pictures:
            if stimulus.stimulus == name:
                return stimulus
        known = nearest(name, [stimulus.stimulus for stimulus in self.pictures])
        raise InputError(f"no stimulus {name!r} in {self.folder}; {known}")


@dataclass(frozen=True, eq=False)
class StimulusTable:
    """What statistics need to know of stimuli that fechner did not build.

    Attributes
    ----------
    table
        One row a stimulus with ``stimulus, scene, region`` (text), where present ``family``
        (text) and ``level``, and any other columns.
    simulated
        True where the stimuli rest on SIMULATED ratings.
    """

    table: pd.DataFrame
    simulated: bool = False

    @cached_property
    def sha256(self) -> str:
        """Digest of the table."""
        from fechner.records.cells import csv_text

        return digest(csv_text(self.table))


def write_stimulus_set(
    folder: Path,
    stimuli: Iterable[Stimulus],
    record: Mapping[str, Any],
    *,
    catch_items: Iterable[Stimulus] = (),
) -> StimulusSet:
    """Write the tables and ``stimuli.json``; the pictures must lie there already.

    Parameters
    ----------
    folder
        Where the pictures lie.
    stimuli
        The pictures under test, and the intact ones.
    record
        How the set was made.
    catch_items
        Pictures that only catch trials show; without any there is no ``catch.csv``.
    """
    made = StimulusSet(Path(folder), tuple(stimuli), {**record}, tuple(catch_items))
    write_text(made.folder / TABLE, named_rows_as_csv([as_row(s) for s in made.stimuli]))
    if made.catch_items:
        rows = [as_row(one) for one in made.catch_items]
        write_text(made.folder / CATCH_TABLE, named_rows_as_csv(rows))
    else:
        (made.folder / CATCH_TABLE).unlink(missing_ok=True)
    write_json(made.folder / RECORD, {**record, "stimuli_sha256": made.sha256})
    return made


def read_stimulus_set(folder: Path) -> StimulusSet:
    """Read a stimulus set; `verify` checks its pictures.

    Raises
    ------
    InputError
        If the table or the record is missing or malformed, or two stimuli share a name.
    """
    folder = Path(folder)
    if is_half_built(folder):
        raise InputError(
            f"the stimuli in {folder} are not built to the end; go on with the same fechner "
            "stimuli build or fechner study run"
        )
    if not (folder / TABLE).is_file():
        raise InputError(
            f"{folder} holds no {TABLE}; give the folder of a stimulus set, or build one with: "
            "fechner stimuli build"
        )
    if not (folder / RECORD).is_file():
        raise InputError(f"{folder} has {TABLE} and no {RECORD}; restore it or build the set again")
    record = read_json(folder / RECORD)
    if not isinstance(record, dict):
        raise InputError(f"{folder / RECORD} is no record of a stimulus set; restore or remake it")
    stimuli, catch = _read_rows(folder / TABLE), folder / CATCH_TABLE
    found = StimulusSet(folder, stimuli, record, _read_rows(catch) if catch.is_file() else ())
    names = [one.stimulus for one in found.pictures]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{folder / TABLE}: stimulus {twice!r} is there twice; rename one")
    return found


def is_half_built(folder: Path) -> bool:
    """Return whether a build of stimuli was begun in a folder and not finished."""
    return (Path(folder) / KEPT).is_dir() and not (Path(folder) / TABLE).is_file()


def _read_rows(table: Path) -> tuple[Stimulus, ...]:
    header, rows = read_rows(table)
    check_columns(table, header)
    return tuple(
        stimulus_of_row(table, number, dict(zip(header, row, strict=True)))
        for number, row in enumerate(rows, start=2)
    )


def stimuli_file(path: Path) -> Path:
    """Return the table of stimuli: `path` itself, or ``stimuli.csv`` where it is a folder."""
    return Path(path) / TABLE if Path(path).is_dir() else Path(path)


def read_stimulus_table(path: Path) -> StimulusSet | StimulusTable:
    """Read what statistics need to know of stimuli, also of sets that fechner did not build.

    Parameters
    ----------
    path
        The folder of a stimulus set, or a CSV table.

    Returns
    -------
    StimulusSet or StimulusTable
        A set that fechner built is read as strictly as everywhere (`read_stimulus_set`).

    Raises
    ------
    InputError
        If the table is missing, lacks a column, has an empty name or names a stimulus twice.
    """
    from fechner.records.cells import (
        numeric_where_possible,
        read_cells,
        require_columns,
        require_distinct,
        require_filled,
    )

    csv = stimuli_file(path)
    if csv.name == TABLE and (csv.parent / RECORD).is_file():
        return read_stimulus_set(csv.parent)
    table, needed = read_cells(csv), ["stimulus", "scene", "region"]
    require_columns(table, needed, csv)
    for column in needed:
        require_filled(table, column, csv)
    require_distinct(table, ["stimulus"], csv)
    table = numeric_where_possible(table, keep=[*needed, "family", "file"])
    return StimulusTable(table, simulated=is_marked(csv.name))


def verify(folder: Path) -> StimulusSet:
    """Return the stimulus set of a folder after checking every picture and every row.

    Raises
    ------
    InputError
        If the table or record cannot be read.
    RefusedError
        If a picture or the table is not what it was when the set was built; the
        message names each file.
    """
    found = read_stimulus_set(folder)
    changed = changed_pictures(found)
    expected = found.record.get("stimuli_sha256")
    if not changed and expected != found.sha256:
        changed = [f"{TABLE} (its rows are not those that were written)"]
    if changed:
        raise _changed(found.folder, changed)
    return found


def _changed(folder: Path, changed: list[str]) -> RefusedError:
    names = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if changed[5:] else "")
    return RefusedError(
        f"the stimulus set {folder} changed since it was built: {names}; "
        "restore it or build it again"
    )


def changed_pictures(found: StimulusSet) -> list[str]:
    """Return the files of a set's pictures that are missing or not what the table says."""
    return [problem for picture in found.pictures for problem in _problem(found, picture)]


def _problem(found: StimulusSet, stimulus: Stimulus) -> list[str]:
    files = {stimulus.file: stimulus.sha256}
    if stimulus.coded:
        files[stimulus.coded] = stimulus.coded_sha256
    return [said for name, sha in files.items() for said in _problem_of_file(found, name, sha)]


def _problem_of_file(found: StimulusSet, name: str, sha256: str) -> list[str]:
    path = Path(found.folder) / name
    if not path.is_file():
        return [f"{name} (missing)"]
    return [] if sha256_file(path) == sha256 else [f"{name} (other bytes)"]
