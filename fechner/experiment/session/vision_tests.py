"""The tests of vision before the first trial: their pages, their questions, and who passes.

Every answer is journalled at once, so that an interrupted test goes on after the last of them. A
test that was failed is taken once more where the protocol says so, with new pictures; its finding
then stands in the journal beside the answers to the screening questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fechner.experiment.display import Page, Question, Response
from fechner.experiment.vision.checks import Viewing, VisionCheck, VisionPicture, checks_of
from fechner.protocols.protocol import VISION
from fechner.records.journal.fields import Line
from fechner.records.journal.lines import CalibrationLine, ReadmitLine, ScreeningLine
from fechner.records.journal.participant import VisionLine

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.protocols.vision import VisionTexts
    from fechner.records.journal import JournalRecord

KEYS = {
    "left": ("left", "num_4"),
    "up": ("up", "num_8"),
    "down": ("down", "num_2"),
    "right": ("right", "num_6"),
    "unseen": ("0", "num_0"),
}
"""Keys of the answers, on the arrows and on the keypad."""


def vision_checks(protocol: Protocol, record: JournalRecord) -> list[VisionCheck]:
    """Return the tests of a session, on the screen that it was last calibrated on."""
    screens = [line.screen for line in record.events if isinstance(line, CalibrationLine)]
    degree = [record.header.screen, *screens][-1].pixels_per_degree
    return checks_on(protocol, degree, participant=record.participant, session=record.session)


def checks_on(
    protocol: Protocol, pixels_per_degree: float | None, *, participant: str = "", session: int = 1
) -> list[VisionCheck]:
    """Return a protocol's tests on a screen; one that is not calibrated is taken as it asks for."""
    degree = pixels_per_degree or protocol.screen.pixels_per_degree
    viewing = Viewing(participant, session, degree, protocol.screen.background_grey)
    return list(checks_of(protocol.colour_plates, protocol.tumbling_e, viewing))


def vision_page(protocol: Protocol, check: VisionCheck) -> Page:
    """Return the page before a test."""
    return _page(protocol, check.name, getattr(_texts(protocol), check.name))


def vision_pages(protocol: Protocol) -> list[Page]:
    """Return every page that the tests of a protocol can show; none where there are none."""
    if protocol.texts.vision is None:
        return []
    pages = [vision_page(protocol, check) for check in checks_on(protocol, None)]
    if not pages:
        return []
    others = {
        "once-more": _texts(protocol).once_more,
        "not-admitted": _texts(protocol).not_admitted,
    }
    return [*pages, *(_page(protocol, f"vision-{name}", body) for name, body in others.items())]


def turning_away_text(protocol: Protocol, record: JournalRecord) -> str:
    """Return what somebody reads who is not admitted: after a test of vision, what that wants."""
    refused = [e for e in record.events if isinstance(e, ScreeningLine) and not e.accepted]
    tested = bool(refused) and refused[-1].question in VISION
    return _texts(protocol).not_admitted if tested else protocol.texts.not_admitted


def vision_question(protocol: Protocol, check: VisionCheck, shown: VisionPicture) -> Question:
    """Return the question about one picture; its values are the places of the answers."""
    texts = _texts(protocol)
    labels = (*texts.directions, texts.unseen)[: len(check.answers)]
    return Question(
        kind="buttons",
        name=f"vision.{check.name}",
        text=getattr(texts, f"{check.name}_question"),
        labels=labels,
        values=tuple(float(place) for place in range(len(labels))),
        keys=tuple(KEYS[answer] for answer in check.answers),
        answer=float(check.answers.index(shown.right)),
        picture=shown.picture,
    )


def vision_questions(protocol: Protocol, pixels_per_degree: float | None) -> Iterator[Question]:
    """Yield one question of each test of a protocol, on a screen."""
    for check in checks_on(protocol, pixels_per_degree):
        shown = check.coming(1, [])
        if shown is not None:
            yield vision_question(protocol, check, shown)


class VisionTest:
    """One test of vision in a session.

    Parameters
    ----------
    protocol
        Whose words are shown.
    check
        Which pictures come, and who passes.
    events
        What the journal holds already.
    ask, read, append
        Ask a question, show a page, write into the journal.
    """

    def __init__(
        self,
        protocol: Protocol,
        check: VisionCheck,
        events: tuple[Line, ...],
        *,
        ask: Callable[[Question], Response],
        read: Callable[[Page], object],
        append: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._protocol, self._check = protocol, check
        self._ask, self._read, self._append = ask, read, append
        self._given = [line for line in since_admission(events) if line.check == check.name]

    def passed(self) -> bool:
        """Take the test, again where that is allowed; return whether the participant goes on."""
        check = self._check
        for attempt in range(1, check.tries + 1):
            right = self._taken(attempt)
            if check.passed(attempt, right) or attempt == check.tries:
                break
            self._read(_page(self._protocol, "vision-once-more", _texts(self._protocol).once_more))
        accepted = check.passed(attempt, right) or not check.decides
        found = {"question": check.name, "answer": check.finding(attempt, right)}
        self._append({"event": "screening", **found, "accepted": accepted})
        return accepted

    def _taken(self, attempt: int) -> list[bool]:
        """Take one try from where the journal has it; return which answers were right."""
        check = self._check
        given = [line for line in self._given if line.attempt == attempt]
        right = [line.answer == line.right for line in given]
        while (shown := check.coming(attempt, right)) is not None:
            response = self._ask(vision_question(self._protocol, check, shown))
            answer = check.answers[int(response.value)]
            right.append(answer == shown.right)
            self._append(
                {
                    "event": "vision",
                    "check": check.name,
                    "attempt": attempt,
                    "number": len(right),
                    **shown.facts,
                    "right": shown.right,
                    "answer": answer,
                    "rt_ms": response.rt_ms,
                    "device": response.device,
                    **({"shown_sha256": response.shown_sha256} if response.shown_sha256 else {}),
                }
            )
        return right


def since_admission(events: tuple[Line, ...]) -> list[VisionLine]:
    """Return the answers to pictures since the participant was last admitted anew."""
    found: list[VisionLine] = []
    for line in events:
        if isinstance(line, ReadmitLine):
            found.clear()
        elif isinstance(line, VisionLine):
            found.append(line)
    return found


def _page(protocol: Protocol, name: str, body: str) -> Page:
    return Page(name.replace("_", "-"), "", body, protocol.texts.continue_hint)


def _texts(protocol: Protocol) -> VisionTexts:
    if protocol.texts.vision is None:
        raise ValueError(f"{protocol.name} has no words for a test of vision")
    return protocol.texts.vision
