"""A simulated participant at a real window: real key presses and clicks.

The window calls its user at every turn of its loop, as it would wait for a person;
what the user does goes through the same event queue. What to answer comes from the same
responder that answers without a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from fechner.experiment.display import Frame, Page, Question
from fechner.experiment.screens.look import Box, Look, Screen
from fechner.experiment.screens.sliders import track_place
from fechner.experiment.simulated.display import COMMENT

if TYPE_CHECKING:
    from fechner.experiment.screens.marking import Marking
    from fechner.experiment.screens.writing import Writing
    from fechner.experiment.simulated.display import SimulatedResponder
    from fechner.records.stimuli import Stimulus


class KeyboardAndMouse(Protocol):
    """The keyboard and the mouse of a window."""

    look: Look

    def press_key(self, name: str) -> None:
        """Press a key."""

    def type_text(self, text: str) -> None:
        """Type letters."""

    def click(self, x: float, y: float) -> None:
        """Click at (x, y) pixels from the top left corner."""

    def drag(self, path: Sequence[tuple[float, float]]) -> None:
        """Press at the first place of a path and release at the last."""


class WindowUser(Protocol):
    """Someone who looks at frames and acts on pages and questions."""

    def see(self, frame: Frame) -> None:
        """Look at a frame."""

    def at_page(self, board: KeyboardAndMouse, page: Page, screen: Screen) -> None:
        """Act on a page that waits; called until the page goes."""

    def at_question(
        self, board: KeyboardAndMouse, question: Question, screen: Screen, value: float | None
    ) -> None:
        """Act on a question; called until it is answered.

        Parameters
        ----------
        board
            What can be pressed and clicked.
        question
            What is asked.
        screen
            Its picture and the zones that take clicks.
        value
            What the screen shows as chosen so far; None for nothing.
        """

    def at_marking(self, board: KeyboardAndMouse, marking: Marking) -> None:
        """Act on an image that is to be marked; called until it is done."""

    def at_writing(self, board: KeyboardAndMouse, writing: Writing) -> None:
        """Act on a text that is to be typed; called until it is done."""


class SimulatedUser:
    """WindowUser that answer at once, in turn with keyboard and mouse.

    Parameters
    ----------
    responder
        Who knows the answers.
    devices
        The devices to use in turn, "keyboard" or "mouse".
    """

    def __init__(
        self, responder: SimulatedResponder, *, devices: tuple[str, ...] = ("mouse", "keyboard")
    ) -> None:
        self._responder = responder
        self._devices = devices
        self._looked: tuple[tuple[Stimulus, int], ...] = ()
        self._answers: tuple[Question, float] | None = None
        self._count = 0
        self._moved = False
        self._marks: list[list[tuple[int, int]]] | None = None

    def see(self, frame: Frame) -> None:
        """Remember what the answer is about."""
        self._looked = self._responder.look(frame)

    def at_page(self, board: KeyboardAndMouse, page: Page, screen: Screen) -> None:
        """Go on, with Return or a click on the button."""
        self._count += 1
        if self._device() == "keyboard":
            board.press_key("return")
        else:
            board.click(*_middle(screen.zones["proceed"]))

    def at_question(
        self, board: KeyboardAndMouse, question: Question, screen: Screen, value: float | None
    ) -> None:
        """Choose, then confirm.

        Parameters
        ----------
        board, question, screen, value
            As in `WindowUser.at_question`.
        """
        if self._answers is None or self._answers[0] is not question:
            self._count += 1
            if self._responder.goes_back(question):
                self._go_back(board, screen)
                return
            self._answers = (question, self._responder.answer(question, self._looked)[0])
        wanted = self._answers[1]
        if question.kind == "buttons":
            self._press_button(board, question, screen, wanted)
            self._answers = None
        elif value is None or (value != wanted and not self._moved):
            # One try: a click cannot hit every value of a line with fewer pixels than values.
            self._moved = value is not None
            self._move(board, question, screen, wanted)
        else:
            self._confirm(board, screen)
            self._answers, self._moved = None, False

    def at_marking(self, board: KeyboardAndMouse, marking: Marking) -> None:
        """Place the marks one after the other, then go on, with a key or a click."""
        if self._marks is None:
            self._count += 1
            self._marks = list(self._responder.marks(marking.task, marking.size))
        left, top = marking.box[:2]
        if self._marks:
            path = self._marks.pop(0)
            # Half a pixel on, so that no rounding moves a place to the pixel beside it.
            board.drag([(left + x + 0.5, top + y + 0.5) for x, y in path])
            return
        name = "done" if marking.standing else "nowhere"
        keys = {"done": ("return",), "nowhere": marking.task.nowhere_keys}[name]
        if self._device() == "keyboard" and keys:
            board.press_key(keys[0])
        else:
            board.click(*_middle(marking.screen.zones[name]))
        self._marks = None

    def _go_back(self, board: KeyboardAndMouse, screen: Screen) -> None:
        if self._device() == "keyboard":
            board.press_key("backspace")
        else:
            board.click(*_middle(screen.zones["back"]))

    def at_writing(self, board: KeyboardAndMouse, writing: Writing) -> None:
        """Type a comment with the keyboard, none with the mouse; then finish."""
        if self._device() != "keyboard":
            board.click(*_middle(writing.screen.zones["done"]))
        elif not writing.text:
            board.type_text(COMMENT)
        elif not writing.on_button:
            board.press_key("tab")
        else:
            board.press_key("return")

    def _device(self) -> str:
        return self._devices[self._count % len(self._devices)]

    def _press_button(
        self, board: KeyboardAndMouse, question: Question, screen: Screen, wanted: float
    ) -> None:
        place = question.values.index(wanted)
        keys = question.keys[place] if place < len(question.keys) else ()
        if self._device() == "keyboard" and keys:
            board.press_key(keys[0])
        else:
            board.click(*_middle(screen.zones[str(place)]))

    def _move(
        self, board: KeyboardAndMouse, question: Question, screen: Screen, wanted: float
    ) -> None:
        if self._device() == "keyboard" and wanted == int(wanted) and wanted >= 0:
            for digit in str(int(wanted)):
                board.press_key(digit)
        else:
            y = _middle(screen.zones["track"])[1]
            board.click(track_place(board.look, question, wanted), y)

    def _confirm(self, board: KeyboardAndMouse, screen: Screen) -> None:
        if self._device() == "keyboard":
            board.press_key("return")
        else:
            board.click(*_middle(screen.zones["confirm"]))


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
