"""``fechner data``: rated images and their labels before anything is computed from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.console import bar, console
from fechner.cli.importing import ratings as ratings_of_any_table
from fechner.cli.importing import sets
from fechner.cli.importing.sets import say_direction, say_what_is_there
from fechner.cli.importing.words import scales_of
from fechner.cli.options.running import Cluster, Jobs
from fechner.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from fechner.records.rated_images import RatedImages

app = typer.Typer(
    no_args_is_help=True, help="Import, check and describe rated images; photographs to try with."
)

sets.app.command("ratings")(ratings_of_any_table.import_ratings)
app.add_typer(sets.app, name="import")

Table = Annotated[
    Path, typer.Argument(help="CSV of rated images, beside its JSON.", show_default=False)
]
Scales = Annotated[
    list[str] | None,
    typer.Option(
        "--scale", help="NAME=MINIMUM:MAXIMUM[:low], where no JSON declares it; once a dimension."
    ),
]


@app.command()
def check(
    table: Table,
    ratings: Annotated[
        Path | None, typer.Option("--ratings", help="Long table of single ratings, checked too.")
    ] = None,
    scale: Scales = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
) -> None:
    """Check a table, its scales and every image file, and say what is there.

    Of a table of pairs also whether image and reference are equally large and differ, and,
    against the PSNR of some pairs, whether the declared end of the scale is the good one.

    Example: fechner data check images/rated.csv --scale quality=1:5
    """
    from fechner.data.checking import require_varied, unknown_images
    from fechner.executors import executor
    from fechner.records.rated_images import read_rated_images, require_scenes
    from fechner.records.ratings import read_ratings

    rated = read_rated_images(table, scales=scales_of(scale))
    files = [*rated.paths, *(path for path in rated.references if path not in set(rated.paths))]
    with executor(jobs, cluster) as pool:
        _check_images(files, pool)
        require_scenes(rated)
        require_varied(rated)
        say_what_is_there(rated)
        if rated.references:
            _check_pairs(rated, str(table), pool)
    if ratings is not None:
        long = read_ratings(ratings, scales=rated.scales)
        unknown = unknown_images(rated, long)
        if unknown:
            raise InputError(
                f"{ratings} rates {len(unknown)} images that {table} does not hold, first "
                f"{unknown[0]!r}; both tables must call an image by the same path"
            )
        people = len(long.participants)
        console.print(f"{len(long)} single ratings of {people} participants")
    console.print("[green]all in order[/green]")


@app.command()
def describe(
    table: Table,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and figures.")],
    dimension: Annotated[
        list[str] | None, typer.Option("--dimension", "-d", help="Only these; repeatable.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Column that groups the images.")] = None,
    level: Annotated[
        str | None,
        typer.Option(
            "--level", help="Of pairs: column with the strength of the distortion (default: level)."
        ),
    ] = None,
    ratings: Annotated[
        Path | None,
        typer.Option("--ratings", help="Long table of single ratings, for their spread."),
    ] = None,
    scale: Scales = None,
) -> None:
    """Show how the ratings are distributed and what that keeps an alignment from showing.

    Of a table of pairs (columns reference and family) also the scores by distortion and level.

    Example: fechner data describe kadid.csv --by family --out labels
    """
    from fechner.data.description import describe as write_description
    from fechner.records.rated_images import read_rated_images
    from fechner.records.ratings import read_ratings

    rated = read_rated_images(table, scales=scales_of(scale), check_images=False)
    long = read_ratings(ratings, scales=rated.scales) if ratings is not None else None
    with bar("Dimensions") as progress:
        found = write_description(
            rated, out, dimensions=dimension, ratings=long, by=by, level=level, progress=progress
        )
    columns = [
        "dimension",
        "n",
        "mean",
        "sd",
        "skew",
        "kurtosis",
        "dip_p",
        "bimodality",
        "components",
    ]
    shown = found.table[columns].to_string(index=False, float_format=lambda x: f"{x:.3g}")
    console.print(shown, markup=False, soft_wrap=True)
    for warning in found.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    for note in found.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    console.print(f"{len(found.files)} tables and figures are in {out}", soft_wrap=True)


@app.command()
def photographs() -> None:
    """List the photographs on this machine that fechner can be tried with.

    Example: fechner data photographs
    """
    from fechner.data.photographs import CATALOGUE

    for photograph in CATALOGUE:
        where = photograph.path or f"absent: comes with {photograph.package}"
        console.print(f"{photograph.name}: {where}", markup=False, soft_wrap=True)
        console.print(
            f"    {photograph.licence}; {photograph.source}", markup=False, soft_wrap=True
        )


def _check_images(files: list[Path], pool: Executor) -> None:
    """Name every image file that cannot be used."""
    from fechner.data.checking import unusable_images

    with bar("Images") as progress:
        problems = unusable_images(files, pool=pool, progress=progress)
    for problem in problems:
        console.print(problem, soft_wrap=True)
    if problems:
        raise InputError(
            f"{len(problems)} of {len(files)} images cannot be used, listed above; replace them "
            "or leave out their rows"
        )


def _check_pairs(rated: RatedImages, source: str, pool: Executor) -> None:
    """Check and count the pairs of a table, and which end of its scales is good."""
    from fechner.data.pairs import reference_pairs

    without = (rated.table["reference"] == "") & ~rated.table["image"].isin(
        rated.table["reference"]
    )
    if without.any():
        console.print(
            f"{int(without.sum())} of {len(rated)} images have no reference: pairs not checked"
        )
        return
    with bar("Pairs") as progress:
        pairs = reference_pairs(rated, rated.dimensions[0], pool=pool, progress=progress)
    for name in rated.dimensions[1:]:
        reference_pairs(rated, name, check_files=False)
    console.print(f"{len(pairs)} pairs with {len(rated.references)} references")
    say_direction(rated, source, images=True)
