"""Whether a difference between two conditions depends on a second factor.

    (first - second at level one) - (first - second at level two)

Each participant's ratings of the four conditions of an image make one difference of
differences, which is tested as any difference is (`contrasts.crossed`); where few have all
four, the ratings themselves enter the mixed model, with slopes of everything.

A scale has ends. Near them a difference shrinks although nothing about the pictures has
changed. With 24 people, 20 images and a true difference of 12 points that does not depend on
the level, an interaction was found in 157 of 200 worlds near the floor of a 5-point scale and
in 16 of 80 near that of a slider. The ordered probit is not misled so, and an interaction is
claimed only where it agrees: 6 of 200 and 1 of 80. Ratings of many kinds (a slider) are cut
into categories for it.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from fechner.analysis.ratings.contrasts.every_model import (
    FittedModels,
    judged,
    on_differences,
    on_ratings,
)
from fechner.analysis.ratings.contrasts.ordinal import as_categories, probit_of
from fechner.analysis.ratings.contrasts.slopes import SlopesDesign, with_independent
from fechner.analysis.ratings.matrices import Differences
from fechner.analysis.ratings.observed import PAIRED_SHARE
from fechner.records.contrasts.contrast import Contrast

UNITS = ["participant", "scene"]


def interaction(
    table: pd.DataFrame, arms: tuple[str, str], levels: tuple[str, ...], *, level: float = 0.95
) -> FittedModels:
    """Test the interaction by every model that the design allows.

    Parameters
    ----------
    table
        What `conditions` returns.
    arms
        The two conditions.
    levels
        The two levels of the second factor.
    level
        Of the intervals.

    Returns
    -------
    FittedModels
        In points, with the ordered probit always.

    Raises
    ------
    InputError
        If there are fewer than two participants or images.
    """
    rows = table[table["region"].isin(arms) & table["beside"].isin(levels)]
    cells = four_cells(rows, arms, levels)
    weights = np.array([1.0, -1.0, -1.0, 1.0])
    first, second = f"{arms[0]} - {arms[1]} at {levels[0]}", f"at {levels[1]}"
    paired = cells.dropna()
    differences = _as_table(paired.to_numpy() @ weights, paired.index, first, second)
    share = len(paired) / len(cells)
    if share >= PAIRED_SHARE and min(differences.values.shape) > 1:
        decides, beside = on_differences(differences, level)
    else:
        design = interaction_design(rows, arms, levels, differences.name)
        decides, beside = on_ratings(design, share, level)
    probit = partial(_probit, rows, arms, levels, differences.name, level)
    return judged(decides, beside, probit, spread=float(rows["rating"].std()))


def four_cells(rows: pd.DataFrame, arms: tuple[str, str], levels: tuple[str, ...]) -> pd.DataFrame:
    """Return ratings by participant, scene and what they must share, one column a condition."""
    keys = [*UNITS, "family"]
    wide = rows.assign(family=rows["family"].fillna("")).pivot_table(
        index=keys, columns=["region", "beside"], values="rating", aggfunc="mean"
    )
    # In the order of the weights: first at one, first at two, second at one, second at two.
    return wide.reindex(columns=[(arm, at) for arm in arms for at in levels])


def _as_table(values: np.ndarray, index: pd.Index, first: str, second: str) -> Differences:
    """Return differences by participant and scene, averaged over what they share."""
    wide = pd.Series(values, index=index).groupby(UNITS).mean().unstack()
    return Differences(wide.to_numpy(float), tuple(wide.index), tuple(wide.columns), first, second)


def _codes(
    rows: pd.DataFrame, arms: tuple[str, str], levels: tuple[str, ...]
) -> dict[str, np.ndarray]:
    arm = np.where(rows["region"] == arms[0], 0.5, -0.5)
    at = np.where(rows["beside"] == levels[0], 0.5, -0.5)
    return {"slope": arm * at, "slope of conditions": arm, "slope of levels": at}


def interaction_design(
    rows: pd.DataFrame, arms: tuple[str, str], levels: tuple[str, ...], name: str
) -> SlopesDesign:
    """Return the design of the interaction on the ratings of the four conditions."""
    codes = _codes(rows, arms, levels)
    X = np.column_stack([*codes.values(), np.ones(len(rows))])
    kinds = pd.get_dummies(rows["family"].fillna(""), drop_first=True, dtype=float)
    X = with_independent(X, list(kinds.to_numpy().T))
    # Coded in quarters, the coefficient of the product is the difference of differences itself.
    tested = np.eye(X.shape[1])[0]
    p, i = (pd.factorize(rows[unit])[0] for unit in UNITS)
    return SlopesDesign(name, rows["rating"].to_numpy(float), X, tested, codes, p, i)


def _probit(
    rows: pd.DataFrame, arms: tuple[str, str], levels: tuple[str, ...], name: str, level: float
) -> Contrast:
    codes = _codes(rows, arms, levels)
    X = np.column_stack([codes["slope of conditions"], codes["slope of levels"], codes["slope"]])
    p, i = (pd.factorize(rows[unit])[0] for unit in UNITS)
    return probit_of(name, as_categories(rows["rating"]), X, p, i, level=level)
