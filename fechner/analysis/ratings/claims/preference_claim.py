"""The claim on paired comparisons: low is preferred to high, and so is every control.

The rule is that of `tested_claim`, on direct comparisons: ``low - high`` is the share of
comparisons in which low was chosen minus the share in which high was, from -1 to 1. Models
and intervals are those of `choices.preference`.

Screening leaves out who failed the attention checks or answered too fast. Choices themselves
leave nobody out: what two images share with the contrast under test cannot be taken out of a
choice between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.choices.comparisons import (
    Comparisons,
    comparisons,
    with_conditions,
)
from fechner.analysis.ratings.choices.preference import (
    by_every_preference_model,
    crossed_preference,
    preferences,
    were_compared,
)
from fechner.analysis.ratings.claims.cautions import about_fits, cautions
from fechner.analysis.ratings.claims.verdict import judge
from fechner.analysis.ratings.contrasts.equivalence import equivalences
from fechner.analysis.ratings.matrices import Differences, RatingMatrix
from fechner.analysis.ratings.screening.screen import require_enough_left, screen
from fechner.provenance import provenance
from fechner.records.claims.claim import Claim, ImageContrast, OtherScreening, Verdict
from fechner.records.contrasts.contrast import Contrast, UnfittedModel
from fechner.records.ratings import Ratings
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.rules.screening_rule import EVERYBODY, ScreeningRule
from fechner.records.screening.attention import Attention
from fechner.records.screening.participants import ScreenedParticipant
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable


def preference_claim(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    rule: ClaimRule,
    screening: ScreeningRule,
    attention: Mapping[str, Attention],
    dimension: str | None = None,
) -> Claim:
    """Test every contrast of the claim on direct comparisons, and give the verdict.

    Parameters
    ----------
    ratings
        Comparisons: with the column ``second``.
    stimuli
        What was compared.
    rule
        What is claimed; its margin is a difference of shares, from 0 to 1.
    screening, attention
        Who is left out, by attention checks and response times.
    dimension
        Which ratings; may be left out where there is only one.

    Returns
    -------
    Claim
        As the claim on ratings; its points are shares.

    Raises
    ------
    InputError
        If low and high were never compared, an image is not in the stimuli, or fewer than two
        participants or images remain.
    """
    chosen = comparisons(ratings, dimension)
    seen = screened_comparisons(chosen, ratings, screening, attention)
    require_enough_left(seen)
    excluded = [row.participant for row in seen if not row.kept]
    everybody, _ = with_conditions(chosen, stimuli)
    compared = everybody[~everybody["participant"].isin(excluded)]
    controls = tuple(name for name in rule.controls if were_compared(compared, name, rule.high))
    pairs = [(name, rule.high) for name in (rule.low, *controls)]
    rows = [row for pair in pairs for row in by_every_preference_model(compared, *pair, rule.level)]
    deciding, unfitted = [row for row in rows if row.decides], _unfitted(rows)
    verdict, sentences = _judged(deciding, rule, controls)
    tables = [preferences(compared, *pair) for pair in pairs]
    drops = _drops(compared, (rule.low, *controls, rule.high))
    simulated = chosen.simulated or stimuli.simulated
    return Claim(
        verdict=verdict,
        sentences=sentences,
        dimension=chosen.dimension,
        rule=rule,
        screening=screening,
        controls=controls,
        n_participants=compared["participant"].nunique(),
        n_images=rows[0].n_images,
        n_ratings=len(compared),
        participants=seen,
        excluded=excluded,
        otherwise=_otherwise(everybody, rule, excluded),
        contrasts=rows,
        drops=[crossed_preference(table, level=rule.level) for table in drops],
        images=[row for table in tables + drops for row in _by_image(table, rule.level)],
        equivalence=equivalences(deciding, rule.margin, level=rule.level),
        unfitted=unfitted,
        warnings=_cautions(rows, unfitted, rule, seen, compared, controls),
        simulated=simulated,
        provenance=provenance(
            parameters={
                "method": "pair",
                "rule": rule.model_dump(mode="json"),
                "screening": screening.model_dump(mode="json"),
            },
            inputs={"ratings": ratings.sha256, "stimuli": stimuli.sha256},
            simulated=simulated,
        ),
    )


def screened_comparisons(
    chosen: Comparisons,
    ratings: Ratings,
    screening: ScreeningRule,
    attention: Mapping[str, Attention],
) -> list[ScreenedParticipant]:
    """Return the screening in which every pair of images is a condition of its own.

    With each condition's mean taken out nothing of the choices is left, so that attention
    checks and response times alone decide.

    Parameters
    ----------
    chosen, ratings
        The comparisons, and the table that they stand in.
    screening, attention
        Who is left out, by attention checks and response times.

    Returns
    -------
    list of ScreenedParticipant
        One a participant.

    Raises
    ------
    InputError
        If nobody compared anything.
    """
    pairs = chosen.table["first"] + "\n" + chosen.table["second"]
    wide = chosen.table.assign(pair=pairs).pivot_table(
        index="pair", columns="participant", values="share", aggfunc="mean", sort=True
    )
    matrix = RatingMatrix(wide.to_numpy(float), tuple(wide.index), tuple(wide.columns))
    return screen(
        matrix,
        conditions=np.arange(len(wide)),
        rule=screening,
        attention=attention,
        response_ms=ratings.response_ms(chosen.dimension),
    )


def _otherwise(
    everybody: pd.DataFrame, rule: ClaimRule, excluded: Sequence[str]
) -> OtherScreening | None:
    if not excluded:
        return None
    controls = tuple(name for name in rule.controls if were_compared(everybody, name, rule.high))
    rows = [
        crossed_preference(preferences(everybody, name, rule.high), level=rule.level)
        for name in (rule.low, *controls)
    ]
    return OtherScreening(
        screening=EVERYBODY,
        verdict=judge(rows, rule, controls)[0],
        n_participants=everybody["participant"].nunique(),
        contrasts=rows,
    )


def _judged(
    deciding: list[Contrast], rule: ClaimRule, controls: Sequence[str]
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict by the rule of all claims, with sentences that speak of choices."""
    verdict, (_, reason) = judge(deciding, rule, controls)
    effect, *against = deciding
    first = (
        "Of two versions of an image, the one degraded where the model sees little importance "
        "was chosen over the one degraded as much where it sees much in "
        f"{_share(effect, rule.level)}; {effect.n_participants} participants, "
        f"{effect.n_images} images)."
    )
    shown = " and ".join(
        f"the version under {_mask(name)} in {_share(row, rule.level)})"
        for name, row in zip(controls, against, strict=True)
    )
    chosen = f"over the version under its own mask people chose {shown}"
    if verdict == "supported":
        reason = f"The claim is supported: {chosen}, so that the effect belongs to the map."
    elif verdict == "not specific to the map":
        reason = (
            f"The effect is not specific to the map: {chosen}, so that any mask of such shapes "
            "may do the same."
        )
    return verdict, (first, reason)


def _mask(control: str) -> str:
    return "another image's mask" if control == "donor" else f"the control mask {control!r}"


def _share(row: Contrast, level: float) -> str:
    share, low, high = ((1 + value) / 2 for value in (row.estimate, row.low, row.high))
    text = f"{share:.1%} of comparisons ({level:.0%} interval {low:.1%} to {high:.1%}"
    return text.replace("%", "\N{NO-BREAK SPACE}%")


def _drops(compared: pd.DataFrame, arms: Sequence[str]) -> list[Differences]:
    """Return intact against each arm, where enough compared them."""
    tables = [
        preferences(compared, INTACT, arm) for arm in arms if were_compared(compared, INTACT, arm)
    ]
    return [table for table in tables if min(table.values.shape) > 1]


def _by_image(table: Differences, level: float) -> list[ImageContrast]:
    rows = []
    z = stats.norm.ppf(0.5 + level / 2)
    for image, column in zip(table.images, table.values.T, strict=True):
        own = column[np.isfinite(column)]
        n, mean = len(own), float(own.mean())
        # Wilson's interval of a share, on the scale from -1 to 1.
        centre = mean / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt((1 - mean**2) / n + z**2 / n**2)
        rows.append(
            ImageContrast(
                name=table.name, image=image, estimate=mean, low=float(centre - half),
                high=float(centre + half), n_participants=n,
            )
        )  # fmt: skip
    return rows


def _unfitted(rows: list[Contrast]) -> list[UnfittedModel]:
    fitted = {row.name for row in rows if row.model == "crossed logistic"}
    why = "everybody chose alike in every comparison, so that the log odds have no finite estimate"
    return [
        UnfittedModel(name=row.name, model="crossed logistic", why=why)
        for row in rows
        if row.decides and row.name not in fitted
    ]


def _cautions(
    rows: list[Contrast],
    unfitted: list[UnfittedModel],
    rule: ClaimRule,
    seen: list[ScreenedParticipant],
    compared: pd.DataFrame,
    controls: Sequence[str],
) -> list[str]:
    kept = compared[["participant"]].assign(region=rule.high)
    there = pd.concat([kept, pd.DataFrame({"region": list(controls)})])
    said = cautions(rows, rule, seen, there) + about_fits(rows, unfitted)
    missing = [name for name in rule.controls if name not in controls]
    if missing:
        said.append(
            f"Nobody compared {', '.join(missing)} with {rule.high}: use a protocol that shows "
            'all pairs of a scene (pairs = "all of a scene").'
        )
    return said
