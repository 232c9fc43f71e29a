"""Ratings from anybody's file: the one reader for tables that are not, or not yet, ours.

A scale is never guessed: it is given, declared beside the table or in its study file, or that of
the protocol whose words the answers are. Everything else that is found out is said in `said`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fechner.data.importing.answers import read_answers
from fechner.data.importing.columns import told_columns
from fechner.data.importing.grid import read_grid
from fechner.data.importing.layouts import LongCells, long_cells
from fechner.data.importing.sessions import counted, say_simulated
from fechner.errors import InputError
from fechner.provenance import provenance, sha256_bytes
from fechner.records.declared import declared_scales, scales_found
from fechner.records.ratings import Ratings, missing_before, ratings_from_table
from fechner.records.scales import AnswerWords, Scale

DIMENSION = "quality"
"""What is taken to be rated where nothing says it; a name only, on which no number depends."""


@dataclass(frozen=True, eq=False)
class Imported:
    """Ratings from a foreign table, and how it was read.

    Attributes
    ----------
    ratings
        The judgements.
    said
        What was guessed, one piece each, for people; empty for a table of our own layout.
    provenance
        The block for the record beside our table, with the sha256 of the source.
    """

    ratings: Ratings
    said: tuple[str, ...]
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """How a table is to be read, as far as the user says it.

    Attributes
    ----------
    columns
        As `columns.told_columns` reads it.
    words
        The numbers that words stand for.
    known
        Makes the sets of words that are looked through where none are given.
    dimension
        What was rated, where no column says it.
    sheet, encoding
        Of a spreadsheet; of a text file.
    """

    columns: str | None = None
    words: AnswerWords | None = None
    known: Callable[[], Iterable[AnswerWords]] = tuple
    dimension: str | None = None
    sheet: str | None = None
    encoding: str | None = None


def import_ratings(
    path: Path | str,
    *,
    scales: Mapping[str, Scale] | Scale | None = None,
    reading: Reading | None = None,
) -> Imported:
    r"""Read a table of ratings of any layout: text or spreadsheet, long or wide.

    Parameters
    ----------
    path
        The file; what it is, is seen in its content.
    scales
        The scale of every dimension, or one for all; where left out, those declared beside the
        table or in its study file, or that of the words that were answered.
    reading
        What is known of its columns, words, sheet and encoding; the rest is found out.

    Returns
    -------
    Imported
        Ratings that are missing are left out and counted in ``ratings.missing``.

    Raises
    ------
    MissingPartError
        If the file is a spreadsheet and the package that reads them is not installed.
    InputError
        If the file is damaged, its layout or a column cannot be told, a cell is no rating, no
        scale is declared, or whatever `ratings_from_table` refuses.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "study.csv"
    >>> _ = table.write_text("stim;P1;P2\na.png;3,5;NA\nb.png;2;1\n")
    >>> found = import_ratings(table, scales=Scale(1, 5))
    >>> len(found.ratings), found.ratings.missing, found.ratings.table["rating"].tolist()
    (3, 1, [3.5, 2.0, 1.0])
    """
    path, reading = Path(path), reading or Reading()
    content = _content(path)
    grid = read_grid(path, content, sheet=reading.sheet, encoding=reading.encoding)
    named = scales_found(path, scales if isinstance(scales, Mapping) else None)[0]
    long = counted(long_cells(grid, told_columns(reading.columns), path, tuple(named)))
    said = [*grid.said, *long.said]
    if "dimension" not in long.table:
        name = reading.dimension or (next(iter(named)) if len(named) == 1 else DIMENSION)
        long.table.insert(0, "dimension", name)
        said.append(f"no column says the dimension: {name!r}")
    answers = read_answers(
        long.table["rating"].tolist(),
        place=lambda index: _place(long, index, path),
        words=reading.words,
        known=reading.known,
    )
    said += answers.said
    declared, simulated = _scales(path, scales, answers.words, long)
    simulated = simulated or say_simulated(long.table)
    _require_on_scale(answers.values, long, declared, path)
    ratings = ratings_from_table(
        long.table.assign(rating=answers.values),
        scales=declared,
        simulated=simulated,
        source=str(path),
        rows=long.places["row"],
    )
    ratings = replace(ratings, missing=ratings.missing + missing_before(path))
    about = _provenance(path, content, reading, long, said, simulated=simulated)
    return Imported(ratings, tuple(said), about)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"table {path} is missing; check the path") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error


def _place(long: LongCells, index: int, path: Path) -> str:
    place = long.places.iloc[index]
    return f"{path} row {place['row']}, column {place['column']!r}"


def _scales(
    path: Path,
    scales: Mapping[str, Scale] | Scale | None,
    words: AnswerWords | None,
    long: LongCells,
) -> tuple[dict[str, Scale], bool]:
    """Return the scale of each dimension; that of the words where nothing else declares one."""
    dimensions = long.table["dimension"].unique().tolist()
    given = dict.fromkeys(dimensions, scales) if isinstance(scales, Scale) else scales
    found, simulated = scales_found(path, given)
    worded = words.scale if words else None
    if worded is None:
        return declared_scales(path, given)
    for name in dimensions:
        if found.setdefault(name, worded) != worded:
            raise InputError(
                f"{path}: {name!r} is declared as {found[name]} ({found[name].good} is good), but "
                f"its answers are words of {words.name}, {worded} ({worded.good} is good); correct "  # type: ignore[union-attr]
                'the scale, or say what words stand for: --labels "WORD=NUMBER,WORD=NUMBER"'
            )
    return found, simulated


def _require_on_scale(
    values: np.ndarray, long: LongCells, scales: Mapping[str, Scale], path: Path
) -> None:
    lowest, highest = (
        long.table["dimension"].map({name: getattr(s, end) for name, s in scales.items()})
        for end in ("minimum", "maximum")
    )
    outside = np.flatnonzero((values < lowest) | (values > highest))
    if len(outside):
        k = int(outside[0])
        raise InputError(
            f"{_place(long, k, path)} is {values[k]:g}, expected {lowest[k]:g} to {highest[k]:g}; "
            "correct the rating or the declared scale, or empty the cell if there is no rating"
        )


def _provenance(
    path: Path,
    content: bytes,
    reading: Reading,
    long: LongCells,
    said: list[str],
    *,
    simulated: bool,
) -> dict[str, Any]:
    asked = {
        "columns": reading.columns,
        "labels": reading.words.values if reading.words else None,
        "sheet": reading.sheet,
        "encoding": reading.encoding,
    }
    return provenance(
        parameters={"layout": long.layout, "found_out": said, **asked},
        inputs={path.name: sha256_bytes(content)},
        simulated=simulated,
    )


def words_told(text: str) -> AnswerWords:
    """Read ``Excellent=5,Good=4``: words, each with the number that it stands for.

    Words may hold commas.

    Raises
    ------
    InputError
        If the text is malformed, or a word stands for two numbers.

    Examples
    --------
    >>> words_told("Perceptible, but not annoying=4, Annoying=2").values
    {'Perceptible, but not annoying': 4.0, 'Annoying': 2.0}
    """
    found: dict[str, float] = {}
    rest = text.strip()
    while rest:
        piece = re.match(r"(.+?)\s*=\s*([+-]?\d+(?:\.\d+)?)\s*(?:[,;]\s*|$)", rest)
        if piece is None:
            raise InputError(f"--labels expects WORD=NUMBER,WORD=NUMBER, got {rest!r}")
        if found.setdefault(piece[1], float(piece[2])) != float(piece[2]):
            raise InputError(f"--labels gives {piece[1]!r} two numbers; give it one")
        rest = rest[piece.end() :]
    return AnswerWords("--labels", found)
