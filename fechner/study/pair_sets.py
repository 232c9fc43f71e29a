"""From a table to the pairs that can be used, with a note for each that cannot.

A damaged or missing image, images of two sizes and a copy of its reference are left out and
named: one bad pair must not stop a study of thousands. What concerns the whole set (constant
scores, one reference, scores the wrong way round) is refused.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fechner.data.direction import direction_of_scores, require_direction
from fechner.data.pairs import ReferencePairs, reference_pairs
from fechner.errors import InputError, nearest
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.cells import numbers
from fechner.records.images.files import read_image
from fechner.records.layers.study import PairsTable
from fechner.records.rated_images import RatedImages, read_rated_images
from fechner.records.ratings import read_ratings


@dataclass(frozen=True, eq=False)
class PairSetFile:
    """A set that was read.

    Attributes
    ----------
    pairs
        The pairs that can be used.
    folder
        What the table's image paths are relative to.
    dimension
        What was rated.
    scores
        The user's own metrics by column, each (n_pairs,) as it stands in the table.
    ceiling
        Lower and upper bound of the agreement of any distance, where single ratings are given.
    left_out
        One line for each pair that cannot be used.
    sha256
        Digest of the table and its scales.
    """

    pairs: ReferencePairs
    folder: Path
    dimension: str
    scores: dict[str, np.ndarray]
    ceiling: tuple[float, float] | None
    left_out: list[str]
    sha256: str


def open_pair_set(
    part: PairsTable, *, pool: Executor | None = None, progress: Progress = silent
) -> PairSetFile:
    """Read a set and keep the pairs that can be used.

    Parameters
    ----------
    part
        The table, the dimension, the references' rating, the columns of scores.
    pool
        Where images are looked at.
    progress
        Called after each reference.

    Raises
    ------
    InputError
        If the table, the dimension or a column is not what was expected, no pair can be used,
        or as for `reference_pairs` and `require_direction`.
    """
    rated = read_rated_images(part.table, check_images=False)
    dimension = _dimension(rated, part)
    pairs = _pairs(rated, part, dimension)
    groups = _by_reference(pairs)
    found = run_all(_problems, groups, pool=pool, progress=progress)
    bad = {path: why for group in found for path, why in group.items() if why}
    if len(bad) == len(pairs):
        raise InputError(
            f"{part.table}: none of its {len(pairs)} pairs can be used; first: "
            f"{next(iter(bad.values()))}; image paths are relative to the table"
        )
    if bad:
        kept = [path not in bad for path in rated.paths]
        rated = replace(rated, table=rated.table[kept].reset_index(drop=True))
        pairs = _pairs(rated, part, dimension)
    require_direction(direction_of_scores(rated, dimension, pool=pool), str(part.table))
    return PairSetFile(
        pairs=pairs,
        folder=rated.folder,
        dimension=dimension,
        scores={one.column: _column(rated, pairs, one.column, part) for one in part.scores},
        ceiling=_ceiling(rated, pairs, dimension, part),
        left_out=list(bad.values()),
        sha256=rated.sha256,
    )


def _dimension(rated: RatedImages, part: PairsTable) -> str:
    if part.dimension is not None:
        return part.dimension
    if len(rated.dimensions) > 1:
        raise InputError(
            f"{part.table} has the dimensions {', '.join(rated.dimensions)}; say which with "
            "--dimension (dimension in the file)"
        )
    return rated.dimensions[0]


def _pairs(rated: RatedImages, part: PairsTable, dimension: str) -> ReferencePairs:
    return reference_pairs(
        rated,
        dimension,
        name=part.name,
        reference_rating=part.reference_rating,
        check_files=False,
    )


def _by_reference(pairs: ReferencePairs) -> list[tuple[Path, list[Path]]]:
    images: dict[Path, list[Path]] = {}
    for reference, image in zip(pairs.references, pairs.images, strict=True):
        images.setdefault(reference, []).append(image)
    return list(images.items())


def _problems(group: tuple[Path, list[Path]]) -> dict[Path, str | None]:
    """Return why each image of a reference cannot be compared with it; None where it can."""
    reference, images = group
    try:
        original = read_image(reference)
    except InputError as error:
        return {image: f"{image}: its reference cannot be used: {error}" for image in images}
    return {image: _problem(image, reference, original) for image in images}


def _problem(image: Path, reference: Path, original: np.ndarray) -> str | None:
    try:
        pixels = read_image(image)
    except InputError as error:
        return str(error)
    if pixels.shape != original.shape:
        sizes = [f"{one.shape[1]} x {one.shape[0]}" for one in (pixels, original)]
        return (
            f"{image} is {sizes[0]} px and its reference {reference} {sizes[1]} px; nothing is "
            "resized here: correct the pair"
        )
    if np.array_equal(pixels, original):
        return f"{image} is a copy of its reference {reference}; leave out the row"
    return None


def _ceiling(
    rated: RatedImages, pairs: ReferencePairs, dimension: str, part: PairsTable
) -> tuple[float, float] | None:
    """Return the noise ceiling that single ratings of the images, and of references, allow."""
    if part.ratings is None:
        return None
    from fechner.analysis.network.distances.ceiling import score_ceiling, single_dmos
    from fechner.analysis.ratings.matrices import rating_matrix

    single = rating_matrix(read_ratings(part.ratings, scales=rated.scales), dimension)
    called = {
        rated.folder / name: name
        for column in ("image", "reference")
        for name in rated.table[column]
    }
    names, originals = (
        [called[path] for path in some] for some in (pairs.images, pairs.references)
    )
    columns = list(dict.fromkeys([*names, *originals]))
    rows = dict(zip(single.images, single.values, strict=True))
    nobody = np.full(len(single.participants), np.nan)
    panel = np.array([rows.get(name, nobody) for name in columns]).T
    place = {name: k for k, name in enumerate(columns)}
    images, references = ([place[name] for name in some] for some in (names, originals))
    if np.isnan(panel[:, references]).all():  # They were not rated: the same for everybody.
        panel[:, references] = 0.0
    if rated.scales[dimension].good == "low":
        panel = -panel
    return score_ceiling(single_dmos(panel, images, references))


def _column(rated: RatedImages, pairs: ReferencePairs, column: str, part: PairsTable) -> np.ndarray:
    """Return a column of the table for each pair, (n_pairs,)."""
    if column not in rated.table:
        raise InputError(
            f"{part.table} has no column {column!r} of scores; "
            f"{nearest(column, map(str, rated.table.columns))}"
        )
    text = rated.table[column].astype(str).where(rated.table[column].notna(), "")
    values = numbers(pd.DataFrame({column: text}), column, part.table, blank=True)
    of_image = dict(zip(rated.paths, values, strict=True))
    return np.array([of_image[image] for image in pairs.images], np.float64)
