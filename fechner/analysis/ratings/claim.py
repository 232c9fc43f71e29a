"""The claim: degrading unimportant regions harms ratings less than degrading important ones.

Last step but one of the statistics, and the only one that gives a verdict. The rule, fixed
before the first participant:

- **supported**: the interval of ``low - high`` (ratings with the unimportant region degraded
  minus ratings with the important region degraded) lies above 0, and so does the interval of
  ``donor - high`` (ratings with another image's mask degraded minus the image's own);
- **not specific to the map**: ``low - high`` lies above 0, ``donor - high`` does not: any mask
  of that shape and place would have done, so that the map gets no credit;
- **not supported**: everything else, including an effect in the opposite direction and a
  study without the control.

The interval that decides comes from the closed form on complete tables, from REML where cells
are missing, and from the slopes model where most participants rated only one of the arms.
Every other model stands beside it, and where one disagrees a warning says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from fechner.analysis.ratings.crossed import (
    Contrast,
    closed_form,
    clustered,
    contrast_record,
    mixed_model,
    reml_crossed,
)
from fechner.analysis.ratings.equivalence import equivalence
from fechner.analysis.ratings.matrices import (
    Differences,
    choose_dimension,
    differences,
    rated_arms,
    rating_matrix,
)
from fechner.analysis.ratings.observed import mostly_paired
from fechner.analysis.ratings.ordinal import is_ordinal, ordered_probit
from fechner.analysis.ratings.screening import MINIMUM_AGREEMENT, agreement
from fechner.analysis.ratings.slopes import reml_slopes
from fechner.analysis.ratings.verdict import (
    against_ordinal,
    judge,
    points,
    sign,
    warnings_about,
)
from fechner.errors import InputError
from fechner.provenance import provenance
from fechner.records.claim import Claim, ContrastRecord, Equivalence


def test_claim(
    ratings: pd.DataFrame,
    stimuli: pd.DataFrame,
    *,
    low: str = "low",
    high: str = "high",
    control: str | None = "donor",
    dimension: str | None = None,
    good: str = "high",
    level: float = 0.95,
    minimum_agreement: float | None = MINIMUM_AGREEMENT,
    equivalence_bound: float | None = None,
    simulated: bool = False,
    inputs: Mapping[str, str] | None = None,
) -> Claim:
    """Screen the participants, test both contrasts, and give the verdict.

    Parameters
    ----------
    ratings
        Long table participant, image (= stimulus), dimension, rating.
    stimuli
        The table stimuli.csv: stimulus, scene, region, and where present family and level.
    low, high, control
        Names of the regions; ``control=None`` where there was none, so that the claim cannot
        be supported.
    good
        Which end of the scale is good.
    minimum_agreement
        Leave-one-out correlation below which a participant is left out; None keeps everybody.
    equivalence_bound
        Smallest difference in points that would matter, fixed before the study.
    simulated, inputs
        For the record: whether anything was simulated, and sha256 of the inputs.

    Raises
    ------
    InputError
        If a column or an arm is missing, or fewer than two participants or images remain.
    """
    chosen = choose_dimension(ratings, dimension)
    excluded = _disagreeing(chosen, minimum_agreement)
    kept = chosen[~chosen["participant"].isin(excluded)]
    if kept["participant"].nunique() < 2 <= chosen["participant"].nunique():
        raise InputError(
            f"screening would leave out {len(excluded)} of {chosen['participant'].nunique()} "
            "participants: they agree on nothing; look at them with fechner stats screen, or "
            "keep everybody"
        )
    arms = rated_arms(kept, stimuli, good=good)
    control = control if control in set(arms["region"]) else None
    pairs = [(low, high)] + ([(control, high)] if control else [])
    rows = [row for first, second in pairs for row in _contrasts(arms, first, second, level)]
    ordinal = _ordinal(arms, pairs, level)
    warned = warnings_about(rows, control, excluded, chosen, arms) + against_ordinal(rows, ordinal)
    if excluded:
        everyone = rated_arms(chosen, stimuli, good=good)
        warned += _without_screening(rows, everyone, pairs, level)
    verdict, sentences = judge(rows, low, high, control, level)
    return Claim(
        verdict=verdict,
        sentences=sentences,
        dimension=str(chosen["dimension"].iloc[0]),
        low=low,
        high=high,
        control=control,
        level=level,
        n_participants=arms["participant"].nunique(),
        n_images=rows[0].n_images,
        n_ratings=len(arms),
        excluded=excluded,
        contrasts=rows,
        ordinal=ordinal,
        equivalence=_equivalence(rows[0], equivalence_bound, level),
        warnings=warned,
        simulated=simulated,
        provenance=provenance(
            parameters={
                "low": low, "high": high, "control": control, "good": good, "level": level,
                "minimum_agreement": minimum_agreement, "equivalence_bound": equivalence_bound,
            },
            inputs=inputs,
            simulated=simulated,
        ),
    )  # fmt: skip


test_claim.__test__ = False  # type: ignore[attr-defined]


def _disagreeing(chosen: pd.DataFrame, minimum: float | None) -> list[str]:
    if minimum is None or chosen["participant"].nunique() < 3:
        return []
    matrix = rating_matrix(chosen)
    below = agreement(matrix) < minimum
    return [name for name, out in zip(matrix.participants, below, strict=True) if out]


def _contrasts(arms: pd.DataFrame, first: str, second: str, level: float) -> list[ContrastRecord]:
    """Return the contrast by every model that the design allows, the deciding one first."""
    table = differences(arms, first, second)
    if not mostly_paired(table, arms):
        return [contrast_record(reml_slopes(arms, first, second, level=level), decides=True)]
    if np.ptp(table.values[np.isfinite(table.values)]) == 0:
        return [contrast_record(clustered(table, level=level), decides=True)]
    models = [closed_form] if table.complete else []
    models += [reml_crossed, mixed_model, clustered]
    found = [contrast for model in models if (contrast := _fit(model, table, level)) is not None]
    return [contrast_record(contrast, decides=k == 0) for k, contrast in enumerate(found)]


def _fit(model: Callable[..., Contrast], table: Differences, level: float) -> Contrast | None:
    try:
        return model(table, level=level)
    except np.linalg.LinAlgError:
        return None


def _ordinal(
    arms: pd.DataFrame, pairs: list[tuple[str, str]], level: float
) -> list[ContrastRecord]:
    if not is_ordinal(arms):
        return []
    found = [ordered_probit(arms, first, second, level=level) for first, second in pairs]
    return [contrast_record(contrast, decides=False) for contrast in found]


def _equivalence(row: ContrastRecord, bound: float | None, level: float) -> Equivalence | None:
    if bound is None:
        return None
    return equivalence(row.estimate, row.standard_error, row.df, bound, alpha=1 - level)


def _without_screening(
    rows: list[ContrastRecord],
    everyone: pd.DataFrame,
    pairs: list[tuple[str, str]],
    level: float,
) -> list[str]:
    said = []
    for first, second in pairs:
        decides = next(row for row in rows if row.name == f"{first} - {second}" and row.decides)
        other = next(row for row in _contrasts(everyone, first, second, level) if row.decides)
        if sign(other) != sign(decides):
            said.append(
                f"{other.name}: with everybody kept the interval is {points(other.low)} to "
                f"{points(other.high)} and the conclusion changes."
            )
    return said
