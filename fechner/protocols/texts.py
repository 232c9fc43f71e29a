"""What a protocol says to the participant, in one language.

A text file is TOML: ``slider.en.toml`` for the protocol ``slider`` in English. What
every protocol says alike (break, thanks, consent, screening) stands once a language
in ``common.en.toml`` and is overridden by the protocol's own file.
"""

from __future__ import annotations

from pydantic import Field

from fechner.protocols.parts import Piece


class QuestionText(Piece):
    """The wording of a screening question and of its answers, in the protocol's order."""

    question: str = Field(min_length=1)
    options: tuple[str, ...] = Field(min_length=2)


class Texts(Piece):
    """Every word that a participant reads.

    `instructions` is one string a page. ``{n}``, ``{minutes}`` and ``{label}`` in the
    texts that document them are filled in by the session.
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
    rest: str = Field(description="{done} and {total} trials")
    thanks: str
    continue_hint: str
    confirm_hint: str
    quit_question: str
    quit_yes: str
    quit_no: str
    catch: str = Field(description="{label}: the answer that is asked for")
    consent: str
    consent_yes: str
    consent_no: str
    not_admitted: str
    screening: dict[str, QuestionText] = Field(default_factory=dict)

    @property
    def every_word(self) -> str:
        """All texts joined, for checks of fonts."""
        parts = [self.language]
        for value in self.model_dump(mode="json").values():
            parts.append(str(value))
        return " ".join(parts)
