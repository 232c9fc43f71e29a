"""Answers to "real or generated?" beside what each image is.

What an image is stands in the column ``truth`` of the ratings, as sessions export it, or of the
stimuli.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fechner.analysis.ratings.choices.comparisons import condition_names
from fechner.analysis.ratings.matrices import choose_dimension
from fechner.errors import InputError, nearest
from fechner.records.cells import as_numbers
from fechner.records.ratings import Ratings
from fechner.records.stimuli import TRUTHS, StimulusSet, StimulusTable

ALL_CONDITIONS = "all"


def authenticity_answers(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable | None = None,
    *,
    dimension: str | None = None,
) -> pd.DataFrame:
    """Return the answers with what was shown.

    Parameters
    ----------
    ratings
        The top of the scale means "real", the bottom "generated".
    stimuli
        Tells conditions and scenes, and `truth` where the ratings lack it.
    dimension
        Which ratings; may be left out where there is only one.

    Returns
    -------
    pandas.DataFrame
        ``participant, image, scene, condition, generated`` (1 or 0: what it is), ``said``
        (1: "generated") and, where it was asked, ``confidence``.

    Raises
    ------
    InputError
        If nobody says what is real, a truth is unknown, only one kind was shown, or a rating is
        neither end of the scale.
    """
    chosen = choose_dimension(ratings, dimension)
    rows = ratings.table[ratings.table["dimension"] == chosen].reset_index(drop=True)
    known = None if stimuli is None else stimuli.table.set_index("stimulus")
    truth = _truth(rows, known)
    scale = ratings.scale(chosen)
    real = (rows["rating"].to_numpy(float) - scale.minimum) / (scale.maximum - scale.minimum)
    odd = np.flatnonzero(~np.isin(real, (0.0, 1.0)))
    if len(odd):
        raise InputError(
            f"row {odd[0] + 2} of the ratings: real is {scale.maximum:g} and generated "
            f"{scale.minimum:g}, got {rows['rating'][odd[0]]:g}; correct it"
        )
    table = pd.DataFrame(
        {
            "participant": rows["participant"].to_numpy(str),
            "image": rows["image"].to_numpy(str),
            "scene": _of(rows, known, "scene", default=rows["image"]),
            "condition": _conditions(rows, stimuli),
            "generated": (truth == "generated").to_numpy(float),
            "said": 1 - real,
        }
    )
    if "confidence" in rows:
        table["confidence"] = as_numbers(rows["confidence"])
    if table["generated"].nunique() < 2:
        raise InputError(
            f"every image that was rated is {truth.iloc[0]}; telling both apart needs both"
        )
    return table


def _truth(rows: pd.DataFrame, known: pd.DataFrame | None) -> pd.Series:
    truth = _of(rows, known, "truth", default=pd.Series("", rows.index)).astype(str)
    empty = truth.index[truth.isin(["", "nan"])]
    if len(empty) == len(truth):
        raise InputError(
            "nothing says which images are real: add a column 'truth' (real or generated) to the "
            "stimuli (stimuli.csv) or to the ratings"
        )
    if len(empty):
        raise InputError(
            f"row {empty[0] + 2} of the ratings: the truth of {rows['image'][empty[0]]!r} is "
            "empty; fill in real or generated"
        )
    unknown = truth[~truth.isin(TRUTHS)]
    if len(unknown):
        raise InputError(
            f"row {unknown.index[0] + 2} of the ratings: truth is {' or '.join(TRUTHS)}, got "
            f"{unknown.iloc[0]!r}; {nearest(unknown.iloc[0], TRUTHS)}"
        )
    return truth


def _of(
    rows: pd.DataFrame, known: pd.DataFrame | None, column: str, *, default: pd.Series
) -> pd.Series:
    """Return a column of the ratings, else of the stimuli, else the default."""
    if column in rows:
        return rows[column]
    if known is None or column not in known:
        return default
    missing = sorted(set(rows["image"]) - set(known.index))
    if missing:
        raise InputError(
            f"{len(missing)} rated images are not in the stimuli table, first {missing[0]!r}; "
            f"{nearest(missing[0], known.index)}"
        )
    return rows["image"].map(known[column]).fillna("")


def _conditions(rows: pd.DataFrame, stimuli: StimulusSet | StimulusTable | None) -> pd.Series:
    if stimuli is not None:
        columns = stimuli.table.reindex(columns=["stimulus", "region", "family", "level"])
        return rows["image"].map(condition_names(columns)).fillna(ALL_CONDITIONS)
    return rows["region"] if "region" in rows else pd.Series(ALL_CONDITIONS, rows.index)
