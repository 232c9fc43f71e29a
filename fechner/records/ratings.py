"""Ratings: one row a judgement, with the scale of every dimension beside the table.

This is what every statistic reads, and what journals become.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fechner.errors import InputError, nearest
from fechner.provenance import digest, write_text
from fechner.records.cells import (
    as_numbers,
    csv_text,
    is_missing,
    numbers,
    numeric_where_possible,
    read_cells,
    require_columns,
    require_distinct,
    require_filled,
    require_within,
    same_spelling,
)
from fechner.records.declared import declared_scales
from fechner.records.scales import Scale, read_sidecar, write_sidecar

RATINGS_COLUMNS = ("participant", "image", "dimension", "rating")
RATINGS_OPTIONAL = ("session", "trial", "rt_ms")
TEXT_COLUMNS = (*RATINGS_COLUMNS[:3], "session", "scene", "region", "second")
"""Columns that name something: they stay the text that stands in the file."""

MISSING_RATINGS = "missing_ratings"
"""Where the record beside a table counts the ratings that were missing and are left out of it."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """Single judgements of images in one or more dimensions, each on its declared scale.

    Attributes
    ----------
    table
        One row a judgement: ``participant, image, dimension`` (str), ``rating`` (float64),
        and where present ``session`` (str), ``trial``, ``rt_ms`` (milliseconds) and others.
    scales
        The declared `Scale` of each dimension.
    simulated
        True where no people made the ratings.
    missing
        How many judgements have no rating and are left out of the table.
    """

    table: pd.DataFrame
    scales: dict[str, Scale]
    simulated: bool = False
    missing: int = 0

    def __len__(self) -> int:
        return len(self.table)

    @property
    def dimensions(self) -> list[str]:
        """Names of the dimensions that were rated, sorted."""
        return sorted(self.table["dimension"].unique())

    @property
    def participants(self) -> list[str]:
        """Codes of the participants, sorted."""
        return sorted(self.table["participant"].unique())

    def scale(self, dimension: str) -> Scale:
        """Return the scale of a dimension.

        Raises
        ------
        InputError
            If none is declared.
        """
        if dimension not in self.scales:
            raise InputError(
                f"dimension {dimension!r} has no declared scale; {nearest(dimension, self.scales)}"
            )
        return self.scales[dimension]

    def response_ms(self, dimension: str) -> dict[str, float]:
        """Return each participant's median response time; empty where none was recorded."""
        if "rt_ms" not in self.table:
            return {}
        rows = self.table[self.table["dimension"] == dimension]
        times = as_numbers(rows["rt_ms"])
        medians = times.groupby(rows["participant"]).median().dropna()
        return {str(name): float(value) for name, value in medians.items()}

    @cached_property
    def sha256(self) -> str:
        """Digest of the ratings and their scales."""
        scales = {name: asdict(scale) for name, scale in self.scales.items()}
        return digest({"table": csv_text(self.table), "scales": scales})


def ratings_from_table(
    table: pd.DataFrame,
    *,
    scales: Mapping[str, Scale],
    simulated: bool = False,
    source: str = "the table of ratings",
    rows: Sequence[int] | pd.Series | None = None,
) -> Ratings:
    """Return a table of judgements as checked `Ratings`.

    Parameters
    ----------
    table
        Columns ``participant, image, dimension, rating``; others are kept.
    scales
        The scale of each dimension.
    simulated
        True where no people made the ratings.
    source
        What messages call the table.
    rows
        The number that messages give each row; as in a spreadsheet, from 2, where left out.

    Returns
    -------
    Ratings
        Names as text, ratings as float64. Judgements whose rating is missing (see
        `fechner.records.cells.is_missing`) are counted and left out.

    Raises
    ------
    InputError
        If a column is absent or a name empty; if a dimension has no scale; if every rating is
        missing, one is no number or leaves its scale; if a participant rates the same thing twice
        in rows that nothing tells apart.
    """
    require_columns(table, RATINGS_COLUMNS, source)
    table = table.reset_index(drop=True)
    if rows is not None:
        table.index = pd.Index(np.asarray(rows) - 2)
    for column in TEXT_COLUMNS:
        if column in table.columns:
            table[column] = [_name(value) for value in table[column]]
    for column in RATINGS_COLUMNS[:3]:
        require_filled(table, column, source)
    table["image"] = same_spelling(table["image"])
    unknown = table["dimension"][~table["dimension"].isin(list(scales))]
    if len(unknown):
        name = unknown.iloc[0]
        raise InputError(
            f"{source} row {unknown.index[0] + 2}: dimension {name!r} has no declared scale; "
            + nearest(name, scales)
        )
    there = ~table["rating"].map(is_missing).astype(bool)
    if len(table) and not there.any():
        raise InputError(f"{source} holds no rating: all {len(table)} are missing")
    missing, table = int((~there).sum()), table[there].copy()
    table["rating"] = numbers(table, "rating", source)
    for name, scale in scales.items():
        rows = table["dimension"] == name
        require_within(table["rating"][rows], source, "rating", scale.minimum, scale.maximum)
    keys = [name for name in (*RATINGS_COLUMNS[:3], "session", "trial") if name in table.columns]
    if table.duplicated(keys).any():
        require_distinct(table, keys, source, remedy=_remedy_of_repeats(table, keys))
    table = numeric_where_possible(table.reset_index(drop=True), keep=TEXT_COLUMNS)
    return Ratings(table, dict(scales), simulated, missing)


def _remedy_of_repeats(table: pd.DataFrame, keys: list[str]) -> str:
    """Return what else can be done about rows of one participant and image than to remove one."""
    remedy = ", or add a column 'trial' if the judgement was made twice"
    repeated = table[table.duplicated(keys, keep=False)]
    for column in [name for name in table.columns if name not in (*keys, "rating")]:
        # A condition has few values; a time or a number of the row has as many as there are rows.
        few = 1 < table[column].nunique() <= max(len(table) // 4, 2)
        if few and not repeated.duplicated([*keys, column]).any():
            told_apart = f"let the names of images hold {str(column)!r} where that is what differs"
            return f"{remedy}, or {told_apart}"
    return remedy


def read_ratings(csv: Path | str, *, scales: Mapping[str, Scale] | None = None) -> Ratings:
    r"""Read and check a long table of ratings, one row a judgement.

    Parameters
    ----------
    csv
        The table (CSV, or TSV by its ending).
    scales
        The scale of each dimension; where left out, those that are declared beside the table or
        in the study file that it belongs to.

    Returns
    -------
    Ratings
        Names as text, ratings as float64 within their scales.

    Raises
    ------
    InputError
        If the table is missing, empty, or lacks a column; if no scale is declared; and
        whatever `ratings_from_table` refuses.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> table = Path(tempfile.mkdtemp()) / "ratings.csv"
    >>> rows = ["participant,image,dimension,rating", "P01,0801,quality,4", "P02,0801,quality,5"]
    >>> _ = table.write_text("\n".join(rows))
    >>> ratings = read_ratings(table, scales={"quality": Scale(1, 5)})
    >>> ratings.table["image"].tolist(), ratings.table["rating"].tolist()
    (['0801', '0801'], [4.0, 5.0])
    """
    csv = Path(csv)
    cells = _own_cells(csv)
    declared, simulated = declared_scales(csv, scales)
    ratings = ratings_from_table(cells, scales=declared, simulated=simulated, source=str(csv))
    return replace(ratings, missing=ratings.missing + missing_before(csv))


def _own_cells(csv: Path) -> pd.DataFrame:
    """Return the cells of a table in our layout; a file in another is told how it becomes ours."""
    try:
        cells = read_cells(csv)
        require_columns(cells, RATINGS_COLUMNS, csv)
    except InputError as error:
        if not csv.is_file():
            raise
        raise InputError(
            f"{error}; ratings in any layout become ours by: fechner data import ratings {csv} "
            "--out ratings.csv"
        ) from error
    return cells


def missing_before(csv: Path) -> int:
    """Return how many ratings were missing, and left out, when a table of ours was written."""
    found = read_sidecar(csv).provenance.get(MISSING_RATINGS, 0)
    return found if isinstance(found, int) else 0


def write_ratings(
    ratings: Ratings, csv: Path | str, *, provenance_block: dict[str, Any] | None = None
) -> None:
    """Write ratings as a long table with their scales and provenance beside it."""
    csv = Path(csv)
    block = dict(provenance_block or {})
    if ratings.simulated:
        block["simulated"] = True
    if ratings.missing:
        block[MISSING_RATINGS] = ratings.missing
    first = [name for name in (*RATINGS_COLUMNS, *RATINGS_OPTIONAL) if name in ratings.table]
    rest = [name for name in ratings.table.columns if name not in first]
    write_sidecar(csv, ratings.scales, block)
    write_text(csv, csv_text(ratings.table[[*first, *rest]], csv))


def _name(value: object) -> str:
    """Return a name as text; a missing value is an empty name, whatever a table reader made it."""
    return "" if value is None or value is pd.NA or value != value else str(value)
