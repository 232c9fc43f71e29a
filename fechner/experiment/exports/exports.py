"""What journals become: the long Ratings table that every statistic reads, and its siblings.

Exports are pure functions of journals: the same journals give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError, nearest
from fechner.experiment.exports.trial_tables import (
    RATED_KIND,
    Files,
    rated_trials,
    together,
    write_files,
)
from fechner.provenance import provenance, sha256_file
from fechner.records.journal import JournalRecord

if TYPE_CHECKING:
    import pandas as pd

    from fechner.records.stimuli import StimulusSet

FORMS = ("ratings", "bids", "psychds", "sureal", "psychopy")
"""What can be exported: see docs/howto-exports.md."""

COLUMNS = (
    "participant",
    "image",
    "dimension",
    "rating",
    "trial",
    "rt_ms",
    "session",
    "scene",
    "region",
)
EXTRA_COLUMNS = ("second", "confidence", "strength")


def rating_rows(journals: Sequence[JournalRecord]) -> list[dict[str, Any]]:
    """Return one row a rating that counts, ordered by participant, session and trial.

    Raises
    ------
    InputError
        If two journals are of the same participant and session, or simulated and real
        participants are mixed.
    """
    return [
        _row(journal, trial) for journal in together(journals) for trial in rated_trials(journal)
    ]


def ratings_table(journals: Sequence[JournalRecord]) -> pd.DataFrame:
    """Return the long Ratings table: one row a rating, columns as in `COLUMNS`.

    `image` is the stimulus' name, `rt_ms` milliseconds, `session` counts from 1. Where
    trials have them: `second`, the other image of a pair; `confidence`; and `strength`,
    which a staircase chose.
    """
    import pandas as pd

    rows = rating_rows(journals)
    extra = [name for name in EXTRA_COLUMNS if any(name in row for row in rows)]
    return pd.DataFrame(rows, columns=[*COLUMNS, *extra])


def write_ratings_table(journals: Sequence[JournalRecord], path: Path) -> Path:
    """Write the Ratings table as CSV with its record beside it; return the CSV's path.

    The name is given ``SIMULATED_`` in front where the participants are simulated.

    Raises
    ------
    InputError
        If no trial counts, or the journals do not belong together.
    """
    from fechner.records.ratings import ratings_from_table, write_ratings
    from fechner.records.scales import Scale

    table = ratings_table(journals)
    if table.empty:
        raise InputError("the journals hold no main trial with a rating; run sessions first")
    path = _named(Path(path), journals[0].simulated)
    declared = {name: Scale(**scale) for name, scale in scales(journals).items()}
    block = export_record(journals, kind="ratings")
    ratings = ratings_from_table(
        table, scales=declared, simulated=journals[0].simulated, source="the journals' table"
    )
    write_ratings(ratings, path, provenance_block=block)
    return path


def scales(journals: Sequence[JournalRecord]) -> dict[str, dict[str, Any]]:
    """Return each dimension's scale (minimum, maximum, good end) as the journals declare it.

    Raises
    ------
    InputError
        If a journal declares none, or two journals declare different ones.
    """
    found: dict[str, dict[str, Any]] = {}
    for journal in journals:
        declared = journal.header.get("scale")
        if declared is None:
            raise InputError(f"{journal.path.name} declares no scale in its header")
        scale = {key: declared[key] for key in ("minimum", "maximum", "good")}
        dimension = str(journal.header["dimension"])
        if found.setdefault(dimension, scale) != scale:
            raise InputError(
                f"{journal.path.name} rates {dimension!r} on another scale than the journals "
                "before it; export them separately"
            )
    return found


def export(
    journals: Sequence[JournalRecord],
    form: str,
    out: Path,
    *,
    stimuli: StimulusSet | None = None,
) -> list[Path]:
    """Write the export called `form` (one of `FORMS`) to `out`; return the files written.

    `out` is a CSV file for ``ratings`` and a new folder otherwise. `stimuli` lets ``bids``
    carry the images.

    Raises
    ------
    InputError
        If there is no such form, the journals do not fit it, or `out` is not empty.
    """
    if form == "ratings":
        path = write_ratings_table(journals, out)
        return [path, path.with_suffix(".json")]
    return write_files(out, export_files(journals, form, stimuli=stimuli))


def export_files(
    journals: Sequence[JournalRecord], form: str, *, stimuli: StimulusSet | None = None
) -> Files:
    """Return the files of an export folder, a pure function of its arguments."""
    from fechner.experiment.exports.bids import bids_files
    from fechner.experiment.exports.psychds import psychds_files
    from fechner.experiment.exports.sureal import sureal_files
    from fechner.experiment.exports.wide import wide_files

    if form == "bids":
        return bids_files(journals, stimuli=stimuli)
    makers = {"psychds": psychds_files, "sureal": sureal_files, "psychopy": wide_files}
    if form not in makers:
        raise InputError(f"no export is called {form!r}: {nearest(form, FORMS)}")
    return makers[form](journals)


def export_record(journals: Sequence[JournalRecord], *, kind: str) -> dict[str, Any]:
    """Return the provenance block of an export: which journals it was made from."""
    inputs = {journal.path.name: sha256_file(journal.path) for journal in journals}
    return provenance(
        parameters={"export": kind, "counted": f"trials of kind {RATED_KIND} with an answer"},
        inputs=dict(sorted(inputs.items())),
        simulated=any(journal.simulated for journal in journals),
    )


def _row(journal: JournalRecord, trial: dict[str, Any]) -> dict[str, Any]:
    row = {
        "participant": journal.participant,
        "image": trial["stimulus"],
        "dimension": trial["dimension"],
        "rating": trial["rating"],
        "trial": trial["trial"],
        "rt_ms": trial["rt_ms"],
        "session": journal.session,
        "scene": trial.get("scene"),
        "region": trial.get("region"),
    }
    return row | {key: trial[key] for key in EXTRA_COLUMNS if trial.get(key) is not None}


def _named(path: Path, simulated: bool) -> Path:
    marked = simulated and not path.name.startswith("SIMULATED_")
    return path.with_name(f"SIMULATED_{path.name}") if marked else path
