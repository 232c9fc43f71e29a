"""The records that a page rests on: each with its digest, and what it says of its making."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fechner.provenance import sha256_file


@dataclass(frozen=True)
class RecordNamed:
    """A record: its name, the digest of its file, and the provenance that it holds."""

    name: str
    sha256: str
    content: dict[str, Any]


def records_named(found: Iterable[tuple[Path, Any]]) -> list[RecordNamed]:
    """Return records by their files and provenance blocks; those without one are left out."""
    return [
        RecordNamed(f"{path.parent.name}/{path.name}", sha256_file(path), block)
        for path, block in found
        if block
    ]
