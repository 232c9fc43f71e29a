"""Journals as the long Ratings table that every statistic reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fechner.errors import InputError
from fechner.experiment.exports.trial_tables import (
    RATED_KIND,
    Journals,
    rated_trials,
    together,
    whole,
)
from fechner.provenance import provenance, sha256_file
from fechner.records.journal import JournalRecord
from fechner.records.journal.lines import TrialLine
from fechner.records.ratings import Ratings, ratings_from_table, write_ratings
from fechner.records.scales import Scale
from fechner.records.simulated import marked_name

COLUMNS = (
    "participant",
    "image",
    "dimension",
    "rating",
    "trial",
    "rt_ms",
    "session",
    "scene",
    "region",
)
EXTRA_COLUMNS = ("second", "confidence", "strength", "truth")


def ratings_table(journals: Journals) -> Ratings:
    """Return the ratings that count, one row each, on the scales that the journals declare.

    The table has the columns `COLUMNS` and is ordered by participant, session and trial;
    `image` is the stimulus' name, `rt_ms` milliseconds. Where trials have them: `second`,
    the other image of a pair; `confidence`; `strength`, which a staircase chose; and `truth`,
    whether the image is real or generated, where the stimulus set knows it.

    Raises
    ------
    InputError
        If a journal is damaged, if no trial counts, if two journals are of the same
        participant and session, if simulated and real participants are mixed, or if journals
        rate one dimension by different protocols, on different scales or with different words
        (names both files).

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from fechner.experiment.journal.journal import Journal, journal_header
    >>> from fechner.protocols.schema import load_protocol
    >>> digests = {"stimuli_sha256": "0" * 64, "plan_sha256": "0" * 64}
    >>> header = journal_header(load_protocol("slider"), participant="P01", session=1, **digests)
    >>> folder = Path(mkdtemp())
    >>> with Journal.create(folder / "sub-P01_ses-1.jsonl", header) as journal:
    ...     journal.append(
    ...         {"event": "trial", "trial": 1, "block": 1, "kind": "main", "scene": "boat",
    ...          "stimulus": "boat_low", "region": "low", "dimension": "quality",
    ...          "rating": 72.0, "rt_ms": 850.0}
    ...     )
    >>> from fechner.records.journal import read_journals
    >>> ratings = ratings_table(read_journals(folder))
    >>> ratings.table[["participant", "image", "rating"]].values.tolist()
    [['P01', 'boat_low', 72.0]]
    >>> ratings.scale("quality").good
    'high'
    """
    journals = together(whole(journals))
    scales = journal_scales(journals)
    rows = [_row(journal, trial) for journal in journals for trial in rated_trials(journal)]
    if not rows:
        raise InputError("the journals hold no main trial with a rating; run sessions first")
    extra = [name for name in EXTRA_COLUMNS if any(name in row for row in rows)]
    return ratings_from_table(
        pd.DataFrame(rows, columns=[*COLUMNS, *extra]),
        scales=scales,
        simulated=journals[0].simulated,
        source="the journals' table",
    )


def write_ratings_table(journals: Journals, path: Path) -> Path:
    """Write the Ratings table as CSV with its record beside it; return the CSV's path.

    The name is given ``SIMULATED_`` in front where the participants are simulated.

    Raises
    ------
    InputError
        As `ratings_table`, or if the file cannot be written.
    """
    journals = whole(journals)
    ratings = ratings_table(journals)
    path = Path(path)
    path = path.with_name(marked_name(path.name, simulated=ratings.simulated))
    write_ratings(ratings, path, provenance_block=_provenance(journals))
    return path


def journal_scales(journals: Sequence[JournalRecord]) -> dict[str, Scale]:
    """Return each dimension's scale as the journals declare it.

    Raises
    ------
    InputError
        If two journals rate a dimension on different scales, label it with different words in
        one language, or follow different protocols; names both.
    """
    first: dict[str, JournalRecord] = {}
    worded: dict[tuple[str, str], JournalRecord] = {}
    for journal in journals:
        header = journal.header
        earlier = first.setdefault(header.dimension, journal)
        if earlier.header.scale != header.scale:
            raise InputError(
                f"{earlier.path.name} and {journal.path.name} rate {header.dimension!r} on "
                f"different scales ({_described(earlier)}; {_described(journal)}); "
                "export them separately"
            )
        earlier = worded.setdefault((header.dimension, header.language), journal)
        if earlier.header.labels != header.labels:
            raise InputError(
                f"{earlier.path.name} and {journal.path.name} rate {header.dimension!r} with "
                f"different words ({', '.join(earlier.header.labels)}; "
                f"{', '.join(header.labels)}); export them separately"
            )
        earlier = first[header.dimension]
        if earlier.header.protocol != header.protocol:
            raise InputError(
                f"{earlier.path.name} and {journal.path.name} rate {header.dimension!r} by "
                f"different protocols ({earlier.header.protocol}; {header.protocol}), which ask "
                "different things; keep them in separate folders"
            )
    return {dimension: journal.header.scale.ends for dimension, journal in first.items()}


def _described(journal: JournalRecord) -> str:
    scale = journal.header.scale
    return f"{scale}, shown as {scale.shown}, good is {scale.good}"


def _provenance(journals: Sequence[JournalRecord]) -> dict[str, Any]:
    """Return the provenance block of the table: which journals it was made from."""
    inputs = {journal.path.name: sha256_file(journal.path) for journal in journals}
    return provenance(
        parameters={"export": "ratings", "counted": f"trials of kind {RATED_KIND}"},
        inputs=dict(sorted(inputs.items())),
        simulated=any(journal.simulated for journal in journals),
    )


def _row(journal: JournalRecord, trial: TrialLine) -> dict[str, Any]:
    row = {
        "participant": journal.participant,
        "image": trial.stimulus,
        "dimension": trial.dimension,
        "rating": trial.rating,
        "trial": trial.trial,
        "rt_ms": trial.rt_ms,
        "session": journal.session,
        "scene": trial.scene,
        "region": trial.region,
    }
    found = {name: getattr(trial, name) for name in EXTRA_COLUMNS}
    return row | {name: value for name, value in found.items() if value is not None}
