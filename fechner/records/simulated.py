"""The mark on everything that no people made: SIMULATED, first in the file's name."""

from __future__ import annotations

SIMULATED = "SIMULATED_"


def marked_name(name: str, *, simulated: bool) -> str:
    """Return a file's name, with the mark in front where its content is simulated."""
    return name if is_marked(name) or not simulated else f"{SIMULATED}{name}"


def is_marked(name: str) -> bool:
    """Whether a file's name carries the mark."""
    return name.startswith(SIMULATED)
