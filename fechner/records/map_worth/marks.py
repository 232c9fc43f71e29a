"""Where people marked or looked: points in image pixels, or maps, by image.

A table has the columns ``image, x, y`` and best of all ``participant``; x and y count pixels from
the left and upper edge. A row with neither says that somebody marked nowhere. With a column
``radius`` (pixels) a mark covers what its brush covered: rows of one ``mark`` (and ``session`` and
``trial``), in the order of ``point``, are the path of one brush, as `fechner session export` writes
them. Instead of a table, a folder may hold one map an image (`given`): a mean over participants,
smoothed as its maker says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fechner.errors import InputError, nearest
from fechner.provenance import digest, sha256_file
from fechner.records.cells import numbers, read_cells, require_columns, require_filled
from fechner.records.map_worth.brush_paths import BrushPath, brush_paths
from fechner.records.map_worth.given import SUFFIXES, given_maps, map_names
from fechner.records.simulated import is_marked


@dataclass(frozen=True, eq=False)
class MarkedImage:
    """What people marked in one image.

    Attributes
    ----------
    x, y
        float64 ``(n_points,)``, pixels from the left and upper edge.
    participants
        Who made each point, str ``(n_points,)``; None where the table does not tell.
    weights
        float32 ``(height, width)``, 0 or more: a map in place of points.
    paths
        All marks as what their brushes covered, where the table tells their radius; else empty.
    """

    x: np.ndarray
    y: np.ndarray
    participants: np.ndarray | None = None
    weights: np.ndarray | None = None
    paths: tuple[BrushPath, ...] = ()


@dataclass(frozen=True, eq=False)
class HumanMarks:
    """Marks of several images.

    Attributes
    ----------
    images
        Name and marks of each image that was marked at all.
    unmarked
        Images that nobody marked.
    simulated
        True where no people made the marks.
    sha256
        Digest of what was read.
    """

    images: dict[str, MarkedImage]
    unmarked: list[str]
    simulated: bool
    sha256: str


def read_marks(
    path: Path, sizes: Mapping[str, tuple[int, int]], *, left_out: Collection[str] = ()
) -> HumanMarks:
    """Read a table of points or a folder of maps.

    Parameters
    ----------
    path
        The table or the folder.
    sizes
        Name of each image, its file's without ending, and its height and width.
    left_out
        Names of images whose marks are passed over.

    Raises
    ------
    InputError
        If a point lies outside its image or belongs to none, nothing was marked anywhere, or a map
        does not fit.
    """
    path = Path(path)
    found = _from_folder(path, sizes) if path.is_dir() else _from_table(path, sizes, left_out)
    if not found.images:
        raise InputError(f"{path} marks nothing in any of the {len(sizes)} images; check the names")
    return found


def _from_folder(path: Path, sizes: Mapping[str, tuple[int, int]]) -> HumanMarks:
    there = set(map_names(path))
    maps = given_maps(path, {name: size for name, size in sizes.items() if name in there})
    none = np.empty(0)
    marked = {
        name: MarkedImage(none, none, weights=values)
        for name, values in maps.items()
        if values.any()
    }
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    return HumanMarks(
        marked,
        [name for name in sizes if name not in marked],
        is_marked(path.name) or any(is_marked(file.name) for file in files),
        digest({file.name: sha256_file(file) for file in files}),
    )


def _from_table(
    path: Path, sizes: Mapping[str, tuple[int, int]], left_out: Collection[str]
) -> HumanMarks:
    cells = read_cells(path)
    require_columns(cells, ("image", "x", "y"), path)
    require_filled(cells, "image", path)
    x, y = (numbers(cells, name, path, blank=True).to_numpy() for name in ("x", "y"))
    known = {*sizes, *left_out}
    names = np.array([_name(text, known) for text in cells["image"]], dtype=object)
    for row, name in enumerate(names):
        if name is None:
            said = cells["image"].iloc[row]
            raise InputError(f"{path} row {row + 2}: no image {said!r}; {nearest(said, sizes)}")
        if np.isnan(x[row]) != np.isnan(y[row]):
            raise InputError(f"{path} row {row + 2}: x or y is empty; give both, or neither")
        if name in left_out:
            continue
        height, width = sizes[name]
        if x[row] < 0 or y[row] < 0 or x[row] >= width or y[row] >= height:
            raise InputError(
                f"{path} row {row + 2}: the mark ({x[row]:g}, {y[row]:g}) lies outside {name}, "
                f"{width} x {height} px; give marks in pixels of the image"
            )
    people = cells["participant"].to_numpy(dtype=str) if "participant" in cells else None
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(np.isfinite(x)):
        rows_of.setdefault(str(names[row]), []).append(int(row))
    marked = {}
    for name in sizes:
        if mine := rows_of.get(name):
            whose = None if people is None else people[mine]
            paths = brush_paths(cells.iloc[mine], path)
            marked[name] = MarkedImage(x[mine], y[mine], whose, paths=paths)
    return HumanMarks(
        marked,
        [name for name in sizes if name not in marked],
        is_marked(path.name),
        sha256_file(path),
    )


def _name(text: str, known: Collection[str]) -> str | None:
    """Return which image is meant: by its name, or by its file's with ending and folder."""
    if text in known:
        return text
    stem = text.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    return stem if stem in known else None
