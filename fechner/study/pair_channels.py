"""Channels chosen where there is a signal: on pairs of a reference and a distorted image.

What ``fechner channels select|compare|explain -s METHOD:reference`` do: pairs pass through the
network at native size, channels are chosen on some references by what they do for the agreement
of a distance with the DMOS, and judged on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fechner.data.pairs import name_in
from fechner.errors import InputError
from fechner.provenance import provenance
from fechner.records.layers.results import write_table
from fechner.records.layers.study import PairsTable
from fechner.records.selection import ChannelSelection, SelectionStudy
from fechner.study.opening import Bars, no_bars
from fechner.study.pair_sets import PairSetFile, open_pair_set

if TYPE_CHECKING:
    from fechner.analysis.network.choosing.reference_pairs import ChannelDistances
    from fechner.analysis.network.layers.networks import Network


CONTROL = ":reference"
"""How a strategy says that it chooses on pairs of reference and distorted image."""


def on_pairs(strategies: Sequence[str]) -> bool:
    """Return whether `strategies` choose on pairs of reference and distorted image.

    Raises
    ------
    InputError
        If some do and others do not.
    """
    asked = [name for name in strategies if name.removesuffix("+readout").endswith(CONTROL)]
    others = [name for name in strategies if name not in asked]
    if asked and others:
        raise InputError(
            f"{asked[0]!r} chooses on pairs with their references and {others[0]!r} on rated "
            f"images; run them apart, or write {others[0].partition(':')[0]}{CONTROL}"
        )
    return bool(asked)


def read_pair_channels(
    one: PairSetFile,
    network: Network,
    layers: Sequence[str],
    readout: str,
    *,
    cache: Path | None = None,
    pool: Executor | None = None,
    bars: Bars = no_bars,
) -> list[ChannelDistances]:
    """Return what the channels of each of `layers` add to the distances of a set of pairs.

    Parameters
    ----------
    one
        The set.
    network, layers, readout
        What looks, where (``A+B`` joins layers), and how a distance is made.
    cache, pool, bars
        See `study.layers.layer_study`.

    Raises
    ------
    InputError
        If a layer or the read-out is unknown.
    """
    from fechner.analysis.network.distances.passes import pass_pairs
    from fechner.analysis.network.distances.readouts import channel_distances, readout_called
    from fechner.analysis.network.distances.study import asked_layers

    gram = readout_called(readout).name.startswith("gram")
    sets = asked_layers(network, list(layers) or [network.default_layer])
    single = list(dict.fromkeys(layer for each in sets for layer in each))
    with bars(f"{network.name}, {one.pairs.name}") as progress:
        found = pass_pairs(
            network, one.pairs, single, gram=gram, cache=cache, pool=pool, progress=progress
        )
    return [channel_distances(found, each, readout) for each in sets]


def select_pair_channels(
    part: PairsTable,
    *,
    network: Network,
    layers: Sequence[str] = (),
    readout: str = "rms",
    strategies: Sequence[str],
    held_out: float = 0.33,
    choosing_types: Sequence[str] | None = None,
    shuffles: int = 20,
    fit: str = "spearman",
    seed: int = 0,
    cache: Path | None = None,
    folder: Path | None = None,
    pool: Executor | None = None,
    bars: Bars = no_bars,
) -> tuple[SelectionStudy, list[str]]:
    """Choose channels on some references and judge the choice on the others.

    Parameters
    ----------
    part
        The table of pairs.
    network, layers, readout
        Whose channels; the network's default layer where none is named.
    strategies
        ``METHOD:reference`` each.
    held_out
        Share of the references that only judge.
    choosing_types
        Distortion types that choose, the others judge; None lets all do both.
    shuffles
        Repeats under shuffled scores, and draws of as many random channels.
    fit
        How distance and DMOS are compared.
    seed
        Of split, shuffles, draws and intervals.
    cache
        A folder where distances are kept between runs.
    folder
        Gets ``selection.json``, ``evidence.csv``, ``channels.csv``, ``curves.csv`` and figures.
    pool
        Where images are looked at.
    bars
        Gives a progress bar of some title, as a context manager.

    Returns
    -------
    SelectionStudy, list of str
        Every candidate with its evidence, and one line for each pair that was left out.

    Raises
    ------
    InputError
        As for `open_pair_set` and `select_on_pairs`.
    """
    from fechner.analysis.network.evidence.reference_pairs import select_on_pairs

    one = _opened(part, bars, pool)
    sets = read_pair_channels(one, network, layers, readout, cache=cache, pool=pool, bars=bars)
    with bars("Channels") as progress:
        study = select_on_pairs(
            sets,
            one.pairs,
            dimension=one.dimension,
            strategies=strategies,
            held_out=held_out,
            choosing_families=choosing_types or None,
            shuffles=shuffles,
            draws=shuffles,
            fit=fit,
            seed=seed,
            pool=pool,
            progress=progress,
        )
    if folder is not None:
        _write_selection(study, sets, one, Path(folder), shuffles, seed, bars)
    return study, one.left_out


def _opened(part: PairsTable, bars: Bars, pool: Executor | None = None) -> PairSetFile:
    with bars(f"Images, {part.name}") as progress:
        return open_pair_set(part, pool=pool, progress=progress)


def _write_selection(
    study: SelectionStudy,
    sets: Sequence[ChannelDistances],
    one: PairSetFile,
    folder: Path,
    shuffles: int,
    seed: int,
    bars: Bars,
) -> None:
    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.analysis.network.choosing.strategies import parse_strategy
    from fechner.analysis.network.evidence.curves import trace_curves
    from fechner.analysis.network.evidence.reference_pairs import pair_features
    from fechner.report.selection_tables import write_curves, write_selection

    choice = study.choice
    channels = next(each for each in sets if list(each.layers) == choice.layers)
    features = pair_features(channels, one.pairs)
    here, there = _sides(choice, one)
    with bars("Pruning curves") as progress:
        curves = trace_curves(
            features.subset(here),
            features.subset(there),
            parse_strategy("curve", Objective(control="reference", fit=choice.fit)),
            shuffles=shuffles,
            seed=seed,
            progress=progress,
        )
    write_selection(study, folder)
    write_curves(curves, choice, folder)
    study.write(folder / "selection.json")


def _sides(choice: ChannelSelection, one: PairSetFile) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs chose and which judge, (n_pairs,) bool each."""
    sides = []
    for scenes, types in (
        (choice.scenes_selection, choice.families_selection),
        (choice.scenes_held_out, choice.families_held_out),
    ):
        mine = np.isin(one.pairs.scenes, scenes)
        if types and one.pairs.families is not None:
            mine &= np.isin(one.pairs.families, types)
        sides.append(mine)
    return sides[0], sides[1]


def compare_pair_channels(
    part: PairsTable,
    networks: Sequence[tuple[Network, Sequence[str]]],
    *,
    readout: str = "rms",
    strategies: Sequence[str],
    unseen: str | None = None,
    splits: int = 7,
    shuffles: int = 1,
    fit: str = "spearman",
    seed: int = 0,
    cache: Path | None = None,
    pool: Executor | None = None,
    folder: Path,
    bars: Bars = no_bars,
) -> pd.DataFrame:
    """Compare strategies over many splits by reference; write and return the table.

    Parameters
    ----------
    part
        The table of pairs.
    networks
        Networks with their layers; the default layer where none is named.
    readout, strategies, fit
        How a distance is made, how channels are chosen, how distance and DMOS are compared.
    unseen
        A distortion type that judges and never chooses.
    splits, shuffles
        Splits by reference; in each, repeats under shuffled scores.
    seed
        Of splits, shuffles, draws and intervals.
    cache, pool, bars
        See `study.layers.layer_study`.
    folder
        Gets ``comparison_DIMENSION.csv`` with its provenance.

    Returns
    -------
    Frame with features, readout, and the columns of
    `evidence.reference_folds.COLUMNS`.

    Raises
    ------
    InputError
        As for `open_pair_set` and `compare_on_pairs`.
    """
    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.analysis.network.choosing.strategies import parse_strategy
    from fechner.analysis.network.evidence.reference_folds import compare_on_pairs
    from fechner.analysis.network.evidence.reference_pairs import pair_features

    one = _opened(part, bars, pool)
    aim = Objective(control="reference", fit=fit)
    tried = [parse_strategy(name, aim) for name in dict.fromkeys(("all:reference", *strategies))]
    tables = []
    for network, layers in networks:
        sets = read_pair_channels(one, network, layers, readout, cache=cache, pool=pool, bars=bars)
        for channels in sets:
            features = f"{network.name}/{'+'.join(channels.layers)}"
            with bars(f"Strategies, {features}") as progress:
                table = compare_on_pairs(
                    pair_features(channels, one.pairs),
                    tried,
                    splits=splits,
                    families=one.pairs.families,
                    unseen=unseen,
                    shuffles=shuffles,
                    seed=seed,
                    pool=pool,
                    progress=progress,
                )
            table.insert(0, "readout", readout)
            table.insert(0, "features", features)
            tables.append(table)
    found = pd.concat(tables, ignore_index=True)
    block = provenance(
        parameters={
            "control": "reference", "readout": readout, "strategies": [s.name for s in tried],
            "unseen": unseen, "splits": splits, "shuffles": shuffles, "fit": fit,
            "left_out": one.left_out,
        },
        inputs={"table": one.sha256}
        | {f"weights {network.name}": network.weights_sha256 for network, _ in networks},
        seed=seed,
        simulated=one.pairs.simulated,
    )  # fmt: skip
    write_table(found, Path(folder) / f"comparison_{one.dimension}.csv", block)
    return found


def explain_pair_channels(
    part: PairsTable,
    choice: ChannelSelection,
    *,
    network: Network,
    everything: bool = False,
    by: Sequence[str] = (),
    cache: Path | None = None,
    folder: Path,
    bars: Bars = no_bars,
) -> pd.DataFrame:
    """Show which pairs a selection moved towards their scores, and by which kind of distortion.

    Parameters
    ----------
    part
        The table of pairs.
    choice, network
        The selection, and the network that it was made with.
    everything
        Whether the pairs that chose are shown, too, not only those that judge.
    by
        Any of ``scene`` and ``family``.
    cache, bars
        See `study.layers.layer_study`.
    folder
        Gets ``pairs.csv`` and ``by_NAME.csv``.

    Returns
    -------
    Frame with one row a pair: its rank by DMOS and by distance with all channels and with the
    kept ones, in [0, 1]; ``nearer`` is how much nearer the rank came.

    Raises
    ------
    InputError
        If the selection is none of pairs, no pair is left, or a column is unknown.
    """
    from fechner.analysis.network.distances.correlations import by_group
    from fechner.analysis.network.distances.readouts import checked_channel_weights

    if choice.distance is None:
        raise InputError("the selection was made on rated images, not on reference pairs")
    one = _opened(part, bars)
    (channels,) = read_pair_channels(
        one, network, [choice.layer], choice.distance, cache=cache, bars=bars
    )
    mine = np.full(len(one.pairs), True) if everything else _sides(choice, one)[1]
    if mine.sum() < 3:
        raise InputError(
            f"{mine.sum()} pairs are of held-out references of the selection; give the table that "
            "it was made of, or --all-images"
        )
    weights = checked_channel_weights(choice.channel_scale, choice.n_channels)
    pairs, terms = one.pairs, channels.terms[:, mine]
    before, after = channels.combine(terms.sum(axis=2)), channels.combine(terms @ weights)
    files = [name_in(one.folder, path) for path in pairs.images]
    families = np.full(len(pairs), "") if pairs.families is None else pairs.families
    table = pd.DataFrame(
        {
            "image": np.array(files)[mine],
            "scene": pairs.scenes[mine],
            "family": families[mine],
            "dmos": pairs.dmos[mine],
            "before": before,
            "after": after,
        }
    )
    ranks = table[["dmos", "before", "after"]].rank(pct=True)
    table["rank_dmos"], table["rank_before"], table["rank_after"] = ranks.to_numpy().T
    wrong_before = (ranks["before"] - ranks["dmos"]).abs()
    table["nearer"] = wrong_before - (ranks["after"] - ranks["dmos"]).abs()
    block = provenance(
        parameters={"selection": choice.method, "layer": choice.layer, "all": everything},
        inputs={"table": one.sha256, "weights": choice.weights_sha256},
        simulated=one.pairs.simulated,
    )
    write_table(table.sort_values("nearer"), Path(folder) / "pairs.csv", block)
    for name in by:
        if name not in ("scene", "family"):
            raise InputError(f"pairs are broken down by scene or family, not by {name!r}")
        groups = table[name].to_numpy()
        grouped = by_group(before, table["dmos"].to_numpy(), groups)
        grouped = grouped.rename(columns={"group": name, "spearman": "before"})
        grouped["after"] = by_group(after, table["dmos"].to_numpy(), groups)["spearman"]
        grouped["nearer"] = table.groupby(name)["nearer"].mean().to_numpy()
        write_table(grouped, Path(folder) / f"by_{name}.csv", block)
    return table
