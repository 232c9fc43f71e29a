"""Whether a journal that can be read is whole and says what was really shown.

Reading alone proves that every line is what was written (its chain) and could have been
answered. Here come the trials' numbers, torn lines, clocks, read-backs and catch trials;
with the stimulus set its digest and the pixels of every file against those that the
journal says were shown; with the protocol the tests of vision taken again from the answers, each
picture drawn anew; with both, the plan made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fechner.experiment.plan.catches import passes
from fechner.experiment.plan.plan import Trial, make_plan
from fechner.experiment.shown_pixels import ShownPixels, few
from fechner.experiment.shown_vision import vision_problems
from fechner.records.journal.lines import NOT_ADMITTED

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.journal import JournalRecord
    from fechner.records.journal.lines import TrialLine
    from fechner.records.stimuli import StimulusSet

LATE_FRAMES = 1.0
"""Onsets later than so many frames are counted as late."""

PLANNED = ("block", "kind", "scene", "region", "reference", "second", "target", "repeat_of")
"""What a journalled trial has as it was planned."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a journal, and what is worth knowing about it."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify_session(
    record: JournalRecord,
    *,
    protocol: Protocol | None = None,
    pixels: ShownPixels | None = None,
) -> Verdict:
    """Return what is wrong with a journal, checked against the protocol and the pictures given.

    One `ShownPixels` serves the journals of one stimulus set; tests of vision are taken again where
    the protocol is given, and the plan is made again where both are.
    """
    problems = _alone(record)
    if pixels is not None:
        problems += _against_stimuli(record, pixels)
    if protocol is not None and record.header.protocol_sha256 != protocol.sha256:
        problems.append("the protocol is not the one that was followed")
    elif protocol is not None:
        problems += vision_problems(record, protocol)
        problems += _against_plan(record, protocol, pixels.stimuli) if pixels else []
    return Verdict(tuple(problems), tuple(_notes(record)))


def _alone(record: JournalRecord) -> list[str]:
    numbers = [trial.trial for trial in record.trials]
    problems = []
    if numbers != list(range(1, len(numbers) + 1)):
        problems.append("trial numbers have gaps")
    changed = [trial.trial for trial in record.answers if trial.pixel_difference]
    if changed:
        problems.append(f"pixels were shown changed in trials {few(changed)}")
    if record.torn:
        problems.append("the last line is torn (resuming the session repairs it)")
    return problems


def _against_stimuli(record: JournalRecord, pixels: ShownPixels) -> list[str]:
    if record.header.stimuli_sha256 != pixels.stimuli.sha256:
        return ["the stimulus set is not the one that was shown"]
    wrong = [trial.trial for trial in pixels.differing(record)]
    problems = [f"other pixels than the files' were shown in trials {few(wrong)}"] if wrong else []
    marked = [
        trial.trial
        for trial in record.answers
        if trial.marks is not None and trial.marks.size != pixels.size(trial.stimulus)
    ]
    if marked:
        problems.append(f"images of other size than the files' were marked in trials {few(marked)}")
    return problems


def _against_plan(record: JournalRecord, protocol: Protocol, stimuli: StimulusSet) -> list[str]:
    plan = make_plan(protocol, stimuli, record.participant, session=record.session)
    if plan.sha256 != record.header.plan_sha256:
        return ["the plan made again is another one"]
    planned = {trial.number: trial for trial in plan.trials}
    wrong = [t.trial for t in record.answers if not _is_planned(t, planned.get(t.trial))]
    misjudged = [
        t.trial
        for place, t in enumerate(record.trials)
        if t.target is not None and t.passed != passes(protocol, t, t.rating, record.trials[:place])
    ]
    problems = [f"trials {few(wrong)} are not those of the plan"] if wrong else []
    if record.corrections and not protocol.trials.correct_last:
        problems.append("answers were corrected, which the protocol does not allow")
    if misjudged:
        problems.append(f"catch trials {few(misjudged)} are not judged by the protocol")
    return problems


def _is_planned(line: TrialLine, trial: Trial | None) -> bool:
    if trial is None or any(getattr(line, key) != getattr(trial, key) for key in PLANNED):
        return False
    # The stimulus of a staircase's trial is chosen while the session runs.
    return not trial.stimulus or trial.stimulus == line.stimulus


def _notes(record: JournalRecord) -> list[str]:
    notes = [] if record.chained else ["not chained (schema 1), so a later change cannot be seen"]
    unfinished = NOT_ADMITTED if record.turned_away else "not finished"
    notes += [] if record.complete else [unfinished]
    catches = [trial for trial in record.trials if trial.kind == "catch"]
    if catches:
        notes.append(f"catch {sum(bool(t.passed) for t in catches)} of {len(catches)}")
    screen = record.header.screen
    # Without synchronised flips there is no refresh; lateness is judged by the usual one.
    frame_ms = (screen.synchronised and screen.frame_ms) or 1000 / 60
    late = sum((trial.late_ms or 0) > LATE_FRAMES * frame_ms for trial in record.answers)
    dropped = sum(trial.dropped_frames or 0 for trial in record.answers)
    if late or dropped:
        notes.append(f"{late} late onsets, {dropped} dropped frames")
    if record.corrections:
        notes.append(f"{record.corrections} answers corrected")
    kinds = [event.event for event in record.events]
    for kind, word in (("resume", "resumed"), ("clock", "clock set")):
        if kind in kinds:
            notes.append(f"{word} {kinds.count(kind)}x")
    return notes
