"""The claim of a codec study: at equal bytes one arm is better, or at equal opinion smaller.

The rule, fixed before the first participant (`records.rules.codec_rule`):

- by ``opinion``: supported where the interval of `better` minus every arm of `than`, at equal
  rate, lies above 0: points of ratings, or shares chosen where pairs were compared;
- by ``bytes``: supported where the interval of the bytes at equal opinion lies below 0 for
  every arm of `than` (`equal_opinion`).

Both are reported. The models are those of all claims (`ratings.contrasts`, `choices.preference`);
who is left out is decided as there, by a rule that cannot see the contrast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from fechner.analysis.judging.equal_opinion import (
    Judged,
    bytes_at_equal_opinion,
    curve_of,
    judged_pairs,
    judged_ratings,
)
from fechner.analysis.ratings.choices.comparisons import comparisons, is_paired, with_conditions
from fechner.analysis.ratings.choices.preference import by_every_preference_model
from fechner.analysis.ratings.claims.cautions import FEW
from fechner.analysis.ratings.claims.preference_claim import screened_comparisons
from fechner.analysis.ratings.claims.tested_claim import screened_ratings
from fechner.analysis.ratings.claims.verdict import points
from fechner.analysis.ratings.contrasts.equivalence import equivalences
from fechner.analysis.ratings.contrasts.every_model import by_every_model
from fechner.analysis.ratings.matrices import choose_dimension, rated_arms
from fechner.analysis.ratings.screening.screen import require_enough_left
from fechner.errors import InputError, nearest
from fechner.provenance import provenance
from fechner.records.claims.codec_claim import BytesAtEqualOpinion, CodecClaim
from fechner.records.contrasts.contrast import Contrast, Equivalence
from fechner.records.ratings import Ratings
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.rules.screening_rule import ScreeningRule
from fechner.records.screening.attention import Attention
from fechner.records.stimuli import INTACT, StimulusSet


def codec_claim(
    ratings: Ratings,
    stimuli: StimulusSet,
    *,
    rule: ClaimRule,
    screening: ScreeningRule | None = None,
    attention: Mapping[str, Attention] | None = None,
    dimension: str | None = None,
    seed: int = 0,
) -> CodecClaim:
    """Test the claim of a codec study on ratings or comparisons.

    Parameters
    ----------
    ratings
        Single ratings, or comparisons (with the column ``second``).
    stimuli
        A set of coded pictures.
    rule
        What is claimed: its part ``codec``, its level and its margin.
    screening, attention
        Who is left out.
    dimension
        Which ratings; may be left out where there is only one.
    seed
        Of the resampling behind the intervals of bytes.

    Returns
    -------
    CodecClaim
        Verdict, contrasts at equal rate, bytes at equal opinion.

    Raises
    ------
    InputError
        If an arm of the rule is not in the set, or fewer than two participants or images remain.
    """
    _require_arms(rule, stimuli)
    chosen = choose_dimension(ratings, dimension)
    screening, attention = screening or ScreeningRule(), attention or {}
    paired = is_paired(ratings, chosen)
    if paired:
        choices = comparisons(ratings, chosen)
        seen = screened_comparisons(choices, ratings, screening, attention)
    else:
        seen = screened_ratings(ratings, stimuli, chosen, screening, attention)
    require_enough_left(seen)
    excluded = [row.participant for row in seen if not row.kept]
    names = [rule.codec.better, *rule.codec.than]
    sizes = stimuli.table[["scene", "region", "level", "bytes"]]
    if paired:
        everybody, _ = with_conditions(choices, stimuli)
        rows = everybody[~everybody["participant"].isin(excluded)]
        contrasts = [
            row
            for name in rule.codec.than
            for row in by_every_preference_model(rows, rule.codec.better, name, rule.level)
        ]
        judged = judged_pairs(rows, sizes, names)
    else:
        rows = rated_arms(ratings, stimuli, dimension=chosen, excluded=excluded)
        contrasts = [
            row
            for name in rule.codec.than
            for row in by_every_model(rows, rule.codec.better, name, rule.level).contrasts
        ]
        judged = judged_ratings(rows, sizes, names)
    saved, warnings = _bytes(judged, rule, seed)
    deciding = [row for row in contrasts if row.decides]
    equal = equivalences(deciding, rule.margin, level=rule.level)
    verdict, sentences = _judged(deciding, saved, rule, paired)
    open_ones = [row.name for row in deciding if row.low <= 0 <= row.high and row.name in equal]
    sentences += tuple(_of_equality(name, equal[name], paired) for name in open_ones)
    simulated = ratings.simulated or stimuli.simulated
    return CodecClaim(
        verdict=verdict,
        sentences=sentences,
        dimension=chosen,
        paired=paired,
        rule=rule,
        n_participants=rows["participant"].nunique(),
        n_images=rows["scene"].nunique(),
        n_ratings=len(rows),
        excluded=excluded,
        contrasts=contrasts,
        equivalence=equal,
        bytes_at_equal_opinion=saved,
        curve=curve_of(judged),
        warnings=[*_few(rows), *warnings],
        simulated=simulated,
        provenance=provenance(
            parameters={
                "rule": rule.model_dump(mode="json"),
                "screening": screening.model_dump(mode="json"),
            },
            inputs={"ratings": ratings.sha256, "stimuli": stimuli.sha256},
            seed=seed,
            simulated=simulated,
        ),
    )


def _require_arms(rule: ClaimRule, stimuli: StimulusSet) -> None:
    known = {stimulus.region for stimulus in stimuli.stimuli}
    for name in (rule.codec.better, *rule.codec.than):
        if name not in known or (name == INTACT and rule.codec.by == "bytes"):
            raise InputError(
                f"the claim names the arm {name!r}, which {stimuli.folder} does not hold as a "
                f"coded one; {nearest(name, sorted(known - {INTACT}))}"
            )


def _bytes(
    judged: Judged, rule: ClaimRule, seed: int
) -> tuple[list[BytesAtEqualOpinion], list[str]]:
    """Return the bytes at equal opinion, and why there are none where there are none."""
    if len(judged.levels) < 2:
        if rule.codec.by == "bytes":
            raise InputError("a claim by bytes needs two rates or more; the set has one")
        return [], ["With one rate there is no curve, and nothing is said of bytes."]
    found = bytes_at_equal_opinion(
        judged, rule.codec.better, rule.codec.than, level=rule.level, seed=seed
    )
    return found, [
        f"Bytes of {one.better} and {one.than} at equal opinion have no interval: only "
        f"{100 * one.given:.0f} % of the resamplings gave curves that share an opinion."
        for one in found
        if one.low is None
    ]


def _judged(
    deciding: list[Contrast], saved: list[BytesAtEqualOpinion], rule: ClaimRule, paired: bool
) -> tuple[Literal["supported", "not supported"], tuple[str, ...]]:
    """Return the verdict and its sentences."""
    sentences = [_of_opinion(row, rule, paired) for row in deciding]
    sentences += [sentence for one in saved for sentence in _of_bytes(one, rule)]
    if rule.codec.by == "opinion":
        failed = [
            name for name, row in zip(rule.codec.than, deciding, strict=True) if not row.low > 0
        ]
        what = "better at equal bytes"
    else:
        failed = [one.than for one in saved if one.high is None or not one.high < 0]
        what = "smaller at equal opinion"
    if not failed:
        against = " and ".join(rule.codec.than)
        last = f"The claim is supported: {rule.codec.better} is {what} than {against}."
        return "supported", (last, *sentences)
    last = (
        f"The claim is not supported: that {rule.codec.better} is not {what} than "
        f"{' or '.join(failed)} is compatible with what these participants said."
    )
    return "not supported", (last, *sentences)


def _of_opinion(row: Contrast, rule: ClaimRule, paired: bool) -> str:
    interval = f"{100 * rule.level:.0f} % interval"
    if paired:
        share, low, high = ((1 + value) / 2 for value in (row.estimate, row.low, row.high))
        text = (
            f"was chosen in {100 * share:.1f} % of comparisons ({interval} {100 * low:.1f} % to "
            f"{100 * high:.1f} %"
        )
    else:
        text = (
            f"was rated {points(row.estimate)} points above ({interval} {points(row.low)} to "
            f"{points(row.high)}"
        )
    first, second = row.name.split(" - ")
    return (
        f"At equal rate {first} {text}) against {second}; {row.n_participants} participants, "
        f"{row.n_images} images."
    )


def _of_equality(name: str, test: Equivalence, paired: bool) -> str:
    """Return whether two arms were shown to differ by less than what would matter."""
    first, second = name.split(" - ")
    most = f"{test.bound:g} points"
    if paired:
        most = f"{50 * (1 - test.bound):.0f} % to {50 * (1 + test.bound):.0f} % of comparisons"
    shown = "is shown" if test.equivalent else "is not shown"
    return f"That {first} and {second} are equal, within {most}, {shown} (p = {test.p:.3f})."


def _of_bytes(one: BytesAtEqualOpinion, rule: ClaimRule) -> list[str]:
    if one.per_cent is None:
        return []
    fewer = "fewer" if one.per_cent < 0 else "more"
    text = f"At equal opinion {one.better} took {abs(one.per_cent):.1f} % {fewer} bytes than "
    if one.low is None or one.high is None:
        return [f"{text}{one.than}; an interval cannot be given."]
    return [
        f"{text}{one.than} ({100 * rule.level:.0f} % interval {one.low:+.1f} % to "
        f"{one.high:+.1f} %)."
    ]


def _few(rows: pd.DataFrame) -> list[str]:
    counts = {
        "participants": rows["participant"].nunique(),
        "images": rows["scene"].nunique(),
    }
    return [
        f"Only {count} {what}; below {FEW} intervals are wide and rest on normality."
        for what, count in counts.items()
        if count < FEW
    ]
