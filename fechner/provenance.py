"""What every artefact says of itself, and how every artefact reaches the disk.

A provenance block names the version, the parameters, the seed, and the sha256 of
every input. Files are written whole or not at all: to a temporary file in the
same folder, flushed, then renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from fechner import __version__
from fechner.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

fcntl: ModuleType | Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


WINDOWS = os.name == "nt"

BUSY_WAITS_S = (0.02, 0.05, 0.1, 0.2, 0.4)
"""How long a file that cannot be replaced is waited for, in seconds."""

LONGEST_PATH, TEMPORARY_LETTERS = 259, 10
"""Letters of a path that Windows takes, and what the name of an unfinished file has more."""

_FULL: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""The call that waits for the drive; macOS alone has it."""


def sha256_bytes(content: bytes) -> str:
    """Return the sha256 of `content` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits.

    Raises
    ------
    InputError
        If the file is missing or cannot be read.
    """
    content = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(1 << 20):
                content.update(chunk)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
    return content.hexdigest()


def canonical_json(content: Any) -> str:
    """Return the one JSON text of `content`: sorted keys, no spaces, no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)


def digest(content: Any) -> str:
    """Return the sha256 of the canonical JSON of `content`."""
    return sha256_bytes(canonical_json(content).encode())


def provenance(
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
    seed: int | None = None,
    simulated: bool = False,
) -> dict[str, Any]:
    """Return the provenance block of an artefact.

    Parameters
    ----------
    parameters
        The options that shaped the artefact, JSON-able.
    inputs
        Name of each input and its sha256 (64 hexadecimal digits).
    seed
        The seed of every random draw, where there was one.
    simulated
        True where anything that the artefact rests on was simulated.
    """
    return {
        "fechner": __version__,
        "parameters": dict(parameters),
        "inputs": dict(inputs or {}),
        "seed": seed,
        "simulated": simulated,
    }


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that becomes `path` only if the block succeeds.

    The temporary name keeps the suffix of `path`, because many writers choose the
    format by it.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full; nothing is left behind.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
    except OSError as error:
        raise InputError(f"cannot write {path}: {_reason(path, error)}") from error
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644)
        _replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; nothing was changed there"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _reason(path: Path, error: OSError) -> str:
    """Return why a file cannot be begun, and what to do.

    Windows says of a path that is too long for it that there is no such file (MAX_PATH, "Maximum
    path length limitation" of the Win32 documentation).
    """
    length = len(str(path.absolute())) + TEMPORARY_LETTERS
    if WINDOWS and length > LONGEST_PATH:
        return (
            f"its path has {length} letters while it is written, and Windows takes {LONGEST_PATH}; "
            "choose a folder with a shorter path"
        )
    return f"{error.strerror}; choose a folder that can be written"


def flush(descriptor: int) -> None:
    """Wait until what was written to an open file is on the disk.

    On macOS fsync leaves it in the cache of the drive, which a power cut empties (fsync(2)); there
    F_FULLFSYNC waits for the drive, where the file system has it.
    """
    if _FULL is not None:
        try:
            fcntl.fcntl(descriptor, _FULL)
        except OSError:
            os.fsync(descriptor)
    else:
        os.fsync(descriptor)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        flush(file.fileno())


def _replace(temporary: Path, path: Path) -> None:
    """Rename over a file; on Windows again for a moment, where somebody only looks into it.

    A file that a virus scanner or an indexer has open cannot be replaced there; they let go of it
    within moments, a program that shows it does not.
    """
    for wait_s in BUSY_WAITS_S if WINDOWS else ():
        try:
            temporary.replace(path)
        except PermissionError:
            time.sleep(wait_s)
        else:
            return
    temporary.replace(path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path`, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all; NaN is refused."""
    text = json.dumps(content, indent=1, allow_nan=False, default=str, ensure_ascii=False)
    write_text(path, text + "\n")


def write_json_beside(table: Path, content: Mapping[str, Any]) -> None:
    """Write what a table was made from as the JSON of its name beside it.

    Raises
    ------
    InputError
        If another program's JSON has that name, a folder has the table's, or it cannot be written.
    """
    path = Path(table).with_suffix(".json")
    if Path(table).is_dir():
        raise InputError(f"{table} is a folder; name a table in it, such as {table}/table.csv")
    if path.exists() and not _is_ours(path):
        raise InputError(
            f"{path} is not fechner's, and the record of {Path(table).name} would replace it; give "
            "the table another name"
        )
    write_json(path, content)


def _is_ours(path: Path) -> bool:
    """Return whether a JSON has what every record beside a table has, or declares its scales."""
    try:
        found = read_json(path)
    except InputError:
        return False
    return isinstance(found, dict) and bool({"provenance", "dimensions", "fechner"} & found.keys())


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file ({error}); restore or remake it") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; the mark that editors on Windows put before UTF-8 is no part of it.

    Raises
    ------
    InputError
        If the file is missing, not UTF-8 or not TOML; says the line.
    """
    try:
        return tomllib.loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}; correct that line") from error
