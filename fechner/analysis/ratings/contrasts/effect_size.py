"""The size of a contrast in standard deviations of a single rating.

    d = difference / sqrt(sum of all variance components of a rating)

(Westfall, Kenny and Judd 2014): the SD of what a new participant says of a new image within
one condition. Participants, images, their slopes and the residual are all in it, so that d
does not grow with the number of trials, and designs of different kinds can be compared. It is
smaller than a d over the SD of differences or of the residual.

The interval follows from both errors, that of the difference and that of the variance T
(the delta method): ``SE(d)^2 = SE^2 / T + d^2 Var(T) / (4 T^2)``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.contrasts.crossed import reml_mean_squares
from fechner.analysis.ratings.contrasts.reml import fit_reml, indicator
from fechner.analysis.ratings.contrasts.slopes import SlopesDesign, slopes_design
from fechner.records.contrasts.contrast import Contrast
from fechner.records.contrasts.family import EffectSize


def effect_size(row: Contrast, variance: tuple[float, float], *, level: float = 0.95) -> EffectSize:
    """Return d of a contrast.

    Parameters
    ----------
    row
        The contrast, in points.
    variance
        Variance of a single rating in squared points and the variance of that estimate, from
        `variance_of_arms`, `variance_of_cells` or `variance_of_ratings`.
    level
        Of the interval.

    Returns
    -------
    EffectSize
    """
    total, spread = variance
    d = row.estimate / np.sqrt(total)
    error = np.sqrt(row.standard_error**2 / total + d**2 * spread / (4 * total**2))
    half = error * float(stats.t.ppf(0.5 + level / 2, np.inf if row.df is None else row.df))
    return EffectSize(d=float(d), low=float(d - half), high=float(d + half), sd=float(total**0.5))


def variance_of_arms(
    arms: pd.DataFrame, first: str, second: str, *, paired: bool
) -> tuple[float, float]:
    """Return the variance of a rating within two arms, and the variance of that estimate.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns.
    first, second
        Names of the arms.
    paired
        Whether the difference was tested on pairs of ratings; then the variance rests on these,
        unless an arm holds several ratings of an image: their mean varies less than one rating.
    """
    rows = arms[arms["region"].isin([first, second])]
    if not paired or rows.duplicated(["participant", "scene", "region"]).any():
        return variance_of_ratings(slopes_design(arms, first, second))
    wide = rows.pivot(index="participant", columns=["scene", "region"], values="rating")
    columns = pd.MultiIndex.from_product([rows["scene"].unique(), [first, second]])
    cells = wide.reindex(columns=columns).to_numpy(float).reshape(len(wide), -1, 2)
    complete = np.isfinite(cells).all(axis=2, keepdims=True)
    return variance_of_cells(np.where(complete, cells, np.nan))


def variance_of_cells(cells: np.ndarray) -> tuple[float, float]:
    """Return the variance of a rating within a condition, and the variance of that estimate.

    The conditions are turned into their mean and orthonormal differences; each is a crossed
    table of its own whose components add up, and ``T = sum_k T_k / n_conditions``.

    Parameters
    ----------
    cells
        One rating each (n_participants, n_images, n_conditions), NaN where missing.
    """
    K = cells.shape[2]
    turned = cells @ _orthonormal(K)
    parts = [_crossed_total(turned[:, :, k]) for k in range(K)]
    return sum(part[0] for part in parts) / K, sum(part[1] for part in parts) / K**2


def _orthonormal(n: int) -> np.ndarray:
    """Return an orthonormal basis (n, n) whose first column is constant."""
    Q = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, 1:]]))[0]
    return np.asarray(Q)


def _crossed_total(values: np.ndarray) -> tuple[float, float]:
    """Return the sum of the components of a crossed table, and its variance."""
    P, Q = values.shape
    here = np.isfinite(values)
    if not here.all():
        rows, columns = np.nonzero(here)
        y = values[here]
        blocks = {"participant": indicator(rows, P), "image": indicator(columns, Q)}
        fit = fit_reml(y, np.ones((len(y), 1)), blocks)
        return sum(fit.variances.values()), float(fit.variance_covariance().sum())
    expected, groups = reml_mean_squares(values)
    df = np.array([P - 1, Q - 1, (P - 1) * (Q - 1)])
    share = np.array([1 / Q, 1 / P, 1 - 1 / P - 1 / Q])
    spread = [
        2 * (share[k].sum() * expected[k[0]]) ** 2 / df[k].sum() for k in map(np.array, groups)
    ]
    return float(share @ expected), float(sum(spread))


def variance_of_ratings(design: SlopesDesign) -> tuple[float, float]:
    """Return the same from the mixed model of the ratings, where there are few pairs.

    A slope counts with the mean of its squared code over the conditions that are compared.
    """
    fit = fit_reml(design.y, design.X, design.blocks())
    weights = np.array([*(design.weight(name) for name in list(fit.variances)[:-1]), 1.0])
    total = weights @ np.array(list(fit.variances.values()))
    return float(total), float(weights @ fit.variance_covariance() @ weights)
