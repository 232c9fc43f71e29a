"""Where a command's work runs: ``--jobs`` and ``--cluster``, the same words on each that has them.

`fechner.executors.executor` makes of both what every loop takes.
"""

from __future__ import annotations

from typing import Annotated

import typer

RUNNING = "Running"
"""Heading of the help."""

Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=0,
        help="Processes that share the work; 0: one a core.",
        rich_help_panel=RUNNING,
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Address of a Dask scheduler whose workers share the work instead.",
        rich_help_panel=RUNNING,
    ),
]
