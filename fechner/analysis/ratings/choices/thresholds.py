"""Thresholds of degradation: of every staircase, and of the population, region by region.

Single thresholds come from each staircase's own posterior. The population's come from one
model of all answers with participants and scenes random,

    P(right) = 1 - delta - (1 - gamma - delta) exp(-10^(b_r + beta x + u_p + u_pr + v_s + v_sr)),

for region r, participant p and scene s, x = log10(strength): a generalised linear mixed
psychometric function (Moscatelli, Mezzetti and Lacquaniti 2012). The log10 threshold of a
region is ``(eta - b_r) / beta`` with eta the predictor at the share asked for, its error by
the delta method, tested against t with ``min(P, S) - 1`` degrees of freedom.

Pooling everybody's answers into one curve instead would be wrong with staircases: sensitive
people are shown weak degradations, so that the pooled curve is nearly flat.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.choices.links import weibull
from fechner.analysis.ratings.choices.psychometric import log_tail, posterior
from fechner.analysis.ratings.choices.random_effects import (
    MixedChoices,
    RandomFactor,
    fit_choices,
)
from fechner.errors import InputError
from fechner.protocols.parts import Quest


@dataclass(frozen=True, eq=False)
class GroupThresholds:
    """Thresholds of the population.

    Attributes
    ----------
    table
        One row a region: ``region, threshold, low, high`` in units of strength, with
        ``log10_error``.
    ratios
        One row a pair of regions: ``contrast, ratio`` of the thresholds with ``low, high``,
        ``df`` and ``p`` against 1.
    slope
        beta.
    lapse
        delta: that of the protocol's that made the answers likelier.
    spread
        SDs of log10 thresholds: ``participant, scene`` and, with several regions, of both by
        region.
    converged
        False where the search did not end at an optimum.
    """

    table: pd.DataFrame
    ratios: pd.DataFrame
    slope: float
    lapse: float
    spread: dict[str, float]
    converged: bool


def staircase_thresholds(
    trials: pd.DataFrame,
    quest: Quest,
    *,
    by: tuple[str, ...] = ("participant", "region"),
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the threshold of every staircase, or of every scene of it.

    Parameters
    ----------
    trials
        What `detections.detections` returns.
    quest
        The protocol's options.
    by
        The columns that make a staircase; ``scene`` among them splits each by scenes.
    level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        The columns `by`, ``n, right, threshold, low, high, slope``, and ``within``: whether the
        threshold lies within the strengths that were shown.
    """
    rows = []
    for names, group in trials.groupby(list(by), sort=True):
        x, right = group["x"].to_numpy(float), group["right"].to_numpy(float)
        found = posterior(x, right, quest)
        middle, low, high = found.strength_at(quest.threshold_at, level)
        rows.append(
            dict(zip(by, names, strict=True))
            | {
                "n": len(group), "right": right.mean(), "threshold": 10**middle, "low": 10**low,
                "high": 10**high, "slope": found.slope,
                "within": bool(x.min() <= middle <= x.max()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def group_thresholds(trials: pd.DataFrame, quest: Quest, *, level: float = 0.95) -> GroupThresholds:
    """Return the thresholds of the population, participants and scenes random.

    Parameters
    ----------
    trials
        What `detections.detections` returns.
    quest
        The protocol's options.
    level
        Of the intervals.

    Returns
    -------
    GroupThresholds

    Raises
    ------
    InputError
        If there are fewer than two participants or scenes, or answers do not get better with
        strength.
    """
    people, scenes = trials["participant"].nunique(), trials["scene"].nunique()
    if min(people, scenes) < 2:
        raise InputError(
            f"a group threshold rests on {people} participants and {scenes} scenes; it needs at "
            "least 2 of each, so that both can be random"
        )
    regions = sorted(trials["region"].unique())
    fits = {lapse: _fit(trials, regions, quest.guess, lapse) for lapse in quest.lapses}
    lapse, fit = min(fits.items(), key=lambda one: one[1].deviance)
    beta = float(fit.fixed[-1])
    if beta <= 0:
        raise InputError(
            "answers do not get better with strength, so that there is no threshold; check which "
            "answer counts as right and the column 'strength'"
        )
    eta = float(log_tail(quest.threshold_at, guess=quest.guess, lapse=lapse))
    df = min(people, scenes) - 1
    spread = {name: np.sqrt(v) / beta for name, v in fit.variances.items()}
    return GroupThresholds(
        _levels(fit, regions, eta, df, level),
        _ratios(fit, regions, df, level),
        beta,
        lapse,
        spread,
        fit.converged,
    )


def _fit(trials: pd.DataFrame, regions: list[str], guess: float, lapse: float) -> MixedChoices:
    region = trials["region"].map({name: k for k, name in enumerate(regions)}).to_numpy()
    X = np.column_stack([np.eye(len(regions))[region], trials["x"].to_numpy(float)])
    factors = {}
    for name in ("participant", "scene"):
        codes = pd.factorize(trials[name])[0]
        factors[name] = RandomFactor(codes)
        if len(regions) > 1:
            both = pd.factorize(codes * len(regions) + region)[0]
            factors[f"{name} by region"] = RandomFactor(both)
    y = trials["right"].to_numpy(float)
    return fit_choices(y, X, factors, weibull(guess=guess, lapse=lapse))


def _levels(
    fit: MixedChoices, regions: list[str], eta: float, df: int, level: float
) -> pd.DataFrame:
    rows = []
    for k, region in enumerate(regions):
        gradient = np.zeros(len(fit.fixed))
        beta, x = fit.fixed[-1], (eta - fit.fixed[k]) / fit.fixed[-1]
        gradient[k], gradient[-1] = -1 / beta, -x / beta
        error = float(np.sqrt(gradient @ fit.covariance @ gradient))
        half = stats.t.ppf(0.5 + level / 2, df) * error
        rows.append((region, 10**x, 10 ** (x - half), 10 ** (x + half), error))
    return pd.DataFrame(rows, columns=["region", "threshold", "low", "high", "log10_error"])


def _ratios(fit: MixedChoices, regions: list[str], df: int, level: float) -> pd.DataFrame:
    rows = []
    for pair in combinations(regions, 2):
        # Everything is read against high, where degradations are expected to be found first.
        over, under = pair[::-1] if pair[0] == "high" else pair
        a, b, beta = regions.index(over), regions.index(under), fit.fixed[-1]
        x = (fit.fixed[b] - fit.fixed[a]) / beta
        gradient = np.zeros(len(fit.fixed))
        gradient[a], gradient[b], gradient[-1] = -1 / beta, 1 / beta, -x / beta
        error = float(np.sqrt(gradient @ fit.covariance @ gradient))
        half = stats.t.ppf(0.5 + level / 2, df) * error
        p = 2 * stats.t.sf(abs(x) / error, df)
        rows.append((f"{over} / {under}", 10**x, 10 ** (x - half), 10 ** (x + half), df, p))
    return pd.DataFrame(rows, columns=["contrast", "ratio", "low", "high", "df", "p"])
