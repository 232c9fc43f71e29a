"""The tests of many simulated studies at once: which of them find what they look for.

Complete tables are tested by `crossed.closed_form` written for a whole stack of tables, some
thousands a second; tables with gaps and Latin squares one by one, by the model that decides a
real claim (`every_model.deciding_contrast`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.contrasts.every_model import deciding_contrast
from fechner.analysis.ratings.power.planned import PlannedTest
from fechner.records.stimuli import INTACT


def successes(ratings: np.ndarray, arms: tuple[str, ...], test: PlannedTest) -> np.ndarray:
    """Return for each study whether the test finds what it looks for.

    Parameters
    ----------
    ratings
        float64 (n_runs, n_participants, n_images, n_arms), NaN where not rated.
    arms
        Names along the last axis.
    test
        What counts as a success.

    Returns
    -------
    numpy.ndarray
        bool (n_runs,).
    """
    if np.isfinite(ratings).all():
        found = [
            closed_forms(ratings[..., arms.index(first)] - ratings[..., arms.index(second)])
            for first, second in test.contrasts
        ]
    else:
        found = [_one_by_one(ratings, arms, pair, test.level) for pair in test.contrasts]
    if test.kind == "equivalence":
        return _within(*found[0], margin=test.margin or 0.0, alpha=1 - test.level)
    if test.kind == "verdict":
        return np.all([_low_end(*one, test.level) > 0 for one in found], axis=0)
    estimate, error, df = found[0]
    return _low_end(np.abs(estimate), error, df, test.level) > 0


def closed_forms(D: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return estimate, standard error and degrees of freedom of every table, in closed form.

    What `crossed.closed_form` computes, for a stack of complete tables of differences.

    Parameters
    ----------
    D
        float64 (n_runs, n_participants, n_images), in points, none missing.

    Returns
    -------
    tuple of numpy.ndarray
        Each (n_runs,).
    """
    _, P, Q = D.shape
    mean = D.mean(axis=(1, 2))
    D = D - mean[:, None, None]
    SS_P = Q * (D.mean(axis=2) ** 2).sum(axis=1)
    SS_I = P * (D.mean(axis=1) ** 2).sum(axis=1)
    SS_E = np.maximum(np.einsum("rpi,rpi->r", D, D) - SS_P - SS_I, 0.0)
    df = np.array([P - 1.0, Q - 1.0, (P - 1.0) * (Q - 1.0)])
    squares = np.stack([SS_P, SS_I, SS_E], axis=1) / df
    total, spread = _pooled(squares, df)
    # A table without any variance has no degrees of freedom either; its error is 0 anyway.
    at = np.divide(total**2, spread, out=np.full(len(D), min(P, Q) - 1.0), where=spread > 0)
    return mean, np.sqrt(total / (P * Q)), at


def _pooled(squares: np.ndarray, df: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``l_P + l_I - l_E`` and the sum of its squared parts over their degrees of freedom.

    A mean square of participants or images at or below the residual's is pooled with it, the
    smaller of the two first, as restricted maximum likelihood has it where a variance is 0.
    """
    order = np.argsort(squares[:, :2], axis=1)
    pool, pool_df = squares[:, 2].copy(), np.full(len(squares), df[2])
    sign = np.full(len(squares), -1.0)
    total, spread = np.zeros(len(squares)), np.zeros(len(squares))
    for turn in (0, 1):
        k = order[:, turn]
        own = np.take_along_axis(squares, k[:, None], axis=1)[:, 0]
        joins = own <= pool
        pool = np.where(joins, (pool * pool_df + own * df[k]) / (pool_df + df[k]), pool)
        pool_df, sign = pool_df + joins * df[k], sign + joins
        total += np.where(joins, 0.0, own)
        spread += np.where(joins, 0.0, own**2 / df[k])
    return total + sign * pool, spread + sign**2 * pool**2 / pool_df


def _one_by_one(
    ratings: np.ndarray, arms: tuple[str, ...], pair: tuple[str, str], level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = [deciding_contrast(_long(one, arms), *pair, level) for one in ratings]
    return (
        np.array([row.estimate for row in rows]),
        np.array([row.standard_error for row in rows]),
        np.array([np.inf if row.df is None else row.df for row in rows]),
    )


def _long(ratings: np.ndarray, arms: tuple[str, ...]) -> pd.DataFrame:
    """Return one study (n_participants, n_images, n_arms) as `matrices.rated_arms` does."""
    p, i, a = np.nonzero(np.isfinite(ratings))
    region = np.array(arms)[a]
    degraded = region != INTACT
    return pd.DataFrame(
        {
            "participant": p,
            "scene": i,
            "region": region,
            "family": pd.Series("assumed", index=range(len(p))).where(degraded, None),
            "level": np.where(degraded, 1.0, np.nan),
            "rating": ratings[p, i, a],
        }
    )


def _low_end(estimate: np.ndarray, error: np.ndarray, df: np.ndarray, level: float) -> np.ndarray:
    return estimate - stats.t.ppf(0.5 + level / 2, df) * error


def _within(
    estimate: np.ndarray, error: np.ndarray, df: np.ndarray, *, margin: float, alpha: float
) -> np.ndarray:
    return np.abs(estimate) + stats.t.ppf(1 - alpha, df) * error < margin
