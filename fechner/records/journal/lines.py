"""The lines of a journal: which events there are, and what each of them may hold.

The first line is the session's header; every further line is one event. A line is a
frozen record that knows its keys and their types, so that a rating is a number and a
flag is true or false wherever a journal is read. What must agree between lines is checked
in `agreement`.
docs/journal-format.md describes every field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, ValidationError, model_validator

from fechner.errors import InputError, nearest
from fechner.records.complaints import one_line
from fechner.records.journal.fields import (
    Count,
    Digest,
    Line,
    Name,
    NotNegative,
    Record,
    TrialNumber,
    Word,
)
from fechner.records.journal.marks import MarkingFacts, Marks
from fechner.records.journal.participant import CommentLine, VisionLine
from fechner.records.scales import RatingScale

SCHEMA = 5
"""What is written: the last answer may be corrected, vision tested, and a comment written. Schemas
4 (without these), 3 (nobody admitted anew, and answers too fast to be answers not told apart) and
2 (no marks) are still read."""

CORRECTED_SCHEMA = 5
"""From here on the last answer may be corrected."""

TESTED_SCHEMA = 5
"""From here on vision may be tested, and a comment be written."""

READMIT_SCHEMA = 4
"""From here on who was turned away may be admitted anew."""

MARKED_SCHEMA = 3
"""From here on images may be marked."""

CHAINED_SCHEMA = 2
"""From here on every line carries the digest of the one before it."""

UNCHAINED_SCHEMA = 1
"""What the first version wrote: lines without digests. Still read, and noted."""

EARLY_MS = 50.0
"""In schema 1 an answer could be taken up to a few refreshes before its question was drawn."""

PARTICIPANT = r"^[A-Za-z0-9]{2,16}$"
"""A participant's code: letters and digits only, as BIDS wants them for ``sub-<label>``."""

Kind = Literal["practice", "anchor", "stabilising", "main", "repeat", "catch"]


class ScreenFacts(Record):
    """What a session knew of its window: sizes in pixels, times in milliseconds.

    `window` is "psychopy", or "none" for a simulated participant without one; `machine` tells
    the computers of several booths apart.
    """

    window: str | None = None
    machine: str | None = None
    size: tuple[int, int] | None = None
    screen: tuple[int, int] | None = None
    monitor: int | None = None
    fullscreen: bool | None = None
    virtual: bool | None = None
    scaling: float | None = None
    bits: int | None = None
    frame_ms: NotNegative | None = None
    jitter_ms: NotNegative | None = None
    synchronised: bool | None = None
    test_pattern_difference: Count | None = None
    pixels_per_cm: NotNegative | None = None
    distance_cm: NotNegative | None = None
    pixels_per_degree: NotNegative | None = None


class Header(Line):
    """The first line: what the session is, with all that exports need to stand alone."""

    event: Literal["session"]
    schema_: Literal[1, 2, 3, 4, 5] = Field(alias="schema")
    participant: str = Field(pattern=PARTICIPANT)
    session: int = Field(ge=1)
    protocol: Word
    method: Word
    language: Name
    dimension: Word
    scale: RatingScale
    confidence_scale: RatingScale | None = None
    labels: tuple[str, ...]
    question: str
    protocol_sha256: Digest
    stimuli_sha256: Digest
    plan_sha256: Digest
    prediction_sha256: Digest | None = None
    marks: MarkingFacts | None = None
    row: Count | None = None
    timing_override: Mapping[str, float | str | None] | None = None
    simulated: bool
    model: Mapping[str, JsonValue] | None
    software: Mapping[str, str] = {}
    screen: ScreenFacts = ScreenFacts()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Header:
        if self.simulated != (self.model is not None):
            raise ValueError("a session is simulated if, and only if, a model stands in it")
        labels, places = len(self.labels), len(self.scale.labels_at)
        if labels != places:
            raise ValueError(f"{labels} labels stand at {places} values of the scale")
        asks_confidence = self.method == "authenticity" and self.schema_ >= CHAINED_SCHEMA
        if asks_confidence != (self.confidence_scale is not None):
            raise ValueError("confidence_scale stands in sessions of the method authenticity only")
        if self.marks is not None and self.schema_ < MARKED_SCHEMA:
            raise ValueError(f"marks stand in journals of schema {MARKED_SCHEMA} or later only")
        return self


class TrialLine(Line):
    """One answered trial, or the last one answered anew: `correction` then counts from 1."""

    event: Literal["trial"]
    trial: TrialNumber
    block: Count
    kind: Kind
    stimulus: str
    scene: str
    region: str
    dimension: Word
    rating: float
    rt_ms: Annotated[float, Field(ge=-EARLY_MS)]
    path: tuple[tuple[float, float], ...] = ()
    device: Literal["mouse", "keyboard", "simulated"] | None = None
    anticipated: bool | None = None
    reference: Name | None = None
    second: Name | None = None
    side: Literal["left", "right"] | None = None
    onset_s: NotNegative | None = None
    duration_ms: NotNegative | None = None
    late_ms: float | None = None
    dropped_frames: Count | None = None
    shown_sha256: Digest | None = None
    pixel_difference: Annotated[int, Field(ge=0, le=255)] | None = None
    confidence: float | None = None
    confidence_rt_ms: NotNegative | None = None
    strength: NotNegative | None = None
    truth: Literal["real", "generated"] | None = None
    marks: Marks | None = None
    target: float | None = None
    passed: bool | None = None
    repeat_of: TrialNumber | None = None
    correction: TrialNumber | None = None
    simulated: bool | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> TrialLine:
        if not self.stimulus and self.kind != "catch":
            raise ValueError(f"a {self.kind} trial must name its stimulus")
        if not self.stimulus and (self.shown_sha256 is not None or self.marks is not None):
            what = "pixels were shown" if self.marks is None else "an image was marked"
            raise ValueError(f"{what}, and no stimulus is named")
        if (self.kind == "catch") != (self.target is not None):
            raise ValueError("a trial has a target if, and only if, it is a catch trial")
        if (self.target is None) != (self.passed is None):
            raise ValueError("a catch trial says whether it was passed, and no other trial does")
        if self.repeat_of is not None and self.repeat_of >= self.trial:
            raise ValueError(f"trial {self.trial} cannot repeat trial {self.repeat_of}")
        return self

    @property
    def marks_placed(self) -> int | None:
        """How many marks stand; 0 means nowhere, None that none were asked for."""
        return None if self.marks is None else len(self.marks.standing)

    @property
    def marks_rt_ms(self) -> float | None:
        """Milliseconds until the marks were done; None where none were asked for."""
        return None if self.marks is None else self.marks.rt_ms


class ResumeLine(Line):
    """The session was opened again after an interruption."""

    event: Literal["resume"]
    after_trial: Count


class BreakLine(Line):
    """A rest between two trials."""

    event: Literal["break"]
    after_trial: Count
    seconds: NotNegative


class QuitLine(Line):
    """The session was ended early; it can be resumed."""

    event: Literal["quit"]
    reason: str = ""


NOT_ADMITTED = "not admitted"
"""Why a session ended whose participant was turned away."""


class EndLine(Line):
    """The session reached its end."""

    event: Literal["end"]
    reason: str = ""
    catch_passed: Count | None = None
    catch_shown: Count | None = None
    attentive: bool | None = None


class ReadmitLine(Line):
    """After an end without admission: the experimenter lets the participant answer anew."""

    event: Literal["readmit"]


class CalibrationLine(Line):
    """The window and the viewing distance from here on, after a resumption."""

    event: Literal["calibration"]
    screen: ScreenFacts


class ScreeningLine(Line):
    """Consent, or one answered screening question."""

    event: Literal["screening"]
    question: Name
    answer: str | None = None
    accepted: bool


class ClockLine(Line):
    """The computer's clock was set by `jump_s` seconds."""

    event: Literal["clock"]
    jump_s: float


class NoteLine(Line):
    """Anything else worth keeping, under keys of its own."""

    model_config = ConfigDict(extra="allow")

    event: Literal["note"]

    @property
    def content(self) -> Mapping[str, Any]:
        """The keys of this note."""
        return dict(self.model_extra or {})


EVENTS: dict[str, type[Line]] = {
    "session": Header,
    "trial": TrialLine,
    "resume": ResumeLine,
    "break": BreakLine,
    "quit": QuitLine,
    "end": EndLine,
    "readmit": ReadmitLine,
    "calibration": CalibrationLine,
    "screening": ScreeningLine,
    "vision": VisionLine,
    "comment": CommentLine,
    "clock": ClockLine,
    "note": NoteLine,
}


def parse_line(content: bytes) -> Line:
    """Return the line that stands in JSON text, its keys and types checked.

    Raises
    ------
    InputError
        If it is no JSON object, its event is unknown, or a key is missing, unknown or of
        another type.
    """
    try:
        found = json.loads(content, parse_constant=_no_number)
    except ValueError as error:
        raise InputError(f"no JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError("expected a JSON object")
    kind = found.get("event")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise InputError(f"unknown journal event {kind!r}; {nearest(str(kind), EVENTS)}")
    if kind == "session":
        _check_schema(found.get("schema"))
    model = EVENTS[kind]
    try:
        return model.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise InputError(one_line(error, model, f"{kind} event")) from error


def _check_schema(schema: object) -> None:
    if schema not in range(UNCHAINED_SCHEMA, SCHEMA + 1):
        raise InputError(
            f"expected journal schema {UNCHAINED_SCHEMA} to {SCHEMA}, got {schema!r}; "
            "read it with the fechner version that wrote it"
        )


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def as_header(line: Line) -> Header:
    """Return the first line of a journal, if it is one.

    Raises
    ------
    InputError
        If it is another event.
    """
    if not isinstance(line, Header):
        raise InputError("the first line of a journal must be its session event")
    return line
