"""The journal as it is written: one line a trial, on the disk before the next trial begins.

A session writes nothing else; plans come before it and exports after it. The file
is JSON lines: the first line says what the session is, every further line is an
event, and each line reaches the disk (fsync) before `append` returns. So a kill, a
power cut or a full disk costs at most the running trial. What is written passes
through the reader of `records.journal` first: no line reaches the disk that it would
refuse.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError, RefusedError
from fechner.experiment.journal.durable import (
    JournalError,
    append_whole_line,
    cut_torn_line,
    make_folder,
    open_again,
    open_new,
    sync_folder,
)
from fechner.experiment.journal.lock import SessionLock
from fechner.records.journal import JournalRecord, check_name, read_journal
from fechner.records.journal.chain import chained, link
from fechner.records.journal.lines import SCHEMA, as_header, parse_line

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol

CLOCK_TOLERANCE_S = 1.0


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

    Parameters
    ----------
    protocol
        What the session follows.
    participant, session
        The code, and the session number from 1.
    stimuli_sha256, plan_sha256
        Digests of the stimulus set and of the trial plan.
    model
        The simulated participant's record; None for people.
    more
        Further keys of the header, such as ``software`` and ``screen``.

    Returns
    -------
    dict
        The first line without its event, schema and time of day.
    """
    confidence = getattr(protocol, "confidence", None)
    return {
        "participant": participant,
        "session": session,
        "protocol": protocol.name,
        "method": protocol.method,
        "language": protocol.language,
        "dimension": protocol.dimension,
        "scale": protocol.scale.model_dump(mode="json"),
        **({"confidence_scale": confidence.model_dump(mode="json")} if confidence else {}),
        **_marking(protocol),
        "labels": list(protocol.texts.labels),
        "question": protocol.texts.question,
        "protocol_sha256": protocol.sha256,
        "stimuli_sha256": stimuli_sha256,
        "plan_sha256": plan_sha256,
        "simulated": model is not None,
        "model": dict(model) if model is not None else None,
        **more,
    }


def _marking(protocol: Protocol) -> dict[str, Any]:
    """Return what the header says of the marks that a protocol asks for."""
    if protocol.marks is None or protocol.texts.marks is None:
        return {}
    asked = protocol.marks.model_dump(mode="json", exclude={"undo", "nowhere"})
    return {"marks": {**asked, "question": protocol.texts.marks.question}}


@dataclass
class Journal:
    """A journal open for writing; use it as a context manager or call `close`."""

    path: Path
    record: JournalRecord
    _descriptor: int
    _lock: SessionLock
    _wall: Callable[[], float] = field(default=time.time, repr=False)
    _steady: Callable[[], float] = field(default=time.monotonic, repr=False)
    _offset: float = 0.0
    _size: int = 0

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
            From `journal_header`; ``event``, ``schema`` and ``written`` are added.
        wall, steady
            Clocks in seconds: the time of day and a monotonic one.

        Raises
        ------
        InputError
            If a key is missing or of another type, or the folder cannot be written.
        RefusedError
            If the file exists, or another session is writing it.
        """
        path = Path(path)
        text = _text({"event": "session", "schema": SCHEMA, **header}, wall())
        first = as_header(parse_line(text))
        check_name(path, first)
        make_folder(path.parent)
        with ExitStack() as undo:
            lock = SessionLock.take(path)
            undo.callback(lock.release)
            record = JournalRecord(path, first, chain=link(text, ""))
            journal = cls(path, record, open_new(path), lock, wall, steady, wall() - steady())
            undo.callback(journal.close)
            journal._put(chained(text, record.chain))
            sync_folder(path.parent)
            undo.pop_all()
        return journal

    @classmethod
    def resume(
        cls,
        path: Path,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        readmit: bool = False,
    ) -> Journal:
        """Open a journal that was interrupted, and note that in it.

        A torn last line is kept in ``NAME.torn`` beside the journal and cut off. With `readmit`
        a session goes on that ended because its participant was not admitted.

        Raises
        ------
        InputError
            If the journal is missing or damaged before its last line.
        RefusedError
            If the session is complete, or another session is writing it.
        """
        path = Path(path)
        with ExitStack() as undo:
            lock = SessionLock.take(path)
            undo.callback(lock.release)
            record = read_journal(path)
            if record.end is not None and not (readmit and record.turned_away):
                raise RefusedError(
                    f"{path.name} is complete; a further session of the same participant needs "
                    "the next session number"
                )
            if record.torn:
                cut_torn_line(path)
                record = replace(record, torn=False)
            journal = cls(path, record, open_again(path), lock, wall, steady, wall() - steady())
            undo.callback(journal.close)
            journal._size = os.fstat(journal._descriptor).st_size
            if record.turned_away:
                journal._write({"event": "readmit"})
            journal._note_time_before_last_line()
            journal.append({"event": "resume", "after_trial": record.last_trial})
            undo.pop_all()
        return journal

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one event and wait until it is on the disk.

        A clock that was set since the last event is noted first, as an event of its own.

        Raises
        ------
        InputError
            If the event is unknown, lacks a field, or holds what its reader would refuse.
        JournalError
            If it cannot be written (full disk, disk gone); the file then ends with the
            event before it.
        """
        self._note_clock()
        self._write(event)

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
        last = datetime.fromisoformat(self.record.last_written).timestamp()
        if self._wall() < last - CLOCK_TOLERANCE_S:
            self._write({"event": "clock", "jump_s": round(self._wall() - last, 3)})

    def _write(self, event: Mapping[str, Any]) -> None:
        """Write an event with its time of day, and in a chained journal with its chain."""
        if self._descriptor < 0:
            raise JournalError(f"{self.path.name} is closed; resume it to write on")
        text = _text(event, self._wall())
        chain = link(text, self.record.chain) if self.record.chained else ""
        record = self.record.follow(parse_line(text), chain)
        self._put(chained(text, chain) if chain else text)
        self.record = record

    def _put(self, line: bytes) -> None:
        try:
            append_whole_line(self._descriptor, line + b"\n", self.path, after=self._size)
            self._size += len(line) + 1
        except JournalError:
            self.close()
            raise


def _text(event: Mapping[str, Any], wall: float) -> bytes:
    """Return an event with its time of day as JSON text: UTF-8, one line, NaN refused."""
    stamped = {**event, "written": _time_of_day(wall)}
    try:
        text = json.dumps(stamped, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a journal event holds what JSON cannot ({error}); give plain finite values"
        ) from error
    return text.encode("utf-8")


def _time_of_day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="milliseconds")
