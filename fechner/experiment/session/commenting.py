"""The free comment after the last trial, where the protocol asks for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fechner.experiment.display import Display, WritingTask
from fechner.experiment.session.before_trials import PAUSE_MS
from fechner.records.journal.participant import CommentLine

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.journal import JournalRecord


def writing_tasks(protocol: Protocol) -> list[WritingTask]:
    """Return what a protocol lets participants write: a comment, or nothing."""
    asked, texts = protocol.comment, protocol.texts.comment
    if asked is None or texts is None:
        return []
    words = texts.model_dump(include={"hint", "done", "left"})
    return [WritingTask("comment", texts.question, **words, most=asked.most_characters)]


def ask_comment(
    protocol: Protocol,
    display: Display,
    record: JournalRecord,
    append: Callable[[Mapping[str, Any]], None],
) -> None:
    """Ask for the comment and journal it, unless an earlier run of the session did.

    Parameters
    ----------
    protocol
        Which may ask for one.
    display
        Where it is typed.
    record
        What the journal holds already.
    append
        Writes into the journal.
    """
    if any(isinstance(event, CommentLine) for event in record.events):
        return
    for task in writing_tasks(protocol):
        wait = 0.0 if record.simulated else PAUSE_MS
        written = display.write(replace(task, not_before_ms=wait))
        found = {"text": written.text, "rt_ms": written.rt_ms, "device": written.device}
        append({"event": "comment", **found})
