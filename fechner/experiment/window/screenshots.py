"""A picture of every screen of a session, each kept once under a name of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fechner.experiment.display import Frame

if TYPE_CHECKING:
    from fechner.experiment.screens.answering import Answering
    from fechner.experiment.window.window import Window


class Screenshots:
    """Pictures of a window in `folder`; None keeps none.

    Questions are numbered where one of them has several texts.
    """

    def __init__(self, window: Window, folder: Path | None) -> None:
        self._window, self._folder = window, folder
        self._texts: dict[str, list[str]] = {}

    def keep(self, name: str) -> None:
        """Save what is drawn and not flipped yet, where it has a name that is not kept yet."""
        if not self._folder or not name:
            return
        path = self._folder / f"{name}.png"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._window.read_back().save(path, optimize=True)

    def question_name(self, answering: Answering) -> str:
        """Return the name of the screen as it stands; empty while a button is pressed."""
        question = answering.question
        texts = self._texts.setdefault(question.name, [])
        if question.text not in texts:
            texts.append(question.text)
        place = texts.index(question.text)
        number = f"-{place + 1}" if place else ""
        state = "-answered" if answering.value is not None else ""
        return f"question-{question.name}{number}{state}" if answering.done is None else ""


def picture_name(frame: Frame) -> str:
    """Return the name of a frame's screenshot; one image with a caption is named by it too."""
    if len(frame.images) > 1 or not any(frame.captions):
        return f"picture-{len(frame.images)}"
    return "picture-1-" + "".join(c if c.isalnum() else "-" for c in frame.captions[0].lower())
