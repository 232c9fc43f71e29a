"""A session that was interrupted: whether it may go on, and what it has shown already."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import RefusedError
from fechner.experiment.plan.plan import Plan, Trial
from fechner.experiment.session.trial_frames import frames_of
from fechner.records.journal import JournalRecord, read_journal
from fechner.records.journal.lines import READMIT_SCHEMA, TrialLine

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import StimulusSet


def interrupted(path: Path, plan: Plan, *, readmit: bool = False) -> JournalRecord | None:
    """Return the record of a session that was interrupted and can go on; None for a new one.

    With `readmit` a session can go on whose participant was not admitted.

    Raises
    ------
    InputError
        If its journal is damaged.
    RefusedError
        If it is complete, or was begun with another protocol, stimulus set or plan.
    """
    if not path.exists() or b"\n" not in path.read_bytes():
        return None
    record = read_journal(path)
    if record.turned_away and not readmit:
        raise RefusedError(
            f"participant {plan.participant} was not admitted to session {plan.session} "
            f"({path.name}); to ask the questions again under this code give --readmit"
        )
    if record.turned_away and record.header.schema_ < READMIT_SCHEMA:
        raise RefusedError(
            f"{path.name} is of schema {record.header.schema_}, which admits nobody anew; "
            f"run the participant with --session {plan.session + 1}"
        )
    if record.complete:
        raise RefusedError(
            f"participant {plan.participant} has finished session {plan.session} "
            f"({path.name}); for a further one give --session {plan.session + 1}"
        )
    begun = record.header
    for then, now, word in (
        (begun.protocol_sha256, plan.protocol_sha256, "protocol"),
        (begun.stimuli_sha256, plan.stimuli_sha256, "stimulus set"),
        (begun.plan_sha256, plan.sha256, "plan"),
    ):
        if then != now:
            raise RefusedError(
                f"{path.name} was begun with another {word}, so it cannot go on; restore the "
                f"{word}, or run the participant anew with --session {plan.session + 1}"
            )
    return record


def seen_so_far(
    kept: JournalRecord | None, protocol: Protocol, stimuli: StimulusSet
) -> Counter[str]:
    """Return how often an interrupted session has shown each stimulus."""
    named = {Path(stimuli.image_path(s)): s.stimulus for s in stimuli.pictures}
    seen: Counter[str] = Counter()
    for line in kept.answers if kept is not None else ():
        for frame in frames_of(protocol, _as_planned(line), stimuli).rated:
            seen.update(named[path] for path in frame.images)
    return seen


def _as_planned(line: TrialLine) -> Trial:
    """Return the trial that a journalled line came from, its stimulus filled in."""
    found = {field.name: getattr(line, field.name, None) for field in fields(Trial)}
    kept = {name: value for name, value in found.items() if value is not None}
    return Trial(**{**kept, "number": line.trial})
