"""Rated images: one row an image, with its scene and its mean rating in each dimension.

This is where a study begins. Row numbers in messages are those of a spreadsheet: the
header is row 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from fechner.errors import InputError, nearest
from fechner.provenance import digest, write_text
from fechner.records.cells import (
    csv_text,
    numbers,
    numeric_where_possible,
    read_cells,
    require_columns,
    require_filled,
    same_spelling,
)
from fechner.records.declared import declared_scales
from fechner.records.images.files import check_header
from fechner.records.scales import Scale, write_sidecar


@dataclass(frozen=True, eq=False)
class RatedImages:
    """Images with a mean rating in one or more dimensions.

    Attributes
    ----------
    table
        One row an image: ``image`` (path relative to `folder`), ``scene``, optional
        ``reference`` (path of the undistorted image, empty where there is none), per
        dimension ``NAME`` and optional ``NAME_sd``, ``NAME_n``; further columns are kept.
    folder
        The folder that image paths are relative to.
    scales
        The declared `Scale` of each dimension.
    simulated
        True where the ratings come from no people.
    """

    table: pd.DataFrame
    folder: Path
    scales: dict[str, Scale]
    simulated: bool = field(default=False)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def dimensions(self) -> list[str]:
        """Names of the rated dimensions, in the order of the scales."""
        return list(self.scales)

    @property
    def paths(self) -> list[Path]:
        """The image file of each row."""
        return [self.folder / name for name in self.table["image"]]

    @property
    def references(self) -> list[Path]:
        """The file of every reference, once each, in the order of the table."""
        names: Iterable[str] = self.table.get("reference", [])
        return [self.folder / name for name in dict.fromkeys(names) if name]

    @property
    def scenes(self) -> np.ndarray:
        """The scene of each row: str ``(n_images,)``."""
        return self.table["scene"].to_numpy(dtype=str)

    def scores(self, dimension: str) -> np.ndarray:
        """Return mean ratings oriented so that higher is better: float64 ``(n_images,)``.

        Where the low end is good, a rating r becomes ``minimum + maximum - r``.

        Raises
        ------
        InputError
            If the dimension is not in the table.
        """
        if dimension not in self.scales:
            raise InputError(
                f"no dimension {dimension!r} in the rated images; "
                + nearest(dimension, self.scales)
            )
        scale = self.scales[dimension]
        values = self.table[dimension].to_numpy(dtype=np.float64)
        return values if scale.good == "high" else scale.minimum + scale.maximum - values

    def truths(self, images: Mapping[str, Path]) -> dict[str, str]:
        """Return what the column ``truth`` says of some images: name -> real or generated.

        Images of which it says nothing are left out; all of them where there is no such column.
        """
        told = dict(zip(self.paths, self.table.get("truth", []), strict=False))
        return {name: str(told[path]) for name, path in images.items() if told.get(path)}

    @cached_property
    def sha256(self) -> str:
        """Digest of the table and its scales (not of the image files)."""
        scales = {name: asdict(scale) for name, scale in self.scales.items()}
        numeric = self.table.select_dtypes("number").columns
        table = self.table.astype(dict.fromkeys(numeric, np.float64))
        return digest({"table": csv_text(table), "scales": scales})


def read_rated_images(
    csv: Path | str, *, scales: Mapping[str, Scale] | None = None, check_images: bool = True
) -> RatedImages:
    r"""Read and check a table of rated images.

    Parameters
    ----------
    csv
        The table (CSV, or TSV by its ending). Where it has a column ``reference`` and none
        called ``scene``, an image's scene is its reference.
    scales
        The scale of each dimension; where left out, those that are declared beside the table or
        in the study file that it belongs to.
    check_images
        Whether every image file, references too, must exist with a readable header.

    Returns
    -------
    RatedImages
        Names as text, ratings as float64 within their scales.

    Raises
    ------
    InputError
        If the table is missing, empty, or lacks a column; if no scale is declared;
        if a rating is no number or leaves its scale; if an image stands twice or,
        with `check_images`, is missing or not an image.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "rated.csv"
    >>> rows = ["image,scene,quality", "boat_1.png,0801,4.5", "boat_2.png,0801,2"]
    >>> _ = table.write_text("\n".join(rows))
    >>> rated = read_rated_images(table, scales={"quality": Scale(1, 5)}, check_images=False)
    >>> rated.scenes.tolist(), rated.scores("quality").tolist()
    (['0801', '0801'], [4.5, 2.0])
    """
    csv = Path(csv)
    table = read_cells(csv)
    declared, simulated = declared_scales(csv, scales)
    needed = ("image",) if "reference" in table else ("image", "scene")
    require_columns(table, (*needed, *declared), csv)
    for column in needed:
        require_filled(table, column, csv)
    table["image"] = same_spelling(table["image"])
    if "reference" in table:
        table["reference"] = [name and same_spelling([name])[0] for name in table["reference"]]
    if "scene" not in table:
        table.insert(1, "scene", _scenes_of_references(table))
    require_filled(table, "scene", csv)
    for name, scale in declared.items():
        table[name] = numbers(table, name, csv, lowest=scale.minimum, highest=scale.maximum)
        for suffix, lowest in (("_sd", 0.0), ("_n", 1.0)):
            if name + suffix in table.columns:
                table[name + suffix] = numbers(table, name + suffix, csv, lowest=lowest, blank=True)
    _require_unique_images(table, csv)
    table = numeric_where_possible(table, keep=("family",))
    rated = RatedImages(table, csv.parent, declared, simulated)
    if check_images:
        _require_image_files(rated, csv)
    return rated


def write_rated_images(
    rated: RatedImages, csv: Path | str, provenance_block: Mapping[str, Any]
) -> None:
    """Write the table and its sidecar (scales and provenance), each whole or not at all."""
    csv = Path(csv)
    write_sidecar(csv, rated.scales, provenance_block)
    write_text(csv, csv_text(rated.table, csv))


def require_scenes(rated: RatedImages, minimum: int = 4) -> None:
    """Check that there are enough scenes to choose channels on some and report on others.

    Raises
    ------
    InputError
        If fewer than `minimum` different scenes are rated.
    """
    scenes = np.unique(rated.scenes)
    if len(scenes) < minimum:
        raise InputError(
            f"expected at least {minimum} scenes, because channels are chosen on some and "
            f"tested on others; got {len(scenes)} ({', '.join(scenes)}): add images of other "
            "scenes or correct the column 'scene'"
        )


def _require_unique_images(table: pd.DataFrame, csv: Path) -> None:
    twice = table.index[table["image"].duplicated()]
    if len(twice):
        name = table["image"][twice[0]]
        first = table.index[table["image"] == name][0]
        raise InputError(
            f"{csv} rows {first + 2} and {twice[0] + 2} both rate the image {name!r}; keep one row "
            "an image (single judgements belong in a ratings table)"
        )


def _require_image_files(rated: RatedImages, csv: Path) -> None:
    for column in ("image", "reference"):
        if column not in rated.table:
            continue
        names = rated.table[column]
        paths = {name: rated.folder / name for name in dict.fromkeys(names) if name}
        missing = [name for name, path in paths.items() if not path.is_file()]
        if missing:
            row = names.tolist().index(missing[0])
            raise InputError(
                f"{csv} row {row + 2}: {column} {paths[missing[0]]} is missing "
                f"({len(missing)} of {len(paths)} are); paths are relative to the table"
            )
        for path in paths.values():
            check_header(path)


def _scenes_of_references(table: pd.DataFrame) -> list[str]:
    """Return each row's scene: its reference, or the image itself where it has none.

    Called by its file name without ending, or by its whole path where two share that name.
    """
    own = [
        reference or image
        for image, reference in zip(table["image"], table["reference"], strict=True)
    ]
    stems = {name: PurePosixPath(name).stem for name in own}
    distinct = len(set(stems.values())) == len(stems)
    return [stems[name] if distinct else name for name in own]
