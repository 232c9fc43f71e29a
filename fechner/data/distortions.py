"""Scores by distortion and level: what a table of pairs says before any network is asked.

A distortion whose levels hardly move the scores, or one that covers a narrow range, shows
here; so does a level that runs the other way (a bit rate is worse where it is low).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fechner.errors import InputError, nearest
from fechner.records.cells import numbers
from fechner.records.rated_images import RatedImages

MOST_LEVELS = 10
"""With more different values a distortion's level is continuous, and shown in quarters."""

COLUMNS = (
    "family", "level", "level_low", "level_high", "n", "references", "mean", "sd", "minimum",
    "maximum", "level_spearman",
)  # fmt: skip


def is_table_of_pairs(rated: RatedImages) -> bool:
    """Whether the images have a reference and a kind of distortion."""
    return {"reference", "family"} <= set(rated.table.columns)


def distorted_images(rated: RatedImages, level: str | None = None) -> pd.DataFrame:
    """Return the rows that have a reference other than themselves, ``level`` as float64.

    Parameters
    ----------
    rated
        A table with ``reference`` and ``family``.
    level
        The column that says how strong a distortion is; None takes ``level`` if it is there.

    Raises
    ------
    InputError
        If the column is absent or holds something else than numbers.
    """
    known = [name for name in rated.table.columns if name != "image"]
    if level is not None and level not in known:
        raise InputError(f"the table has no column {level!r}; {nearest(level, known)}")
    table = rated.table[~rated.table["reference"].isin(["", None])]
    table = table[table["reference"] != table["image"]].reset_index(drop=True)
    column = level or "level"
    if column not in table:
        return table.assign(level=np.nan)
    text = table[column].astype(str).where(table[column].notna(), "").astype(object)
    return table.assign(level=numbers(text.to_frame(), column, "the table", blank=True))


def scores_by_distortion(
    rated: RatedImages, dimension: str, level: str | None = None
) -> pd.DataFrame:
    """Return one row a distortion, and one row each of its levels.

    Parameters
    ----------
    rated
        A table with ``reference`` and ``family``.
    dimension
        Which ratings, as they stand in the table.
    level
        The column that says how strong a distortion is; None takes ``level`` if it is there.

    Returns
    -------
    pandas.DataFrame
        ``family, level, level_low, level_high, n, references, mean, sd, minimum, maximum,
        level_spearman``. The row of a whole distortion has no level, and the rank
        correlation of its levels with how bad the scores are (1 where each level is worse
        than the one before). With more than `MOST_LEVELS` levels they are put into quarters
        of equal numbers, ``level`` being the median.

    Raises
    ------
    InputError
        If the level's column is absent or holds something else than numbers.
    """
    table = distorted_images(rated, level)
    sign = -1 if rated.scales[dimension].good == "high" else 1
    rows = []
    for family, own in table.groupby("family", sort=False):
        rows.append(_row(str(family), own, dimension, rank=_rank(own, dimension, sign)))
        rows += [_row(str(family), part, dimension, at=at) for at, part in levels_of(own)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def levels_of(own: pd.DataFrame) -> Iterator[tuple[float, pd.DataFrame]]:
    """Give each level of one distortion with its rows: the values, or quarters of many."""
    known = own[own["level"].notna()]
    if known["level"].nunique() <= MOST_LEVELS:
        for _, part in known.groupby("level"):
            yield float(part["level"].iloc[0]), part
        return
    quarter = pd.qcut(known["level"], 4, labels=False, duplicates="drop")
    for _, part in known.groupby(quarter):
        yield float(part["level"].median()), part


def _row(
    family: str,
    part: pd.DataFrame,
    dimension: str,
    *,
    at: float = float("nan"),
    rank: float = float("nan"),
) -> dict[str, Any]:
    scores = part[dimension].astype(np.float64)
    return {
        "family": family,
        "level": at,
        "level_low": part["level"].min(),
        "level_high": part["level"].max(),
        "n": len(part),
        "references": part["reference"].nunique(),
        "mean": scores.mean(),
        "sd": scores.std(ddof=1),
        "minimum": scores.min(),
        "maximum": scores.max(),
        "level_spearman": rank,
    }


def _rank(own: pd.DataFrame, dimension: str, sign: int) -> float:
    known = own[own["level"].notna()]
    if known["level"].nunique() < 2 or known[dimension].nunique() < 2:
        return float("nan")
    return float(stats.spearmanr(known["level"], sign * known[dimension]).statistic)
