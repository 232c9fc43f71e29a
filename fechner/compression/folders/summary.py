"""What became of every input: the rows of a run, their totals, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from fechner.compression.folders.inputs import ABOUT, RECORDS
from fechner.compression.folders.jobs import Job
from fechner.compression.folders.written import check_replaceable, write_own
from fechner.errors import RefusedError
from fechner.provenance import write_text
from fechner.records.csv_text import named_rows_as_csv

Status = Literal["compressed", "copied", "kept", "skipped", "failed"]
STATUSES: tuple[Status, ...] = ("compressed", "copied", "kept", "skipped", "failed")


@dataclass(frozen=True)
class SummaryRow:
    """What became of one input; a line of the summary.

    Attributes
    ----------
    image
        Its path below the folder that was named.
    output
        The file that stands for it now; empty where there is none.
    status
        ``compressed``; ``copied``, or ``kept`` where it stays in its place, where compressing it
        would not make it smaller or is not for its kind; ``skipped`` (no picture, hidden, a link,
        or not safe to replace); ``failed`` (damaged, or something stands in its way).
    bytes_before, bytes_after
        Of the source and of the output; equal where there is none.
    bytes_plain
        What Pillow's optimised JPEG of the same quality takes, the fair comparison for a source
        that is not a JPEG; 0 where it was not made.
    saved_percent
        Of the source's bytes.
    ss2_important, ss2_background, ss2_worst_tile
        SSIMULACRA2 of the most important quarter, of the rest, and of the worst tile of 96 pixels,
        against the source.
    quality, strength
        What the encoder was given.
    note
        Why, and what was not as asked for.
    """

    image: str
    output: str
    status: Status
    bytes_before: int
    bytes_after: int
    bytes_plain: int = 0
    saved_percent: float = 0.0
    ss2_important: float | None = None
    ss2_background: float | None = None
    ss2_worst_tile: float | None = None
    quality: float | None = None
    strength: float | None = None
    note: str = ""


SUMMARY, SHEET = "summary.csv", "sheet.html"
"""Files of a run beside its results."""


def begin_folder(folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Make the folder of the results ready before any work, and say in it what it is.

    Parameters
    ----------
    folder
        Gets results, records, the summary and the sheet.
    overwrite
        Replace a summary and a sheet that are not ours.

    Returns
    -------
    list of pathlib.Path
        Files that are not ours and will be replaced.

    Raises
    ------
    RefusedError
        If something that is not ours stands in the way.
    InputError
        If nothing can be written there.
    """
    records = folder / RECORDS
    if records.is_dir() and any(records.iterdir()) and not (records / ABOUT).is_file():
        raise RefusedError(f"{records} is not ours; move it, or give another --out")
    files = [folder / name for name in (SUMMARY, SHEET)]
    foreign = [
        path for path in files if check_replaceable(path, _record(path), overwrite=overwrite)
    ]
    write_text(records / ABOUT, _ABOUT)
    return foreign


_ABOUT = (
    "Records, maps and crops of fechner compress; a second run reads them and skips what is done. "
    "Without them it no longer knows which files of this folder it wrote, and replaces none.\n"
)


def _record(path: Path) -> Path:
    return path.parent / RECORDS / "written" / f"{path.name}.json"


def write_report(path: Path, text: str) -> None:
    """Write the summary or the sheet, which `begin_folder` made way for."""
    write_own(path, text.encode("utf-8"), _record(path))


def unchanged_row(job: Job, status: Status, *notes: str) -> SummaryRow:
    """Return the row of an input of which no file was made."""
    size = job.source.stat().st_size if job.source.is_file() else 0
    told = "; ".join(note.removeprefix(f"{job.source} ") for note in notes if note)
    return SummaryRow(job.name, "", status, size, size, note=told)


def summary_csv(rows: Sequence[SummaryRow]) -> str:
    """Return a line an input as CSV; cells are empty where nothing was compressed."""
    return named_rows_as_csv([asdict(row) for row in rows])


@dataclass(frozen=True)
class Totals:
    """How many inputs ended how, and the bytes of those that have an output.

    Attributes
    ----------
    counts
        Status -> inputs, in the order of `STATUSES`; none that did not occur.
    bytes_before, bytes_after
        Of what was compressed, copied and kept.
    """

    counts: dict[str, int]
    bytes_before: int
    bytes_after: int

    @property
    def saved_percent(self) -> float:
        """Of the sources' bytes."""
        return 100 * (1 - self.bytes_after / self.bytes_before) if self.bytes_before else 0.0


def totals(rows: Sequence[SummaryRow]) -> Totals:
    """Return the totals of a run."""
    good = [row for row in rows if row.output]
    counts = {status: sum(row.status == status for row in rows) for status in STATUSES}
    return Totals(
        {status: count for status, count in counts.items() if count},
        sum(row.bytes_before for row in good),
        sum(row.bytes_after for row in good),
    )
