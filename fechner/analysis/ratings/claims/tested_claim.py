"""The claim: degrading unimportant regions harms ratings less than degrading important ones.

Last step but one of the statistics, and the only one that gives a verdict. The rule, fixed
before the first participant:

- **supported**: the interval of ``low - high`` (ratings with the unimportant region degraded
  minus ratings with the important region degraded) lies above 0, and so does the interval of
  each declared control minus high, ``donor - high`` by default (ratings with another image's mask
  degraded minus the image's own);
- **not specific to the map**: ``low - high`` lies above 0, a control does not: any mask
  of that shape and place would have done, so that the map gets no credit;
- **not supported**: everything else, including an effect in the opposite direction and a
  study without the control.

Who is left out is declared too, by a rule that cannot see the contrast (`screening`). The verdict
of the other screening stands beside it, and is part of the verdict where it differs.

The interval that decides comes from the closed form on complete tables, from REML where cells
are missing, and from the slopes model where most participants rated only one of the arms.
Every other model stands beside it, and where one disagrees a warning says so. Paired
comparisons are recognised and tested by the same rule (`preference_claim`).
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fechner.analysis.ratings.choices.comparisons import is_paired
from fechner.analysis.ratings.claims.cautions import about_fits, against_ordinal, cautions
from fechner.analysis.ratings.claims.effects import effects
from fechner.analysis.ratings.claims.preference_claim import preference_claim
from fechner.analysis.ratings.claims.verdict import judge
from fechner.analysis.ratings.contrasts.crossed import closed_form, reml_crossed
from fechner.analysis.ratings.contrasts.equivalence import equivalences
from fechner.analysis.ratings.contrasts.every_model import by_every_model, deciding_contrast
from fechner.analysis.ratings.contrasts.holm import holm
from fechner.analysis.ratings.matrices import (
    Differences,
    choose_dimension,
    conditions_of,
    differences,
    rated_arms,
    rating_matrix,
)
from fechner.analysis.ratings.observed import image_contrasts
from fechner.analysis.ratings.screening.screen import require_enough_left, screen
from fechner.provenance import provenance
from fechner.records.claims.claim import Claim, OtherScreening
from fechner.records.contrasts.contrast import Contrast
from fechner.records.ratings import Ratings
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.rules.screening_rule import EVERYBODY, ScreeningRule
from fechner.records.screening.attention import Attention
from fechner.records.screening.participants import ScreenedParticipant
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable

Pairs = list[tuple[str, str]]


def claim(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    rule: ClaimRule | None = None,
    screening: ScreeningRule | None = None,
    attention: Mapping[str, Attention] | None = None,
    dimension: str | None = None,
) -> Claim:
    """Screen the participants, test every contrast of the claim, and give the verdict.

    Which end of the scale is good, whether anything is SIMULATED, and the digests in the
    provenance come from the records.

    Parameters
    ----------
    ratings
        Their column image names a stimulus.
    stimuli
        What was rated.
    rule
        What is claimed; ``low`` against ``high`` with the control ``donor`` where None.
    screening
        Who is left out; the blind rule where None.
    attention
        Attention checks and repeated trials, keyed by participant.
    dimension
        Which ratings; may be left out where there is only one.

    Returns
    -------
    Claim
        The verdict and everything it rests on.

    Raises
    ------
    InputError
        If the scale, a column or an arm is missing, fewer than two participants or images
        remain, or screening would leave out all but one.

    Examples
    --------
    Six people rate four images, each intact and degraded in one of three regions:

    >>> import numpy as np, pandas as pd
    >>> from fechner.records.ratings import ratings_from_table
    >>> from fechner.records.scales import Scale
    >>> from fechner.records.stimuli import StimulusTable
    >>> good = {"intact": 80, "low": 75, "donor": 65, "high": 50}
    >>> stimuli = pd.DataFrame(
    ...     [(f"{scene}_{region}", scene, region) for scene in "abcd" for region in good],
    ...     columns=["stimulus", "scene", "region"],
    ... )
    >>> rows = pd.DataFrame([f"P{k}" for k in range(6)], columns=["participant"]).merge(
    ...     stimuli, how="cross"
    ... )
    >>> rng = np.random.default_rng(1)
    >>> table = rows.rename(columns={"stimulus": "image"}).assign(
    ...     dimension="quality", rating=rows["region"].map(good) + rng.normal(0, 4, len(rows))
    ... )
    >>> ratings = ratings_from_table(table, scales={"quality": Scale(0, 100)}, simulated=True)
    >>> found = claim(ratings, StimulusTable(stimuli))
    >>> found.verdict
    'supported'
    >>> effect = found.contrast("low - high")
    >>> effect.low < 75 - 50 < effect.high
    True
    """
    rule, screening = rule or ClaimRule(), screening or ScreeningRule()
    chosen = choose_dimension(ratings, dimension)
    if is_paired(ratings, chosen):
        return preference_claim(
            ratings, stimuli, rule=rule, screening=screening, attention=attention or {},
            dimension=chosen,
        )  # fmt: skip
    seen = screened_ratings(ratings, stimuli, chosen, screening, attention or {})
    require_enough_left(seen)
    excluded = [row.participant for row in seen if not row.kept]
    arms = rated_arms(ratings, stimuli, dimension=chosen, excluded=excluded)
    present = set(arms["region"])
    controls = tuple(name for name in rule.controls if name in present)
    pairs = [(name, rule.high) for name in (rule.low, *controls)]
    fitted = [by_every_model(arms, *pair, rule.level) for pair in pairs]
    rows = [row for models in fitted for row in models.contrasts]
    ordinal = [row for models in fitted for row in models.ordinal]
    unfitted = [row for models in fitted for row in models.unfitted]
    deciding = [row for row in rows if row.decides]
    verdict, sentences = judge(deciding, rule, controls)
    others = _others(arms, rule, controls)
    otherwise = _otherwise(ratings, stimuli, chosen, rule, screening, attention or {}, excluded)
    from_intact = _differences_from_intact(arms, (rule.low, *controls, rule.high))
    simulated = ratings.simulated or stimuli.simulated
    return Claim(
        verdict=verdict,
        sentences=sentences,
        dimension=chosen,
        rule=rule,
        screening=screening,
        controls=controls,
        n_participants=arms["participant"].nunique(),
        n_images=rows[0].n_images,
        n_ratings=len(arms),
        participants=seen,
        excluded=excluded,
        otherwise=otherwise,
        contrasts=rows,
        others=others,
        holm=dict(zip((row.name for row in others), holm([row.p for row in others]), strict=True)),
        effects=effects(arms, deciding, level=rule.level),
        drops=[_drop(table, rule.level) for table in from_intact],
        images=image_contrasts(
            [*(differences(arms, *pair) for pair in pairs), *from_intact], level=rule.level
        ),
        ordinal=ordinal,
        equivalence=equivalences([*deciding, *others], rule.margin, level=rule.level),
        unfitted=unfitted,
        warnings=[
            *cautions(rows, rule, seen, arms),
            *about_fits(rows, unfitted),
            *against_ordinal(rows, ordinal),
        ],
        simulated=simulated,
        provenance=provenance(
            parameters={
                "rule": rule.model_dump(mode="json"),
                "screening": screening.model_dump(mode="json"),
                "good": ratings.scale(chosen).good,
            },
            inputs={"ratings": ratings.sha256, "stimuli": stimuli.sha256},
            simulated=simulated,
        ),
    )


def screened_ratings(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    dimension: str,
    screening: ScreeningRule,
    attention: Mapping[str, Attention],
) -> list[ScreenedParticipant]:
    """Return what screening sees of everybody, blind to each participant's condition means.

    Parameters
    ----------
    ratings, stimuli, dimension
        What was rated, in which dimension.
    screening, attention
        Who is left out.

    Returns
    -------
    list of ScreenedParticipant
        One a participant.

    Raises
    ------
    InputError
        If a rated image is not in the stimuli.
    """
    matrix = rating_matrix(ratings, dimension)
    return screen(
        matrix,
        conditions=conditions_of(matrix.images, stimuli),
        rule=screening,
        attention=attention,
        response_ms=ratings.response_ms(dimension),
    )


def _otherwise(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    dimension: str,
    rule: ClaimRule,
    screening: ScreeningRule,
    attention: Mapping[str, Attention],
    excluded: list[str],
) -> OtherScreening | None:
    """Return the claim with the other screening; None where that leaves out the same people."""
    other = EVERYBODY if screening.rule == "blind" else ScreeningRule()
    seen = screened_ratings(ratings, stimuli, dimension, other, attention)
    out = [row.participant for row in seen if not row.kept]
    if out == excluded or len(seen) - len(out) < 2:
        return None
    arms = rated_arms(ratings, stimuli, dimension=dimension, excluded=out)
    controls = tuple(name for name in rule.controls if name in set(arms["region"]))
    rows = [deciding_contrast(arms, name, rule.high, rule.level) for name in (rule.low, *controls)]
    return OtherScreening(
        screening=other,
        verdict=judge(rows, rule, controls)[0],
        n_participants=arms["participant"].nunique(),
        contrasts=rows,
    )


def _others(arms: pd.DataFrame, rule: ClaimRule, controls: tuple[str, ...]) -> list[Contrast]:
    """Return each arm that was rated beside, minus high, by the model that would decide."""
    named = {INTACT, rule.low, rule.high, *controls}
    beside = sorted(set(arms["region"]) - named)
    return [deciding_contrast(arms, name, rule.high, rule.level) for name in beside]


def _differences_from_intact(arms: pd.DataFrame, regions: tuple[str, ...]) -> list[Differences]:
    """Return intact minus each of these arms, where enough rated both to compare them."""
    present = set(arms["region"])
    if INTACT not in present:
        return []
    tables = [differences(arms, INTACT, region) for region in regions if region in present]
    return [table for table in tables if min(table.values.shape) > 1]


def _drop(table: Differences, level: float) -> Contrast:
    test = closed_form if table.complete else reml_crossed
    return test(table, level=level)
