"""Every table of a codec study as CSV, with all its digits."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fechner.records.claims.codec_claim import CodecClaim
from fechner.records.stimuli import INTACT, StimulusSet
from fechner.report.artefacts import Artefacts
from fechner.report.codecs.judged_pairs import JudgedPairs, chosen_shares
from fechner.report.manuscript.exact_table import ExactTable
from fechner.report.manuscript.exact_tables import contrasts_exactly


def exact_codec_tables(
    study: Artefacts, claim: CodecClaim | None, judged: JudgedPairs | None
) -> dict[str, ExactTable]:
    """Return every table that a codec study has results for, by name."""
    found: list[ExactTable] = []
    if claim is not None:
        found += _of_claim(claim)
    if claim is not None and judged is not None:
        found += _of_pairs(judged, simulated=claim.simulated)
    if study.stimuli is not None:
        found += _of_stimuli(study.stimuli)
    return {one.name: one for one in found if len(one.table)}


def _of_claim(claim: CodecClaim) -> list[ExactTable]:
    sources: dict[str, Any] = {"source": "statistics/claim.json", "simulated": claim.simulated}
    unit = "shares chosen minus not chosen, -1 to 1" if claim.paired else "points of the scale"
    equal = [{"name": name, **test.model_dump()} for name, test in claim.equivalence.items()]
    saved = [one.model_dump() for one in claim.bytes_at_equal_opinion]
    scale = "JND" if claim.paired else "points"
    return [
        ExactTable("contrasts", f"One contrast at equal rate by one model a row, in {unit}",
                   table=contrasts_exactly(claim.contrasts), **sources),
        ExactTable("equivalence", f"Two one-sided tests against the declared margin, in {unit}",
                   table=pd.DataFrame(equal), **sources),
        ExactTable("bytes_at_equal_opinion", "Bjontegaard delta rate by opinion, per cent of "
                   "bytes, negative: better needs fewer; given: share of the resamplings that gave "
                   "a number", table=pd.DataFrame(saved), **sources),
        ExactTable("opinion_curves", f"Geometric mean of the bytes over images, and opinion in "
                   f"{scale}, of each arm at each rate",
                   table=pd.DataFrame([one.model_dump() for one in claim.curve]), **sources),
    ]  # fmt: skip


def _of_pairs(judged: JudgedPairs, *, simulated: bool) -> list[ExactTable]:
    sources: dict[str, Any] = {"source": "ratings/ratings.csv", "simulated": simulated}
    return [
        ExactTable("chosen_shares", "How often an arm was chosen over another at equal rate, ties "
                   "half, without those who were left out", table=chosen_shares(judged), **sources),
        ExactTable("condition_scale", "Scale value of each arm at each rate in JND, and how often "
                   "it was compared and chosen", table=judged.scale.table, **sources),
    ]  # fmt: skip


def _of_stimuli(stimuli: StimulusSet) -> list[ExactTable]:
    table, simulated = stimuli.table, stimuli.simulated
    coded = table[table["region"] != INTACT].reset_index(drop=True)
    rates = pd.DataFrame(
        {"scene": scene, "level": int(level), "rate": said["rate"], "wanted": said["wanted"],
         "arm": arm, **one}
        for scene, about in stimuli.record["scenes"].items()
        for level, said in about["rates"].items()
        for arm, one in said["arms"].items()
    )  # fmt: skip
    refused = list(stimuli.record.get("refused", {}).items())
    return [
        ExactTable("coded_pictures", "One coded picture a row; units in the manual of stimuli",
                   "stimuli/stimuli.csv", coded, simulated),
        ExactTable("coded_rates", "What each arm was matched to, its setting, bytes and ss2",
                   "stimuli/stimuli.json", rates, simulated),
        ExactTable("refused_scenes", "Scenes that could not be coded, and why",
                   "stimuli/stimuli.json", pd.DataFrame(refused, columns=["scene", "reason"]),
                   simulated),
    ]  # fmt: skip
