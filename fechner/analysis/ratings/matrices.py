"""Long ratings as matrices: participants by images, and differences between two arms.

First step of every rating statistic. A rating table is long (one row a trial); the
statistics read matrices: `rating_matrix` for scores and screening, `differences` for
the tests, where ``D[p, i]`` is how much participant p rated one arm of image i above
another. Both arms of a difference share participant and image, so that intercepts of
either cancel and only their slopes remain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fechner.errors import InputError, nearest

RATING_COLUMNS = ("participant", "image", "dimension", "rating")
ARM_COLUMNS = ("scene", "region", "family", "level")


@dataclass(frozen=True)
class RatingMatrix:
    """Ratings with one row an image and one column a participant.

    Attributes
    ----------
    values
        float64 (n_images, n_participants), in points of the scale; NaN where not rated.
        Repeated ratings of one image by one participant are averaged.
    images, participants
        Names of the rows and columns.
    """

    values: np.ndarray
    images: tuple[str, ...]
    participants: tuple[str, ...]


@dataclass(frozen=True)
class Differences:
    """Rating of the arm `first` minus rating of the arm `second`, per participant and image.

    Attributes
    ----------
    values
        float64 (n_participants, n_images), in points of the scale, oriented so that
        higher is better; NaN where a participant did not rate both arms.
    participants, images
        Names of the rows and of the columns (scenes).
    first, second
        Names of the arms.
    """

    values: np.ndarray
    participants: tuple[str, ...]
    images: tuple[str, ...]
    first: str
    second: str

    @property
    def name(self) -> str:
        """The contrast in words, ``"low - high"``."""
        return f"{self.first} - {self.second}"

    @property
    def complete(self) -> bool:
        """Whether every participant rated both arms of every image."""
        return bool(np.isfinite(self.values).all())


def choose_dimension(ratings: pd.DataFrame, dimension: str | None = None) -> pd.DataFrame:
    """Return the rows of one rating dimension, checked.

    Parameters
    ----------
    ratings
        Long table with the columns participant, image, dimension, rating.
    dimension
        Which one; may be left out where the table has only one.

    Raises
    ------
    InputError
        If a column or the dimension is missing, or a rating is not a finite number.
    """
    require_columns(ratings, RATING_COLUMNS, table="ratings")
    known = sorted(ratings["dimension"].astype(str).unique())
    if not known:
        raise InputError("the ratings table has no rows; record or export a session first")
    if dimension is None and len(known) > 1:
        raise InputError(
            f"the ratings have {len(known)} dimensions ({', '.join(known)}); name the one to test"
        )
    wanted = known[0] if dimension is None else dimension
    if wanted not in known:
        raise InputError(f"no ratings of dimension {wanted!r}; {nearest(wanted, known)}")
    chosen = ratings[ratings["dimension"].astype(str) == wanted]
    numbers = pd.to_numeric(chosen["rating"], errors="coerce").to_numpy(float)
    if not np.isfinite(numbers).all():
        row = chosen.iloc[int(np.flatnonzero(~np.isfinite(numbers))[0])]
        raise InputError(
            f"rating {row['rating']!r} of image {row['image']!r} by participant "
            f"{row['participant']!r} is not a number; correct it or leave the row out"
        )
    return chosen.assign(
        rating=numbers,
        participant=chosen["participant"].astype(str),
        image=chosen["image"].astype(str),
    )


def require_columns(frame: pd.DataFrame, columns: Iterable[str], *, table: str) -> None:
    """Raise `InputError` with the nearest name for the first column that `frame` lacks."""
    for column in columns:
        if column not in frame.columns:
            raise InputError(
                f"the {table} table has no column {column!r}; {nearest(column, frame.columns)}"
            )


def rating_matrix(ratings: pd.DataFrame, *, dimension: str | None = None) -> RatingMatrix:
    """Return the ratings of one dimension as a matrix (n_images, n_participants).

    Images and participants keep the order of their first appearance.

    Raises
    ------
    InputError
        As `choose_dimension`.
    """
    rows = choose_dimension(ratings, dimension)
    table = rows.pivot_table(
        index="image", columns="participant", values="rating", aggfunc="mean", sort=False
    )
    table = table.reindex(index=rows["image"].unique(), columns=rows["participant"].unique())
    return RatingMatrix(
        table.to_numpy(float), tuple(map(str, table.index)), tuple(map(str, table.columns))
    )


def rated_arms(
    ratings: pd.DataFrame,
    stimuli: pd.DataFrame,
    *,
    dimension: str | None = None,
    good: str = "high",
) -> pd.DataFrame:
    """Return one row a rating with the scene, region, family and level of its stimulus.

    Parameters
    ----------
    ratings
        Long table; its column image names a stimulus.
    stimuli
        The table stimuli.csv: stimulus, scene, region, and where present family and level.
    good
        ``"high"`` or ``"low"``: which end of the scale is good. With ``"low"`` the sign
        of the ratings is turned, so that higher is better from here on.

    Raises
    ------
    InputError
        If a column is missing, a rated image is not in the stimuli, or `good` is neither.
    """
    if good not in ("high", "low"):
        raise InputError(f"good expects 'high' or 'low', got {good!r}")
    require_columns(stimuli, ("stimulus", "scene", "region"), table="stimuli")
    # Exported ratings may name scene and region too; the stimuli table is what counts.
    rows = choose_dimension(ratings, dimension)[list(RATING_COLUMNS)]
    arms = stimuli.reindex(columns=["stimulus", *ARM_COLUMNS])
    arms = arms.assign(stimulus=arms["stimulus"].astype(str), scene=arms["scene"].astype(str))
    unknown = sorted(set(rows["image"]) - set(arms["stimulus"]))
    if unknown:
        raise InputError(
            f"{len(unknown)} rated images are not in the stimuli table, first {unknown[0]!r}; "
            f"{nearest(unknown[0], arms['stimulus'])}"
        )
    merged = rows.merge(arms, left_on="image", right_on="stimulus", how="left")
    sign = 1.0 if good == "high" else -1.0
    return merged.assign(rating=sign * merged["rating"])


def differences(arms: pd.DataFrame, first: str, second: str) -> Differences:
    """Return ``D[p, i]``: rating of `first` minus rating of `second`, per participant and image.

    Arms are compared within the same family and level, then averaged over these; the
    intact arm, which has neither, is compared with every family and level of its scene.

    Parameters
    ----------
    arms
        What `rated_arms` returns.

    Raises
    ------
    InputError
        If no rating has one of the regions.
    """
    cells = _cell_means(arms, first), _cell_means(arms, second)
    on = ["participant", "scene"]
    if "intact" not in (first, second):
        on += ["family", "level"]
    pairs = cells[0].merge(cells[1], on=on, suffixes=("_first", "_second"))
    pairs = pairs.assign(difference=pairs["rating_first"] - pairs["rating_second"])
    table = pairs.pivot_table(
        index="participant", columns="scene", values="difference", aggfunc="mean", sort=True
    )
    return Differences(
        table.to_numpy(float),
        tuple(map(str, table.index)),
        tuple(map(str, table.columns)),
        first,
        second,
    )


def _cell_means(arms: pd.DataFrame, region: str) -> pd.DataFrame:
    rows = arms[arms["region"] == region]
    if rows.empty:
        raise InputError(f"no ratings of the arm {region!r}; {nearest(region, arms['region'])}")
    keys = ["participant", "scene", "family", "level"]
    return rows.groupby(keys, dropna=False)["rating"].mean().reset_index()
