"""The observed difference between two arms of each image, and how reliable it is.

What `prediction` compares with, and what the claim shows image by image. Where participants
mostly rated both arms of the images that they saw, the difference of an image is the mean of
its paired differences. In a Latin square nobody rates both; then it is the difference of two
means of ratings from which each participant's own mean was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.correlation import reliability
from fechner.analysis.ratings.matrices import Differences, differences
from fechner.records.claims.claim import ImageContrast

PAIRED_SHARE = 0.5
"""Share of the rated participant-image pairs with both arms from which on a table is paired.

Rated pairs, not all pairs: where each of many people rates both arms of 6 of 30 images, every
rating has its partner, and differences use them all.
"""


@dataclass(frozen=True)
class Observed:
    """Mean rating of one arm minus the other, per image.

    Attributes
    ----------
    images
        Names, in alphabetical order.
    mean, error
        Difference and its standard error over participants (n_images,), in points.
    n_participants
        How many participants rated either arm.
    paired
        The differences behind it, float64 (n_participants, n_images); None where unpaired.
    """

    images: tuple[str, ...]
    mean: np.ndarray
    error: np.ndarray
    n_participants: int
    paired: np.ndarray | None

    def reliability(self, columns: np.ndarray | None = None) -> float:
        """Return the share in [0, 1] of the variance of `mean` that belongs to the images.

        ``1 - mean(error^2) / Var(mean)`` where unpaired, else `correlation.reliability`.
        """
        chosen = np.arange(len(self.mean)) if columns is None else columns
        if self.paired is not None:
            return reliability(self.paired[:, chosen])
        spread = self.mean[chosen].var(ddof=1)
        if not spread > 0:
            return 0.0
        return float(np.clip(1 - (self.error[chosen] ** 2).mean() / spread, 0, 1))


def mostly_paired(table: Differences, arms: pd.DataFrame) -> bool:
    """Return whether differences use enough of the ratings to be analysed."""
    return min(table.values.shape) > 1 and paired_share(table, arms) >= PAIRED_SHARE


def paired_share(table: Differences, arms: pd.DataFrame) -> float:
    """Return the share of participant-image pairs with a rating of either arm that have both."""
    either = arms["region"].isin([table.first, table.second])
    rated = len(arms.loc[either, ["participant", "scene"]].drop_duplicates())
    return int(np.isfinite(table.values).sum()) / rated


def observed_difference(arms: pd.DataFrame, first: str, second: str) -> Observed:
    """Return the rating of `first` minus that of `second`, per image.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns.

    Raises
    ------
    InputError
        If no rating has one of the regions.
    """
    table = differences(arms, first, second)
    return _paired(table) if mostly_paired(table, arms) else _unpaired(arms, first, second)


def _paired(table: Differences) -> Observed:
    n = np.isfinite(table.values).sum(axis=0)
    mean = np.nanmean(table.values, axis=0)
    squares = np.nansum((table.values - mean) ** 2, axis=0)
    error = np.sqrt(squares / np.maximum(n - 1, 1) / n)
    return Observed(table.images, mean, error, len(table.participants), table.values)


def _unpaired(arms: pd.DataFrame, first: str, second: str) -> Observed:
    own = arms.groupby("participant")["rating"].transform("mean")
    rows = arms.assign(rating=arms["rating"] - own)
    rows = rows[rows["region"].isin([first, second])]
    cells = rows.groupby(["scene", "region"])["rating"].agg(["mean", "var", "count"])
    wide = cells.unstack("region").sort_index().dropna()
    squares = sum(wide["var"][arm] / wide["count"][arm] for arm in (first, second))
    return Observed(
        tuple(map(str, wide.index)),
        (wide["mean"][first] - wide["mean"][second]).to_numpy(float),
        np.sqrt(np.asarray(squares, float)),
        int(rows["participant"].nunique()),
        None,
    )


def image_contrasts(tables: Sequence[Differences], *, level: float = 0.95) -> list[ImageContrast]:
    """Return the mean difference of each image with its t interval over participants.

    Pairs of arms that fewer than two participants rated, or on one image only, are left out.
    """
    return [
        row for table in tables if min(table.values.shape) > 1 for row in _by_image(table, level)
    ]


def _by_image(table: Differences, level: float) -> list[ImageContrast]:
    rows = []
    for image, column in zip(table.images, table.values.T, strict=True):
        own = column[np.isfinite(column)]
        mean, n = float(own.mean()), len(own)
        low = high = None
        if n > 1:
            half = float(stats.t.ppf(0.5 + level / 2, n - 1) * own.std(ddof=1) / np.sqrt(n))
            low, high = mean - half, mean + half
        rows.append(
            ImageContrast(
                name=table.name, image=image, estimate=mean, low=low, high=high, n_participants=n
            )
        )
    return rows
