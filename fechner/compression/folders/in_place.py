"""Replacing a JPEG by a smaller one without losing anything of it.

What replacing would lose is not replaced (`why_not_replaced`, `what_would_be_lost`); what it
replaces is kept first
(`keep_original`); and the new file takes over the old one's times, rights, owner and extended
attributes (`replace_file`).
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path

from fechner.compression.folders.inputs import ORIGINALS, FoundInput
from fechner.compression.formats.jpeg_parts import beside_the_picture
from fechner.errors import InputError
from fechner.provenance import atomic_path, sha256_file


def why_not_replaced(found: FoundInput) -> str:
    """Return why a file is not replaced in place, by what it is; empty where it may be.

    Its content is looked at by `what_would_be_lost`, when its turn comes.
    """
    if found.kind != "jpeg":
        return f"{found.kind}: only JPEGs are replaced in place"
    real = found.path.resolve()
    if found.path.is_symlink() and found.root.resolve() not in real.parents:
        return f"a link to {real}, outside the folder that was named"
    try:
        about = real.stat()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not about.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(
        real, os.W_OK
    ):
        return "read-only"
    if about.st_nlink > 1:
        return f"one of {about.st_nlink} names of one file, of which the others would stay as large"
    return ""


def what_would_be_lost(path: Path) -> str:
    """Return what of a JPEG replacing it would lose, as a reason not to; empty for nothing."""
    further = beside_the_picture(path.read_bytes())
    return f"holds {' and '.join(further)}, which replacing it would lose" if further else ""


def keep_original(path: Path, name: str, folder: Path) -> Path:
    """Copy a file below `folder`'s originals, with its times and rights, unless it is there.

    Parameters
    ----------
    path
        The file.
    name
        Its name below the originals.
    folder
        Folder of the results.

    Returns
    -------
    pathlib.Path
        The copy: below ``originals``, or ``originals-2`` and so on where another original of
        that name is kept already.

    Raises
    ------
    InputError
        If it cannot be copied.
    """
    sha = sha256_file(path)
    for number in count(1):
        kept = folder / (ORIGINALS if number == 1 else f"{ORIGINALS}-{number}") / name
        if not os.path.lexists(kept):
            with atomic_path(kept) as temporary:
                shutil.copyfile(path, temporary)
            shutil.copystat(path, kept)
            break
        if kept.is_file() and sha256_file(kept) == sha:
            break
    if sha256_file(kept) != sha:
        raise InputError(f"the copy {kept} differs from {path}; nothing was replaced")
    return kept


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content, whole or not at all, keeping everything else that it has.

    Raises
    ------
    InputError
        If the folder cannot be written, or the owner cannot be kept.
    """
    before = path.stat()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        made = temporary.stat()
        if hasattr(os, "chown") and (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
            os.chown(temporary, before.st_uid, before.st_gid)
        shutil.copystat(path, temporary)
    with suppress(OSError):
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def originals_in(folder: Path) -> list[Path]:
    """Return the folders within the results that hold originals, the newest last."""
    numbers = (ORIGINALS if n == 1 else f"{ORIGINALS}-{n}" for n in count(1))
    found: list[Path] = []
    for name in numbers:
        if not (folder / name).is_dir():
            return found
        found.append(folder / name)
    return found
