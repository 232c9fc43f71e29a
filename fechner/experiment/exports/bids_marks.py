"""The marks of a session as a BIDS table of their own: one row a point, taken-back marks too.

BIDS has no place for drawings on a stimulus; a second behavioural table of the same task, told
apart by ``acq-marks``, is valid and names its trials. A trial without a row was answered "nowhere",
or showed no image: the column ``marks`` of the trials says which.
"""

from __future__ import annotations

from typing import Any

from fechner.experiment.exports.export_folder import json_bytes, tsv_bytes
from fechner.experiment.exports.trial_tables import Column
from fechner.records.journal import JournalRecord

COLUMNS = (
    Column("trial", "trial", "Number of the trial in the session, from 1."),
    Column("stimulus", "stimulus", "Name of the marked image in the stimulus set."),
    Column("mark", "mark", "Number of the mark in its trial, from 1."),
    Column("point", "point", "Number of the point in its mark, from 1."),
    Column("x", "x", "Column of the image's pixel, from 0 at the left.", "px"),
    Column("y", "y", "Row of the image's pixel, from 0 at the top.", "px"),
    Column("radius", "radius", "Of the brush, or of the circle that a click stands for.", "px"),
    Column("time", "ms", "From the moment marking was possible.", "s", 1e-3),
    Column("undone", "undone", "When the mark was taken back; n/a where it stands.", "s", 1e-3),
    Column("width", "width", "Width of the marked image.", "px"),
    Column("height", "height", "Height of the marked image.", "px"),
)


def marks_files(journal: JournalRecord, stem: str, about: dict[str, Any]) -> dict[str, bytes]:
    """Return the table of a session's marks and its description; nothing where none were asked.

    Parameters
    ----------
    journal
        Of the session.
    stem
        Path of its trial table, without ending.
    about
        What the description of the trial table says of the session.

    Returns
    -------
    dict
        Content by path.
    """
    asked = journal.header.marks
    if asked is None:
        return {}
    name = stem.removesuffix("_beh") + "_acq-marks_beh"
    described: dict[str, Any] = {**about, "Instructions": asked.question}
    for column in COLUMNS:
        described[column.name] = {"Description": column.description}
        if column.unit:
            described[column.name]["Units"] = column.unit
    rows = [[_cell(row, column) for column in COLUMNS] for row in _points(journal)]
    header = [column.name for column in COLUMNS]
    return {f"{name}.tsv": tsv_bytes(header, rows), f"{name}.json": json_bytes(described)}


def _points(journal: JournalRecord) -> list[dict[str, Any]]:
    return [
        {
            "trial": trial.trial,
            "stimulus": trial.stimulus,
            "mark": number,
            "point": place,
            "x": x,
            "y": y,
            "radius": stroke.radius,
            "ms": ms,
            "undone": stroke.undone_ms,
            "width": trial.marks.size[0],
            "height": trial.marks.size[1],
        }
        for trial in journal.trials
        if trial.marks is not None
        for number, stroke in enumerate(trial.marks.strokes, start=1)
        for place, (x, y, ms) in enumerate(stroke.points, start=1)
    ]


def _cell(row: dict[str, Any], column: Column) -> Any:
    value = row[column.key]
    return None if value is None else value * column.scale if column.scale != 1.0 else value
