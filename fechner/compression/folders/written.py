"""Which files of a folder are ours: nothing else is ever replaced.

Results go into folders that hold other people's files too. Of every file that we write there,
a record keeps the sha256 of its content, written before the file itself; a file whose content
no record knows was written, or changed, by somebody else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fechner.errors import InputError, RefusedError
from fechner.provenance import read_json, sha256_bytes, sha256_file, write_bytes, write_json

MOST_KEPT = 8
"""Contents of one file that a record remembers: the last ones."""


class WrittenFile(BaseModel):
    """What we wrote under one name.

    Attributes
    ----------
    sha256
        Of every content that we wrote there, the newest last.
    source
        What it was made from, relative to the folder; empty where that is no one file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: tuple[str, ...]
    source: str = ""


def check_replaceable(
    path: Path, record: Path, *, source: Path | None = None, overwrite: bool = False
) -> bool:
    """Check that `path` may be written, and tell whether that replaces what is not ours.

    Parameters
    ----------
    path
        The file to be written.
    record
        Where `write_own` keeps what it wrote there.
    source
        What it is made from; our own result of another file that is still there is refused too.
    overwrite
        Replace anything.

    Raises
    ------
    RefusedError
        If something else stands there and `overwrite` is not set.
    """
    if not os.path.lexists(path):
        return False
    known = _read(record)
    ours = known is not None and path.is_file() and sha256_file(path) in known.sha256
    other = _other_source(known, record, source) if ours else None
    if ours and other is None:
        return False
    if not overwrite:
        why = f"is the result of {other}" if other else "was not written by fechner, or was changed"
        raise RefusedError(
            f"{path} stands in the way and {why}; give another --out, move it, or --overwrite"
        )
    if path.is_dir():
        raise RefusedError(f"{path} stands in the way and is a folder; move it")
    return True


def write_own(path: Path, content: bytes, record: Path, *, source: Path | None = None) -> None:
    """Write a file whole or not at all, and remember that it is ours.

    Parameters
    ----------
    path
        The file.
    content
        Its bytes.
    record
        Where to remember it, a JSON file.
    source
        What it was made from, if one file.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    known = _read(record)
    before = () if known is None else tuple(sha for sha in known.sha256[-MOST_KEPT + 1 :])
    sha = sha256_bytes(content)
    told = "" if source is None else _relative(source, record.parent)
    now = WrittenFile(sha256=(*(one for one in before if one != sha), sha), source=told)
    # The record first: stopped in between, the next run knows the old file and the new one.
    if now != known:
        write_json(record, now.model_dump(mode="json"))
    write_bytes(path, content)


def _other_source(known: WrittenFile | None, record: Path, source: Path | None) -> str | None:
    """Return the source of our file where it is another one that still exists."""
    if known is None or source is None or not known.source:
        return None
    there = Path(os.path.normpath(record.parent / known.source))
    if known.source == _relative(source, record.parent) or not there.exists():
        return None
    return there.as_posix()


def _relative(path: Path, folder: Path) -> str:
    with suppress(ValueError):  # another drive of Windows
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    return path.absolute().as_posix()


def _read(record: Path) -> WrittenFile | None:
    with suppress(InputError, ValidationError):
        return WrittenFile.model_validate(read_json(record))
    return None
