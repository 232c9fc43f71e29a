"""Ratings as matrices: images by participants, and differences between two arms.

First step of every rating statistic. `Ratings` are long (one row a judgement); the
statistics read matrices: `rating_matrix` for scores and screening, `differences` for
the tests, where ``D[p, i]`` is how much participant p rated one arm of image i above
another. Both arms of a difference share participant and image, so that intercepts of
either cancel and only their slopes remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fechner.errors import InputError, nearest
from fechner.records.cells import require_columns
from fechner.records.ratings import RATINGS_COLUMNS, Ratings
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable

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
    limits
        The lowest and the highest value that a mean can have; None where there are none.
    """

    values: np.ndarray
    images: tuple[str, ...]
    participants: tuple[str, ...]
    limits: tuple[float, float] | None = None


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


def choose_dimension(ratings: Ratings, dimension: str | None = None) -> str:
    """Return the dimension to analyse; it may be left out where only one was rated.

    Raises
    ------
    InputError
        If there are no ratings, none of this dimension, or several and none is named.
    """
    known = ratings.dimensions
    if not known:
        raise InputError("the ratings table has no rows; record or export a session first")
    if dimension is None and len(known) > 1:
        raise InputError(
            f"the ratings have {len(known)} dimensions ({', '.join(known)}); "
            "name one of them (--dimension)"
        )
    wanted = known[0] if dimension is None else dimension
    if wanted not in known:
        raise InputError(f"no ratings of dimension {wanted!r}; {nearest(wanted, known)}")
    return wanted


def rating_matrix(ratings: Ratings, dimension: str | None = None) -> RatingMatrix:
    """Return the ratings of one dimension as a matrix (n_images, n_participants).

    Images and participants keep the order of their first appearance.

    Raises
    ------
    InputError
        As `choose_dimension`.

    Examples
    --------
    >>> import pandas as pd
    >>> from fechner.records.ratings import ratings_from_table
    >>> from fechner.records.scales import Scale
    >>> rows = {"participant": ["P1", "P2", "P1"], "image": ["a", "a", "b"], "rating": [4, 5, 2]}
    >>> table = pd.DataFrame(rows).assign(dimension="quality")
    >>> rating_matrix(ratings_from_table(table, scales={"quality": Scale(1, 5)})).values
    array([[ 4.,  5.],
           [ 2., nan]])
    """
    rows = _rows_of(ratings, dimension)
    table = rows.pivot_table(
        index="image", columns="participant", values="rating", aggfunc="mean", sort=False
    )
    table = table.reindex(index=rows["image"].unique(), columns=rows["participant"].unique())
    scale = ratings.scale(choose_dimension(ratings, dimension))
    limits = scale.minimum, scale.maximum
    return RatingMatrix(table.to_numpy(float), tuple(table.index), tuple(table.columns), limits)


def _rows_of(ratings: Ratings, dimension: str | None) -> pd.DataFrame:
    # Exported ratings name scene and region too; the stimuli are what counts.
    chosen = choose_dimension(ratings, dimension)
    rows = ratings.table[ratings.table["dimension"] == chosen]
    if "second" not in rows:
        return rows[list(RATINGS_COLUMNS)]
    # A comparison rates both of its images: the one that was not chosen at the other end.
    scale, pairs = ratings.scale(chosen), rows[rows["second"] != ""]
    turned = pairs.assign(
        image=pairs["second"], rating=scale.minimum + scale.maximum - pairs["rating"]
    )
    return pd.concat([rows, turned], ignore_index=True)[list(RATINGS_COLUMNS)]


def rated_arms(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    dimension: str | None = None,
    excluded: Sequence[str] = (),
) -> pd.DataFrame:
    """Return one row a rating with the scene, region, family and level of its stimulus.

    Parameters
    ----------
    ratings
        Their column image names a stimulus.
    stimuli
        What was rated.
    dimension
        Which ratings; may be left out where there is only one.
    excluded
        Participants to leave out.

    Returns
    -------
    pandas.DataFrame
        ``participant, image, dimension, rating, stimulus, scene, region, family, level``.
        Higher ratings are better: where the low end of the scale is good, the sign is turned.

    Raises
    ------
    InputError
        If a column, the scale or the dimension is missing, or a rated image is not in the
        stimuli.
    """
    require_columns(stimuli.table, ("stimulus", "scene", "region"), "the table of stimuli")
    rows = _rows_of(ratings, dimension)
    scale = ratings.scale(choose_dimension(ratings, dimension))
    arms = stimuli.table.reindex(columns=["stimulus", *ARM_COLUMNS])
    unknown = sorted(set(rows["image"]) - set(arms["stimulus"]))
    if unknown:
        raise InputError(
            f"{len(unknown)} rated images are not in the stimuli table, first {unknown[0]!r}; "
            f"{nearest(unknown[0], arms['stimulus'])}"
        )
    kept = rows[~rows["participant"].isin(list(excluded))]
    merged = kept.merge(arms, left_on="image", right_on="stimulus", how="left")
    sign = 1.0 if scale.good == "high" else -1.0
    return merged.assign(rating=sign * merged["rating"])


def conditions_of(images: tuple[str, ...], stimuli: StimulusSet | StimulusTable) -> np.ndarray:
    """Return the condition of each image, its region, family and level, as text (n_images,)."""
    table = stimuli.table.reindex(columns=["stimulus", "region", "family", "level"]).astype(object)
    cells = table.fillna("").astype(str).to_numpy()
    known = {row[0]: " ".join(row[1:]) for row in cells}
    return np.array([known.get(name, "") for name in images])


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
    for arm in (first, second):
        if not (arms["region"] == arm).any():
            raise InputError(f"no ratings of the arm {arm!r}; {nearest(arm, arms['region'])}")
    rows = arms[arms["region"].isin([first, second])]
    p, participants = pd.factorize(rows["participant"], sort=True)
    i, images = pd.factorize(rows["scene"], sort=True)
    pair = p * len(images) + i
    kind = _kinds(rows)
    cell = pair * (kind.max() + 1) + kind
    is_first, rating = (rows["region"] == first).to_numpy(), rows["rating"].to_numpy(float)
    a, b = ((cell[own], rating[own], pair[own]) for own in (is_first, ~is_first))
    if INTACT in (first, second):
        # The mean over all kinds of either arm, of those pairs that have both.
        found = _difference_of_means(*(_means(at, cells, own) for cells, own, at in (a, b)))
    else:
        means = _difference_of_means(*(_means(cells, cells, own) for cells, own, _ in (a, b)))
        found = _means(means[0] // (kind.max() + 1), means[0], means[1])
    values = np.full((len(participants), len(images)), np.nan)
    values.flat[found[0]] = found[1]
    here = np.isfinite(values)
    seen = here.any(axis=1), here.any(axis=0)
    return Differences(
        values[np.ix_(*seen)],
        tuple(participants[seen[0]]),
        tuple(images[seen[1]]),
        first,
        second,
    )


Means = tuple[np.ndarray, np.ndarray]
"""Codes (n,), sorted, and the mean of each (n,)."""


def _kinds(rows: pd.DataFrame) -> np.ndarray:
    """Return a code for each family and level (n,)."""
    family, level = (pd.factorize(rows[name])[0] + 1 for name in ("family", "level"))
    return np.asarray(family * (level.max() + 1) + level)


def _means(groups: np.ndarray, cells: np.ndarray, values: np.ndarray) -> Means:
    """Return the mean over each group of the means over its cells."""
    _, first_row, which = np.unique(cells, return_index=True, return_inverse=True)
    within = np.bincount(which, values) / np.bincount(which)
    found, group = np.unique(groups[first_row], return_inverse=True)
    return found, np.bincount(group, within) / np.bincount(group)


def _difference_of_means(first: Means, second: Means) -> Means:
    """Return the codes that both have, and the difference there."""
    both, one, two = np.intersect1d(first[0], second[0], True, return_indices=True)
    return both, first[1][one] - second[1][two]
