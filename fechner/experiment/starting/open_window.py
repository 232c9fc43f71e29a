"""The participant's window for one protocol: its look, its size, whether every image fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import RefusedError
from fechner.experiment.display import Frame
from fechner.experiment.plan.plan import Plan, Trial
from fechner.experiment.screens import layout, mark_pages, pages
from fechner.experiment.screens.fonts import check_font, find_font
from fechner.experiment.screens.look import LEAST_TEXT_PX, Look
from fechner.experiment.session import presentation
from fechner.experiment.session.session_pages import quit_question
from fechner.experiment.session.trial_frames import TrialFrames, frames_of
from fechner.experiment.window.participant_display import ParticipantDisplay
from fechner.experiment.window.window import Window, monitor_size
from fechner.experiment.window.xvfb import screen_server

if TYPE_CHECKING:
    from fechner.experiment.simulated.window_user import WindowUser
    from fechner.experiment.window.read_back import Verify
    from fechner.protocols.parts import Timing
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import StimulusSet

WINDOW_SIZE = (1280, 1024)
"""Width and height in pixels of a window that is not full screen."""

SIMULATED_TIMING_MS = {
    **{"fixation_ms": 60.0, "interval_ms": 30.0, "minimum_view_ms": 60.0, "anticipation_ms": 0.0}
}
"""Longest times of a simulated participant's trial in a window; the journal says so."""

SIMULATED_SHOW_MS = 100.0
"""Longest stimulus, reference, gap and mask for a simulated participant in a window."""


def look_of(
    protocol: Protocol, size: tuple[int, int], *, pixels_per_degree: float | None = None
) -> Look:
    """Return the size, colours and text of a protocol's screens in a window of `size` pixels.

    Text is as high as the protocol says in degrees, at the calibrated pixels per degree (None: the
    wanted ones), but never so large that fewer than 24 lines fit, nor too small to be drawn.
    """
    screen = protocol.screen
    font = find_font(screen.font)
    check_font(font, protocol.texts.every_word, language=protocol.language)
    wanted = round(screen.text_height_deg * (pixels_per_degree or screen.pixels_per_degree))
    text_px = max(min(wanted, size[1] // 24), LEAST_TEXT_PX)
    return Look(size, screen.background_grey, text_px, font)


def open_window(
    protocol: Protocol,
    *,
    size: tuple[int, int] | None = None,
    windowed: bool = True,
    monitor: int = 0,
    verify: Verify = "first",
    screenshots: Path | None = None,
    user: WindowUser | None = None,
) -> ParticipantDisplay:
    """Open the participant's window, on a virtual screen where the machine has none.

    Parameters
    ----------
    protocol
        Whose look and keys the window has.
    size
        Width and height in pixels; None for `WINDOW_SIZE`, or the whole monitor.
    windowed, monitor
        A window, or the full screen of a monitor (from 0).
    verify
        Which shown images are read back and compared with their files.
    screenshots
        A folder for a picture of every screen.
    user
        Who acts in the window for a simulated participant; None for a person.

    Returns
    -------
    ParticipantDisplay
        Open; `close` gives the screen back.

    Raises
    ------
    MissingPartError
        If there is no display and no Xvfb, no PsychoPy, or a letter without a font.
    RefusedError
        If the monitor does not exist, or the window does not become as large as asked for.
    """
    virtual = screen_server().virtual
    size = size or (WINDOW_SIZE if windowed else monitor_size(monitor))
    look = look_of(protocol, size)
    return ParticipantDisplay(
        Window(look, fullscreen=not windowed, monitor=monitor, virtual=virtual),
        keys=protocol.keys,
        quit_question=quit_question(protocol),
        strip=_strip(protocol, look),
        verify=verify,
        screenshots=screenshots,
        user=user,
    )


def _strip(protocol: Protocol, look: Look) -> int:
    """Return the height of the strip for questions under standing pictures; 0 for none."""
    trial = Trial(1, 1, "main", "", "", "", protocol.dimension)
    marks = 0
    if protocol.marks is not None:
        task = presentation.mark_task(protocol, TrialFrames(None, marked=Frame(())))
        marks = mark_pages.strip_height(look, task)
    if not protocol.timing.until_response:
        return marks
    asked = [presentation.rating_question(protocol, trial)]
    if protocol.catch.count and protocol.catch.kind == "instructed":
        for value in (protocol.scale.labels_at[0], protocol.scale.labels_at[-1]):
            catch = replace(trial, target=value)
            asked.append(presentation.rating_question(protocol, catch))
    return max(marks, *(pages.strip_height(look, question) for question in asked))


def arrange(
    display: ParticipantDisplay,
    protocol: Protocol,
    stimuli: StimulusSet,
    plan: Plan,
    pixels_per_degree: float | None,
) -> None:
    """Give the screens of a session their text and their places, and check that all fits.

    Text is as high as the calibration says. Where questions stand under a picture, both stand
    together in the middle of the window, the question right below the highest picture of the
    session.

    Parameters
    ----------
    display
        The open window.
    protocol, stimuli, plan
        What the session shows.
    pixels_per_degree
        As calibrated; None for what the protocol asks for.

    Raises
    ------
    RefusedError
        If an image does not fit the window beside text of that height.
    """
    size = display.look.size
    look = look_of(protocol, size, pixels_per_degree=pixels_per_degree)
    strip = _strip(protocol, look)
    display.arrange(look, layout.stage(look, strip))
    check_fit(display, protocol, stimuli, plan)
    if strip:
        shown = _frame_sizes(protocol, stimuli, plan)
        heights = [layout.frame_size(f, s)[1] + layout.caption_height(look, f) for f, s in shown]
        room = size[1] - strip
        high = min(max(heights, default=room) + look.em(1), room)
        top = (room - high) // 2
        display.arrange(replace(look, foot=top + high), (0, top, size[0], top + high))


def _frame_sizes(
    protocol: Protocol, stimuli: StimulusSet, plan: Plan
) -> list[tuple[Frame, list[tuple[int, int]]]]:
    """Return the frames of a session that differ in size, each with the sizes of its images."""
    from PIL import Image

    sizes: dict[Path, tuple[int, int]] = {}
    found: dict[tuple[tuple[int, int], ...], Frame] = {}
    for planned in plan.trials:
        # A staircase's stimulus is not known yet; it has the size of its reference.
        trial = planned
        if trial.reference and not trial.stimulus:
            trial = replace(trial, stimulus=trial.reference)
        for frame in frames_of(protocol, trial, stimuli).all:
            for path in frame.images:
                if path not in sizes:
                    with Image.open(path) as file:
                        sizes[path] = file.size
            found.setdefault(tuple(sizes[path] for path in frame.images), frame)
    return [(frame, list(shape)) for shape, frame in found.items()]


def check_fit(
    display: ParticipantDisplay, protocol: Protocol, stimuli: StimulusSet, plan: Plan
) -> None:
    """Refuse a session in which an image would not fit the window at native size.

    Parameters
    ----------
    display
        The open window.
    protocol, stimuli, plan
        What the session shows.

    Raises
    ------
    RefusedError
        With the window that would do, and the smaller images and distance that would.
    """
    for frame, sizes in _frame_sizes(protocol, stimuli, plan):
        _check_frame(display, protocol, frame, sizes)


def _check_frame(
    display: ParticipantDisplay, protocol: Protocol, frame: Frame, sizes: list[tuple[int, int]]
) -> None:
    try:
        layout.place_frame(display.look, frame, sizes, display.area)
    except RefusedError as error:
        room = layout.room_for(display.look, frame, display.area)
        need = layout.frame_size(frame, sizes)
        gaps = frame.gap_px * (len(sizes) - 1)
        share = min((room[0] - gaps) / (need[0] - gaps), room[1] / need[1])
        width, height = (max(size[k] for size in sizes) for k in (0, 1))
        window = [display.look.size[k] + max(0, need[k] - room[k]) for k in (0, 1)]
        raise RefusedError(
            f"{error}; use a window of {window[0]}x{window[1]} px, or stimuli of at most "
            f"{int(width * share)}x{int(height * share)} px, which look as large from "
            f"{protocol.screen.distance_cm * share:.0f} cm as these from "
            f"{protocol.screen.distance_cm:g} cm"
        ) from None


def simulated_timing(protocol: Protocol) -> Timing:
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
