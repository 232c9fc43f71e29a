"""Files that survive a kill, a power cut or a full disk: appended line by line, and flushed.

Everything here is about bytes on the disk, nothing about what the lines mean.
"""

from __future__ import annotations

import os
from pathlib import Path

from fechner.errors import FechnerError, InputError, RefusedError
from fechner.provenance import flush, write_bytes

BINARY = getattr(os, "O_BINARY", 0)
"""Without it Windows writes a carriage return before every line feed."""


class JournalError(FechnerError):
    """A line could not be written: the session must stop, everything before it is kept."""


def make_folder(folder: Path) -> None:
    """Make a folder and its parents; InputError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make {folder}: {error.strerror}; choose a folder that can be written"
        ) from error


def open_new(path: Path) -> int:
    """Open a new file for appending; RefusedError where it exists already.

    A file without one whole line is what a kill at the very beginning leaves: it is set aside.
    """
    if path.is_file() and b"\n" not in path.read_bytes():
        path.replace(path.with_suffix(".torn"))
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | BINARY, 0o644)
    except FileExistsError as error:
        raise RefusedError(
            f"{path.name} exists already; resume it, or give the next session number"
        ) from error
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; choose a folder that can be written"
        ) from error


def open_again(path: Path) -> int:
    """Open a file that is there for appending; InputError where that cannot be."""
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | BINARY)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; make the file writable and run again"
        ) from error


def append_whole_line(descriptor: int, line: bytes, path: Path, *, after: int) -> None:
    """Write `line` behind `after` bytes and flush it; where that fails, take back what came of it.

    A file of another size was written by somebody else: folders on a network can give two computers
    the same lock, and then it is this that keeps two sessions apart.
    """
    _check_size(path, after)
    before = os.fstat(descriptor).st_size
    try:
        left = memoryview(line)
        while left:
            left = left[os.write(descriptor, left) :]
        flush(descriptor)
    except OSError as error:
        _take_back(descriptor, before)
        raise JournalError(
            f"cannot write to {path.name}: {error.strerror}; the trials before this one are "
            "safe: make room and run the session again, it resumes here"
        ) from error


def _check_size(path: Path, expected: int) -> None:
    try:
        # Opened anew, because network file systems look at the server again on opening only.
        descriptor = os.open(path, os.O_RDONLY | BINARY)
    except OSError as error:
        raise JournalError(
            f"{path.name} was moved or deleted while it was written ({error.strerror}); restore it "
            "and run the session again"
        ) from error
    try:
        found = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    if found != expected:
        raise JournalError(
            f"another session, perhaps of another computer, has written to {path.name} meanwhile; "
            "this one stops here and its trials so far are safe: end the other and run this again"
        )


def _take_back(descriptor: int, size: int) -> None:
    try:
        os.ftruncate(descriptor, size)
        flush(descriptor)
    except OSError:
        # What stays is a torn line, which reading tolerates and resuming cuts off.
        return


def cut_torn_line(path: Path) -> None:
    """Keep the torn last line beside the journal, then cut it off."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    kept = path.with_suffix(".torn")
    earlier = kept.read_bytes() if kept.exists() else b""
    write_bytes(kept, earlier + content[whole:] + b"\n")
    descriptor = open_again(path)
    try:
        os.ftruncate(descriptor, whole)
        flush(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the new file's name reach the disk, where the system can (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
