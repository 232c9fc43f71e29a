"""What is checked before a participant sits down, and the experimenter's screen for it.

Checks that make ratings worthless when they fail refuse the session; the others are
shown with their remedy, and the experimenter decides.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fechner.errors import RefusedError
from fechner.experiment.calibration import (
    Calibration,
    card_question,
    distance_question,
    from_card,
)
from fechner.experiment.display import Question, SessionQuitError, TrialInterruptedError
from fechner.experiment.journal.lock import this_machine
from fechner.experiment.shown_pixels import few
from fechner.provenance import digest
from fechner.records.journal import JournalRecord, journal_paths, read_journal_files

if TYPE_CHECKING:
    from fechner.experiment.plan.plan import Plan
    from fechner.experiment.window.participant_display import ParticipantDisplay
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import StimulusSet

FREE_MB = 50
"""Megabytes that a session wants free where its journal lies (a trial needs under 2 kB)."""

PPD_TOLERANCE = 0.1
"""Share by which pixels per degree may differ from what the protocol asks for."""

State = Literal["good", "mind", "bad"]


@dataclass(frozen=True)
class Check:
    """One thing that was checked: what was found, how good that is, and what to do."""

    name: str
    found: str
    state: State = "good"
    remedy: str = ""

    @property
    def row(self) -> tuple[str, str, str]:
        """The sign, the name, and what was found with its remedy."""
        sign = {"good": "✓", "mind": "!", "bad": "✗"}[self.state]
        return sign, self.name, f"{self.found}; {self.remedy}" if self.remedy else self.found


def prediction_sha256(stimuli: StimulusSet) -> str:
    """Return the digest of the predicted impacts, frozen before the first participant."""
    return digest({s.stimulus: float(s.predicted_impact) for s in stimuli.stimuli})


def check_length(protocol: Protocol, plans: Sequence[Plan]) -> None:
    """Refuse sessions that are expected to take longer than their protocol allows.

    Raises
    ------
    RefusedError
        With what would make it shorter.
    """
    limit = protocol.trials.session_minutes
    plan = max(plans, key=lambda one: one.minutes)
    if plan.minutes > limit:
        raise RefusedError(
            f"a session of {len(plan.trials)} trials takes about {plan.minutes:.0f} min and the "
            f"protocol's limit is {limit:g}; show fewer stimuli, set trials.design to "
            "'latin square', or raise trials.session_minutes in a copy (fechner protocol copy)"
        )


def check_inputs(
    protocol: Protocol, stimuli: StimulusSet, plan: Plan, kept: JournalRecord | None = None
) -> list[Check]:
    """Check what the session is about, and where it goes on if `kept` was interrupted."""
    limit = protocol.trials.session_minutes
    long = plan.minutes > limit
    remedy = f"the protocol's limit is {limit:g}: show fewer stimuli" if long else ""
    length = f"{len(plan.trials)} trials, breaks: {len(plan.breaks)}, about {plan.minutes:.0f} min"
    who = f"{plan.participant}, session {plan.session}"
    if kept is not None:
        who += f", goes on after trial {max((one.trial for one in kept.trials), default=0)}"
    return [
        Check("participant", who),
        Check("protocol", f"{protocol.name} {protocol.sha256[:10]}"),
        Check("stimuli", f"{len(stimuli.stimuli)} verified, {stimuli.sha256[:10]}"),
        Check("prediction", prediction_sha256(stimuli)[:10]),
        Check("length", length, "mind" if long else "good", remedy),
    ]


def check_sessions(journal: Path) -> Check:
    """Check the journals beside this session's: damaged ones stop nobody, and are named."""
    others = [path for path in journal_paths(journal.parent) if path.name != journal.name]
    found = read_journal_files(others)
    text = f"journals before this one: {len(found.journals)}"
    if not found.damaged:
        return Check("sessions", text)
    names = few([one.path.name for one in found.damaged])
    return Check("sessions", f"{text}; damaged: {names}", "mind", "see: fechner session verify")


def check_disk(folder: Path) -> Check:
    """Check the free space where the journal will lie.

    Raises
    ------
    RefusedError
        If there is not even room for a journal.
    """
    free = shutil.disk_usage(folder).free / 1e6
    if free < FREE_MB / 10:
        raise RefusedError(
            f"{folder} has {free:.1f} MB left and a session wants {FREE_MB}; make room first"
        )
    if free < FREE_MB:
        return Check("disk", f"{free:.0f} MB free", "mind", "make room")
    return Check("disk", f"{free / 1000:.1f} GB free")


def check_window(display: ParticipantDisplay) -> list[Check]:
    """Check the window: size, scaling, colour depth, refresh, and the pattern read back.

    Raises
    ------
    RefusedError
        If the window changes a single pixel of the pattern, or has fewer than 8 bits.
    """
    facts = display.facts()
    _refuse_changed_levels(facts)
    size, screen = ("x".join(map(str, facts[key])) for key in ("size", "screen"))
    enlarge = "" if size == screen else "run it full screen"
    unscale = "" if facts["scaling"] == 1.0 else "set it to 100%"
    return [
        Check("window", f"{size} on a screen of {screen}", "mind" if enlarge else "good", enlarge),
        Check("scaling", f"{100 * facts['scaling']:.0f} %", "mind" if unscale else "good", unscale),
        Check("colour", f"{facts['bits']} bits, test pattern read back without a difference"),
        _refresh(facts),
    ]


def _refuse_changed_levels(facts: Mapping[str, Any]) -> None:
    if facts["bits"] < 8:
        raise RefusedError(
            f"the screen shows {facts['bits']} bits a colour and 8 are needed; "
            "set its colour depth to 24 bits"
        )
    if facts["test_pattern_difference"]:
        raise RefusedError(
            f"the window changes pixels by up to {facts['test_pattern_difference']} levels of 255 "
            "(test pattern); switch off colour management, scaling and night light for this screen"
        )


def _refresh(facts: Mapping[str, Any]) -> Check:
    """Check how steadily the screen is refreshed."""
    frame = f"{facts['frame_ms']:.2f} ms, scatter {facts['jitter_ms']:.2f} ms"
    unsteady = "close other programs" if facts["jitter_ms"] > 1.0 else ""
    if not facts["synchronised"]:
        unsteady = "flips do not wait for the screen; judge no timing by it"
    return Check("refresh", frame, "mind" if unsteady else "good", unsteady)


def check_degrees(protocol: Protocol, calibration: Calibration | None) -> Check:
    """Check pixels per degree against what the protocol asks for."""
    wanted = protocol.screen.pixels_per_degree
    if calibration is None:
        return Check("pixels per degree", "unknown", "mind", "calibrate with a card")
    found = calibration.pixels_per_degree
    text = f"{found:.1f} at {calibration.distance_cm:.0f} cm (wanted {wanted:g})"
    if abs(found / wanted - 1) <= PPD_TOLERANCE:
        return Check("pixels per degree", text)
    remedy = f"sit at {calibration.distance_for(wanted):.0f} cm"
    return Check("pixels per degree", text, "mind", remedy)


def experimenter_screen(
    display: ParticipantDisplay,
    protocol: Protocol,
    checks: list[Check],
    calibration: Calibration | None,
    more: Callable[[Calibration | None], list[Check]] = lambda _: [],
) -> Calibration | None:
    """Show the checks until the experimenter begins; calibrate when asked to or unknown.

    Parameters
    ----------
    display
        Where the checks are shown.
    protocol
        What asks for pixels per degree and a distance.
    checks
        What was found.
    calibration
        What is known of this screen.
    more
        Further checks of a screen that is calibrated so.

    Returns
    -------
    Calibration or None
        What is known of the screen now.

    Raises
    ------
    SessionQuitError
        If the experimenter stops here; no journal was begun.
    """
    while True:
        known = (*checks, check_degrees(protocol, calibration), *more(calibration))
        rows = tuple(check.row for check in known)
        try:
            choice = display.rate(_choices(rows, known=calibration is not None)).value
            if choice == 0:
                return calibration
            if choice == 2:
                raise SessionQuitError("the session was stopped at the checks; nothing was written")
            calibration = calibrate(display, protocol)
        except TrialInterruptedError:
            continue


def _choices(rows: tuple[tuple[str, str, str], ...], *, known: bool) -> Question:
    return Question(
        kind="buttons",
        name="checks",
        text="Checks before the participant sits down",
        labels=("Begin the session", "Calibrate with a card", "Stop"),
        values=(0.0, 1.0, 2.0),
        keys=(("1", "num_1"), ("2", "num_2"), ("3", "num_3")),
        table=rows,
        answer=0.0 if known else 1.0,
    )


def calibrate(display: ParticipantDisplay, protocol: Protocol) -> Calibration:
    """Ask for the width of a card and the viewing distance."""
    card = display.rate(card_question(display.look.size)).value
    distance = display.rate(distance_question(protocol.screen.distance_cm)).value
    return from_card(card, distance)


def record(display: ParticipantDisplay, calibration: Calibration | None) -> dict[str, Any]:
    """Return what the journal's header keeps of window and calibration."""
    facts = {"window": "psychopy", "machine": this_machine(), **display.facts()}
    return {**facts, **(calibration.record() if calibration else {})}
