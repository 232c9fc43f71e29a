"""Journals as trial tables: what every export shares, and the export's files.

Which trials count: those of kind ``main`` with an answer. Practice, stabilising,
anchor and catch trials never count, and the second showings of ``repeat`` trials
serve consistency only. Everybody's trials are in, also of sessions that were not
finished or failed their catch trials: leaving people out is screening, which says so.

An export is a pure function from journals to files in memory; only `write_files`
touches the disk, and makes the whole folder or nothing.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fechner.errors import InputError
from fechner.records.journal import JournalRecord

Files = Mapping[str, bytes | Path]
"""Relative path to content; a `Path` is a file to be copied as it is."""

RATED_KIND = "main"


@dataclass(frozen=True)
class Column:
    """A column of a trial table: its name, where it comes from, and what it means."""

    name: str
    key: str
    description: str
    unit: str = ""
    scale: float = 1.0

    def value(self, trial: Mapping[str, Any]) -> Any:
        """Return the trial's value, in the column's unit; None where it has none."""
        found = trial.get(self.key)
        if found is None or found == "":
            return None
        return found * self.scale if self.scale != 1.0 else found


TRIAL_COLUMNS = (
    Column("trial", "trial", "Number of the trial in the session, from 1."),
    Column("block", "block", "Block of the trial plan; 0 is practice."),
    Column(
        "kind",
        "kind",
        "practice, anchor, stabilising, main, repeat or catch; only main trials are analysed.",
    ),
    Column("stimulus", "stimulus", "Name of the rated image in the stimulus set."),
    Column("second", "second", "The other image of a pair."),
    Column("reference", "reference", "The intact image that was shown as the reference."),
    Column("scene", "scene", "The photograph that the image was made from."),
    Column("region", "region", "Which region of the image was degraded."),
    Column("strength", "strength", "Strength of the degradation, in the stimulus set's unit."),
    Column("dimension", "dimension", "What was rated."),
    Column("rating", "rating", "The answer."),
    Column("confidence", "confidence", "How sure the participant was of the answer."),
    Column("response_time", "rt_ms", "From the moment an answer was possible to it.", "s", 1e-3),
    Column("side", "side", "Where the rated image stood when two were shown."),
    Column("target", "target", "The right answer of a catch trial."),
    Column("passed", "passed", "Whether a catch trial was answered rightly."),
    Column("repeat_of", "repeat_of", "Number of the trial that this one repeats."),
    Column("stimulus_onset", "onset_s", "Onset of the image on the session's clock.", "s"),
    Column("dropped_frames", "dropped_frames", "Screen refreshes missed while it was shown."),
    Column("device", "device", "mouse, keyboard or simulated."),
    Column("shown_sha256", "shown_sha256", "Digest of the pixels that were on the screen."),
)


def used_columns(journals: Sequence[JournalRecord]) -> tuple[Column, ...]:
    """Return the trial columns that hold a value in at least one trial of the journals."""
    trials = [trial for journal in journals for trial in journal.trials]
    return tuple(c for c in TRIAL_COLUMNS if any(c.value(trial) is not None for trial in trials))


def together(journals: Sequence[JournalRecord]) -> list[JournalRecord]:
    """Return the journals ordered by participant and session, if they belong together.

    Raises
    ------
    InputError
        If there are none, if two are of the same participant and session, or if
        simulated and real participants are mixed.
    """
    if not journals:
        raise InputError("there are no journals to export; run sessions first")
    seen: dict[tuple[str, int], str] = {}
    for journal in journals:
        key = (journal.participant, journal.session)
        if key in seen:
            raise InputError(
                f"{seen[key]} and {journal.path.name} are both session {key[1]} of "
                f"participant {key[0]}; keep one of them in the folder"
            )
        seen[key] = journal.path.name
    if len({journal.simulated for journal in journals}) > 1:
        raise InputError(
            "the journals mix simulated and real participants; keep them in separate folders"
        )
    return sorted(journals, key=lambda journal: (journal.participant, journal.session))


def rated_trials(journal: JournalRecord) -> list[dict[str, Any]]:
    """Return the trials of a journal whose ratings count (see the module)."""
    return [
        trial
        for trial in journal.trials
        if trial["kind"] == RATED_KIND and trial["rating"] is not None
    ]


def cell(value: Any, *, missing: str) -> str:
    """Return a value as the text of a table cell; whole numbers without a point."""
    if value is None or value == "":
        return missing
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return (
            str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(round(value, 9))
        )
    return " ".join(str(value).split())


def csv_bytes(header: Sequence[str], rows: Sequence[Sequence[Any]], *, missing: str = "") -> bytes:
    """Return a comma-separated table: UTF-8 without a mark, lines ended by a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows([[cell(value, missing=missing) for value in row] for row in rows])
    return text.getvalue().encode("utf-8")


def tsv_bytes(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return a tab-separated table as BIDS wants it: missing values are ``n/a``, no quotes."""
    lines = ["\t".join(header)]
    lines += ["\t".join(cell(value, missing="n/a") for value in row) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8")


def json_bytes(content: Any) -> bytes:
    """Return indented UTF-8 JSON."""
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_files(folder: Path, files: Files) -> list[Path]:
    """Write an export's folder, whole or not at all; return the files in it.

    Raises
    ------
    InputError
        If the folder exists and is not empty, or cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty; export into a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder.parent) as place:
            new = Path(place) / "export"
            for name, content in sorted(files.items()):
                _write(new / name, content)
            if folder.exists():
                folder.rmdir()
            new.rename(folder)
    except OSError as error:
        raise InputError(
            f"cannot write {folder}: {error.strerror or error}; nothing was changed there"
        ) from error
    return [folder / name for name in sorted(files)]


def _write(path: Path, content: bytes | Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        path.write_bytes(content)
