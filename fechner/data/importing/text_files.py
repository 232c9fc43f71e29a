"""Text files as rows of cells: which encoding, and which mark separates the columns.

Both are settled by fixed rules on the bytes themselves, so that a file is read the same way on
every machine: a byte-order mark decides; without one UTF-8 is taken where it fits, UTF-16 where
every other byte is zero, and else Windows-1252, of which Latin-1's letters are a part. Of the
marks the one that cuts every row into equally many cells decides.
"""

from __future__ import annotations

import codecs
import csv
import io
import re

from fechner.errors import InputError

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
         codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
"""Byte-order marks and what they announce; that of UTF-32 starts like that of UTF-16."""

SEPARATORS = {"\t": "tabs", ";": "';'", ",": "','", "|": "'|'"}
"""Marks between columns, and what messages call them."""


def decoded(content: bytes, file: str, encoding: str | None = None) -> tuple[str, str]:
    """Return a file's text and the encoding that it was read by.

    Parameters
    ----------
    content
        The bytes of the file.
    file
        What messages call it.
    encoding
        Which one to read by; found by the rules of this module where left out.

    Returns
    -------
    text, encoding
        Without byte-order mark.

    Raises
    ------
    InputError
        If the encoding is not known or does not fit the bytes.

    Examples
    --------
    >>> decoded("rösti".encode("utf-16"), "a.csv"), decoded("rösti".encode("latin-1"), "a.csv")
    (('rösti', 'utf-16'), ('rösti', 'cp1252'))
    """
    chosen = encoding or _encoding_of(content)
    try:
        return content.decode(chosen).removeprefix("\ufeff"), chosen.removesuffix("-sig")
    except LookupError as error:
        raise InputError(
            f"no encoding is called {encoding!r}; expected a name such as utf-8, cp1252 or utf-16"
        ) from error
    except UnicodeError as error:
        raise InputError(
            f"{file} is not {chosen} text ({error.__class__.__name__}); save it as UTF-8"
        ) from error


def _encoding_of(content: bytes) -> str:
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return name
    # Latin letters in UTF-16 have a zero byte each; no 8-bit table has any.
    if b"\0" in content:
        return "utf-16-le" if content[1::2].count(0) >= content[::2].count(0) else "utf-16-be"
    for name in ("utf-8", "cp1252"):
        try:
            content.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"


def separated(text: str, file: str) -> tuple[list[list[str]], str]:
    r"""Return a table's rows of cells and the mark between its columns.

    Of tab, semicolon, comma and bar the one that cuts every row into the same number of cells,
    two or more; where several do, the one with most cells. Where none does, the one with most
    cells in the header, so that the row that differs can be named. The line ``sep=;`` that
    spreadsheet programs write first is obeyed.

    Raises
    ------
    InputError
        If the text is no table.

    Examples
    --------
    >>> separated("stim;P1;P2\na.png;3,5;4,0\n", "a.csv")
    ([['stim', 'P1', 'P2'], ['a.png', '3,5', '4,0']], ';')
    """
    announced = re.match(r"sep=(.)\r?\n", text)
    if announced:
        return _cut(text[announced.end() :], announced[1], file), announced[1]
    ways = {mark: _cut(text, mark, file) for mark in SEPARATORS}

    def fit(mark: str) -> tuple[bool, int]:
        widths = [len(row) for row in ways[mark] if any(row)]
        even = len(set(widths)) == 1 and widths[0] > 1
        return even, widths[0] if widths else 0

    best = max(SEPARATORS, key=fit)
    return ways[best], best


def _cut(text: str, mark: str, file: str) -> list[list[str]]:
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
        return [[cell.strip() for cell in row] for row in rows]
    except csv.Error as error:
        raise InputError(f"{file} is not a table ({error}); save it as CSV in UTF-8") from error
