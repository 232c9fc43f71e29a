"""The terminal: one console, one look of progress bars."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fechner.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=not sys.stdout.isatty())


class _LazyConsole:
    """A rich console that is made at its first use, so that ``--help`` does not pay for it."""

    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr
        self._made: Console | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = _console(stderr=self._stderr)
        return getattr(self._made, name)


console = _LazyConsole(stderr=False)
complaints = _LazyConsole(stderr=True)


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """Draw a progress bar with the time left while the block runs; give its callback."""
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

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=28),
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
