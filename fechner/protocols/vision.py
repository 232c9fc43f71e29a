"""Tests of vision before the first trial, in place of self-report: colour plates, tumbling letters.

The tables ``[colour_plates]`` and ``[tumbling_e]`` of a protocol; what they say to the participant
is the table ``[vision]`` of its texts. Whoever fails is tested once more where `tries` says so, and
then not admitted, or with ``decides = false`` admitted with the finding in the journal. Neither
test is a diagnosis.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fechner.protocols.parts import Piece

Axis = Literal["protan", "deutan", "tritan"]
"""Which kind of cone a colour plate asks for: L, M or S."""

FARTHEST_UV = 0.09
"""The largest distance in u', v' that a standard screen (sRGB) shows on every axis, at the
luminances of the plates."""

LINE_LOGMAR = 0.1
"""Distance between two lines of letters."""

PLATE_MS, LETTER_MS = 3000.0, 2000.0
"""How long a plate and a letter take; guesses."""


class ColourPlates(Piece):
    """Dot plates whose ring is seen by colour alone; the answer is where its gap is.

    axes
        The confusion lines: no ring of ``protan`` is seen without L cones, and so on.
    each, least_right
        Plates an axis, and how many of them must be right. Of five plates
        somebody who picks a side at random gets four right with a chance of 1 in 64.
    control
        Plates that everybody sees, shown first; all of them must be right.
    distance_uv
        How far the ring's colour is from the ground's, in CIE 1976 u', v'. The upper limits of
        normal vision are about 0.010 on the protan and deutan and 0.015 on the tritan line (Regan,
        Reffin and Mollon 1994).
    size_deg
        Diameter of a plate in degrees.
    tries
        How often the test is taken until it is passed, each time with new plates.
    decides
        Whether whoever fails is not admitted.
    """

    axes: tuple[Axis, ...] = Field(default=("protan", "deutan", "tritan"), min_length=1)
    each: int = Field(default=5, ge=1, le=20)
    least_right: int = Field(default=4, ge=1, le=20)
    control: int = Field(default=2, ge=0, le=10)
    distance_uv: float = Field(default=0.05, ge=0.01, le=FARTHEST_UV)
    size_deg: float = Field(default=8.0, ge=2, le=20)
    tries: int = Field(default=2, ge=1, le=3)
    decides: bool = True

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> ColourPlates:
        if len(set(self.axes)) < len(self.axes):
            raise ValueError("axes names one of them twice; name each once")
        if self.least_right > self.each:
            raise ValueError(
                f"least_right = {self.least_right} is above each = {self.each}; lower it"
            )
        return self

    def __str__(self) -> str:
        return (
            f"{self.each} colour plates each of {', '.join(self.axes)} at {self.distance_uv:g} "
            f"u'v', {self.least_right} right to pass"
        )


class TumblingE(Piece):
    """Letters E in four directions, five a line, each line 0.1 logMAR smaller than the one before.

    Line by line with five letters and steps of 0.1 logMAR as on the ETDRS chart (Ferris, Kassoff,
    Bresnick and Bailey 1982), here one letter at a time. The test stops after the first line with
    fewer than `least_right` right. Every letter of a line of five counts 0.02:

        logMAR = largest_logmar + 0.1 - 0.1 / letters * letters right.

    largest_logmar, smallest_logmar
        The first line and the last; a screen whose pixels are too coarse for the last ends
        earlier, at the smallest line whose strokes are one pixel wide.
    letters, least_right
        Letters a line, and how many of them must be right to go on: three of five, near half-way
        between guessing (a quarter) and all.
    at_most_logmar
        Whoever needs larger letters fails.
    tries, decides
        As with colour plates.
    """

    largest_logmar: float = Field(default=0.6, ge=-0.3, le=1.3)
    smallest_logmar: float = Field(default=0.0, ge=-0.3, le=1.3)
    letters: int = Field(default=5, ge=3, le=10)
    least_right: int = Field(default=3, ge=1, le=10)
    at_most_logmar: float = Field(default=0.3, ge=-0.3, le=1.3)
    tries: int = Field(default=2, ge=1, le=3)
    decides: bool = True

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> TumblingE:
        if self.least_right > self.letters:
            raise ValueError(
                f"least_right = {self.least_right} is above letters = {self.letters}; lower it"
            )
        if not self.smallest_logmar <= self.at_most_logmar <= self.largest_logmar:
            raise ValueError(
                "expected smallest_logmar <= at_most_logmar <= largest_logmar, got "
                f"{self.smallest_logmar:g}, {self.at_most_logmar:g}, {self.largest_logmar:g}"
            )
        return self

    def __str__(self) -> str:
        return (
            f"tumbling E from logMAR {self.largest_logmar:g} to {self.smallest_logmar:g}, "
            f"at most {self.at_most_logmar:g} to pass"
        )


class VisionTexts(Piece):
    """What the participant reads while vision is tested.

    `colour_plates` and `tumbling_e` are the pages before the tests; `directions` names the four
    answers left, up, down, right, and `unseen` the fifth answer to a plate. `once_more` is the page
    before a further try, `not_admitted` the one for whoever fails.
    """

    colour_plates: str = Field(min_length=1)
    colour_plates_question: str = Field(min_length=1)
    tumbling_e: str = Field(min_length=1)
    tumbling_e_question: str = Field(min_length=1)
    directions: tuple[str, str, str, str]
    unseen: str = Field(min_length=1)
    once_more: str = Field(min_length=1)
    not_admitted: str = Field(min_length=1)
