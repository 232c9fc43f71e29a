"""Journals as a BIDS dataset of behavioural data (Gorgolewski et al. 2016, Scientific Data 3).

One ``_beh.tsv`` with its ``.json`` a session, because ratings without recordings
have no ``events.tsv``; the participants; and the journals as they are under
``sourcedata``. With the stimulus set at hand the images go into ``stimuli`` and each
trial names its file, as BIDS wants it; only images that the sessions showed are shipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner import __version__
from fechner.experiment.exports.bids_marks import marks_files
from fechner.experiment.exports.export_folder import Files, ShownFile, json_bytes, tsv_bytes
from fechner.experiment.exports.trial_tables import (
    Column,
    cell,
    dataset_title,
    together,
    used_columns,
    with_trials,
)
from fechner.experiment.shown_pixels import check_shown
from fechner.records.journal import JournalRecord
from fechner.records.journal.lines import ScreeningLine
from fechner.records.journal.participant import CommentLine

if TYPE_CHECKING:
    from fechner.records.stimuli import StimulusSet

BIDS_VERSION = "1.10.0"

TESTS = {
    "tumbling_e": "Acuity by tumbling letters E on the screen of the session, in logMAR.",
    "colour_plates": "Colour plates answered rightly, of those shown on each confusion line.",
}
"""What the findings of the tests of vision are."""

COMMENT_COLUMN = "What the participant wrote after the last trial; a slash stands for a new line."


def bids_files(
    journals: Sequence[JournalRecord],
    *,
    stimuli: StimulusSet | None = None,
) -> Files:
    """Return the files of a BIDS dataset, with the images of `stimuli` where they are given.

    Raises
    ------
    InputError
        If the journals do not belong together, or none holds a trial.
    RefusedError
        If the images are not those that the sessions showed; names them.
    """
    journals = together(journals)
    rated = with_trials(journals)
    if stimuli is not None:
        check_shown(journals, stimuli)
    columns = used_columns(rated)
    files: dict[str, bytes | ShownFile] = {
        "dataset_description.json": json_bytes(_description(rated)),
        "README.md": _readme(rated).encode("utf-8"),
        "participants.tsv": _participants(rated),
        "participants.json": json_bytes(_participants_sidecar(rated)),
    }
    for journal in rated:
        stem = _stem(journal)
        files[f"{stem}.tsv"] = _trials(journal, columns, stimuli)
        files[f"{stem}.json"] = json_bytes(_sidecar(journal, columns, stimuli))
        files |= marks_files(journal, stem, _about(journal))
    for journal in journals:
        files[f"sourcedata/{journal.path.name}"] = journal.path.read_bytes()
    return {**files, **_images(stimuli)}


def _stem(journal: JournalRecord) -> str:
    subject, session = f"sub-{journal.participant}", f"ses-{journal.session}"
    return f"{subject}/{session}/beh/{subject}_{session}_task-{_task(journal)}_beh"


def _task(journal: JournalRecord) -> str:
    """Return the protocol's name as a BIDS label: letters and digits only."""
    return journal.header.protocol.replace("_", "")


def _description(journals: Sequence[JournalRecord]) -> dict[str, Any]:
    return {
        "Name": dataset_title(journals),
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "Authors": ["not stated"],
        "GeneratedBy": [{"Name": "fechner", "Version": __version__}],
    }


def _readme(journals: Sequence[JournalRecord]) -> str:
    protocols = sorted({journal.header.protocol for journal in journals})
    simulated = (
        "\nSIMULATED: the participants of this dataset are computer models, no people.\n"
        if journals[0].simulated
        else ""
    )
    return f"""# {dataset_title(journals)}
{simulated}
Ratings of images, exported by fechner {__version__} from {len(journals)} session journals
(in `sourcedata/`, one JSON line a trial). Protocols: {", ".join(protocols)}.

- `sub-*/ses-*/beh/*_beh.tsv`: every trial in its order. Analyses count trials of kind `main`;
  practice, anchor, stabilising and catch trials do not count, and `repeat` trials serve
  consistency only.
- `participants.tsv`: answers to the screening questions, and catch trials passed.
- `*_acq-marks_beh.tsv` (where images were marked): every point of every mark, in pixels.
- `stimuli/` (where present): the images as they were shown.
"""


def _trials(
    journal: JournalRecord, columns: Sequence[Column], stimuli: StimulusSet | None
) -> bytes:
    header = [column.name for column in columns]
    rows = [[column.value(trial) for column in columns] for trial in journal.trials]
    if stimuli is not None:
        header.append("stim_file")
        known = {s.stimulus: _image_name(stimuli, s) for s in stimuli.pictures}
        for row, trial in zip(rows, journal.trials, strict=True):
            row.append(known.get(trial.stimulus))
    return tsv_bytes(header, rows)


def _about(journal: JournalRecord) -> dict[str, Any]:
    """Return what every table of a session says of it."""
    header, software = journal.header, journal.header.software
    return {
        "TaskName": _task(journal),
        "TaskDescription": f"Protocol {header.protocol} in {header.language}",
        "Instructions": header.question,
        "StimulusPresentation": {
            "OperatingSystem": software.get("system", "n/a"),
            "SoftwareName": "fechner with PsychoPy",
            "SoftwareVersion": f"{software.get('fechner', 'n/a')} {software.get('psychopy', '')}",
        },
        "ProtocolSHA256": header.protocol_sha256,
        "StimuliSHA256": header.stimuli_sha256,
        "PlanSHA256": header.plan_sha256,
        "SimulatedParticipant": journal.simulated,
        "SessionComplete": journal.complete,
    }


def _sidecar(
    journal: JournalRecord, columns: Sequence[Column], stimuli: StimulusSet | None
) -> dict[str, Any]:
    content = _about(journal)
    for column in columns:
        content[column.name] = {"Description": column.description}
        if column.unit:
            content[column.name]["Units"] = column.unit
    content["rating"] |= _rating_levels(journal)
    if stimuli is not None:
        content["stim_file"] = {"Description": "The rated image, under stimuli/."}
    return content


def _rating_levels(journal: JournalRecord) -> dict[str, Any]:
    """Return the words that stood at the values of the scale."""
    scale, labels = journal.header.scale, journal.header.labels
    described = (
        f"The answer, {scale.minimum:g} to {scale.maximum:g} in steps of {scale.step:g}; "
        f"the {scale.good} end is good."
    )
    words = {cell(v, missing=""): w for v, w in zip(scale.labels_at, labels, strict=True)}
    # Levels are the only values a column may hold, so a line with labels has none.
    if scale.shown == "slider":
        placed = "; ".join(f"{value}: {word}" for value, word in words.items())
        return {"Description": f"{described} Labels: {placed}."}
    return {"Description": described, "Levels": words}


def _participants(journals: Sequence[JournalRecord]) -> bytes:
    questions, commented = _questions(journals), bool(_comments(journals))
    header = ["participant_id", *questions, "sessions", "catch_shown", "catch_passed"]
    header += [*(["comment"] if commented else []), "simulated"]
    rows = []
    for code in sorted({journal.participant for journal in journals}):
        own = [journal for journal in journals if journal.participant == code]
        answers = _answers(own)
        catches = [t for journal in own for t in journal.trials if t.kind == "catch"]
        passed = sum(bool(trial.passed) for trial in catches)
        given = [answers.get(question) for question in questions]
        comment = [" / ".join(_comments(own)) or None] if commented else []
        counts = [len(own), len(catches), passed]
        rows.append([f"sub-{code}", *given, *counts, *comment, own[0].simulated])
    return tsv_bytes(header, rows)


def _answers(journals: Sequence[JournalRecord]) -> dict[str, str]:
    """Return the first answer to each screening question."""
    found: dict[str, str] = {}
    for event in (event for journal in journals for event in journal.events):
        if isinstance(event, ScreeningLine) and event.answer is not None:
            found[event.question] = event.answer  # the last counts: a step back is allowed
    return found


def _comments(journals: Sequence[JournalRecord]) -> list[str]:
    """Return the comments that were written, each on one line, as a table's cell wants it."""
    events = (event for journal in journals for event in journal.events)
    texts = [event.text for event in events if isinstance(event, CommentLine) and event.text]
    return [" / ".join(" ".join(line.split()) for line in text.splitlines()) for text in texts]


def _questions(journals: Sequence[JournalRecord]) -> list[str]:
    return sorted(_answers(journals))


def _participants_sidecar(journals: Sequence[JournalRecord]) -> dict[str, Any]:
    asked = {
        name: {"Description": TESTS.get(name, f"Screening question {name}")}
        for name in _questions(journals)
    }
    return {
        "participant_id": {"Description": "Code of the participant."},
        **asked,
        "sessions": {"Description": "Number of sessions with at least one trial."},
        "catch_shown": {"Description": "Attention checks shown."},
        "catch_passed": {"Description": "Attention checks passed."},
        **({"comment": {"Description": COMMENT_COLUMN}} if _comments(journals) else {}),
        "simulated": {"Description": "Whether the participant is a computer model."},
    }


def _image_name(stimuli: StimulusSet, stimulus: Any) -> str:
    return Path(stimuli.image_path(stimulus)).name


def _images(stimuli: StimulusSet | None) -> dict[str, ShownFile]:
    if stimuli is None:
        return {}
    return {
        f"stimuli/{_image_name(stimuli, s)}": ShownFile(Path(stimuli.image_path(s)), s.sha256)
        for s in stimuli.pictures
    }
