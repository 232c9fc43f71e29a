"""The terminal: one console, one look of progress bars."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fechner.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


MOST_COLUMNS = 1000
"""Characters: no table of ours is wider."""


def _console(*, stderr: bool = False, width: int | None = None) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=not sys.stdout.isatty())


class _LazyConsole:
    """A rich console that is made at its first use, so that ``--help`` does not pay for it."""

    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr
        self._made: Console | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = _console(stderr=self._stderr)
        return getattr(self._made, name)


def plain_table(*columns: str, whole: str) -> Table:
    """Return a table without lines; where a terminal is narrow cells are folded and never cut.

    The column called `whole` keeps its cells on one line: they are what people copy.
    """
    from rich.table import Column, Table

    return Table(
        *(Column(name, overflow="fold", no_wrap=name == whole) for name in columns), box=None
    )


SECONDS_BETWEEN_LINES = 60
"""How often work that lasts tells a log how far it is."""

console = _LazyConsole(stderr=False)
complaints = _LazyConsole(stderr=True)


def print_table(table: Table) -> None:
    """Print a table of numbers, none of them cut.

    Where it is wider than the terminal, that breaks its lines: a number without its end is another.
    """
    from rich.measure import Measurement

    wide = _console(width=MOST_COLUMNS)
    needed = Measurement.get(wide, wide.options, table).maximum
    _console(width=max(console.width, needed)).print(table)


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """Draw a progress bar with the time left while the block runs; give its callback.

    Where nobody watches (a log, a pipe) a line is written now and then instead.
    """
    if not sys.stdout.isatty():
        yield _lines(title)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as RichProgress,
    )

    narrow = console.width < 80
    columns = (
        TextColumn("{task.description}" if narrow else "{task.description:<28}"),
        BarColumn(bar_width=8 if narrow else 28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=_console()) as drawing:
        task = drawing.add_task(title, total=None)

        def progress(done: int, total: int) -> None:
            drawing.update(task, completed=done, total=total)

        yield progress


def _lines(title: str) -> Progress:
    """Return a callback that writes a line every `SECONDS_BETWEEN_LINES`, none for short work."""
    began = said = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < SECONDS_BETWEEN_LINES or not 0 < done < total:
            return
        said, spent = now, now - began
        left = spent * (total - done) / done
        print(
            f"{title}: {done} of {total}, {_clock(spent)}, about {_clock(left)} left",
            file=sys.stderr,
            flush=True,
        )

    return progress


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
