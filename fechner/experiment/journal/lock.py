"""A lock beside a journal, so that two sessions never write the same file.

The lock file names the process and the machine's current start (boot), so that a
lock left behind by a kill or a power cut is recognised and taken over.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fechner.errors import InputError, RefusedError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Lock:
    """A lock that this process holds; `release` gives it back."""

    path: Path

    @classmethod
    def take(cls, guarded: Path) -> Lock:
        """Take the lock of the file `guarded`.

        Raises
        ------
        RefusedError
            If a living process holds it.
        InputError
            If the folder cannot be written.
        """
        path = guarded.with_name(guarded.name + ".lock")
        for _ in range(3):
            if _make(path):
                return cls(path)
            holder = _holder(path)
            if _alive(holder):
                raise RefusedError(
                    f"another session is running here: {guarded.name} is held, being written by "
                    f"process {holder['pid']}; end that session first (or delete "
                    f"{path.name} if you are sure that none is running)"
                )
            _take_away(path, holder)
        raise RefusedError(f"{path.name} keeps coming back; another session is starting")

    def release(self) -> None:
        """Give the lock back; only ever removes a lock of this process."""
        if _holder(self.path).get("pid") == os.getpid():
            with suppress(OSError):
                self.path.unlink()


def _identity() -> dict[str, Any]:
    """Return who holds: the process, its start, the machine (hashed) and the machine's boot."""
    host = sha256(socket.gethostname().encode()).hexdigest()[:16]
    return {"pid": os.getpid(), "started": _started(os.getpid()), "host": host, "boot": _boot()}


def _boot() -> str:
    with suppress(OSError):
        return BOOT_ID.read_text().strip()
    return ""


def _started(pid: int) -> str:
    """Return the start time of a process in clock ticks since boot (Linux), else nothing."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


def _make(path: Path) -> bool:
    """Make the lock file with its content in one step; False where it exists."""
    mine = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            mine.write_text(json.dumps(_identity()))
            _link(mine, path)
        finally:
            mine.unlink(missing_ok=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; choose a folder that can be written"
        ) from error
    return True


def _link(mine: Path, path: Path) -> None:
    """Link where the file system can; memory sticks (FAT) cannot, and get a fresh file."""
    try:
        os.link(mine, path)
    except FileExistsError:
        raise
    except OSError:
        with path.open("x") as file:
            file.write(mine.read_text())


def _holder(path: Path) -> dict[str, Any]:
    """Return who holds the lock; empty where nobody does or the file is unreadable."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _alive(holder: dict[str, Any]) -> bool:
    """Say whether the holder may still run: another machine's holder counts as alive."""
    if not isinstance(holder.get("pid"), int):
        return False
    me = _identity()
    if holder.get("host") != me["host"]:
        return True
    if holder.get("boot") != me["boot"]:
        return False
    if not _exists(holder["pid"]):
        return False
    return holder.get("started") == _started(holder["pid"])


def _exists(pid: int) -> bool:
    if os.name == "nt":
        import psutil

        return psutil.pid_exists(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _take_away(path: Path, stale: dict[str, Any]) -> None:
    """Remove a stale lock; one that another process took over meanwhile is put back."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.stale")
    with suppress(OSError):
        path.replace(aside)
        if _holder(aside) != stale:
            _link(aside, path)
        aside.unlink()
