"""What a journal says: the record of a session, read from its file.

Everything that is known of a session after it, and where an interrupted one goes on,
comes from here; a journal cut off in its last line is read up to there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fechner.errors import InputError
from fechner.records.journal_lines import checked_event, checked_header


@dataclass(frozen=True)
class JournalRecord:
    """What a journal says: the header, the trials in order, all events, and its state.

    `complete` is True once the session reached its end; `torn` is True where the last
    line was cut off in the middle of writing (that line is not part of the record).
    """

    path: Path
    header: dict[str, Any]
    trials: list[dict[str, Any]]
    events: list[dict[str, Any]]
    complete: bool
    torn: bool

    @property
    def participant(self) -> str:
        """The participant's code."""
        return str(self.header["participant"])

    @property
    def session(self) -> int:
        """The session number, from 1."""
        return int(self.header["session"])

    @property
    def simulated(self) -> bool:
        """Whether the ratings come from a simulated participant."""
        return bool(self.header["simulated"])

    @property
    def last_trial(self) -> int:
        """The number of the last journalled trial; 0 before the first."""
        return int(self.trials[-1]["trial"]) if self.trials else 0


def read_journal(path: Path) -> JournalRecord:
    """Read a journal, complete or not; a torn last line is left out.

    Raises
    ------
    InputError
        If the file is missing, empty, of an unknown schema, or damaged anywhere but in
        its last line (says which line).
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
    whole, _, rest = content.rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    if not lines:
        raise InputError(
            f"{path.name} holds no whole line, so no trial was rated; delete it and start again"
        )
    record = JournalRecord(path, {}, [], [], complete=False, torn=bool(rest))
    for number, line in enumerate(lines, start=1):
        record = with_event(record, _decoded(line, number, record))
    return record


def read_journals(folder: Path) -> list[JournalRecord]:
    """Read every journal of a folder, in the order of their names.

    Raises
    ------
    InputError
        If the folder holds no journal, or one of them cannot be read.
    """
    paths = sorted(Path(folder).glob("*.jsonl"))
    if not paths:
        raise InputError(f"no journals (*.jsonl) in {folder}; run sessions first")
    return [read_journal(path) for path in paths]


def with_event(record: JournalRecord, event: dict[str, Any]) -> JournalRecord:
    """Return the record with one more event; lists are shared, since writing only adds."""
    record.events.append(event)
    if event["event"] == "trial":
        record.trials.append(event)
    return JournalRecord(
        record.path,
        record.header or event,
        record.trials,
        record.events,
        complete=record.complete or event["event"] == "end",
        torn=record.torn,
    )


def _decoded(line: bytes, number: int, record: JournalRecord) -> dict[str, Any]:
    try:
        event = json.loads(line)
        if not isinstance(event, dict):
            raise ValueError("expected an object")
        if number == 1:
            return checked_header(event)
        return checked_event(event, after=record.last_trial)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(
            f"{record.path.name} is damaged in line {number}: {error}; restore it from a copy"
        ) from error
