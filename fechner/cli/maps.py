"""``fechner maps``: where images matter, drawn from a channel selection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fechner.analysis.network.importance_records import ImportanceMaps

app = typer.Typer(no_args_is_help=True, help="Importance maps of images.")


@app.callback()
def _group() -> None:
    """Make importance maps of images."""


@app.command()
def make(
    images: Annotated[list[Path], typer.Argument(help="Image files or folders.")],
    selection: Annotated[Path, typer.Option(help="Channel selection (selection.json).")],
    out: Annotated[Path, typer.Option(help="Folder for the maps.")],
    method: Annotated[
        str | None, typer.Option(help="A candidate of the selection instead of the chosen one.")
    ] = None,
    overlays: Annotated[bool, typer.Option(help="Also draw each map over its image.")] = True,
    short_side: Annotated[
        int | None, typer.Option(help="Pixels of the short side in the network.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="The checkpoint that the selection was made with.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Make the importance maps of images, all on one scale.

    Example: fechner maps make photos/ --selection channels/selection.json --out maps
    """
    from fechner.analysis.network.importance import SHORT_SIDE, importance_maps
    from fechner.analysis.network.networks import load_network
    from fechner.analysis.network.selection_records import read_selection
    from fechner.cli.console import bar, console
    from fechner.cli.paths import by_name, image_paths

    study = read_selection(selection)
    chosen = study.by_method(method) if method else study.choice
    named = by_name(image_paths(images))
    network = load_network(chosen.network, weights=weights, device=device)
    with bar("Importance maps") as progress:
        made = importance_maps(
            network,
            named,
            chosen,
            folder=out,
            short_side=short_side or SHORT_SIDE,
            progress=progress,
        )
    if overlays:
        _draw(made, named)
    console.print(
        f"{len(made)} maps of {chosen.dimension} by {chosen.method} in {out}; importance 1 is a "
        f"contribution of {made.record['scale']:.4g}, for better or worse"
    )


def _draw(made: ImportanceMaps, images: dict[str, Path]) -> None:
    """Write ``overlays/NAME.png``: the map in colour over the image in grey."""
    import matplotlib
    import numpy as np

    from fechner.data.images import read_image, write_png

    colours = matplotlib.colormaps["viridis"]
    for name, path in images.items():
        image = read_image(path)
        grey = image.mean(axis=2, keepdims=True)
        colour = 255 * colours(made.maps[name].values)[..., :3]
        mixed = np.rint(0.45 * grey + 0.55 * colour).astype(np.uint8)
        (made.folder / "overlays").mkdir(exist_ok=True)
        write_png(made.folder / "overlays" / f"{name}.png", mixed)
