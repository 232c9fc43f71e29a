"""The marks of a trial: every click or brush stroke on the image, also those taken back.

Places are pixels of the image, ``(x, y)`` = column and row counted from 0 at its top left
corner; times are milliseconds from the moment when marking was possible.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fechner.records.journal.fields import Count, Name, NotNegative, Record

Side = Annotated[int, Field(ge=1)]


class Stroke(Record):
    """One mark: the pixels that the middle of a brush passed, or the one that was clicked.

    points
        ``(x, y, milliseconds)``; between two of them the brush moved straight. A brush that left
        the image goes on along its edge.
    radius
        Of the brush, or of the circle that a click stands for, in pixels of the image.
    undone_ms
        When the mark was taken back; None where it stands.
    """

    points: Annotated[tuple[tuple[Count, Count, NotNegative], ...], Field(min_length=1)]
    radius: Annotated[float, Field(gt=0)]
    undone_ms: NotNegative | None = None


class Marks(Record):
    """What one trial's image was marked with; no mark that stands means "nowhere".

    `size` is the width and height of the marked image in pixels, `rt_ms` the milliseconds from
    the moment when marking was possible to the end of it.
    """

    size: tuple[Side, Side]
    rt_ms: NotNegative
    device: Literal["mouse", "keyboard", "simulated"]
    strokes: tuple[Stroke, ...] = ()

    @model_validator(mode="after")
    def _marks_lie_on_the_image(self) -> Marks:
        width, height = self.size
        for stroke in self.strokes:
            for x, y, _ in stroke.points:
                if x >= width or y >= height:
                    raise ValueError(
                        f"the mark at ({x}, {y}) lies outside the image of {width} x {height} px"
                    )
        return self

    @property
    def standing(self) -> tuple[Stroke, ...]:
        """The marks that were not taken back."""
        return tuple(stroke for stroke in self.strokes if stroke.undone_ms is None)

    @property
    def nowhere(self) -> bool:
        """Whether the answer was that the image suffers nowhere."""
        return not self.standing


class MarkingFacts(Record):
    """How a session's images were marked: the protocol's tool and limits, and what was asked."""

    tool: Literal["click", "brush"]
    radius_px: Side
    least: Side
    most: Side
    beside_reference: bool
    question: Name
