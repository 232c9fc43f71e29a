"""The cells of a table as they stand in the file, and the checks that name the row.

Every rating table enters through here: all cells are read as text first, so that
a message can show what was written, and where (the header is row 1; the label of a row in the
table's index is its number less 2).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from fechner.errors import InputError, nearest
from fechner.records.csv_text import read_rows

MISSING = ("", "na", "n/a", "nan", "#n/a", "null", ".", "-")
"""What stands in a cell that should hold a rating and holds none, in small letters: nothing; what
R, Python, spreadsheets and databases write; the point of SAS and Stata; the dash of people. "None"
and "0" are not among them, because both are answers in some experiments."""


def is_missing(value: object) -> bool:
    """Whether a cell that should hold a rating holds none; names are never asked this.

    Examples
    --------
    >>> [is_missing(value) for value in ("", "n/a", None, float("nan"), "0", 3.0)]
    [True, True, True, True, False, False]
    """
    if isinstance(value, str):
        return value.strip().casefold() in MISSING
    return value is None or value is pd.NA or value != value


def read_cells(path: Path) -> pd.DataFrame:
    """Read every cell of a CSV (or .tsv) table as text without surrounding spaces.

    Raises
    ------
    InputError
        If the file is missing, not UTF-8, empty, without rows, separated by other
        marks, or if a row has more or fewer cells than the header.
    """
    header, rows = read_rows(path)
    return pd.DataFrame(rows, columns=header, dtype=object)


def require_columns(table: pd.DataFrame, needed: Iterable[str], path: Path | str) -> None:
    """Refuse a table without one of the `needed` columns, naming the nearest."""
    for name in needed:
        if name not in table.columns:
            hint = nearest(name, table.columns)
            raise InputError(f"{path} has no column {name!r}; {hint}")


def require_filled(table: pd.DataFrame, column: str, path: Path | str) -> None:
    """Refuse a text column with an empty cell."""
    blank = table.index[table[column] == ""]
    if len(blank):
        raise InputError(f"{path} row {blank[0] + 2}: column {column!r} is empty; fill it in")


def numbers(
    table: pd.DataFrame,
    column: str,
    path: Path | str,
    *,
    lowest: float = -np.inf,
    highest: float = np.inf,
    blank: bool = False,
) -> pd.Series:
    """Return a text column as numbers.

    Parameters
    ----------
    table, column, path
        The table, one of its columns, and what messages call the file.
    lowest, highest
        The numbers that are allowed.
    blank
        Whether a cell may be empty.

    Returns
    -------
    pandas.Series
        float64, NaN where a cell is empty.

    Raises
    ------
    InputError
        If a cell is no finite number or lies outside the bounds; names the row.
    """
    text = table[column]
    values = as_numbers(text).astype(np.float64)
    bad = ~np.isfinite(values) & ~((text == "") & blank)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        got = repr(text.iloc[first]) if text.iloc[first] else "an empty cell"
        raise InputError(
            f"{path} row {table.index[first] + 2}: {column!r} expects a number, got {got}; "
            "correct it"
        )
    require_within(values, path, column, lowest, highest)
    return values


def as_numbers(cells: pd.Series) -> pd.Series:
    """Return cells as numbers, NaN where one is none; whole numbers stay whole.

    Every decimal becomes the double nearest to it. `pandas.to_numeric` before pandas 3, which is
    all that Python 3.10 has, was off in the last digit for one number of five.
    """
    rough = pd.to_numeric(cells, errors="coerce")
    if pd.api.types.is_numeric_dtype(cells) or rough.dtype.kind != "f":
        return rough
    known = rough.notna()
    exact = rough.astype(np.float64)
    exact[known] = cells[known].astype(str).astype(np.float64)
    return exact


def require_within(
    values: pd.Series, path: Path | str, column: str, lowest: float, highest: float
) -> None:
    """Refuse numbers outside their bounds.

    Parameters
    ----------
    values, path, column
        The numbers, and what messages call the file and the column.
    lowest, highest
        The ends that are allowed, themselves included.

    Raises
    ------
    InputError
        If one lies outside; names its row.
    """
    outside = values[(values < lowest) | (values > highest)]
    if len(outside):
        bounds = f"{lowest:g} or more" if highest == np.inf else f"{lowest:g} to {highest:g}"
        raise InputError(
            f"{path} row {outside.index[0] + 2}: {column!r} is {outside.iloc[0]:g}, expected "
            f"{bounds}; correct the rating or the declared scale"
        )


def require_distinct(
    table: pd.DataFrame, keys: list[str], path: Path | str, *, remedy: str = ""
) -> None:
    """Refuse two rows that say the same thing twice.

    Parameters
    ----------
    table, keys, path
        The table, the columns in which rows must differ, and what messages call the file.
    remedy
        What else can be done than to remove the row: the end of the message.

    Raises
    ------
    InputError
        If two rows agree in all of `keys`; names the second.
    """
    twice = table[table.duplicated(keys)]
    if len(twice):
        same = ", ".join(f"{key} {twice[key].iloc[0]}" for key in keys)
        raise InputError(
            f"{path} row {twice.index[0] + 2} repeats an earlier row ({same}); remove it" + remedy
        )


def numeric_where_possible(table: pd.DataFrame, *, keep: Iterable[str] = ()) -> pd.DataFrame:
    """Return the table with numeric extra columns as numbers; those in `keep` stay text.

    A column with a cell such as ``0801`` names things rather than counting them, and stays text.
    """
    text = {"image", "scene", "reference", *keep}
    table = table.copy()
    for name in table.columns.difference(list(text)):
        if not pd.api.types.is_numeric_dtype(table[name]):
            blank = table[name] == ""
            values = as_numbers(table[name])
            padded = table[name].astype(str).str.fullmatch(r"[+-]?0\d+.*").any()
            if (values.isna() == blank).all() and not blank.all() and not padded:
                table[name] = values
    return table


def csv_text(table: pd.DataFrame, csv: Path | None = None) -> str:
    """Return a table as text: tabs for a ``.tsv``, commas otherwise; lines end with a line feed."""
    separator = "\t" if csv is not None and csv.suffix.lower() == ".tsv" else ","
    return table.to_csv(index=False, lineterminator="\n", sep=separator)


def same_spelling(names: Iterable[str]) -> list[str]:
    """Spell paths one way (``./a.png`` as ``a.png``), so that two tables can meet."""
    return [str(PurePosixPath(name.replace("\\", "/"))) for name in names]
