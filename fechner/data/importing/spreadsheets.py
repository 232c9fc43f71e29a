"""Spreadsheets (xlsx, xls, ods) as rows of cells, each as the text that names what it holds.

A number that is whole loses its point, because spreadsheets hold the participant 801 as 801.0;
text stays what it is, so that a typed 0801 stays 0801. Cells with an error such as #N/A are empty.
"""

from __future__ import annotations

import datetime
import io
from typing import Any

from fechner.errors import InputError, MissingPartError
from fechner.records.csv_text import SPREADSHEET_STARTS

NO_READER = "needs the package python-calamine: pip install 'fechner[spreadsheets]'"


def is_spreadsheet(content: bytes) -> bool:
    """Whether bytes are those of a spreadsheet, whatever the file is called."""
    return content.startswith(SPREADSHEET_STARTS)


def sheets_of(content: bytes, file: str) -> dict[str, list[list[str]]]:
    """Return the sheets of a spreadsheet that hold anything: name to rows of cells as text.

    Row 1 of the sheet is the first row, also where it is empty.

    Raises
    ------
    MissingPartError
        If the package that reads spreadsheets is not installed.
    InputError
        If the file is damaged.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError as error:
        raise MissingPartError(f"{file} {NO_READER}, or save it as CSV") from error
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        found = {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in book.sheet_names
        }
    except CalamineError as error:
        raise InputError(f"{file} is no workbook that is read ({error}); restore it") from error
    texts = {
        name: [[cell_text(cell) for cell in row] for row in rows] for name, rows in found.items()
    }
    return {name: rows for name, rows in texts.items() if any(any(row) for row in rows)}


def cell_text(value: Any) -> str:
    """Return what a spreadsheet cell holds as text.

    Examples
    --------
    >>> [cell_text(value) for value in (801.0, "0801", 3.5, True, None)]
    ['801', '0801', '3.5', 'TRUE', '']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value).strip()
