"""``fechner channels`` with strategies METHOD:reference: channels chosen on reference pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fechner.cli.console import bar, console, print_table
from fechner.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd
    from rich.table import Table

    from fechner.analysis.network.layers.networks import Network
    from fechner.records.layers.study import PairsTable
    from fechner.records.selection import ChannelSelection


def select_on_table(
    table: Path,
    out: Path,
    dimension: str | None,
    network: Network,
    layers: list[str] | None,
    strategies: list[str],
    *,
    readout: str,
    choosing_types: list[str] | None,
    held_out: float,
    shuffles: int,
    fit: str,
    seed: int,
    cache: Path | None,
    workers: Executor,
) -> None:
    """Do what ``fechner channels select`` does of pairs, and say what it found.

    Parameters
    ----------
    table, out, dimension
        The table of pairs, the folder to write, and what was rated.
    network, layers, strategies, readout, choosing_types, held_out, shuffles, fit, seed, cache
        See `study.pair_channels.select_pair_channels`.
    workers
        Where the work runs.
    """
    from fechner.study.pair_channels import select_pair_channels

    study, left_out = select_pair_channels(
        _part(table, dimension),
        network=network, layers=layers or (), readout=readout, strategies=strategies,
        held_out=held_out, choosing_types=choosing_types, shuffles=shuffles, fit=fit, seed=seed,
        cache=cache, folder=out, pool=workers, bars=bar,
    )  # fmt: skip
    for line in left_out:
        console.print(f"left out: {line}", markup=False, soft_wrap=True)
    choice = study.choice
    console.print(
        f"{readout} distances, Spearman with DMOS: chosen on {len(choice.scenes_selection)} "
        f"references, judged on {len(choice.scenes_held_out)} others",
        soft_wrap=True,
    )
    for name, one in study.by_name.items():
        held = one.alignment_held_out
        controls = [
            f"{what} {_mean(values)} (most {max(values):.3f})"
            for what, values in (
                ("shuffled scores", one.alignment_shuffled.held_out),
                ("random channels", one.alignment_random),
            )
            if values
        ]
        console.print(
            f"  {name}: {one.n_kept} of {one.n_channels} channels, held out "
            f"{_number(held.before)} -> {_number(held.after)}"
            + (f"; {', '.join(controls)}" if controls else ""),
            soft_wrap=True,
        )
    console.print(study.reason, soft_wrap=True)
    console.print(f"wrote {out}", soft_wrap=True)


def compare_on_table(
    table: Path,
    out: Path,
    dimensions: list[str] | None,
    networks: list[str],
    layers: list[str] | None,
    strategies: list[str],
    *,
    readout: str,
    unseen: str | None,
    shuffles: int,
    fit: str,
    seed: int,
    cache: Path | None,
    workers: Executor,
) -> None:
    """Do what ``fechner channels compare`` does of pairs, and say what it found.

    Parameters
    ----------
    table, out, dimensions
        The table of pairs, the folder to write, and what was rated: one.
    networks, layers
        NAME or NAME=CHECKPOINT, and LAYER or NETWORK/LAYER.
    strategies, readout, unseen, shuffles, fit, seed, cache
        See `study.pair_channels.compare_pair_channels`.
    workers
        Where the work runs.

    Raises
    ------
    InputError
        If several dimensions are named.
    """
    from fechner.cli.choosing.words import network_of
    from fechner.study.pair_channels import compare_pair_channels

    if len(dimensions or ()) > 1:
        raise InputError("pairs are compared in one dimension at a time; give one --dimension")
    asked = []
    for word in networks:
        name, _, checkpoint = word.partition("=")
        mine = [
            one.removeprefix(f"{name}/")
            for one in layers or []
            if "/" not in one or one.startswith(f"{name}/")
        ]
        asked.append((network_of(name, Path(checkpoint) if checkpoint else None), mine))
    found = compare_pair_channels(
        _part(table, dimensions[0] if dimensions else None),
        asked,
        readout=readout, strategies=strategies, unseen=unseen, shuffles=shuffles, fit=fit,
        seed=seed, cache=cache, pool=workers, folder=out, bars=bar,
    )  # fmt: skip
    for features, rows in found.groupby("features", sort=False):
        console.print(f"{features}, {readout}; means over splits by reference, held out")
        print_table(_compared(rows))
    console.print(f"wrote {out}", soft_wrap=True)


def explain_on_table(
    table: Path,
    out: Path,
    choice: ChannelSelection,
    network: Network,
    *,
    everything: bool,
    by: list[str] | None,
    cache: Path | None,
) -> None:
    """Do what ``fechner channels explain`` does of a selection of pairs.

    Parameters
    ----------
    table, out
        The table of pairs, and the folder to write.
    choice, network, everything, by, cache
        See `study.pair_channels.explain_pair_channels`.
    """
    from fechner.study.pair_channels import explain_pair_channels

    found = explain_pair_channels(
        _part(table, choice.dimension), choice, network=network, everything=everything,
        by=by or ["family", "scene"], cache=cache, folder=out, bars=bar,
    )  # fmt: skip
    spearman = found[["dmos", "before", "after"]].corr("spearman")["dmos"]
    console.print(
        f"{choice.method}, {len(found)} {'' if everything else 'held-out '}pairs: Spearman with "
        f"DMOS {spearman['before']:.3f} -> {spearman['after']:.3f}; ranks of "
        f"{(found['nearer'] > 0).sum()} pairs came nearer, of {(found['nearer'] < 0).sum()} went "
        "further away",
        soft_wrap=True,
    )
    console.print(f"wrote pairs.csv and its breakdowns in {out}", soft_wrap=True)


def _part(table: Path, dimension: str | None) -> PairsTable:
    from fechner.records.layers.study import PairsTable

    return PairsTable(table=table, name=table.stem, dimension=dimension)


def _compared(rows: pd.DataFrame) -> Table:
    from rich.table import Table

    drawing = Table(box=None, header_style="bold", pad_edge=False)
    drawing.add_column("strategy", no_wrap=True)
    for name in ("kept", "all", "chosen", "gain [95 %]", "shuffled", "random", "most"):
        drawing.add_column(name, justify="right", no_wrap=True)
    for _, row in rows.iterrows():
        drawing.add_row(
            row["strategy"].removesuffix(":reference"), f"{row['kept']:.0%}",
            _number(row["held_out_before"]), _number(row["held_out_after"]),
            f"{row['gain']:+.3f} [{_number(row['low'])}, {_number(row['high'])}]",
            _number(row["shuffled"]), _number(row["random"]), _number(row["random_most"]),
        )  # fmt: skip
    return drawing


def _mean(values: list[float]) -> str:
    return _number(sum(values) / len(values))


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
