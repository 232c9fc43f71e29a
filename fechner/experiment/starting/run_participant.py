"""One participant's session from its inputs to its journal: the call behind the commands.

Reads the protocol, has the session's inputs checked, opens the window (or none) and
checks it too, and runs the loop. Only a window needs PsychoPy; nothing here needs more
than the stimulus records.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fechner.errors import InputError
from fechner.experiment.journal.durable import make_folder
from fechner.experiment.journal.lock import SessionLock
from fechner.experiment.session.markers import load_markers
from fechner.experiment.session.session import OnTrial
from fechner.experiment.session.signals import ending_signals, held
from fechner.experiment.simulated.display import SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.window_user import SimulatedUser
from fechner.experiment.starting import preflight
from fechner.experiment.starting.earlier_sessions import known_calibration
from fechner.experiment.starting.inputs import PreparedSession, prepare_session
from fechner.experiment.starting.open_window import arrange, open_window, simulated_timing
from fechner.experiment.starting.resuming import seen_so_far
from fechner.experiment.starting.vision_ready import check_acuity, require_vision
from fechner.protocols.schema import Protocol, load_protocol
from fechner.records.journal import JournalRecord

if TYPE_CHECKING:
    from fechner.experiment.calibration import Calibration
    from fechner.experiment.simulated.observers import SimulatedObserver
    from fechner.experiment.window.participant_display import ParticipantDisplay
    from fechner.experiment.window.read_back import Verify


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
    on_trial: OnTrial | None = None,
    calibration: Calibration | None = None,
    show_checks: bool = False,
    user_type: type[SimulatedUser] = SimulatedUser,
    maps: Path | None = None,
    readmit: bool = False,
    markers: Sequence[str] = (),
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
    on_trial
        Called after each trial.
    calibration
        Pixels per centimetre and distance, where they are known.
    show_checks
        Show the experimenter's screen before a simulated session too.
    user_type
        How a simulated participant acts in a window.
    maps
        Importance maps, one of each scene, that the marks of a simulated participant of the
        world ``map`` follow.
    readmit
        Ask a participant again who was not admitted.
    markers
        Names of entry points of the group ``fechner.markers``, or ``module:function``: called at
        every onset and answer.

    Returns
    -------
    JournalRecord
        The whole session.

    Raises
    ------
    InputError, RefusedError, MissingPartError
        If the session cannot be run honestly; nothing is written then.
    SessionQuitError
        If it was ended before its last trial; the same call resumes it.

    Examples
    --------
    A SIMULATED participant rates nine pictures without a window:

    >>> from tempfile import mkdtemp
    >>> from PIL import Image
    >>> from fechner.experiment.simulated.observers import SimulatedObserver
    >>> from fechner.provenance import sha256_file
    >>> from fechner.records.stimuli import Stimulus, write_stimulus_set
    >>> folder, stimuli = Path(mkdtemp()), []
    >>> for scene in ("boat", "house", "tree"):
    ...     for region, error in (("intact", 0.0), ("low", 50.0), ("high", 200.0)):
    ...         file = folder / f"{scene}_{region}.png"
    ...         Image.new("RGB", (8, 8), (int(error), 9, len(stimuli))).save(file)
    ...         stimuli.append(
    ...             Stimulus(
    ...                 stimulus=file.stem, file=file.name, scene=scene, region=region,
    ...                 family="blur", level=1, strength=error, strength_unit="px", mask_area=0.2,
    ...                 bytes=file.stat().st_size, mse=error, ssim=1.0, predicted_impact=error,
    ...                 centre_error=error, sha256=sha256_file(file),
    ...             )
    ...         )
    >>> _ = write_stimulus_set(folder, stimuli, {})
    >>> record = run_participant(
    ...     folder, "slider", "S01", sessions_folder=folder / "sessions",
    ...     window="none", observer=SimulatedObserver("S01", world="map", seed=1),
    ... )
    >>> record.complete, record.path.name
    (True, 'SIMULATED_sub-S01_ses-1.jsonl')
    >>> sorted({trial.stimulus for trial in record.trials if trial.kind == "main"})[:2]
    ['boat_high', 'boat_intact']
    """
    protocol = _loaded(protocol, language)
    if observer is None and window == "none":
        raise InputError("a session without a window needs a simulated participant; give one")
    called = load_markers(markers)
    prepared = prepare_session(
        Path(stimuli_folder),
        protocol,
        participant,
        session,
        Path(sessions_folder),
        observer,
        readmit=readmit,
    )
    responder = None
    if observer is not None:
        seen = seen_so_far(prepared.kept, protocol, prepared.stimuli)
        responder = SimulatedResponder(observer, prepared.stimuli, seen=seen, maps=maps)
        if protocol.marks is not None:
            prepared = replace(
                prepared, marks_weighted_by=responder.damage.weights_of(observer.world)
            )
    if responder is not None and window == "none":
        return prepared.run(
            SimulatedDisplay(responder), {"window": "none"}, on_trial, markers=called
        )
    make_folder(prepared.path.parent)
    with ExitStack() as stack:
        stack.enter_context(ending_signals())
        # A window a participant: booths that share a folder do not wait for each other.
        lock = SessionLock.take(prepared.path.with_name(f"sub-{participant}.window"))
        stack.callback(lock.release)
        # What opens a window swallows exceptions, so a signal waits until it is open.
        with held():
            opened = open_window(
                protocol,
                size=size,
                windowed=windowed,
                monitor=monitor,
                verify=verify_pixels,
                screenshots=screenshots,
                user=None if responder is None else user_type(responder),
            )
            stack.callback(opened.close)
        ask = observer is None or show_checks
        screen = _checked_screen(opened, prepared, calibration, ask=ask)
        timing = simulated_timing(protocol) if observer else None
        return prepared.run(opened, screen, on_trial, timing=timing, markers=called)


def _checked_screen(
    display: ParticipantDisplay,
    prepared: PreparedSession,
    calibration: Calibration | None,
    *,
    ask: bool,
) -> dict[str, Any]:
    """Check the open window, asking the experimenter if `ask`; return the journal's facts."""
    protocol, stimuli, plan = prepared.protocol, prepared.stimuli, prepared.plan
    folder = prepared.path.parent
    _arrange(display, prepared, calibration)
    checks = preflight.check_inputs(protocol, stimuli, plan, prepared.kept)
    checks += [preflight.check_sessions(prepared.path), preflight.check_disk(folder)]
    checks += preflight.check_window(display)
    if ask:
        calibration = calibration or known_calibration(folder, display)
        calibration = preflight.experimenter_screen(
            display, protocol, checks, calibration, partial(check_acuity, protocol)
        )
        _arrange(display, prepared, calibration)
    simulated = prepared.observer is not None
    require_vision(display.look, protocol, calibration, simulated=simulated)
    return preflight.record(display, calibration)


def _arrange(
    display: ParticipantDisplay, prepared: PreparedSession, calibration: Calibration | None
) -> None:
    degree = calibration.pixels_per_degree if calibration else None
    arrange(display, prepared.protocol, prepared.stimuli, prepared.plan, degree)


def _loaded(protocol: Protocol | str | Path, language: str) -> Protocol:
    if isinstance(protocol, Protocol):
        return protocol
    return load_protocol(protocol, language=language)
