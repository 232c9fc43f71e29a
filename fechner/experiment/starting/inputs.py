"""A session whose inputs were checked: what is known before a screen is there.

The protocol and the stimulus set are what their records say, the plan is made, and the
journal that it goes into is new, or interrupted and of the same inputs.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner import __version__
from fechner.experiment.display import Display
from fechner.experiment.journal.journal import Journal, journal_header
from fechner.experiment.plan.plan import Plan, make_plan
from fechner.experiment.session.codes import check_code
from fechner.experiment.session.session import OnTrial, run_session
from fechner.experiment.session.signals import ending_signals
from fechner.experiment.starting.earlier_sessions import check_case, check_prediction
from fechner.experiment.starting.preflight import check_length, prediction_sha256
from fechner.experiment.starting.resuming import interrupted
from fechner.protocols.schema import Protocol
from fechner.records.journal import JournalRecord, journal_name
from fechner.records.stimuli import StimulusSet, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fechner.experiment.session.markers import Marker
    from fechner.experiment.simulated.observers import SimulatedObserver
    from fechner.protocols.parts import Timing


@dataclass(frozen=True)
class PreparedSession:
    """A session whose inputs were checked: what it shows, and the journal that it writes.

    Attributes
    ----------
    protocol, stimuli, plan
        What is shown, and in which order.
    path
        Of the journal.
    prediction
        Digest of the predicted impacts.
    kept
        The record of an interrupted session that goes on; None for a new one.
    observer
        The simulated participant; None for a person.
    marks_weighted_by
        What the marks of a simulated participant weight the damage by; None without marks.
    """

    protocol: Protocol
    stimuli: StimulusSet
    plan: Plan
    path: Path
    prediction: str
    kept: JournalRecord | None
    observer: SimulatedObserver | None
    marks_weighted_by: str | None = None

    def run(
        self,
        display: Display,
        screen: dict[str, Any],
        on_trial: OnTrial | None,
        *,
        timing: Timing | None = None,
        markers: Mapping[str, Marker] | None = None,
    ) -> JournalRecord:
        """Begin or resume the journal and run the loop.

        Parameters
        ----------
        display
            Where the session is shown.
        screen
            What the journal keeps of it.
        on_trial
            Called after every journalled trial.
        timing
            Overrides the protocol's timing (simulated participants in a window).
        markers
            Called at every onset and answer, by name.

        Returns
        -------
        JournalRecord
            The session's record.

        Raises
        ------
        RefusedError
            If another session writes the journal.
        SessionQuitError
            If the session was ended before its last trial.
        """
        with ending_signals(), self._journal(timing, screen) as journal:
            if self.kept is not None:
                journal.append({"event": "calibration", "screen": screen})
            return run_session(
                self.protocol,
                self.stimuli,
                self.plan,
                display,
                journal,
                timing=timing,
                on_trial=on_trial,
                markers=markers,
            )

    def _journal(self, timing: Timing | None, screen: dict[str, Any]) -> Journal:
        """Return the journal, resumed where `kept` is an interrupted one, else newly begun."""
        if self.kept is not None:
            return Journal.resume(self.path, readmit=self.kept.turned_away)
        header = journal_header(
            self.protocol,
            participant=self.plan.participant,
            session=self.plan.session,
            stimuli_sha256=self.plan.stimuli_sha256,
            plan_sha256=self.plan.sha256,
            model=self._model(),
            prediction_sha256=self.prediction,
            row=self.plan.row,
            timing_override=timing.model_dump(mode="json") if timing is not None else None,
            software=software(),
            screen=screen,
        )
        return Journal.create(self.path, header)

    def _model(self) -> dict[str, Any] | None:
        """Return what the header says of a simulated participant."""
        if self.observer is None:
            return None
        marks = self.marks_weighted_by
        return {**self.observer.record(), **({"marks_weighted_by": marks} if marks else {})}


def prepare_session(
    stimuli_folder: Path,
    protocol: Protocol,
    participant: str,
    session: int,
    sessions_folder: Path,
    observer: SimulatedObserver | None,
    *,
    readmit: bool = False,
) -> PreparedSession:
    """Make the plan and check what can be checked before a window opens; write nothing.

    Parameters
    ----------
    stimuli_folder
        A stimulus set, which is verified byte by byte.
    protocol
        What the session follows.
    participant, session
        The code, and the session number from 1.
    sessions_folder
        Where the journal lies or will lie.
    observer
        The simulated participant; None for a person.
    readmit
        Whether a participant who was not admitted is asked again.

    Returns
    -------
    PreparedSession
        Ready for a screen.

    Raises
    ------
    InputError, RefusedError
        If the session cannot be run honestly.
    """
    simulated = observer is not None
    check_code(participant)
    stimuli = verify(Path(stimuli_folder))
    plan = make_plan(protocol, stimuli, participant, session=session)
    path = Path(sessions_folder) / journal_name(participant, session, simulated=simulated)
    prediction = prediction_sha256(stimuli)
    check_prediction(path.parent, prediction, simulated=simulated)
    check_case(path, participant)
    kept = interrupted(path, plan, readmit=readmit)
    if not simulated and kept is None:
        check_length(protocol, [plan])
    return PreparedSession(protocol, stimuli, plan, path, prediction, kept, observer)


def software() -> dict[str, str]:
    """Return the versions that a session runs on; no names of hosts or users."""
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
