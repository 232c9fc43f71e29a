"""What a participant says beside the trials: answers to the tests of vision, and a comment."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from fechner.records.journal.fields import Count, Digest, Line, NotNegative, TrialNumber

Side = Literal["left", "up", "down", "right"]


class VisionLine(Line):
    """One answered picture of a test of vision, and the right answer.

    `attempt` counts the tries of the test, `number` the pictures of a try, both from 1. A colour
    plate has an axis and the seed that it was drawn from, a letter its size in logMAR. Where a
    window showed it, `shown_sha256` is the digest of its pixels.
    """

    event: Literal["vision"]
    check: Literal["colour_plates", "tumbling_e"]
    attempt: TrialNumber
    number: TrialNumber
    axis: Literal["protan", "deutan", "tritan", "control"] | None = None
    seed: Count | None = None
    logmar: float | None = None
    right: Side
    answer: Side | Literal["unseen"]
    rt_ms: NotNegative
    device: Literal["mouse", "keyboard", "simulated"]
    shown_sha256: Digest | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> VisionLine:
        plate = self.check == "colour_plates"
        if (self.axis is not None, self.seed is not None, self.logmar is None) != (plate,) * 3:
            raise ValueError("a colour plate has an axis and a seed, a letter a logmar")
        if self.answer == "unseen" and not plate:
            raise ValueError("letters have no answer 'unseen'")
        return self


class CommentLine(Line):
    """What the participant wrote after the last trial; empty where nothing was written."""

    event: Literal["comment"]
    text: str
    rt_ms: NotNegative
    device: Literal["mouse", "keyboard", "simulated"]
