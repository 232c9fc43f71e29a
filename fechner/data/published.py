"""What the readers of public image sets share: the set as read, and finding its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fechner.errors import InputError
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import Ratings


@dataclass(frozen=True)
class PublicSet:
    """A public set as read: rated images, single ratings if published, and the files read."""

    rated: RatedImages
    ratings: Ratings | None
    files: tuple[Path, ...]
    citation: str


def first_present(folder: Path, candidates: Iterable[str]) -> Path:
    """Return the first of `candidates` that is a file in `folder`.

    Raises
    ------
    InputError
        If none is.
    """
    names = list(candidates)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder} has no {' or '.join(names)}; give the folder of the set itself")


def files_by_name(folder: Path) -> dict[str, Path]:
    """Return lower-case file name -> file: published archives differ in the case of names."""
    if not folder.is_dir():
        return {}
    return {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_file()}


def paths(
    folder: Path, names: Iterable[str], found: dict[str, Path], check_images: bool
) -> list[str]:
    """Return each image's path relative to `folder`.

    Parameters
    ----------
    folder
        Of the set as published.
    names
        File names as they stand in the published table.
    found
        Lower-case file name and file, from `files_by_name`.
    check_images
        Whether a missing image is refused; else it keeps its name.

    Returns
    -------
    list of str
        One path an image, with forward slashes.

    Raises
    ------
    InputError
        If `check_images` and an image is not among those found.
    """
    names = list(names)
    missing = [name for name in names if name.lower() not in found]
    if missing and check_images:
        raise InputError(
            f"{folder}: image {missing[0]} is missing ({len(missing)} of {len(names)} are); "
            "give the folder as published, with its images"
        )
    return [
        found[name.lower()].relative_to(folder).as_posix() if name.lower() in found else name
        for name in names
    ]


def ordered(table: pd.DataFrame, dimensions: Iterable[str]) -> pd.DataFrame:
    """Return `table` with the columns of RatedImages first, without the published ``name``."""
    first = ["image", "scene", "reference"]
    for name in dimensions:
        first += [name, f"{name}_sd", f"{name}_n"]
    first = [name for name in first if name in table.columns]
    rest = [name for name in table.columns if name not in first and name != "name"]
    return table[[*first, *rest]]
