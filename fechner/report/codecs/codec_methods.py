"""The methods of a codec study in words: every number from its records.

What a study of regions says in the same words (procedure, maps, frozen plan) is said by
`fechner.report.manuscript.methods`; what is compared and how is said here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fechner import __version__
from fechner.records.claims.codec_claim import CodecClaim
from fechner.records.rules.codec_design import CODEC_ARMS
from fechner.records.rules.screening_rule import ScreeningRule
from fechner.records.stimuli import INTACT, StimulusSet
from fechner.report.artefacts import Artefacts
from fechner.report.codecs.codec_worlds import simulated_world
from fechner.report.manuscript.apa import counted, decimals, listed
from fechner.report.manuscript.methods import (
    MODELS,
    UNKNOWN,
    importance,
    participants,
    plan_in_words,
    procedure,
)
from fechner.report.manuscript.written import Paragraphs

BY_MAP = ("map", "donor", "avif-map", "jxl-map")
"""The arms that a map of a picture steers."""


def codec_methods(study: Artefacts, claim: CodecClaim | None) -> Paragraphs:
    """Return heading and text of each paragraph that the study has records for."""
    parts = [
        ("Participants", participants(study) if claim is None else _participants(study, claim)),
        ("Coded pictures", _coded(study.stimuli)),
        ("Importance maps", _maps(study)),
        ("Procedure", procedure(study)),
        ("Analysis of the claim", "" if claim is None else _analysis(study, claim)),
        ("Software", "" if claim is None else _software(study, claim)),
        ("Still to say", "" if claim is None else UNKNOWN),
    ]
    return [(heading, text) for heading, text in parts if text]


def _participants(study: Artefacts, claim: CodecClaim) -> str:
    kind = "SIMULATED participant" if study.simulated_participants else "participant"
    world = simulated_world(study)
    judged = counted(claim.n_ratings, "comparison" if claim.paired else "rating")
    return " ".join([
        f"{counted(claim.n_participants + len(claim.excluded), kind)} took part.",
        *([world] if world else []),
        _left_out(claim),
        f"The analysis rests on {judged} of {counted(claim.n_participants, kind)} on "
        f"{counted(claim.n_images, 'photograph')}.",
    ])  # fmt: skip


def _left_out(claim: CodecClaim) -> str:
    rule = ScreeningRule.model_validate(claim.provenance["parameters"]["screening"])
    if rule.rule == "everybody":
        return "By the rule declared in the study file everybody was kept."
    out = f"{len(claim.excluded)} ({', '.join(claim.excluded)})" if claim.excluded else "nobody"
    return f"The rule of exclusion, declared in the study file, was {rule}. It left out {out}."


def _coded(stimuli: StimulusSet | None) -> str:
    """Return arms, rates, what was made equal and how far the files are off it."""
    if stimuli is None:
        return ""
    design: dict[str, Any] = stimuli.record["provenance"]["parameters"]
    encoders = stimuli.record.get("encoders", {})
    arms = [
        f"{arm} ({'; '.join(filter(None, [CODEC_ARMS[arm], encoders.get(arm)]))})"
        for arm in design["arms"]
    ]
    coded = sum(one.region != INTACT for one in stimuli.stimuli)
    said = [
        f"{counted(len(stimuli.scenes), 'photograph')} were coded at "
        f"{counted(len(design['rates']), 'rate')} by each of {counted(len(arms), 'encoder')}, "
        f"the arms: {'; '.join(arms)}. The {coded:,} coded files were decoded and shown as "
        "lossless pictures; the set holds each photograph intact as well.",
        *_equal(stimuli, design),
    ]
    if any(arm in BY_MAP for arm in design["arms"]):
        said.append(f"Maps were followed to a share of {design['trust']:g} (0 would lose the same "
                    "everywhere).")  # fmt: skip
    refused = stimuli.record.get("refused", {})
    if refused:
        said.append(f"{counted(len(refused), 'further photograph')} could not be coded so, and "
                    "left out before anybody judged.")  # fmt: skip
    return " ".join(said)


def _equal(stimuli: StimulusSet, design: dict[str, Any]) -> Iterator[str]:
    rates = listed([f"{rate:g}" for rate in design["rates"]])
    yield {
        "bytes": "Within a rate all arms took equal bytes: those that Pillow's JPEG takes at the "
        f"{'quality' if len(design['rates']) == 1 else 'qualities'} {rates}.",
        "bpp": f"Within a rate all arms took equal bytes: {rates} bits per pixel.",
        "ss2": "Within a rate all arms had equal quality by SSIMULACRA2, over the whole picture: "
        f"{rates} points.",
    }[design["match"]]
    measure = "ss2" if design["match"] == "ss2" else "bytes"
    off, sizes = [], []
    for level in range(1, len(design["rates"]) + 1):
        told = [scene["rates"][str(level)] for scene in stimuli.record["scenes"].values()]
        files = [(one, said["wanted"]) for said in told for one in said["arms"].values()]
        off += [abs(one[measure] / wanted - 1) for one, wanted in files]
        sizes.append(sum(one["bytes"] for one, _ in files) / len(files))
    yield (
        f"No file was further than {decimals(100 * max(off), 2)} % from what was wanted (allowed "
        f"were {100 * design['tolerance']:g} %); a file had {listed([f'{n:,.0f}' for n in sizes])} "
        f"bytes in the mean{' of each rate' if len(sizes) > 1 else ''}."
    )


def _maps(study: Artefacts) -> str:
    stimuli = study.stimuli
    steered = stimuli is not None and any(one.region in BY_MAP for one in stimuli.stimuli)
    return importance(study) if steered else ""


def _analysis(study: Artefacts, claim: CodecClaim) -> str:
    """Return measure, models, what decides, bytes at equal opinion, and the frozen plan."""
    level, rule = f"{100 * claim.rule.level:g} %", claim.rule.codec
    measure = (
        "A contrast is the share of direct comparisons at equal rate in which the first arm was "
        "chosen minus that in which the second was, from −1 to 1, over all rates."
        if claim.paired
        else "A contrast is the mean difference of two arms at equal rate, over all rates, in "
        "points; higher is better."
    )
    said = [measure, *(_tested(claim, model, level) for model in _deciding_models(claim))]
    if claim.paired:
        said.append("Their intervals are those of Wilson (Wilson, 1927) for the effective number "
                    "of comparisons.")  # fmt: skip
    if claim.bytes_at_equal_opinion:
        said.append(_of_bytes(claim, level))
    said.append(
        "The claim is supported where the interval of every contrast lies above 0."
        if rule.by == "opinion"
        else "The claim is supported where every interval of the bytes at equal opinion lies "
        "below 0."
    )
    if claim.rule.margin is not None:
        unit = "" if claim.paired else " points"
        said.append(f"Differences smaller than {claim.rule.margin:g}{unit} were declared not to "
                    "matter, and tested by two one-sided tests (Schuirmann, 1987).")  # fmt: skip
    return " ".join([*said, plan_in_words(study)])


def _deciding_models(claim: CodecClaim) -> list[str]:
    return list(dict.fromkeys(row.model for row in claim.contrasts if row.decides))


def _tested(claim: CodecClaim, model: str, level: str) -> str:
    rows = [row for row in claim.contrasts if row.decides and row.model == model]
    names = listed([row.name.replace(" - ", " − ") for row in rows])
    were = "contrasts {} were" if len(rows) > 1 else "contrast {} was"
    how = MODELS.get(model, "by the model " + model)
    return f"The {were.format(names)} tested {how}, two-sided, with {level} intervals."


def _of_bytes(claim: CodecClaim, level: str) -> str:
    opinion = "scale value of the comparisons (Thurstone, 1927)" if claim.paired else "mean rating"
    draws = max(one.draws for one in claim.bytes_at_equal_opinion)
    return (
        "Bytes at equal opinion are the Bjøntegaard delta rate (Bjøntegaard, 2001) between two "
        f"curves of {opinion} over the logarithm of bytes, in per cent, negative where the "
        f"first arm needs fewer; {level} intervals from {draws:,} resamplings of participants and "
        f"images, each on its own (Owen, 2007; seed {claim.provenance['seed']})."
    )


def _software(study: Artefacts, claim: CodecClaim) -> str:
    made = [f"statistics computed by fechner {claim.provenance['fechner']}"]
    if study.stimuli is not None:
        version = study.stimuli.record["provenance"]["fechner"]
        made.insert(0, f"pictures made by fechner {version}")
    return (
        f"{listed(made).capitalize()}. The study's seed was {study.study.seed}. This text was "
        f"written by fechner {__version__} from the study's records."
    )
