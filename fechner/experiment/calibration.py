"""How large a pixel is for the participant: card, distance, pixels per degree.

A card of the ID-1 format (bank cards, identity cards; ISO/IEC 7810) is 85.60 mm wide.
Held against the screen it gives pixels per centimetre; with the viewing distance,

    pixels per degree = pixels per cm * distance * tan(1 degree)

at the centre of the screen.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError
from fechner.experiment.display import Question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fechner.records.journal import JournalRecord

CARD_CM = 8.560
"""Width of an ID-1 card in centimetres (ISO/IEC 7810)."""

CARD_ASPECT = 85.60 / 53.98
"""Width over height of an ID-1 card."""

PIXELS_PER_CM = (10.0, 400.0)
"""What screens have, from a projector to a phone: anything else is a mistake."""

USUAL_PIXELS_PER_CM = 37.8
"""A screen of 96 dots an inch, which simulated participants sit before."""

DISTANCE_CM = (20.0, 400.0)
"""Viewing distances that make sense for a rating session."""


@dataclass(frozen=True)
class Calibration:
    """Pixels per centimetre of a screen and the distance in centimetres it is seen from."""

    pixels_per_cm: float
    distance_cm: float

    def __post_init__(self) -> None:
        """Refuse numbers that no screen or chair has."""
        for name, (low, high) in (
            ("pixels_per_cm", PIXELS_PER_CM),
            ("distance_cm", DISTANCE_CM),
        ):
            if not low <= getattr(self, name) <= high:
                raise InputError(
                    f"expected {name} between {low:g} and {high:g}, got {getattr(self, name):g}; "
                    "measure again"
                )

    @property
    def pixels_per_degree(self) -> float:
        """Pixels per degree of visual angle at the centre of the screen."""
        return self.pixels_per_cm * self.distance_cm * math.tan(math.radians(1))

    def distance_for(self, pixels_per_degree: float) -> float:
        """Return the distance in centimetres that gives `pixels_per_degree` on this screen."""
        return pixels_per_degree / (self.pixels_per_cm * math.tan(math.radians(1)))

    def record(self) -> dict[str, Any]:
        """Return what the journal keeps."""
        rounded = {name: round(value, 3) for name, value in asdict(self).items()}
        return {**rounded, "pixels_per_degree": round(self.pixels_per_degree, 3)}


def from_card(card_px: float, distance_cm: float) -> Calibration:
    """Return the calibration of a screen on which an ID-1 card is `card_px` pixels wide."""
    return Calibration(card_px / CARD_CM, distance_cm)


def last_calibration(
    journals: Iterable[JournalRecord], *, size: tuple[int, int], monitor: int, machine: str
) -> Calibration | None:
    """Return the latest calibration that a person's session measured on this very screen.

    Several booths may write into one folder: the monitor is one of this `machine`.
    """
    found = None
    for journal in sorted(journals, key=lambda one: one.header.written):
        screen = journal.header.screen
        here = (screen.size, screen.monitor, screen.machine) == (size, monitor, machine)
        same = here and not journal.simulated
        if same and screen.pixels_per_cm is not None and screen.distance_cm is not None:
            found = Calibration(screen.pixels_per_cm, screen.distance_cm)
    return found


def card_question(size: tuple[int, int]) -> Question:
    """Return the question that fits a rectangle to a card, in a window of `size` pixels."""
    low, high = 160.0, float(max(400, min(round(size[0] * 0.9), 1600)))
    return Question(
        kind="slider",
        name="calibration-card",
        text=(
            "Hold a bank card against the screen and make the rectangle exactly as wide "
            "as the card, with the mouse or the arrow keys."
        ),
        labels=("smaller", "larger"),
        values=(low, high),
        minimum=low,
        maximum=high,
        step=1.0,
        confirm="The rectangle is as wide as the card",
        answer=round(min(USUAL_PIXELS_PER_CM * CARD_CM, high)),
    )


def distance_question(wanted_cm: float) -> Question:
    """Return the question for the viewing distance in centimetres."""
    return Question(
        kind="slider",
        name="calibration-distance",
        text=(
            "How far are the participant's eyes from the screen, in centimetres? "
            f"Move the mark or type the number (the protocol asks for {wanted_cm:g} cm)."
        ),
        labels=("20 cm", "60 cm", "100 cm", "150 cm"),
        values=(20.0, 60.0, 100.0, 150.0),
        minimum=20.0,
        maximum=150.0,
        step=1.0,
        confirm="This is the distance",
        answer=wanted_cm,
    )
