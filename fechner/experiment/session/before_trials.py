"""What comes before the first trial: consent, screening questions, tests of vision, pages to read.

No accident ends a participant here. An answer that would turn somebody away is asked about once
more, every screen has a way back to the one before, and no screen takes an answer so soon that a
second press could have been meant for the screen before it. A test of vision is not taken back: it
is taken once more where it was failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fechner.experiment.display import (
    Display,
    Page,
    Question,
    Response,
    SteppedBackError,
    TrialInterruptedError,
)
from fechner.experiment.session.presentation import numbered_buttons
from fechner.experiment.session.vision_tests import VisionTest, vision_checks, vision_page
from fechner.records.journal.fields import Line
from fechner.records.journal.lines import ReadmitLine, ScreeningLine

if TYPE_CHECKING:
    from fechner.experiment.vision.checks import VisionCheck
    from fechner.protocols.schema import Protocol
    from fechner.records.journal import JournalRecord

Append = Callable[[Mapping[str, Any]], None]

PAUSE_MS = 600.0
"""No screen takes an answer earlier: a double press of half a second answers one screen."""

TURNING_AWAY_PAUSE_MS = 1000.0
"""The same for the question whether an answer was meant that turns a participant away."""


@dataclass(frozen=True)
class _Asked:
    """Consent or a screening question: what is shown, and what its answers mean."""

    name: str
    question: Question
    answers: tuple[str, ...]
    accepted: tuple[str, ...]

    def event(self, place: int) -> dict[str, Any]:
        """Return what the journal keeps of the answer at a place."""
        answer = self.answers[place]
        event = {"event": "screening", "question": self.name, "accepted": answer in self.accepted}
        return event if self.name == "consent" else {**event, "answer": answer}


@dataclass(frozen=True)
class _Screen:
    """A screen before the trials and the name of its answer; no way leads back to a final one."""

    show: Callable[..., bool]
    name: str = ""
    final: bool = False


class BeforeTrials:
    """The screens before the first trial, those that are left of them.

    Parameters
    ----------
    protocol
        Whose questions are asked.
    display
        Where they are asked.
    record
        What the journal holds already.
    append
        Writes an answer into the journal.
    """

    def __init__(
        self, protocol: Protocol, display: Display, record: JournalRecord, append: Append
    ) -> None:
        self._protocol, self._texts, self._display = protocol, protocol.texts, display
        self._record = record
        self._answered = _answered(record.events)
        self._begun, self._append = record.last_trial > 0, append
        # Simulated participants press nothing twice, and need not wait.
        self._pauses = not record.simulated

    def passed(self, pages: Sequence[Page]) -> bool:
        """Ask what was not answered yet, then show the pages; return whether nobody objects."""
        if any(not line.accepted for line in self._answered.values()):
            return False
        screens = self._screens()
        number = len(screens)
        screens += [_Screen(partial(self._read, page)) for page in pages]
        # Whom a trial was shown to has passed the questions, and reads the pages only.
        place = first = number if self._begun else 0
        while place < number and screens[place].name in self._answered:
            place += 1
            first = place if screens[place - 1].final else first
        while place < len(screens):
            try:
                if not screens[place].show(back=self._texts.back if place > first else ""):
                    return False
            except SteppedBackError:
                place -= 1
            else:
                place += 1
                first = place if screens[place - 1].final else first
        return True

    def _screens(self) -> list[_Screen]:
        """Return the questions and tests, each with the name that its answer has in the journal."""
        screens = [
            _Screen(partial(self._ask, one), one.name) for one in _asked_before(self._protocol)
        ]
        for check in vision_checks(self._protocol, self._record):
            page = vision_page(self._protocol, check)
            screens.append(_Screen(partial(self._read, page), check.name))
            screens.append(_Screen(partial(self._test, check), check.name, final=True))
        return screens

    def _test(self, check: VisionCheck, *, back: str) -> bool:
        """Take a test of vision, from which there is no way back; return whether it admits."""
        test = VisionTest(
            self._protocol,
            check,
            self._record.events,
            ask=self._picture,
            read=partial(self._read, back=""),
            append=self._append,
        )
        return test.passed()

    def _read(self, page: Page, *, back: str) -> bool:
        self._display.text(replace(page, back=back, not_before_ms=self._pause(PAUSE_MS)))
        return True

    def _ask(self, asked: _Asked, *, back: str) -> bool:
        """Ask one question until its answer stands; return whether it admits."""
        question = replace(asked.question, back=back, not_before_ms=self._pause(PAUSE_MS))
        while True:
            place = int(self._answer(question))
            event = asked.event(place)
            if event["accepted"] or self._means_it(asked.name, question.labels[place]):
                self._append(event)
                return bool(event["accepted"])
            self._append({"event": "note", "note": "answer taken back", "question": asked.name})

    def _means_it(self, name: str, label: str) -> bool:
        """Ask whether an answer was meant that turns the participant away."""
        question = _turning_away(self._protocol, name, label)
        pause = self._pause(TURNING_AWAY_PAUSE_MS)
        return self._answer(replace(question, not_before_ms=pause)) == 1

    def _picture(self, question: Question) -> Response:
        return self._response(replace(question, not_before_ms=self._pause(PAUSE_MS)))

    def _answer(self, question: Question) -> float:
        return self._response(question).value

    def _response(self, question: Question) -> Response:
        """Ask until there is an answer: Escape that was not meant asks again."""
        while True:
            try:
                return self._display.rate(question)
            except TrialInterruptedError:
                continue

    def _pause(self, milliseconds: float) -> float:
        return milliseconds if self._pauses else 0.0


def questions_before(protocol: Protocol) -> Iterator[Question]:
    """Yield every question that a protocol asks before the first trial."""
    for asked in _asked_before(protocol):
        yield asked.question
        for answer, label in zip(asked.answers, asked.question.labels, strict=True):
            if answer not in asked.accepted:
                yield _turning_away(protocol, asked.name, label)


def _asked_before(protocol: Protocol) -> list[_Asked]:
    return [
        *([_consent(protocol)] if protocol.consent else []),
        *(_screening(protocol, question.name) for question in protocol.screening),
    ]


def _turning_away(protocol: Protocol, name: str, label: str) -> Question:
    """Return the question whether an answer was meant that turns the participant away."""
    texts = protocol.texts
    labels = (texts.turned_away_no, texts.turned_away_yes)
    text = texts.turned_away_question.format(answer=label)
    return numbered_buttons(f"confirm.{name}", text, labels, 1.0)


def _answered(events: Sequence[Line]) -> dict[str, ScreeningLine]:
    """Return the last answer to every question since the participant was last admitted anew."""
    found: dict[str, ScreeningLine] = {}
    for event in events:
        if isinstance(event, ReadmitLine):
            found.clear()
        elif isinstance(event, ScreeningLine):
            found[event.question] = event
    return found


def _consent(protocol: Protocol) -> _Asked:
    texts = protocol.texts
    labels = (texts.consent_yes, texts.consent_no)
    question = numbered_buttons("consent", texts.consent, labels, 0.0)
    return _Asked("consent", question, ("yes", "no"), ("yes",))


def _screening(protocol: Protocol, name: str) -> _Asked:
    asked = next(question for question in protocol.screening if question.name == name)
    text, accepted = protocol.texts.screening[name], asked.accept or asked.options
    expected = float(asked.options.index(accepted[0]))
    question = numbered_buttons(f"screening.{name}", text.question, text.options, expected)
    return _Asked(name, question, asked.options, accepted)
