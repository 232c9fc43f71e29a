"""The long Ratings table out of journals: what every statistic reads.

Exports are pure functions of journals: the same journals give the same bytes.
Which trials count: those of kind ``main`` with an answer. Practice, stabilising,
anchor and catch trials never count, and the second showings of ``repeat`` trials
serve consistency only. Everybody's trials are in, also of sessions that were not
finished or failed their catch trials: leaving people out is screening, which says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError
from fechner.experiment.journal import JournalRecord
from fechner.provenance import provenance, sha256_file, write_json, write_text

if TYPE_CHECKING:
    import pandas as pd

RATED_KIND = "main"
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


def rating_rows(journals: Sequence[JournalRecord]) -> list[dict[str, Any]]:
    """Return one row a rating that counts, ordered by participant, session and trial.

    Raises
    ------
    InputError
        If two journals are of the same participant and session, or simulated and real
        participants are mixed.
    """
    _check_together(journals)
    ordered = sorted(journals, key=lambda journal: (journal.participant, journal.session))
    return [_row(journal, trial) for journal in ordered for trial in rated_trials(journal)]


def rated_trials(journal: JournalRecord) -> list[dict[str, Any]]:
    """Return the trials of a journal whose ratings count (see the module)."""
    return [
        trial
        for trial in journal.trials
        if trial["kind"] == RATED_KIND and trial["rating"] is not None
    ]


def ratings_table(journals: Sequence[JournalRecord]) -> pd.DataFrame:
    """Return the long Ratings table: one row a rating, columns as in `COLUMNS`.

    `image` is the stimulus' name, `rt_ms` milliseconds, `session` counts from 1. For
    ``pair`` trials the column `second` names the other image.
    """
    import pandas as pd

    rows = rating_rows(journals)
    extra = [name for name in ("second", "confidence") if any(name in row for row in rows)]
    return pd.DataFrame(rows, columns=[*COLUMNS, *extra])


def write_ratings_table(journals: Sequence[JournalRecord], path: Path) -> Path:
    """Write the Ratings table as CSV with its record beside it; return the CSV's path.

    The name is given ``SIMULATED_`` in front where the participants are simulated.

    Raises
    ------
    InputError
        If no trial counts, or the journals do not belong together.
    """
    table = ratings_table(journals)
    if table.empty:
        raise InputError("the journals hold no main trial with a rating; run sessions first")
    simulated = journals[0].simulated
    path = _named(Path(path), simulated)
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
    record = {"provenance": export_record(journals, kind="ratings")}
    write_json(path.with_suffix(".json"), {"dimensions": scales(journals), **record})
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
    return row | {key: trial[key] for key in ("second", "confidence") if trial.get(key) is not None}


def _check_together(journals: Sequence[JournalRecord]) -> None:
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


def _named(path: Path, simulated: bool) -> Path:
    marked = simulated and not path.name.startswith("SIMULATED_")
    return path.with_name(f"SIMULATED_{path.name}") if marked else path
