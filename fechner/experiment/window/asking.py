"""Questions in the window: drawn, answered by people or simulated users, kept in textures.

What an answer is, `answering` says; this is the loop that draws, flips and listens.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from fechner.experiment.calibration import CARD_ASPECT
from fechner.experiment.display import (
    Moment,
    Question,
    Response,
    SteppedBackError,
    pixels_sha256,
)
from fechner.experiment.screens import bank_card, pages, sliders
from fechner.experiment.screens.answering import Answering, asks_to_quit
from fechner.experiment.screens.look import Box, Screen
from fechner.experiment.screens.opening import Opening
from fechner.experiment.window.frames import FrameLoader, UploadedFrame

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from fechner.experiment.simulated.window_user import WindowUser
    from fechner.experiment.window.screenshots import Screenshots
    from fechner.experiment.window.window import Texture, Window
    from fechner.protocols.parts import Keys

PRESS_MS = 120.0
"""How long a pressed button is shown as pressed."""

KEPT_QUESTIONS = 4
"""Questions whose screens stay in textures."""


class StandingFrame(NamedTuple):
    """A frame that stands while a question is answered, and the time in seconds it came."""

    frame: UploadedFrame
    onset: float


class Asking:
    """The questions of a session in a window; their textures come from `frames`."""

    def __init__(
        self,
        window: Window,
        frames: FrameLoader,
        *,
        keys: Keys,
        screenshots: Screenshots,
        user: WindowUser | None,
    ) -> None:
        self._window, self._look, self._frames = window, window.look, frames
        self._keys, self._screenshots, self._user = keys, screenshots, user
        self._questions: dict[tuple[Question, bool], tuple[Screen, Texture]] = {}
        self._overlay, self._mark = window.texture(), window.texture()
        self._typed, self._cue = window.texture(), window.texture()

    def answer(
        self,
        question: Question,
        *,
        standing: StandingFrame | None = None,
        on_moment: Callable[[Moment, float], None] | None = None,
    ) -> Response | None:
        """Ask a question, below a standing frame if there is one; None when Escape was pressed.

        Nothing that was pressed before the question was on the screen is taken for its answer.

        Raises
        ------
        SteppedBackError
            If the participant goes back to the screen before.
        """
        window, below = self._window, standing is not None
        screen, texture = self._screen(question, below)
        answering = Answering(question, screen, self._look, self._keys)
        opening = Opening(window.pause_ends, numbers=question.kind == "slider")
        window.cursor(True)
        if question.name == "quit":
            # A key that is held down must not take back at once what it asked.
            window.inputs()
        else:
            window.forget(self._keys)
        opening.before(window.lately)
        began: float | None = None
        while True:
            texture.draw()
            if standing is not None:
                standing.frame.draw()
            self._draw_answer(answering)
            self._draw_cue(answering, opening)
            self._screenshots.keep(self._screenshots.question_name(answering))
            flipped = window.flip()
            if began is None:
                began = flipped
                onset = began if standing is None else standing.onset
                opening.at = max(opening.at, began, onset + question.not_before_ms / 1000)
            if answering.stepped_back:
                window.answered()
                raise SteppedBackError
            if answering.done is not None:
                window.answered()
                if question.kind == "buttons" and not self._user:
                    time.sleep(PRESS_MS / 1000)
                return replace(answering.response(began), shown_sha256=_shown(screen))
            if self._user and flipped >= opening.at:
                self._user.at_question(window, question, screen, answering.value)
            happened = window.inputs()
            if asks_to_quit(happened, self._keys):
                return None
            for one in happened:
                if opening.admits(one):
                    answering.take(one)
            if answering.done is not None and on_moment is not None:
                on_moment("answer", answering.done.time)
            window.pause()

    def _screen(self, question: Question, below: bool) -> tuple[Screen, Texture]:
        kept = replace(question, not_before_ms=0.0, answer=None)
        if (kept, below) not in self._questions:
            if len(self._questions) >= KEPT_QUESTIONS:
                oldest = next(iter(self._questions))
                self._frames.give_back(self._questions.pop(oldest)[1])
            if question.name == "calibration-card":
                screen = bank_card.card_screen(self._look, question)
            else:
                screen = pages.question(self._look, question, below=below)
            texture = self._frames.texture()
            texture.put(*pages.drawn_part(self._look, screen.image))
            self._questions[kept, below] = (screen, texture)
        return self._questions[kept, below]

    def _draw_answer(self, answering: Answering) -> None:
        for name in answering.overlays():
            self._overlay.put(*answering.screen.overlays[name])
            self._overlay.draw()
        if answering.question.name == "calibration-card":
            self._draw_card(answering)
        if answering.question.kind == "slider" and answering.value is not None:
            mark = self._mark.image or sliders.marker(self._look)
            place = sliders.marker_box(
                self._look, answering.screen, answering.question, answering.value
            )
            self._mark.put(mark, place)
            self._mark.draw()

        if answering.typed.text:
            self._typed.put(*self._typed_picture(answering))
            self._typed.draw()

    def _typed_picture(self, answering: Answering) -> tuple[Image.Image, Box]:
        return sliders.typed_number(
            self._look,
            answering.screen,
            answering.question,
            answering.typed.text,
            counts=answering.value is not None,
        )

    def _draw_cue(self, answering: Answering, opening: Opening) -> None:
        cue = opening.cue(self._window.now())
        if cue and cue in answering.screen.overlays:
            self._cue.put(*answering.screen.overlays[cue])
            self._cue.draw()

    def _draw_card(self, answering: Answering) -> None:
        low, high = answering.question.minimum, answering.question.maximum
        width = (low + high) / 2 if answering.value is None else answering.value
        picture = bank_card.card(self._look, answering.screen, width, CARD_ASPECT)
        self._overlay.put(picture, bank_card.card_box(self._look, picture, answering.screen))
        self._overlay.draw()


def _shown(screen: Screen) -> str | None:
    """Return the digest of the picture that a question is about, as its screen has it."""
    return None if screen.picture is None else pixels_sha256(screen.image.crop(screen.picture))
