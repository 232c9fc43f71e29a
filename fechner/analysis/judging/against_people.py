"""Maps against what people marked or looked at in the same images, beside rivals and people.

Maps and marks -> `measured` for each image -> `over_images.agreement_table`. The ceiling is people
themselves: the density of one half's marks takes the place of a map and is held against the other
half's, for random halves. It knows half of the people only, so a good map can pass it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.judging.human_density import SPREAD, HumanPlane, human_plane
from fechner.analysis.judging.people_measures import (
    MEASURES,
    NOT_DEFINED,
    auc,
    auc_judd,
    nss,
    partial_of_maps,
    pearson_of_maps,
)
from fechner.analysis.judging.weighing import resized
from fechner.records.map_worth.marks import MarkedImage

PARTIAL = "pearson given contrast"
"""Correlation with the density of marks, contrast energy held constant: is it only edges?"""
ALL_MEASURES = (*MEASURES, PARTIAL)
SPLITS = 20


def measured(
    values: NDArray | None,
    human: HumanPlane,
    elsewhere: NDArray,
    *,
    contrast: NDArray | None = None,
) -> dict[str, float]:
    """Return every measure of one map on one image.

    Parameters
    ----------
    values : (height, width), optional
        The map, of any size; None is one that could not be made.
    human
        The marks of the image.
    elsewhere : (h, w)
        Marks of the other images, at the places of this one.
    contrast : (height, width), optional
        The contrast energy of the image.

    Returns
    -------
    dict
        A number by the names of `ALL_MEASURES`, NaN where it is not defined.
    """
    if values is None:
        return dict.fromkeys(ALL_MEASURES, NOT_DEFINED)
    shape = human.weights.shape
    plane = resized(np.asarray(values, np.float64), shape)
    unmarked = (human.weights == 0) if human.points else np.ones(shape)
    found = {
        "pearson": pearson_of_maps(plane, human.density),
        "nss": nss(plane, human.weights),
        "auc": auc(plane, human.weights, unmarked),
        "auc_judd": auc_judd(plane, human.weights > 0) if human.points else NOT_DEFINED,
        "auc_shuffled": auc(plane, human.weights, elsewhere),
        PARTIAL: NOT_DEFINED,
    }
    if contrast is not None:
        held = resized(np.asarray(contrast, np.float64), shape)
        found[PARTIAL] = partial_of_maps(plane, human.density, held)
    return found


def half_against_half(
    marked: MarkedImage,
    shape: tuple[int, int],
    elsewhere: NDArray,
    *,
    contrast: NDArray | None = None,
    spread: float = SPREAD,
    splits: int = SPLITS,
    seed: int = 0,
) -> dict[str, float]:
    """Return every measure when half of the people are the map of the other half.

    Parameters
    ----------
    marked
        Marks of one image; those of two participants at least.
    shape
        Height and width of the picture.
    elsewhere, contrast
        As for `measured`.
    spread
        See `human_plane`.
    splits, seed
        How many random halves, and of which sequence.

    Returns
    -------
    dict
        Means over halves, both ways; NaN without single participants.
    """
    people = [] if marked.participants is None else sorted(set(marked.participants))
    if len(people) < 2:
        return dict.fromkeys(ALL_MEASURES, NOT_DEFINED)
    rng, rows = np.random.default_rng(seed), []
    for _ in range(splits):
        order = rng.permutation(people)
        halves = [
            human_plane(marked, shape, spread=spread, only=list(part))
            for part in (order[: len(order) // 2], order[len(order) // 2 :])
        ]
        for one, other in (halves, halves[::-1]):
            rows.append(measured(one.density, other, elsewhere, contrast=contrast))
    return {name: float(np.mean([row[name] for row in rows])) for name in ALL_MEASURES}
