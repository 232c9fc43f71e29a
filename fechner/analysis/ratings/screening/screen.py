"""Screening: who is left out, by checks that cannot see the contrast under test.

Runs on a `RatingMatrix` before the tests, by a `ScreeningRule` that is declared before the first
participant. Attention checks, repeated trials and response times do not see ratings of conditions;
agreement, inconsistency and straight-lining are judged by `blind`. In worlds without effect the
false positives stay what they are with everybody kept (`python benchmarks/ratings.py --full`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.scores.mos import participant_bias, remove_bias
from fechner.analysis.ratings.screening.blind import BlindAgreement, blind_agreement
from fechner.analysis.ratings.screening.bt500 import bt500
from fechner.errors import InputError
from fechner.records.rules.screening_rule import ScreeningRule
from fechner.records.screening.attention import Attention
from fechner.records.screening.participants import ScreenedParticipant

LEAST_REPEATS = 8
"""Repeated trials from which on their differences are judged."""


def screen(
    matrix: RatingMatrix,
    *,
    conditions: np.ndarray | None = None,
    rule: ScreeningRule | None = None,
    attention: Mapping[str, Attention] | None = None,
    response_ms: Mapping[str, float] | None = None,
    sd: Literal["population", "sample"] = "population",
) -> list[ScreenedParticipant]:
    """Return what screening sees of every participant, and whom the rule leaves out.

    Parameters
    ----------
    matrix
        Ratings (n_images, n_participants).
    conditions
        The condition of each image (n_images,); without it agreement is blind to each
        participant's overall mean only.
    rule
        Who is left out; the default rule where None.
    attention
        Attention checks and repeats, keyed by participant.
    response_ms
        Median response time in milliseconds, keyed by participant.
    sd
        How BT.500 computes its SD, see `bt500`.

    Returns
    -------
    list of ScreenedParticipant
        In the order of the matrix.
    """
    attention, response_ms = attention or {}, response_ms or {}
    seen = blind_agreement(matrix, conditions)
    table = _table(matrix, seen, attention, response_ms, sd)
    table["reason"] = _reasons(matrix, seen, rule or ScreeningRule(), attention, response_ms)
    table["kept"] = table["reason"] == ""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [ScreenedParticipant.model_validate(row) for row in rows]


def left_out(
    matrix: RatingMatrix,
    *,
    conditions: np.ndarray | None = None,
    rule: ScreeningRule | None = None,
    attention: Mapping[str, Attention] | None = None,
    response_ms: Mapping[str, float] | None = None,
) -> list[str]:
    """Return why the rule leaves out each participant, an empty text for those who are kept.

    Parameters
    ----------
    matrix, conditions, rule, attention, response_ms
        As for `screen`, which also describes everybody.

    Returns
    -------
    list of str
        In the order of the matrix.
    """
    seen = blind_agreement(matrix, conditions)
    return _reasons(matrix, seen, rule or ScreeningRule(), attention or {}, response_ms or {})


def _table(
    matrix: RatingMatrix,
    seen: BlindAgreement,
    attention: Mapping[str, Attention],
    response_ms: Mapping[str, float],
    sd: Literal["population", "sample"],
) -> pd.DataFrame:
    u = matrix.values
    checks = [attention.get(name, Attention(participant=name)) for name in matrix.participants]
    columns = pd.DataFrame(u)
    return pd.DataFrame(
        {
            "participant": matrix.participants,
            "n": np.isfinite(u).sum(axis=0),
            "mean": columns.mean().to_numpy(),
            "sd": columns.std().to_numpy(),
            "bias": participant_bias(matrix),
            "agreement": seen.agreement,
            "agreement_z": seen.agreement_z,
            "inconsistency": seen.inconsistency,
            "inconsistency_z": seen.inconsistency_z,
            "catch_shown": [one.catch_shown for one in checks],
            "catch_passed": [one.catch_passed for one in checks],
            "anticipated": [one.anticipated for one in checks],
            "corrected": [one.corrected for one in checks],
            "repeat_difference": np.array([one.repeat_difference for one in checks], float),
            "rt_median_ms": [response_ms.get(name, np.nan) for name in matrix.participants],
            "bt500": bt500(matrix, sd=sd).rejected,
            "bt500_bias_removed": bt500(remove_bias(matrix), sd=sd).rejected,
        }
    )


def _reasons(
    matrix: RatingMatrix,
    seen: BlindAgreement,
    rule: ScreeningRule,
    attention: Mapping[str, Attention],
    response_ms: Mapping[str, float],
) -> list[str]:
    people = matrix.participants
    if rule.rule == "everybody":
        return [""] * len(people)
    inattentive = [rule.attention and not _attentive(name, attention) for name in people]
    times = np.array([response_ms.get(name, np.inf) for name in people])
    weak = seen.agreement < rule.agreement_share * _median(seen.agreement)
    repeats = _repeats_apart(people, attention) > rule.inconsistency_se
    found = {
        "failed the attention checks": np.array(inattentive, bool),
        f"answered in less than {rule.fastest_ms:g} ms": times < rule.fastest_ms,
        "gave nearly one rating throughout": _spread_is_tiny(seen.spread, rule.least_spread),
        "agrees too little with the others": weak & (seen.agreement_z < -rule.agreement_se),
        "is too inconsistent": weak & (seen.inconsistency_z > rule.inconsistency_se),
        "rates repeated stimuli too differently": weak & repeats,
    }
    return [next((why for why, out in found.items() if out[k]), "") for k in range(len(people))]


def _attentive(name: str, attention: Mapping[str, Attention]) -> bool:
    return name not in attention or attention[name].attentive


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _spread_is_tiny(spread: np.ndarray, share: float) -> np.ndarray:
    middle = _median(spread)
    return (spread < share * middle) if middle > 0 else np.zeros(len(spread), bool)


def _repeats_apart(people: Sequence[str], attention: Mapping[str, Attention]) -> np.ndarray:
    """Return how many standard errors the log difference of repeats lies above the median."""
    known = [attention.get(name, Attention(participant=name)) for name in people]
    n = np.array([one.repeats for one in known])
    differences = np.array([one.repeat_difference or np.nan for one in known], float)
    logs = np.where(n >= LEAST_REPEATS, np.log(differences), np.nan)
    return (logs - _median(logs)) * np.sqrt(2 * np.maximum(n, 1))


def require_enough_left(screened: list[ScreenedParticipant]) -> None:
    """Refuse a screening that leaves fewer than two participants.

    Raises
    ------
    InputError
        Says how many were left out for which reason.
    """
    left = [row for row in screened if row.kept]
    if len(left) >= 2 or len(screened) < 2:
        return
    reasons = [row.reason for row in screened if not row.kept]
    counted = ", ".join(f"{reasons.count(reason)} {reason}" for reason in dict.fromkeys(reasons))
    raise InputError(
        f"screening leaves {len(left)} of {len(screened)} participants ({counted}); look at them "
        'with fechner stats screen, or declare the rule "everybody"'
    )
