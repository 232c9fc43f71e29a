"""The pages and questions of a session that are words alone, beside those of its trials."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fechner.experiment.display import Page, Question
from fechner.experiment.session import presentation
from fechner.experiment.session.before_trials import PAUSE_MS
from fechner.experiment.session.vision_tests import vision_pages

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol


def page_of(protocol: Protocol, name: str, body: str, *, title: str = "") -> Page:
    """Return a page that waits for the participant to go on."""
    return Page(name, title, body, protocol.texts.continue_hint)


def instructions(protocol: Protocol) -> list[Page]:
    """Return the pages of the instructions."""
    texts = protocol.texts
    return [
        page_of(protocol, f"instructions-{number}", body, title=texts.title if number == 1 else "")
        for number, body in enumerate(texts.instructions, start=1)
    ]


def pages_of(protocol: Protocol) -> list[Page]:
    """Return every page of text that a session can show."""
    texts = protocol.texts
    bodies = {"practice": texts.practice, "start": texts.start, "thanks": texts.thanks}
    bodies |= {"feedback-right": texts.feedback_right, "feedback-wrong": texts.feedback_wrong}
    bodies |= {"debriefing": texts.debriefing} if texts.debriefing else {}
    bodies |= {"break": texts.rest.format(done=100, total=200), "not-admitted": texts.not_admitted}
    others = [page_of(protocol, name, body) for name, body in bodies.items()]
    return [*vision_pages(protocol), *instructions(protocol), *others]


def quit_question(protocol: Protocol) -> Question:
    """Return what Escape asks: 0 to go on, 1 to end."""
    texts = protocol.texts
    labels = (texts.quit_no, texts.quit_yes)
    asked = presentation.numbered_buttons("quit", texts.quit_question, labels, 0.0)
    return replace(asked, not_before_ms=PAUSE_MS)
