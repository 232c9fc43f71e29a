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

import pandas as pd

from fechner.analysis.ratings.claims.verdict import (
    against_ordinal,
    judge,
    points,
    sign,
    warnings_about,
)
from fechner.analysis.ratings.contrasts.crossed import closed_form, reml_crossed
from fechner.analysis.ratings.contrasts.equivalence import equivalence
from fechner.analysis.ratings.contrasts.every_model import by_every_model
from fechner.analysis.ratings.contrasts.ordinal import is_ordinal, ordered_probit
from fechner.analysis.ratings.matrices import (
    Differences,
    choose_dimension,
    differences,
    rated_arms,
    rating_matrix,
)
from fechner.analysis.ratings.observed import image_contrasts
from fechner.analysis.ratings.screening.screen import MINIMUM_AGREEMENT, screened_participants
from fechner.provenance import provenance
from fechner.records.claim import Claim
from fechner.records.contrasts.contrast import Contrast, Equivalence
from fechner.records.ratings import Ratings
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable

Pairs = list[tuple[str, str]]


def claim(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    low: str = "low",
    high: str = "high",
    control: str | None = "donor",
    dimension: str | None = None,
    level: float = 0.95,
    minimum_agreement: float | None = MINIMUM_AGREEMENT,
    equivalence_bound: float | None = None,
) -> Claim:
    """Screen the participants, test both contrasts, and give the verdict.

    Which end of the scale is good, whether anything is SIMULATED, and the digests in the
    provenance come from the records.

    Parameters
    ----------
    ratings
        Their column image names a stimulus.
    stimuli
        What was rated.
    low, high, control
        Names of the regions; ``control=None`` where there was none, so that the claim cannot
        be supported.
    dimension
        Which ratings; may be left out where there is only one.
    level
        Of the intervals.
    minimum_agreement
        Leave-one-out correlation below which a participant is left out; None keeps everybody.
    equivalence_bound
        Smallest difference in points that would matter, fixed before the study.

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
    chosen = choose_dimension(ratings, dimension)
    screened = screened_participants(rating_matrix(ratings, chosen), minimum_agreement)
    excluded = [row.participant for row in screened if not row.kept]
    arms = rated_arms(ratings, stimuli, dimension=chosen, excluded=excluded)
    control = control if control in set(arms["region"]) else None
    pairs = [(low, high)] + ([(control, high)] if control else [])
    rows = [row for first, second in pairs for row in by_every_model(arms, first, second, level)]
    ordinal = _ordinal(arms, pairs, level)
    warned = warnings_about(rows, control, excluded, len(screened), arms)
    warned += against_ordinal(rows, ordinal)
    if excluded:
        everyone = rated_arms(ratings, stimuli, dimension=chosen)
        warned += _without_screening(rows, everyone, pairs, level)
    verdict, sentences = judge(rows, low, high, control, level)
    from_intact = _pairs_from_intact(arms, (low, control, high))
    simulated = ratings.simulated or stimuli.simulated
    return Claim(
        verdict=verdict,
        sentences=sentences,
        dimension=chosen,
        low=low,
        high=high,
        control=control,
        level=level,
        n_participants=arms["participant"].nunique(),
        n_images=rows[0].n_images,
        n_ratings=len(arms),
        participants=screened,
        excluded=excluded,
        contrasts=rows,
        drops=[_drop(differences(arms, *pair), level) for pair in from_intact],
        images=image_contrasts(arms, pairs + from_intact, level=level),
        ordinal=ordinal,
        equivalence=_equivalence(rows[0], equivalence_bound, level),
        warnings=warned,
        simulated=simulated,
        provenance=provenance(
            parameters={
                "low": low, "high": high, "control": control, "level": level,
                "good": ratings.scale(chosen).good,
                "minimum_agreement": minimum_agreement, "equivalence_bound": equivalence_bound,
            },
            inputs={"ratings": ratings.sha256, "stimuli": stimuli.sha256},
            simulated=simulated,
        ),
    )  # fmt: skip


def _pairs_from_intact(arms: pd.DataFrame, regions: tuple[str | None, ...]) -> Pairs:
    """Return intact with each of these arms, where enough rated both to compare them."""
    present = set(arms["region"])
    if INTACT not in present:
        return []
    pairs = [(INTACT, str(region)) for region in regions if region in present]
    return [pair for pair in pairs if min(differences(arms, *pair).values.shape) > 1]


def _drop(table: Differences, level: float) -> Contrast:
    test = closed_form if table.complete else reml_crossed
    return test(table, level=level)


def _ordinal(arms: pd.DataFrame, pairs: Pairs, level: float) -> list[Contrast]:
    if not is_ordinal(arms):
        return []
    return [ordered_probit(arms, first, second, level=level) for first, second in pairs]


def _equivalence(row: Contrast, bound: float | None, level: float) -> Equivalence | None:
    if bound is None:
        return None
    return equivalence(row.estimate, row.standard_error, row.df, bound, alpha=1 - level)


def _without_screening(
    rows: list[Contrast],
    everyone: pd.DataFrame,
    pairs: Pairs,
    level: float,
) -> list[str]:
    said = []
    for first, second in pairs:
        decides = next(row for row in rows if row.name == f"{first} - {second}" and row.decides)
        other = next(row for row in by_every_model(everyone, first, second, level) if row.decides)
        if sign(other) != sign(decides):
            said.append(
                f"{other.name}: with everybody kept the interval is {points(other.low)} to "
                f"{points(other.high)} and the conclusion changes."
            )
    return said
