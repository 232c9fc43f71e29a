"""One row of a stimulus set's table: what it holds, as text cells and back.

`records.stimuli` reads and writes whole sets. Sessions read rows, so that this needs the standard
library only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fechner.errors import InputError, nearest

INTACT = "intact"
"""The region of a picture that was not degraded."""

SEVERE = "severe"
"""The region of a catch item that is ruined everywhere; such pictures are not under test."""

TRUTHS = ("real", "generated")
"""What a picture can be; the column ``truth`` of a set holds one of these, or nothing."""

COVARIATE = "cov_"
"""Prefix of the columns that hold covariates."""


@dataclass(frozen=True)
class Stimulus:
    """One picture of a stimulus set.

    Attributes
    ----------
    stimulus
        Its name, such as ``astronaut_blur_high``.
    file
        PNG, relative to the set's folder.
    scene
        The photograph that it comes from.
    region
        ``intact``, ``low``, ``high``, ``donor``, ...
    family, level
        Degradation and step of its strength; ``none`` and 0 for the intact picture.
    strength, strength_unit
        Strength that met the target, in the family's unit.
    mask_area
        Share of the picture inside the region, [0, 1].
    bytes
        Size of the PNG; of the coded file where there is one.
    mse
        Mean squared error against the intact picture, squared 8-bit grey levels.
    ssim
        Structural similarity with the intact picture.
    predicted_impact
        Harm predicted with the importance map: squared error weighted by the map scaled to mean
        1; unit of `mse`.
    centre_error
        Squared error weighted by nearness to the centre scaled to mean 1; unit of `mse`.
    sha256
        Of the PNG.
    layer_distance
        Harm predicted without a map: the distance from the intact picture within a network, 0 or
        more (the set's record says which layer and read-out). None in sets built before it was
        computed, which have no such column.
    truth
        ``real`` or ``generated``; empty where nobody said. Only sets that know it have the column.
    coded, coded_sha256
        The coded file that the PNG was decoded from, beside it, and its digest; empty where there
        is none. Only sets of coded files have the columns.
    covariates
        Name -> mean under the region's soft mask; columns ``cov_NAME``.
    """

    stimulus: str
    file: str
    scene: str
    region: str
    family: str
    level: int
    strength: float
    strength_unit: str
    mask_area: float
    bytes: int
    mse: float
    ssim: float
    predicted_impact: float
    centre_error: float
    sha256: str
    truth: str = ""
    layer_distance: float | None = None
    coded: str = ""
    coded_sha256: str = ""
    covariates: Mapping[str, float] = field(default_factory=dict)


LAYER_DISTANCE = "layer_distance"
"""Column of the prediction without a map, and what the set's record says of it."""

CODED = ("coded", "coded_sha256")
"""Columns of sets of coded files."""

COLUMNS = tuple(
    column.name
    for column in fields(Stimulus)
    if column.name not in ("truth", LAYER_DISTANCE, *CODED, "covariates")
)
_TYPES = {"int": int, "float": float, "str": str}
_CONVERT = {
    column.name: _TYPES[str(column.type)] for column in fields(Stimulus) if column.name in COLUMNS
}


def as_row(stimulus: Stimulus) -> dict[str, str]:
    """Return a stimulus as text cells, floats with all their digits."""
    row = {column: _cell(getattr(stimulus, column)) for column in COLUMNS}
    if stimulus.layer_distance is not None:
        row[LAYER_DISTANCE] = _cell(stimulus.layer_distance)
    if stimulus.truth:
        row["truth"] = stimulus.truth
    if stimulus.coded:
        row |= {column: getattr(stimulus, column) for column in CODED}
    covariates = {COVARIATE + name: _cell(value) for name, value in stimulus.covariates.items()}
    return row | covariates


def _cell(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def check_columns(table: Path, columns: Iterable[str]) -> None:
    """Check that a table has the columns of a stimulus set.

    Raises
    ------
    InputError
        If one is missing; the nearest is named.
    """
    for column in COLUMNS:
        if column not in columns:
            known = nearest(column, columns)
            raise InputError(f"{table} has no column {column!r}; {known}")


def stimulus_of_row(table: Path, line: int, row: Mapping[str, str]) -> Stimulus:
    """Return the stimulus of a row of text cells, which is that line of `table`.

    Raises
    ------
    InputError
        If a cell is not what its column holds.
    """
    values: dict[str, Any] = {
        column: _value(table, line, column, _CONVERT[column], row[column]) for column in COLUMNS
    }
    values |= {column: row.get(column, "") for column in CODED}
    for column in ("file", "coded"):
        file = values[column]
        if Path(file).name != file or "\\" in file:
            raise InputError(
                f"{table} line {line}: {column} expects the name of a file in {table.parent}, "
                f"got {file!r}; restore the file"
            )
    covariates: dict[str, Any] = {
        name.removeprefix(COVARIATE): _value(table, line, name, float, cell)
        for name, cell in row.items()
        if name.startswith(COVARIATE) and cell
    }
    distance = row.get(LAYER_DISTANCE, "")
    if distance:
        values[LAYER_DISTANCE] = _value(table, line, LAYER_DISTANCE, float, distance)
    return Stimulus(**values, truth=_truth(table, line, row), covariates=covariates)


def _truth(table: Path, line: int, row: Mapping[str, str]) -> str:
    truth = row.get("truth", "")
    if truth and truth not in TRUTHS:
        raise InputError(
            f"{table} line {line}: truth is {' or '.join(TRUTHS)}, or empty, got "
            f"{truth!r}; {nearest(truth, TRUTHS)}"
        )
    return truth


def _value(
    table: Path, line: int, column: str, kind: type[str] | type[int] | type[float], cell: str
) -> str | int | float:
    """Return a cell as its column has it: a name as it stands there, a number that is finite."""
    try:
        value: str | int | float = kind(cell)
    except ValueError:
        value = math.nan
    missing = cell == "" and column != "strength_unit"
    if missing or (not isinstance(value, str) and not math.isfinite(value)):
        expected = "a name" if kind is str else f"a finite {kind.__name__}"
        raise InputError(
            f"{table} line {line}: {column} expects {expected}, got {cell!r}; restore the file"
        )
    return value
