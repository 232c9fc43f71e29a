"""What the sessions before this one say: their predictions, their codes, their calibration.

A journal that cannot be read says nothing here and stops nobody: `fechner session list`
and `verify` name it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import InputError, RefusedError
from fechner.experiment.calibration import Calibration, last_calibration
from fechner.experiment.journal.lock import this_machine
from fechner.records.journal import journal_paths, read_header, read_journal_files

if TYPE_CHECKING:
    from fechner.experiment.window.participant_display import ParticipantDisplay
    from fechner.records.journal.lines import Header


def check_prediction(folder: Path, prediction: str, *, simulated: bool) -> None:
    """Refuse a session whose predictions are not those that earlier sessions were run with.

    Predictions are frozen before the first participant; changed ones are another study.

    Raises
    ------
    RefusedError
        If a journal in `folder` of the same kind of participant has other predictions.
    """
    for path, header in _headers(folder):
        earlier = header.prediction_sha256 or prediction
        if header.simulated == simulated and earlier != prediction:
            raise RefusedError(
                f"{path.name} was run with other predictions than this stimulus set has now; "
                "restore the set, or give a new study its own --sessions folder"
            )


def _headers(folder: Path) -> Iterator[tuple[Path, Header]]:
    for path in journal_paths(folder):
        try:
            yield path, read_header(path)
        except InputError:
            continue


def codes_in_use(folder: Path) -> dict[str, Path]:
    """Return the participants' codes that the names of a folder's journals hold."""
    names = ((path.name.rpartition("_ses-")[0], path) for path in journal_paths(folder))
    return {name.rpartition("sub-")[2]: path for name, path in names}


def check_case(path: Path, participant: str) -> None:
    """Refuse a code that differs from a used one in upper and lower case only.

    It is a slip of the hand, and on Windows and macOS the two journals are one file.

    Raises
    ------
    RefusedError
        With the code that is in use.
    """
    for used, other in codes_in_use(path.parent).items():
        if used != participant and used.lower() == participant.lower():
            raise RefusedError(
                f"the participant code {participant} is {used} in other letters, which "
                f"{other.name} uses already; take {used} to go on with it, or another code"
            )


def known_calibration(folder: Path, display: ParticipantDisplay) -> Calibration | None:
    """Return what an earlier session in `folder` measured on this very screen, if any did."""
    journals = read_journal_files(journal_paths(folder)).journals
    return last_calibration(
        journals,
        size=display.look.size,
        monitor=display.window.monitor,
        machine=this_machine(),
    )
