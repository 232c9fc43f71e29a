"""The finished epochs of a fit, on the disk: a stopped fit goes on after the last of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fechner.errors import InputError
from fechner.provenance import atomic_path


@dataclass
class FinishedEpochs:
    """Where an unfinished fit keeps its weights and history after each epoch.

    Attributes
    ----------
    path
        The file, in torch's own format.
    key
        Of `records.done`: a fit of other inputs, options or another algorithm is another one.
    content
        What is kept, by name.
    """

    path: Path
    key: str
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
        if content.get("key") != self.key:
            raise InputError(
                f"{self.path} belongs to a fit of other inputs or options; "
                "choose another folder, or delete it to begin anew"
            )
        self.content = content
        return content

    def write(self, **parts: Any) -> None:
        """Write `parts` beside what was written before, whole or not at all."""
        import torch

        self.content = {**self.content, **parts, "key": self.key}
        with atomic_path(self.path) as temporary:
            torch.save(self.content, temporary)

    def remove(self) -> None:
        """Remove what a fit kept that is finished now."""
        self.path.unlink(missing_ok=True)
