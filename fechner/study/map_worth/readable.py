"""Which images can be read: one damaged file is named, and the others go on."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.images.files import read_image


@dataclass(frozen=True)
class ReadableImages:
    """Images that were read once, and those that could not be.

    Attributes
    ----------
    paths
        Name and file of each that can be read.
    sizes
        Name, and height and width, of the same.
    left_out
        Name of each other one, and why.
    """

    paths: dict[str, Path]
    sizes: dict[str, tuple[int, int]]
    left_out: dict[str, str]

    @property
    def notes(self) -> list[str]:
        """One line for each that was left out."""
        return [f"{why}: left out" for why in self.left_out.values()]


def readable_images(
    images: Mapping[str, Path], *, pool: Executor | None = None, progress: Progress = silent
) -> ReadableImages:
    """Return which images can be read.

    Parameters
    ----------
    images
        Name and file of each.
    pool
        Where they are read; this process where it is None.
    progress
        Called after each image.

    Raises
    ------
    InputError
        If none can.
    """
    read = run_all(_size_or_problem, list(images.values()), pool=pool, progress=progress)
    found = dict(zip(images, read, strict=True))
    sizes = {name: size for name, size in found.items() if not isinstance(size, str)}
    left_out = {name: why for name, why in found.items() if isinstance(why, str)}
    if not sizes:
        first = next(iter(left_out.values()))
        several = f"none of the {len(images)} images can be read; first: "
        raise InputError((several if len(images) > 1 else "") + first)
    return ReadableImages({name: Path(images[name]) for name in sizes}, sizes, left_out)


def _size_or_problem(path: Path) -> tuple[int, int] | str:
    try:
        height, width = read_image(path).shape[:2]
    except InputError as error:
        return str(error)
    return height, width
