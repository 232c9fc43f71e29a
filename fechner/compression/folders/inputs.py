"""Everything below the paths that were named, and what of it is a picture to compress.

Nothing is passed over in silence: what is left alone is an input too, with the reason, so that
every file, link and closed folder ends in one row of the summary.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fechner.compression.formats.sniffing import HEAD_BYTES, READ, is_raw, kind_of, named_as
from fechner.errors import InputError

RECORDS = ".compress"
"""Folder within the results that holds records, crops and maps."""
ABOUT = "about.txt"
"""File within it that says what the folder is."""
ORIGINALS = "originals"
"""Folder within the results that holds what was replaced in place, under the same names."""


@dataclass(frozen=True)
class FoundInput:
    """One file, link or closed folder.

    Attributes
    ----------
    path
        Where it is.
    name
        Path below the folder that was named, with ``/``.
    root
        The folder that was named; of a file that was named, the folder that it lies in.
    kind
        A key of `fechner.compression.formats.sniffing.READ`; empty where `skipped` or `broken`.
    skipped
        Why nothing is done with it; empty where something is.
    broken
        Why it is a fault that nothing can be done with it; empty where none is.
    """

    path: Path
    name: str
    root: Path
    kind: str = ""
    skipped: str = ""
    broken: str = ""


def find_inputs(paths: Iterable[Path], results: Path) -> list[FoundInput]:
    """Return every input below some paths, in order, each once.

    Parameters
    ----------
    paths
        Files, and folders searched through.
    results
        Folder of the results: what lies in it below a named folder is no input.

    Raises
    ------
    InputError
        If a path does not exist.
    """
    found: dict[Path, FoundInput] = {}
    for path in map(Path, paths):
        if not os.path.lexists(path):
            raise InputError(f"no file or folder {path}; check the path")
        below = (
            _below(path, results)
            if path.is_dir()
            else [_file(path, path.name, path.parent, named=True)]
        )
        for one in below:
            found.setdefault(one.path.parent.resolve() / one.path.name, one)
    return _without_second_names(list(found.values()))


def _below(folder: Path, results: Path) -> Iterator[FoundInput]:
    """Yield every file below a folder, and every folder that is not looked into."""
    closed: list[OSError] = []
    for at, folders, files in os.walk(folder, onerror=closed.append):
        here = Path(at)
        for name in sorted(files):
            yield _file(here / name, _name(here / name, folder), folder)
        folders[:] = sorted(name for name in folders if not _is_of(here / name, results))
        shut = {name: why for name in folders if (why := _closed(here / name))}
        for name, why in shut.items():
            yield FoundInput(here / name, _name(here / name, folder), folder, skipped=why)
        folders[:] = [name for name in folders if name not in shut]
    for error in closed:
        path = Path(error.filename)
        yield FoundInput(path, _name(path, folder), folder, broken=f"folder: {error.strerror}")


def _closed(folder: Path) -> str:
    """Return why a folder is not looked into; empty where it is."""
    if (folder / RECORDS / ABOUT).is_file():
        return "results of an earlier fechner compress; name it to have it searched"
    if folder.is_symlink():
        return "a link to a folder; name that folder to have it searched"
    return "a hidden folder; name it to have it searched" if folder.name.startswith(".") else ""


def _is_of(folder: Path, results: Path) -> bool:
    """Tell whether a folder holds results, records or originals of ours."""
    if folder.name == RECORDS and (folder / ABOUT).is_file():
        return True
    ours = results.resolve()
    return folder.resolve() == ours or (
        folder.parent.resolve() == ours and folder.name.startswith(ORIGINALS)
    )


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _file(path: Path, name: str, root: Path, *, named: bool = False) -> FoundInput:
    found = FoundInput(path, name, root)
    if path.is_symlink() and not path.exists():
        return replace(found, skipped=f"a link to {path.readlink()}, which is not there")
    if not path.is_file():
        return replace(found, skipped="not a file with content (a pipe, socket or device)")
    if path.name.startswith(".") and not named:
        return replace(found, skipped="a hidden file; name it to have it compressed")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return replace(found, broken=f"cannot be read: {error.strerror}")
    return _judged(found, head)


def _judged(found: FoundInput, head: bytes) -> FoundInput:
    """Return the input with its kind by content, or why it is none."""
    kind, promised = kind_of(head), named_as(found.path)
    if kind == "tiff" and is_raw(found.path):
        return replace(found, skipped="a camera's raw file")
    if kind in READ:
        return replace(found, kind=kind)
    if kind:
        return replace(found, skipped=f"{kind}, which is not read here")
    if not promised:
        return replace(found, skipped="not a picture" if head else "an empty file")
    what = "is not a picture, or its beginning is damaged" if head else "is an empty file"
    return replace(found, broken=f"its name says {promised}, but it {what}")


def _without_second_names(found: list[FoundInput]) -> list[FoundInput]:
    """Mark links to pictures that are inputs themselves: one picture is compressed once."""
    real = {one.path.resolve(): one for one in found if one.kind and not one.path.is_symlink()}

    def marked(one: FoundInput) -> FoundInput:
        same = real.get(one.path.resolve()) if one.kind and one.path.is_symlink() else None
        if same is None:
            return one
        return replace(one, kind="", skipped=f"a link to {same.name}, which is done by itself")

    return [marked(one) for one in found]
