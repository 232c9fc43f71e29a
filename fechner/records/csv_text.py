"""Tables as text, by the standard library alone: every CSV table enters and leaves through here.

Cells are text until their reader says otherwise, so that a scene called ``0801``, ``null`` or
``a,b`` is called so in every room. Sessions read and write tables without pandas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fechner.errors import InputError


def read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read the header and the rows of a CSV (or .tsv) table, without spaces around the cells.

    Returns
    -------
    header : list of str
        The names of the columns.
    rows : list of list of str
        As many cells a row as the header has.

    Raises
    ------
    InputError
        If the file is missing, not UTF-8, empty, without rows, separated by other
        marks, or if a row has more or fewer cells than the header.
    """
    rows = _rows(path)
    if not rows or not any(rows[0]):
        raise InputError(f"table {path} is empty; expected a header and at least one row")
    header = [name.strip() for name in rows[0]]
    for mark, called in ((";", "';'"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise InputError(f"{path} separates columns by {called}; save it with commas")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InputError(f"{path} has two columns {twice[0]!r}; rename one")
    if len(rows) == 1:
        raise InputError(f"table {path} has a header but no rows; add the rows")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise InputError(
                f"{path} row {number} has {len(row)} cells, expected {len(header)} as in the "
                "header; correct it (text that holds a comma needs quotes)"
            )
    return header, [[cell.strip() for cell in row] for row in rows[1:]]


def _rows(path: Path) -> list[list[str]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, delimiter=delimiter))
    except FileNotFoundError as error:
        raise InputError(f"table {path} is missing; check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"table {path} is {_kind(path)} as CSV in UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV table ({error}); save it as CSV in UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    return rows


SPREADSHEET_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of xlsx, xlsb and ods (zip), and of xls (OLE)."""


def _kind(path: Path) -> str:
    """Return what a file is that is no UTF-8 text, and what to save."""
    with path.open("rb") as file:
        start = file.read(4)
    if start in SPREADSHEET_STARTS:
        return "a spreadsheet; save the sheet with the table"
    return "not UTF-8 text; save it"


def rows_as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as comma-separated text; an empty `header` leaves its line out.

    Cells are quoted where they need it, None becomes an empty one, and lines end with a line feed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def named_rows_as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as `rows_as_csv` does, in the columns of all of them; what is absent is empty."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    return rows_as_csv(header, [[row.get(name) for name in header] for row in rows])
