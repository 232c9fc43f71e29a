"""The verdict on tested contrasts, its two sentences, and what a reader must be warned of.

The rule stands in `claim`; here it is applied to records. Nothing is computed from ratings.
"""

from __future__ import annotations

import pandas as pd

from fechner.records.claim import Verdict
from fechner.records.contrasts.contrast import Contrast

FEW = 15
"""Participants below which ITU-R BT.500 asks for more; the same is said of images."""


def judge(
    rows: list[Contrast], low: str, high: str, control: str | None, level: float
) -> tuple[Verdict, tuple[str, str]]:
    """Return the verdict by the rule in `claim`, and the two sentences that give its reason.

    Parameters
    ----------
    rows
        Every contrast under every model; those with ``decides`` count.
    low, high, control
        Names of the arms; ``control=None`` where there is no control arm.
    level
        Of the intervals, for the sentences.

    Returns
    -------
    tuple
        The verdict, and the sentences: what was found, and what follows.
    """
    effect = next(row for row in rows if row.name == f"{low} - {high}" and row.decides)
    first = _effect_sentence(effect, level)
    if effect.high < 0:
        return "not supported", (
            first, "The claim is not supported: the effect goes in the opposite direction."
        )  # fmt: skip
    if effect.low <= 0:
        return "not supported", (
            first, "The claim is not supported: an effect of zero is compatible with these ratings."
        )  # fmt: skip
    if control is None:
        return "not supported", (
            first,
            "The claim is not supported as a whole: without a control mask from other images the "
            "effect cannot be credited to the map.",
        )
    donor = next(row for row in rows if row.name == f"{control} - {high}" and row.decides)
    size = f"{points(donor.estimate)} points ({_interval(donor, level)})"
    if donor.low > 0:
        return "supported", (
            first,
            "The claim is supported: degraded under another image's mask, images were rated "
            f"{size} better than under their own, so that the effect belongs to the map.",
        )
    return "not specific to the map", (
        first,
        "The effect is not specific to the map: under another image's mask, images were rated "
        f"{size} better than under their own, so that any mask of such shapes may do the same.",
    )


def _effect_sentence(row: Contrast, level: float) -> str:
    less = "better" if row.estimate >= 0 else "worse"
    return (
        f"Images degraded where the model sees little importance were rated "
        f"{points(abs(row.estimate))} points {less} than images degraded as much where it sees "
        f"much ({_interval(row, level)}; {row.n_participants} participants, "
        f"{row.n_images} images)."
    )


def _interval(row: Contrast, level: float) -> str:
    return f"{level:.0%} interval {points(row.low)} to {points(row.high)}".replace(
        "%", "\N{NO-BREAK SPACE}%"
    )


def points(value: float) -> str:
    """Return points of the scale for reading."""
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def warnings_about(
    rows: list[Contrast],
    control: str | None,
    excluded: list[str],
    n_screened: int,
    arms: pd.DataFrame,
) -> list[str]:
    """Return what a reader must know beside the verdict, one plain sentence each.

    Parameters
    ----------
    rows
        Every contrast under every model.
    control
        The control arm; None where there is none.
    excluded, n_screened
        Participants whom screening left out, and of how many.
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
    if control is None:
        said.append("There is no control arm, so that the claim cannot be supported.")
    n, images = arms["participant"].nunique(), rows[0].n_images
    for count, what in ((n, "participants"), (images, "images")):
        if count < FEW:
            said.append(
                f"Only {count} {what}; below {FEW} intervals are wide and rest on normality."
            )
    if excluded:
        said.append(
            f"Screening left out {len(excluded)} of {n_screened} participants: "
            f"{', '.join(excluded)}."
        )
    return said


def _disagreements(rows: list[Contrast]) -> list[str]:
    decides = next(row for row in rows if row.decides)
    said = []
    if decides.model == "REML":
        share = decides.n_differences / (decides.n_participants * decides.n_images)
        said.append(f"{decides.name}: {1 - share:.1%} of the differences are missing.")
    if decides.model != "REML slopes" and not any(row.model == "mixed model" for row in rows):
        said.append(f"{decides.name}: the mixed model of statsmodels could not be fitted.")
    for row in rows:
        if sign(row) != sign(decides):
            said.append(
                f"{row.name}: '{row.model}' gives {points(row.low)} to {points(row.high)} and "
                f"disagrees with '{decides.model}', which decides."
            )
    return said


def against_ordinal(rows: list[Contrast], ordinal: list[Contrast]) -> list[str]:
    """Return a warning for each contrast whose ordered probit concludes otherwise."""
    deciding = {row.name: row for row in rows if row.decides}
    return [
        f"{row.name}: the ordered probit, which does not treat categories as numbers, disagrees."
        for row in ordinal
        if sign(row) != sign(deciding[row.name])
    ]


def sign(row: Contrast) -> int:
    """Return 1 or -1 where the interval lies above or below 0, else 0."""
    return int(row.low > 0) - int(row.high < 0)
