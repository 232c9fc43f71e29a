"""``fechner maps``: where images matter, drawn from a channel selection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.heatmaps.options import (
    Altered,
    Device,
    Family,
    Layers,
    Network,
    Readout,
    Selection,
    Strength,
    Weights,
)
from fechner.cli.judging.against_people import against_people
from fechner.cli.judging.check import check
from fechner.cli.judging.judge import judge
from fechner.cli.options.running import Cluster, Jobs
from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.records.maps import ImportanceMaps
    from fechner.study.maps import MapsAsked

METHOD_WORDS = {"distance": "damage", "distance_per_error": "damage per error"}
"""What a kind of map is called where its method's name does not say it."""

app = typer.Typer(no_args_is_help=True, help="Importance maps of images.")


@app.callback()
def _group() -> None:
    """Make importance maps of images."""


@app.command()
def make(
    images: Annotated[list[Path], typer.Argument(help="Image files or folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the maps.")],
    selection: Selection = None,
    candidate: Annotated[
        str | None, typer.Option(help="A candidate of the selection instead of the chosen one.")
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="distance (where a layer sees the damage), distance_per_error (how much of each "
            "unit of error), removal (what degrading a place costs the prediction), contribution "
            "(what it adds), or auto: removal where a selection predicts ratings, distance "
            "without one."
        ),
    ] = "auto",
    against: Altered = None,
    family: Family = None,
    strength: Strength = None,
    network: Network = None,
    layer: Layers = None,
    readout: Readout = None,
    overlays: Annotated[bool, typer.Option(help="Also draw each map over its image.")] = True,
    short_side: Annotated[
        int | None,
        typer.Option(
            min=1, help="Pixels of the short side in the network. Distances: native size."
        ),
    ] = None,
    weights: Weights = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    cluster: Cluster = None,
) -> None:
    """Make the importance maps of images, all on one scale.

    Example: fechner maps make photos/ --out maps
    """
    from fechner.analysis.network.maps.importance import SHORT_SIDE
    from fechner.analysis.network.maps.making import importance_maps
    from fechner.cli.console import bar, console
    from fechner.cli.paths import by_name, degraded_of, image_paths
    from fechner.executors import executor
    from fechner.study.maps import degradation_of, mapping_network

    named = by_name(image_paths(images))
    asked = mapping_network(
        selection,
        candidate=candidate,
        method=method,
        network=network,
        layers=layer,
        readout=readout,
        short_side=short_side,
        weights=weights,
        device=device,
    )
    _check_degradation(asked.method, against, family, strength)
    with executor(jobs, cluster) as pool, bar("Importance maps") as progress:
        made = importance_maps(
            asked.network,
            named,
            asked.selection,
            folder=out,
            method=asked.method,
            degradation=degradation_of(family, strength),
            against=None if against is None else degraded_of(against, named),
            distance=asked.distance,
            short_side=short_side or SHORT_SIDE,
            pool=pool,
            progress=progress,
        )
    if overlays:
        _draw(made, named)
    console.print(_told(made, asked, out), soft_wrap=True)
    for note in dict.fromkeys(one.record.get("note") for one in made.maps.values()):
        if note:
            console.print(f"note: {note}", soft_wrap=True)


def _check_degradation(
    method: str, against: Path | None, family: str | None, strength: float | None
) -> None:
    if method == "contribution" and (family, strength) != (None, None):
        raise InputError(
            "--family and --strength belong to maps by removal and by distance, these are "
            "contributions; leave them out or give --method removal"
        )
    if against is not None and (family, strength) != (None, None):
        raise InputError(
            "--against gives the degraded images, --family and --strength make them; give one of "
            "the two"
        )


def _told(made: ImportanceMaps, asked: MapsAsked, out: Path) -> str:
    """Return what a set of maps shows, in one line."""
    whose = "all channels"
    if asked.selection is not None:
        whose = f"{asked.selection.dimension} by {asked.selection.method}"
    meaning = {
        "contribution": "of the prediction, for better or worse",
        "removal": "of the prediction, lost when degraded",
    }.get(asked.method, str(made.record["unit"]))
    kind = METHOD_WORDS.get(asked.method, asked.method)
    return (
        f"{len(made)} {'map' if len(made) == 1 else 'maps'} ({kind}) of {whose} in {out}; "
        f"importance 1 is {made.record['scale']:.4g} {meaning}"
    )


app.command()(check)
app.command()(judge)
app.command("against-people")(against_people)


def _draw(made: ImportanceMaps, images: dict[str, Path]) -> None:
    """Write ``overlays/NAME.png``: the map in colour over the image."""
    from fechner.records.images.files import read_image, write_png
    from fechner.stimuli.overlays import overlaid

    (made.folder / "overlays").mkdir(exist_ok=True)
    for name, found in made.maps.items():
        mixed = overlaid(read_image(images[name]), found.values)
        write_png(made.folder / "overlays" / f"{name}.png", mixed)
