"""A table as it stands in a file of any kind: names of the columns, and cells as text.

First step of importing; `columns` says which column is which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fechner.data.importing.spreadsheets import is_spreadsheet, sheets_of
from fechner.data.importing.text_files import SEPARATORS, decoded, separated
from fechner.errors import InputError, nearest


@dataclass(frozen=True)
class Grid:
    """Cells as text, without spaces around them.

    Attributes
    ----------
    header
        Names of the columns; only the first may be empty.
    rows
        As many cells a row as the header has.
    numbers
        Where each row stands in the file, counted from 1.
    said
        What was found out about the file, for people.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    said: tuple[str, ...]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column, from the first row."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]


def read_grid(
    path: Path, content: bytes, *, sheet: str | None = None, encoding: str | None = None
) -> Grid:
    """Return a table from the content of a text file or a spreadsheet.

    Parameters
    ----------
    path
        What messages call the file.
    content
        Its bytes, which say what it is; the ending of the name does not count.
    sheet
        Which sheet of a spreadsheet; may be left out where only one holds anything.
    encoding
        Of a text file; found where left out.

    Returns
    -------
    Grid
        Empty rows and empty columns without a name are left out.

    Raises
    ------
    MissingPartError
        If the file is a spreadsheet and the package that reads them is not installed.
    InputError
        If the file is damaged or empty, holds several sheets and none is named, names a column
        twice or not at all, or has a row with too many or too few cells.
    """
    if is_spreadsheet(content):
        name, rows = _chosen_sheet(sheets_of(content, str(path)), path, sheet)
        return _grid(rows, path, said=(f"sheet {name!r}",) if sheet is None else ())
    if sheet is not None:
        raise InputError(f"{path} is no spreadsheet and has no sheet {sheet!r}; leave --sheet out")
    text, found = decoded(content, str(path), encoding)
    rows, mark = separated(text, str(path))
    said = [f"{found} text"] if found != "utf-8" and encoding is None else []
    said += [f"columns separated by {SEPARATORS.get(mark, repr(mark))}"] if mark != "," else []
    return _grid(rows, path, said=said)


def _chosen_sheet(
    sheets: dict[str, list[list[str]]], path: Path, wanted: str | None
) -> tuple[str, list[list[str]]]:
    if not sheets:
        raise InputError(f"table {path} is empty; expected a header and at least one row")
    if wanted is None and len(sheets) > 1:
        raise InputError(
            f"{path} has {len(sheets)} sheets with content ({', '.join(sheets)}); name one: "
            f"fechner data import ratings {path} --sheet {next(iter(sheets))!r} -o ratings.csv"
        )
    name = next(iter(sheets)) if wanted is None else wanted
    if name not in sheets:
        raise InputError(f"{path} has no sheet {name!r} with content; {nearest(name, sheets)}")
    return name, sheets[name]


def _grid(rows: Sequence[Sequence[str]], path: Path, said: Sequence[str]) -> Grid:
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
    if not filled:
        raise InputError(f"table {path} is empty; expected a header and at least one row")
    if _is_bare_matrix([row for _, row in filled]):
        return _bare_matrix(filled, said)
    if len(filled) == 1:
        raise InputError(f"table {path} has a header but no rows; add the rows")
    width = max(k + 1 for k, name in enumerate(filled[0][1]) if name)
    for number, row in filled:
        if len(row) < width or any(row[width:]):
            raise InputError(
                f"{path} row {number} has {len(row)} cells, expected {width} as in the header; "
                "correct it (text that holds the separating mark needs quotes)"
            )
    kept = [k for k in range(width) if any(row[k] for _, row in filled)]
    header = tuple(filled[0][1][k] for k in kept)
    for place, name in enumerate(header):
        if not name and place:
            raise InputError(f"{path} has cells in column {kept[place] + 1}, which has no name")
        if header.count(name) > 1:
            raise InputError(f"{path} has two columns {name!r}; rename one")
    body = tuple(tuple(row[k] for k in kept) for _, row in filled[1:])
    return Grid(header, body, tuple(number for number, _ in filled[1:]), tuple(said))


def _is_bare_matrix(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether the first row holds numbers that repeat, and so cannot name the columns."""
    first = [cell for cell in rows[0] if cell]
    same_width = len({len(row) for row in rows}) == 1
    return same_width and len(set(first)) < len(first) and all(map(_is_number, first))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _bare_matrix(filled: Sequence[tuple[int, Sequence[str]]], said: Sequence[str]) -> Grid:
    """Return a matrix without names, as sureal reads it: a row an image, a column a participant."""
    header = ("image", *(f"P{k}" for k in range(1, len(filled[0][1]) + 1)))
    rows = tuple((str(number), *row) for number, row in filled)
    found = "no names: rows are images 1, 2, ..., columns are participants P1, P2, ..."
    return Grid(header, rows, tuple(number for number, _ in filled), (*said, found))
