"""Ratings of patches of images: which part of a picture looks worse than the whole.

Two layouts are read: one row a patch, with the columns ``image, left, top, right, bottom, rating,
image_rating``, and that of FLIVE (Ying and others 2020, CVPR), one row an image with
``name_image, mos_image`` and ``left_patch_1 ... mos_patch_3``. Places are pixels of the image, the
right and lower end excluded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fechner.errors import InputError
from fechner.provenance import sha256_file
from fechner.records.cells import numbers, read_cells, require_columns, require_filled
from fechner.records.csv_text import read_rows
from fechner.records.simulated import is_marked

EDGES = ("left", "top", "right", "bottom")
PATCH_COLUMNS = ("image", *EDGES, "rating", "image_rating")
FLIVE_PATCHES = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class PatchRatings:
    """Patches with their ratings, higher is better; each array has one entry a patch.

    Attributes
    ----------
    images
        File of each patch's image.
    boxes
        int ``(n_patches, 4)``: left, top, right, bottom in pixels, ends excluded.
    worse
        How many points the patch was rated below its whole image, float64 ``(n_patches,)``.
    rows
        Where each patch stands in the table, int ``(n_patches,)``, as an editor counts its lines.
    table
        The table.
    simulated
        True where no people made the ratings.
    sha256
        Digest of the table.
    """

    images: list[Path]
    boxes: np.ndarray
    worse: np.ndarray
    rows: np.ndarray
    table: Path
    simulated: bool
    sha256: str

    def __len__(self) -> int:
        return len(self.images)

    def within(self, sizes: Mapping[Path, tuple[int, int]]) -> PatchRatings:
        """Return the patches of these images, each of which lies inside its image.

        Parameters
        ----------
        sizes
            File of each image, and its height and width; patches of others are left out.

        Raises
        ------
        InputError
            If a patch is empty or leaves its image.
        """
        kept = [k for k, image in enumerate(self.images) if image in sizes]
        for k in kept:
            height, width = sizes[self.images[k]]
            left, top, right, bottom = self.boxes[k]
            if not (0 <= left < right <= width and 0 <= top < bottom <= height):
                raise InputError(
                    f"{self.table} row {self.rows[k]}: the patch from ({left}, {top}) to ({right}, "
                    f"{bottom}) is empty or leaves {self.images[k].name}, {width} x {height} px; "
                    "correct it"
                )
        return replace(
            self,
            images=[self.images[k] for k in kept],
            boxes=self.boxes[kept],
            worse=self.worse[kept],
            rows=self.rows[kept],
        )


def holds_patches(path: Path) -> bool:
    """Whether a table has the columns of one of the two layouts of patches."""
    header, _ = read_rows(Path(path))
    return set(EDGES) <= set(header) or "left_patch_1" in header


def read_patch_ratings(path: Path) -> PatchRatings:
    """Read a table of rated patches; image paths are relative to it, and images are not opened.

    Raises
    ------
    InputError
        If a column is missing, or a cell is empty or no number.
    """
    path = Path(path)
    cells = read_cells(path)
    long = _long(cells, path) if "left_patch_1" in cells else cells
    require_columns(long, PATCH_COLUMNS, path)
    require_filled(long, "image", path)
    edges = np.column_stack([numbers(long, name, path) for name in EDGES])
    rating, whole = (numbers(long, name, path) for name in ("rating", "image_rating"))
    images = [path.parent / name for name in long["image"]]
    return PatchRatings(
        images,
        np.rint(edges).astype(int),
        (whole - rating).to_numpy(),
        rows=long.index.to_numpy() + 2,
        table=path,
        simulated=is_marked(path.name),
        sha256=sha256_file(path),
    )


def _long(cells: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return FLIVE's table with one row a patch; the label of a row is that of its image."""
    require_columns(cells, ("name_image", "mos_image"), path)
    parts = []
    for k in FLIVE_PATCHES:
        needed = [f"{edge}_patch_{k}" for edge in EDGES] + [f"mos_patch_{k}"]
        require_columns(cells, needed, path)
        part = cells[["name_image", *needed, "mos_image"]]
        parts.append(part.set_axis(list(PATCH_COLUMNS), axis=1))
    return pd.concat(parts)
