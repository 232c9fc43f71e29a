"""Marking in the window: the image, what is painted on it, the brush, and the buttons below.

What a mark is, `screens.marking` says; this is the loop that draws, flips and listens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fechner.experiment.display import MarkTask
from fechner.experiment.screens import mark_pages, painting
from fechner.experiment.screens.answering import asks_to_quit
from fechner.experiment.screens.marking import Marking
from fechner.experiment.screens.opening import Opening
from fechner.experiment.screens.pages import drawn_part

if TYPE_CHECKING:
    from fechner.experiment.screens.look import Box
    from fechner.experiment.simulated.window_user import WindowUser
    from fechner.experiment.window.asking import StandingFrame
    from fechner.experiment.window.screenshots import Screenshots
    from fechner.experiment.window.window import Window
    from fechner.protocols.parts import Keys
    from fechner.records.journal.marks import Marks


class MarkingScreen:
    """The marking of images in a window; its textures are kept from trial to trial."""

    def __init__(
        self, window: Window, *, keys: Keys, screenshots: Screenshots, user: WindowUser | None
    ) -> None:
        self._window, self._look = window, window.look
        self._keys, self._screenshots, self._user = keys, screenshots, user
        self._page, self._button = window.texture(), window.texture()
        self._paint, self._brush = window.texture(), window.texture()
        self._state: tuple[Marking, int] | None = None
        self._drawn = False

    def marks(self, task: MarkTask, standing: StandingFrame) -> Marks | None:
        """Let an image be marked; None when Escape was pressed.

        Nothing that was pressed before the question was on the screen is taken for a mark.
        """
        window = self._window
        screen = mark_pages.mark_screen(self._look, task, self._keys)
        marking = Marking(task, screen, standing.frame.loaded.boxes[task.place], self._keys)
        page, ring = drawn_part(self._look, screen.image), painting.ring(task.radius)
        earliest = standing.onset + task.not_before_ms / 1000
        opening = Opening(max(earliest, window.pause_ends), numbers=False)
        window.forget(self._keys)
        began: float | None = None
        while True:
            self._page.put(*page)
            self._page.draw()
            standing.frame.draw()
            self._draw_buttons(marking)
            self._draw_marks(marking)
            cue = opening.cue(window.now())
            if cue in screen.overlays:
                self._button.put(*screen.overlays[cue])
                self._button.draw()
            if marking.over_image:
                self._brush.put(ring, _around(marking.pointer, ring.width))
                self._brush.draw()
            window.cursor(not marking.over_image)
            self._screenshots.keep(_name(marking))
            flipped = window.flip()
            if began is None:
                began = flipped
                opening.at = max(opening.at, began)
            if marking.done is not None:
                window.answered()
                return marking.result(opening.at)
            if self._user and flipped >= opening.at:
                self._user.at_marking(window, marking)
            happened = window.inputs()
            if asks_to_quit(happened, self._keys):
                return None
            for one in happened:
                if opening.admits(one):
                    marking.take(one)
            window.pause()

    def _draw_buttons(self, marking: Marking) -> None:
        for name in marking.usable():
            self._button.put(*marking.screen.overlays[name])
            self._button.draw()

    def _draw_marks(self, marking: Marking) -> None:
        state = (marking, marking.painting.revision)
        if self._state != state:
            self._state, self._drawn = state, False
            drawn = marking.painting.picture()
            if drawn is not None:
                picture, (left, top, right, bottom) = drawn
                x, y = marking.box[:2]
                self._paint.put(picture, (x + left, y + top, x + right, y + bottom))
                self._drawn = True
        if self._drawn:
            self._paint.draw()


def _around(place: tuple[float, float] | None, side: int) -> Box:
    """Return the box of a picture of `side` px whose middle is a place."""
    x, y = place or (0.0, 0.0)
    left, top = int(x // 1) - side // 2, int(y // 1) - side // 2
    return left, top, left + side, top + side


def _name(marking: Marking) -> str:
    """Return the name of the screen's picture; empty while it changes."""
    return "" if marking.done else ("marks-placed" if marking.standing else "marks")
