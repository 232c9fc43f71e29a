"""What a test of vision shows next, and when it is passed: pure functions of what was right so far.

A test is taken again from the start, with new pictures, as often as the protocol says. Every
picture follows from the participant, the session, the try and its place, so that a session that
was interrupted in a test goes on where it was, and a journal can be drawn again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from fechner.experiment.vision.letters import PANEL_DEG, Letter, lines, stroke_px
from fechner.experiment.vision.plates import DIRECTIONS, Direction, Plate, PlateKind
from fechner.protocols.vision import LINE_LOGMAR, ColourPlates, TumblingE
from fechner.provenance import digest
from fechner.records.scales import TOLERANCE

CheckName = Literal["colour_plates", "tumbling_e"]

UNSEEN: Literal["unseen"] = "unseen"
"""The answer of whoever sees no gap in a plate."""


@dataclass(frozen=True)
class Viewing:
    """Who is tested on which screen: its pixels per degree and its grey, an 8-bit value."""

    participant: str
    session: int
    pixels_per_degree: float
    grey: int


@dataclass(frozen=True)
class VisionPicture:
    """A picture of a test, the right answer, and what the journal says of it."""

    picture: Plate | Letter
    right: Direction
    facts: Mapping[str, str | float | int]


class VisionCheck(Protocol):
    """A test of vision, by the try (from 1) and by which of its answers were right so far."""

    name: CheckName
    answers: tuple[str, ...]
    tries: int
    decides: bool

    def coming(self, attempt: int, right: Sequence[bool]) -> VisionPicture | None:
        """Return the next picture; None where the try is over."""

    def passed(self, attempt: int, right: Sequence[bool]) -> bool:
        """Return whether a try that is over was passed."""

    def finding(self, attempt: int, right: Sequence[bool]) -> str:
        """Return what a try that is over found, in few words."""


def draws(name: str, viewing: Viewing, attempt: int) -> random.Random:
    """Return the generator of a try's pictures."""
    seed = digest([name, viewing.participant, viewing.session, attempt])
    return random.Random(int(seed[:12], 16))


class PlateCheck:
    """Colour plates: those for everybody first, the others in random order."""

    name: CheckName = "colour_plates"
    answers: tuple[str, ...] = (*DIRECTIONS, UNSEEN)

    def __init__(self, settings: ColourPlates, viewing: Viewing) -> None:
        self._settings, self._viewing = settings, viewing
        self.tries, self.decides = settings.tries, settings.decides

    def coming(self, attempt: int, right: Sequence[bool]) -> VisionPicture | None:
        """Return the next plate; None after the last."""
        plates = self._plates(attempt)
        if len(right) >= len(plates):
            return None
        plate = plates[len(right)]
        return VisionPicture(plate, plate.gap, {"axis": plate.axis, "seed": plate.seed})

    def passed(self, attempt: int, right: Sequence[bool]) -> bool:
        """Return whether enough plates of every axis were right, and all control plates."""
        least = self._settings.least_right
        found = self._counts(attempt, right)
        return all(n >= (of if axis == "control" else least) for axis, (n, of) in found.items())

    def finding(self, attempt: int, right: Sequence[bool]) -> str:
        """Return how many plates of each axis were right: ``protan 5/5, ..., control 2/2``."""
        found = self._counts(attempt, right)
        return ", ".join(f"{axis} {n}/{of}" for axis, (n, of) in found.items())

    def _counts(self, attempt: int, right: Sequence[bool]) -> dict[PlateKind, tuple[int, int]]:
        axes: tuple[PlateKind, ...] = (*self._settings.axes, "control")
        answered = list(zip(self._plates(attempt), right, strict=True))
        found = {axis: [good for plate, good in answered if plate.axis == axis] for axis in axes}
        return {axis: (sum(good), len(good)) for axis, good in found.items() if good}

    def _plates(self, attempt: int) -> list[Plate]:
        rng, settings = draws(self.name, self._viewing, attempt), self._settings
        axes: list[PlateKind] = [axis for axis in settings.axes for _ in range(settings.each)]
        rng.shuffle(axes)
        axes[:0] = ["control"] * settings.control
        return [
            Plate(
                axis=axis,
                gap=rng.choice(DIRECTIONS),
                distance_uv=settings.distance_uv,
                seed=rng.randrange(2**31),
                side=round(settings.size_deg * self._viewing.pixels_per_degree),
                grey=self._viewing.grey,
            )
            for axis in axes
        ]


class LetterCheck:
    """Tumbling letters, line by line until one is not read."""

    name: CheckName = "tumbling_e"
    answers: tuple[str, ...] = DIRECTIONS

    def __init__(self, settings: TumblingE, viewing: Viewing) -> None:
        self._settings, self._viewing = settings, viewing
        self.tries, self.decides = settings.tries, settings.decides
        largest, smallest = settings.largest_logmar, settings.smallest_logmar
        self.lines = lines(largest, smallest, viewing.pixels_per_degree)

    def coming(self, attempt: int, right: Sequence[bool]) -> VisionPicture | None:
        """Return the next letter; None after the first line that was not read."""
        line, place = divmod(len(right), self._settings.letters)
        if line >= len(self.lines) or (line and not place and not self._read(right, line - 1)):
            return None
        rng, degree = draws(self.name, self._viewing, attempt), self._viewing.pixels_per_degree
        towards = [rng.choice(DIRECTIONS) for _ in range(len(right) + 1)][-1]
        side = 2 * round(PANEL_DEG * degree / 2) + 1
        letter = Letter(towards, stroke_px(self.lines[line], degree), side)
        return VisionPicture(letter, towards, {"logmar": self.lines[line]})

    def _read(self, right: Sequence[bool], line: int) -> bool:
        letters = self._settings.letters
        return sum(right[line * letters : (line + 1) * letters]) >= self._settings.least_right

    def logmar(self, right: Sequence[bool]) -> float:
        """Return the acuity by letters: no finer than the last line, which may be the screen's."""
        letter = LINE_LOGMAR / self._settings.letters
        return round(self._settings.largest_logmar + LINE_LOGMAR - letter * sum(right), 6) + 0.0

    def passed(self, attempt: int, right: Sequence[bool]) -> bool:
        """Return whether the letters that were read are small enough."""
        return self.logmar(right) <= self._settings.at_most_logmar + TOLERANCE

    def finding(self, attempt: int, right: Sequence[bool]) -> str:
        """Return the acuity in logMAR."""
        return f"{self.logmar(right):.2f}"


def checks_of(
    colour_plates: ColourPlates | None, tumbling_e: TumblingE | None, viewing: Viewing
) -> Iterator[VisionCheck]:
    """Yield the tests that a protocol asks for; None stands for no such test."""
    if tumbling_e is not None:
        yield LetterCheck(tumbling_e, viewing)
    if colour_plates is not None:
        yield PlateCheck(colour_plates, viewing)
