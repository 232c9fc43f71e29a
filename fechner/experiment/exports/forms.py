"""The forms that journals can be exported in; each has a module of its own.

Exports are pure functions of journals: the same journals give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import InputError, nearest
from fechner.experiment.exports.attention import write_attention_table
from fechner.experiment.exports.bids import bids_files
from fechner.experiment.exports.export_folder import Files, write_files
from fechner.experiment.exports.marks import write_marks
from fechner.experiment.exports.psychds import psychds_files
from fechner.experiment.exports.sureal import sureal_files
from fechner.experiment.exports.trial_tables import Journals, whole
from fechner.experiment.exports.wide import wide_files
from fechner.records.journal import JournalRecord

if TYPE_CHECKING:
    from fechner.records.stimuli import StimulusSet

FOLDERS: dict[str, Callable[[Sequence[JournalRecord]], Files]] = {
    "bids": bids_files,
    "psychds": psychds_files,
    "sureal": sureal_files,
    "psychopy": wide_files,
}
"""The forms that fill a folder."""

FORMS = ("ratings", "attention", "marks", *FOLDERS)
"""What can be exported: see docs/howto-exports.md."""


def export(
    journals: Journals,
    form: str,
    out: Path,
    *,
    stimuli: StimulusSet | None = None,
    smooth: str | None = None,
) -> list[Path]:
    """Write the export called `form` (one of `FORMS`) to `out`; return the files written.

    Parameters
    ----------
    journals
        What is exported; a folder only where none of its journals is damaged.
    form
        One of `FORMS`.
    out
        A CSV file for ``ratings`` and ``attention``, and a new folder otherwise.
    stimuli
        Lets ``bids`` carry the images, which must be those that were shown.
    smooth
        Width of the maps of ``marks``, such as ``"0.5 deg"`` or ``"20 px"``; None for the default.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        If there is no such form, the journals do not fit it, it carries no images and is given
        some, or `out` is not empty.
    RefusedError
        If the images are not those that were shown.
    """
    if smooth is not None and form != "marks":
        raise InputError(f"only the form marks has maps to smooth; leave the width out for {form}")
    if stimuli is not None and form != "bids":
        raise InputError(f"only the form bids carries images; leave the stimuli out for {form}")
    journals = whole(journals)
    if form == "ratings":
        from fechner.experiment.exports.ratings import write_ratings_table

        path = write_ratings_table(journals, out)
        return [path, path.with_suffix(".json")]
    if form == "attention":
        return [write_attention_table(journals, out)]
    if form == "marks":
        return write_marks(journals, out, smooth=smooth)
    return write_files(out, export_files(journals, form, stimuli=stimuli))


def export_files(
    journals: Sequence[JournalRecord], form: str, *, stimuli: StimulusSet | None = None
) -> Files:
    """Return the files of an export folder, a pure function of its arguments."""
    if form not in FOLDERS:
        raise InputError(f"no export is called {form!r}: {nearest(form, FORMS)}")
    if form == "bids":
        return bids_files(journals, stimuli=stimuli)
    return FOLDERS[form](journals)
