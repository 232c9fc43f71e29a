"""What a codec study gives to a paper: its methods, and its results in the statistics of APA."""

from __future__ import annotations

from fechner.records.claims.codec_claim import BytesAtEqualOpinion, CodecClaim
from fechner.records.contrasts.contrast import Contrast
from fechner.report.artefacts import Artefacts
from fechner.report.codecs.codec_methods import codec_methods
from fechner.report.manuscript.apa import MINUS, contrast_in_words, decimals, interval_of, p_of
from fechner.report.manuscript.references import cited
from fechner.report.manuscript.written import Manuscript, Paragraphs


def codec_manuscript(study: Artefacts, claim: CodecClaim | None) -> Manuscript:
    """Return method, results and references; no results where the claim is not tested."""
    found = codec_methods(study, claim)
    told = [] if claim is None else codec_results(claim)
    return Manuscript(found, told, cited(text for _, text in [*found, *told]))


def codec_results(claim: CodecClaim) -> Paragraphs:
    """Return heading and text of each paragraph: the claim, and bytes at equal opinion."""
    found = [("The claim", _claim_in_words(claim))]
    if claim.bytes_at_equal_opinion:
        said = [_bytes_in_words(one, claim.rule.level) for one in claim.bytes_at_equal_opinion]
        found.append(("Bytes at equal opinion", " ".join(said)))
    return found


def _claim_in_words(claim: CodecClaim) -> str:
    """Return the verdict, every deciding contrast, equivalence, and what warns."""
    rule = claim.rule.codec
    what = "better at equal rate" if rule.by == "opinion" else "smaller at equal opinion"
    whose = "with SIMULATED participants, " if claim.simulated else ""
    said = [
        f"Verdict: {whose}the claim that {rule.better} is {what} than {' and '.join(rule.than)} is "
        f"{claim.verdict}."
    ]
    said += [_contrast_in_words(row, claim) for row in claim.contrasts if row.decides]
    unit = "" if claim.paired else " points"
    for name, test in claim.equivalence.items():
        shown = "was" if test.equivalent else "was not"
        said.append(f"{_minus(name)} {shown} shown to be smaller than {test.bound:g}{unit} "
                    f"({p_of(test.p)}).")  # fmt: skip
    return " ".join([*said, *claim.warnings])


def _contrast_in_words(row: Contrast, claim: CodecClaim) -> str:
    level = claim.rule.level
    text = contrast_in_words(row, level, unit="" if claim.paired else "points")
    if claim.paired:
        chosen, low, high = (50 * (1 + value) for value in (row.estimate, row.low, row.high))
        interval = interval_of(low, high, level)
        first, _, second = row.name.partition(" - ")
        text += f"; {first} was chosen over {second} in {decimals(chosen)} % of direct comparisons"
        text += f" at equal rate, {interval}"
    return f"{_minus(row.name)}: {text}."


def _bytes_in_words(one: BytesAtEqualOpinion, level: float) -> str:
    if one.per_cent is None:
        return f"The curves of {one.better} and {one.than} share no opinion."
    fewer = "fewer" if one.per_cent < 0 else "more"
    text = f"{one.better} took {decimals(abs(one.per_cent))} % {fewer} bytes than {one.than}"
    if one.low is None or one.high is None:
        return (
            f"{text}; an interval cannot be given, as {100 * one.given:.0f} % of the resamplings "
            "gave a number."
        )
    return (
        f"{text} (delta rate {decimals(one.per_cent)} %, {interval_of(one.low, one.high, level)})."
    )


def _minus(name: str) -> str:
    return name.replace(" - ", f" {MINUS} ")
