"""The diary of a fit: each finished epoch on the disk, so that a stopped fit goes on there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fechner.errors import InputError
from fechner.provenance import atomic_path, digest


@dataclass
class Diary:
    """Where an unfinished fit writes each finished epoch."""

    path: Path
    about: dict[str, Any]
    content: dict[str, Any] = field(default_factory=dict)

    def read(self) -> dict[str, Any]:
        """Return what was written, or nothing.

        Raises
        ------
        InputError
            If another fit wrote it.
        """
        import torch

        if not self.path.is_file():
            return {}
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise InputError(f"{self.path} is damaged; delete it to begin anew") from error
        if content.get("about") != digest(self.about):
            raise InputError(
                f"{self.path} belongs to a fit of other inputs or options; "
                "choose another folder, or delete it to begin anew"
            )
        self.content = content
        return content

    def write(self, **parts: Any) -> None:
        """Write `parts` beside what was written before, whole or not at all."""
        import torch

        self.content = {**self.content, **parts, "about": digest(self.about)}
        with atomic_path(self.path) as temporary:
            torch.save(self.content, temporary)

    def remove(self) -> None:
        """Remove the diary of a finished fit."""
        self.path.unlink(missing_ok=True)
