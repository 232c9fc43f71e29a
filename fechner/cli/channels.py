"""``fechner channels``: which channels of a network carry quality, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fechner.cli.options.running import Cluster, Jobs
from fechner.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    help="Channels: how layers agree with people, select, compare ways to, see what changed.",
)

Table = Annotated[Path, typer.Argument(help="CSV of rated images.", show_default=False)]
Dimensions = Annotated[
    list[str] | None,
    typer.Option("--dimension", "-d", help="Dimension, or A+B; repeat. Default: each."),
]
PartialOut = Annotated[
    str | None, typer.Option(help="Rating dimension that is held constant, as in A given B.")
]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--network",
        "-n",
        help="NAME, NAME=CHECKPOINT, NAME@SIZE, scene_statistics, or A+B (joined); repeat for "
        "several.",
    ),
]
Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        "-l",
        help="LAYER, A+B (joined) or LAYER:TARGET (judged by a fully connected layer); repeat for "
        "several. Default: the last convolution.",
    ),
]
Pools = Annotated[
    list[str] | None,
    typer.Option("--pool", "-p", help="space (none), mean, max or mean_sd; repeat for several."),
]
Strategies = Annotated[
    list[str] | None,
    typer.Option("--strategy", "-s", help="METHOD or METHOD:CONTROL; repeat for several."),
]
RatingsFile = Annotated[
    Path | None, typer.Option(help="Long table of single ratings, for the noise ceiling.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and figures.")]
Weights = Annotated[
    Path | None, typer.Option(help="Checkpoint to use instead of the published weights.")
]
Size = Annotated[
    int, typer.Option(min=32, max=4096, help="Side in pixels that images are squashed to.")
]
Fit = Annotated[
    str, typer.Option(help="spearman, tau_a, pearson, rmse_linear or rmse_monotone drives pruning.")
]
Kernel = Annotated[str, typer.Option(help="absolute, squared, rank or gaussian.")]
Similarity = Annotated[str, typer.Option(help="cosine, pearson, euclidean or dot.")]
Seed = Annotated[int, typer.Option(min=0, help="Of splits, shuffles and bootstraps.")]
Cache = Annotated[Path | None, typer.Option(help="Folder that keeps activations between runs.")]
Shuffles = Annotated[int, typer.Option(min=0, help="Repeats of everything under shuffled ratings.")]
ReadOut = Annotated[
    str,
    typer.Option("--readout", "-r", help="Of pairs (METHOD:reference): how a distance is made."),
]


@app.command()
def agree(
    table: Table,
    out: Out,
    dimension: Dimensions = None,
    network: Networks = None,
    layer: Layers = None,
    pool: Pools = None,
    size: Size = 224,
    kernel: Kernel = "absolute",
    similarity: Similarity = "cosine",
    permutations: Annotated[
        int, typer.Option(min=0, help="Of the images' ratings, behind p.")
    ] = 1000,
    ratings: RatingsFile = None,
    seed: Seed = 0,
    cache: Cache = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
) -> None:
    """Show how far each layer as a whole agrees with people, before any channel is chosen.

    Without --layer, the usual layers of each network; without --pool, means over space.

    Example: fechner channels agree rated.csv -d quality -n efficientnet_lite0 --out layers
    """
    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.analysis.network.evidence.agreement import layer_agreement
    from fechner.cli.choosing.evidence import say_ceiling, say_seen, show_agreement
    from fechner.cli.choosing.words import dimensions_of, feature_sets, single_ratings
    from fechner.cli.console import bar, console
    from fechner.executors import executor
    from fechner.records.file_names import check_file_names
    from fechner.records.rated_images import read_rated_images
    from fechner.report.selection_tables import write_layer_agreement

    rated = read_rated_images(table)
    names = dimensions_of(rated, dimension)
    check_file_names(names, of="dimension")
    objective = Objective(similarity, kernel)
    networks = network or ["efficientnet_lite0"]
    single = single_ratings(ratings, rated)
    sets = feature_sets(networks, layer, pool or ["mean"], rated, size, cache, usual=True)
    say_seen(list(sets.values()), rated)
    for name in names:
        with bar(f"Layers, {name}") as progress, executor(jobs, cluster) as workers:
            found = layer_agreement(
                sets,
                rated,
                name,
                objective=objective,
                permutations=permutations,
                seed=seed,
                pool=workers,
                progress=progress,
            )
        write_layer_agreement(
            found, out, name, simulated=rated.simulated, seed=seed,
            inputs={"rated_images": rated.sha256},
            parameters={
                "size": size, "kernel": kernel, "similarity": similarity,
                "permutations": permutations,
            },
        )  # fmt: skip
        console.print(f"[bold]{name}[/]")
        show_agreement(found)
        first = next(iter(sets.values()))
        say_ceiling(single, first, rated, name, None, objective)
    console.print(f"wrote {out}", soft_wrap=True)


@app.command()
def select(
    table: Table,
    out: Out,
    dimension: Annotated[
        str | None,
        typer.Option("--dimension", "-d", help="Rating dimension, or A+B. Default: the first."),
    ] = None,
    partial_out: PartialOut = None,
    network: Annotated[
        str, typer.Option("--network", "-n", help="A name of `fechner networks`.")
    ] = ("efficientnet_lite0"),
    layer: Layers = None,
    weights: Weights = None,
    size: Size = 224,
    pool: Pools = None,
    strategy: Strategies = None,
    drive: Annotated[
        str, typer.Option("--select", help="evidence, 'best held-out', or a strategy.")
    ] = "evidence",
    held_out: Annotated[float, typer.Option(help="Share of the scenes that only judge.")] = 0.33,
    shuffles: Annotated[
        int, typer.Option(min=2, help="Repeats of everything under shuffled ratings.")
    ] = 20,
    fit: Fit = "spearman",
    kernel: Kernel = "absolute",
    similarity: Similarity = "cosine",
    ratings: RatingsFile = None,
    readout: ReadOut = "rms",
    choosing_type: Annotated[
        list[str] | None,
        typer.Option(help="Of pairs: distortion type that chooses, the others judge; repeat."),
    ] = None,
    seed: Seed = 0,
    cache: Cache = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
) -> None:
    """Select channels on some scenes, judge them on the others, with shuffled controls.

    Writes selection.json, channels.csv, evidence.csv, curves.csv and figures. With strategies
    METHOD:reference the table is one of pairs: distances from the reference, at native size,
    against DMOS, some references choosing and others judging.

    Example: fechner channels select rated.csv -d quality -s negative -s readout --out channels
    """
    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.analysis.network.evidence.selection import STRATEGIES, SelectionOptions
    from fechner.cli.choosing.images import select_on_images
    from fechner.cli.choosing.words import network_of
    from fechner.executors import executor
    from fechner.study.pair_channels import on_pairs

    if on_pairs(strategy or ()):
        from fechner.cli.choosing.pairs import select_on_table

        _refuse_with_pairs(pool=pool, partial_out=partial_out, ratings=ratings)
        with executor(jobs, cluster) as workers:
            select_on_table(
                table, out, dimension, network_of(network, weights), layer, strategy or [],
                readout=readout, choosing_types=choosing_type, held_out=held_out,
                shuffles=shuffles, fit=fit, seed=seed, cache=cache, workers=workers,
            )  # fmt: skip
        return
    options = SelectionOptions(
        strategies=tuple(strategy or STRATEGIES),
        select=drive,
        objective=Objective(similarity, kernel, fit),
        partial_out=partial_out,
        held_out=held_out,
        shuffles=shuffles,
    )
    with executor(jobs, cluster) as workers:
        select_on_images(
            table, out, dimension, network_of(network, weights), layer,
            pools=pool or ["space"], size=size, ratings=ratings, seed=seed, cache=cache,
            workers=workers, options=options,
        )  # fmt: skip


@app.command()
def compare(
    table: Table,
    out: Out,
    dimension: Dimensions = None,
    partial_out: PartialOut = None,
    network: Networks = None,
    layer: Layers = None,
    pool: Pools = None,
    strategy: Strategies = None,
    nested: Annotated[
        bool, typer.Option(help="Add the choice of the best row, made inside the folds.")
    ] = False,
    size: Size = 224,
    folds: Annotated[int, typer.Option(min=2, help="Outer folds of whole scenes.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Partitions into folds to average over.")] = 1,
    shuffles: Shuffles = 20,
    fit: Fit = "spearman",
    kernel: Kernel = "absolute",
    similarity: Similarity = "cosine",
    ratings: RatingsFile = None,
    seed: Seed = 0,
    cache: Cache = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    confound: Annotated[
        list[str] | None,
        typer.Option(help="Column of the table (generator, codec): score within its levels."),
    ] = None,
    judge: Annotated[
        Path | None, typer.Option(help="Another table that judges what is chosen on this one.")
    ] = None,
    judge_dimension: Annotated[
        str | None, typer.Option(help="What it judges by. Default: the dimension that chooses.")
    ] = None,
    readout: ReadOut = "rms",
    unseen_type: Annotated[
        str | None, typer.Option(help="Of pairs: distortion type that judges and never chooses.")
    ] = None,
) -> None:
    """Rank networks, layers, poolings and strategies by what they reach on held-out images.

    A layer is given for all networks, or for one as NETWORK/LAYER. Strategies METHOD:reference
    compare on pairs, over 7 splits by reference.

    Example: fechner channels compare rated.csv -n efficientnet_lite0 -n alexnet=alexnet.pth
    -p space -p mean -s all -s greedy -s readout --out comparison
    """
    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.cli.choosing.images import compare_on_images
    from fechner.executors import executor
    from fechner.report.selection_tables import COMPARED
    from fechner.study.pair_channels import on_pairs

    if on_pairs(strategy or ()):
        from fechner.cli.choosing.pairs import compare_on_table

        _refuse_with_pairs(
            pool=pool, partial_out=partial_out, ratings=ratings, nested=nested, confound=confound,
            judge=judge,
        )  # fmt: skip
        with executor(jobs, cluster) as workers:
            compare_on_table(
                table, out, dimension, network or ["efficientnet_lite0"], layer, strategy or [],
                readout=readout, unseen=unseen_type, shuffles=shuffles, fit=fit, seed=seed,
                cache=cache, workers=workers,
            )  # fmt: skip
        return
    with executor(jobs, cluster) as workers:
        compare_on_images(
            table, out, dimension, network or ["efficientnet_lite0"], layer,
            pools=pool or ["space", "mean"], strategies=strategy or COMPARED,
            objective=Objective(similarity, kernel, fit), partial_out=partial_out, nested=nested,
            size=size, folds=folds, repeats=repeats, shuffles=shuffles, ratings=ratings,
            seed=seed, cache=cache, workers=workers, confounds=confound or (), judge=judge,
            judge_dimension=judge_dimension,
        )  # fmt: skip


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
    cache: Cache = None,
) -> None:
    """Show what a selection changed in the matrices: which pairs and images moved.

    Writes the RSMs before, after and of people, pairs.csv, images.csv and bands.csv.

    Example: fechner channels explain rated.csv --selection channels/selection.json
    --method greedy --by generator --out explained
    """
    import numpy as np

    from fechner.analysis.network.choosing.rated_features import Objective, rated_features
    from fechner.analysis.network.choosing.sets import chosen_set
    from fechner.analysis.network.evidence.explain import explain as explain_matrices
    from fechner.cli.choosing.words import network_of, values_of
    from fechner.cli.console import console
    from fechner.records.rated_images import read_rated_images
    from fechner.records.selection import read_selection
    from fechner.report.selection_tables import write_explanation

    study = read_selection(selection)
    chosen = study.by_method(method) if method else study.choice
    source = network_of(chosen.network, weights)
    if source.weights_sha256 != chosen.weights_sha256:
        raise InputError(
            f"the selection was made with other weights of {chosen.network} (sha256 "
            f"{chosen.weights_sha256[:12]}); give them with --weights"
        )
    if chosen.on_reference_pairs:
        from fechner.cli.choosing.pairs import explain_on_table

        explain_on_table(table, out, chosen, source, everything=everything, by=by, cache=cache)
        return
    rated = read_rated_images(table)
    (one,) = values_of(source, [chosen_set(chosen)], rated, chosen.side, cache)
    images = rated_features(one, rated, chosen.dimension)
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


def _refuse_with_pairs(**given: object) -> None:
    for name, value in given.items():
        if value:
            raise InputError(
                f"--{name.replace('_', '-')} is for rated images; strategies METHOD:reference "
                "compare images with their references, leave it out"
            )
