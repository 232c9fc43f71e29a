"""The two rating tables of fechner: rated images, and ratings one row a judgement.

RatedImages (one row an image) is where a study begins; Ratings (one row a
judgement) is what every statistic reads. Both are CSV (or TSV) beside a JSON of
the same name that declares each dimension's scale: a scale is never guessed.
Row numbers in messages are those of a spreadsheet: the header is row 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass

from fechner.data.cells import (
    numbers,
    numeric_where_possible,
    read_cells,
    require_columns,
    require_distinct,
    require_filled,
    require_within,
)
from fechner.data.images import check_header
from fechner.errors import InputError, nearest
from fechner.provenance import digest, read_json, write_json, write_text

RESERVED = ("image", "scene", "reference", "participant", "dimension", "rating")
RATINGS_COLUMNS = ("participant", "image", "dimension", "rating")
RATINGS_OPTIONAL = ("session", "trial", "rt_ms")


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Scale:
    """A rating scale: its two ends, and which of them is good."""

    minimum: float
    maximum: float
    good: Literal["high", "low"] = "high"

    @model_validator(mode="after")
    def _ends_in_order(self) -> Scale:
        if not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self

    def __str__(self) -> str:
        return f"{self.minimum:g} to {self.maximum:g}"


class _Sidecar(BaseModel):
    """The JSON beside a table: the scale of each dimension, and where the table came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimensions: dict[str, Scale]
    provenance: dict[str, Any] = {}


@dataclass(frozen=True, eq=False)
class RatedImages:
    """Images with a mean rating in one or more dimensions.

    Attributes
    ----------
    table
        One row an image: ``image`` (path relative to `folder`), ``scene``, optional
        ``reference``, per dimension ``NAME`` and optional ``NAME_sd``, ``NAME_n``;
        further columns are kept.
    folder
        The folder that image paths are relative to.
    scales
        The declared `Scale` of each dimension.
    simulated
        True where the ratings come from no people.
    """

    table: pd.DataFrame
    folder: Path
    scales: dict[str, Scale]
    simulated: bool = field(default=False)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def dimensions(self) -> list[str]:
        """Names of the rated dimensions, in the order of the scales."""
        return list(self.scales)

    @property
    def paths(self) -> list[Path]:
        """The image file of each row."""
        return [self.folder / name for name in self.table["image"]]

    @property
    def scenes(self) -> np.ndarray:
        """The scene of each row: str ``(n_images,)``."""
        return self.table["scene"].to_numpy(dtype=str)

    def scores(self, dimension: str) -> np.ndarray:
        """Return mean ratings oriented so that higher is better: float64 ``(n_images,)``.

        Where the low end is good, a rating r becomes ``minimum + maximum - r``.

        Raises
        ------
        InputError
            If the dimension is not in the table.
        """
        if dimension not in self.scales:
            raise InputError(
                f"no dimension {dimension!r} in the rated images; "
                + nearest(dimension, self.scales)
            )
        scale = self.scales[dimension]
        values = self.table[dimension].to_numpy(dtype=np.float64)
        return values if scale.good == "high" else scale.minimum + scale.maximum - values

    @cached_property
    def sha256(self) -> str:
        """Digest of the table and its scales (not of the image files)."""
        scales = {name: asdict(scale) for name, scale in self.scales.items()}
        numeric = self.table.select_dtypes("number").columns
        table = self.table.astype(dict.fromkeys(numeric, np.float64))
        return digest({"table": _csv_text(table), "scales": scales})


def read_rated_images(
    csv: Path | str, *, scales: Mapping[str, Scale] | None = None, check_images: bool = True
) -> RatedImages:
    """Read and check a table of rated images.

    Parameters
    ----------
    csv
        The table; its sidecar is the ``.json`` of the same name.
    scales
        The scale of each dimension; without it the sidecar's are used.
    check_images
        Whether every image file must exist with a readable header.

    Raises
    ------
    InputError
        If the table is missing, empty, or lacks a column; if no scale is declared;
        if a rating is no number or leaves its scale; if an image stands twice or,
        with `check_images`, is missing or not an image.
    """
    csv = Path(csv)
    table = read_cells(csv)
    sidecar = _read_sidecar(csv, needed=scales is None)
    declared = dict(scales if scales is not None else sidecar.dimensions)
    require_columns(table, ("image", "scene", *declared), csv)
    for column in ("image", "scene"):
        require_filled(table, column, csv)
    table["image"] = _same_spelling(table["image"])
    for name, scale in declared.items():
        table[name] = numbers(table, name, csv, lowest=scale.minimum, highest=scale.maximum)
        for suffix, lowest in (("_sd", 0.0), ("_n", 1.0)):
            if name + suffix in table.columns:
                table[name + suffix] = numbers(table, name + suffix, csv, lowest=lowest, blank=True)
    _require_unique_images(table, csv)
    rated = RatedImages(
        numeric_where_possible(table), csv.parent, declared, _is_marked_simulated(csv, sidecar)
    )
    if check_images:
        _require_image_files(rated, csv)
    return rated


def write_rated_images(rated: RatedImages, csv: Path | str, provenance_block: dict) -> None:
    """Write the table and its sidecar (scales and provenance), each whole or not at all."""
    csv = Path(csv)
    _write_sidecar(csv, rated.scales, provenance_block)
    write_text(csv, _csv_text(rated.table, csv))


def read_ratings(csv: Path | str, *, scales: Mapping[str, Scale] | None = None) -> pd.DataFrame:
    """Read and check a long table of ratings, one row a judgement.

    Returns
    -------
    pandas.DataFrame
        ``participant, image, dimension`` (str), ``rating`` (float, within its
        dimension's scale), and where present ``session, trial, rt_ms`` and others.

    Raises
    ------
    InputError
        If the table is missing, empty, or lacks a column; if no scale is declared; if
        a dimension has no scale; if a rating is no number or leaves its scale; if a
        participant rates the same thing twice in rows that nothing tells apart.
    """
    csv = Path(csv)
    table = read_cells(csv)
    declared = dict(scales if scales is not None else _read_sidecar(csv, needed=True).dimensions)
    require_columns(table, RATINGS_COLUMNS, csv)
    for column in RATINGS_COLUMNS:
        require_filled(table, column, csv)
    table["image"] = _same_spelling(table["image"])
    unknown = table.index[~table["dimension"].isin(list(declared))]
    if len(unknown):
        name = table["dimension"][unknown[0]]
        raise InputError(
            f"{csv} row {unknown[0] + 2}: dimension {name!r} has no declared scale; "
            + nearest(name, declared)
        )
    table["rating"] = numbers(table, "rating", csv)
    for name, scale in declared.items():
        rows = table["dimension"] == name
        require_within(table["rating"][rows], csv, "rating", scale.minimum, scale.maximum)
    keys = [name for name in (*RATINGS_COLUMNS[:3], "session", "trial") if name in table.columns]
    require_distinct(table, keys, csv)
    text = [*RATINGS_COLUMNS[:3], "session"]
    return numeric_where_possible(table, keep=text)


def write_ratings(
    ratings: pd.DataFrame,
    csv: Path | str,
    *,
    scales: Mapping[str, Scale],
    provenance_block: dict | None = None,
) -> None:
    """Write a long ratings table and its sidecar (scales and provenance).

    Raises
    ------
    InputError
        If one of the columns participant, image, dimension, rating is absent.
    """
    csv = Path(csv)
    require_columns(ratings, RATINGS_COLUMNS, csv)
    first = [*RATINGS_COLUMNS, *(name for name in RATINGS_OPTIONAL if name in ratings.columns)]
    rest = [name for name in ratings.columns if name not in first]
    _write_sidecar(csv, scales, provenance_block or {})
    write_text(csv, _csv_text(ratings[[*first, *rest]], csv))


def is_simulated(csv: Path | str) -> bool:
    """Whether a table says of itself, by name or sidecar, that no people made its ratings."""
    csv = Path(csv)
    return _is_marked_simulated(csv, _read_sidecar(csv, needed=False))


def require_scenes(rated: RatedImages, minimum: int = 4) -> None:
    """Check that there are enough scenes to choose channels on some and report on others.

    Raises
    ------
    InputError
        If fewer than `minimum` different scenes are rated.
    """
    scenes = np.unique(rated.scenes)
    if len(scenes) < minimum:
        raise InputError(
            f"expected at least {minimum} scenes, because channels are chosen on some and "
            f"tested on others; got {len(scenes)} ({', '.join(scenes)}): add images of other "
            "scenes or correct the column 'scene'"
        )


def _read_sidecar(csv: Path, *, needed: bool) -> _Sidecar:
    path = csv.with_suffix(".json")
    if not path.exists():
        if needed:
            raise InputError(
                f"the rating scale of {csv} is not declared; write it in {path.name}, for "
                'example {"dimensions": {"quality": {"minimum": 1, "maximum": 5, "good": "high"}}}'
            )
        return _Sidecar(dimensions={})
    content = read_json(path)
    try:
        sidecar = _Sidecar.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{path}: {where}: {reason}; correct the declaration") from error
    if needed and not sidecar.dimensions:
        raise InputError(f"{path} declares no dimension; add at least one with its scale")
    _refuse_reserved(sidecar.dimensions, path)
    return sidecar


def _refuse_reserved(dimensions: Iterable[str], path: Path) -> None:
    for name in dimensions:
        if name in RESERVED or not name:
            raise InputError(f"{path}: a dimension cannot be called {name!r}; rename it")


def _is_marked_simulated(csv: Path, sidecar: _Sidecar) -> bool:
    return bool(sidecar.provenance.get("simulated")) or csv.name.startswith("SIMULATED")


def _write_sidecar(csv: Path, scales: Mapping[str, Scale], provenance_block: dict) -> None:
    declared = {name: asdict(scale) for name, scale in scales.items()}
    write_json(csv.with_suffix(".json"), {"dimensions": declared, "provenance": provenance_block})


def _csv_text(table: pd.DataFrame, csv: Path | None = None) -> str:
    separator = "\t" if csv is not None and csv.suffix.lower() == ".tsv" else ","
    return table.to_csv(index=False, lineterminator="\n", sep=separator)


def _same_spelling(names: pd.Series) -> list[str]:
    """Spell paths one way (``./a.png`` as ``a.png``), so that two tables can meet."""
    return [str(PurePosixPath(name.replace("\\", "/"))) for name in names]


def _require_unique_images(table: pd.DataFrame, csv: Path) -> None:
    twice = table.index[table["image"].duplicated()]
    if len(twice):
        name = table["image"][twice[0]]
        first = table.index[table["image"] == name][0]
        raise InputError(
            f"{csv} rows {first + 2} and {twice[0] + 2} both rate the image {name!r}; keep one row "
            "an image (single judgements belong in a ratings table)"
        )


def _require_image_files(rated: RatedImages, csv: Path) -> None:
    missing = [row for row, path in enumerate(rated.paths) if not path.is_file()]
    if missing:
        raise InputError(
            f"{csv} row {missing[0] + 2}: image {rated.paths[missing[0]]} is missing "
            f"({len(missing)} of {len(rated)} are); paths are relative to the table"
        )
    for path in rated.paths:
        check_header(path)
