"""One participant's session from its inputs to its journal: the call behind the commands.

Reads and checks the protocol and the stimulus set, makes the plan, opens the window
(or none), begins or resumes the journal, and runs the loop. Only a window needs
PsychoPy; nothing here needs more than the stimulus records.
"""

from __future__ import annotations

import platform
from collections import Counter
from contextlib import closing
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fechner import __version__
from fechner.errors import InputError, RefusedError
from fechner.experiment import preflight, presentation, screens
from fechner.experiment.calibration import Calibration, last_calibration
from fechner.experiment.codes import check_code
from fechner.experiment.display import Display
from fechner.experiment.journal import (
    Journal,
    JournalRecord,
    journal_header,
    journal_name,
    read_journal,
    read_journals,
)
from fechner.experiment.lock import Lock
from fechner.experiment.plan import Plan, Trial, make_plan
from fechner.experiment.session import OnTrial, Standing, quit_question, run_session
from fechner.experiment.signals import ending_signals
from fechner.progress import Progress, silent
from fechner.protocols.schema import Protocol, load_protocol

if TYPE_CHECKING:
    from fechner.experiment.hands import Hands, SimulatedHands
    from fechner.experiment.observers import SimulatedObserver
    from fechner.experiment.window import PsychoPyDisplay, Verify
    from fechner.protocols.parts import Timing
    from fechner.stimuli.records import StimulusSet

WINDOW_SIZE = (1280, 1024)
"""Width and height in pixels of a window that is not full screen."""

SIMULATED_TIMING_MS = {"fixation_ms": 60.0, "interval_ms": 30.0, "minimum_view_ms": 60.0}
"""Longest times of a simulated participant's trial in a window; the journal says so."""

SIMULATED_SHOW_MS = 100.0
"""Longest stimulus, reference, gap and mask for a simulated participant in a window."""


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
    kept = _interrupted(path, plan)
    seen = _seen(kept, protocol, stimuli)
    timing = _simulated_timing(protocol) if observer and window == "psychopy" else None

    def tell(standing: Standing) -> None:
        progress(standing.done, standing.total)
        if on_trial is not None:
            on_trial(standing)

    def go(display: Display, screen: dict[str, Any]) -> JournalRecord:
        with (
            ending_signals(),
            _journal(path, kept, protocol, plan, observer, timing, screen) as journal,
        ):
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
                calibration = calibration or _last_calibration(path.parent, display)
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


def _interrupted(path: Path, plan: Plan) -> JournalRecord | None:
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


def _last_calibration(folder: Path, display: PsychoPyDisplay) -> Calibration | None:
    journals = read_journals(folder) if any(folder.glob("*.jsonl")) else []
    return last_calibration(journals, size=display.look.size, monitor=display.monitor)


def _journal(
    path: Path,
    kept: JournalRecord | None,
    protocol: Protocol,
    plan: Plan,
    observer: SimulatedObserver | None,
    timing: Timing | None,
    screen: dict[str, Any],
) -> Journal:
    if kept is not None:
        return Journal.resume(path)
    header = journal_header(
        protocol,
        participant=plan.participant,
        session=plan.session,
        stimuli_sha256=plan.stimuli_sha256,
        plan_sha256=plan.sha256,
        model=observer.record() if observer is not None else None,
        row=plan.row,
        timing_override=timing.model_dump(mode="json") if timing is not None else None,
        software=software(),
        screen=screen,
    )
    return Journal.create(path, header)


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


def _seen(kept: JournalRecord | None, protocol: Protocol, stimuli: StimulusSet) -> Counter[str]:
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


def _simulated_timing(protocol: Protocol) -> Timing:
    """Return the protocol's timing with every time cut to what a simulated one needs."""
    timing = protocol.timing
    limits = dict(SIMULATED_TIMING_MS)
    for name in ("reference_ms", "gap_ms", "mask_ms", "stimulus_ms"):
        limits[name] = SIMULATED_SHOW_MS
    cut = {
        name: min(value, limit)
        for name, limit in limits.items()
        if isinstance(value := getattr(timing, name), (int, float))
    }
    return timing.model_copy(update=cut)


def look_of(protocol: Protocol, size: tuple[int, int]) -> screens.Look:
    """Return the size, colours and text of a protocol's screens in a window of `size` pixels.

    Text is as high as the protocol says in degrees, at the wanted pixels per degree, but
    never so large that fewer than 24 lines fit.
    """
    from fechner.experiment.fonts import check_font, find_font

    screen = protocol.screen
    font = find_font(screen.font)
    check_font(font, protocol.texts.every_word, language=protocol.language)
    wanted = round(screen.text_height_deg * screen.pixels_per_degree)
    return screens.Look(size, screen.background_grey, min(wanted, size[1] // 24), font)


def open_window(
    protocol: Protocol,
    *,
    size: tuple[int, int] | None = None,
    windowed: bool = True,
    monitor: int = 0,
    verify: Verify = "first",
    screenshots: Path | None = None,
    hands: Hands | None = None,
) -> PsychoPyDisplay:
    """Open the participant's window, on a virtual screen where the machine has none.

    Raises
    ------
    MissingPartError
        If there is no display and no Xvfb, no PsychoPy, or a letter without a font.
    RefusedError
        If the monitor does not exist, or the window does not become as large as asked for.
    """
    from fechner.experiment.xvfb import screen_server

    server = screen_server()
    from fechner.experiment import window

    size = size or (WINDOW_SIZE if windowed else window.monitor_size(monitor))
    look = look_of(protocol, size)
    return window.PsychoPyDisplay(
        look,
        keys=protocol.keys,
        quit_question=quit_question(protocol),
        strip=_strip(protocol, look),
        fullscreen=not windowed,
        monitor=monitor,
        verify=verify,
        screenshots=screenshots,
        hands=hands,
        virtual=server.virtual,
    )


def _strip(protocol: Protocol, look: screens.Look) -> int:
    """Return the height of the strip for questions under standing pictures; 0 for none."""
    if not protocol.timing.until_response:
        return 0
    trial = Trial(1, 1, "main", "", "", "", protocol.dimension)
    asked = [presentation.rating_question(protocol, trial)]
    if protocol.catch.count and protocol.catch.kind == "instructed":
        for value in (protocol.scale.labels_at[0], protocol.scale.labels_at[-1]):
            catch = replace(trial, target=value)
            asked.append(presentation.rating_question(protocol, catch))
    return max(screens.strip_height(look, question) for question in asked)


def check_fit(
    display: PsychoPyDisplay, protocol: Protocol, stimuli: StimulusSet, plan: Plan
) -> None:
    """Refuse a session in which an image would not fit the window at native size."""
    from PIL import Image

    sizes: dict[Path, tuple[int, int]] = {}
    checked: set[tuple[tuple[int, int], ...]] = set()
    for planned in plan.trials:
        # A staircase's stimulus is not known yet; it has the size of its reference.
        trial = planned
        if trial.reference and not trial.stimulus:
            trial = replace(trial, stimulus=trial.reference)
        for frame in presentation.frames(protocol, trial, stimuli).all:
            for path in frame.images:
                if path not in sizes:
                    with Image.open(path) as file:
                        sizes[path] = file.size
            shape = tuple(sizes[path] for path in frame.images)
            if shape not in checked:
                checked.add(shape)
                screens.place_frame(display.look, frame, list(shape), display.area)
