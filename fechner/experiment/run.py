"""One participant's session from its inputs to its journal: the call behind the commands.

Reads and checks the protocol and the stimulus set, makes the plan, opens the window
(or none), begins or resumes the journal, and runs the loop. Only a window needs
PsychoPy; nothing here needs more than the stimulus records.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fechner.errors import InputError
from fechner.experiment import preflight
from fechner.experiment.beginning import (
    check_case,
    check_prediction,
    interrupted,
    known_calibration,
    open_journal,
    seen_so_far,
)
from fechner.experiment.codes import check_code
from fechner.experiment.display import Display
from fechner.experiment.journal import journal_name
from fechner.experiment.journal_record import JournalRecord
from fechner.experiment.lock import Lock
from fechner.experiment.opening import check_fit, open_window, simulated_timing
from fechner.experiment.plan import make_plan
from fechner.experiment.session import OnTrial, Standing, run_session
from fechner.experiment.signals import ending_signals
from fechner.progress import Progress, silent
from fechner.protocols.schema import Protocol, load_protocol

if TYPE_CHECKING:
    from fechner.experiment.calibration import Calibration
    from fechner.experiment.hands import Hands, SimulatedHands
    from fechner.experiment.observers import SimulatedObserver
    from fechner.experiment.read_back import Verify
    from fechner.stimuli.records import StimulusSet


def run_participant(
    stimuli_folder: Path,
    protocol: Protocol | str | Path,
    participant: str,
    *,
    session: int = 1,
    sessions_folder: Path,
    window: Literal["psychopy", "none"] = "psychopy",
    observer: SimulatedObserver | None = None,
    windowed: bool = True,
    size: tuple[int, int] | None = None,
    monitor: int = 0,
    verify_pixels: Verify = "first",
    screenshots: Path | None = None,
    language: str = "en",
    progress: Progress = silent,
    on_trial: OnTrial | None = None,
    calibration: Calibration | None = None,
    show_checks: bool = False,
    hands_type: type[SimulatedHands] | None = None,
) -> JournalRecord:
    """Run, or resume, one session of one participant; return its journal's record.

    Parameters
    ----------
    stimuli_folder
        A stimulus set.
    protocol
        A protocol, the name of a shipped one, or the path of a TOML file.
    participant
        The code.
    session
        The session number, from 1.
    sessions_folder
        Where the journal lies or will lie.
    window
        "psychopy" for a window, "none" for simulated participants without one.
    observer
        A simulated participant; None for a person.
    windowed, size, monitor
        A window of `size` (width, height) pixels, or the full screen of `monitor`.
    verify_pixels
        Which shown images are read back from the window and compared with their files.
    screenshots
        A folder for a picture of every screen.
    language
        Of the participant's texts, where `protocol` is not loaded yet.
    progress, on_trial
        Called after each trial.
    calibration
        Pixels per centimetre and distance, where they are known.
    show_checks
        Show the experimenter's screen before a simulated session too.
    hands_type
        How a simulated participant acts in a window; None for `SimulatedHands`.

    Raises
    ------
    InputError, RefusedError, MissingPartError
        If the session cannot be run honestly; nothing is written then.
    SessionQuitError
        If it was ended before its last trial; the same call resumes it.
    """
    from fechner.stimuli.records import read_stimulus_set

    protocol = _loaded(protocol, language)
    if observer is None and window == "none":
        raise InputError("a session without a window needs a simulated participant; give one")
    check_code(participant)
    stimuli = read_stimulus_set(Path(stimuli_folder))
    _verify(stimuli)
    plan = make_plan(protocol, stimuli, participant, session=session)
    name = journal_name(participant, session, simulated=observer is not None)
    path = Path(sessions_folder) / name
    prediction = preflight.prediction_sha256(stimuli)
    check_prediction(path.parent, prediction, simulated=observer is not None)
    check_case(path, participant)
    kept = interrupted(path, plan)
    if observer is None and kept is None:
        preflight.check_length(protocol, [plan])
    seen = seen_so_far(kept, protocol, stimuli)
    timing = simulated_timing(protocol) if observer and window == "psychopy" else None

    def tell(standing: Standing) -> None:
        progress(standing.done, standing.total)
        if on_trial is not None:
            on_trial(standing)

    def go(display: Display, screen: dict[str, Any]) -> JournalRecord:
        begin = partial(open_journal, path, kept, protocol, plan, observer, timing, screen)
        with ending_signals(), begin(prediction=prediction) as journal:
            if kept is not None:
                journal.append({"event": "calibration", "screen": screen})
            return run_session(
                protocol, stimuli, plan, display, journal, timing=timing, on_trial=tell
            )

    if window == "none":
        return go(_windowless(observer, stimuli, seen), {"window": "none"})
    lock = Lock.take(_made(path.parent) / "window")
    try:
        hands = _hands(observer, stimuli, seen, hands_type)
        display = open_window(
            protocol,
            size=size,
            windowed=windowed,
            monitor=monitor,
            verify=verify_pixels,
            screenshots=screenshots,
            hands=hands,
        )
        with closing(display):
            check_fit(display, protocol, stimuli, plan)
            checks = preflight.check_inputs(protocol, stimuli, plan)
            checks += [preflight.check_disk(path.parent), *preflight.check_window(display)]
            if observer is None or show_checks:
                calibration = calibration or known_calibration(path.parent, display)
                calibration = preflight.experimenter_screen(display, protocol, checks, calibration)
            return go(display, preflight.record(display, calibration))
    finally:
        lock.release()


def _loaded(protocol: Protocol | str | Path, language: str) -> Protocol:
    if isinstance(protocol, Protocol):
        return protocol
    return load_protocol(protocol, language=language)


def _verify(stimuli: StimulusSet) -> None:
    """Refuse a stimulus set that is not what its records say."""
    from fechner.stimuli.records import verify

    verify(stimuli.folder)


def _made(folder: Path) -> Path:
    from fechner.experiment.durable import make_folder

    make_folder(folder)
    return folder


def _windowless(
    observer: SimulatedObserver | None, stimuli: StimulusSet, seen: Counter[str]
) -> Display:
    from fechner.experiment.simulated_display import SimulatedDisplay, SimulatedResponder

    if observer is None:
        raise InputError("a session without a window needs a simulated participant; give one")
    return SimulatedDisplay(SimulatedResponder(observer, stimuli, seen=seen))


def _hands(
    observer: SimulatedObserver | None,
    stimuli: StimulusSet,
    seen: Counter[str],
    hands_type: type[SimulatedHands] | None,
) -> Hands | None:
    if observer is None:
        return None
    from fechner.experiment.hands import SimulatedHands
    from fechner.experiment.simulated_display import SimulatedResponder

    return (hands_type or SimulatedHands)(SimulatedResponder(observer, stimuli, seen=seen))
