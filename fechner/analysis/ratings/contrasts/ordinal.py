"""The ordered probit: the same contrast without treating categories as numbers.

Beside the metric analysis on scales of few categories (Liddell and Kruschke 2018). Ratings
are cut from a normal variable by thresholds,

    P(rating <= k) = Phi(c_k - b x),   x = +1/2 in the first arm, -1/2 in the second

(x may be several columns, of which the last is tested), and the error of b is clustered by
participants and by images, since naive errors call noise an effect in 27 % of null worlds and
errors clustered by participants alone in 18 %. Main effects seldom change; an interaction near
floor or ceiling is to be believed only if this agrees.
"""

from __future__ import annotations

from collections.abc import Callable

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
    for arm in (first, second):
        if not (rows["region"] == arm).any():
            raise InputError(f"no ratings of the arm {arm!r}; the ordered probit needs both arms")
    p, i = (pd.factorize(rows[unit])[0] for unit in ("participant", "scene"))
    _check_sizes(y, p, i)
    a, b = y[rows["region"] == first], y[rows["region"] == second]
    if a.min() >= b.max() or b.min() >= a.max():
        raise InputError(
            f"no rating of {first!r} lies across one of {second!r}: the ordered probit's "
            "difference has no upper bound"
        )
    return probit_of(f"{first} - {second}", y, x[:, None], p, i, level=level)


def probit_of(
    name: str, y: np.ndarray, X: np.ndarray, p: np.ndarray, i: np.ndarray, *, level: float = 0.95
) -> Contrast:
    """Estimate the coefficient of the last column of X, in SDs of the latent variable.

    Parameters
    ----------
    name
        Of the contrast.
    y
        Categories (n,), from 0 and without a gap.
    X
        Codes of the conditions (n, n_columns), without a constant.
    p, i
        Codes of participants and images (n,), from 0.
    level
        Of the interval.

    Returns
    -------
    Contrast
        Errors clustered by both; t with ``min(P, Q) - 1`` degrees of freedom.

    Raises
    ------
    InputError
        If there are fewer than 2 categories, participants or images.
    """
    _check_sizes(y, p, i)
    theta, bread, scores, converged = _fit(y, X)
    V = _two_way(scores, p, i, bread)
    return tested_contrast(
        name,
        "ordered probit",
        theta[-1],
        np.sqrt(V),
        min(p.max(), i.max()),
        level=level,
        n_participants=int(p.max()) + 1,
        n_images=int(i.max()) + 1,
        converged=converged,
    )


def _check_sizes(y: np.ndarray, p: np.ndarray, i: np.ndarray) -> None:
    if min(y.max(), p.max(), i.max()) < 1:
        raise InputError(
            f"the ordered probit needs 2 categories, participants and images or more, got "
            f"{y.max() + 1}, {p.max() + 1} and {i.max() + 1}"
        )


def as_categories(rating: pd.Series) -> np.ndarray:
    """Return categories (n,) from 0; ratings of more kinds are cut into `MOST_CATEGORIES`.

    Cut where equally many fall into each; ties stay together, so that there may be fewer.
    """
    if rating.nunique() > MOST_CATEGORIES:
        rating = pd.qcut(rating, MOST_CATEGORIES, labels=False, duplicates="drop")
    return pd.factorize(rating, sort=True)[0]


def _fit(y: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Return (thresholds, b), the inverse information, the scores (n, n_parameters), converged."""
    # Ratings of one category in one condition have one likelihood: instead of thousands of rows,
    # the search sees one row a kind (5 categories and 2 conditions are 10) and their numbers.
    kinds, which, counts = np.unique(
        np.column_stack([y, X]), axis=0, return_inverse=True, return_counts=True
    )
    y_of, X_of = kinds[:, 0].astype(int), kinds[:, 1:]
    shares = np.cumsum(np.bincount(y))[:-1] / len(y)
    start = np.append(stats.norm.ppf(shares), np.zeros(X.shape[1]))

    def minus(theta: np.ndarray) -> tuple[float, np.ndarray]:
        P, scores = _scores(theta, y_of, X_of)
        return -float(counts @ np.log(P)), -counts @ scores

    found = optimize.minimize(minus, start, jac=True, method="BFGS", options={"gtol": 1e-5})
    _, scores = _scores(found.x, y_of, X_of)
    flat = float(np.abs(counts @ scores).max()) < 1e-2
    information = _information(lambda theta: -minus(theta)[1], found.x)
    return found.x, np.linalg.pinv(information), scores[which.ravel()], flat


def _scores(theta: np.ndarray, y: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of each rating and its score (n, n_parameters)."""
    c, b = np.split(theta, [len(theta) - X.shape[1]])
    cuts = np.concatenate([[-np.inf], c, [np.inf]])
    upper, lower = cuts[y + 1] - X @ b, cuts[y] - X @ b
    # A step of the search may cross two thresholds or land far out in one tail: the difference is
    # then 0 or less, and its logarithm would end the search.
    P = np.maximum(stats.norm.cdf(upper) - stats.norm.cdf(lower), 1e-12)
    up, down = stats.norm.pdf(upper) / P, stats.norm.pdf(lower) / P
    scores = np.zeros((len(y), len(theta)))
    rows, K = np.arange(len(y)), len(c) + 1
    inner = y < K - 1
    scores[rows[inner], y[inner]] += up[inner]
    inner = y > 0
    scores[rows[inner], y[inner] - 1] -= down[inner]
    scores[:, len(c) :] = -(up - down)[:, None] * X
    return P, scores


def _information(
    score: Callable[[np.ndarray], np.ndarray], theta: np.ndarray, step: float = 1e-5
) -> np.ndarray:
    """Return the observed information by central differences of the score."""
    unit = np.eye(len(theta)) * step
    H = np.array([score(theta - u) - score(theta + u) for u in unit]) / (2 * step)
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
