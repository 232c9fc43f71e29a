"""Marks on the image: where it suffers, or where a difference is seen, clicked or painted.

The table ``[marks]`` of a protocol. Beside a rating method the participant rates and then
marks; the method ``marks`` asks for the marks alone. "Nowhere" is always an answer, so that
nobody must invent damage. A click or brush has one radius for all participants, in pixels of
the image, which is shown at native size.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fechner.protocols.parts import Piece

TYPICAL_MARKING_MS = 8000.0
"""How long it takes to mark an image; a guess, which the live line of a session replaces."""


class Marking(Piece):
    """With what an image is marked, how often, and by which keys.

    tool
        ``click``: one place a mark. ``brush``: the button is held and places are painted.
    radius_px
        Of the click's circle or the brush, in pixels of the image.
    least, most
        How many marks stand when the participant goes on, unless the answer is "nowhere".
    beside_reference
        The reference stands to the left of the image while it is marked.
    undo, nowhere
        Keys that take the last mark back, and that answer "nowhere"; ``keys.confirm`` goes on.
    """

    tool: Literal["click", "brush"] = "brush"
    radius_px: int = Field(default=16, ge=2, le=500)
    least: int = Field(default=1, ge=1, le=100)
    most: int = Field(default=20, ge=1, le=200)
    beside_reference: bool = False
    undo: tuple[str, ...] = ("backspace", "delete")
    nowhere: tuple[str, ...] = ("n", "num_0")

    @model_validator(mode="after")
    def _least_is_not_above_most(self) -> Marking:
        if self.least > self.most:
            raise ValueError(f"least = {self.least} is above most = {self.most}; lower it")
        return self

    def check_keys(self, confirm: tuple[str, ...], quit_: tuple[str, ...]) -> None:
        """Refuse keys that have two meanings on the marking screen.

        Raises
        ------
        ValueError
            Names the key.
        """
        names = [*self.undo, *self.nowhere, *confirm, *quit_]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the key {twice[0]!r} has two meanings while marking; give it one")

    def __str__(self) -> str:
        tool = f"{self.tool} of {self.radius_px} px radius, {self.least} to {self.most} marks"
        return f"{tool} or nowhere{', beside the reference' if self.beside_reference else ''}"


class MarkTexts(Piece):
    """What the participant reads while marking: the question, the buttons, the limit reached."""

    question: str = Field(min_length=1)
    undo: str = Field(min_length=1)
    nowhere: str = Field(min_length=1)
    done: str = Field(min_length=1)
    full: str = Field(min_length=1)
