"""The ordered probit: the same contrast without treating categories as numbers.

Beside the metric analysis on scales of few categories (Liddell and Kruschke 2018). Ratings
are cut from a normal variable by thresholds,

    P(rating <= k) = Phi(c_k - b x),   x = +1/2 in the first arm, -1/2 in the second,

and the error of b is clustered by participants and by images, since naive errors call noise an
effect in 27 % of null worlds and errors clustered by participants alone in 18 %. Main effects
seldom change; an interaction near floor or ceiling is to be believed only if this agrees.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize, stats

from fechner.analysis.ratings.contrasts.tested import tested_contrast
from fechner.errors import InputError
from fechner.records.contrasts.contrast import Contrast

MOST_CATEGORIES = 11
"""Distinct ratings above which a scale counts as continuous."""


def is_ordinal(arms: pd.DataFrame) -> bool:
    """Return whether the ratings have few enough categories for an ordered probit."""
    return bool(2 <= arms["rating"].nunique() <= MOST_CATEGORIES)


def ordered_probit(arms: pd.DataFrame, first: str, second: str, *, level: float = 0.95) -> Contrast:
    """Estimate ``b`` of ``first - second``, in SDs of the latent variable.

    The reference is t with ``min(P, Q) - 1`` degrees of freedom.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns.
    first, second
        Names of the arms.
    level
        Of the interval.

    Returns
    -------
    Contrast
        In SDs of the latent variable.

    Raises
    ------
    InputError
        If an arm is missing; if there are fewer than 2 categories, participants or images; if
        the arms share no category but one, so that any large b fits.
    """
    rows = arms[arms["region"].isin([first, second])]
    y = pd.factorize(rows["rating"], sort=True)[0]
    x = np.where(rows["region"] == first, 0.5, -0.5)
    p = pd.factorize(rows["participant"])[0]
    i = pd.factorize(rows["scene"])[0]
    _check(rows, first, second, y, p, i)
    theta, bread, scores, converged = _fit(y, x)
    V = _two_way(scores, p, i, bread)
    return tested_contrast(
        f"{first} - {second}",
        "ordered probit",
        theta[-1],
        np.sqrt(V),
        min(p.max(), i.max()),
        level=level,
        n_participants=int(p.max()) + 1,
        n_images=int(i.max()) + 1,
        converged=converged,
    )


def _check(
    rows: pd.DataFrame, first: str, second: str, y: np.ndarray, p: np.ndarray, i: np.ndarray
) -> None:
    for arm in (first, second):
        if not (rows["region"] == arm).any():
            raise InputError(f"no ratings of the arm {arm!r}; the ordered probit needs both arms")
    if min(y.max(), p.max(), i.max()) < 1:
        raise InputError(
            f"the ordered probit needs 2 categories, participants and images or more, got "
            f"{y.max() + 1}, {p.max() + 1} and {i.max() + 1}"
        )
    a, b = y[rows["region"] == first], y[rows["region"] == second]
    if a.min() >= b.max() or b.min() >= a.max():
        raise InputError(
            f"no rating of {first!r} lies across one of {second!r}: the ordered probit's "
            "difference has no upper bound"
        )


def _fit(y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Return (thresholds, b), the inverse information, the scores (n, n_parameters), converged."""
    K = int(y.max()) + 1
    shares = np.cumsum(np.bincount(y, minlength=K))[:-1] / len(y)
    start = np.append(stats.norm.ppf(shares), 0.0)

    def minus(theta: np.ndarray) -> tuple[float, np.ndarray]:
        P, scores = _scores(theta, y, x)
        return -float(np.log(P).sum()), -scores.sum(axis=0)

    found = optimize.minimize(minus, start, jac=True, method="BFGS", options={"gtol": 1e-5})
    _, scores = _scores(found.x, y, x)
    flat = float(np.abs(scores.sum(axis=0)).max()) < 1e-2
    return found.x, np.linalg.pinv(_hessian(found.x, y, x)), scores, flat


def _scores(theta: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of each rating and its score (n, n_parameters)."""
    cuts = np.concatenate([[-np.inf], theta[:-1], [np.inf]])
    upper, lower = cuts[y + 1] - theta[-1] * x, cuts[y] - theta[-1] * x
    # A step of the search may cross two thresholds or land far out in one tail: the difference is
    # then 0 or less, and its logarithm would end the search.
    P = np.maximum(stats.norm.cdf(upper) - stats.norm.cdf(lower), 1e-12)
    up, down = stats.norm.pdf(upper) / P, stats.norm.pdf(lower) / P
    scores = np.zeros((len(y), len(theta)))
    rows, K = np.arange(len(y)), len(theta)
    inner = y < K - 1
    scores[rows[inner], y[inner]] += up[inner]
    inner = y > 0
    scores[rows[inner], y[inner] - 1] -= down[inner]
    scores[:, -1] = -(up - down) * x
    return P, scores


def _hessian(theta: np.ndarray, y: np.ndarray, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Return the observed information by central differences of the score."""
    unit = np.eye(len(theta)) * step
    columns = [
        _scores(theta - u, y, x)[1].sum(axis=0) - _scores(theta + u, y, x)[1].sum(axis=0)
        for u in unit
    ]
    H = np.array(columns) / (2 * step)
    return (H + H.T) / 2


def _two_way(scores: np.ndarray, p: np.ndarray, i: np.ndarray, bread: np.ndarray) -> float:
    """Return the variance of b, clustered by both, not below the larger one-way variance."""
    cells = p * (i.max() + 1) + i
    V_P, V_I, V_PI = (_one_way(scores, groups, bread) for groups in (p, i, cells))
    return max(V_P + V_I - V_PI, V_P, V_I)


def _one_way(scores: np.ndarray, groups: np.ndarray, bread: np.ndarray) -> float:
    names, codes = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), scores.shape[1]))
    np.add.at(sums, codes, scores)
    V = bread @ (sums.T @ sums) @ bread
    return float(V[-1, -1] * len(names) / (len(names) - 1))
