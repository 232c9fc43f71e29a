"""``fechner demo`` and ``fechner study``: the whole way, with one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fechner.cli.console import bar, console
from fechner.errors import InputError, nearest

app = typer.Typer(no_args_is_help=True, help="Run a study of your own, step by step or whole.")

Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", help="Processes; all cores when left out.")
]
Cluster = Annotated[
    str | None, typer.Option("--cluster", help="Address of a Dask scheduler to run on.")
]
File = Annotated[Path, typer.Argument(help="The study file, or the folder that holds study.toml.")]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the study shall live.")],
) -> None:
    """Write a commented study.toml to fill in.

    Example: fechner study init my-study
    """
    from fechner.study.file import write_template

    path = write_template(folder)
    console.print(f"wrote {path}; name your images there, then: fechner study run {path}")
