"""``fechner channels`` on rated images: what select and compare do, once their options are read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.cli.choosing.words import dimensions_of, feature_sets, single_ratings
from fechner.cli.console import bar, console

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.analysis.network.evidence.selection import SelectionOptions
    from fechner.analysis.network.layers.networks import Network


def select_on_images(
    table: Path,
    out: Path,
    dimension: str | None,
    network: Network,
    layers: list[str] | None,
    *,
    pools: list[str],
    size: int,
    options: SelectionOptions,
    ratings: Path | None,
    seed: int,
    cache: Path | None,
    workers: Executor,
) -> None:
    """Do what ``fechner channels select`` does of rated images, and say what it found.

    Parameters
    ----------
    table, out, dimension
        The table, the folder to write, and the dimension; the first of the table if None.
    network, layers, pools, size, options, ratings, seed, cache
        See `study.channels.select_channels`; `ratings` is a table.
    workers
        Where the work runs.
    """
    from fechner.analysis.network.choosing.sets import parse_channel_sets
    from fechner.analysis.network.choosing.strategies import parse_strategy
    from fechner.cli.choosing.cost import say_cost
    from fechner.cli.choosing.evidence import show
    from fechner.records.rated_images import read_rated_images
    from fechner.report.selection_tables import evidence_table
    from fechner.study.channels import select_channels

    rated = read_rated_images(table)
    (chosen,) = dimensions_of(rated, [dimension or rated.dimensions[0]], options.partial_out)
    say_cost(
        network, parse_channel_sets(layers or [network.default_layer], pools),
        [parse_strategy(name, options.objective) for name in options.strategies],
        images=round((1 - options.held_out) * len(rated)), choices=1 + options.shuffles,
    )  # fmt: skip
    study = select_channels(
        rated,
        chosen,
        network=network,
        layers=layers or (),
        pools=pools,
        size=size,
        options=options,
        ratings=single_ratings(ratings, rated),
        seed=seed,
        cache=cache,
        folder=out,
        pool=workers,
        bars=bar,
    )
    show(evidence_table(study))
    if study.noise_ceiling:
        low, high = study.noise_ceiling
        console.print(f"noise ceiling of alignment, held-out images: {low:.3f} to {high:.3f}")
    console.print(study.reason, soft_wrap=True)
    console.print(f"wrote {out}", soft_wrap=True)


def compare_on_images(
    table: Path,
    out: Path,
    dimensions: list[str] | None,
    networks: list[str],
    layers: list[str] | None,
    *,
    pools: list[str],
    strategies: Sequence[str],
    objective: Objective,
    partial_out: str | None,
    nested: bool,
    size: int,
    folds: int,
    repeats: int,
    shuffles: int,
    ratings: Path | None,
    seed: int,
    cache: Path | None,
    workers: Executor,
    confounds: Sequence[str] = (),
    judge: Path | None = None,
    judge_dimension: str | None = None,
) -> None:
    """Do what ``fechner channels compare`` does of rated images, and say what it found.

    Parameters
    ----------
    table, out, dimensions
        The table, the folder to write, and the dimensions; each of the table if None.
    networks, layers, pools, size, cache
        Which channels, see `words.feature_sets`.
    strategies, objective, partial_out, nested, folds, repeats, shuffles, seed
        See `evidence.compare.compare`.
    ratings
        A table of single ratings, for the noise ceiling.
    workers
        Where the work runs.
    confounds
        Columns of the table within whose levels everything is scored again; of the judging table
        too, and only there where the first has no such column.
    judge, judge_dimension
        Another table that judges what is chosen on all of this one, and by which dimension: the
        same one if None.

    Raises
    ------
    InputError
        If a table, a dimension, a column, a strategy or a layer is not what was expected.
    """
    import numpy as np

    from fechner.analysis.network.choosing.rated_features import joint_scores
    from fechner.analysis.network.choosing.strategies import parse_strategy
    from fechner.analysis.network.evidence.columns import columns_in_folds
    from fechner.analysis.network.evidence.compare import compare
    from fechner.analysis.network.evidence.confounds import within_levels
    from fechner.analysis.network.evidence.judging import OtherSet, judge_elsewhere
    from fechner.cli.choosing.cost import say_cost
    from fechner.cli.choosing.crossing import (
        columns_of_both,
        read_judge,
        say_columns,
        show_judged,
        show_within,
    )
    from fechner.cli.choosing.evidence import say_ceiling, say_seen, show
    from fechner.records.file_names import check_file_names
    from fechner.records.rated_images import read_rated_images
    from fechner.report.crossing_tables import write_columns, write_crossing
    from fechner.report.selection_tables import write_channel_comparison

    rated = read_rated_images(table)
    names = dimensions_of(rated, dimensions, partial_out)
    check_file_names(names, of="dimension")
    tried = [parse_strategy(name, objective) for name in strategies]
    other = None
    if judge is not None:
        other = read_judge(judge, rated, names, dimension=judge_dimension, partial_out=partial_out)
    here, there = columns_of_both(confounds, rated, other)
    single = single_ratings(ratings, rated)
    before = partial(
        say_cost, strategies=tried, images=round(len(rated) * (1 - 1 / folds)),
        choices=folds * repeats * (1 + shuffles) * len(names),
    )  # fmt: skip
    sets = feature_sets(networks, layers, pools, rated, size, cache, before=before)
    judging = feature_sets(networks, layers, pools, other, size, cache) if other else {}
    say_seen(list(sets.values()), rated)
    parameters = {
        "folds": folds, "repeats": repeats, "shuffles": shuffles, "size": size,
        "fit": objective.fit, "kernel": objective.kernel, "similarity": objective.similarity,
        "partial_out": partial_out,
    }  # fmt: skip
    for name in names:
        with bar(f"Strategies, {name}") as progress:
            compared = compare(
                sets, rated, name, tried, partial_out=partial_out, nested=nested, folds=folds,
                repeats=repeats, shuffles=shuffles, seed=seed, pool=workers, progress=progress,
            )  # fmt: skip
        write_channel_comparison(
            compared.table, out, name, simulated=rated.simulated, seed=seed,
            inputs={"rated_images": rated.sha256}, parameters=parameters,
        )  # fmt: skip
        console.print(f"[bold]{name}[/]" + (f" given {partial_out}" if partial_out else ""))
        show(compared.table)
        first = next(iter(sets.values()))
        say_ceiling(single, first, rated, name, partial_out, objective)
        alone = columns_in_folds(
            rated, joint_scores(rated, name), compared.best, columns=here,
            seen=np.logical_or.reduce([one.seen for one in sets.values()]),
            held_constant=joint_scores(rated, partial_out) if partial_out else None,
            folds=folds, repeats=repeats, seed=seed,
        )  # fmt: skip
        write_columns(alone, out, name, simulated=rated.simulated)
        say_columns(alone, here)
        for column in here:
            with bar(f"Within levels of {column}, {name}") as progress:
                scored = within_levels(
                    sets, rated, name, tried, column, partial_out=partial_out,
                    nested=compared.nested, folds=folds, shuffles=shuffles, seed=seed,
                    pool=workers, progress=progress,
                )  # fmt: skip
            write_crossing(
                scored, out, f"within_{column}_{name}", simulated=rated.simulated, seed=seed,
                inputs={"rated_images": rated.sha256}, parameters=parameters,
            )  # fmt: skip
            show_within(scored, column)
        if other is not None and judge is not None:
            theirs = OtherSet(other, judge_dimension or name, judging, there)
            with bar(f"Judged by {judge.stem}, {name}") as progress:
                judged = judge_elsewhere(
                    sets, rated, name, tried, theirs, nested=nested, shuffles=shuffles, seed=seed,
                    pool=workers, progress=progress,
                )  # fmt: skip
            write_crossing(
                judged, out, f"judged_{name}", simulated=rated.simulated or other.simulated,
                seed=seed, inputs={"rated_images": rated.sha256, "judge": other.sha256},
                parameters=parameters | {"judge_dimension": theirs.dimension},
            )  # fmt: skip
            show_judged(judged, table.stem, judge.stem, theirs)
    console.print(f"wrote {out}", soft_wrap=True)
