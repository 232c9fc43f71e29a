"""A free text in the window: drawn at every letter, as `screens.writing` composes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fechner.experiment.display import WritingTask, WrittenText
from fechner.experiment.screens.answering import Input
from fechner.experiment.screens.opening import Opening
from fechner.experiment.screens.pages import drawn_part
from fechner.experiment.screens.writing import Writing, typed_field, writing_screen

if TYPE_CHECKING:
    from fechner.experiment.simulated.window_user import WindowUser
    from fechner.experiment.window.screenshots import Screenshots
    from fechner.experiment.window.window import Window
    from fechner.protocols.parts import Keys


class WritingScreen:
    """The screen of one text, which can be left to ask whether the session ends, and resumed."""

    def __init__(
        self,
        window: Window,
        task: WritingTask,
        *,
        keys: Keys,
        screenshots: Screenshots,
        user: WindowUser | None,
    ) -> None:
        self._window, self._keys = window, keys
        self._screenshots, self._user = screenshots, user
        self._look, screen = writing_screen(window.look, task)
        self.writing = Writing(task, screen)
        self._base, self._field, self._button = (window.texture() for _ in range(3))
        self._shown: tuple[str, bool] | None = None

    def written(self) -> WrittenText | None:
        """Let the text be typed until it is done; None when Escape was pressed."""
        window, writing = self._window, self.writing
        opening = Opening(window.pause_ends, numbers=False)
        self._base.put(*drawn_part(self._look, writing.screen.image))
        window.cursor(True)
        window.forget(self._keys)
        window.takes_text = True
        try:
            return self._typed(opening)
        finally:
            window.takes_text = False

    def _typed(self, opening: Opening) -> WrittenText | None:
        window, writing = self._window, self.writing
        first = True
        while True:
            self._draw()
            flipped = window.flip()
            if first:
                wait = 0.0 if writing.began is not None else writing.task.not_before_ms / 1000
                opening.at, first = max(opening.at, flipped + wait), False
                writing.began = flipped if writing.began is None else writing.began
            if writing.done is not None:
                window.answered()
                return writing.result()
            if self._user and flipped >= opening.at:
                self._user.at_writing(window, writing)
            happened = window.inputs()
            if any(self._asks_to_quit(one) for one in happened):
                return None
            for one in happened:
                if opening.admits(one):
                    writing.take(one)
            window.pause()

    def _asks_to_quit(self, one: Input) -> bool:
        """Return whether somebody wants to leave; a quit key that types a letter types it here."""
        named = one.kind == "key" and len(one.key) > 1
        return one.kind == "close" or (named and one.key in self._keys.quit)

    def _draw(self) -> None:
        writing = self.writing
        self._base.draw()
        if self._shown != (writing.text, writing.on_button):
            self._shown = (writing.text, writing.on_button)
            self._field.put(*typed_field(self._look, writing))
        self._field.draw()
        if writing.on_button or writing.done is not None:
            self._button.put(*writing.screen.overlays["done"])
            self._button.draw()
        state = "-answered" if writing.text else ""
        self._screenshots.keep("" if writing.done else f"{writing.task.name}{state}")
