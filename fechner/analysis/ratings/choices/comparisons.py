"""Which of two images was chosen: the rows that every analysis of paired comparisons reads.

Ratings of a pair protocol name two images in a row, ``image`` and ``second``; the rating is
the top of the scale where ``image`` was chosen and the bottom where ``second`` was. Tables of
other programs may hold the middle of the scale: a tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import choose_dimension
from fechner.errors import InputError, nearest
from fechner.records.ratings import Ratings
from fechner.records.stimuli import StimulusSet, StimulusTable

SECOND = "second"
"""The column that makes a row of ratings a comparison."""

CONDITION_COLUMNS = ("region", "family", "level")


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Choices between two images.

    Attributes
    ----------
    table
        One row a comparison: ``participant, scene, first, second`` (text) and ``share``: 1
        where `first` was chosen, 0 where `second` was, 0.5 for a tie.
    dimension
        What was asked.
    simulated
        True where no people chose.
    """

    table: pd.DataFrame
    dimension: str
    simulated: bool = False

    def __len__(self) -> int:
        return len(self.table)


def is_paired(ratings: Ratings, dimension: str | None = None) -> bool:
    """Return whether the ratings are choices between two images."""
    if SECOND not in ratings.table:
        return False
    chosen = choose_dimension(ratings, dimension)
    rows = ratings.table["dimension"] == chosen
    return bool((ratings.table.loc[rows, SECOND] != "").any())


def comparisons(ratings: Ratings, dimension: str | None = None) -> Comparisons:
    """Return the comparisons that stand in a table of ratings.

    Parameters
    ----------
    ratings
        With the column ``second``; where it has no column ``scene``, all images count as one
        scene.
    dimension
        Which ratings; may be left out where there is only one.

    Returns
    -------
    Comparisons
        Shares turned so that 1 means that `first` is the better one.

    Raises
    ------
    InputError
        If a row names no second image or the same one twice, or a rating is neither an end of
        its scale nor its middle.

    Examples
    --------
    >>> import pandas as pd
    >>> from fechner.records.ratings import ratings_from_table
    >>> from fechner.records.scales import Scale
    >>> rows = pd.DataFrame(
    ...     {"participant": ["P1", "P1"], "image": ["a", "b"], "second": ["b", "c"],
    ...      "dimension": "preference", "rating": [1, 0]}
    ... )
    >>> chosen = comparisons(ratings_from_table(rows, scales={"preference": Scale(0, 1)}))
    >>> chosen.table[["first", "second", "share"]].values.tolist()
    [['a', 'b', 1.0], ['b', 'c', 0.0]]
    """
    if SECOND not in ratings.table:
        raise InputError(
            "a comparison names two images, and the table of ratings has no column 'second' for "
            "the other one; ratings of single images are scored by: fechner stats scores"
        )
    chosen = choose_dimension(ratings, dimension)
    rows = ratings.table[ratings.table["dimension"] == chosen]
    _require_two_images(rows)
    scale = ratings.scale(chosen)
    share = (rows["rating"].to_numpy(float) - scale.minimum) / (scale.maximum - scale.minimum)
    share = share if scale.good == "high" else 1 - share
    odd = np.flatnonzero(~np.isin(share, (0.0, 0.5, 1.0)))
    if len(odd):
        raise InputError(
            f"row {rows.index[odd[0]] + 2} of the ratings: a comparison is {scale.maximum:g} "
            f"(image chosen), {scale.minimum:g} (second chosen) or the middle (a tie), got "
            f"{rows['rating'].iloc[odd[0]]:g}; correct it or the declared scale"
        )
    table = pd.DataFrame(
        {
            "participant": rows["participant"].to_numpy(str),
            "scene": rows["scene"].to_numpy(str) if "scene" in rows else "",
            "first": rows["image"].to_numpy(str),
            "second": rows[SECOND].to_numpy(str),
            "share": share,
        }
    )
    return Comparisons(table, chosen, ratings.simulated)


def _require_two_images(rows: pd.DataFrame) -> None:
    for bad, what in (
        (rows[SECOND] == "", "names no second image"),
        (rows[SECOND] == rows["image"], "compares an image with itself"),
    ):
        if bad.any():
            raise InputError(
                f"row {rows.index[bad][0] + 2} of the ratings {what}; correct or remove it"
            )


def with_conditions(
    chosen: Comparisons, stimuli: StimulusSet | StimulusTable
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the comparisons with what the stimuli say of both images, and their conditions.

    Parameters
    ----------
    chosen
        The comparisons.
    stimuli
        What was compared.

    Returns
    -------
    tuple
        The table with ``scene`` from the stimuli and ``region_first``, ``family_first``,
        ``level_first``, ``region_second``, ...; and each stimulus' condition in words.

    Raises
    ------
    InputError
        If an image is not in the stimuli, or two images of different scenes were compared.
    """
    known = stimuli.table.reindex(columns=["stimulus", "scene", *CONDITION_COLUMNS])
    shown = set(chosen.table["first"]) | set(chosen.table["second"])
    unknown = sorted(shown - set(known["stimulus"]))
    if unknown:
        raise InputError(
            f"{len(unknown)} compared images are not in the stimuli table, first "
            f"{unknown[0]!r}; {nearest(unknown[0], known['stimulus'])}"
        )
    table = chosen.table.drop(columns="scene")
    for side in ("first", "second"):
        names = {column: f"{column}_{side}" for column in ("scene", *CONDITION_COLUMNS)}
        of_side = known.rename(columns={"stimulus": side, **names})
        table = table.merge(of_side, on=side, how="left")
    apart = table.index[table["scene_first"] != table["scene_second"]]
    if len(apart):
        first, second = table.loc[apart[0], ["first", "second"]]
        raise InputError(
            f"{first} and {second} were compared and are of different scenes; conditions are "
            "compared within a scene, so scale single images instead (by image, without stimuli)"
        )
    table = table.rename(columns={"scene_first": "scene"}).drop(columns="scene_second")
    return table, condition_names(known)


def condition_names(stimuli: pd.DataFrame) -> dict[str, str]:
    """Return each stimulus' condition: its region, and family and level where there are several.

    Parameters
    ----------
    stimuli
        With ``stimulus, region`` and, where they matter, ``family`` and ``level``.
    """
    degraded = stimuli[stimuli["region"] != "intact"]
    told = [
        column for column in ("family", "level")
        if column in degraded and degraded[column].nunique() > 1
    ]  # fmt: skip
    rows = stimuli.reindex(columns=["stimulus", "region", *told]).itertuples(index=False)
    return {
        str(row[0]): str(row[1]) if row[1] == "intact" else " ".join(map(_word, row[1:]))
        for row in rows
    }


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
