"""Journals in the two forms that the package sureal reads (Li and Bampis 2017; Li et al. 2020).

The matrix has a row a stimulus and a column a session, numbers only, as the public
sets that come with sureal; empty cells were not rated. The dataset file names
stimuli and participants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fechner.errors import InputError
from fechner.experiment.exports.export_folder import Files, csv_bytes, json_bytes
from fechner.experiment.exports.trial_tables import rated_trials, together
from fechner.records.journal import JournalRecord
from fechner.records.simulated import marked_name

ABSOLUTE_METHODS = ("slider", "acr", "acr_hr", "dcr_sequential", "dcr_side_by_side")


def sureal_files(journals: Sequence[JournalRecord]) -> Files:
    """Return ``matrix.csv``, its ``rows.csv`` and ``columns.csv``, and ``dataset.json``.

    Ratings are turned so that higher is better.

    Raises
    ------
    InputError
        If the journals do not belong together, hold no rating that counts, are of a
        method that rates no single image, or rate on different scales.
    """
    journals = together(journals)
    _check_method(journals)
    ratings = {_column(journal): _ratings(journal) for journal in journals}
    ratings = {name: own for name, own in ratings.items() if own}
    if not ratings:
        raise InputError("the journals hold no main trial with a rating; run sessions first")
    scenes = _scenes(journals)
    rows = [[own.get(stimulus) for own in ratings.values()] for stimulus in scenes]
    return {
        "matrix.csv": csv_bytes((), rows),
        "rows.csv": csv_bytes(("stimulus", "scene"), list(scenes.items())),
        "columns.csv": csv_bytes(("session",), [[name] for name in ratings]),
        "dataset.json": json_bytes(_dataset(journals, scenes, ratings)),
    }


def _check_method(journals: Sequence[JournalRecord]) -> None:
    for journal in journals:
        method = journal.header.method
        if method not in ABSOLUTE_METHODS:
            raise InputError(
                f"{journal.path.name} was made by the method {method!r}, whose answers are no "
                "scores of single images; export its ratings table instead"
            )
        if journal.header.scale != journals[0].header.scale:
            raise InputError(
                f"{journals[0].path.name} and {journal.path.name} rate on different scales; "
                "export them separately"
            )


def _column(journal: JournalRecord) -> str:
    return f"{journal.participant}_ses-{journal.session}"


def _ratings(journal: JournalRecord) -> dict[str, float]:
    scale = journal.header.scale
    turned = scale.good == "low"
    ends = scale.minimum + scale.maximum
    return {
        trial.stimulus: ends - trial.rating if turned else trial.rating
        for trial in rated_trials(journal)
    }


def _scenes(journals: Sequence[JournalRecord]) -> dict[str, str]:
    """Return every rated stimulus with its scene, ordered by name."""
    found = {t.stimulus: t.scene for j in journals for t in rated_trials(j)}
    return dict(sorted(found.items()))


def _dataset(
    journals: Sequence[JournalRecord],
    scenes: dict[str, str],
    ratings: dict[str, dict[str, float]],
) -> dict[str, Any]:
    numbers = {scene: number for number, scene in enumerate(sorted(set(scenes.values())))}
    first = journals[0]
    scored = [
        {
            "content_id": numbers[scene],
            "asset_id": number,
            "path": stimulus,
            "os": {name: own[stimulus] for name, own in ratings.items() if stimulus in own},
        }
        for number, (stimulus, scene) in enumerate(scenes.items())
    ]
    return {
        "dataset_name": marked_name(first.header.protocol, simulated=first.simulated),
        "yuv_fmt": "notyuv",
        "ref_score": first.header.scale.maximum,
        "ref_videos": [
            {"content_id": number, "content_name": scene, "path": scene}
            for scene, number in numbers.items()
        ],
        "dis_videos": scored,
    }
