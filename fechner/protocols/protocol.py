"""What every rating protocol holds; `methods` has one record for each rating method.

A protocol is a TOML file (what happens, when, with which numbers) and a text file a
language (what the participant reads). `schema.load_protocol` joins the two, which are
checked against each other here, and its `sha256` stands in every journal. Trial plans
and sessions read protocols; nothing writes them back.

What a rating means in the journal, by method: the value on the scale; for ``pair``
1 where the trial's stimulus was preferred and 0 where its second was; for
``authenticity`` 1 for "real" and 0 for "generated"; for ``jnd`` 1 where the
degraded image was found and 0 where not; for ``marks`` 1 where the image was marked nowhere and
0 where it was marked.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fechner.protocols.comment import TYPICAL_COMMENT_MS, Comment
from fechner.protocols.marks import TYPICAL_MARKING_MS, Marking
from fechner.protocols.parts import (
    Catch,
    Keys,
    Piece,
    ScreeningQuestion,
    ScreenSettings,
    Timing,
    Trials,
)
from fechner.protocols.texts import Texts
from fechner.protocols.vision import LETTER_MS, LINE_LOGMAR, PLATE_MS, ColourPlates, TumblingE
from fechner.provenance import digest
from fechner.records.scales import RatingScale

SCHEMA: Literal[1] = 1

VISION = ("tumbling_e", "colour_plates")
"""The tables of tests of vision, in the order in which they are taken."""


class Protocol(Piece):
    """What every rating method has; the methods add to it.

    `recommendation` names the document that the method follows and where it departs
    from it. `consent` makes the session ask for consent before anything else.
    """

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    method: str
    dimension: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    recommendation: str = Field(min_length=10)
    consent: bool = True
    scale: RatingScale
    timing: Timing = Timing()
    screen: ScreenSettings = ScreenSettings()
    keys: Keys = Keys()
    trials: Trials = Trials()
    catch: Catch = Catch()
    screening: tuple[ScreeningQuestion, ...] = ()
    colour_plates: ColourPlates | None = None
    tumbling_e: TumblingE | None = None
    comment: Comment | None = None
    marks: Marking | None = None
    texts: Texts

    @model_validator(mode="after")
    def _texts_fit_the_protocol(self) -> Protocol:
        wanted = len(self.scale.labels_at)
        if len(self.texts.labels) != wanted:
            raise ValueError(
                f"the scale has {wanted} labelled values and the texts "
                f"({self.texts.language}) have {len(self.texts.labels)} labels; "
                "give one label for each value of labels_at"
            )
        for question in self.screening:
            self._check_question(question)
        return self

    def _check_question(self, question: ScreeningQuestion) -> None:
        text = self.texts.screening.get(question.name)
        if text is None:
            raise ValueError(
                f"the texts ({self.texts.language}) lack the screening question "
                f"{question.name!r}; add [screening.{question.name}]"
            )
        if len(text.options) != len(question.options):
            raise ValueError(
                f"screening question {question.name!r} has {len(question.options)} options and "
                f"{len(text.options)} wordings in the texts ({self.texts.language})"
            )

    @model_validator(mode="after")
    def _every_choice_has_keys(self) -> Protocol:
        if len(self.keys.choices) != len(self.scale.choices):
            raise ValueError(
                f"the scale offers {len(self.scale.choices)} choices and keys.choices has "
                f"{len(self.keys.choices)} groups; give one group of keys for each choice"
            )
        return self

    @model_validator(mode="after")
    def _a_reference_first_is_shown_or_not_timed(self) -> Protocol:
        timed = self.timing.reference_ms is not None or self.timing.gap_ms is not None
        if self.reference_first and not (
            self.timing.reference_ms and self.timing.gap_ms is not None
        ):
            raise ValueError(
                f"{self.name} shows a reference first, which needs timing.reference_ms above 0 "
                "and timing.gap_ms"
            )
        if timed and not self.reference_first:
            raise ValueError(
                f"timing.reference_ms and timing.gap_ms have no meaning here, because {self.name} "
                "shows no reference first; remove them"
            )
        return self

    @model_validator(mode="after")
    def _feedback_needs_right_answers(self) -> Protocol:
        if self.trials.feedback and self.method not in ("jnd", "authenticity"):
            raise ValueError(
                f"{self.method} has no right answers, so trials.feedback = true has no meaning; "
                "remove it"
            )
        return self

    @model_validator(mode="after")
    def _only_questions_have_a_way_back(self) -> Protocol:
        if self.trials.correct_last and self.method == "marks":
            raise ValueError(
                "marks are taken back on their own screen, and no question before them has a way "
                "back; remove trials.correct_last"
            )
        return self

    @model_validator(mode="after")
    def _marks_have_words_and_keys(self) -> Protocol:
        if self.marks is None:
            return self
        if self.texts.marks is None:
            raise ValueError(
                f"the texts ({self.texts.language}) lack [marks], which the marking screen says; "
                "copy it from the shipped common texts"
            )
        self.marks.check_keys(self.keys.confirm, self.keys.quit)
        return self

    @model_validator(mode="after")
    def _tests_of_vision_and_comments_have_words(self) -> Protocol:
        asked = {name for name in VISION if getattr(self, name) is not None}
        wanted = {"vision": bool(asked), "comment": self.comment is not None}
        for name, is_wanted in wanted.items():
            if is_wanted and getattr(self.texts, name) is None:
                raise ValueError(
                    f"the texts ({self.texts.language}) lack [{name}]; copy it from the shipped "
                    "common texts"
                )
        for question in self.screening:
            if question.name in VISION:
                raise ValueError(f"{question.name!r} names a test of vision; rename the question")
        return self

    @property
    def reference_first(self) -> bool:
        """Whether a trial begins with the reference alone on the screen."""
        return False

    @property
    def sha256(self) -> str:
        """The digest of everything that shapes the session, texts included."""
        content = self.model_dump(mode="json", by_alias=True)
        # What is not asked for has no words that anybody reads, and journals that were begun before
        # it could be asked for hold the digest without it.
        for name in (*VISION, "comment", "marks"):
            if getattr(self, name) is None:
                del content[name]
                content["texts"].pop(name, None)
        if not any(name in content for name in VISION):
            del content["texts"]["vision"]
        if self.trials.conditions_per_scene == 1:
            # Journals that were begun before this could be more hold the digest without it.
            del content["trials"]["conditions_per_scene"]
        if not self.trials.correct_last:
            # The same holds for the way back to the last trial.
            del content["trials"]["correct_last"]
        return digest(content)

    @property
    def typical_trial_ms(self) -> float:
        """Expected length of a trial, marks included."""
        return self.timing.typical_trial_ms + (TYPICAL_MARKING_MS if self.marks else 0.0)

    @property
    def typical_tests_ms(self) -> float:
        """Expected length of the tests of vision and of the comment."""
        plates, letters = self.colour_plates, self.tumbling_e
        length = TYPICAL_COMMENT_MS if self.comment else 0.0
        if plates is not None:
            length += PLATE_MS * (plates.control + plates.each * len(plates.axes))
        if letters is not None:
            span = letters.largest_logmar - letters.smallest_logmar
            length += LETTER_MS * letters.letters * (1 + span / LINE_LOGMAR)
        return length

    @property
    def language(self) -> str:
        """The language of the texts, e.g. ``en``."""
        return self.texts.language

    @property
    def title(self) -> str:
        """The title that the participant sees."""
        return self.texts.title

    @property
    def shows_reference(self) -> bool:
        """Whether a trial shows a reference image beside or before the rated one."""
        return False

    @property
    def labels(self) -> tuple[tuple[float, str], ...]:
        """The labelled scale values with their labels, from the lowest."""
        return tuple(zip(self.scale.labels_at, self.texts.labels, strict=True))
