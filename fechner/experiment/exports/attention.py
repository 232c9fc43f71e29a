"""Attention checks and repeated trials of every participant, for the screening of ratings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fechner.experiment.exports.trial_tables import RATED_KIND, Journals, together, whole
from fechner.records.journal import JournalRecord
from fechner.records.journal.lines import EndLine
from fechner.records.screening.attention import Attention, write_attention
from fechner.records.simulated import marked_name


def attention_table(journals: Journals) -> dict[str, Attention]:
    """Return each participant's attention over all sessions, keyed by the code.

    Who failed the checks of one session by its protocol's rule is not attentive. A session that
    did not end has no such verdict and speaks neither for nor against.

    Raises
    ------
    InputError
        If a journal is damaged, or the journals do not belong together.
    """
    by_code: dict[str, list[JournalRecord]] = {}
    for journal in together(whole(journals)):
        by_code.setdefault(journal.participant, []).append(journal)
    return {code: _attention(code, own) for code, own in by_code.items()}


def write_attention_table(journals: Journals, path: Path) -> Path:
    """Write the attention of every participant as CSV; return its path.

    The name is given ``SIMULATED_`` in front where the participants are simulated.

    Raises
    ------
    InputError
        As `attention_table`, or if the file cannot be written.
    """
    journals = whole(journals)
    path = Path(path)
    simulated = any(journal.simulated for journal in journals)
    path = path.with_name(marked_name(path.name, simulated=simulated))
    write_attention(attention_table(journals), path)
    return path


def _attention(code: str, journals: Sequence[JournalRecord]) -> Attention:
    catches = [t for journal in journals for t in journal.trials if t.kind == "catch"]
    ends = [line for j in journals for line in j.events if isinstance(line, EndLine)]
    again = [gap for journal in journals for gap in _repeated(journal)]
    return Attention(
        participant=code,
        catch_shown=len(catches),
        catch_passed=sum(bool(trial.passed) for trial in catches),
        attentive=all(end.attentive is not False for end in ends),
        anticipated=sum(bool(t.anticipated) for one in journals for t in one.trials),
        corrected=sum(journal.corrections for journal in journals),
        repeats=len(again),
        repeat_difference=float(np.sqrt(np.mean(np.square(again)))) if again else None,
    )


def _repeated(journal: JournalRecord) -> list[float]:
    """Return the difference of the two ratings of every repeated trial, in points."""
    first = {t.trial: t.rating for t in journal.trials if t.kind == RATED_KIND}
    return [
        trial.rating - first[trial.repeat_of]
        for trial in journal.trials
        if trial.kind == "repeat" and trial.repeat_of in first
    ]
