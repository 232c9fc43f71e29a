"""A lock beside a journal, so that two sessions never write the same file.

The operating system holds the lock (package filelock) and frees it when the process
ends, however it ends. A second file beside it says who holds it, for the message that a
refused session gives.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from fechner.errors import InputError, RefusedError

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""What folders on a network answer whose server keeps no locks."""


@dataclass(frozen=True)
class SessionLock:
    """The lock of a file that this process holds; `release` gives it back."""

    path: Path
    _lock: FileLock

    @classmethod
    def take(cls, guarded: Path) -> SessionLock:
        """Take the lock of the file `guarded`.

        Raises
        ------
        RefusedError
            If another session holds it; says which process that is.
        InputError
            If the folder cannot be written.
        """
        path = guarded.with_name(f"{guarded.name}.lock")
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
            _holder_file(path).write_text(json.dumps(_identity()), "utf-8", newline="\n")
        except Timeout as error:
            raise RefusedError(
                f"another session is running here: {guarded.name} is held by {_holder(path)}; "
                "end that session first"
            ) from error
        except OSError as error:
            lock.release()
            remedy = (
                "the file system passes on no locks; choose a folder that can be locked"
                if error.errno in NO_LOCKS
                else "choose a folder that can be written"
            )
            raise InputError(f"cannot lock {path}: {error.strerror}; {remedy}") from error
        return cls(path, lock)

    def release(self) -> None:
        """Give the lock back and remove its files; safe to call twice."""
        if self._lock.is_locked:
            # Removed while held: afterwards they could be another session's.
            for path in (_holder_file(self.path), self.path):
                with suppress(OSError):
                    path.unlink()
            self._lock.release()


def _holder_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _identity() -> dict[str, str | int]:
    """Return who holds the lock: the process, and its machine (hashed)."""
    return {"pid": os.getpid(), "host": this_machine()}


def this_machine() -> str:
    """Return 16 hexadecimal digits that tell this computer from others, and nothing else of it."""
    return sha256(socket.gethostname().encode()).hexdigest()[:16]


def _holder(path: Path) -> str:
    """Return who holds the lock, in words."""
    try:
        found = json.loads(_holder_file(path).read_text("utf-8"))
        elsewhere = "" if found["host"] == _identity()["host"] else " of another computer"
        return f"process {found['pid']}{elsewhere}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that did not say which"
