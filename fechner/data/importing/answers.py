"""The cells that hold ratings: numbers, words that stand for numbers, or nothing.

Nothing is `fechner.records.cells.is_missing`. Words are mapped where they are given or where the
words of exactly one known set hold them all; any other cell is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fechner.errors import InputError
from fechner.records.cells import is_missing
from fechner.records.scales import AnswerWords, Scale

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COMMA_NUMBER = re.compile(r"[+-]?(\d+,\d*|,\d+)")


@dataclass(frozen=True)
class Answers:
    """Ratings as numbers.

    Attributes
    ----------
    values
        float64, one a cell, in points of the scale; NaN where missing.
    words
        Whose words were mapped; None where there were none.
    said
        What was found out about the cells, for people.
    """

    values: np.ndarray
    words: AnswerWords | None
    said: tuple[str, ...]


def read_answers(
    cells: Sequence[str],
    *,
    place: Callable[[int], str],
    words: AnswerWords | None = None,
    known: Callable[[], Iterable[AnswerWords]] = tuple,
) -> Answers:
    """Return cells of text as numbers.

    Parameters
    ----------
    cells
        What stands in the file.
    place
        Says where the cell of an index stands, for messages.
    words
        What words stand for; they win over everything, also over "NA" as a missing rating.
    known
        Makes the sets of words that are looked through where cells hold words and `words` is None.

    Returns
    -------
    Answers
        A decimal comma is read where no cell has a point.

    Raises
    ------
    InputError
        If a cell is neither a number nor a word that is known, or commas and points are mixed;
        says where.
    """
    spelt = sorted(set(cells))
    said: list[str] = []
    wordy = [cell for cell in spelt if not (is_missing(cell) or _is_number(cell))]
    if wordy and words is None:
        words = _known_words(wordy, known, lambda cell: place(cells.index(cell)))
        said.append(f"answers are words of {words.name}" + _on(words.scale))
    commas = [cell for cell in spelt if COMMA_NUMBER.fullmatch(cell)]
    if commas:
        _require_one_decimal_mark(commas, spelt, lambda cell: place(cells.index(cell)))
        said.append("decimal commas")
    value = {cell: _value(cell, words) for cell in spelt}
    for cell, number in value.items():
        if number is None and words is not None:
            listed = ", ".join(f"{word}={n:g}" for word, n in words.values.items())
            raise InputError(
                f"{place(cells.index(cell))} holds {cell!r}, which is none of {listed}; correct "
                "it or add it to --labels"
            )
    numbers = np.array([value[cell] for cell in cells], np.float64)
    return Answers(numbers, words, tuple(said))


def _on(scale: Scale | None) -> str:
    return "" if scale is None else f", on {scale}, {scale.good} is good"


def _is_number(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell) or COMMA_NUMBER.fullmatch(cell))


def _value(cell: str, words: AnswerWords | None) -> float | None:
    worded = words.value(cell) if words else None
    if worded is not None:
        return worded
    if is_missing(cell):
        return np.nan
    if not _is_number(cell):
        return None
    number = float(cell.replace(",", "."))
    return number if words is None or number in words.values.values() else None


def _known_words(
    wordy: list[str], known: Callable[[], Iterable[AnswerWords]], place: Callable[[str], str]
) -> AnswerWords:
    fitting = [w for w in known() if all(w.value(cell) is not None for cell in wordy)]
    if not fitting:
        raise InputError(
            f"{place(wordy[0])} expects a rating, got {wordy[0]!r}; correct it, empty it if there "
            'is no rating, or say what words stand for: --labels "WORD=NUMBER,WORD=NUMBER"'
        )
    if len(fitting) > 1:
        names = ", ".join(words.name for words in fitting)
        raise InputError(
            f"{place(wordy[0])} holds {wordy[0]!r}, a word of {names}; name one: "
            f"--labels {fitting[0].name}"
        )
    return fitting[0]


def _require_one_decimal_mark(
    commas: list[str], spelt: list[str], place: Callable[[str], str]
) -> None:
    pointed = [cell for cell in spelt if "." in cell and NUMBER.fullmatch(cell)]
    if pointed:
        raise InputError(
            f"{place(commas[0])} holds {commas[0]!r} and {place(pointed[0])} {pointed[0]!r}; "
            "write all decimals with a point, or all with a comma"
        )
