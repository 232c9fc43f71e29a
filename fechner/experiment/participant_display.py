"""The display that people sit before: pages, frames and questions in a real window.

Implements `display.Display` on a `Window`. The same loop serves people and simulated
hands, which press keys and click in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image, ImageChops

from fechner.errors import RefusedError
from fechner.experiment import layout, screens, sliders
from fechner.experiment.answering import Answering, Input
from fechner.experiment.calibration import CARD_ASPECT
from fechner.experiment.display import (
    Frame,
    Page,
    Question,
    Response,
    SessionQuitError,
    Shown,
    TrialInterruptedError,
)
from fechner.experiment.frames import Frames, Ready
from fechner.experiment.look import Box, Screen

if TYPE_CHECKING:
    from fechner.experiment.hands import Hands
    from fechner.experiment.window import Texture, Window
    from fechner.protocols.parts import Keys

PRESS_MS = 120.0
"""How long a pressed button is shown as pressed."""

KEPT_QUESTIONS = 4
"""Questions whose screens stay in textures."""

Verify = Literal["first", "all", "none"]


class ParticipantDisplay:
    """A `Display` in a window.

    Parameters
    ----------
    window
        The open window.
    keys
        The protocol's keys.
    quit_question
        What Escape asks: two buttons, 0 to go on and 1 to end.
    strip
        Pixels at the foot of the window kept free for questions under standing pictures.
    verify
        Which shown frames are read back and compared with their files.
    screenshots
        A folder for one picture of every screen; None for none.
    hands
        A simulated participant's hands; None for a person.
    """

    def __init__(
        self,
        window: Window,
        *,
        keys: Keys,
        quit_question: Question,
        strip: int = 0,
        verify: Verify = "first",
        screenshots: Path | None = None,
        hands: Hands | None = None,
    ) -> None:
        self.window, self.look = window, window.look
        self.area = layout.stage(self.look, strip)
        self._keys, self._quit_question = keys, quit_question
        self._verify, self._verified = verify, 0
        self._screenshots, self._names = screenshots, _Names()
        self._hands = hands
        self._frames = Frames(window, self.look, self.area)
        self._standing: tuple[Ready, float] | None = None
        self._questions: dict[tuple[Question, bool], tuple[Screen, Texture]] = {}
        self._base, self._overlay, self._mark = (window.texture() for _ in range(3))
        self._paper = screens.blank(self.look).image
        left, top, right, bottom = self.area
        cross = screens.fixation(self.look, ((left + right) // 2, (top + bottom) // 2)).image
        self._cross = window.texture()
        self._cross.put(*self._drawn(cross))
        self._due: float | None = None
        self._draw_s = 0.0

    def now(self) -> float:
        """Return monotonic seconds since the window opened."""
        return self.window.now()

    def facts(self) -> dict[str, Any]:
        """Return what the journal keeps of the window."""
        return self.window.facts()

    def close(self) -> None:
        """Close the window; calling it twice does no harm."""
        self._frames.close()
        self.window.close()

    def _drawn(self, image: Image.Image) -> tuple[Image.Image, Box]:
        """Return the part of a whole screen that differs from the background, and its place.

        The window clears itself to the background, so nothing else needs to be drawn.
        """
        box = ImageChops.difference(image, self._paper).getbbox() or (0, 0, 1, 1)
        return image.crop(box), box

    def _flip(self, name: str = "") -> float:
        """Flip, after a screenshot where one is wanted and missing; return the time."""
        if self._screenshots and name:
            path = self._screenshots / f"{name}.png"
            if not path.exists():
                self._screenshots.mkdir(parents=True, exist_ok=True)
                self.window.read_back().save(path, optimize=True)
        return self.window.flip()

    def _pause(self) -> None:
        """Leave the processor alone for a moment where flips do not wait."""
        if not self.window.synchronised:
            time.sleep(0.004)

    def _wants_to_quit(self, happened: list[Input]) -> bool:
        return any(one.key in self._keys.quit for one in happened)

    def _ask_to_quit(self) -> None:
        """Ask whether the session ends.

        Raises
        ------
        SessionQuitError
            If it does.
        """
        standing, self._standing = self._standing, None
        answer = self._answer(self._quit_question, below=False)
        self._standing = standing
        if answer is not None and answer.value == 1:
            raise SessionQuitError("the session was ended with Escape; run it again to go on")
        self.window.inputs()

    # -- pages

    def text(self, page: Page) -> None:
        """Show a page until the participant goes on."""
        screen = screens.page(self.look, page)
        self._base.put(*self._drawn(screen.image))
        self.window.cursor(True)
        self.window.inputs()
        began = self.now()
        while True:
            waited = self.now() - began
            ready = bool(page.proceed) and waited >= page.minimum_s
            self._draw_page(screen, ready)
            self._flip(f"page-{page.name}" if ready or not page.proceed else "")
            if page.maximum_s is not None and waited >= page.maximum_s:
                return
            if self._hands and ready:
                self._hands.at_page(self.window, page, screen)
            happened = self.window.inputs()
            if self._wants_to_quit(happened):
                self._ask_to_quit()
                self._base.put(*self._drawn(screen.image))
            elif ready and any(self._proceeds(one, screen) for one in happened):
                return
            self._pause()

    def _draw_page(self, screen: Screen, ready: bool) -> None:
        self._base.draw()
        if ready:
            self._overlay.put(*screen.overlays["proceed"])
            self._overlay.draw()

    def _proceeds(self, one: Input, screen: Screen) -> bool:
        if one.kind == "key":
            return one.key in self._keys.confirm
        return one.kind == "release" and screen.hit(one.x, one.y) == "proceed"

    # -- frames

    def preload(self, frame: Frame) -> None:
        """Decode a frame in a thread; the next interval uploads it."""
        self._frames.preload(frame)

    def fixation(self, ms: float) -> None:
        """Show the fixation cross for `ms` milliseconds, uploading what was preloaded."""
        self._interval(self._cross.draw, ms, "fixation")

    def blank(self, ms: float) -> None:
        """Show the empty background for `ms` milliseconds, uploading what is decoded."""
        self._interval(_nothing, ms, "")

    def _interval(self, draw: Callable[[], None], ms: float, name: str) -> None:
        self.window.cursor(False)
        self._standing = None
        draw()
        self._due = self._flip(name) + ms / 1000
        self._frames.upload_waiting(all_of_them=name == "fixation")
        self._wait_until(self._due, draw, early=self._draw_s)

    def _wait_until(
        self, end: float, draw: Callable[[], None], *, early: float = 0.0
    ) -> list[float]:
        """Redraw and flip until the next flip falls on `end`; return the times of the flips.

        Where flips do not wait for a refresh they happen as soon as all is drawn, which
        takes about `early` seconds.

        Raises
        ------
        TrialInterruptedError
            If Escape was pressed and the session goes on.
        """
        window, flips = self.window, []
        # The flip after the next refresh is one frame away: half a frame more is the last chance.
        margin = 1.5 * window.frame_ms / 1000 if window.synchronised else early + 0.0005
        while (left := end - self.now()) > margin:
            if self._wants_to_quit(window.inputs()):
                self._ask_to_quit()
                raise TrialInterruptedError
            if window.synchronised:
                draw()
                flips.append(window.flip())
            else:
                time.sleep(min(max(left - margin, 0.0), 0.004))
        return flips

    def show(self, frame: Frame, ms: float | None) -> Shown:
        """Show a frame for `ms` milliseconds; None leaves it for the next question.

        Raises
        ------
        RefusedError
            If a read-back differs from the file by a single level.
        TrialInterruptedError
            If Escape was pressed and the session goes on.
        """
        ready = self._frames.take(frame)
        self.window.cursor(False)
        if self._hands and not frame.mask:
            self._hands.see(frame)
        asked = self.now()
        ready.draw()
        onset = self._flip("" if frame.mask else _picture_name(frame))
        self._draw_s = min(0.5 * self._draw_s + 0.5 * (onset - asked), 0.1)
        late_ms = 0.0 if self._due is None else (onset - self._due) * 1000
        difference = self._check(ready, frame)
        flips: list[float] = []
        if ms is not None:
            flips = self._wait_until(onset + ms / 1000, ready.draw)
        self._due = None if ms is None else onset + ms / 1000
        self._standing = (ready, onset) if ms is None else None
        return Shown(
            onset_s=onset,
            duration_ms=0.0 if ms is None else self._lasted(onset),
            sha256=ready.loaded.sha256,
            dropped_frames=self._dropped([onset, *flips]) if difference is None else 0,
            late_ms=late_ms,
            difference=difference,
        )

    def _lasted(self, onset: float) -> float:
        """Return the ms from `onset` to the flip that comes next."""
        coming = self.window.frame_ms if self.window.synchronised else 0.0
        return (self.now() - onset) * 1000 + coming

    def _dropped(self, flips: list[float]) -> int:
        frame = self.window.judged_frame_ms / 1000
        gaps = [later - earlier for earlier, later in pairwise(flips)]
        return sum(max(0, round(gap / frame) - 1) for gap in gaps)

    def _check(self, ready: Ready, frame: Frame) -> int | None:
        """Read the frame back while it stands and compare it with its images."""
        wanted = self._verify == "all" or (self._verify == "first" and not self._verified)
        if not wanted or frame.mask:
            return None
        ready.draw()
        difference = ready.difference(self.window.read_back())
        self.window.clear()
        self._verified += 1
        if difference:
            raise RefusedError(
                f"the window shows {', '.join(p.name for p in frame.images)} changed by up to "
                f"{difference} levels of 255; switch off colour management, scaling and night "
                "light for this screen, and run the checks again"
            )
        return difference

    # -- questions

    def rate(self, question: Question) -> Response:
        """Ask a question, under the standing frame if there is one, until it is answered.

        Raises
        ------
        TrialInterruptedError
            If Escape was pressed and the session goes on.
        """
        response = self._answer(question, below=self._standing is not None)
        self._standing = None
        if response is None:
            self._ask_to_quit()
            raise TrialInterruptedError
        return response

    def _screen(self, question: Question, below: bool) -> tuple[Screen, Texture]:
        kept = replace(question, not_before_ms=0.0, answer=None)
        if (kept, below) not in self._questions:
            if len(self._questions) >= KEPT_QUESTIONS:
                oldest = next(iter(self._questions))
                self._frames.give_back(self._questions.pop(oldest)[1])
            screen = screens.question(self.look, question, below=below)
            texture = self._frames.texture()
            texture.put(*self._drawn(screen.image))
            self._questions[kept, below] = (screen, texture)
        return self._questions[kept, below]

    def _answer(self, question: Question, *, below: bool) -> Response | None:
        """Run one question; None when Escape was pressed."""
        screen, texture = self._screen(question, below or question.name == "calibration-card")
        standing, onset = self._standing or (None, self.now())
        answering = Answering(question, screen, self.look, self._keys)
        open_at = onset + question.not_before_ms / 1000
        self.window.cursor(True)
        self.window.inputs()
        began: float | None = None
        while True:
            texture.draw()
            if standing is not None:
                standing.draw()
            self._draw_answer(answering)
            flipped = self._flip(self._names.of(answering))
            began = flipped if began is None else began
            if answering.done is not None:
                if question.kind == "buttons" and not self._hands:
                    time.sleep(PRESS_MS / 1000)
                return answering.response(began)
            if self._hands and flipped >= open_at:
                self._hands.at_question(self.window, question, screen, answering.value)
            happened = self.window.inputs()
            if self._wants_to_quit(happened):
                return None
            for one in happened:
                if one.time >= open_at:
                    answering.take(one)
            self._pause()

    def _draw_answer(self, answering: Answering) -> None:
        for name in answering.overlays():
            self._overlay.put(*answering.screen.overlays[name])
            self._overlay.draw()
        if answering.question.name == "calibration-card":
            self._draw_card(answering)
        if answering.question.kind == "slider" and answering.value is not None:
            mark = self._mark.image or sliders.marker(self.look)
            place = sliders.marker_box(
                self.look, answering.screen, answering.question, answering.value
            )
            self._mark.put(mark, place)
            self._mark.draw()

    def _draw_card(self, answering: Answering) -> None:
        low, high = answering.question.minimum, answering.question.maximum
        width = (low + high) / 2 if answering.value is None else answering.value
        picture = sliders.card(self.look, width, CARD_ASPECT)
        self._overlay.put(picture, sliders.card_box(self.look, picture, answering.screen))
        self._overlay.draw()


class _Names:
    """Names for screenshots of questions: numbered where one question has several texts."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}

    def of(self, answering: Answering) -> str:
        """Return the name of the screen as it stands; empty while a button is pressed."""
        question = answering.question
        texts = self._texts.setdefault(question.name, [])
        if question.text not in texts:
            texts.append(question.text)
        place = texts.index(question.text)
        number = f"-{place + 1}" if place else ""
        state = "-answered" if answering.value is not None else ""
        return f"question-{question.name}{number}{state}" if answering.done is None else ""


def _nothing() -> None:
    """Draw nothing: the window is cleared to the background."""


def _picture_name(frame: Frame) -> str:
    """Return the name of a frame's screenshot; one image with a caption is named by it too."""
    if len(frame.images) > 1 or not any(frame.captions):
        return f"picture-{len(frame.images)}"
    return "picture-1-" + "".join(c if c.isalnum() else "-" for c in frame.captions[0].lower())
