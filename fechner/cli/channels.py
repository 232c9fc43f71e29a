"""``fechner channels``: which channels of a network carry quality, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fechner.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from fechner.analysis.network.activations import Activations
    from fechner.analysis.network.networks import Network
    from fechner.data.tables import RatedImages

app = typer.Typer(
    no_args_is_help=True, help="Channels: select them, compare ways to, see what changed."
)

Table = Annotated[Path, typer.Argument(help="CSV of rated images.", show_default=False)]
Dimension = Annotated[
    str | None, typer.Option("--dimension", "-d", help="Rating dimension. Default: the first.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and figures.")]
Weights = Annotated[
    Path | None, typer.Option(help="Checkpoint to use instead of the published weights.")
]
Size = Annotated[int, typer.Option(help="Side in pixels that images are squashed to.")]
Fit = Annotated[
    str, typer.Option(help="spearman, tau_a, pearson, rmse_linear or rmse_monotone drives pruning.")
]
Kernel = Annotated[str, typer.Option(help="absolute, squared, rank or gaussian.")]
Similarity = Annotated[str, typer.Option(help="cosine, pearson, euclidean or dot.")]
Seed = Annotated[int, typer.Option(help="Of splits, shuffles and bootstraps.")]
Cache = Annotated[Path | None, typer.Option(help="Folder that keeps activations between runs.")]
Shuffles = Annotated[int, typer.Option(help="Repeats of everything under shuffled ratings.")]


@app.command()
def select(
    table: Table,
    out: Out,
    dimension: Dimension = None,
    network: Annotated[str, typer.Option(help="A name of `fechner networks`.")] = (
        "efficientnet_lite0"
    ),
    layer: Annotated[str | None, typer.Option(help="Default: the last convolution.")] = None,
    weights: Weights = None,
    size: Size = 224,
    pool: Annotated[
        str | None, typer.Option(help="Pool over space before comparing: mean or max.")
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", "-s", help="METHOD or METHOD:CONTROL; repeat for several."),
    ] = None,
    drive: Annotated[
        str, typer.Option("--select", help="evidence, 'best held-out', or a strategy.")
    ] = "evidence",
    held_out: Annotated[float, typer.Option(help="Share of the scenes that only judge.")] = 0.33,
    shuffles: Shuffles = 20,
    fit: Fit = "spearman",
    kernel: Kernel = "absolute",
    similarity: Similarity = "cosine",
    ratings: Annotated[
        Path | None, typer.Option(help="Long table of single ratings, for the noise ceiling.")
    ] = None,
    seed: Seed = 0,
    cache: Cache = None,
) -> None:
    """Select channels on some scenes, judge them on the others, with shuffled controls.

    Writes selection.json, channels.csv, evidence.csv, curves.csv and figures.

    Example: fechner channels select rated.csv -d quality -s negative -s readout --out channels
    """
    from fechner.analysis.network.rated_features import Objective
    from fechner.analysis.network.selection import STRATEGIES, select_channels
    from fechner.cli.console import bar, console
    from fechner.data.tables import is_simulated, read_rated_images
    from fechner.report.selection_tables import write_selection

    rated = read_rated_images(table)
    chosen = dimension or rated.dimensions[0]
    rated.scores(chosen)
    objective = Objective(similarity, kernel, fit)
    source = _network(network, weights)
    (found,) = _activations(source, [layer or source.default_layer], rated, size, cache)
    with bar("Channels") as progress:
        study = select_channels(
            _pooled(found, pool),
            rated,
            chosen,
            network=source.name,
            layer=found.layer,
            weights_sha256=source.weights_sha256,
            preprocessing=found.preprocessing,
            pool=pool,
            held_out=held_out,
            strategies=strategy or STRATEGIES,
            shuffles=shuffles,
            select=drive,
            objective=objective,
            individual=_individual(ratings, rated, chosen),
            seed=seed,
            simulated=is_simulated(table),
            progress=progress,
        )
    study.write(out / "selection.json")
    evidence = write_selection(study, out)
    with bar("Pruning curves") as progress:
        _trace(_pooled(found, pool), rated, study.choice, objective, shuffles, seed, out, progress)
    _show(evidence)
    if study.noise_ceiling:
        low, high = study.noise_ceiling
        console.print(f"noise ceiling of alignment, held-out images: {low:.3f} to {high:.3f}")
    console.print(study.reason, soft_wrap=True)
    console.print(f"wrote {out}", soft_wrap=True)


@app.command()
def compare(
    table: Table,
    out: Out,
    dimension: Annotated[
        list[str] | None, typer.Option("--dimension", "-d", help="Repeat; default: all.")
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--network", "-n", help="NAME or NAME=CHECKPOINT; repeat for several."),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", "-l", help="LAYER, A+B (joined) or NETWORK/LAYER; default: last."),
    ] = None,
    pooling: Annotated[
        list[str] | None, typer.Option("--pooling", "-p", help="space, mean, max or mean_sd.")
    ] = None,
    strategy: Annotated[
        list[str] | None, typer.Option("--strategy", "-s", help="METHOD or METHOD:CONTROL.")
    ] = None,
    nested: Annotated[
        bool, typer.Option(help="Add the choice of the best strategy, made inside the folds.")
    ] = False,
    size: Size = 224,
    folds: Annotated[int, typer.Option(help="Outer folds of whole scenes.")] = 5,
    repeats: Annotated[int, typer.Option(help="Partitions into folds to average over.")] = 1,
    shuffles: Shuffles = 20,
    fit: Fit = "spearman",
    kernel: Kernel = "absolute",
    similarity: Similarity = "cosine",
    ratings: Annotated[
        Path | None, typer.Option(help="Long table of single ratings, for the noise ceiling.")
    ] = None,
    seed: Seed = 0,
    cache: Cache = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes.")] = 1,
) -> None:
    """Rank networks, layers, poolings and strategies by what they reach on held-out images.

    Example: fechner channels compare rated.csv -n efficientnet_lite0 -n alexnet=alexnet.pth
    -p space -p mean -s all -s greedy -s readout --out comparison
    """
    from fechner.analysis.network.compare import compare as compare_all
    from fechner.analysis.network.rated_features import Objective, rated_features
    from fechner.analysis.network.strategies import parse_strategy
    from fechner.cli.console import bar, console
    from fechner.data.tables import is_simulated, read_rated_images
    from fechner.executors import executor
    from fechner.report.selection_tables import COMPARED, write_comparison

    rated = read_rated_images(table)
    objective = Objective(similarity, kernel, fit)
    strategies = [parse_strategy(name, objective) for name in strategy or COMPARED]
    if nested:
        from fechner.analysis.network.nested import BestHeldOut

        strategies.append(BestHeldOut("all", objective, rivals=tuple(strategies)))
    values = _feature_sets(network, layer, rated, size, cache)
    for name in dimension or rated.dimensions:
        images = rated_features(next(iter(values.values())), rated, name)
        with bar(f"Strategies, {name}") as progress, executor(jobs) as pool:
            found = compare_all(
                values,
                images.ratings,
                images.scenes,
                strategies,
                poolings=pooling or ("space", "mean"),
                reference_of=images.reference_of,
                folds=folds,
                repeats=repeats,
                shuffles=shuffles,
                seed=seed,
                pool=pool,
                progress=progress,
            )
        write_comparison(
            found, out, name, simulated=is_simulated(table), seed=seed,
            inputs={"rated_images": rated.sha256},
            parameters={"folds": folds, "repeats": repeats, "shuffles": shuffles, "size": size},
        )  # fmt: skip
        console.print(f"[bold]{name}[/]")
        _show(found)
        _say_ceiling(ratings, rated, name, objective, seed)
    console.print(f"wrote {out}", soft_wrap=True)


@app.command()
def explain(
    table: Table,
    out: Out,
    selection: Annotated[Path, typer.Option(help="selection.json of `channels select`.")],
    method: Annotated[
        str | None, typer.Option(help="A candidate of the selection instead of the chosen one.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Column of the table to break movement down by.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all-images", help="Explain selection images too, not only held-out.")
    ] = False,
    weights: Weights = None,
    size: Size = 224,
    cache: Cache = None,
) -> None:
    """Show what a selection changed in the matrices: which pairs and images moved.

    Writes the RSMs before, after and of people, pairs.csv, images.csv and bands.csv.

    Example: fechner channels explain rated.csv --selection channels/selection.json
    --method greedy --by generator --out explained
    """
    import numpy as np

    from fechner.analysis.network.explain import explain as explain_matrices
    from fechner.analysis.network.rated_features import Objective, rated_features
    from fechner.analysis.network.selection_records import read_selection
    from fechner.cli.console import console
    from fechner.data.tables import read_rated_images
    from fechner.report.selection_tables import write_explanation

    rated = read_rated_images(table)
    study = read_selection(selection)
    chosen = study.by_method(method) if method else study.choice
    source = _network(chosen.network, weights)
    if source.weights_sha256 != chosen.weights_sha256:
        raise InputError(
            f"the selection was made with other weights of {chosen.network} (sha256 "
            f"{chosen.weights_sha256[:12]}); give them with --weights"
        )
    (found,) = _activations(source, [chosen.layer], rated, size, cache)
    images = rated_features(_pooled(found, chosen.pool), rated, chosen.dimension)
    rows = np.flatnonzero(
        np.full(len(rated), True) if everything else np.isin(rated.scenes, chosen.scenes_held_out)
    )
    scale = np.array(chosen.weights if chosen.method.startswith("reweight") else chosen.kept)
    objective = Objective(chosen.similarity, chosen.kernel, chosen.fit)
    explanation = explain_matrices(images.subset(rows), scale, objective=objective)
    written = write_explanation(explanation, rated.table.iloc[rows], chosen, out, by=by or [])
    console.print(
        f"{chosen.method}, {len(rows)} {'' if everything else 'held-out '}images: alignment "
        f"{explanation.alignment_before:.3f} -> {explanation.alignment_after:.3f}"
    )
    console.print("wrote " + ", ".join(path.name for path in written) + f" in {out}")


def _network(name: str, weights: Path | None) -> Network:
    from fechner.analysis.network.networks import load_network

    return load_network(name, weights=weights)


def _activations(
    network: Network, layers: list[str], rated: RatedImages, size: int, cache: Path | None
) -> list[Activations]:
    from fechner.analysis.network.activations import activations
    from fechner.cli.console import bar

    with bar(f"Activations, {network.name}") as progress:
        found = activations(network, layers, rated.paths, size=size, cache=cache, progress=progress)
    return [found[layer] for layer in layers]


def _pooled(found: Activations, pool: str | None):
    from fechner.analysis.network.compare import pool_values

    return pool_values(found.values, pool or "space")


def _feature_sets(
    networks: list[str] | None,
    layers: list[str] | None,
    rated: RatedImages,
    size: int,
    cache: Path | None,
) -> dict[str, Any]:
    """Return ``network/layer`` and its activations for everything asked for.

    Layers joined by ``+`` are pooled over space and put side by side.
    """
    import numpy as np

    from fechner.analysis.network.compare import pool_values

    sets: dict[str, Any] = {}
    for word in networks or ["efficientnet_lite0"]:
        name, _, weights = word.partition("=")
        source = _network(name, Path(weights) if weights else None)
        wanted = [
            one.removeprefix(f"{name}/").split("+")
            for one in layers or []
            if "/" not in one or one.startswith(f"{name}/")
        ] or [[source.default_layer]]
        single = list(dict.fromkeys(layer for joined in wanted for layer in joined))
        found = dict(zip(single, _activations(source, single, rated, size, cache), strict=True))
        for joined in wanted:
            parts = [found[layer].values for layer in joined]
            if len(parts) > 1:
                parts = [np.concatenate([pool_values(part, "mean") for part in parts], axis=1)]
            sets[f"{name}/{'+'.join(joined)}"] = parts[0]
    return sets


def _individual(ratings: Path | None, rated: RatedImages, dimension: str):
    """Return individual ratings (n_participants, n_images), or None without a table."""
    if ratings is None:
        return None
    from fechner.analysis.network.ceiling import rating_matrix
    from fechner.data.tables import read_ratings

    long = read_ratings(ratings, scales=rated.scales)
    return rating_matrix(long, rated.table["image"].tolist(), dimension)


def _say_ceiling(
    ratings: Path | None, rated: RatedImages, dimension: str, objective: object, seed: int
) -> None:
    panel = _individual(ratings, rated, dimension)
    if panel is None:
        return
    import numpy as np

    from fechner.analysis.network.ceiling import noise_ceiling
    from fechner.analysis.network.pairs import all_pairs, pairs_within
    from fechner.cli.console import console

    for what, pairs in (
        ("all pairs", all_pairs(len(rated))),
        ("pairs within scenes", pairs_within(rated.scenes)),
    ):
        low, high = noise_ceiling(panel, pairs, rng=np.random.default_rng(seed))
        console.print(f"noise ceiling of alignment, {what}: {low:.3f} to {high:.3f}")


def _trace(values, rated, choice, objective, shuffles, seed, out, progress) -> None:
    """Write the pruning curves of the study's own split."""
    import numpy as np

    from fechner.analysis.network.curves import trace_curves
    from fechner.analysis.network.rated_features import rated_features
    from fechner.analysis.network.strategies import parse_strategy
    from fechner.report.selection_tables import write_curves

    images = rated_features(values, rated, choice.dimension)
    here = np.isin(images.scenes, choice.scenes_selection)
    curves = trace_curves(
        images.subset(here),
        images.subset(~here),
        parse_strategy("curve", objective),
        shuffles=shuffles,
        seed=seed,
        progress=progress,
    )
    write_curves(curves, choice, out)


def _show(table: pd.DataFrame) -> None:
    """Print evidence, one block of strategies for each set of features."""
    from fechner.cli.console import console

    if "features" not in table:
        console.print(_strategies(table))
        return
    for (features, pooling), rows in table.groupby(["features", "pooling"], sort=False):
        console.print(f"{features}, {pooling}")
        console.print(_strategies(rows))


def _strategies(table: pd.DataFrame) -> RichTable:
    """Return in-sample and held-out numbers of strategies, each beside its shuffled control."""
    from rich.table import Table as RichTable

    drawing = RichTable(
        box=None,
        header_style="bold",
        pad_edge=False,
        caption="all, chosen: held out; noise: the same under shuffled ratings",
        caption_justify="left",
    )
    drawing.add_column("strategy", no_wrap=True)
    for name in ("kept", "train", "noise", "all", "chosen", "noise", "predicts", "noise"):
        drawing.add_column(name, justify="right", no_wrap=True)
    for _, row in table.iterrows():
        drawing.add_row(
            row["strategy"],
            f"{row['kept']:.0%}",
            _number(row["train_after"]),
            _number(row["shuffled_train"]),
            _number(row["held_out_before"]),
            _number(row["held_out_after"]),
            _number(row["shuffled_held_out"]),
            _number(row["prediction"]),
            _number(row["shuffled_prediction"]),
        )
    return drawing


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"
