"""The numbers at the top of a report: each answers a question, and carries its interval.

What the claim says; who judged how much; whether the chosen channels predict ratings of scenes that
they never saw; whether predicted harm tracks observed harm image by image; and whether anything
simpler would have done as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from fechner.records.claims.claim import Claim
from fechner.records.contrasts.contrast import Contrast
from fechner.records.prediction import Prediction
from fechner.records.selection import SelectionStudy
from fechner.report.manuscript.results import of_choices
from fechner.report.tables import interval_name, number, p_value, signed

MASKS = {"low": "unimportant region", "high": "important region", "donor": "another image's mask"}
"""What an arm degrades, in the fewest words; others by their own name."""


@dataclass(frozen=True)
class HeadlineNumber:
    """A number, the question that it answers, and what it rests on."""

    question: str
    value: str
    rests_on: str


def headline_numbers(
    claim: Claim | None, prediction: Prediction | None, selection: SelectionStudy | None
) -> list[HeadlineNumber]:
    """Return the numbers that a study has so far, the claim's first."""
    found = []
    if claim is not None:
        found += [_of_contrast(row, claim) for row in claim.contrasts if row.decides]
        found.append(_people(claim))
    if prediction is not None:
        found.append(_tracking(prediction))
        if fair_rivals(prediction):
            found.append(_rivals(prediction))
    if selection is not None and selection.choice.evidence is not None:
        found.append(_held_out(selection))
    return found


def _of_contrast(row: Contrast, claim: Claim) -> HeadlineNumber:
    first, second = row.name.split(" - ", 1)
    if of_choices(claim):
        # Contrasts of comparisons are shares chosen minus shares not chosen, from -1 to 1.
        value, low, high = (
            f"{100 * ((1 + x) / 2):.0f} %" for x in (row.estimate, row.low, row.high)
        )
        value = f"{value} of choices"
    else:
        low, high = number(row.low), number(row.high)
        value = f"{'+' * (row.estimate > 0)}{number(row.estimate)} points"
    return HeadlineNumber(
        f"{MASKS.get(first, first)} rather than {MASKS.get(second, second)} degraded",
        value,
        f"{interval_name(claim.level)} {low} to {high}, p\N{NO-BREAK SPACE}{_equals(row.p)}",
    )


def _people(claim: Claim) -> HeadlineNumber:
    left = len(claim.excluded)
    out = f"; {left} left out by the declared screening" if left else "; nobody left out"
    return HeadlineNumber(
        "participants who decide",
        f"{claim.n_participants}",
        f"{claim.n_ratings:,} ratings of {claim.n_images} images{out}",
    )


def _tracking(found: Prediction) -> HeadlineNumber:
    r = found.pearson
    ends = f"{interval_name(found.level)} {signed(r.low)} to {signed(r.high)}"
    return HeadlineNumber(
        "predicted against observed harm, image by image",
        f"r = {signed(r.r)}",
        f"p\N{NO-BREAK SPACE}{_equals(r.p)} decides, by t over {found.n_images} images; {ends}, by "
        "leaving one image out at a time",
    )


def fair_rivals(found: Prediction) -> int:
    """Return how many rivals could have predicted: those in which the arms were not matched."""
    return sum(not rival.matched for rival in found.rivals)


def _rivals(found: Prediction) -> HeadlineNumber:
    fair = [rival for rival in found.rivals if not rival.matched]
    beaten = sum(rival.difference_low > 0 for rival in fair)
    best = max(fair, key=lambda rival: rival.correlation.r)
    return HeadlineNumber(
        "other predictions that the map surely beats",
        f"{beaten} of {len(fair)}",
        f"the best of them, {best.name}, reaches r = {signed(best.correlation.r)}; sure: the "
        "interval of the difference lies above 0",
    )


def _held_out(study: SelectionStudy) -> HeadlineNumber:
    choice = study.choice
    evidence, shuffled = choice.evidence or 0.0, choice.shuffled_evidence
    readout = choice.readout
    interval = readout.interval if readout else choice.alignment_held_out.interval
    rests = []
    if interval is not None:
        rests.append(f"{interval_name(0.95)} {signed(interval[0])} to {signed(interval[1])}")
    if shuffled:
        above = sum(value >= evidence for value in shuffled)
        rests.append(f"{above} of {len(shuffled)} selections under shuffled ratings reach it")
    asked = (
        "ratings of unseen scenes, predicted by the chosen channels"
        if readout
        else "alignment of the chosen channels with ratings of unseen scenes"
    )
    return HeadlineNumber(
        asked, f"\N{GREEK SMALL LETTER RHO} = {signed(evidence)}", "; ".join(rests)
    )


def _equals(p: float) -> str:
    """Return ``= .106`` or ``< .001``, on one line."""
    text = p_value(p)
    return (text if text.startswith("<") else f"= {text}").replace(" ", "\N{NO-BREAK SPACE}")
