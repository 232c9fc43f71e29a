"""What a protocol says to the participant, in one language.

A text file is TOML: ``slider.en.toml`` for the protocol ``slider`` in English. What
every protocol says alike (break, thanks, consent, screening) stands once a language
in ``common.en.toml`` and is overridden by the protocol's own file.
"""

from __future__ import annotations

from string import Formatter

from pydantic import Field, model_validator

from fechner.protocols.comment import CommentTexts
from fechner.protocols.marks import MarkTexts
from fechner.protocols.parts import Piece
from fechner.protocols.vision import VisionTexts

PLACEHOLDERS = {
    "rest": {"done", "total"},
    "catch": {"label"},
    "turned_away_question": {"answer"},
}
"""The texts that the session fills in, and the words in braces that it knows."""


class QuestionText(Piece):
    """The wording of a screening question and of its answers, in the protocol's order."""

    question: str = Field(min_length=1)
    options: tuple[str, ...] = Field(min_length=2)


class Texts(Piece):
    """Every word that a participant reads.

    `instructions` is one string a page. `not_yet` stands in place of the question when
    something was pressed before the answer was open, `type_again` when a number was begun before
    that. `rest` may say ``{done}`` and ``{total}`` (numbers of trials) and `catch` must say
    ``{label}`` (the answer that is asked for): the session fills these in. `debriefing` is a page
    before the thanks; empty for none.
    """

    language: str = Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")
    title: str = Field(min_length=1)
    question: str = Field(min_length=1)
    labels: tuple[str, ...] = Field(min_length=2)
    instructions: tuple[str, ...] = Field(min_length=1)
    confidence_question: str = ""
    confidence_labels: tuple[str, ...] = ()
    reference_caption: str
    test_caption: str
    practice: str
    start: str
    rest: str
    thanks: str
    continue_hint: str
    confirm_hint: str
    not_yet: str
    type_again: str
    quit_question: str
    quit_yes: str
    quit_no: str
    catch: str
    consent: str
    consent_yes: str
    consent_no: str
    not_admitted: str
    turned_away_question: str
    turned_away_no: str
    turned_away_yes: str
    back: str
    feedback_right: str
    feedback_wrong: str
    debriefing: str = ""
    screening: dict[str, QuestionText] = Field(default_factory=dict)
    marks: MarkTexts | None = None
    vision: VisionTexts | None = None
    comment: CommentTexts | None = None

    @model_validator(mode="after")
    def _braces_are_known(self) -> Texts:
        for name, known in PLACEHOLDERS.items():
            try:
                used = {field for _, field, _, _ in Formatter().parse(getattr(self, name)) if field}
            except ValueError as error:
                raise ValueError(f"{name}: {error}; write {{{{ for a brace") from error
            if used - known:
                raise ValueError(
                    f"{name} says {{{min(used - known)}}}, which nothing fills in; "
                    f"known are: {', '.join(sorted(known))}"
                )
        if "{label}" not in self.catch:
            raise ValueError("catch must say {label}, the answer that is asked for")
        return self

    @property
    def every_word(self) -> str:
        """All texts joined, for checks of fonts."""
        parts = [self.language]
        for value in self.model_dump(mode="json").values():
            parts.append(str(value))
        return " ".join(parts)
