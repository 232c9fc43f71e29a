"""Options that ``fechner compress`` and ``fechner compress compare`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

IMPORTANCE, SIZE, FILES, SAFETY = (
    "What is important",
    "How much",
    "What is written",
    "What is left alone",
)
"""Headings of the help."""

Paths = Annotated[list[Path], typer.Argument(help="Pictures, and folders searched through.")]
Map = Annotated[
    str,
    typer.Option(
        "--map",
        help="Where importance comes from: network (where a network sees damage), centre, "
        "uniform (the same everywhere), or a folder of grey maps (NAME.png).",
        rich_help_panel=IMPORTANCE,
    ),
]
Centre = Annotated[
    bool, typer.Option("--centre", help="Short for --map centre.", rich_help_panel=IMPORTANCE)
]
Selection = Annotated[
    Path | None,
    typer.Option(
        help="Channel selection (selection.json) whose maps are used.", rich_help_panel=IMPORTANCE
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="A checkpoint of the network, that of the selection if any.",
        rich_help_panel=IMPORTANCE,
    ),
]
