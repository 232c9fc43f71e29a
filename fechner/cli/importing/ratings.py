"""``fechner data import ratings``: a table of ratings of any layout becomes ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fechner.cli.console import console
from fechner.cli.importing.words import (
    ColumnsText,
    LabelsText,
    read_any,
    reading_of,
    scales_or_one,
)
from fechner.errors import InputError


def import_ratings(
    file: Annotated[
        Path, typer.Argument(help="Ratings as CSV, TSV, text, xlsx, xls or ods; long or wide.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The table to write (CSV).")],
    columns: ColumnsText = None,
    labels: LabelsText = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale",
            help="Ends, e.g. 1:5, or 1:5:low if low is good; of several dimensions each: "
            "quality=1:5.",
        ),
    ] = None,
    dimension: Annotated[
        str | None,
        typer.Option("--dimension", "-d", help="What was rated, where no column says it."),
    ] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="Which of several sheets.")] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Of a text file, e.g. cp1250; else found.")
    ] = None,
) -> None:
    """Turn a table of single ratings of any layout into ours, with its record beside it.

    Long or wide, other column names, decimal commas, words for numbers: what can be told is told
    and said, what cannot be told is asked for; a scale is never guessed. Missing ratings (empty,
    NA, n/a, NaN, null, a point or a dash) are left out and counted.

    Example: fechner data import ratings survey.xlsx --scale 1:5 -o ratings.csv
    """
    from fechner.records.ratings import write_ratings
    from fechner.records.simulated import marked_name

    if out.suffix.lower() not in (".csv", ".tsv"):
        raise InputError(f"--out expects a .csv or .tsv file, got {out}")
    reading = reading_of(columns, labels, dimension=dimension, sheet=sheet, encoding=encoding)
    found = read_any(file, scales_or_one(scale), reading)
    ratings = found.ratings
    out = out.with_name(marked_name(out.name, simulated=ratings.simulated))
    write_ratings(ratings, out, provenance_block=found.provenance)
    scales = ", ".join(
        f"{name} ({ratings.scale(name)}, {ratings.scale(name).good} is good)"
        for name in ratings.dimensions
    )
    images = ratings.table["image"].nunique()
    console.print(
        f"{len(ratings)} ratings of {images} images by {len(ratings.participants)} participants: "
        f"{scales}",
        markup=False,
        soft_wrap=True,
    )
    console.print(f"wrote {out}, {out.with_suffix('.json')}", markup=False, soft_wrap=True)
