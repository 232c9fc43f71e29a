"""``fechner data import SET``: public rated image sets as tables of ours.

``import`` is a group so that ``import ratings`` can have options of its own; every other first
word is the name of a set.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from fechner.cli.console import console
from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.records.rated_images import RatedImages

SETS = (
    "tid2008", "tid2013", "kadid10k", "csiq", "live", "pipal", "avt", "avt_compressed",
    "aigciqa2023", "agiqa3k",
)  # fmt: skip
"""The names of `fechner.data.catalog.LOADERS`, so that ``--help`` need not import them."""


class SetsAndMore(TyperGroup):
    """The group ``import``: a word that names none of its commands is the name of a set."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command for the first word, and what is left of the line."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "SET", self.commands["SET"], args


app = typer.Typer(
    cls=SetsAndMore,
    no_args_is_help=True,
    context_settings={"ignore_unknown_options": True},
    subcommand_metavar="SET SOURCE | ratings FILE",
    help="Turn a public rated image set, or ratings in any layout, into tables of ours.",
)


@app.command("SET")
def import_set(
    name: Annotated[str, typer.Argument(metavar="SET", help=f"One of: {', '.join(SETS)}.")],
    source: Annotated[Path, typer.Argument(help="Folder of the set, as published.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The table to write (CSV).")],
    scores_only: Annotated[
        bool, typer.Option("--scores-only", help="Do not look for the image files.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept a part of the set, and say how large it is.")
    ] = False,
) -> None:
    """Turn a public rated image set into a table of ours; the images stay where they are.

    What is there is held against what was published: how many images, how far the scores
    reach, and, against the PSNR of some pairs, which end of them is good.

    Example: fechner data import kadid10k ~/sets/kadid10k --out kadid.csv
    """
    from fechner.data.catalog import load, write_public_set
    from fechner.data.sets.facts import FACTS

    if out.suffix.lower() not in (".csv", ".tsv"):
        raise InputError(f"--out expects a .csv or .tsv file, got {out}")
    public = load(name, source, check_images=not scores_only, partial=partial)
    rated = public.rated
    say_what_is_there(rated)
    for note in public.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    if "reference" in rated.table:
        say_direction(rated, str(source), images=not scores_only)
    written = write_public_set(public, out)
    if public.ratings is not None:
        people = len(public.ratings.participants)
        console.print(f"{len(public.ratings)} single ratings of {people} participants")
    console.print("wrote " + ", ".join(str(path) for path in written), soft_wrap=True)
    facts = FACTS[name]
    cited = f"cite {facts.citation}; terms: {facts.terms}"
    console.print(cited, markup=False, soft_wrap=True)


def say_direction(rated: RatedImages, source: str, *, images: bool) -> None:
    """Say of every dimension which end is good and whether PSNR agrees; refuse a contradiction."""
    from fechner.data.direction import direction_of_scores, require_direction

    for name, scale in rated.scales.items():
        if not images:
            better = "higher" if scale.good == "high" else "lower"
            said = f"{name}: {better} is better: not checked, because images were not looked for"
            console.print(said, markup=False, soft_wrap=True)
            continue
        direction = direction_of_scores(rated, name)
        require_direction(direction, source)
        console.print(str(direction), markup=False, soft_wrap=True)


def say_what_is_there(rated: RatedImages) -> None:
    """Say how many images and scenes a table has, and on which scales they were rated."""
    import numpy as np

    scales = ", ".join(f"{name} ({scale})" for name, scale in rated.scales.items())
    said = " SIMULATED" if rated.simulated else ""
    console.print(
        f"{len(rated)} images of {len(np.unique(rated.scenes))} scenes, with{said} ratings of "
        f"{scales}",
        markup=False,
        soft_wrap=True,
    )
