"""How a session's journal begins, or goes on where an interrupted one stopped."""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import fields as dataclass_fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner import __version__
from fechner.errors import RefusedError
from fechner.experiment.calibration import Calibration, last_calibration
from fechner.experiment.journal.journal import Journal, journal_header
from fechner.experiment.plan.plan import Plan, Trial
from fechner.experiment.session import presentation
from fechner.records.journal import JournalRecord, read_journal, read_journals

if TYPE_CHECKING:
    from fechner.experiment.simulated.observers import SimulatedObserver
    from fechner.experiment.window.participant_display import ParticipantDisplay
    from fechner.protocols.parts import Timing
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import StimulusSet


def interrupted(path: Path, plan: Plan) -> JournalRecord | None:
    """Return the record of a session that was interrupted and can go on; None for a new one.

    Raises
    ------
    RefusedError
        If it is complete, or was begun with another protocol, stimulus set or plan.
    """
    if not path.exists() or b"\n" not in path.read_bytes():
        return None
    record = read_journal(path)
    if record.complete:
        raise RefusedError(
            f"participant {plan.participant} has finished session {plan.session} "
            f"({path.name}); for a further one give --session {plan.session + 1}"
        )
    for key, word in (
        ("protocol_sha256", "protocol"),
        ("stimuli_sha256", "stimulus set"),
        ("plan_sha256", "plan"),
    ):
        now = plan.sha256 if key == "plan_sha256" else getattr(plan, key)
        if record.header[key] != now:
            raise RefusedError(
                f"{path.name} was begun with another {word}, so it cannot go on; restore the "
                f"{word}, or run the participant anew with --session {plan.session + 1}"
            )
    return record


def open_journal(
    path: Path,
    kept: JournalRecord | None,
    protocol: Protocol,
    plan: Plan,
    observer: SimulatedObserver | None,
    timing: Timing | None,
    screen: dict[str, Any],
    *,
    prediction: str,
) -> Journal:
    """Return the journal, resumed where `kept` is an interrupted one, else newly begun."""
    if kept is not None:
        return Journal.resume(path)
    header = journal_header(
        protocol,
        participant=plan.participant,
        session=plan.session,
        stimuli_sha256=plan.stimuli_sha256,
        plan_sha256=plan.sha256,
        model=observer.record() if observer is not None else None,
        prediction_sha256=prediction,
        row=plan.row,
        timing_override=timing.model_dump(mode="json") if timing is not None else None,
        software=software(),
        screen=screen,
    )
    return Journal.create(path, header)


def check_prediction(folder: Path, prediction: str, *, simulated: bool) -> None:
    """Refuse a session whose predictions are not those that earlier sessions were run with.

    Predictions are frozen before the first participant; changed ones are another study.

    Raises
    ------
    RefusedError
        If a journal in `folder` of the same kind of participant has other predictions.
    """
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            try:
                header = json.loads(file.readline())
            except ValueError:
                continue
        earlier = header.get("prediction_sha256", prediction)
        if bool(header.get("simulated")) == simulated and earlier != prediction:
            raise RefusedError(
                f"{path.name} was run with other predictions than this stimulus set has now; "
                "restore the set, or give a new study its own --sessions folder"
            )


def check_case(path: Path, participant: str) -> None:
    """Refuse a code that differs from a used one in upper and lower case only.

    It is a slip of the hand, and on Windows and macOS the two journals are one file.

    Raises
    ------
    RefusedError
        With the code that is in use.
    """
    for other in sorted(path.parent.glob("*.jsonl")):
        used = other.name.rpartition("_ses-")[0].rpartition("sub-")[2]
        if used != participant and used.lower() == participant.lower():
            raise RefusedError(
                f"the participant code {participant} is {used} in other letters, which "
                f"{other.name} uses already; take {used} to go on with it, or another code"
            )


def software() -> dict[str, str]:
    """Return the versions that a session ran on; no names of hosts or users."""
    found = {
        "fechner": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    for package in ("psychopy", "pyglet", "pillow", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def seen_so_far(
    kept: JournalRecord | None, protocol: Protocol, stimuli: StimulusSet
) -> Counter[str]:
    """Return how often an interrupted session has shown each stimulus."""
    named = {Path(stimuli.image_path(s)): s.stimulus for s in stimuli.stimuli}
    fields = {field.name for field in dataclass_fields(Trial)}
    seen: Counter[str] = Counter()
    for line in kept.trials if kept is not None else []:
        trial = Trial(
            **{
                "number": line["trial"],
                **{key: value for key, value in line.items() if key in fields},
            }
        )
        for frame in presentation.frames(protocol, trial, stimuli).all:
            seen.update(named[path] for path in frame.images)
    return seen


def known_calibration(folder: Path, display: ParticipantDisplay) -> Calibration | None:
    """Return what an earlier session in `folder` measured on this very screen, if any did."""
    journals = read_journals(folder) if any(folder.glob("*.jsonl")) else []
    return last_calibration(journals, size=display.look.size, monitor=display.window.monitor)
