"""Arguments of the commands of ``fechner stats``, how they read ratings and show tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from fechner.records.ratings import Ratings
    from fechner.records.scales import Scale

RatingsFile = Annotated[
    Path, typer.Argument(help="Long table: participant, image, dimension, rating (CSV).")
]
StimuliFile = Annotated[Path, typer.Argument(help="stimuli.csv, or the folder that holds it.")]
Dimension = Annotated[
    str | None, typer.Option(help="Which rating dimension, where there are several.")
]
ScaleText = Annotated[
    str | None,
    typer.Option(
        "--scale", help="Ends, e.g. 1:5, or 1:5:low if low is good; else from the .json beside."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Also write the result here.")]


def read_given(path: Path, scale: str | None) -> Ratings:
    """Return the ratings, on the scale that is given here or else declared for the table."""
    from fechner.records.cells import read_cells, require_columns
    from fechner.records.ratings import read_ratings

    if scale is None:
        return read_ratings(path)
    cells = read_cells(path)
    require_columns(cells, ("dimension",), path)
    return read_ratings(path, scales=dict.fromkeys(cells["dimension"].unique(), _scale(scale)))


def _scale(text: str) -> Scale:
    from pydantic import ValidationError

    from fechner.records.scales import Scale

    parts = text.split(":")
    good = parts[2] if len(parts) > 2 else "high"
    try:
        return Scale(float(parts[0]), float(parts[1]), good)  # type: ignore[arg-type]
    except (ValueError, IndexError, ValidationError) as error:
        raise InputError(
            f"--scale expects MINIMUM:MAXIMUM or MINIMUM:MAXIMUM:low, got {text!r}"
        ) from error


def complain(warnings: Sequence[str]) -> None:
    """Print what a reader must be warned of, on the error stream."""
    from fechner.cli.console import complaints

    for warning in warnings:
        complaints.print(f"note: {warning}", markup=False)


def show(table: pd.DataFrame, out: Path | None) -> None:
    """Print a table, and write it whole as CSV where asked."""
    from rich.table import Table
    from rich.text import Text

    from fechner.cli.console import console
    from fechner.provenance import write_text
    from fechner.records.cells import csv_text

    drawn = Table(*(name.replace("_", " ") for name in map(str, table.columns)), box=None)
    for row in table.itertuples(index=False):
        drawn.add_row(*(Text(_cell(value)) for value in row))
    console.print(drawn)
    if out is not None:
        write_text(out, csv_text(table, out))
        console.print(f"wrote {out}")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
