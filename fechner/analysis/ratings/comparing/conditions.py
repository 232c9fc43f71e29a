"""Ratings by the levels of any factor: the rows that general contrasts compare.

A factor is any column of the stimuli or of the ratings: region, level of degradation, codec,
group of participants. What comes out has the columns of `matrices.rated_arms`, with the level
of the factor as the arm, so that every model reads it as it reads regions.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from fechner.analysis.ratings.matrices import choose_dimension
from fechner.errors import InputError, nearest
from fechner.records.ratings import Ratings
from fechner.records.stimuli import StimulusSet, StimulusTable

DESIGN = ("region", "family", "level")
"""Columns in which two ratings must agree to be compared, unless one of them is the factor."""

UNITS = ("participant", "image", "stimulus", "scene", "rating", "dimension", "trial", "rt_ms")
"""Columns that are no conditions."""


def conditions(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable | None,
    *,
    factor: str,
    beside: str | None = None,
    dimension: str | None = None,
    excluded: Sequence[str] = (),
) -> pd.DataFrame:
    """Return one row a rating, with the level of the factor as its region.

    Parameters
    ----------
    ratings
        Their column image names a stimulus, where stimuli are given.
    stimuli
        What was rated; None where the ratings themselves have the column.
    factor
        A column of the stimuli or of the ratings; the stimuli count where both have it.
    beside
        A second factor, whose level is wanted too.
    dimension
        Which ratings; may be left out where there is only one.
    excluded
        Participants to leave out.

    Returns
    -------
    pandas.DataFrame
        ``participant, scene, region`` (level of the factor), ``family`` (everything else that
        two ratings must share), ``level`` (none), ``beside`` (level of the second factor) and
        ``rating``, higher is better. Rows without a level of the factor are left out. Without
        stimuli and without a column scene, the image is the scene.

    Raises
    ------
    InputError
        If a column is unknown or no condition, a rated image is not in the stimuli, somebody to
        leave out did not take part, or the ratings are comparisons of two images.
    """
    rows = _joined(ratings, stimuli, choose_dimension(ratings, dimension))
    for name in excluded:
        if name not in set(rows["participant"]):
            raise InputError(
                f"no participant {name!r} to leave out; {nearest(name, rows['participant'])}"
            )
    rows = rows[~rows["participant"].isin(list(excluded))]
    for name in (factor, *([] if beside is None else [beside])):
        _require_factor(rows, name)
    shared = [name for name in DESIGN if name in rows and name not in (factor, beside)]
    sign = 1.0 if ratings.scale(choose_dimension(ratings, dimension)).good == "high" else -1.0
    table = pd.DataFrame(
        {
            "participant": rows["participant"],
            "scene": rows["scene"] if "scene" in rows else rows["image"],
            "region": as_names(rows[factor]),
            "family": [", ".join(cells) for cells in zip(*map(as_names, (rows[s] for s in shared)),
                                                         strict=True)] if shared else None,
            "level": None,
            "beside": None if beside is None else as_names(rows[beside]),
            "rating": sign * rows["rating"],
        }
    )  # fmt: skip
    return table[table["region"] != ""].reset_index(drop=True)


def _joined(
    ratings: Ratings, stimuli: StimulusSet | StimulusTable | None, dimension: str
) -> pd.DataFrame:
    rows = ratings.table[ratings.table["dimension"] == dimension]
    if "second" in rows and (rows["second"] != "").any():
        raise InputError(
            "these ratings are comparisons of two images, which have no condition each; "
            "use fechner stats pairs"
        )
    if stimuli is None:
        return rows
    table = stimuli.table
    unknown = sorted(set(rows["image"]) - set(table["stimulus"]))
    if unknown:
        raise InputError(
            f"{len(unknown)} rated images are not in the stimuli table, first {unknown[0]!r}; "
            f"{nearest(unknown[0], table['stimulus'])}"
        )
    own = rows.drop(columns=[name for name in rows if name in table])
    return own.merge(table, left_on="image", right_on="stimulus", how="left")


def _require_factor(rows: pd.DataFrame, name: str) -> None:
    known = [column for column in rows.columns if column not in UNITS]
    if name not in known:
        raise InputError(f"no column {name!r} of conditions; {nearest(name, known)}")


def as_names(column: pd.Series) -> pd.Series:
    """Return levels as text: 1.0 as ``1``, what is missing as nothing."""
    numeric = pd.api.types.is_numeric_dtype(column)
    return column.map(lambda value: f"{value:g}" if numeric else str(value)).where(
        column.notna(), ""
    )


def require_levels(table: pd.DataFrame, column: str, wanted: Sequence[str], what: str) -> None:
    """Refuse levels that no rating has.

    Parameters
    ----------
    table, column
        What `conditions` returns, and the column that holds the levels.
    wanted
        The levels.
    what
        Name of the factor, for the message.

    Raises
    ------
    InputError
        Naming the nearest that is there.
    """
    known = sorted(set(table[column]) - {""})
    for level in wanted:
        if level not in known:
            raise InputError(f"no ratings with {what} {level!r}; {nearest(level, known)}")
