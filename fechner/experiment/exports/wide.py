"""Journals as the wide tables that PsychoPy users know: a row a trial, a file a session.

Column names follow PsychoPy's own data files (``trials.thisN``, ``rating.response``,
``rating.rt`` in seconds, ``participant``, ``session``, ``expName``), without their
byte-order mark and empty last column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fechner.experiment.exports.export_folder import Files, csv_bytes
from fechner.experiment.exports.trial_tables import used_columns, with_trials
from fechner.records.journal import JournalRecord

NAMES = {
    "rating": "rating.response",
    "response_time": "rating.rt",
    "stimulus_onset": "image.started",
}


def wide_files(journals: Sequence[JournalRecord]) -> Files:
    """Return one CSV a session, named like its journal.

    Raises
    ------
    InputError
        If the journals do not belong together, or none holds a trial.
    """
    journals = with_trials(journals)
    return {f"{journal.path.stem}.csv": _table(journal, journals) for journal in journals}


def _table(journal: JournalRecord, journals: Sequence[JournalRecord]) -> bytes:
    columns = used_columns(journals)
    about = _about(journal)
    header = ["trials.thisN", *(NAMES.get(c.name, c.name) for c in columns), *about]
    rows = [
        [number, *(column.value(trial) for column in columns), *about.values()]
        for number, trial in enumerate(journal.trials)
    ]
    return csv_bytes(header, rows)


def _about(journal: JournalRecord) -> dict[str, Any]:
    frame_ms = journal.header.screen.frame_ms
    return {
        "participant": journal.participant,
        "session": journal.session,
        "date": journal.header.written,
        "expName": journal.header.protocol,
        "psychopyVersion": journal.header.software.get("psychopy"),
        "frameRate": 1000 / frame_ms if frame_ms else None,
        "simulated": journal.simulated,
    }
