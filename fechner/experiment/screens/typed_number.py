"""A number that is typed on a slider: which keys type, what stands there, and its value.

The keypad types like the upper row, whatever Num Lock says (the window names its keys alike): a
key that types with it and moves the mark without it would make another answer of the same press.
What does not lie on the scale has no value and cannot be confirmed, so that no slip becomes an
answer by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fechner.records.scales import TOLERANCE

if TYPE_CHECKING:
    from fechner.experiment.display import Question

LONGEST = 8
"""Characters of the longest number that is typed; no scale needs more."""

DIGITS = {
    **{str(digit): str(digit) for digit in range(10)},
    **{f"num_{digit}": str(digit) for digit in range(10)},
}
"""The digit that a key of either row types."""

POINTS = ("period", "comma", "num_decimal")
"""Keys of the decimal point; on a scale of whole numbers those of the keypad erase."""

SIGNS = ("minus", "num_subtract")

ERASERS = ("backspace", "delete")


def types_a_number(key: str) -> bool:
    """Return whether a key belongs to numbers on some scale."""
    return key in DIGITS or key in POINTS or key in SIGNS


class TypedNumber:
    """The number on its way, for a slider's question."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._whole = all(
            float(number).is_integer() for number in (question.minimum, question.step)
        )
        self.text = ""

    def takes(self, key: str) -> bool:
        """Return whether a key types on this scale, or erases something that was typed."""
        return bool(self._character(key)) or (self._erases(key) and bool(self.text))

    def press(self, key: str) -> None:
        """Type a character, or erase the last one."""
        if self._erases(key):
            self.text = self.text[:-1]
        elif len(self.text) < LONGEST:
            self.text += self._character(key)

    def _erases(self, key: str) -> bool:
        return key in ERASERS or (self._whole and key in POINTS and key.startswith("num_"))

    def _character(self, key: str) -> str:
        if key in POINTS and not self._whole:
            return "."
        if key in SIGNS and self._question.minimum < 0:
            return "-"
        return DIGITS.get(key, "")

    @property
    def value(self) -> float | None:
        """The number, where it is whole and lies on the scale; None for everything else."""
        try:
            number = float(self.text)
        except ValueError:
            return None
        question = self._question
        steps = (number - question.minimum) / question.step
        on_step = abs(steps - round(steps)) <= TOLERANCE
        inside = question.minimum <= number <= question.maximum
        return number if on_step and inside else None
