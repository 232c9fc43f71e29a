"""Ratings: one row a judgement, with the scale of every dimension beside the table.

This is what every statistic reads, and what journals become.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from fechner.errors import InputError, nearest
from fechner.provenance import write_text
from fechner.records.cells import (
    csv_text,
    numbers,
    numeric_where_possible,
    read_cells,
    require_columns,
    require_distinct,
    require_filled,
    require_within,
    same_spelling,
)
from fechner.records.scales import Scale, read_sidecar, write_sidecar

RATINGS_COLUMNS = ("participant", "image", "dimension", "rating")
RATINGS_OPTIONAL = ("session", "trial", "rt_ms")


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
    declared = dict(scales if scales is not None else read_sidecar(csv, needed=True).dimensions)
    require_columns(table, RATINGS_COLUMNS, csv)
    for column in RATINGS_COLUMNS:
        require_filled(table, column, csv)
    table["image"] = same_spelling(table["image"])
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
    write_sidecar(csv, scales, provenance_block or {})
    write_text(csv, csv_text(ratings[[*first, *rest]], csv))
