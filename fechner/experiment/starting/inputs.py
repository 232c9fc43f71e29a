"""A session whose inputs were checked: what is known before a screen is there.

The protocol and the stimulus set are what their records say, the plan is made, and the
journal that it goes into is new, or interrupted and of the same inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.experiment.display import Display
from fechner.experiment.journal.journal import Journal, journal_name
from fechner.experiment.plan.plan import Plan, make_plan
from fechner.experiment.session.codes import check_code
from fechner.experiment.session.session import OnTrial, run_session
from fechner.experiment.session.signals import ending_signals
from fechner.experiment.starting import preflight
from fechner.experiment.starting.beginning import (
    check_case,
    check_prediction,
    interrupted,
    open_journal,
)
from fechner.protocols.schema import Protocol
from fechner.records.journal import JournalRecord

if TYPE_CHECKING:
    from fechner.experiment.simulated.observers import SimulatedObserver
    from fechner.protocols.parts import Timing
    from fechner.records.stimuli import StimulusSet


@dataclass(frozen=True)
class Ready:
    """A session whose inputs were checked: what it shows, and the journal that it writes.

    `kept` is the record of an interrupted session that goes on; None for a new one.
    """

    protocol: Protocol
    stimuli: StimulusSet
    plan: Plan
    path: Path
    prediction: str
    kept: JournalRecord | None
    observer: SimulatedObserver | None

    def run(
        self,
        display: Display,
        screen: dict[str, Any],
        tell: OnTrial,
        *,
        timing: Timing | None = None,
    ) -> JournalRecord:
        """Begin or resume the journal and run the loop."""
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
                on_trial=tell,
            )

    def _journal(self, timing: Timing | None, screen: dict[str, Any]) -> Journal:
        return open_journal(
            self.path,
            self.kept,
            self.protocol,
            self.plan,
            self.observer,
            timing,
            screen,
            prediction=self.prediction,
        )


def checked_session(
    stimuli_folder: Path,
    protocol: Protocol,
    participant: str,
    session: int,
    sessions_folder: Path,
    observer: SimulatedObserver | None,
) -> Ready:
    """Make the plan and check what can be checked before a window opens; write nothing.

    Raises
    ------
    InputError, RefusedError
        If the session cannot be run honestly.
    """
    from fechner.records.stimuli import read_stimulus_set, verify

    simulated = observer is not None
    check_code(participant)
    stimuli = read_stimulus_set(Path(stimuli_folder))
    verify(stimuli.folder)
    plan = make_plan(protocol, stimuli, participant, session=session)
    path = Path(sessions_folder) / journal_name(participant, session, simulated=simulated)
    prediction = preflight.prediction_sha256(stimuli)
    check_prediction(path.parent, prediction, simulated=simulated)
    check_case(path, participant)
    kept = interrupted(path, plan)
    if not simulated and kept is None:
        preflight.check_length(protocol, [plan])
    return Ready(protocol, stimuli, plan, path, prediction, kept, observer)
