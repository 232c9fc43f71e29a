"""``fechner maps``: where images matter, drawn from a channel selection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.judging.against_people import against_people
from fechner.cli.judging.check import check
from fechner.cli.judging.judge import judge
from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.records.maps import ImportanceMaps

Family = Annotated[
    str | None,
    typer.Option(help="How detail is removed: a family of `fechner degrade`. Default: a blur."),
]
Strength = Annotated[float | None, typer.Option(help="Strength, in the family's unit.")]

app = typer.Typer(no_args_is_help=True, help="Importance maps of images.")


@app.callback()
def _group() -> None:
    """Make importance maps of images."""


@app.command()
def make(
    images: Annotated[list[Path], typer.Argument(help="Image files or folders.")],
    selection: Annotated[Path, typer.Option(help="Channel selection (selection.json).")],
    out: Annotated[Path, typer.Option(help="Folder for the maps.")],
    candidate: Annotated[
        str | None, typer.Option(help="A candidate of the selection instead of the chosen one.")
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="removal (what degrading a place costs), contribution (what it adds), or auto: "
            "removal where the selection predicts ratings."
        ),
    ] = "auto",
    family: Family = None,
    strength: Strength = None,
    overlays: Annotated[bool, typer.Option(help="Also draw each map over its image.")] = True,
    short_side: Annotated[
        int | None, typer.Option(help="For contributions: pixels of the short side in the network.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="The checkpoint that the selection was made with.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Make the importance maps of images, all on one scale.

    Example: fechner maps make photos/ --selection channels/selection.json --out maps
    """
    from fechner.analysis.network.layers.networks import load_network
    from fechner.analysis.network.maps.importance import SHORT_SIDE, importance_maps, map_method
    from fechner.cli.console import bar, console
    from fechner.cli.paths import by_name, image_paths
    from fechner.records.selection import read_selection
    from fechner.study.maps import degradation_of

    study = read_selection(selection)
    chosen = study.by_method(candidate) if candidate else study.choice
    named = by_name(image_paths(images))
    kind = map_method(chosen, asked=method)
    if kind == "contribution" and (family, strength) != (None, None):
        raise InputError(
            "--family and --strength belong to maps by removal, these are contributions; "
            "leave them out or give --method removal"
        )
    degradation = degradation_of(family, strength)
    network = load_network(chosen.network, weights=weights, device=device)
    with bar("Importance maps") as progress:
        made = importance_maps(
            network,
            named,
            chosen,
            folder=out,
            method=kind,
            degradation=degradation,
            short_side=short_side or SHORT_SIDE,
            progress=progress,
        )
    if overlays:
        _draw(made, named)
    meaning = "for better or worse" if kind == "contribution" else "lost when degraded"
    console.print(
        f"{len(made)} maps ({kind}) of {chosen.dimension} by {chosen.method} in {out}; "
        "importance 1 is "
        f"{made.record['scale']:.4g} of the prediction, {meaning}",
        soft_wrap=True,
    )


app.command()(check)
app.command()(judge)
app.command("against-people")(against_people)


def _draw(made: ImportanceMaps, images: dict[str, Path]) -> None:
    """Write ``overlays/NAME.png``: the map in colour over the image in grey."""
    import numpy as np

    from fechner.records.images.files import read_image, write_png
    from fechner.stimuli.overlays import coloured_map

    for name, path in images.items():
        image = read_image(path)
        grey = image.mean(axis=2, keepdims=True)
        mixed = np.rint(0.45 * grey + 0.55 * coloured_map(made.maps[name].values)).astype(np.uint8)
        (made.folder / "overlays").mkdir(exist_ok=True)
        write_png(made.folder / "overlays" / f"{name}.png", mixed)
