"""What ``fechner compress`` says while it works and when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fechner.progress import Progress, silent

if TYPE_CHECKING:
    from fechner.compression.folders.batch import SummaryRow
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


def megabytes(count: int) -> str:
    """Return a number of bytes in megabytes, as people read it."""
    return f"{count / 1e6:.2f} MB"


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
