"""An export's files: made in memory, written as one folder, whole or not at all.

An export is a pure function from journals to `Files`; only `write_files` touches the
disk. A picture that an export ships is copied and compared with the digest that it must
have, so that none leaves the house that differs from the one that was shown.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fechner.errors import InputError, RefusedError
from fechner.experiment.exports.trial_tables import cell
from fechner.provenance import sha256_file
from fechner.records.csv_text import rows_as_csv


@dataclass(frozen=True)
class ShownFile:
    """A file to be copied as it is, and the sha256 that it must have."""

    path: Path
    sha256: str


Files = Mapping[str, bytes | ShownFile]
"""Relative path, with forward slashes, to content."""


def csv_bytes(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return a comma-separated table: UTF-8 without a mark, missing values empty."""
    cells = ([cell(value, missing="") for value in row] for row in rows)
    return rows_as_csv(header, cells).encode("utf-8")


def tsv_bytes(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return a tab-separated table as BIDS wants it: missing values are ``n/a``, no quotes."""
    lines = ["\t".join(header)]
    lines += ["\t".join(cell(value, missing="n/a") for value in row) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8")


def json_bytes(content: Any) -> bytes:
    """Return indented UTF-8 JSON."""
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_files(folder: Path, files: Files) -> list[Path]:
    """Write an export's folder, whole or not at all; return the files in it.

    Raises
    ------
    InputError
        If the folder exists and is not empty, or cannot be written.
    RefusedError
        If a picture is not the one that it must be.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty; export into a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder.parent) as place:
            new = Path(place) / "export"
            for name, content in sorted(files.items()):
                _write(new / name, content)
            if folder.exists():
                folder.rmdir()
            new.rename(folder)
    except OSError as error:
        raise InputError(
            f"cannot write {folder}: {error.strerror or error}; nothing was changed there"
        ) from error
    return [folder / name for name in sorted(files)]


def _write(path: Path, content: bytes | ShownFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    shutil.copyfile(content.path, path)
    if sha256_file(path) != content.sha256:
        raise RefusedError(
            f"{content.path} is not the picture that was shown (other bytes); restore the "
            "stimulus set, or export without --stimuli"
        )
