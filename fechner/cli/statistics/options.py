"""Arguments of the commands of ``fechner stats``, how they read ratings and show tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.importing.words import ColumnsText as ColumnsText
from fechner.cli.importing.words import LabelsText as LabelsText
from fechner.cli.importing.words import read_any, reading_of, scale_of

if TYPE_CHECKING:
    import pandas as pd

    from fechner.records.ratings import Ratings
    from fechner.records.screening.attention import Attention

RatingsFile = Annotated[
    Path,
    typer.Argument(help="Ratings, long or wide: CSV, xlsx or ods (docs/howto-statistics.md)."),
]
StimuliFile = Annotated[Path, typer.Argument(help="stimuli.csv, or the folder that holds it.")]
Dimension = Annotated[
    str | None,
    typer.Option("--dimension", "-d", help="Which rating dimension, where there are several."),
]
ScaleText = Annotated[
    str | None,
    typer.Option(
        "--scale", help="Ends, e.g. 1:5, or 1:5:low if low is good; else from the .json beside."
    ),
]
AttentionFile = Annotated[
    Path | None,
    typer.Option("--attention", help="attention.csv of the sessions: checks and repeats."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Also write the result here.")]


def read_given(
    path: Path, scale: str | None, columns: str | None = None, labels: str | None = None
) -> Ratings:
    """Return the ratings of a table of any layout; what was found out goes to the error stream.

    Parameters
    ----------
    path
        The table.
    scale
        Of every dimension; where left out, what is declared for the table.
    columns, labels
        What its columns hold and what its words stand for, where that cannot be told.

    Returns
    -------
    Ratings
        Without the missing ones, which are counted.

    Raises
    ------
    InputError
        Whatever `fechner.data.importing.reader.import_ratings` refuses.
    """
    given = None if scale is None else scale_of(scale)
    return read_any(path, given, reading_of(columns, labels)).ratings


def complain(warnings: Sequence[str]) -> None:
    """Print what a reader must be warned of, on the error stream."""
    from fechner.cli.console import complaints

    for warning in warnings:
        complaints.print(f"note: {warning}", markup=False)


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Return names for a sentence: at most `limit`, then how many more."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(str, names[:limit])) + more


def show(table: pd.DataFrame, out: Path | None) -> None:
    """Print a table, wide ones in parts below each other, and write it whole as CSV where asked."""
    from rich.table import Table
    from rich.text import Text

    from fechner.cli.console import console
    from fechner.provenance import write_text
    from fechner.records.cells import csv_text

    cells = {
        str(name).replace("_", " "): [_cell(value) for value in table[name]]
        for name in table.columns
    }
    for number, part in enumerate(parts_that_fit(cells, console.width)):
        drawn = Table(*part, box=None)
        for row in zip(*(cells[name] for name in part), strict=True):
            drawn.add_row(*map(Text, row))
        console.print(*[""] * bool(number), drawn, sep="\n")
    if out is not None:
        write_text(out, csv_text(table, out))
        console.print(f"wrote {out}")


def parts_that_fit(cells: Mapping[str, Sequence[str]], width: int) -> list[list[str]]:
    """Return the columns of each part of a table that fits `width`; each begins with the first.

    Examples
    --------
    >>> parts_that_fit({"who": ["Ann"], "n": ["3"], "mean": ["2.5"]}, 12)
    [['who', 'n'], ['who', 'mean']]
    """
    first, *others = cells
    wide = {name: max(map(len, (name, *values))) + 2 for name, values in cells.items()}
    parts = [[first]]
    for name in others:
        if sum(wide[one] for one in parts[-1]) + wide[name] > width and len(parts[-1]) > 1:
            parts.append([first])
        parts[-1].append(name)
    return parts


def _cell(value: object) -> str:
    if isinstance(value, float) and value != value:  # As the interval of a single rating.
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def read_attention_of(path: Path | None) -> dict[str, Attention] | None:
    """Return the attention table where one was given."""
    from fechner.records.screening.attention import read_attention

    return None if path is None else read_attention(path)
