"""Pairs of a reference and its distorted image, with how much worse people rated the image.

Rated images that know their reference become pairs here, once; everything that compares an
image with its reference takes this record. The DMOS of a pair is its rating difference,
higher where the distorted image is worse.
"""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.cells import as_numbers
from fechner.records.images.files import image_size
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale


@dataclass(frozen=True, eq=False)
class ReferencePairs:
    """Pairs of a reference and a distorted image; every list and array has one entry a pair.

    Attributes
    ----------
    images, references
        The two files of each pair.
    dmos
        How much worse the image was rated than its reference, in points: float64
        ``(n_pairs,)``, higher is worse.
    scenes
        What must stay on one side of a split, the reference or what it shows: str
        ``(n_pairs,)``.
    families, levels
        Kind of distortion, str, and how strong it is, float64 (NaN where a pair has none),
        both ``(n_pairs,)``; None where the table does not say.
    name
        What the set is called.
    simulated
        True where no people made the ratings.
    """

    images: list[Path]
    references: list[Path]
    dmos: np.ndarray
    scenes: np.ndarray
    families: np.ndarray | None
    levels: np.ndarray | None
    name: str
    simulated: bool = False

    def __len__(self) -> int:
        return len(self.images)


def name_in(folder: Path, file: Path) -> str:
    """Return how a table in `folder` calls an image file: a path from there, or the whole one.

    Examples
    --------
    >>> name_in(Path("set"), Path("set/../a.png")), name_in(Path("set"), Path("/b.png"))
    ('../a.png', '/b.png')
    """
    return (file.relative_to(folder) if file.is_relative_to(folder) else file).as_posix()


def reference_pairs(
    rated: RatedImages,
    dimension: str,
    *,
    name: str = "pairs",
    reference_rating: float | None = None,
    check_files: bool = True,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> ReferencePairs:
    """Return the pairs of a table whose images have a reference.

    A row whose image is the reference of others, and whose own reference is empty or itself,
    rates that reference: it is no pair, and the others' DMOS is taken from its rating.
    Where references are not rated, all have the same rating and DMOS differs from the
    ratings by a constant (and the sign).

    Parameters
    ----------
    rated
        A table with a column ``reference``, and optional ``family`` and ``level``.
    dimension
        Which ratings.
    name
        What the set is called.
    reference_rating
        The rating of every reference; None takes those of the table, else 0 where the low
        end of the scale is good and 0 lies on it, else the good end of the scale.
    check_files
        Whether the two files of each pair must exist, be equally large, and differ.
    pool
        Where files are looked at; None is this process.
    progress
        Called after each pair with how many are done.

    Returns
    -------
    ReferencePairs
        In the order of the table.

    Raises
    ------
    InputError
        If the dimension is unknown; if an image has no reference or is its own; if only some
        references are rated; if a reference belongs to two scenes; if there is one scene
        alone; if all pairs were rated alike; and, with `check_files`, if a file is missing or
        no image, if the images of a pair have unequal sizes (nothing is resized), or if an
        image is a copy of its reference.

    Examples
    --------
    >>> table = pd.DataFrame({"image": ["a1", "a2", "b1"], "reference": ["a", "a", "b"]})
    >>> table = table.assign(scene=table["reference"], quality=[4.0, 2.0, 3.0])
    >>> rated = RatedImages(table, Path(), {"quality": Scale(1, 5)})
    >>> reference_pairs(rated, "quality", check_files=False).dmos.tolist()
    [1.0, 3.0, 2.0]
    """
    rated.scores(dimension)
    table, scale = rated.table, rated.scales[dimension]
    if "reference" not in table:
        raise InputError(
            "the table has no column 'reference'; add the path of each image's undistorted original"
        )
    image, reference = table["image"], table["reference"].fillna("")
    is_reference = image.isin(set(reference[reference != image]))
    own = is_reference & ((reference == "") | (reference == image))
    _require_references(image[~own], reference[~own])
    ratings = table[dimension].astype(np.float64)
    of_references = _ratings_of_references(
        reference[~own], dict(zip(image[own], ratings[own], strict=True)), reference_rating, scale
    )
    worse = of_references - ratings[~own] if scale.good == "high" else ratings[~own] - of_references
    kept = table[~own]
    pairs = ReferencePairs(
        images=[rated.folder / path for path in image[~own]],
        references=[rated.folder / path for path in reference[~own]],
        dmos=worse.to_numpy(np.float64),
        scenes=kept["scene"].to_numpy(dtype=str),
        families=kept["family"].to_numpy(dtype=str) if "family" in kept else None,
        levels=_levels(kept),
        name=name,
        simulated=rated.simulated,
    )
    _require_scenes(pairs)
    if np.ptp(pairs.dmos) == 0:
        raise InputError(
            f"all {len(pairs)} pairs have the same {dimension}, {ratings[~own].iloc[0]:g}; nothing "
            "can be learnt from constant scores: check the column"
        )
    if check_files:
        _require_files(pairs, pool, progress)
    return pairs


def _require_references(image: pd.Series, reference: pd.Series) -> None:
    without = reference.index[reference == ""]
    if len(without):
        raise InputError(
            f"row {without[0] + 2}: {image[without[0]]!r} has no reference ({len(without)} of "
            f"{len(image)} images have none); fill in the column 'reference' or leave out the rows"
        )
    same = reference.index[reference == image]
    if len(same):
        raise InputError(
            f"row {same[0] + 2}: {image[same[0]]!r} is its own reference ({len(same)} of "
            f"{len(image)} are), and no other image has it; name the undistorted original"
        )


def _ratings_of_references(
    reference: pd.Series, rated: dict[str, float], given: float | None, scale: Scale
) -> pd.Series:
    """Return the rating of each pair's reference, in points."""
    if given is not None:
        return pd.Series(float(given), index=reference.index)
    unrated = sorted(set(reference) - set(rated))
    if not rated:
        on_scale = scale.minimum <= 0 <= scale.maximum
        good = scale.maximum if scale.good == "high" else 0.0 if on_scale else scale.minimum
        return pd.Series(good, index=reference.index)
    if unrated:
        raise InputError(
            f"{len(rated)} references are rated, but {len(unrated)} are not, first {unrated[0]!r}; "
            "rate all of them, or leave out the rows of the references"
        )
    return reference.map(rated)


def _levels(table: pd.DataFrame) -> np.ndarray | None:
    if "level" not in table:
        return None
    levels = as_numbers(table["level"]).to_numpy(np.float64)
    return None if np.isnan(levels).all() else levels


def _require_scenes(pairs: ReferencePairs) -> None:
    scene_of: dict[Path, str] = {}
    for reference, scene in zip(pairs.references, pairs.scenes, strict=True):
        other = scene_of.setdefault(reference, str(scene))
        if other != scene:
            raise InputError(
                f"the reference {reference} stands in two scenes, {other!r} and {str(scene)!r}; "
                "a split would have it on both sides: correct the column 'scene'"
            )
    if len(set(pairs.scenes)) < 2:
        raise InputError(
            f"all {len(pairs)} pairs have one reference or scene, {str(pairs.scenes[0])!r}; "
            "expected two at least, because what holds for one need not hold for another"
        )


def _require_files(pairs: ReferencePairs, pool: Executor | None, progress: Progress) -> None:
    """Refuse the first pair that is no pair of files; references are measured once."""
    for column, paths in (("reference", pairs.references), ("image", pairs.images)):
        missing = [path for path in dict.fromkeys(paths) if not path.is_file()]
        if missing:
            raise InputError(
                f"the {column} {missing[0]} is missing ({len(missing)} of "
                f"{len(set(paths))} are); paths are relative to the table"
            )
    files: Sequence[Path] = list(dict.fromkeys([*pairs.references, *pairs.images]))
    sizes = dict(zip(files, run_all(image_size, files, pool=pool, progress=progress), strict=True))
    unequal = [
        (image, reference)
        for image, reference in zip(pairs.images, pairs.references, strict=True)
        if sizes[image] != sizes[reference]
    ]
    if unequal:
        image, reference = unequal[0]
        raise InputError(
            f"{image} is {_shown(sizes[image])}, its reference {reference} "
            f"{_shown(sizes[reference])} ({len(unequal)} of {len(pairs)} pairs are unequal); "
            "nothing is resized here: give pairs of one size"
        )
    copies = [
        (image, reference)
        for image, reference in zip(pairs.images, pairs.references, strict=True)
        if filecmp.cmp(image, reference, shallow=False)
    ]
    if copies:
        image, reference = copies[0]
        raise InputError(
            f"{image} is a copy of its reference {reference} ({len(copies)} of {len(pairs)} are); "
            "leave out these rows"
        )


def _shown(size: tuple[int, int]) -> str:
    height, width = size
    return f"{width} x {height} px"
