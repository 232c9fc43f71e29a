"""Maps against what people marked or looked at in the same images, beside rivals and people.

Maps and marks -> `measured` for each image -> `agreement_table` over images. The ceiling is people
themselves: the density of one half's marks takes the place of a map and is held against the other
half's, for random halves. It knows half of the people only, so a good map can pass it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.judging.human_density import SPREAD, HumanPlane, human_plane
from fechner.analysis.judging.intervals import mean_interval
from fechner.analysis.judging.people_measures import (
    MEASURES,
    NOT_DEFINED,
    auc,
    auc_judd,
    nss,
    partial_of_maps,
    pearson_of_maps,
)
from fechner.analysis.judging.rivals import CENTRE, CONTRAST
from fechner.analysis.judging.weighing import resized
from fechner.records.map_worth.against_people import AGREEMENT_COLUMNS, DIFFERENCES_COLUMNS
from fechner.records.map_worth.marks import MarkedImage

PARTIAL = "pearson given contrast"
"""Correlation with the density of marks, contrast energy held constant: is it only edges?"""
ALL_MEASURES = (*MEASURES, PARTIAL)
CEILING = "people, half against half"
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


def agreement_table(
    images: pd.DataFrame, rivals: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return means over images of every map and measure, and each map against each rival.

    Parameters
    ----------
    images
        One row an image, map and measure: columns image, map, measure, value.
    rivals
        Which maps are rivals; `CEILING` is neither.

    Returns
    -------
    tuple of pandas.DataFrame
        The tables ``agreement`` and ``differences`` of `records.map_worth.against_people`.
    """
    known = set(rivals)
    wide = images.pivot(index="image", columns=["measure", "map"], values="value")
    maps = list(dict.fromkeys(images["map"]))
    agreement, differences = [], []
    for measure in dict.fromkeys(images["measure"]):
        columns = {name: wide[measure][name].to_numpy() for name in maps}
        for name in maps:
            agreement.append(
                {
                    "map": name,
                    "kind": "people" if name == CEILING else "rival" if name in known else "map",
                    "measure": measure,
                    **_mean(columns[name], ("value", "low", "high")),
                    **_against(columns, name, CENTRE, "minus_centre"),
                    **_against(columns, name, CONTRAST, "minus_contrast"),
                }
            )
        differences += _all_differences(columns, measure, known)
    return (
        pd.DataFrame(agreement, columns=list(AGREEMENT_COLUMNS)),
        pd.DataFrame(differences, columns=list(DIFFERENCES_COLUMNS)),
    )


def _mean(values: NDArray, names: Sequence[str]) -> dict[str, float]:
    mean, low, high, n = mean_interval(values)
    return {
        "n_images": n,
        "n_undefined": len(values) - n,
        **dict(zip(names, (mean, low, high), strict=True)),
    }


def _against(
    columns: Mapping[str, NDArray], name: str, rival: str, called: str
) -> dict[str, float]:
    if name in (rival, CEILING) or rival not in columns:
        return {}
    mean, low, high, _ = mean_interval(columns[name] - columns[rival])
    return {called: mean, f"{called}_low": low, f"{called}_high": high}


def _all_differences(
    columns: Mapping[str, NDArray], measure: str, rivals: set[str]
) -> list[dict[str, object]]:
    own = [name for name in columns if name not in rivals and name != CEILING]
    against = [name for name in columns if name in rivals]
    return [
        {
            "map": name,
            "rival": rival,
            "measure": measure,
            **_mean(columns[name] - columns[rival], ("difference", "low", "high")),
            "compared": len(own) * len(against),
        }
        for name in own
        for rival in against
    ]
