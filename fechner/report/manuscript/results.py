"""The results of a study in words, in the statistics of APA style."""

from __future__ import annotations

from fechner.records.claims.claim import Claim
from fechner.records.contrasts.contrast import Contrast
from fechner.records.prediction import CalibrationLine, Prediction, Rival
from fechner.report.artefacts import Artefacts
from fechner.report.manuscript.apa import (
    GAP,
    contrast_in_words,
    correlation_in_words,
    counted,
    decimals,
    interval_of,
    p_of,
    share,
)


def results(study: Artefacts) -> list[tuple[str, str]]:
    """Return heading and text of each paragraph that the study has results for."""
    found = []
    if study.claim is not None:
        found.append(("The claim", claim_in_words(study.claim)))
    if study.prediction is not None:
        found.append(("Predicted and observed harm", prediction_in_words(study.prediction)))
        if study.prediction.calibration:
            found.append(("Calibration", calibration_in_words(study.prediction)))
    return found


def claim_in_words(claim: Claim) -> str:
    """Return the verdict, every deciding contrast, equivalence, and the other screening."""
    said = [f"Verdict: {claim.headline}."]
    unit = "" if of_choices(claim) else "points"
    said += [
        f"{_name(row)}: "
        f"{contrast_in_words(row, claim.level, claim.effects.get(row.name), unit=unit)}."
        for row in claim.contrasts
        if row.decides
    ]
    for name, test in claim.equivalence.items():
        shown = "was" if test.equivalent else "was not"
        said.append(f"{name.replace(' - ', ' − ')} {shown} shown to be smaller than "
                    f"{test.bound:g}{' ' * bool(unit)}{unit} ({p_of(test.p)}).")  # fmt: skip
    if claim.drops:
        drops = [f"{_arm(row)} {contrast_in_words(row, claim.level, unit=unit)}"
                 for row in claim.drops]  # fmt: skip
        said.append(f"Below the intact picture lay {'; '.join(drops)}.")
    if claim.otherwise is not None:
        other = claim.otherwise
        how = "everybody kept" if claim.screening.rule == "blind" else "the blind rule"
        tests = "; ".join(
            f"{_name(row)}, {contrast_in_words(row, claim.level, unit=unit)}"
            for row in other.contrasts
        )
        said.append(f"With {how} ({counted(other.n_participants, 'participant')}) the claim was "
                    f"{other.verdict}: {tests}.")  # fmt: skip
    return " ".join(said)


def of_choices(claim: Claim) -> bool:
    """Return whether the contrasts are shares of choices between two images, not points."""
    return bool(claim.provenance.get("parameters", {}).get("method") == "pair")


def _name(row: Contrast) -> str:
    return row.name.replace(" - ", " − ")


def _arm(row: Contrast) -> str:
    return row.name.split(" - ")[1]


def prediction_in_words(found: Prediction) -> str:
    """Return the correlation, its noise, the control, and every rival."""
    level = found.level
    said = [
        "Predicted and observed harm correlated with "
        f"{correlation_in_words(found.pearson, level)} "
        f"(Spearman's {correlation_in_words(found.spearman, level, symbol='ρ')})."
    ]
    reliability = f"The observed differences had a reliability of {share(found.reliability)}"
    if found.disattenuated is not None and found.disattenuated_interval is not None:
        interval = interval_of(*found.disattenuated_interval, level, within_one=True)
        reliability += (
            f"; corrected for it the correlation was {share(found.disattenuated)}, {interval}"
        )
    said.append(reliability + ".")
    for other in found.tested[1:]:
        said.append(
            f"The {other.name}, which needs no map, correlated with "
            f"{correlation_in_words(other.pearson, level)} "
            f"(Spearman's {correlation_in_words(other.spearman, level, symbol='ρ')})."
        )
    if found.shuffled_p is not None:
        said.append("Maps of other photographs predicted the harm as well with "
                    f"{p_of(found.shuffled_p)}.")  # fmt: skip
    if found.rivals:
        said.append(f"Rivals: {'; '.join(_rival(rival, level) for rival in found.rivals)}.")
    if found.beyond_all is not None:
        said.append("With all rivals that differed between the arms held constant, "
                    f"{correlation_in_words(found.beyond_all, level)} remained.")  # fmt: skip
    return " ".join(said)


def _rival(rival: Rival, level: float) -> str:
    interval = interval_of(rival.difference_low, rival.difference_high, level)
    text = (
        f"{rival.name}, *r*{GAP}={GAP}{share(rival.correlation.r)}, difference from the map's "
        f"{decimals(rival.difference)}, {interval}"
    )
    if rival.beyond is not None:
        text += f", beyond it {correlation_in_words(rival.beyond, level)}"
    return text


def calibration_in_words(found: Prediction) -> str:
    """Return what a predicted impact costs, for all arms and for each, and whether it bends."""
    level = found.level
    lines = [_line(line, level) for line in found.calibration]
    said = [f"Points below the intact picture a 100 squared grey levels of predicted impact: "
            f"{'; '.join(lines)}."]  # fmt: skip
    bend = found.bend
    if bend is not None:
        change = (
            f"slopes of {decimals(100 * bend.below)} below and {decimals(100 * bend.above)} above "
            f"the median impact of {decimals(bend.median, 1)}, difference "
            f"{decimals(100 * bend.change)}, "
            f"{interval_of(100 * bend.change_low, 100 * bend.change_high, level)}, {p_of(bend.p)}"
        )
        saturates = "saturated" if bend.saturates else "was not shown to saturate"
        said.append(f"Harm {saturates} ({change}).")
        if bend.place is not None:
            place = interval_of(bend.place.low, bend.place.high, level)
            said.append(f"The bend lay at an impact of {decimals(bend.place.at)}, {place}.")
    return " ".join(said)


def _line(line: CalibrationLine, level: float) -> str:
    arm = "all arms" if line.arm is None else line.arm
    interval = interval_of(100 * line.slope_low, 100 * line.slope_high, level)
    return f"{arm} {decimals(100 * line.slope)}, {interval}, {p_of(line.p)}"
