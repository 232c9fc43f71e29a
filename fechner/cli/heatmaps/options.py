"""Options that the commands of maps share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Selection = Annotated[
    Path | None, typer.Option(help="Channel selection (selection.json); none: all channels.")
]
Altered = Annotated[
    Path | None,
    typer.Option(
        "--against",
        help="Altered images of the same names (a folder, or one file for one image).",
    ),
]
Family = Annotated[
    str | None,
    typer.Option(help="How detail is removed: a family of `fechner degrade`. Default: a blur."),
]
Strength = Annotated[float | None, typer.Option(help="Strength, in the family's unit.")]
Network = Annotated[
    str | None, typer.Option("--network", "-n", help="Network, where no selection names one.")
]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", "-l", help="For distances: a layer; repeat to join more."),
]
Readout = Annotated[
    str | None,
    typer.Option(
        "--readout", "-r", help="For distances: cosine (default), unit (LPIPS style) or rms."
    ),
]
Weights = Annotated[
    Path | None, typer.Option(help="A checkpoint of the network, that of the selection if any.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
