"""The errors of every pair, weighed by every map.

Pairs and maps of their references -> **weighted errors** -> what people said (`judged`). A
reference and its distorted images are read once; each local error of a pair is weighed by each
map, so that all maps are asked the very same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.judging.rivals import IMAGE_RIVALS, image_rivals
from fechner.analysis.judging.weighing import weighted_mean
from fechner.analysis.network.distances.passes import OfReference, by_reference
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.compression.metrics.local_errors import LOCAL_ERRORS, LocalError
from fechner.data.pairs import ReferencePairs
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.images.files import read_image

MapsOfReferences = Mapping[Path, "np.ndarray | None"]
"""Reference and its map, float (height, width) of any size, 0 or more; None has none."""


@dataclass(frozen=True, eq=False)
class WeightedErrors:
    """Errors of pairs under maps.

    Attributes
    ----------
    maps, errors
        Names along the first two axes.
    rivals
        Which of the maps are there to be beaten.
    values
        float64 (n_maps, n_errors, n_pairs): higher is worse; NaN where a map weighs nothing.
    """

    maps: tuple[str, ...]
    errors: tuple[str, ...]
    rivals: frozenset[str]
    values: NDArray[np.float64]


def weighted_errors(
    pairs: ReferencePairs,
    maps: Mapping[str, MapsOfReferences],
    *,
    rivals: Sequence[str] = (),
    errors: Mapping[str, LocalError] = LOCAL_ERRORS,
    pool: Executor | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
) -> WeightedErrors:
    """Weigh the errors of each pair by each map, and by the rivals made from the reference.

    Parameters
    ----------
    pairs
        Distorted images and their references.
    maps
        Name of a method, and its map of each reference.
    rivals
        Which of these are rivals, beside those that the picture alone gives (`IMAGE_RIVALS`).
    errors
        Name of each error of places, and how it is taken.
    pool
        Where references run, one task each.
    folder
        Through which networks travel there (`travelling`).
    progress
        Called after each reference.

    Returns
    -------
    WeightedErrors

    Raises
    ------
    InputError
        If a method has the name of a rival, a reference has no map, or an image cannot be read.
    """
    for name, of_references in maps.items():
        if name in IMAGE_RIVALS:
            raise InputError(f"a map may not be called {name!r}, which is a rival; rename it")
        missing = [path for path in pairs.references if Path(path) not in of_references]
        if missing:
            raise InputError(
                f"{name} has no map of the reference {missing[0]}; make maps of all references"
            )
    groups = by_reference(pairs)
    own = [{name: of[group.reference] for name, of in maps.items()} for group in groups]
    tasks = list(zip(groups, own, strict=True))
    with travelling(dict(errors), folder, pool) as carried:
        found = run_all(partial(_of_reference, carried), tasks, pool=pool, progress=progress)
    names = (*maps, *IMAGE_RIVALS)
    values = np.empty((len(names), len(errors), len(pairs)))
    for group, of_group in zip(groups, found, strict=True):
        values[:, :, list(group.rows)] = of_group
    return WeightedErrors(names, tuple(errors), frozenset([*rivals, *IMAGE_RIVALS]), values)


def _of_reference(
    carried: dict[str, LocalError] | Path,
    task: tuple[OfReference, Mapping[str, np.ndarray | None]],
) -> NDArray[np.float64]:
    """Return (n_maps, n_errors, n_images) of one reference."""
    group, maps = task
    errors = arrived(carried)
    reference = read_image(group.reference)
    weights = [*maps.values(), *image_rivals(reference).values()]
    found = np.empty((len(weights), len(errors), len(group.images)))
    for column, path in enumerate(group.images):
        image = read_image(path)
        if image.shape != reference.shape:
            raise InputError(
                f"{path} and its reference {group.reference} differ in size; correct the pair"
            )
        for row, error in enumerate(errors.values()):
            plane = error(reference, image)
            found[:, row, column] = [weighted_mean(plane, one) for one in weights]
    return found
