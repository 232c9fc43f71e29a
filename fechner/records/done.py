"""What a study has done: one digest a step, so that nothing is done twice or left stale.

A step is done when its key (the digest of its parameters and of the artefacts it
reads) is the recorded one and the artefacts it wrote are still there. The record
is ``steps.json`` in the study's folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fechner.errors import InputError
from fechner.provenance import (
    digest,
    read_json,
    sha256_file,
    write_json,
)

STATE_FILE = "steps.json"


@dataclass(frozen=True)
class State:
    """The record of finished steps of the study in `folder`."""

    folder: Path

    @property
    def path(self) -> Path:
        """The record's file."""
        return self.folder / STATE_FILE

    def _read(self) -> dict[str, Any]:
        return read_json(self.path) if self.path.exists() else {"study": None, "steps": {}}

    def claim_folder(self, title: str) -> None:
        """Make the folder this study's own, or refuse it.

        Raises
        ------
        InputError
            If the folder belongs to a study of another title.
        """
        record = self._read()
        owner = record.get("study")
        if owner not in (None, title):
            raise InputError(
                f"{self.folder} belongs to the study '{owner}', not to '{title}'; "
                "choose another folder or restore its title"
            )
        if owner is None:
            write_json(self.path, {**record, "study": title})

    def is_done(self, step: str, key: str) -> bool:
        """Tell whether `step` was finished with this `key` and its artefacts are intact."""
        entry = self._read()["steps"].get(step)
        return (
            entry is not None
            and entry["key"] == key
            and all(_unchanged(self.folder / name, sha) for name, sha in entry["wrote"].items())
        )

    def record(self, step: str, key: str, wrote: Iterable[Path]) -> None:
        """Record that `step` was finished with `key` and wrote these files."""
        record = self._read()
        files = {
            Path(path).relative_to(self.folder).as_posix(): sha256_file(path) for path in wrote
        }
        record["steps"][step] = {"key": key, "wrote": files}
        write_json(self.path, record)

    def forget(self, steps: Iterable[str]) -> None:
        """Forget that these steps were done, so that they are redone."""
        record = self._read()
        for step in steps:
            record["steps"].pop(step, None)
        write_json(self.path, record)


def _unchanged(path: Path, sha256: str) -> bool:
    return path.exists() and sha256_file(path) == sha256


def step_key(parameters: Any, inputs: Iterable[Path]) -> str:
    """Return the key of a step: the digest of its parameters and of the files it reads."""
    return digest({"parameters": parameters, "inputs": [sha256_file(path) for path in inputs]})
