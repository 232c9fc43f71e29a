"""The rating methods: one protocol record each, told apart by `method`.

ITU-T P.910 and ITU-R BT.500 describe the rating methods; which document a shipped
protocol follows, and where it departs from it, stands in its `recommendation`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from fechner.protocols.marks import Marking
from fechner.protocols.parts import Quest
from fechner.protocols.protocol import Protocol
from fechner.protocols.texts import Texts
from fechner.records.scales import RatingScale


class SliderProtocol(Protocol):
    """Single images on a continuous scale."""

    method: Literal["slider"]

    @model_validator(mode="after")
    def _the_scale_is_a_line(self) -> SliderProtocol:
        _require_shown(self, "slider")
        return self


class AcrProtocol(Protocol):
    """Absolute category rating: single images on a category scale."""

    method: Literal["acr"]

    @model_validator(mode="after")
    def _the_scale_has_categories(self) -> AcrProtocol:
        _require_shown(self, "choices")
        return self


class AcrHiddenReferenceProtocol(Protocol):
    """Absolute category rating in which the reference is rated like any other image."""

    method: Literal["acr_hr"]

    @model_validator(mode="after")
    def _the_scale_has_categories(self) -> AcrHiddenReferenceProtocol:
        _require_shown(self, "choices")
        return self


class DcrSequentialProtocol(Protocol):
    """Degradation category rating: the reference, a gap, then the test image."""

    method: Literal["dcr_sequential"]

    @property
    def shows_reference(self) -> bool:
        """Whether a trial shows a reference image beside or before the rated one."""
        return True

    @property
    def reference_first(self) -> bool:
        """Whether a trial begins with the reference alone on the screen."""
        return True


class DcrSideBySideProtocol(Protocol):
    """Degradation category rating: reference and test at the same time, labelled."""

    method: Literal["dcr_side_by_side"]
    gap_px: int = Field(default=32, ge=0, description="distance between the two images in pixels")
    reference_side: Literal["left", "right", "random"] = "left"

    @property
    def shows_reference(self) -> bool:
        """Whether a trial shows a reference image beside or before the rated one."""
        return True


class PairProtocol(Protocol):
    """Forced choice between two images of one scene; the side is random.

    The choices are left and right on the screen; the journal's rating is 1 where the
    trial's `stimulus` was chosen and 0 where its `second` was.
    """

    method: Literal["pair"]
    gap_px: int = Field(default=32, ge=0, description="distance between the two images in pixels")
    reference_shown: bool = False
    pairs: Literal["low against high", "all of a scene"] = "all of a scene"

    @model_validator(mode="after")
    def _the_answer_is_a_side(self) -> PairProtocol:
        _require_one_image(self)
        _require_two_choices(self)
        return self

    @property
    def reference_first(self) -> bool:
        """Whether a trial begins with the reference alone on the screen."""
        return self.reference_shown

    @property
    def shows_reference(self) -> bool:
        """Whether a trial shows a reference image beside or before the rated one."""
        return self.reference_shown


class AuthenticityProtocol(Protocol):
    """Real or generated, then how sure."""

    method: Literal["authenticity"]
    confidence: RatingScale
    confidence_keys: tuple[tuple[str, ...], ...]

    @model_validator(mode="after")
    def _the_answer_is_real_or_generated(self) -> AuthenticityProtocol:
        _require_two_choices(self)
        return self

    @model_validator(mode="after")
    def _confidence_has_labels_and_keys(self) -> AuthenticityProtocol:
        wanted = len(self.confidence.labels_at)
        if len(self.texts.confidence_labels) != wanted or not self.texts.confidence_question:
            raise ValueError(
                f"the texts ({self.texts.language}) need a confidence_question and "
                f"{wanted} confidence_labels"
            )
        if len(self.confidence_keys) != len(self.confidence.choices):
            raise ValueError("confidence_keys needs one group of keys for each confidence choice")
        return self


class JndProtocol(Protocol):
    """Which of two images is degraded: thresholds of strength by QUEST+, region by region."""

    method: Literal["jnd"]
    gap_px: int = Field(default=32, ge=0, description="distance between the two images in pixels")
    quest: Quest = Quest()

    @model_validator(mode="after")
    def _the_answer_is_a_side(self) -> JndProtocol:
        _require_one_image(self)
        _require_two_choices(self)
        return self

    @property
    def shows_reference(self) -> bool:
        """Whether a trial shows a reference image beside or before the rated one."""
        return True


class MarksProtocol(Protocol):
    """Where the image suffers, without a rating: 1 for "nowhere", 0 where something was marked."""

    method: Literal["marks"]
    marks: Marking

    @model_validator(mode="after")
    def _the_answer_is_somewhere_or_nowhere(self) -> MarksProtocol:
        _require_two_values(self)
        if self.scale.good != "high":
            raise ValueError('marks needs scale.good = "high": 1 stands for "nowhere"')
        if not self.timing.until_response:
            raise ValueError(
                'marks needs timing.stimulus_ms = "until response": the image stays while it is '
                "marked"
            )
        return self

    @property
    def shows_reference(self) -> bool:
        """Whether a trial shows a reference image beside or before the rated one."""
        return self.marks.beside_reference


def _require_shown(protocol: Protocol, shown: str) -> None:
    if protocol.scale.shown != shown:
        raise ValueError(
            f"{protocol.method} needs scale.shown = {shown!r}, got {protocol.scale.shown!r}"
        )


def _require_one_image(protocol: Protocol) -> None:
    if protocol.marks is not None:
        raise ValueError(
            f"[marks] needs one rated image, and {protocol.method} asks about two; remove [marks] "
            "or choose another method"
        )


def _require_two_choices(protocol: Protocol) -> None:
    _require_two_values(protocol)
    allowed = ["instructed", *(["reference and severe"] if protocol.method == "pair" else [])]
    if protocol.catch.count and protocol.catch.kind not in allowed:
        kinds = " or ".join(f'"{kind}"' for kind in allowed)
        raise ValueError(
            f"{protocol.method} allows only catch.kind = {kinds}, got {protocol.catch.kind!r}"
        )


def _require_two_values(protocol: Protocol) -> None:
    if protocol.scale.choices != (0.0, 1.0):
        raise ValueError(
            f"{protocol.method} has two answers: give the scale minimum = 0, maximum = 1, "
            'step = 1, shown = "choices", labels_at = [0, 1]'
        )


AnyProtocol = Annotated[
    SliderProtocol
    | AcrProtocol
    | AcrHiddenReferenceProtocol
    | DcrSequentialProtocol
    | DcrSideBySideProtocol
    | PairProtocol
    | AuthenticityProtocol
    | JndProtocol
    | MarksProtocol,
    Field(discriminator="method"),
]

METHODS: dict[str, type[Protocol]] = {
    "slider": SliderProtocol,
    "acr": AcrProtocol,
    "acr_hr": AcrHiddenReferenceProtocol,
    "dcr_sequential": DcrSequentialProtocol,
    "dcr_side_by_side": DcrSideBySideProtocol,
    "pair": PairProtocol,
    "authenticity": AuthenticityProtocol,
    "jnd": JndProtocol,
    "marks": MarksProtocol,
}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a protocol's TOML file (the texts are files of their own)."""
    schema = TypeAdapter(AnyProtocol).json_schema(by_alias=True)
    for name in (model.__name__ for model in METHODS.values()):
        schema["$defs"][name]["properties"].pop("texts")
        schema["$defs"][name]["required"].remove("texts")
    for name in ("Texts", "QuestionText", "MarkTexts", "VisionTexts", "CommentTexts"):
        del schema["$defs"][name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def texts_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the texts, common and own ones joined."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Texts.model_json_schema()}
