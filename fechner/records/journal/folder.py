"""A folder of journals: those that can be read, and what is wrong with the others.

One damaged or foreign file stops nobody but those who need that very file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fechner.errors import InputError
from fechner.records.journal.record import JournalRecord, read_journal


@dataclass(frozen=True)
class DamagedJournal:
    """A file among journals that cannot be read as one, and why."""

    path: Path
    problem: str


@dataclass(frozen=True)
class JournalFolder:
    """The journals of a folder in the order of their names, and the files that are damaged."""

    journals: tuple[JournalRecord, ...]
    damaged: tuple[DamagedJournal, ...] = ()

    def intact(self) -> tuple[JournalRecord, ...]:
        """Return the journals where every one of them can be read.

        Raises
        ------
        InputError
            If one cannot; names each of them, since a table without a participant who took
            part would be a silent choice.
        """
        if self.damaged:
            found = "; ".join(one.problem for one in self.damaged)
            count = len(self.damaged)
            raise InputError(
                f"{count} of {count + len(self.journals)} journals cannot be read: {found}"
            )
        return self.journals


def journal_paths(folder: Path) -> list[Path]:
    """Return the files of a folder that are journals by their names (``*.jsonl``), in order."""
    return sorted(Path(folder).glob("*.jsonl"))


def read_journals(folder: Path) -> JournalFolder:
    """Read every journal of a folder (``*.jsonl``); damaged ones are named, not raised.

    Raises
    ------
    InputError
        If the folder holds none.

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
    >>> found = read_journals(folder)
    >>> [(journal.participant, journal.trials[0].rating) for journal in found.journals]
    [('P01', 72.0)]
    >>> found.damaged
    ()
    """
    paths = journal_paths(folder)
    if not paths:
        raise InputError(f"no journals (*.jsonl) in {folder}; run sessions first")
    return read_journal_files(paths)


def read_journal_files(paths: Iterable[Path]) -> JournalFolder:
    """Read these journals, in their order."""
    journals: list[JournalRecord] = []
    damaged: list[DamagedJournal] = []
    for path in paths:
        try:
            journals.append(read_journal(path))
        except InputError as error:
            damaged.append(DamagedJournal(Path(path), str(error)))
    return JournalFolder(tuple(journals), tuple(damaged))
