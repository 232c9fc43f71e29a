"""A free comment after the last trial: the table ``[comment]`` of a protocol and of its texts.

The comment is typed, may be empty, and stands in the journal as it was typed. People write names
and addresses into free texts: read comments before you give an export to others.
"""

from __future__ import annotations

from pydantic import Field, field_validator

from fechner.protocols.parts import Piece

TYPICAL_COMMENT_MS = 30_000.0
"""How long a comment takes; a guess."""


class Comment(Piece):
    """That a comment is asked for, and how long it may be, in characters."""

    most_characters: int = Field(default=1000, ge=20, le=10_000)

    def __str__(self) -> str:
        return f"at most {self.most_characters} characters"


class CommentTexts(Piece):
    """What the participant reads: the question, how to go on, the button, the room that is left.

    `left` says ``{left}``, the number of characters that may still be typed.
    """

    question: str = Field(min_length=1)
    hint: str = Field(min_length=1)
    done: str = Field(min_length=1)
    left: str = Field(min_length=1)

    @field_validator("left")
    @classmethod
    def _says_how_many(cls, text: str) -> str:
        if text.replace("{left}", "", 1).count("{") or "{left}" not in text:
            raise ValueError("left must say {left}, the number of characters, and no other word")
        return text
