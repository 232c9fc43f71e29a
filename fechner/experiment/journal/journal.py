"""The journal: one line a trial, on the disk before the next trial begins.

A session writes nothing else; plans come before it and exports after it. The file
is JSON lines: the first line says what the session is, every further line is an
event, and each line reaches the disk (fsync) before `append` returns. So a kill, a
power cut or a full disk costs at most the running trial. `journal_events` says what a
line may hold, `journal_record` reads the lines back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import RefusedError
from fechner.experiment.journal.durable import (
    JournalError,
    append_whole_line,
    cut_torn_line,
    make_folder,
    open_again,
    open_new,
    sync_folder,
)
from fechner.experiment.journal.lock import Lock
from fechner.records.journal import (
    JournalRecord,
    read_journal,
    read_journals,
    with_event,
)
from fechner.records.journal_lines import (
    SCHEMA,
    checked_event,
    checked_header,
    encode,
)

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol

__all__ = [
    "Journal",
    "JournalRecord",
    "journal_header",
    "journal_name",
    "read_journal",
    "read_journals",
]

SIMULATED = "SIMULATED_"
CLOCK_TOLERANCE_S = 1.0


def journal_name(participant: str, session: int, *, simulated: bool = False) -> str:
    """Return the file name of a session's journal, e.g. ``sub-A7_ses-1.jsonl``."""
    return f"{SIMULATED if simulated else ''}sub-{participant}_ses-{session}.jsonl"


def journal_header(
    protocol: Protocol,
    *,
    participant: str,
    session: int,
    stimuli_sha256: str,
    plan_sha256: str,
    model: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return the header of a session: what exports need to stand without the protocol file.

    `model` is the simulated participant's record; None for people. `more` holds further
    keys such as ``software`` and ``screen``.
    """
    return {
        "participant": participant,
        "session": session,
        "protocol": protocol.name,
        "method": protocol.method,
        "language": protocol.language,
        "dimension": protocol.dimension,
        "scale": protocol.scale.model_dump(mode="json"),
        "labels": list(protocol.texts.labels),
        "question": protocol.texts.question,
        "protocol_sha256": protocol.sha256,
        "stimuli_sha256": stimuli_sha256,
        "plan_sha256": plan_sha256,
        "simulated": model is not None,
        "model": dict(model) if model is not None else None,
        **more,
    }


@dataclass
class Journal:
    """A journal open for writing; use it as a context manager or call `close`."""

    path: Path
    record: JournalRecord
    _descriptor: int
    _lock: Lock
    _wall: Callable[[], float] = field(default=time.time, repr=False)
    _steady: Callable[[], float] = field(default=time.monotonic, repr=False)
    _offset: float = 0.0

    @classmethod
    def create(
        cls,
        path: Path,
        header: Mapping[str, Any],
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> Journal:
        """Begin a new journal with `header` as its first line.

        Parameters
        ----------
        path
            The file to be made, named as `journal_name` says.
        header
            The keys in `HEADER_KEYS`, and any others; ``event``, ``schema`` and
            ``written`` are added.
        wall, steady
            Clocks in seconds: the time of day and a monotonic one.

        Raises
        ------
        InputError
            If a key is missing or the folder cannot be written.
        RefusedError
            If the file exists, or another session is writing it.
        """
        path = Path(path)
        first = checked_header({"event": "session", "schema": SCHEMA, **header})
        make_folder(path.parent)
        lock = Lock.take(path)
        try:
            descriptor = open_new(path)
            record = JournalRecord(path, {}, [], [], complete=False, torn=False)
            journal = cls(path, record, descriptor, lock, wall, steady, wall() - steady())
            journal._write(first)
            sync_folder(path.parent)
        except BaseException:
            lock.release()
            raise
        return journal

    @classmethod
    def resume(
        cls,
        path: Path,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> Journal:
        """Open a journal that was interrupted, and note that in it.

        A torn last line is kept in ``NAME.torn`` beside the journal and cut off.

        Raises
        ------
        InputError
            If the journal is missing or damaged before its last line.
        RefusedError
            If the session is complete, or another session is writing it.
        """
        path = Path(path)
        lock = Lock.take(path)
        try:
            record = read_journal(path)
            if record.complete:
                raise RefusedError(
                    f"{path.name} is complete; a further session of the same participant needs "
                    "the next session number"
                )
            if record.torn:
                cut_torn_line(path)
            descriptor = open_again(path)
            journal = cls(path, record, descriptor, lock, wall, steady, wall() - steady())
            journal._note_time_before_last_line()
            journal.append({"event": "resume", "after_trial": record.last_trial})
        except BaseException:
            lock.release()
            raise
        return journal

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one event and wait until it is on the disk.

        A clock that was set since the last event is noted first, as an event of its own.

        Raises
        ------
        InputError
            If the event is unknown or lacks a field.
        JournalError
            If it cannot be written (full disk, disk gone); the file then ends with the
            event before it.
        """
        line = checked_event(dict(event), after=self.record.last_trial)
        self._note_clock()
        self._write(line)

    def close(self) -> None:
        """Close the file and give the lock back; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._lock.release()

    def __enter__(self) -> Journal:
        """Return the journal."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the journal."""
        self.close()

    def _note_clock(self) -> None:
        """Compare the time of day with the monotonic clock, and note a jump of either sign."""
        offset = self._wall() - self._steady()
        jump = offset - self._offset
        if abs(jump) > CLOCK_TOLERANCE_S:
            self._offset = offset
            self._write({"event": "clock", "jump_s": round(jump, 3)})

    def _note_time_before_last_line(self) -> None:
        """Note a clock that now shows an earlier time than the journal's last line."""
        last = datetime.fromisoformat(self.record.events[-1]["written"]).timestamp()
        if self._wall() < last - CLOCK_TOLERANCE_S:
            self._write({"event": "clock", "jump_s": round(self._wall() - last, 3)})

    def _write(self, line: dict[str, Any]) -> None:
        if self._descriptor < 0:
            raise JournalError(f"{self.path.name} is closed; resume it to write on")
        stamped = {**line, "written": _time_of_day(self._wall())}
        try:
            append_whole_line(self._descriptor, encode(stamped), self.path)
        except JournalError:
            self.close()
            raise
        self.record = with_event(self.record, stamped)


def _time_of_day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="milliseconds")
