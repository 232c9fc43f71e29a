"""Whether a journal's tests of vision are those that its protocol draws, picture by picture.

Which plate or letter comes follows from the participant, the session, the try, and what was right
before (`vision.checks`). So every test is taken again from the journal: a picture of another axis,
seed, size or right answer is named, and so is one whose pixels, drawn again, are not those that
the window showed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fechner.experiment.display import pixels_sha256
from fechner.experiment.session.vision_tests import checks_on
from fechner.experiment.vision.checks import VisionCheck
from fechner.protocols.protocol import VISION
from fechner.records.journal.lines import CalibrationLine, ReadmitLine, ScreeningLine
from fechner.records.journal.participant import VisionLine

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.journal import JournalRecord


def vision_problems(record: JournalRecord, protocol: Protocol) -> list[str]:
    """Return what of the tests of vision is not what the protocol draws and finds."""
    checks = _checks(record, protocol, record.header.screen.pixels_per_degree)
    right: defaultdict[str, list[list[bool]]] = defaultdict(list)
    problems = []
    for line in record.events:
        if isinstance(line, CalibrationLine):
            checks = _checks(record, protocol, line.screen.pixels_per_degree)
        elif isinstance(line, ReadmitLine):
            right.clear()
        elif isinstance(line, VisionLine):
            tries = right[line.check]
            tries += [[] for _ in range(line.attempt - len(tries))]
            wrong = _wrong_picture(line, checks.get(line.check), tries[line.attempt - 1])
            if wrong:
                place = f"picture {line.number} of try {line.attempt} of {line.check}"
                problems.append(f"{place} {wrong}")
            tries[line.attempt - 1].append(line.answer == line.right)
        elif isinstance(line, ScreeningLine) and not _found(line, checks, right[line.question]):
            problems.append(f"{line.question} did not find what was answered")
    return problems


def _found(line: ScreeningLine, checks: Mapping[str, VisionCheck], tries: list[list[bool]]) -> bool:
    """Return whether a finding is that of the last try, which must be over."""
    if line.question not in VISION:
        return True
    check = checks.get(line.question)
    if check is None or not tries or check.coming(len(tries), tries[-1]) is not None:
        return False
    accepted = check.passed(len(tries), tries[-1]) or not check.decides
    return (line.answer, line.accepted) == (check.finding(len(tries), tries[-1]), accepted)


def _checks(
    record: JournalRecord, protocol: Protocol, degree: float | None
) -> dict[str, VisionCheck]:
    found = checks_on(protocol, degree, participant=record.participant, session=record.session)
    return {check.name: check for check in found}


def _wrong_picture(line: VisionLine, check: VisionCheck | None, answered: list[bool]) -> str:
    """Return what is wrong with a picture; nothing where it is the one that comes here."""
    comes = check is not None and line.number == len(answered) + 1
    due = check.coming(line.attempt, answered) if check is not None and comes else None
    if due is None:
        return "does not come there"
    told = {name: getattr(line, name) for name in due.facts}
    if told != dict(due.facts) or line.right != due.right:
        return "is not the one that the protocol draws"
    if line.shown_sha256 and pixels_sha256(due.picture.draw()) != line.shown_sha256:
        return "was shown with other pixels than it has when it is drawn again"
    return ""
