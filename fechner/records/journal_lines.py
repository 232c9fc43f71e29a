"""The lines of a journal: which events there are, which keys each needs, and their bytes.

docs/journal-format.md describes every field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fechner.errors import InputError

SCHEMA = 1
HEADER_KEYS = (
    "participant",
    "session",
    "protocol",
    "protocol_sha256",
    "stimuli_sha256",
    "plan_sha256",
    "simulated",
)
TRIAL_KEYS = ("trial", "kind", "stimulus", "dimension", "rating", "rt_ms")
EVENTS = (
    "session",
    "trial",
    "resume",
    "break",
    "quit",
    "end",
    "calibration",
    "screening",
    "clock",
    "note",
)


def encode(event: Mapping[str, Any]) -> bytes:
    """Return the line of an event: UTF-8 JSON in one line, NaN refused."""
    try:
        text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a journal event holds what JSON cannot ({error}); give plain finite values"
        ) from error
    return text.encode("utf-8") + b"\n"


def checked_header(header: dict[str, Any]) -> dict[str, Any]:
    """Return the first line of a journal, if it is one.

    Raises
    ------
    InputError
        If it is another event, of another schema, or lacks a key.
    """
    if header.get("event") != "session":
        raise InputError("the first line of a journal must be its session event")
    if header.get("schema") != SCHEMA:
        raise InputError(
            f"expected journal schema {SCHEMA}, got {header.get('schema')!r}; "
            "read it with the fechner version that wrote it"
        )
    return _with_keys(header, HEADER_KEYS)


def checked_event(event: dict[str, Any], *, after: int) -> dict[str, Any]:
    """Return a further line, if it may follow the trial numbered `after`.

    Raises
    ------
    InputError
        If the event is unknown, lacks a key, or is a trial whose number does not rise.
    """
    kind = event.get("event")
    if kind not in EVENTS or kind == "session":
        raise InputError(f"unknown journal event {kind!r}; known are: {', '.join(EVENTS[1:])}")
    if kind != "trial":
        return event
    if int(_with_keys(event, TRIAL_KEYS)["trial"]) <= after:
        raise InputError(f"trial {event['trial']} comes after trial {after}; numbers must rise")
    return event


def _with_keys(event: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    missing = [key for key in keys if key not in event]
    if missing:
        raise InputError(f"a {event['event']} event lacks {', '.join(missing)}")
    return event
