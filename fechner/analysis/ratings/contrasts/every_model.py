"""One contrast by every model that the design allows: the first decides, the rest stand by it.

The interval that decides comes from the closed form on complete tables, from REML where cells
are missing, and from the slopes model where most participants rated only one of the arms. The
design chooses, not the result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from fechner.analysis.ratings.contrasts.crossed import (
    closed_form,
    clustered,
    mixed_model,
    reml_crossed,
)
from fechner.analysis.ratings.contrasts.slopes import reml_slopes
from fechner.analysis.ratings.matrices import Differences, differences
from fechner.analysis.ratings.observed import mostly_paired
from fechner.records.contrasts.contrast import Contrast


def by_every_model(arms: pd.DataFrame, first: str, second: str, level: float) -> list[Contrast]:
    """Return the contrast by every model that the design allows, the deciding one first."""
    table = differences(arms, first, second)
    if not mostly_paired(table, arms):
        return _first_decides([reml_slopes(arms, first, second, level=level)])
    if np.ptp(table.values[np.isfinite(table.values)]) == 0:
        return _first_decides([clustered(table, level=level)])
    models = [closed_form] if table.complete else []
    models += [reml_crossed, mixed_model, clustered]
    found = [contrast for model in models if (contrast := _fit(model, table, level)) is not None]
    return _first_decides(found)


def deciding_contrast(arms: pd.DataFrame, first: str, second: str, level: float) -> Contrast:
    """Return the contrast by the model that the design lets decide, and by no other."""
    table = differences(arms, first, second)
    if not mostly_paired(table, arms):
        return _first_decides([reml_slopes(arms, first, second, level=level)])[0]
    if np.ptp(table.values[np.isfinite(table.values)]) == 0:
        return _first_decides([clustered(table, level=level)])[0]
    model = closed_form if table.complete else reml_crossed
    return _first_decides([model(table, level=level)])[0]


def _first_decides(found: list[Contrast]) -> list[Contrast]:
    return [found[0].model_copy(update={"decides": True}), *found[1:]]


def _fit(model: Callable[..., Contrast], table: Differences, level: float) -> Contrast | None:
    try:
        return model(table, level=level)
    except np.linalg.LinAlgError:
        return None
