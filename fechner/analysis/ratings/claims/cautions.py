"""What a reader must know beside the verdict, one plain sentence each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from fechner.analysis.ratings.claims.verdict import points, sign
from fechner.analysis.ratings.contrasts.singular import what_singular_means
from fechner.records.contrasts.contrast import Contrast, UnfittedModel
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.screening.participants import ScreenedParticipant

FEW = 15
"""Participants below which ITU-R BT.500 asks for more; the same is said of images."""


def cautions(
    rows: Sequence[Contrast],
    rule: ClaimRule,
    screened: Sequence[ScreenedParticipant],
    arms: pd.DataFrame,
) -> list[str]:
    """Return what a reader must know beside the verdict, one plain sentence each.

    Parameters
    ----------
    rows
        Every contrast under every model.
    rule
        What was claimed.
    screened
        What screening saw of everybody.
    arms
        The ratings that the contrasts rest on, from `matrices.rated_arms`.

    Returns
    -------
    list of str
        Empty where nothing is to be said.
    """
    said = [
        f"{row.name}: the model '{row.model}' did not converge; do not rely on it."
        for row in rows
        if not row.converged
    ]
    for name in dict.fromkeys(row.name for row in rows):
        said += _disagreements([row for row in rows if row.name == name])
    for control in rule.controls:
        if control not in set(arms["region"]):
            said.append(f"There is no control arm {control!r}: the claim cannot be supported.")
    if not rule.controls:
        said.append("No control arm was declared, so that the claim cannot be supported.")
    return said + _small_numbers(rows, arms) + _left_out(screened)


def _small_numbers(rows: Sequence[Contrast], arms: pd.DataFrame) -> list[str]:
    counts = {"participants": arms["participant"].nunique(), "images": rows[0].n_images}
    return [
        f"Only {count} {what}; below {FEW} intervals are wide and rest on normality."
        for what, count in counts.items()
        if count < FEW
    ]


def _left_out(screened: Sequence[ScreenedParticipant]) -> list[str]:
    out = [row for row in screened if not row.kept]
    if not out:
        return []
    named = "; ".join(f"{row.participant} {row.reason}" for row in out)
    return [f"Screening left out {len(out)} of {len(screened)} participants: {named}."]


def _disagreements(rows: list[Contrast]) -> list[str]:
    decides, said = next(row for row in rows if row.decides), []
    for row in rows:
        if sign(row) != sign(decides):
            said.append(
                f"{row.name}: '{row.model}' gives {points(row.low)} to {points(row.high)} and "
                f"disagrees with '{decides.model}', which decides."
            )
    return said


def about_fits(rows: Sequence[Contrast], unfitted: Sequence[UnfittedModel]) -> list[str]:
    """Return why which model decides, what is singular, and what did not fit."""
    deciding = [row for row in rows if row.decides]
    said = [f"{row.name}: {row.reason}." for row in deciding if row.model != "closed form"]
    said += [meaning for row in deciding if (meaning := what_singular_means(row))]
    return said + [f"{row.name}: '{row.model}' did not fit: {row.why}." for row in unfitted]


def against_ordinal(rows: list[Contrast], ordinal: list[Contrast]) -> list[str]:
    """Return a warning for each contrast whose ordered probit concludes otherwise."""
    deciding = {row.name: row for row in rows if row.decides}
    return [
        f"{row.name}: the ordered probit, which does not treat categories as numbers, disagrees."
        for row in ordinal
        if sign(row) != sign(deciding[row.name])
    ]
