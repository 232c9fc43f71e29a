"""What the report's charts draw and no other table holds, as tables with all their digits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from fechner.analysis.ratings.matrices import differences, rated_arms
from fechner.records.rated_images import RatedImages
from fechner.records.selection import ChannelSelection, SelectionStudy
from fechner.report.artefacts import Artefacts
from fechner.report.manuscript.exact_table import ExactTable


def chart_tables(study: Artefacts) -> list[ExactTable]:
    """Return the tables behind the charts of rated images, channels, and single ratings."""
    found: list[ExactTable] = []
    if study.rated is not None:
        found.append(_of_rated(study.rated, simulated=study.simulated_images))
    if study.selection is not None:
        found += _of_selection(study.selection, simulated=study.simulated_images)
    return found + _of_ratings(study)


def _of_rated(rated: RatedImages, *, simulated: bool) -> ExactTable:
    columns = [name for name in ("image", "scene", *rated.scales) if name in rated.table]
    return ExactTable(
        "rated_images",
        "Mean rating of each image, in points of the scale",
        "the table of rated images",
        rated.table[columns].reset_index(drop=True),
        simulated,
    )


def _of_selection(study: SelectionStudy, *, simulated: bool) -> list[ExactTable]:
    candidates = study.by_name.items()
    sources: dict[str, Any] = {"source": "channels/selection.json", "simulated": simulated}
    choice = study.choice
    impacts = {"channel": choice.channel_names(), "kept": choice.kept, "impact": choice.impact,
               "weight": choice.weights}  # fmt: skip
    aligned = [row for name, one in candidates for row in _alignment(name, one)]
    read = [
        {"selection": name, "kind": kind, "value": value, "low": low, "high": high}
        for name, one in candidates
        if one.readout is not None
        for kind, value, (low, high) in (
            ("held out", one.readout.held_out_spearman, one.readout.interval or (None, None)),
            *(("shuffled ratings", value, (None, None)) for value in one.readout.shuffled),
        )
    ]
    return [
        ExactTable("alignment", "Alignment with the ratings before and after each selection, and "
                   "after one under shuffled ratings (one a row), with 95 % intervals",
                   table=pd.DataFrame(aligned), **sources),
        ExactTable("readouts", "Spearman of each read-out with the ratings of held-out scenes, and "
                   "under shuffled ratings (one a row)", table=pd.DataFrame(read), **sources),
        ExactTable("channel_impacts", "Impact and weight of every channel in the selection that "
                   "drives the maps", table=pd.DataFrame(impacts), **sources),
    ]  # fmt: skip


def _alignment(name: str, one: ChannelSelection) -> Iterable[dict[str, Any]]:
    control = one.alignment_shuffled
    for scenes, gain, shuffled in (
        ("selection", one.alignment_selection, control.selection),
        ("held out", one.alignment_held_out, control.held_out),
    ):
        low, high = gain.interval or (None, None)
        told = {"selection": name, "scenes": scenes}
        yield {**told, "kind": "before", "value": gain.before, "low": None, "high": None}
        yield {**told, "kind": "after", "value": gain.after, "low": low, "high": high}
        for value in shuffled:
            yield {**told, "kind": "shuffled ratings", "value": value, "low": None, "high": None}


def _of_ratings(study: Artefacts) -> list[ExactTable]:
    """Return how often each rating was given, and each participant's difference of each image."""
    claim, ratings, stimuli = study.claim, study.ratings, study.stimuli
    if claim is None or ratings is None or stimuli is None:
        return []
    if not any(row.name == f"{claim.low} - {claim.high}" for row in claim.images):
        return []
    arms = rated_arms(ratings, stimuli, dimension=claim.dimension, excluded=claim.excluded)
    every = differences(arms, claim.low, claim.high)
    wide = pd.DataFrame(every.values, columns=list(every.images))
    wide.insert(0, "participant", list(every.participants))
    counts = arms.groupby(["region", "rating"], sort=True).size().rename("count").reset_index()
    sources: dict[str, Any] = {
        "source": "ratings/ratings.csv", "simulated": study.simulated_participants,
    }  # fmt: skip
    return [
        ExactTable("rating_counts", "How often each rating was given to each arm, in points, "
                   "higher is better (where the low end of the scale is good, the sign is turned)",
                   table=counts, **sources),
        ExactTable("differences", f"{every.name} of each participant (rows) and image (columns), "
                   "in points", table=wide, **sources),
    ]  # fmt: skip
