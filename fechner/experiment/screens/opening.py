"""From when on a question takes answers, and what becomes of what was pressed before.

What is pressed too early is ignored, and the screen says so. A window that was held up sees late
what was pressed early: what may have happened before the answer opened counts as that. A number
whose first digit came too early is ignored as a whole: 62 must never become 2. It is over after a
pause in typing, or with any other key or press.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from fechner.experiment.screens.typed_number import types_a_number

if TYPE_CHECKING:
    from fechner.experiment.screens.answering import Input

TYPING_S = 1.5
"""Digits typed within so many seconds of each other make one number."""

Cue = Literal["", "not-yet", "type-again"]
"""What the screen says of an answer that came too early."""


class Opening:
    """When a question's answer opens, on the clock of the inputs, in seconds.

    Parameters
    ----------
    at
        When it opens.
    numbers
        Whether numbers can be typed, so that the rest of one that began too early is ignored.
    """

    def __init__(self, at: float, *, numbers: bool) -> None:
        self.at = at
        self._numbers = numbers
        self._early = False
        self._ignored_digit: float | None = None

    def before(self, inputs: Iterable[Input]) -> None:
        """Take what was pressed before the question stood on the screen."""
        for one in inputs:
            self._ignore(one)
        self._early = False

    def admits(self, one: Input) -> bool:
        """Return whether an input counts for the answer."""
        if one.kind in ("move", "close"):
            return True
        if min(one.time, one.since) < self.at or self._goes_on(one):
            self._ignore(one)
            return False
        if one.kind in ("key", "press"):
            self._early, self._ignored_digit = False, None
        return True

    def _ignore(self, one: Input) -> None:
        if one.kind in ("key", "press"):
            self._early = True
            digit = self._numbers and one.kind == "key" and types_a_number(one.key)
            self._ignored_digit = one.time if digit else None

    def _goes_on(self, one: Input) -> bool:
        """Return whether a key goes on with a number that began too early."""
        digit = one.kind == "key" and types_a_number(one.key)
        return digit and self._waits(one.time)

    def _waits(self, now: float) -> bool:
        return self._ignored_digit is not None and now - self._ignored_digit <= TYPING_S

    def cue(self, now: float) -> Cue:
        """Return what the screen says now."""
        if self._waits(now):
            return "type-again"
        return "not-yet" if self._early and now < self.at else ""
