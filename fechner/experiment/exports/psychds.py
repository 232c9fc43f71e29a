"""Journals as a Psych-DS dataset: JSON-LD metadata and one table a session.

Psych-DS (psych-ds.github.io) wants ``dataset_description.json`` with every column of
every table in ``variableMeasured``, and tables under ``data`` named by keywords.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fechner import __version__
from fechner.experiment.exports.export_folder import Files, ShownFile, csv_bytes, json_bytes
from fechner.experiment.exports.trial_tables import Column, dataset_title, used_columns, with_trials
from fechner.records.journal import JournalRecord

PARTICIPANT = Column("participant", "", "Code of the participant.")
SESSION = Column("session", "", "Number of the session, from 1.")


def psychds_files(journals: Sequence[JournalRecord]) -> Files:
    """Return the files of a Psych-DS dataset: a pure function of its arguments.

    Raises
    ------
    InputError
        If the journals do not belong together, or none holds a trial.
    """
    journals = with_trials(journals)
    columns = used_columns(journals)
    files: dict[str, bytes | ShownFile] = {
        "dataset_description.json": json_bytes(_description(journals, columns)),
        "README.md": f"# {dataset_title(journals)}\n\nExported by fechner.\n".encode(),
    }
    header = [PARTICIPANT.name, SESSION.name, *(column.name for column in columns)]
    for journal in journals:
        who = [journal.participant, journal.session]
        rows = [[*who, *(column.value(t) for column in columns)] for t in journal.trials]
        task = journal.header.protocol.replace("_", "")
        stem = f"subject-{journal.participant}_session-{journal.session}_task-{task}"
        files[f"data/{stem}_data.csv"] = csv_bytes(header, rows)
    return files


def _description(journals: Sequence[JournalRecord], columns: Sequence[Column]) -> dict[str, Any]:
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": dataset_title(journals),
        "description": (
            f"Ratings of images in {len(journals)} sessions; only trials of kind main are analysed."
        ),
        "schemaVersion": "Psych-DS 0.4.0",
        "softwareVersion": f"fechner {__version__}",
        "variableMeasured": [_variable(c) for c in (PARTICIPANT, SESSION, *columns)],
    }


def _variable(column: Column) -> dict[str, Any]:
    variable = {
        "@type": "PropertyValue",
        "name": column.name,
        "description": column.description,
    }
    return {**variable, "unitText": column.unit} if column.unit else variable
