"""Attention of participants: their checks and repeated trials, one row a participant.

Written beside the ratings that journals become, because the table of ratings holds only trials
that count; screening reads it. Nothing in it depends on how conditions were rated.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fechner.errors import InputError
from fechner.provenance import write_text
from fechner.records.cells import csv_text, read_cells, require_columns, require_distinct


class Attention(BaseModel):
    """One participant's checks.

    Attributes
    ----------
    participant
        The code.
    catch_shown, catch_passed
        Attention checks shown and passed.
    attentive
        Whether they were enough by the rule of the protocol; True where none were shown.
    repeats
        Trials that showed a stimulus a second time.
    anticipated
        Answers that came faster than the protocol's limit of anticipation.
    corrected
        Answers that were corrected later.
    repeat_difference
        Root mean square difference of the two ratings, in points; None without repeats.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    participant: str
    catch_shown: int = Field(default=0, ge=0)
    catch_passed: int = Field(default=0, ge=0)
    attentive: bool = True
    repeats: int = Field(default=0, ge=0)
    repeat_difference: float | None = Field(default=None, ge=0)
    anticipated: int = Field(default=0, ge=0)
    corrected: int = Field(default=0, ge=0)


COLUMNS = tuple(Attention.model_fields)

NOT_NEEDED = ("anticipated", "corrected")
"""Columns that tables of earlier journals lack."""


def write_attention(rows: Mapping[str, Attention], csv: Path) -> None:
    """Write one row a participant, in alphabetical order."""
    table = pd.DataFrame(
        [rows[name].model_dump() for name in sorted(rows)], columns=list(COLUMNS), dtype=object
    )
    write_text(csv, csv_text(table, csv))


def read_attention(csv: Path) -> dict[str, Attention]:
    """Read what `write_attention` wrote, or a table with the same columns.

    Raises
    ------
    InputError
        If the table is missing or lacks a column, if a cell is none of its kind (names the row),
        or if a participant has two rows.
    """
    cells = read_cells(csv)
    present = [name for name in COLUMNS if name in cells or name not in NOT_NEEDED]
    require_columns(cells, present, csv)
    require_distinct(cells, ["participant"], csv)
    found = {}
    for number, row in enumerate(cells[present].to_dict("records"), start=2):
        try:
            one = Attention.model_validate({key: value or None for key, value in row.items()})
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"{csv} row {number}: {first['loc'][0]!r} got {row[str(first['loc'][0])]!r}: "
                f"{first['msg'].lower()}; correct it"
            ) from error
        found[one.participant] = one
    return found
