"""Journals for tests: made, changed as somebody could change them, and made as they once were."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fechner.experiment.journal.journal import Journal, journal_header
from fechner.experiment.plan.plan import Plan
from fechner.protocols.protocol import Protocol
from fechner.protocols.schema import load_protocol
from fechner.records.journal.chain import chained, link, without_chain
from fechner.records.journal.lines import TrialLine, parse_line

Event = dict[str, Any]


def header_of(protocol: str = "slider", participant: str = "A7", **more: Any) -> Event:
    """Return the header of a person's session, or with `model` of a simulated one's."""
    given = {"session": 1, "stimuli_sha256": "5" * 64, "plan_sha256": "6" * 64, **more}
    return journal_header(load_protocol(protocol), participant=participant, **given)


HEADER = header_of()


def header_for(protocol: Protocol, plan: Plan, **more: Any) -> Event:
    """Return the header of the session of a plan."""
    return journal_header(
        protocol,
        participant=plan.participant,
        session=plan.session,
        stimuli_sha256=plan.stimuli_sha256,
        plan_sha256=plan.sha256,
        **more,
    )


def trial(number: int, **more: Any) -> Event:
    """Return the event of a main trial."""
    return {
        "event": "trial",
        "trial": number,
        "block": 1,
        "kind": "main",
        "stimulus": f"boat_{number}",
        "scene": "boat",
        "region": "low",
        "dimension": "quality",
        "rating": 50.0 + number % 50,
        "rt_ms": 812.5,
        **more,
    }


def written(path: Path, count: int, header: Event = HEADER, **more: Any) -> Path:
    """Write a journal of `count` trials, not finished; return its path."""
    with Journal.create(path, header) as journal:
        for number in range(1, count + 1):
            journal.append(trial(number, **more))
    return path


def events_of(path: Path) -> list[Event]:
    """Return every line of a journal as it stands, without its chain."""
    return [json.loads(without_chain(line)[0]) for line in path.read_bytes().splitlines()]


def write_events(path: Path, events: list[Event]) -> Path:
    """Write these lines as a journal whose chain is right, whatever they say."""
    lines, before = [], ""
    for event in events:
        text = json.dumps(event, separators=(",", ":")).encode()
        before = link(text, before)
        lines.append(chained(text, before) if events[0]["schema"] > 1 else text)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def forge(path: Path, change: Callable[[list[Event]], None]) -> Path:
    """Change the lines of a journal and make its chain right again, as a forger would."""
    events = events_of(path)
    change(events)
    return write_events(path, events)


def as_first_version(path: Path) -> Path:
    """Make a journal what the first version of fechner wrote: schema 1, without chain."""

    def change(events: list[Event]) -> None:
        events[0]["schema"] = 1
        events[0].pop("confidence_scale", None)

    return forge(path, change)


def edit(path: Path, number: int, **keys: Any) -> Path:
    """Change keys of the line `number` (from 1) as an editor would, leaving its chain as it is."""
    lines = path.read_bytes().splitlines(keepends=True)
    text, chain = without_chain(lines[number - 1].rstrip(b"\n"))
    changed = json.dumps({**json.loads(text), **keys}, separators=(",", ":")).encode()
    lines[number - 1] = (chained(changed, chain) if chain else changed) + b"\n"
    path.write_bytes(b"".join(lines))
    return path


def trial_line(number: int, **more: Any) -> TrialLine:
    """Return a main trial as it is read from a journal."""
    event = {**trial(number, **more), "written": "2026-01-01T08:00:00.000+00:00"}
    line = parse_line(json.dumps(event).encode())
    assert isinstance(line, TrialLine)
    return line
