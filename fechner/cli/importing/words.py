"""How the command line says what a table of ratings holds: its columns, words and scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.data.importing.reader import Imported, Reading
    from fechner.records.ratings import Ratings
    from fechner.records.scales import AnswerWords, Scale

ColumnsText = Annotated[
    str | None,
    typer.Option(
        "--columns",
        help="What columns hold, e.g. participant=subject,image=stim,rating=score; of a wide "
        "table image=stim,participants=P*.",
    ),
]
LabelsText = Annotated[
    str | None,
    typer.Option(
        "--labels",
        help="What words stand for: Excellent=5,Good=4,... or a protocol and language: acr:it.",
    ),
]

FEW = 5
"""Fewer participants than these are warned of: ITU-T P.910 wants 15 or more."""


def scale_of(text: str, said: str = "") -> Scale:
    """Read ``MINIMUM:MAXIMUM`` or ``MINIMUM:MAXIMUM:low``.

    Raises
    ------
    InputError
        If it is neither; `said` is the whole word of which it was a part.
    """
    from pydantic import ValidationError

    from fechner.records.scales import Scale

    parts = text.split(":")
    try:
        return Scale(float(parts[0]), *parts[1:])  # type: ignore[arg-type]
    except (ValueError, TypeError, ValidationError) as error:
        before = "NAME=" if said else ""
        raise InputError(
            f"--scale expects {before}MINIMUM:MAXIMUM or {before}MINIMUM:MAXIMUM:low, got "
            f"{said or text!r}"
        ) from error


def scales_of(words: Sequence[str] | None) -> dict[str, Scale] | None:
    """Read ``NAME=MINIMUM:MAXIMUM[:low]`` once a dimension; None where there are none."""
    if not words:
        return None
    pairs = [(word, *word.partition("=")[::2]) for word in words]
    return {name: scale_of(ends, said=word) for word, name, ends in pairs}


def scales_or_one(words: Sequence[str] | None) -> dict[str, Scale] | Scale | None:
    """Read one scale for all dimensions, ``1:5``, or one for each, ``quality=1:5``."""
    if words and len(words) == 1 and "=" not in words[0]:
        return scale_of(words[0])
    return scales_of(words)


def reading_of(
    columns: str | None,
    labels: str | None,
    *,
    dimension: str | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> Reading:
    """Return how a table is to be read.

    Parameters
    ----------
    columns, labels
        What ``--columns`` and ``--labels`` say.
    dimension
        What was rated, where no column says it.
    sheet, encoding
        Of a spreadsheet; of a text file.

    Returns
    -------
    Reading
        Words in the cells are looked for in the shipped protocols where none are given.

    Raises
    ------
    InputError
        If `labels` is malformed.
    """
    from fechner.data.importing.reader import Reading
    from fechner.protocols.answer_words import shipped_answer_words

    words = None if labels is None else _words_of(labels)
    return Reading(columns, words, shipped_answer_words, dimension, sheet, encoding)


def _words_of(text: str) -> AnswerWords:
    """Read ``WORD=NUMBER,...`` or the words of a protocol, ``acr:it`` (English without ``:``)."""
    from fechner.data.importing.reader import words_told
    from fechner.protocols.answer_words import answer_words

    if "=" in text:
        return words_told(text)
    name, _, language = text.rpartition(":") if ":" in text else (text, "", "en")
    return answer_words(name, language)


def read_any(path: Path, scale: dict[str, Scale] | Scale | None, reading: Reading) -> Imported:
    """Return the ratings of a table; what was found out and is missing goes to the error stream."""
    from fechner.cli.console import complaints
    from fechner.data.importing.reader import import_ratings

    found = import_ratings(path, scales=scale, reading=reading)
    if found.said:
        complaints.print(f"read {path}: {'; '.join(found.said)}", markup=False, soft_wrap=True)
    for note in notes_on(found.ratings):
        complaints.print(f"note: {note}", markup=False, soft_wrap=True)
    return found


def notes_on(ratings: Ratings) -> list[str]:
    """Return what must be known of any ratings before they are analysed."""
    notes = ["these ratings are SIMULATED: no people made them"] if ratings.simulated else []
    if ratings.missing:
        total = len(ratings) + ratings.missing
        notes.append(f"{ratings.missing} of {total} ratings are missing")
    people = len(ratings.participants)
    if 0 < people < FEW:
        who = "1 participant" if people == 1 else f"{people} participants"
        notes.append(f"only {who}: intervals are wide and say little of other people")
    return notes
