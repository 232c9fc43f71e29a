"""Contrasts of any two or more conditions of any table, tested as one family.

What `claims` is for regions, this is for every other question: two codecs, three levels, people
of two kinds, regions within each level, and whether one difference depends on another factor.
The models are the same (`contrasts.every_model`), and so is the rule that the design chooses
the one that decides. A family is corrected by Holm; each contrast has its d, and where a
margin was fixed beforehand, its two one-sided tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from fechner.analysis.ratings.claims.cautions import FEW
from fechner.analysis.ratings.comparing.conditions import conditions
from fechner.analysis.ratings.comparing.interaction import four_cells, interaction_design
from fechner.analysis.ratings.comparing.interaction import interaction as tested_interaction
from fechner.analysis.ratings.comparing.questions import Question, pairs_of, questions
from fechner.analysis.ratings.contrasts.effect_size import (
    effect_size,
    variance_of_arms,
    variance_of_cells,
    variance_of_ratings,
)
from fechner.analysis.ratings.contrasts.equivalence import equivalence
from fechner.analysis.ratings.contrasts.every_model import FittedModels, by_every_model
from fechner.analysis.ratings.contrasts.holm import holm
from fechner.analysis.ratings.contrasts.singular import what_singular_means
from fechner.analysis.ratings.matrices import choose_dimension
from fechner.errors import InputError
from fechner.provenance import provenance
from fechner.records.contrasts.contrast import Contrast
from fechner.records.contrasts.family import ComparedConditions, ContrastFamily
from fechner.records.ratings import Ratings
from fechner.records.stimuli import StimulusSet, StimulusTable


def compare_conditions(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable | None = None,
    *,
    factor: str,
    of: Sequence[Sequence[str]] | None = None,
    within: str | None = None,
    interaction: str | None = None,
    dimension: str | None = None,
    level: float = 0.95,
    margin: float | None = None,
    excluded: Sequence[str] = (),
) -> ContrastFamily:
    """Test contrasts of the levels of a factor as one family.

    Parameters
    ----------
    ratings
        Their column image names a stimulus, where stimuli are given.
    stimuli
        What was rated; None where the ratings themselves have the factor.
    factor
        A column of the stimuli or of the ratings.
    of
        Groups of levels, each pair of a group being one contrast; None for all levels.
    within
        A second factor, within each level of which the contrasts are tested.
    interaction
        A second factor, on which the contrasts may depend: each pair of its levels is compared.
    dimension
        Which ratings; may be left out where there is only one.
    level
        Of the intervals; a difference is claimed where Holm's p is below ``1 - level``.
    margin
        Smallest difference in points that would matter, fixed beforehand.
    excluded
        Participants to leave out.

    Returns
    -------
    ContrastFamily
        Every contrast by every model.

    Raises
    ------
    InputError
        If a column or level is unknown, a level has no ratings, `within` and `interaction` are
        both given, or fewer than two participants or images remain.

    Examples
    --------
    Eight people rate six images at two qualities of compression:

    >>> import numpy as np, pandas as pd
    >>> from fechner.records.ratings import ratings_from_table
    >>> from fechner.records.scales import Scale
    >>> rng = np.random.default_rng(1)
    >>> rows = [
    ...     (f"P{p}", f"image{i}", quality, 60 + (quality == "90") * 12 + rng.normal(0, 5))
    ...     for p in range(8) for i in range(6) for quality in ("30", "90")
    ... ]
    >>> table = pd.DataFrame(rows, columns=["participant", "scene", "quality", "rating"])
    >>> table = table.assign(image=table["scene"] + "_" + table["quality"], dimension="looks")
    >>> ratings = ratings_from_table(table, scales={"looks": Scale(0, 100)}, simulated=True)
    >>> found = compare_conditions(ratings, factor="quality", of=[("90", "30")])
    >>> row = found.row("90 - 30")
    >>> row.claimed, row.decides.model
    (True, 'closed form')
    >>> row.decides.low < 12 < row.decides.high
    True
    """
    if within and interaction:
        raise InputError("name the second factor as within or as interaction, not as both")
    if margin is not None and not margin > 0:
        raise InputError(f"the margin expects points above 0, got {margin:g}")
    chosen = choose_dimension(ratings, dimension)
    second = within or interaction
    table = conditions(
        ratings, stimuli, factor=factor, beside=second, dimension=chosen, excluded=excluded
    )
    pairs = pairs_of(table, factor, of)
    possible, missing = questions(table, pairs, within=within, interaction=interaction)
    fitted = [_fitted(table, question, level) for question in possible]
    corrected = holm([models.decides.p for models in fitted])
    rows = [
        _row(table, question, models, p, level=level, margin=margin)
        for question, models, p in zip(possible, fitted, corrected, strict=True)
    ]
    parameters = {
        "factor": factor, "of": [list(pair) for pair in pairs], "within": within,
        "interaction": interaction, "dimension": chosen, "level": level, "margin": margin,
        "excluded": list(excluded),
    }  # fmt: skip
    inputs = {"ratings": ratings.sha256} | ({} if stimuli is None else {"stimuli": stimuli.sha256})
    simulated = ratings.simulated or (stimuli is not None and stimuli.simulated)
    return ContrastFamily(
        dimension=chosen,
        factor=factor,
        within=within,
        interaction=interaction,
        level=level,
        margin=margin,
        n_participants=table["participant"].nunique(),
        n_ratings=len(table),
        excluded=list(excluded),
        rows=rows,
        warnings=missing + _few(rows) + [said for row in rows for said in _cautions(row)],
        simulated=simulated,
        provenance=provenance(parameters=parameters, inputs=inputs, simulated=simulated),
    )


def _fitted(table: pd.DataFrame, question: Question, level: float) -> FittedModels:
    rows = question.rows(table)
    if len(question.at) == 2:
        found = tested_interaction(rows, question.arms, question.at, level=level)
    else:
        found = by_every_model(rows, *question.arms, level)
    named = {"name": question.name}
    return FittedModels(
        [row.model_copy(update=named) for row in found.contrasts],
        [row.model_copy(update=named) for row in found.ordinal],
        [row.model_copy(update=named) for row in found.unfitted],
    )


def _row(
    table: pd.DataFrame,
    question: Question,
    models: FittedModels,
    p_holm: float,
    *,
    level: float,
    margin: float | None,
) -> ComparedConditions:
    decides, effect, tested = models.decides, None, None
    if decides.standard_error > 0:
        variance = _variance(question.rows(table), question, paired=decides.n_differences > 0)
        effect = effect_size(decides, variance, level=level)
        if margin is not None:
            tested = equivalence(
                decides.estimate, decides.standard_error, decides.df, margin, alpha=1 - level
            )
    why_not = _why_not(question, models, p_holm, 1 - level)
    return ComparedConditions(
        name=question.name,
        kind="interaction" if len(question.at) == 2 else "contrast",
        contrasts=models.contrasts,
        ordinal=models.ordinal,
        unfitted=models.unfitted,
        p_holm=p_holm,
        effect=effect,
        equivalence=tested,
        claimed=not why_not,
        why_not=why_not,
    )


def _variance(rows: pd.DataFrame, question: Question, *, paired: bool) -> tuple[float, float]:
    """Return the variance of a single rating within the conditions, and of that estimate."""
    if len(question.at) < 2:
        return variance_of_arms(rows, *question.arms, paired=paired)
    own = rows[rows["region"].isin(question.arms)]
    if not paired or own.duplicated(["participant", "scene", "region", "beside"]).any():
        return variance_of_ratings(
            interaction_design(own, question.arms, question.at, question.name)
        )
    cells = four_cells(own, question.arms, question.at)
    wide = cells.dropna().droplevel("family").unstack("scene").to_numpy(float)
    # Columns are conditions by scenes: the conditions go last.
    return variance_of_cells(wide.reshape(len(wide), cells.shape[1], -1).transpose(0, 2, 1))


def _why_not(question: Question, models: FittedModels, p_holm: float, alpha: float) -> str:
    if not p_holm < alpha:
        return f"p = {p_holm:.3g} after Holm's correction"
    if len(question.at) < 2:
        return ""
    if not models.ordinal:
        return "the ordered probit, which has to agree, did not fit"
    probit = models.ordinal[0]
    if _sign(probit) == _sign(models.decides):
        return ""
    return (
        f"the ordered probit, which has to agree, gives {probit.low:.2g} to {probit.high:.2g} "
        "latent SDs: the ends of the scale may have made it"
    )


def _sign(row: Contrast) -> int:
    return int(row.low > 0) - int(row.high < 0)


def _few(rows: Sequence[ComparedConditions]) -> list[str]:
    counts = {
        "participants": min(row.decides.n_participants for row in rows),
        "images": min(row.decides.n_images for row in rows),
    }
    return [
        f"Only {count} {what}; below {FEW} intervals are wide and rest on normality."
        for what, count in counts.items()
        if count < FEW
    ]


def _cautions(row: ComparedConditions) -> list[str]:
    said = []
    if row.decides.model != "closed form":
        said.append(f"{row.name}: {row.decides.reason}.")
    if meaning := what_singular_means(row.decides):
        said.append(meaning)
    if not row.decides.converged:
        said.append(f"{row.name}: '{row.decides.model}' did not converge; do not rely on it.")
    said += [
        f"{row.name}: '{other.model}' concludes otherwise ({other.low:.3g} to {other.high:.3g})."
        for other in row.contrasts[1:] + (row.ordinal if row.kind == "contrast" else [])
        if _sign(other) != _sign(row.decides)
    ]
    return said + [f"{row.name}: '{m.model}' did not fit: {m.why}." for m in row.unfitted]
