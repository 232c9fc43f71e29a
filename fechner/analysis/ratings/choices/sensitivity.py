"""Sensitivity and bias of answers to "real or generated?", after signal detection theory.

The signal is a generated image: a hit is "generated" said of a generated image, a false alarm
"generated" said of a real one. With n_s and n_n images of either kind,

    H = (hits + 1/2) / (n_s + 1),   F = (false alarms + 1/2) / (n_n + 1)
    d' = z(H) - z(F),   c = -(z(H) + z(F)) / 2

in the log-linear correction of Hautus (1995), which keeps rates off 0 and 1 and is used always,
not only where it is needed (Macmillan and Creelman 2005). c above 0 means that people are slow to
say "generated". Variances after Gourevitch and Galanter (1967):

    Var(d') = H (1 - H) / (n_s phi(z(H))^2) + F (1 - F) / (n_n phi(z(F))^2),   Var(c) = Var(d') / 4.

The area under the ROC comes from answers with confidence, "surely real" to "surely generated", as
the probability that a generated image looks more generated than a real one, ties half; its variance
after DeLong, DeLong and Clarke-Pearson (1988).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats


@dataclass(frozen=True)
class Sensitivity:
    """d' and criterion of one set of answers.

    Attributes
    ----------
    hit_rate, false_alarm_rate
        H and F, corrected.
    d_prime, criterion
        d' and c.
    d_prime_error, criterion_error
        Their standard errors.
    """

    hit_rate: float
    false_alarm_rate: float
    d_prime: float
    d_prime_error: float
    criterion: float
    criterion_error: float


def sensitivity(
    hits: float, signals: float, false_alarms: float, noises: float, *, corrected: bool = True
) -> Sensitivity:
    """Return d' and criterion from counts.

    Parameters
    ----------
    hits, signals
        "Generated" said of generated images, and how many were shown.
    false_alarms, noises
        "Generated" said of real images, and how many were shown.
    corrected
        Whether to use the log-linear correction; without it rates of 0 and 1 give infinite values.

    Returns
    -------
    Sensitivity

    Examples
    --------
    Twenty of 25 generated and ten of 25 real images were called generated (rates .8 and .4):

    >>> found = sensitivity(20, 25, 10, 25, corrected=False)
    >>> round(found.d_prime, 3), round(found.criterion, 3)
    (1.095, -0.294)
    """
    half = 0.5 if corrected else 0.0
    H = (hits + half) / (signals + 2 * half)
    F = (false_alarms + half) / (noises + 2 * half)
    z_h, z_f = float(special.ndtri(H)), float(special.ndtri(F))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = _of_rate(H, signals) + _of_rate(F, noises)
    error = float(np.sqrt(variance))
    return Sensitivity(H, F, z_h - z_f, error, -(z_h + z_f) / 2, error / 2)


def _of_rate(rate: float, n: float) -> float:
    return float(rate * (1 - rate) / (n * stats.norm.pdf(special.ndtri(rate)) ** 2))


def roc_area(generated: np.ndarray, evidence: np.ndarray) -> tuple[float, float]:
    """Return the area under the ROC and its standard error.

    Parameters
    ----------
    generated
        Whether each image is generated: (n,), 1 or 0.
    evidence
        How generated it looked: (n,), any numbers.

    Returns
    -------
    tuple
        The area in [0, 1] and DeLong's standard error, NaN with fewer than two of a kind.
    """
    signal, noise = evidence[generated == 1], evidence[generated == 0]
    wins = (signal[:, None] > noise[None, :]) + 0.5 * (signal[:, None] == noise[None, :])
    if min(wins.shape) < 2:
        return (float(wins.mean()) if wins.size else np.nan), np.nan
    by_signal, by_noise = wins.mean(axis=1), wins.mean(axis=0)
    variance = by_signal.var(ddof=1) / len(signal) + by_noise.var(ddof=1) / len(noise)
    return float(wins.mean()), float(np.sqrt(variance))


def evidence_of(answers: pd.DataFrame) -> np.ndarray:
    """Return how generated each image looked: confidence, negative where "real" was said.

    Parameters
    ----------
    answers
        ``said`` and ``confidence`` of `authenticity.authenticity_answers`; confidences are moved
        so that the least of them is 1.
    """
    sure = answers["confidence"].to_numpy(float)
    return np.where(answers["said"] == 1, 1.0, -1.0) * (sure - np.nanmin(sure) + 1)


def single_sensitivities(
    answers: pd.DataFrame,
    *,
    by: tuple[str, ...] = ("participant", "condition"),
    level: float = 0.95,
) -> pd.DataFrame:
    """Return d', criterion and ROC area of every participant in every condition.

    Parameters
    ----------
    answers
        What `authenticity.authenticity_answers` returns.
    by
        The columns that make a row.
    level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        The columns `by`, ``n_generated, n_real, hit_rate, false_alarm_rate``, ``d_prime`` and
        ``criterion`` each with ``_low`` and ``_high``, and ``area`` with its own where confidence
        was asked. Rows that lack one kind of image have no d'.
    """
    z = stats.norm.ppf(0.5 + level / 2)
    rows = []
    for names, group in answers.groupby(list(by), sort=True):
        is_signal = group["generated"] == 1
        counts = (group["said"][is_signal].sum(), is_signal.sum(),
                  group["said"][~is_signal].sum(), (~is_signal).sum())  # fmt: skip
        row = dict(zip(by, names, strict=True))
        row |= {"n_generated": int(counts[1]), "n_real": int(counts[3])}
        if min(counts[1], counts[3]) > 0:
            row |= _described(sensitivity(*counts), z)
            if "confidence" in group:
                row |= _area(group, z)
        rows.append(row)
    return pd.DataFrame(rows)


def _described(found: Sensitivity, z: float) -> dict[str, float]:
    return {
        "hit_rate": found.hit_rate,
        "false_alarm_rate": found.false_alarm_rate,
        "d_prime": found.d_prime,
        "d_prime_low": found.d_prime - z * found.d_prime_error,
        "d_prime_high": found.d_prime + z * found.d_prime_error,
        "criterion": found.criterion,
        "criterion_low": found.criterion - z * found.criterion_error,
        "criterion_high": found.criterion + z * found.criterion_error,
    }


def _area(group: pd.DataFrame, z: float) -> dict[str, float]:
    """Return the ROC area; its interval on the scale of log odds, so that it stays in [0, 1]."""
    asked = group[group["confidence"].notna()]
    if asked["generated"].nunique() < 2:
        return {}
    area, error = roc_area(asked["generated"].to_numpy(), evidence_of(asked))
    row = {"area": area}
    if 0 < area < 1 and np.isfinite(error):
        half = z * error / (area * (1 - area))
        middle = special.logit(area)
        row |= {
            "area_low": float(special.expit(middle - half)),
            "area_high": float(special.expit(middle + half)),
        }
    return row
