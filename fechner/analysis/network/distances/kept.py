"""Arrays that are kept for each reference: one ``.npz`` a reference, named by its key.

A file is written whole or not at all, and more can be added to it later: another layer, another
metric. A file that is damaged holds nothing, so that its reference is simply passed again.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fechner.errors import InputError
from fechner.provenance import atomic_path

Arrays = dict[str, NDArray]


def names_in(path: Path) -> frozenset[str]:
    """Return the names of the arrays in a file; none where it is missing or damaged."""
    try:
        with zipfile.ZipFile(path) as file:
            return frozenset(name.removesuffix(".npy") for name in file.namelist())
    except (OSError, zipfile.BadZipFile):
        return frozenset()


def read_arrays(path: Path, names: frozenset[str] | list[str]) -> Arrays:
    """Return the arrays called `names` from a file.

    Raises
    ------
    InputError
        If the file is missing or damaged, or lacks one.
    """
    try:
        with np.load(path) as file:
            return {name: file[name] for name in names}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"cannot read {path} ({error}); every process must see the same cache folder: "
            "delete the file and run again"
        ) from error


def add_arrays(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """Write `arrays` beside those that the file holds, which they replace where names are equal.

    Raises
    ------
    InputError
        If the folder cannot be written, or the disk is full.
    """
    before: Arrays = {}
    if kept := names_in(path) - set(arrays):
        try:
            before = read_arrays(path, kept)
        except InputError:  # Damaged inside: what was there is lost, and found again when wanted.
            before = {}
    whole: dict[str, Any] = {**before, **arrays}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **whole)
