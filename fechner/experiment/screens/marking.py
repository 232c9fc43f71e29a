"""The state of an image while it is marked: keys and mouse events in, marks out.

Knows where the image and the buttons are and what the keys mean; draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fechner.experiment.display import MarkTask
from fechner.experiment.screens.answering import Input
from fechner.experiment.screens.look import Box, Screen
from fechner.experiment.screens.painting import Painting
from fechner.records.journal.marks import Marks, Stroke

if TYPE_CHECKING:
    from fechner.protocols.parts import Keys
    from fechner.records.journal.painted import Place

STEP = 1 / 8
"""Points of a stroke lie at least this share of the radius apart; the area differs by nothing
that is seen, and a line of the journal stays short whatever the mouse's rate."""


@dataclass
class _Mark:
    """A mark on its way: points (x, y) with the times they were passed at, in seconds."""

    points: list[Place] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    undone: float | None = None


class Marking:
    """The marks of one image while they are made.

    Parameters
    ----------
    task
        What is asked.
    screen
        Its zones "undo", "nowhere" and "done".
    box
        Where the marked image stands in the window, one pixel of the one a pixel of the other.
    keys
        The protocol's keys.
    """

    def __init__(self, task: MarkTask, screen: Screen, box: Box, keys: Keys) -> None:
        self.task, self.screen, self.box = task, screen, box
        self._keys = keys
        self.size = (box[2] - box[0], box[3] - box[1])
        self.painting = Painting(self.size, task.radius)
        self.pointer: tuple[float, float] | None = None
        self.done: Input | None = None
        self._marks: list[_Mark] = []
        self._current: _Mark | None = None

    @property
    def standing(self) -> int:
        """How many marks stand."""
        return sum(mark.undone is None for mark in self._marks)

    @property
    def over_image(self) -> bool:
        """Whether the pointer is on the marked image."""
        return self.pointer is not None and self._on_image(*self.pointer)

    def _on_image(self, x: float, y: float) -> bool:
        left, top, right, bottom = self.box
        return left <= x < right and top <= y < bottom

    def usable(self) -> list[str]:
        """Return the buttons that can be used now, and "full" where no more marks are taken."""
        stand = self.standing
        states = {
            "undo": stand > 0,
            "nowhere": stand == 0,
            "done": stand >= self.task.least,
            "full": stand >= self.task.most and self._current is None,
        }
        return [name for name, now in states.items() if now]

    def take(self, one: Input) -> None:
        """Take one key press or mouse event into account."""
        if self.done is not None:
            return
        if one.kind == "key":
            self._take_key(one)
            return
        self.pointer = (one.x, one.y)
        if one.kind == "press" and self._on_image(one.x, one.y):
            self._begin(one)
        elif one.kind == "drag" and self._current is not None:
            self._go_on(one)
        elif one.kind == "release":
            if self._current is None:
                self._use(self.screen.hit(one.x, one.y), one)
            elif self.task.tool == "brush":
                self._go_on(one, end=True)
            self._current = None

    def _take_key(self, one: Input) -> None:
        meanings = {
            "undo": self.task.undo_keys,
            "nowhere": self.task.nowhere_keys,
            "done": self._keys.confirm,
        }
        name = next((name for name, keys in meanings.items() if one.key in keys), None)
        if name is not None:
            self._current = None
            self._use(name, one)

    def _use(self, name: str | None, one: Input) -> None:
        if name not in self.usable():
            return
        if name == "undo":
            self._undo(one)
        else:
            self.done = one

    def _begin(self, one: Input) -> None:
        if self.standing >= self.task.most:
            return
        mark = _Mark([self._place(one)], [one.time])
        self._marks.append(mark)
        self._current = mark
        self.painting.add(mark.points)

    def _go_on(self, one: Input, *, end: bool = False) -> None:
        mark = self._current
        if mark is None or self.task.tool == "click":
            return
        x, y = self._place(one)
        last = mark.points[-1]
        moved = ((x - last[0]) ** 2 + (y - last[1]) ** 2) ** 0.5
        if moved >= max(1.0, STEP * self.task.radius) or (end and moved):
            mark.points.append((x, y))
            mark.times.append(one.time)
            self.painting.add(mark.points[-2:])

    def _place(self, one: Input) -> tuple[int, int]:
        """Return the pixel of the image under the pointer; its edge where the pointer left it."""
        left, top = self.box[:2]
        width, height = self.size
        x, y = int(one.x // 1) - left, int(one.y // 1) - top
        return min(max(x, 0), width - 1), min(max(y, 0), height - 1)

    def _undo(self, one: Input) -> None:
        last = [mark for mark in self._marks if mark.undone is None][-1]
        last.undone = one.time
        self.painting.begin_anew([m.points for m in self._marks if m.undone is None])

    def result(self, began: float) -> Marks:
        """Return the marks, with times in milliseconds since `began`."""
        if self.done is None:
            raise ValueError("the marking has no end yet")

        def since(time: float) -> float:
            return round(max((time - began) * 1000, 0.0), 1)

        strokes = tuple(
            Stroke(
                points=tuple(
                    (int(x), int(y), since(time))
                    for (x, y, *_), time in zip(mark.points, mark.times, strict=True)
                ),
                radius=float(self.task.radius),
                undone_ms=None if mark.undone is None else since(mark.undone),
            )
            for mark in self._marks
        )
        return Marks(
            size=self.size,
            rt_ms=since(self.done.time),
            device="keyboard" if self.done.kind == "key" else "mouse",
            strokes=strokes,
        )
