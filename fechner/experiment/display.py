"""What a session needs of a screen: the interface between the trial loop and a window.

The loop in `session` speaks only to a `Display`. `window` draws with PsychoPy for
people; `observers` has one without a window for simulated participants. A display
knows nothing of protocols, plans or journals: it shows pages and frames, asks
questions, lets images be marked, and says when, for how long and exactly which pixels it showed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from fechner.errors import InputError, RefusedError, StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from fechner.records.journal.marks import Marks

Device = Literal["mouse", "keyboard", "simulated"]

Moment = Literal["onset", "answer"]
"""What a display says the time of."""


class SessionQuitError(StoppedError):
    """The participant or experimenter confirmed the end of the session."""


class TrialInterruptedError(Exception):
    """Escape was pressed and not confirmed: the running trial is to be shown anew."""


class SteppedBackError(Exception):
    """The participant goes back to the screen, or the trial, before this one."""


PAUSE_BETWEEN_ANSWERS_MS = 300.0
"""Two presses closer to each other never answer two screens (a double click, a bouncing key)."""


@dataclass(frozen=True)
class Page:
    """A screen of text that waits for the participant.

    Parameters
    ----------
    name
        What the page is for: "instructions", "practice", "break", "thanks", "question", ...
    title, body
        The text; paragraphs of `body` are separated by blank lines.
    proceed
        The line that says how to go on.
    back
        The word of the button to the screen before; empty where there is no way back.
    not_before_ms
        Nothing is taken until so long after the page came.
    """

    name: str
    title: str
    body: str
    proceed: str
    back: str = ""
    not_before_ms: float = 0.0


@dataclass(frozen=True)
class Frame:
    """One or two images shown at once, at native size, centred or side by side.

    `captions` stand under the images ("Reference", "Test"); empty for none. `gap_px` is
    the distance between two images. `mask` says that noise of the size of the images is
    shown instead of them.
    """

    images: tuple[Path, ...]
    captions: tuple[str, ...] = ()
    gap_px: int = 32
    mask: bool = False


class Drawn(Protocol):
    """A square picture that draws itself, always the same; hashable by what it is drawn from."""

    @property
    def side(self) -> int:
        """Width and height in pixels, as it is shown."""

    def draw(self) -> Image.Image:
        """Return the picture, RGB."""


@dataclass(frozen=True)
class Question:
    """A question answered on a slider or by one of several buttons.

    Parameters
    ----------
    kind
        "slider" or "buttons".
    name
        What is asked, as the journal names it: the rating dimension, "confidence",
        "screening.acuity", "consent", ...
    text
        The question as the participant reads it.
    labels, values
        Words and the numbers they stand for, from the lowest: places along a slider,
        or one button each.
    keys
        Buttons: for each, the keys that press it ("1", "num_1", "left", ...).
    minimum, maximum, step
        Range and resolution of a slider.
    good
        Which end of the scale is good, for simulated participants; with two pictures
        "low" asks for the worse of them.
    confirm
        The text of the slider's confirm button.
    not_yet, type_again
        What stands in place of `text` when something was pressed before the answer was open,
        and when a number was begun before; empty for nothing.
    back
        The word of the button to the screen or the trial before; empty where there is no way back.
    back_room
        Whether room is kept for that button where there is none, so that nothing moves from
        trial to trial.
    not_before_ms
        No answer is taken until so long after the onset of the standing frame, or of the question.
    answer
        The value that the text itself asks for (attention checks), or that a simulated
        participant is expected to give; None otherwise.
    table
        Rows of (sign, name, finding) shown under the text, for the experimenter.
    picture
        A picture shown above the text, at native size; None for none.
    """

    kind: Literal["slider", "buttons"]
    name: str
    text: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    minimum: float = 0.0
    maximum: float = 100.0
    step: float = 1.0
    good: Literal["high", "low"] = "high"
    confirm: str = ""
    not_yet: str = ""
    type_again: str = ""
    back: str = ""
    back_room: bool = False
    not_before_ms: float = 0.0
    answer: float | None = None
    table: tuple[tuple[str, str, str], ...] = ()
    picture: Drawn | None = None


@dataclass(frozen=True)
class MarkTask:
    """An image to be marked where it suffers, by clicks or with a brush.

    Parameters
    ----------
    frame, place
        What is shown, and which of its images is marked.
    text
        The question as the participant reads it.
    tool, radius
        "click" or "brush", and its radius in pixels of the image.
    least, most
        How many marks stand at the end, unless the answer is "nowhere".
    undo, nowhere, done, full, not_yet
        Words of the three buttons, of the line that says that no more marks are taken, and of
        the one that says that something was pressed too early.
    undo_keys, nowhere_keys
        Keys of two of the buttons; "done" has the keys that confirm.
    not_before_ms
        Nothing is taken until so long after the onset of the standing frame.
    """

    frame: Frame
    place: int
    text: str
    tool: Literal["click", "brush"]
    radius: int
    least: int
    most: int
    undo: str
    nowhere: str
    done: str
    full: str
    undo_keys: tuple[str, ...]
    nowhere_keys: tuple[str, ...]
    not_yet: str = ""
    not_before_ms: float = 0.0


@dataclass(frozen=True)
class WritingTask:
    """A free text that the participant types.

    Parameters
    ----------
    name, text
        What it is, as the journal names it, and the question as the participant reads it.
    hint, done, left
        How to finish, the word of the button, and the line that says ``{left}``, the number of
        characters that may still be typed.
    most
        Characters of the longest text.
    not_before_ms
        Nothing is taken until so long after the screen came.
    """

    name: str
    text: str
    hint: str
    done: str
    left: str
    most: int
    not_before_ms: float = 0.0


@dataclass(frozen=True)
class WrittenText:
    """A text as it was typed, and the milliseconds until it was done."""

    text: str
    rt_ms: float
    device: Device


@dataclass(frozen=True)
class Shown:
    """When and what a display showed.

    `onset_s` is monotonic seconds since the display's clock began; `duration_ms` is 0
    while the frame still stands; `sha256` has one digest (64 hexadecimal digits) an
    image, of the RGB bytes shown, row by row from the top. `late_ms` is how much later
    than asked the frame came, `dropped_frames` how many screen refreshes that were missed.
    `difference` is the largest read-back difference in 8-bit levels; None if not read back.
    """

    onset_s: float
    duration_ms: float
    sha256: tuple[str, ...]
    dropped_frames: int = 0
    late_ms: float = 0.0
    difference: int | None = None


@dataclass(frozen=True)
class Response:
    """An answer: its value, milliseconds from the question to it, and the moves before it.

    `path` has one ``(milliseconds, value)`` pair a move, the confirmed value last. `shown_sha256`
    is the digest of the picture that the question was about, where a window showed one.
    """

    value: float
    rt_ms: float
    path: tuple[tuple[float, float], ...]
    device: Device
    shown_sha256: str | None = None


class Display(Protocol):
    """A screen with a clock, a mouse and a keyboard, or something that behaves as one.

    `on_moment` is called at every onset of a frame and at every answer, with the time in seconds.
    """

    on_moment: Callable[[Moment, float], None] | None

    def now(self) -> float:
        """Return monotonic seconds since the display's clock began."""

    def text(self, page: Page) -> None:
        """Show a page until the participant goes on; SteppedBackError where it is back."""

    def fixation(self, ms: float) -> None:
        """Show the fixation cross for `ms` milliseconds; preloaded frames are made ready."""

    def blank(self, ms: float) -> None:
        """Show the empty background for `ms` milliseconds."""

    def preload(self, frame: Frame) -> None:
        """Decode a frame that comes soon; it is uploaded during the next interval."""

    def show(self, frame: Frame, ms: float | None) -> Shown:
        """Show a frame for `ms` milliseconds; None leaves it standing for the next question."""

    def rate(self, question: Question) -> Response:
        """Ask a question, under the standing frame if there is one, until it is answered.

        Raises SteppedBackError where the way back is taken.
        """

    def mark(self, task: MarkTask) -> Marks:
        """Show the frame of `task`, or leave it standing, until its image is marked."""

    def write(self, task: WritingTask) -> WrittenText:
        """Let a text be typed until it is done; ending the session there keeps what was typed."""

    def close(self) -> None:
        """Give the screen back; calling it twice does no harm."""


def pixels_sha256(image: Image.Image) -> str:
    """Return the sha256 of an RGB image's bytes, row by row from the top."""
    return hashlib.sha256(image.tobytes()).hexdigest()


def load_pixels(path: Path) -> Image.Image:
    """Read a stimulus as the 8-bit RGB image that is shown.

    Stimuli are 8-bit PNGs; anything that a window could show wrong is refused.

    Raises
    ------
    RefusedError
        If the file is not an upright 8-bit RGB or grey picture without transparency.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            file.load()
            if file.mode not in ("RGB", "L") or file.getexif().get(0x0112, 1) != 1:
                raise RefusedError(
                    f"{path} is a {file.mode} image or is rotated by EXIF; a session shows only "
                    "upright 8-bit RGB or grey PNG files: build the stimulus set again"
                )
            picture: Image.Image = file.convert("RGB")
            return picture
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"cannot read stimulus {path} ({error}); rebuild the set") from error
