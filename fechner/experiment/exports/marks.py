"""Journals as marks: the table of every mark, the maps of people, and how far people agree.

Only trials of kind ``main`` count, as in every export. Images whose participants all answered
"nowhere" have a map that is 0 everywhere; where nobody marked anything there are no maps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError
from fechner.experiment.exports.export_folder import write_files
from fechner.experiment.exports.trial_tables import Journals, rated_trials, together, whole
from fechner.provenance import provenance, sha256_file, write_json, write_text
from fechner.records.human_marks.table import MarkedShowing, MarkTable, write_mark_table
from fechner.records.simulated import marked_name

if TYPE_CHECKING:
    from fechner.analysis.ratings.marks.agreement import AgreementOverImages, MapAgreement
    from fechner.analysis.ratings.marks.people_maps import PeopleMap
    from fechner.analysis.ratings.marks.smoothing import Smoothing
    from fechner.records.journal import JournalRecord

SEED = 0
"""Of the random halves of participants: an export is a pure function of its journals."""


def mark_table(journals: Journals) -> MarkTable:
    """Return what participants marked in the trials that count, "nowhere" included.

    Raises
    ------
    InputError
        If a journal is damaged, the journals do not belong together, or none asked for marks.
    """
    journals = together(whole(journals))
    answers = [
        MarkedShowing(
            participant=journal.participant,
            image=trial.stimulus,
            scene=trial.scene,
            region=trial.region,
            session=journal.session,
            trial=trial.trial,
            size=trial.marks.size,
            marks=trial.marks.standing,
        )
        for journal in journals
        for trial in rated_trials(journal)
        if trial.marks is not None
    ]
    if not answers:
        raise InputError(
            "the journals hold no marks; run sessions whose protocol has a table [marks], such as "
            "slider_marks"
        )
    return MarkTable(tuple(answers), journals[0].simulated)


def write_marks(journals: Journals, out: Path, *, smooth: str | None = None) -> list[Path]:
    """Write marks, people's maps and their reliability into a new folder; return the files.

    ``marks.csv`` (with ``marks.json``), ``maps/`` (importance maps, one a marked image),
    ``reliability.csv`` and ``agreement.json``. Where participants are simulated, SIMULATED stands
    in every name.

    Parameters
    ----------
    journals
        Of sessions that asked for marks.
    out
        A new folder.
    smooth
        The SD of the maps' Gaussian, such as ``"0.5 deg"`` or ``"20 px"``; None for half a degree,
        20 px where no session knows its screen.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        If no session asked for marks, the smoothing is none, or `out` is not empty.
    """
    return write_files(out, marks_files(whole(journals), smooth=smooth))


def marks_files(
    journals: Sequence[JournalRecord], *, smooth: str | None = None
) -> dict[str, bytes]:
    """Return the files of the export, a pure function of its arguments."""
    from fechner.analysis.ratings.marks.people_maps import people_maps

    marks = mark_table(journals)
    width = smoothing_of(journals, smooth)
    about = provenance(
        parameters={"export": "marks", "smoothing": str(width), "counted": "trials of kind main"},
        inputs={journal.path.name: sha256_file(journal.path) for journal in together(journals)},
        seed=SEED,
        simulated=marks.simulated,
    )
    maps = people_maps(marks.answers, width.sd_px)
    with tempfile.TemporaryDirectory(prefix="fechner-marks-") as place:
        _write_into(Path(place), marks, maps, width, about)
        written = sorted(path for path in Path(place).rglob("*") if path.is_file())
        return {path.relative_to(place).as_posix(): path.read_bytes() for path in written}


def smoothing_of(journals: Sequence[JournalRecord], smooth: str | None = None) -> Smoothing:
    """Return the smoothing of the maps of these sessions, in pixels of their images."""
    from fechner.analysis.ratings.marks.smoothing import smoothing

    return smoothing(smooth, [j.header.screen.pixels_per_degree for j in journals])


def _write_into(
    folder: Path,
    marks: MarkTable,
    maps: Mapping[str, PeopleMap],
    width: Smoothing,
    about: Mapping[str, Any],
) -> None:
    import numpy as np

    from fechner.analysis.ratings.marks.agreement import map_agreement, over_images
    from fechner.records.csv_text import named_rows_as_csv
    from fechner.records.maps import write_maps

    rng = np.random.default_rng(SEED)
    agreement = {name: map_agreement(found, rng=rng) for name, found in maps.items()}
    overall = over_images(agreement, rng=rng)
    write_mark_table(marks, folder / _name("marks.csv", marks), provenance_block=about)
    write_text(folder / _name("reliability.csv", marks), named_rows_as_csv(_rows(agreement)))
    write_json(folder / _name("agreement.json", marks), _overall(overall, width, about))
    if not any(answer.marks for answer in marks.answers):
        return
    write_maps(
        folder / _name("maps", marks),
        {name: found.share for name, found in maps.items()},
        about={name: _about(name, maps[name], agreement[name], width) for name in maps},
        set_record={
            "method": "people's marks",
            "unit": "share of the participants who marked a place, smoothed",
            "smoothing": asdict(width),
            "provenance": dict(about),
        },
    )


def _name(name: str, marks: MarkTable) -> str:
    return marked_name(name, simulated=marks.simulated)


def _about(
    name: str, found: PeopleMap, agreement: MapAgreement, width: Smoothing
) -> dict[str, Any]:
    return {
        "image": name,
        "method": "people's marks",
        "people": len(found.people),
        "nowhere": found.nowhere,
        "smoothing": str(width),
        "reliability": agreement.reliability,
    }


def _rows(agreement: Mapping[str, MapAgreement]) -> list[dict[str, Any]]:
    """Return a row an image; what is not defined is an empty cell."""
    return [
        {"image": name, **asdict(one), "ceiling": one.ceiling} for name, one in agreement.items()
    ]


def _overall(
    found: AgreementOverImages, width: Smoothing, about: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "over images": asdict(found),
        "smoothing": asdict(width),
        "method": "split halves of the participants, Spearman-Brown; interval over images",
        "provenance": dict(about),
    }
