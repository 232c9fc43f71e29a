"""Maps that somebody brings: fixations, a segmentation, another program's saliency.

A folder holds one map an image, named as the image: grey PNG of 8 or 16 bits, or NPY, at the size
of the image. A folder that `fechner maps make` wrote is read with its digests checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from fechner.errors import InputError, nearest
from fechner.records.images.files import read_map_png
from fechner.records.maps import SET_RECORD, read_map, read_maps_record

SUFFIXES = (".png", ".npy")


def given_map(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return a map of somebody's, float32 (height, width), 0 or more.

    Parameters
    ----------
    path
        PNG or NPY.
    shape
        Height and width of its image.

    Raises
    ------
    InputError
        If it cannot be read, has another size, or holds a value that is negative or no number.
    """
    return checked_map(_read_plane(path), shape, path)


def given_maps(folder: Path, sizes: Mapping[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    """Return the map of each image in a folder.

    Parameters
    ----------
    folder
        Made by `fechner maps make`, or with files named as the images.
    sizes
        Name of each image and its height and width.

    Raises
    ------
    InputError
        If an image has no map, or as for `given_map`.
    """
    files = given_map_files(folder, sizes)
    if (Path(folder) / SET_RECORD).is_file():
        return {
            name: checked_map(read_map(folder, name).values, shape, files[name])
            for name, shape in sizes.items()
        }
    return {name: given_map(files[name], shape) for name, shape in sizes.items()}


def given_map_files(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the file of each of these maps in a folder.

    Raises
    ------
    InputError
        If there is no such folder, or a map is missing.
    """
    folder = Path(folder)
    known, wanted = map_names(folder), list(names)
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError(
            f"{folder} holds no map of {missing[0]!r} ({missing[0]}.png or {missing[0]}.npy); "
            f"{nearest(missing[0], known)}"
        )
    if (folder / SET_RECORD).is_file():
        return {name: folder / f"{name}.png" for name in wanted}
    files = _files(folder)
    return {name: files[name] for name in wanted}


def map_names(folder: Path) -> list[str]:
    """Return the names of the images that a folder holds maps of.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"no folder {folder} of maps; check the path")
    if (folder / SET_RECORD).is_file():
        return list(read_maps_record(folder)["maps"])
    return list(_files(folder))


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}


def checked_map(values: np.ndarray, shape: tuple[int, ...], path: Path) -> np.ndarray:
    """Return a map as float32 (height, width); errors as for `given_map`."""
    if values.ndim != 2:
        raise InputError(f"{path} has shape {values.shape}; a map is one plane (height, width)")
    if values.shape != tuple(shape):
        raise InputError(
            f"{path} is {values.shape[1]} x {values.shape[0]} px, its image {shape[1]} x "
            f"{shape[0]} px; give the map at the size of the image"
        )
    bad = ~np.isfinite(values)
    if bad.any():
        y, x = np.argwhere(bad)[0]
        raise InputError(
            f"{path} holds {values[y, x]} at x {x}, y {y} ({bad.sum()} such places); a map needs a "
            "number everywhere"
        )
    if values.min() < 0:
        raise InputError(
            f"{path} goes down to {values.min():g}; importance is 0 or more: give the positive "
            "part or the magnitude"
        )
    return values.astype(np.float32)


def _read_plane(path: Path) -> np.ndarray:
    if path.suffix == ".png":
        return read_map_png(path)
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path} as NPY: {error}; save it with numpy.save") from error
    if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise InputError(f"{path} holds {values.dtype}, expected numbers; save it as floats")
    return np.asarray(values)
