"""Journals as they are read: the lines of a session, its record, a folder of them."""

from fechner.records.journal.folder import (
    DamagedJournal,
    JournalFolder,
    journal_paths,
    read_journal_files,
    read_journals,
)
from fechner.records.journal.record import (
    JournalRecord,
    check_name,
    journal_name,
    read_header,
    read_journal,
)

__all__ = [
    "DamagedJournal",
    "JournalFolder",
    "JournalRecord",
    "check_name",
    "journal_name",
    "journal_paths",
    "read_header",
    "read_journal",
    "read_journal_files",
    "read_journals",
]
