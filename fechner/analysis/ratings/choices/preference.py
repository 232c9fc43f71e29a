"""How much oftener one arm is chosen than another, with participants and images random.

The unit is the comparison of two arms of one image by one participant,

    D[p, i] = share chosen of the first arm - share chosen of the second, in [-1, 1],

0 where both are chosen as often. Person-by-arm and image-by-arm variance make comparisons of
one person or of one image alike: a binomial or a logistic model without both calls that an
effect in 10 to 45 % of null worlds. `crossed_preference`, which decides, tests D as the
ratings are tested (closed form, or REML where cells are missing); false positives by design
and model stand in docs/howto-statistics.md.

Intervals stay within -1 and 1: they are Wilson's (1927) with the effective number of
comparisons n = P (1 - P) / Var(P), as surveys use them (Korn and Graubard 1998), and t for z.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special, stats

from fechner.analysis.ratings.choices.links import logit
from fechner.analysis.ratings.choices.random_effects import RandomFactor, fit_choices
from fechner.analysis.ratings.contrasts.clustered import clustered
from fechner.analysis.ratings.contrasts.crossed import closed_form, reml_crossed
from fechner.analysis.ratings.matrices import Differences
from fechner.errors import InputError, nearest
from fechner.records.contrasts.contrast import Contrast
from fechner.records.stimuli import INTACT


def preferences(compared: pd.DataFrame, first: str, second: str) -> Differences:
    """Return D[p, i] of two arms from their direct comparisons.

    Parameters
    ----------
    compared
        The table of `comparisons.with_conditions`. Arms count where family and level agree;
        intact, which has neither, is compared with every family and level.
    first, second
        Names of the arms.

    Raises
    ------
    InputError
        If the arms were never compared.
    """
    rows = direct_comparisons(compared, first, second)
    table = rows.assign(D=2 * rows["share"] - 1).pivot_table(
        index="participant", columns="scene", values="D", aggfunc="mean", sort=True
    )
    return Differences(
        table.to_numpy(float), tuple(table.index), tuple(table.columns), first, second
    )


def direct_comparisons(compared: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return ``participant, scene, share``, with the share of `first`, of these two arms.

    Raises
    ------
    InputError
        If they were never compared.
    """
    forward = (compared["region_first"] == first) & (compared["region_second"] == second)
    back = (compared["region_first"] == second) & (compared["region_second"] == first)
    rows = compared[forward | back]
    share = np.where(forward[forward | back], rows["share"], 1 - rows["share"])
    if INTACT not in (first, second):
        alike = pd.Series(True, rows.index)
        for column in ("family", "level"):
            one, other = rows[f"{column}_first"], rows[f"{column}_second"]
            alike &= (one == other) | (one.isna() & other.isna())
        rows, share = rows[alike], share[alike.to_numpy()]
    if rows.empty:
        known = sorted(set(compared["region_first"]) | set(compared["region_second"]))
        raise InputError(
            f"{first!r} and {second!r} were never compared within a scene; "
            f"compared were {', '.join(known)}: {nearest(first, known)}"
        )
    return rows[["participant", "scene"]].assign(share=share)


def were_compared(compared: pd.DataFrame, first: str, second: str) -> bool:
    """Return whether two arms were compared directly."""
    try:
        return len(direct_comparisons(compared, first, second)) > 0
    except InputError:
        return False


def by_every_preference_model(
    compared: pd.DataFrame, first: str, second: str, level: float
) -> list[Contrast]:
    """Return how much oftener `first` is chosen by each model, the deciding one first.

    Parameters
    ----------
    compared, first, second
        As `preferences` takes them.
    level
        Of the intervals.
    """
    table = preferences(compared, first, second)
    found = [crossed_preference(table, level=level), clustered_preference(table, level=level)]
    rows = direct_comparisons(compared, first, second)
    if 0 < rows["share"].mean() < 1:
        found.append(crossed_logistic(rows, f"{first} - {second}", level=level))
    return found


def crossed_preference(table: Differences, *, level: float = 0.95) -> Contrast:
    """Test whether the first arm is chosen oftener; the model that decides.

    Parameters
    ----------
    table
        What `preferences` returns.
    level
        Of the interval.

    Returns
    -------
    Contrast
        In shares: 0.2 means chosen in 60 % of the comparisons.

    Raises
    ------
    InputError
        If there are fewer than two participants or images.

    Examples
    --------
    Twelve people, ten images; the first arm is chosen by everybody but for one image.

    >>> values = np.ones((12, 10))
    >>> values[:, 0] = -1.0
    >>> names = tuple(f"P{k}" for k in range(12)), tuple("abcdefghij")
    >>> found = crossed_preference(Differences(values, *names, "low", "high"))
    >>> found.estimate, 0 < found.low < found.high < 1
    (0.8, True)
    """
    test = closed_form if table.complete else reml_crossed
    missing = 1 - np.isfinite(table.values).mean()
    reason = (
        "everybody compared both arms of every image: the closed form decides"
        if table.complete
        else f"{100 * missing:.1f} % of the comparisons are missing: REML decides"
    )
    found = _bounded(test(table, level=level), level)
    return found.model_copy(update={"decides": True, "reason": reason})


def clustered_preference(table: Differences, *, level: float = 0.95) -> Contrast:
    """Test the same with errors clustered by participants and by images, t with min - 1 df."""
    return _bounded(clustered(table, level=level), level)


def _bounded(found: Contrast, level: float) -> Contrast:
    """Replace interval and p value by Wilson's, with the effective number of comparisons."""
    P, V = (1 + found.estimate) / 2, (found.standard_error / 2) ** 2
    df = np.inf if found.df is None else found.df
    n = P * (1 - P) / V if V > 0 else 0.0
    if n == 0:
        # Everybody chose alike on every image: as many independent witnesses as the rarer of both.
        n = float(min(found.n_participants, found.n_images))
        df = n - 1
    t = stats.t.ppf(0.5 + level / 2, df)
    centre = (P + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t / (1 + t**2 / n) * np.sqrt(P * (1 - P) / n + t**2 / (4 * n**2))
    return found.model_copy(
        update={
            "low": float(2 * (centre - half) - 1),
            "high": float(2 * (centre + half) - 1),
            "df": float(df) if np.isfinite(df) else None,
            "p": float(2 * stats.t.sf(abs(P - 0.5) * 2 * np.sqrt(n), df)),
        }
    )


def crossed_logistic(rows: pd.DataFrame, name: str, *, level: float = 0.95) -> Contrast:
    """Fit a logistic model with participants and images random to single comparisons.

    ``logit P(first chosen) = b + u_p + v_i``. Estimate and interval are those of a new
    participant and image, averaged over both populations, so that they compare with the other
    models; t with ``min(P, Q) - 1`` degrees of freedom.

    Parameters
    ----------
    rows
        ``participant, scene, share`` of `direct_comparisons`.
    name
        Of the contrast.
    level
        Of the interval.

    Returns
    -------
    Contrast
        Its variances are squared log odds.
    """
    people, p = np.unique(rows["participant"], return_inverse=True)
    images, i = np.unique(rows["scene"], return_inverse=True)
    fit = fit_choices(
        rows["share"].to_numpy(float),
        np.ones((len(rows), 1)),
        {"participant": RandomFactor(p), "image": RandomFactor(i)},
        logit(),
    )
    b, error = float(fit.fixed[0]), float(np.sqrt(fit.covariance[0, 0]))
    spread, df = sum(fit.variances.values()), min(len(people), len(images)) - 1
    half = stats.t.ppf(0.5 + level / 2, df) * error
    low, middle, high = (2 * _average(at, spread) - 1 for at in (b - half, b, b + half))
    return Contrast(
        name=name,
        model="crossed logistic",
        estimate=middle,
        standard_error=(_average(b + error, spread) - _average(b - error, spread)),
        low=low,
        high=high,
        df=float(df),
        p=float(2 * stats.t.sf(abs(b) / error, df)),
        n_participants=len(people),
        n_images=len(images),
        n_differences=len(rows),
        variances=fit.variances,
        converged=fit.converged,
    )


def _average(b: float, variance: float) -> float:
    """Return the mean of logistic(b + z) over z ~ N(0, variance), by Gauss and Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    return float(special.expit(b + np.sqrt(variance) * nodes) @ weights / weights.sum())
