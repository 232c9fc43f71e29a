"""Whether a journal is whole and says what was really shown.

Without the stimulus set: the trials' numbers, torn lines, clocks, read-backs, catch
trials. With it: the set's digest, the plan made again, and the digest of the pixels
of every file against what the journal says was shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fechner.experiment.display import load_pixels, pixels_sha256
from fechner.experiment.plan.plan import make_plan

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.journal import JournalRecord
    from fechner.records.stimuli import StimulusSet

LATE_FRAMES = 1.0
"""Onsets later than so many frames are counted as late."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a journal, and what is worth knowing about it."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify_session(
    record: JournalRecord,
    *,
    protocol: Protocol | None = None,
    stimuli: StimulusSet | None = None,
) -> Verdict:
    """Return what is wrong with a journal, checked against what is given."""
    problems = _alone(record)
    if stimuli is not None:
        problems += _against_stimuli(record, stimuli)
    if protocol is not None and stimuli is not None:
        problems += _against_plan(record, protocol, stimuli)
    return Verdict(tuple(problems), tuple(_notes(record)))


def _alone(record: JournalRecord) -> list[str]:
    numbers = [int(trial["trial"]) for trial in record.trials]
    problems = []
    if numbers != list(range(1, len(numbers) + 1)):
        problems.append("trial numbers have gaps")
    changed = [t["trial"] for t in record.trials if t.get("pixel_difference")]
    if changed:
        problems.append(f"pixels were shown changed in trials {_few(changed)}")
    if record.torn:
        problems.append("the last line is torn (resuming the session repairs it)")
    return problems


def _against_stimuli(record: JournalRecord, stimuli: StimulusSet) -> list[str]:
    if record.header["stimuli_sha256"] != stimuli.sha256:
        return ["the stimulus set is not the one that was shown"]
    digests: dict[str, str] = {}
    wrong = []
    for trial in record.trials:
        name = trial["stimulus"]
        if not name or "shown_sha256" not in trial:
            continue
        if name not in digests:
            digests[name] = pixels_sha256(load_pixels(stimuli.image_path(stimuli.named(name))))
        if digests[name] != trial["shown_sha256"]:
            wrong.append(trial["trial"])
    return [f"other pixels than the files' were shown in trials {_few(wrong)}"] if wrong else []


def _against_plan(record: JournalRecord, protocol: Protocol, stimuli: StimulusSet) -> list[str]:
    if record.header["protocol_sha256"] != protocol.sha256:
        return ["the protocol is not the one that was followed"]
    plan = make_plan(protocol, stimuli, record.participant, session=record.session)
    if plan.sha256 != record.header["plan_sha256"]:
        return ["the plan made again is another one"]
    planned = {trial.number: trial for trial in plan.trials}
    wrong = [
        line["trial"]
        for line in record.trials
        if (trial := planned.get(line["trial"])) is None
        or trial.kind != line["kind"]
        or trial.scene != line["scene"]
        or (trial.stimulus and trial.stimulus != line["stimulus"])
    ]
    return [f"trials {_few(wrong)} are not those of the plan"] if wrong else []


def _notes(record: JournalRecord) -> list[str]:
    notes = [] if record.complete else ["not finished"]
    catches = [trial for trial in record.trials if trial.get("target") is not None]
    if catches:
        notes.append(f"catch {sum(bool(t['passed']) for t in catches)} of {len(catches)}")
    screen = record.header.get("screen") or {}
    # Without synchronised flips there is no refresh; lateness is judged by the usual one.
    frame_ms = float(screen["frame_ms"]) if screen.get("synchronised") else 1000 / 60
    late = sum(float(t.get("late_ms", 0)) > LATE_FRAMES * frame_ms for t in record.trials)
    dropped = sum(int(t.get("dropped_frames", 0)) for t in record.trials)
    if late or dropped:
        notes.append(f"{late} late onsets, {dropped} dropped frames")
    kinds = [event["event"] for event in record.events]
    for kind, word in (("resume", "resumed"), ("clock", "clock set")):
        if kind in kinds:
            notes.append(f"{word} {kinds.count(kind)}x")
    return notes


def _few(numbers: list[int]) -> str:
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return ", ".join(map(str, numbers[:5])) + more
