"""What a journal says: the record of a session, read from its file.

Everything that is known of a session after it, and where an interrupted one goes on,
comes from here. A journal cut off in its last line is read up to there; damage and
changes anywhere else are refused with the number of the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from fechner.errors import InputError
from fechner.records.journal.agreement import check_follows
from fechner.records.journal.chain import check_link, without_chain
from fechner.records.journal.fields import Line
from fechner.records.journal.lines import (
    CHAINED_SCHEMA,
    NOT_ADMITTED,
    EndLine,
    Header,
    TrialLine,
    as_header,
    parse_line,
)
from fechner.records.simulated import is_marked, marked_name


def journal_name(participant: str, session: int, *, simulated: bool = False) -> str:
    """Return the file name of a session's journal, e.g. ``sub-A7_ses-1.jsonl``."""
    return marked_name(f"sub-{participant}_ses-{session}.jsonl", simulated=simulated)


@dataclass(frozen=True)
class JournalRecord:
    """What a journal says of one session.

    Attributes
    ----------
    path
        Its file.
    header
        The first line.
    events
        Every further line, in order.
    chain
        The digest that the last line carries; empty in a journal without chain.
    torn
        Whether the last line was cut off while it was being written; that line is not
        part of the record.
    """

    path: Path
    header: Header
    events: tuple[Line, ...] = ()
    chain: str = ""
    torn: bool = False

    @cached_property
    def answers(self) -> tuple[TrialLine, ...]:
        """Every answer that was given, in order, also those that were corrected later."""
        return tuple(line for line in self.events if isinstance(line, TrialLine))

    @cached_property
    def trials(self) -> tuple[TrialLine, ...]:
        """The answered trials, in order, each with the answer that counts: the last one."""
        return tuple({line.trial: line for line in self.answers}.values())

    @property
    def corrections(self) -> int:
        """How many answers were corrected later."""
        return len(self.answers) - len(self.trials)

    @property
    def end(self) -> EndLine | None:
        """The session's end, whatever it was; None where it can still go on."""
        return _end(self.events)

    @property
    def complete(self) -> bool:
        """Whether the session reached its end, and was not ended for lack of admission."""
        return self.end is not None and not self.turned_away

    @property
    def turned_away(self) -> bool:
        """Whether the session ended because the participant was not admitted."""
        return self.end is not None and self.end.reason == NOT_ADMITTED

    @property
    def state(self) -> str:
        """How the session stands: "complete", "not admitted" or "interrupted"."""
        if self.turned_away:
            return NOT_ADMITTED
        return "complete" if self.complete else "interrupted"

    @property
    def chained(self) -> bool:
        """Whether its lines carry digests, so that a later change is seen."""
        return self.header.schema_ >= CHAINED_SCHEMA

    @property
    def participant(self) -> str:
        """The participant's code."""
        return self.header.participant

    @property
    def session(self) -> int:
        """The session number, from 1."""
        return self.header.session

    @property
    def simulated(self) -> bool:
        """Whether the ratings come from a simulated participant."""
        return self.header.simulated

    @property
    def last_trial(self) -> int:
        """The number of the last journalled trial; 0 before the first."""
        return self.trials[-1].trial if self.trials else 0

    @property
    def last_written(self) -> str:
        """When the last line was written, in ISO 8601."""
        return (self.events[-1] if self.events else self.header).written

    def follow(self, line: Line, chain: str) -> JournalRecord:
        """Return the record with one more line.

        Raises
        ------
        InputError
            If the line cannot follow those before it.
        """
        last = self.trials[-1] if self.trials else None
        check_follows(line, self.header, last=last, end=self.end)
        return replace(self, events=(*self.events, line), chain=chain)


def read_journal(path: Path) -> JournalRecord:
    """Read a journal, complete or not; a torn last line is left out.

    Raises
    ------
    InputError
        If the file is missing, empty, of an unknown schema, or damaged or changed anywhere
        but in its last line (says which line and what is wrong with it), or if the file's
        name and its first line disagree whether the participant is simulated.
    """
    path = Path(path)
    lines = _whole_lines(path)
    header, chain = _first_line(path, lines[0])
    events: list[Line] = []
    last: TrialLine | None = None
    for number, content in enumerate(lines[1:-1], start=2):
        try:
            line, chain = _opened(content, header, chain)
            check_follows(line, header, last=last, end=_end(events))
        except InputError as error:
            raise _damaged(path, number, error) from error
        events.append(line)
        last = line if isinstance(line, TrialLine) else last
    return JournalRecord(path, header, tuple(events), chain, torn=bool(lines[-1]))


def _end(events: Sequence[Line]) -> EndLine | None:
    last = events[-1] if events else None
    return last if isinstance(last, EndLine) else None


def read_header(path: Path) -> Header:
    """Read only the first line of a journal, as strictly as `read_journal`.

    Raises
    ------
    InputError
        If the file is missing or its first line is none of a journal.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            line = file.readline()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not line.endswith(b"\n"):
        raise _empty(path)
    return _first_line(path, line.removesuffix(b"\n"))[0]


def _opened(content: bytes, header: Header, before: str) -> tuple[Line, str]:
    """Return a further line of a journal, and its chain, which follows `before`."""
    text, chain = without_chain(content.removesuffix(b"\r"))
    _check_chain(header, text, chain, before)
    return parse_line(text), chain


def _check_chain(header: Header, text: bytes, chain: str, before: str) -> None:
    if header.schema_ >= CHAINED_SCHEMA:
        check_link(text, chain, before)
    elif chain:
        raise InputError("a chain stands in a journal whose first line says that it has none")


def _first_line(path: Path, content: bytes) -> tuple[Header, str]:
    text, chain = without_chain(content.removesuffix(b"\r"))
    try:
        header = as_header(parse_line(text))
        _check_chain(header, text, chain, "")
    except InputError as error:
        raise _damaged(path, 1, error) from error
    check_name(path, header)
    return header, chain


def check_name(path: Path, header: Header) -> None:
    """Refuse a journal whose name and first line disagree whether the session is simulated.

    Raises
    ------
    InputError
        Says what either of them says.
    """
    if header.simulated != is_marked(path.name):
        says = "simulated" if header.simulated else "a person's"
        raise InputError(
            f"{path.name} is {says} by its first line, and not by its name; simulated journals, "
            "and no others, are called SIMULATED_...: restore the name or the file"
        )


def _whole_lines(path: Path) -> list[bytes]:
    """Return the whole lines of a file, and at the end what is left of a torn one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    lines = content.split(b"\n")
    if len(lines) < 2:
        raise _empty(path)
    return lines


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot read {path}: {error.strerror}; check the path")


def _empty(path: Path) -> InputError:
    return InputError(
        f"{path.name} holds no whole line, so no trial was rated; delete it and start again"
    )


def _damaged(path: Path, number: int, error: InputError) -> InputError:
    return InputError(f"{path.name} is damaged in line {number}: {error}; restore it from a copy")
