"""Who may take part: consent and the screening questions, before anything is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fechner.experiment.display import Display, Question, TrialInterruptedError
from fechner.experiment.session.presentation import numbered_buttons
from fechner.records.journal.lines import Line, ScreeningLine

if TYPE_CHECKING:
    from fechner.protocols.parts import ScreeningQuestion
    from fechner.protocols.schema import Protocol

Append = Callable[[Mapping[str, Any]], None]


def admitted(protocol: Protocol, display: Display, events: Sequence[Line], append: Append) -> bool:
    """Ask for consent and every screening question that was not answered yet.

    Parameters
    ----------
    protocol
        Whose questions are asked.
    display
        Where they are asked.
    events
        What the journal holds already.
    append
        Writes an answer into the journal.

    Returns
    -------
    bool
        Whether the participant is admitted.
    """
    answered = {event.question: event for event in events if isinstance(event, ScreeningLine)}
    if any(not event.accepted for event in answered.values()):
        return False
    if protocol.consent and "consent" not in answered:
        event = _consent(protocol, display)
        append(event)
        if not event["accepted"]:
            return False
    for question in protocol.screening:
        if question.name in answered:
            continue
        event = _screening(protocol, question, display)
        append(event)
        if not event["accepted"]:
            return False
    return True


def _consent(protocol: Protocol, display: Display) -> dict[str, Any]:
    texts = protocol.texts
    labels = (texts.consent_yes, texts.consent_no)
    accepted = _ask(display, numbered_buttons("consent", texts.consent, labels, 0.0)) == 0
    return {"event": "screening", "question": "consent", "accepted": accepted}


def _screening(protocol: Protocol, asked: ScreeningQuestion, display: Display) -> dict[str, Any]:
    text = protocol.texts.screening[asked.name]
    expected = float(asked.options.index(asked.accept[0]) if asked.accept else 0)
    question = numbered_buttons(f"screening.{asked.name}", text.question, text.options, expected)
    answer = asked.options[int(_ask(display, question))]
    accepted = not asked.accept or answer in asked.accept
    return {
        "event": "screening",
        "question": asked.name,
        "answer": answer,
        "accepted": accepted,
    }


def _ask(display: Display, question: Question) -> float:
    """Ask until there is an answer: Escape that was not meant asks again."""
    while True:
        try:
            return display.rate(question).value
        except TrialInterruptedError:
            continue
