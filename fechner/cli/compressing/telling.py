"""What ``fechner compress`` says while it works and when it is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.progress import Progress, silent

if TYPE_CHECKING:
    from fechner.compression.folders.jobs import Job
    from fechner.compression.folders.summary import SummaryRow
    from fechner.compression.formats.compress import Settings


@contextmanager
def quiet_bar(title: str, *, quiet: bool) -> Iterator[Progress]:
    """Draw a progress bar, or none."""
    from fechner.cli.console import bar

    if quiet:
        yield silent
        return
    with bar(title) as progress:
        yield progress


@contextmanager
def saving(total: int, *, quiet: bool) -> Iterator[Callable[[SummaryRow], None]]:
    """Draw a bar that also tells the bytes saved; give what takes each finished row."""
    if quiet:
        yield lambda row: None
        return
    if not sys.stdout.isatty():
        from fechner.cli.console import bar

        with bar("Compressing") as progress:
            counted = count(1)
            yield lambda row: progress(next(counted), total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.progress import TimeRemainingColumn as TimeLeft

    told = TextColumn("{task.fields[saved]}")
    columns = (TextColumn("Compressing"), BarColumn(), MofNCompleteColumn(), told, TimeLeft())
    saved = 0
    with RichProgress(*columns) as drawing:
        task = drawing.add_task("", total=total, saved="")

        def on_row(row: SummaryRow) -> None:
            nonlocal saved
            saved += row.bytes_before - row.bytes_after
            drawing.update(task, advance=1, saved=f"{megabytes(saved)} saved")

        yield on_row


def megabytes(size: int) -> str:
    """Return a number of bytes in megabytes, as people read it."""
    return f"{size / 1e6:.2f} MB"


def aim(settings: Settings) -> str:
    """Return in one sentence what the pictures were compressed to."""
    target = settings.target
    if target.max_bytes is not None:
        wanted = f"at most {target.max_bytes} bytes each"
    elif target.bits_per_pixel is not None:
        wanted = f"at most {target.bits_per_pixel:g} bits per pixel"
    else:
        wanted = f"the important part as at quality {target.quality:g}"
    return f"Format {settings.form}, effort {settings.effort}: {wanted}."


MOST_NAMED = 10
"""Inputs that the terminal names; the summary names all."""


def tell(
    rows: Sequence[SummaryRow],
    out: Path,
    foreign: Sequence[Path],
    *,
    replaced_in: Path | None,
    quiet: bool,
) -> None:
    """Say what became of the inputs.

    Parameters
    ----------
    rows
        One an input.
    out
        Folder of the results.
    foreign
        Reports that were replaced and were not ours.
    replaced_in
        The folder whose pictures were replaced in place; None where none were.
    quiet
        Say only what was replaced that was not ours.
    """
    from fechner.cli.console import complaints, console
    from fechner.compression.folders.in_place import originals_in
    from fechner.compression.folders.summary import SHEET, SUMMARY, totals

    replaced = [row.note for row in rows if "which was not ours" in row.note]
    replaced += [f"replaced {path}, which was not ours" for path in foreign]
    for note in replaced:
        complaints.print(note, markup=False)
    if quiet:
        return
    sums = totals(rows)
    for status in ("skipped", "copied", "kept"):
        _name([row for row in rows if row.status == status])
    told = ", ".join(f"{count} {status}" for status, count in sums.counts.items())
    console.print(
        f"{told}: {megabytes(sums.bytes_before)} to {megabytes(sums.bytes_after)}, "
        f"{sums.saved_percent:.1f} % saved"
    )
    console.print(f"table: {out / SUMMARY}   crops: {out / SHEET}")
    if replaced_in is not None and originals_in(out):
        kept, there = originals_in(out)[-1], replaced_in
        there = there if there.is_dir() or not there.exists() else there.parent
        console.print(f"originals: {kept}; to put them back: cp -a {kept}/. {there}", markup=False)


def _name(rows: Sequence[SummaryRow]) -> None:
    """Name inputs of one status, each with its reason."""
    from fechner.cli.console import console

    for row in rows[:MOST_NAMED]:
        console.print(f"{row.status} {row.image}: {row.note}", markup=False)
    if len(rows) > MOST_NAMED:
        console.print(f"and {len(rows) - MOST_NAMED} more {rows[0].status}")


def tell_plan(jobs: Sequence[Job]) -> None:
    """List what would become of every input."""
    from fechner.cli.console import console
    from fechner.compression.folders.batch import foreseen

    counts: dict[str, int] = {}
    for job in jobs:
        what, told = foreseen(job)
        counts[what] = counts.get(what, 0) + 1
        console.print(f"{what:<9} {job.name}{told}", markup=False)
    console.print("dry run: " + ", ".join(f"{n} {what}" for what, n in counts.items()))


def tell_comparison(summary: dict[str, Any], conditions: Sequence[str]) -> None:
    """Say what each condition scored at equal bytes."""
    from rich.table import Table

    from fechner.cli.console import console

    console.print(
        f"{summary['pictures']} pictures, {summary['saving_percent']:.1f} % fewer bytes than a "
        "plain JPEG; SSIMULACRA2 at these bytes:"
    )
    table = Table("part", *conditions, box=None)
    for part, levels in summary["equal_bytes"].items():
        cells = ["" if levels[c] is None else f"{levels[c]:.1f}" for c in conditions]
        table.add_row(part, *cells)
    console.print(table)
