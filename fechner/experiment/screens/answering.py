"""The state of one question while it is answered: keys and mouse events in, a response out.

Knows where the buttons and the slider are and what the keys mean; draws nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from fechner.experiment.display import Question, Response
from fechner.experiment.screens import sliders
from fechner.experiment.screens.look import Look, Screen
from fechner.experiment.screens.typed_number import TypedNumber
from fechner.protocols.parts import with_num_lock

if TYPE_CHECKING:
    from fechner.protocols.parts import Keys

PAGE_STEPS = {"pageup": 10, "pagedown": -10}
"""Steps of a slider that these keys move; the arrow keys move one."""

ENDS = ("home", "end")
"""Keys that move a slider's mark to the lowest and to the highest value."""


class Input(NamedTuple):
    """What happened: `kind` in key, text, move, press, drag, release, close; time in seconds.

    `key` is the name of a key, or what was typed of a text. `time` is when the window looked; it
    happened after `since`, when the window had looked before.
    """

    kind: str
    time: float
    key: str = ""
    x: float = 0.0
    y: float = 0.0
    since: float = math.inf


class Click:
    """A click on a screen: a press and a release in one zone; neither alone answers."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.pressed: str | None = None

    def on(self, one: Input) -> str | None:
        """Take a mouse event; return the zone that it completes a click on, if any."""
        zone = self._screen.hit(one.x, one.y)
        if one.kind == "press":
            self.pressed = zone
        elif one.kind == "release":
            pressed, self.pressed = self.pressed, None
            return zone if zone == pressed else None
        return None


class Answering:
    """The state of one question while it is answered: moves in, a response out."""

    def __init__(self, question: Question, screen: Screen, look: Look, keys: Keys) -> None:
        self.question = question
        self.screen = screen
        self._look = look
        self._keys = keys
        self.value: float | None = None
        self.done: Input | None = None
        self.stepped_back = False
        self._moves: list[tuple[float, float]] = []
        self.typed = TypedNumber(question)
        self._has_typed = False
        self._click = Click(screen)

    def overlays(self) -> list[str]:
        """Return the overlays to draw now."""
        if self.question.kind == "buttons":
            place = [i for i, v in enumerate(self.question.values) if v == self.value]
            return [f"pressed-{place[0]}"] if place and self.done else []
        return ["confirm"] if self.value is not None else []

    def take(self, one: Input) -> None:
        """Take one key press or mouse event into account."""
        if self.done is not None or self.stepped_back:
            return
        if self.question.kind == "buttons":
            self._take_button(one)
        elif one.kind == "key":
            self._take_slider_key(one)
        else:
            self._take_slider_mouse(one)

    def _take_button(self, one: Input) -> None:
        place: int | None = None
        if one.kind == "key" and self.question.back and one.key in self._keys.back:
            self.stepped_back = True
        elif one.kind == "key":
            groups = [set(map(with_num_lock, keys)) for keys in self.question.keys]
            place = next((i for i, keys in enumerate(groups) if one.key in keys), None)
        else:
            zone = self._click.on(one)
            self.stepped_back = zone == "back"
            place = int(zone) if zone is not None and zone != "back" else None
        if place is not None:
            self._move(one, self.question.values[place])
            self.done = one

    def _take_slider_mouse(self, one: Input) -> None:
        zone = self._click.on(one)
        self.stepped_back = zone == "back"
        if zone == "confirm" and self.value is not None:
            self.done = one
        if self._click.pressed == "track" and one.kind in ("press", "drag"):
            self._move(one, sliders.track_value(self._look, self.question, one.x))

    def _take_slider_key(self, one: Input) -> None:
        question = self.question
        if one.key in self._keys.confirm:
            self.done = one if self.value is not None else None
            return
        if self.typed.takes(one.key):
            self._type(one)
            return
        # Where a number was typed these keys erase, and one press too many must not lead away.
        if question.back and one.key in self._keys.back and not self._has_typed:
            self.stepped_back = True
            return
        if one.key in ENDS:
            self._move(one, question.minimum if one.key == "home" else question.maximum)
            return
        steps = PAGE_STEPS.get(one.key, 0)
        steps += (one.key in self._keys.increase) - (one.key in self._keys.decrease)
        if steps:
            middle = (question.minimum + question.maximum) / 2
            value = middle if self.value is None else self.value
            self._move(one, value + steps * question.step)

    def _type(self, one: Input) -> None:
        """Take the typed number as the value; there is none while it is not on the scale."""
        self._has_typed = True
        self.typed.press(one.key)
        self.value = self.typed.value
        if self.value is not None:
            self._moves.append((one.time, self.value))

    def _move(self, one: Input, value: float) -> None:
        question = self.question
        self.typed = TypedNumber(question)
        steps = round((value - question.minimum) / question.step)
        value = question.minimum + steps * question.step
        self.value = min(max(value, question.minimum), question.maximum)
        self._moves.append((one.time, self.value))

    def response(self, began: float) -> Response:
        """Return the answer, with times in milliseconds since `began`."""
        if self.done is None or self.value is None:
            raise ValueError("the question has no answer yet")
        path = tuple((round((t - began) * 1000, 1), value) for t, value in self._moves)
        rt_ms = (self.done.time - began) * 1000
        device = "keyboard" if self.done.kind == "key" else "mouse"
        return Response(self.value, rt_ms, path, device)  # type: ignore[arg-type]


def asks_to_quit(happened: list[Input], keys: Keys) -> bool:
    """Return whether a key that ends a session was pressed, or the window was to be closed."""
    return any(one.key in keys.quit or one.kind == "close" for one in happened)
