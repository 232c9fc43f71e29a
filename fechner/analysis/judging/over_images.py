"""Measures of maps on single images, gathered: means, and each map against each rival.

Differences are taken image by image, so that what makes an image easy for all maps cancels. What is
not defined is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.judging.intervals import LIMITS, Limits, difference_limits, mean_interval
from fechner.analysis.judging.rivals import CENTRE, CONTRAST
from fechner.errors import InputError
from fechner.records.human_marks.compared import PEOPLE
from fechner.records.map_worth.agreement import AGREEMENT_COLUMNS, DIFFERENCES_COLUMNS


def agreement_table(
    images: pd.DataFrame, rivals: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return means over images of every map and measure, and each map against each rival.

    Parameters
    ----------
    images
        One row an image, map and measure: columns image, map, measure, value. Not every map
        needs every measure.
    rivals
        Which maps are rivals; `PEOPLE` is neither.

    Returns
    -------
    tuple of pandas.DataFrame
        The tables ``agreement`` and ``differences`` of `records.map_worth.agreement`.

    Raises
    ------
    InputError
        If no map is defined on any image, as where all are flat; where only rivals were asked for,
        no rival.
    """
    known = set(rivals)
    judged = ~images["map"].isin({*known, PEOPLE})
    of_maps = images[judged] if judged.any() else images[images["map"] != PEOPLE]
    if not np.isfinite(of_maps["value"].to_numpy(np.float64)).any():
        named = ", ".join(dict.fromkeys(images["image"].astype(str).head(100)))
        raise InputError(
            f"no map can be judged on {named}: flat images, or maps that are the same everywhere; "
            "give other images"
        )
    wide = images.pivot(index="image", columns=["measure", "map"], values="value")
    agreement, differences = [], []
    for measure in dict.fromkeys(images["measure"]):
        maps = list(dict.fromkeys(images.loc[images["measure"] == measure, "map"]))
        columns = {name: wide[measure][name].to_numpy() for name in maps}
        for name in maps:
            agreement.append(
                {
                    "map": name,
                    "kind": "people" if name == PEOPLE else "rival" if name in known else "map",
                    "measure": measure,
                    **_mean(columns[name], ("value", "low", "high"), LIMITS.get(measure)),
                    **_against(columns, name, CENTRE, "minus_centre", measure),
                    **_against(columns, name, CONTRAST, "minus_contrast", measure),
                }
            )
        differences += _all_differences(columns, measure, known)
    return (
        pd.DataFrame(agreement, columns=list(AGREEMENT_COLUMNS)),
        pd.DataFrame(differences, columns=list(DIFFERENCES_COLUMNS)),
    )


def _mean(values: NDArray, names: Sequence[str], limits: Limits | None) -> dict[str, float]:
    mean, low, high, n = mean_interval(values, limits=limits)
    return {
        "n_images": n,
        "n_undefined": len(values) - n,
        **dict(zip(names, (mean, low, high), strict=True)),
    }


def _against(
    columns: Mapping[str, NDArray], name: str, rival: str, called: str, measure: str
) -> dict[str, float]:
    if name in (rival, PEOPLE) or rival not in columns:
        return {}
    limits = difference_limits(measure)
    mean, low, high, _ = mean_interval(columns[name] - columns[rival], limits=limits)
    return {called: mean, f"{called}_low": low, f"{called}_high": high}


def _all_differences(
    columns: Mapping[str, NDArray], measure: str, rivals: set[str]
) -> list[dict[str, object]]:
    own = [name for name in columns if name not in rivals and name != PEOPLE]
    against = [name for name in columns if name in rivals]
    return [
        {
            "map": name,
            "rival": rival,
            "measure": measure,
            **_mean(
                columns[name] - columns[rival],
                ("difference", "low", "high"),
                difference_limits(measure),
            ),
            "compared": len(own) * len(against),
        }
        for name in own
        for rival in against
    ]
