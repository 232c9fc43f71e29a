"""How ratings are distributed, and what that lets an alignment show.

Before channels are scored against ratings, the ratings themselves are described:
their moments, normality, modes, reliability, the relation between dimensions, the
differences between groups, and the spread of opinion against its mean. Where a
distribution limits what alignment can show, `label_warnings` says so in plain words.

Hartigan and Hartigan 1985, Annals of Statistics 13:70 (dip test); Pfister et al.
2013, Frontiers in Psychology 4:700 (bimodality coefficient); Hossfeld, Schatz and
Egger 2011, QoMEX (spread of opinion scores).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from fechner.data.modes import Modes, find_modes
from fechner.errors import InputError, nearest
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import Ratings
from fechner.records.scales import Scale

FEWEST_IMAGES = 8
"""Below this number of images shape statistics are undefined or say nothing."""

MOST_GROUPS = 60
"""A column with more different values names images rather than groups of them."""


@dataclass(frozen=True)
class Distribution:
    """The distribution of one dimension's mean ratings over images.

    Attributes
    ----------
    mean, sd, minimum, maximum, median
        In points of the scale; `sd` has n - 1 in its denominator.
    skew, kurtosis
        Sample skewness G1 and excess kurtosis G2, corrected for bias (0 for a normal).
    shapiro_w, shapiro_p, k2, k2_p
        Normality by Shapiro and Wilk (its p is rough above 5000 images), and by
        D'Agostino and Pearson.
    range_used
        Part of the scale that the middle 90 % of the images take, in [0, 1].
    at_floor, at_ceiling
        Part of the images within 5 % of either end of the scale, in [0, 1].
    tied_pairs
        Part of the pairs of images with equal ratings, in [0, 1].
    reliability
        ``1 - mean(SD^2 / n) / variance of the means``, where SDs and counts are
        known: the part of the variance between images that is not rating error.
    modes
        Dip test, bimodality coefficient, Gaussian mixture.
    """

    dimension: str
    scale: Scale
    n: int
    mean: float
    sd: float
    minimum: float
    maximum: float
    median: float
    skew: float
    kurtosis: float
    shapiro_w: float
    shapiro_p: float
    k2: float
    k2_p: float
    range_used: float
    at_floor: float
    at_ceiling: float
    tied_pairs: float
    reliability: float | None
    modes: Modes


def distribution(rated: RatedImages, dimension: str) -> Distribution:
    """Describe the mean ratings of one dimension as they stand in the table.

    Raises
    ------
    InputError
        If the dimension is unknown, fewer than `FEWEST_IMAGES` images are rated, or
        all ratings are equal.
    """
    rated.scores(dimension)
    values = rated.table[dimension].to_numpy(dtype=np.float64)
    if len(values) < FEWEST_IMAGES:
        raise InputError(
            f"expected at least {FEWEST_IMAGES} rated images to describe, got {len(values)}"
        )
    if np.ptp(values) == 0:
        raise InputError(
            f"every image has the same rating {values[0]:g} in {dimension!r}, so nothing can "
            "agree with it; check the table"
        )
    return _distribution(dimension, rated.scales[dimension], values, _reliability(rated, dimension))


def _distribution(
    dimension: str, scale: Scale, values: np.ndarray, reliability: float | None
) -> Distribution:
    span = scale.maximum - scale.minimum
    low, high = np.quantile(values, [0.05, 0.95])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*p-value may not be accurate")
        shapiro = stats.shapiro(values)
    k2 = stats.normaltest(values)
    return Distribution(
        dimension=dimension,
        scale=scale,
        n=len(values),
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)),
        minimum=float(values.min()),
        maximum=float(values.max()),
        median=float(np.median(values)),
        skew=float(stats.skew(values, bias=False)),
        kurtosis=float(stats.kurtosis(values, bias=False)),
        shapiro_w=float(shapiro.statistic),
        shapiro_p=float(shapiro.pvalue),
        k2=float(k2.statistic),
        k2_p=float(k2.pvalue),
        range_used=float((high - low) / span),
        at_floor=float(np.mean(values <= scale.minimum + 0.05 * span)),
        at_ceiling=float(np.mean(values >= scale.maximum - 0.05 * span)),
        tied_pairs=_tied_pairs(values),
        reliability=reliability,
        modes=find_modes(values),
    )


def _tied_pairs(values: np.ndarray) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1)).sum() / (len(values) * (len(values) - 1)))


def _reliability(rated: RatedImages, dimension: str) -> float | None:
    sd, n = (rated.table.get(f"{dimension}_{part}") for part in ("sd", "n"))
    if sd is None or n is None or (sd.isna() | n.isna()).all():
        return None
    error = float((sd**2 / n).mean())
    return 1 - error / float(rated.table[dimension].var(ddof=1))


def relations(rated: RatedImages, dimensions: list[str]) -> pd.DataFrame:
    """Return one row a pair of dimensions: ``first, second, n, pearson, spearman``.

    Scores are oriented so that higher is better in both. An interval would have to
    draw scenes, not images; `fechner.analysis.network` does that where it matters.
    """
    rows = []
    for first, second in combinations(dimensions, 2):
        a, b = rated.scores(first), rated.scores(second)
        pearson, spearman = stats.pearsonr(a, b).statistic, stats.spearmanr(a, b).statistic
        rows.append((first, second, len(rated), float(pearson), float(spearman)))
    return pd.DataFrame(rows, columns=["first", "second", "n", "pearson", "spearman"])


def groups(rated: RatedImages, dimension: str, column: str) -> pd.DataFrame:
    """Return one row a group: ``column, n, mean, sd, minimum, maximum`` in table order.

    Raises
    ------
    InputError
        If the table has no such column, or it has more than `MOST_GROUPS` values.
    """
    known = [name for name in rated.table.columns if name != "image"]
    if column not in known:
        raise InputError(f"the table has no column {column!r}; {nearest(column, known)}")
    number = rated.table[column].nunique()
    if number > MOST_GROUPS:
        raise InputError(
            f"column {column!r} has {number} different values; expected at most {MOST_GROUPS} "
            "groups: choose another column"
        )
    by = rated.table.groupby(column, sort=False)[dimension]
    table = by.agg(n="count", mean="mean", sd="std", minimum="min", maximum="max")
    return table.reset_index()


def share_between(rated: RatedImages, dimension: str, column: str) -> float:
    """Return eta squared: the part of the variance of means that lies between groups, [0, 1]."""
    values = rated.table[dimension].astype(np.float64)
    within = values.groupby(rated.table[column]).transform("mean")
    return float(((within - values.mean()) ** 2).sum() / ((values - values.mean()) ** 2).sum())


@dataclass(frozen=True)
class Spread:
    """Disagreement against mean rating, image by image, and its SOS parameter.

    Attributes
    ----------
    table
        One row an image: ``image, mean, sd, n``.
    sos
        a in ``SD^2 = a (x - L)(U - x)`` by least squares, for the scale [L, U]: 0 when
        all agree, 1 when every rating stands at one end.
    """

    dimension: str
    scale: Scale
    table: pd.DataFrame
    sos: float


def spread(rated: RatedImages, dimension: str, ratings: Ratings | None = None) -> Spread | None:
    """Return the spread of single ratings against their mean; None where no SDs are known.

    Parameters
    ----------
    ratings
        The single ratings; without them the table's own ``NAME_sd`` is used.

    Raises
    ------
    InputError
        If `ratings` holds no image of the table in this dimension.
    """
    scale = rated.scales[dimension]
    if ratings is not None:
        all_of_it = ratings.table[ratings.table["dimension"] == dimension]
        own = all_of_it[all_of_it["image"].isin(rated.table["image"])]
        if own.empty and not all_of_it.empty:
            raise InputError(
                "the ratings name none of the table's images; both tables must call an image by "
                "the same path"
            )
        by = own.groupby("image", sort=False)["rating"]
        table = by.agg(mean="mean", sd="std", n="count").reset_index()
    elif f"{dimension}_sd" in rated.table.columns:
        columns = {dimension: "mean", f"{dimension}_sd": "sd", f"{dimension}_n": "n"}
        table = rated.table.rename(columns=columns).reindex(columns=["image", "mean", "sd", "n"])
    else:
        return None
    table = table[table["sd"].notna()].reset_index(drop=True)
    if table.empty:
        return None
    return Spread(dimension, scale, table, _sos(table, scale))


def _sos(table: pd.DataFrame, scale: Scale) -> float:
    room = (table["mean"] - scale.minimum) * (scale.maximum - table["mean"])
    return float((table["sd"] ** 2 * room).sum() / (room**2).sum())
