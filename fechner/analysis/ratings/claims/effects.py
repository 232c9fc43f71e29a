"""The size of each contrast that decides: d, in SDs of a single rating.

What d means and its interval stand in `contrasts.effect_size`. Its variance comes from the pairs
of ratings that the difference was tested on, else from the mixed model of the ratings.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from fechner.analysis.ratings.contrasts.effect_size import effect_size, variance_of_arms
from fechner.records.contrasts.contrast import Contrast
from fechner.records.contrasts.family import EffectSize


def effects(
    arms: pd.DataFrame, deciding: Iterable[Contrast], *, level: float = 0.95
) -> dict[str, EffectSize]:
    """Return d of each contrast by name; none where ratings do not vary.

    Parameters
    ----------
    arms
        The ratings that the contrasts rest on, from `matrices.rated_arms`.
    deciding
        Contrasts of two arms each, in points.
    level
        Of the intervals.

    Returns
    -------
    dict
    """
    return {
        row.name: effect_size(row, _variance(arms, row), level=level)
        for row in deciding
        if row.standard_error > 0
    }


def _variance(arms: pd.DataFrame, row: Contrast) -> tuple[float, float]:
    first, second = row.name.split(" - ")
    return variance_of_arms(arms, first, second, paired=row.n_differences > 0)
