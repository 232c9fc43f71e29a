"""``fechner`` without a command, and ``fechner status``: where one is, and what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fechner import __version__
from fechner.cli.console import console

BEGINNINGS = (
    ("fechner map photo.jpg", "a heat map of a photograph"),
    ("fechner compress photos -o smaller", "a smaller folder of photographs"),
    ("fechner stats screen ratings.csv --scale 1:5", "who rated carefully"),
    ("fechner stats scores ratings.csv --scale 1:5", "the MOS of each image"),
    ("fechner study init my-study", "a study of your own"),
    ("fechner demo", "the whole loop, with SIMULATED people"),
)


def show_beginnings() -> None:
    """Say what one can begin with, and what the present folder is."""
    console.print(
        f"[bold]fechner {__version__}[/]  which parts of an image matter, proved on people\n"
    )
    for command, gives in BEGINNINGS:
        console.print(f"  {command:<46}{gives}", markup=False)
    console.print(
        "\n  fechner --help lists every command, fechner status DIR says what a folder is,"
        "\n  fechner doctor what this machine has."
    )


def show_status(
    folder: Annotated[Path, typer.Argument(help="A folder; the present one if left out.")] = Path(),
) -> None:
    """Say what a folder is, what is done in it, and which command comes next.

    Example: fechner status my-study
    """
    from fechner.study.status import folder_status

    found = folder_status(folder)
    console.print(found.what, markup=False, soft_wrap=True)
    width = max((len(name) for name, _ in found.lines), default=0)
    for name, state in found.lines:
        console.print(f"  {name:<{width}}  {state}", markup=False, soft_wrap=True)
    if found.next:
        console.print(f"next: {found.next}", markup=False, soft_wrap=True)
