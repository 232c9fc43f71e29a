"""d' and criterion of the population, condition by condition, participants and images random.

    P("generated") = Phi(d_k s - c_k + u_p + w_p s + v_i + v_ik),   s = +1/2 generated, -1/2 real,

with condition k, participants' criteria u and sensitivities w, and what images have in common
over conditions (v_i) and in one (v_ik): signal detection as a mixed probit model (DeCarlo 1998;
Wright, Horry and Skagerberg 2009). How images differ is noise to somebody who tells real from
generated, as it is in each participant's own d'; so d' and c are divided by
sqrt(1 + Var(v_i) + Var(v_ik)) to be in the same unit. t with min(P, images) - 1 degrees of
freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.choices.links import probit
from fechner.analysis.ratings.choices.random_effects import (
    MixedChoices,
    RandomFactor,
    fit_choices,
)
from fechner.errors import InputError


@dataclass(frozen=True, eq=False)
class GroupSensitivity:
    """Sensitivity and bias of the population.

    Attributes
    ----------
    table
        One row a condition: ``condition``, ``d_prime`` and ``criterion``, each with ``_low``
        and ``_high``.
    differences
        One row a pair of conditions: ``contrast``, difference of d' with ``low, high, df, p``.
    spread
        SDs: of participants' criteria and sensitivities, and of images.
    converged
        False where the search did not end at an optimum.
    """

    table: pd.DataFrame
    differences: pd.DataFrame
    spread: dict[str, float]
    converged: bool


def group_sensitivity(answers: pd.DataFrame, *, level: float = 0.95) -> GroupSensitivity:
    """Return d' and criterion of the population.

    Parameters
    ----------
    answers
        What `authenticity.authenticity_answers` returns.
    level
        Of the intervals.

    Returns
    -------
    GroupSensitivity

    Raises
    ------
    InputError
        If there are fewer than two participants, or fewer than two images of either kind.
    """
    people = answers["participant"].nunique()
    # A scene may hold a photograph and a generated picture of the same.
    answers = answers.assign(
        picture=answers["scene"] + "\n" + answers["generated"].astype(int).astype(str)
    )
    kinds = answers.groupby("generated")["picture"].nunique()
    if people < 2 or kinds.min() < 2:
        raise InputError(
            f"the population's d' rests on {people} participants, {kinds.get(1.0, 0)} generated "
            f"and {kinds.get(0.0, 0)} real images; it needs at least 2 of each"
        )
    both = answers.groupby("condition")["generated"].nunique() > 1
    conditions = sorted(both.index[both])
    rows = answers[answers["condition"].isin(conditions)]
    fit = _fit_probit(rows, conditions)
    names = ("image", "image by condition")
    scale = np.sqrt(1 + sum(fit.variances.get(name, 0.0) for name in names))
    df = min(people, rows["picture"].nunique()) - 1
    spread = {name: float(np.sqrt(v)) / scale for name, v in fit.variances.items()}
    return GroupSensitivity(
        _sensitivities(fit, conditions, scale, stats.t.ppf(0.5 + level / 2, df)),
        _contrasts_of(fit, conditions, scale, df, level),
        spread,
        fit.converged,
    )


def _fit_probit(rows: pd.DataFrame, conditions: list[str]) -> MixedChoices:
    condition = rows["condition"].map({name: k for k, name in enumerate(conditions)}).to_numpy()
    s = rows["generated"].to_numpy(float) - 0.5
    own = np.eye(len(conditions))[condition]
    person = pd.factorize(rows["participant"])[0]
    image = pd.factorize(rows["picture"])[0]
    factors = {
        "criterion": RandomFactor(person),
        "sensitivity": RandomFactor(person, s),
        "image": RandomFactor(image),
    }
    if len(conditions) > 1:
        both = pd.factorize(image * len(conditions) + condition)[0]
        factors["image by condition"] = RandomFactor(both)
    X = np.column_stack([own * s[:, None], -own])
    return fit_choices(rows["said"].to_numpy(float), X, factors, probit())


def _sensitivities(
    fit: MixedChoices, conditions: list[str], scale: float, t: float
) -> pd.DataFrame:
    values = fit.fixed / scale
    half = t * np.sqrt(np.diag(fit.covariance)) / scale
    k = len(conditions)
    table = pd.DataFrame({"condition": conditions})
    for name, part in (("d_prime", slice(0, k)), ("criterion", slice(k, 2 * k))):
        table[name] = values[part]
        table[f"{name}_low"] = values[part] - half[part]
        table[f"{name}_high"] = values[part] + half[part]
    return table


def _contrasts_of(
    fit: MixedChoices, conditions: list[str], scale: float, df: int, level: float
) -> pd.DataFrame:
    rows = []
    for a, b in combinations(range(len(conditions)), 2):
        along = np.zeros(len(fit.fixed))
        along[a], along[b] = 1 / scale, -1 / scale
        difference = float(along @ fit.fixed)
        error = float(np.sqrt(along @ fit.covariance @ along))
        half = float(stats.t.ppf(0.5 + level / 2, df)) * error
        p = float(2 * stats.t.sf(abs(difference) / error, df))
        name = f"{conditions[a]} - {conditions[b]}"
        rows.append((name, difference, difference - half, difference + half, df, p))
    return pd.DataFrame(rows, columns=["contrast", "d_prime", "low", "high", "df", "p"])
