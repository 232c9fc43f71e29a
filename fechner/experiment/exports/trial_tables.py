"""Journals as trial tables: what every export shares.

Which trials count: those of kind ``main`` with an answer. Practice, stabilising,
anchor and catch trials never count, and the second showings of ``repeat`` trials
serve consistency only. Everybody's trials are in, also of sessions that were not
finished or failed their catch trials: leaving people out is screening, which says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fechner.errors import InputError
from fechner.records.journal import JournalFolder, JournalRecord
from fechner.records.journal.lines import TrialLine

RATED_KIND = "main"
"""The kind of trials whose ratings count."""


@dataclass(frozen=True)
class Column:
    """A column of a trial table: its name, where it comes from, and what it means."""

    name: str
    key: str
    description: str
    unit: str = ""
    scale: float = 1.0

    def value(self, trial: TrialLine) -> Any:
        """Return the trial's value, in the column's unit; None where it has none."""
        found = getattr(trial, self.key)
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
    Column("truth", "truth", "What the image is: real or generated."),
    Column("dimension", "dimension", "What was rated."),
    Column("rating", "rating", "The answer."),
    Column("confidence", "confidence", "How sure the participant was of the answer."),
    Column("response_time", "rt_ms", "From the moment an answer was possible to it.", "s", 1e-3),
    Column(
        "marks",
        "marks_placed",
        "How many marks stand on the image; 0: the answer was nowhere.",
    ),
    Column(
        "marks_time", "marks_rt_ms", "From the moment marking was possible to its end.", "s", 1e-3
    ),
    Column("side", "side", "Where the rated image stood when two were shown."),
    Column("target", "target", "The right answer of a catch trial."),
    Column("passed", "passed", "Whether a catch trial was answered rightly."),
    Column("repeat_of", "repeat_of", "Number of the trial that this one repeats."),
    Column("stimulus_onset", "onset_s", "Onset of the image on the session's clock.", "s"),
    Column("dropped_frames", "dropped_frames", "Screen refreshes missed while it was shown."),
    Column("device", "device", "mouse, keyboard or simulated."),
    Column("anticipated", "anticipated", "Whether the answer came too fast to be one."),
    Column("correction", "correction", "How often the answer was corrected; the last one counts."),
    Column("shown_sha256", "shown_sha256", "Digest of the pixels that were on the screen."),
)


def used_columns(journals: Sequence[JournalRecord]) -> tuple[Column, ...]:
    """Return the trial columns that hold a value in at least one trial of the journals."""
    trials = [trial for journal in journals for trial in journal.trials]
    return tuple(c for c in TRIAL_COLUMNS if any(c.value(trial) is not None for trial in trials))


Journals = Sequence[JournalRecord] | JournalFolder
"""What is exported: some journals, or a folder of them that are all intact."""


def whole(journals: Journals) -> Sequence[JournalRecord]:
    """Return the journals; those of a folder only where none of them is damaged.

    Raises
    ------
    InputError
        If a journal of the folder cannot be read; names each of them.
    """
    return journals.intact() if isinstance(journals, JournalFolder) else journals


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


def rated_trials(journal: JournalRecord) -> list[TrialLine]:
    """Return the trials of a journal whose ratings count (see the module)."""
    return [trial for trial in journal.trials if trial.kind == RATED_KIND]


def with_trials(journals: Sequence[JournalRecord]) -> list[JournalRecord]:
    """Return those of the journals, in order, that hold a trial.

    Raises
    ------
    InputError
        If they do not belong together, or none holds a trial.
    """
    journals = [journal for journal in together(journals) if journal.trials]
    if not journals:
        raise InputError("the journals hold no trials; run sessions first")
    return journals


def dataset_title(journals: Sequence[JournalRecord]) -> str:
    """Return what a dataset of these journals is called."""
    return f"{'SIMULATED: ' if journals[0].simulated else ''}Ratings of image quality"


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
