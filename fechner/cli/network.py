"""``fechner network``: the networks at hand, what their channels say, and fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Networks: list, read activations, fine-tune.")

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Weights = Annotated[
    Path | None, typer.Option(help="Checkpoint to use instead of the published weights.")
]


@app.command("list")
def list_networks() -> None:
    """List every network, its usual layers, and whether its weights are here.

    Example: fechner networks
    """
    from rich.table import Table

    from fechner.analysis.network.networks import DEFAULT_NETWORK, catalogue
    from fechner.cli.console import console

    table = Table("network", "weights", "from", "layers (default first)", "licence")
    for info in catalogue():
        layers = [info.default_layer, *(name for name in info.layers if name != info.default_layer)]
        table.add_row(
            info.name + (" (default)" if info.name == DEFAULT_NETWORK else ""),
            "present" if info.present else "not here",
            info.source,
            "\n".join(layers),
            info.licence,
        )
    console.print(table)
    console.print(
        "Weights that are not here are downloaded at first use, or given as --weights FILE."
    )


@app.command()
def activations(
    images: Annotated[list[Path], typer.Argument(help="Image files or folders.")],
    out: Annotated[Path, typer.Option(help="Folder for the .npy files.")],
    network: Annotated[str, typer.Option(help="A name of `fechner networks`.")] = (
        "efficientnet_lite0"
    ),
    layer: Annotated[
        list[str] | None, typer.Option(help="Layer; repeat for several. Default: the last.")
    ] = None,
    pool: Annotated[
        str | None, typer.Option(help="Reduce over space: mean, max or mean_sd.")
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the square, in pixels.")] = 224,
    weights: Weights = None,
    device: Device = "auto",
) -> None:
    """Store what the channels of a network say of each image, as .npy files.

    An interrupted run goes on where it stopped.

    Example: fechner network activations photos/ --out cache --pool mean
    """
    from fechner.analysis.network.activations import activations as extract
    from fechner.analysis.network.networks import load_network
    from fechner.cli.console import bar, console
    from fechner.cli.paths import image_paths

    loaded = load_network(network, weights=weights, device=device)
    layers = layer or [loaded.default_layer]
    with bar("Activations") as progress:
        found = extract(
            loaded,
            layers,
            image_paths(images),
            size=size,
            pool=pool,  # type: ignore[arg-type]
            cache=out,
            progress=progress,
        )
    for name, values in found.items():
        shape = " x ".join(str(side) for side in values.values.shape)
        console.print(f"{name}: {shape} in {out / (values.key + '.npy')}")
