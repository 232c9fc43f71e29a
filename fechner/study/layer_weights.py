"""Channel weights fitted on a part of each set, and judged on its rest and on the other sets.

What ``fechner layers finetune`` does: the cross-set table of the paper's Figure 5
(Hernandez-Camara and others 2023), and each fit as a selection that a layer study, maps and
compression take.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.errors import FechnerError, InputError
from fechner.provenance import provenance
from fechner.records.layers.results import write_table
from fechner.records.layers.study import LayerStudy
from fechner.records.selection import ChannelSelection, Gain, SelectionStudy
from fechner.study.layers import checked_readouts, load_networks, open_sets, study_provenance
from fechner.study.opening import Bars, no_bars
from fechner.study.pair_sets import PairSetFile

if TYPE_CHECKING:
    from fechner.analysis.network.distances.fitting import PairSet, Part

METHOD = "reweight:reference"


@dataclass(frozen=True, eq=False)
class FinetunedLayers:
    """Fitted channel weights and what they reach.

    Attributes
    ----------
    table
        One row a fit and a judging set: network, layer, readout, and the columns of
        `analysis.network.distances.fitting.COLUMNS`; low and high are of the gain.
    weights
        Each fit by the name of its file.
    notes
        What could not be fitted, and why.
    provenance
        What shaped them.
    """

    table: pd.DataFrame
    weights: dict[str, SelectionStudy]
    notes: list[str]
    provenance: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write ``crossed.csv`` and one ``NAME.json`` a fit."""
        write_table(self.table, Path(folder) / "crossed.csv", self.provenance)
        for name, study in self.weights.items():
            study.write(Path(folder) / f"{name}.json")


def finetune_layers(
    study: LayerStudy,
    *,
    share: float = 0.6,
    by: Part = "reference",
    cache: Path | None = None,
    pool: Executor | None = None,
    bars: Bars = no_bars,
) -> FinetunedLayers:
    """Fit non-negative channel weights on each set and judge them on all.

    Parameters
    ----------
    study
        The sets, networks, layers and read-outs; its yardsticks and weights are not used.
    share, by
        How much of each set fits, and whether whole references are dealt or single images.
    cache, pool, bars
        See `study.layers.layer_study`.

    Raises
    ------
    InputError
        As for `layer_study`, if no network is named, or if nothing could be fitted.
    """
    from fechner.analysis.network.distances.fitting import PairSet
    from fechner.analysis.network.distances.passes import pass_pairs
    from fechner.analysis.network.distances.readouts import channel_distances

    readouts = checked_readouts(study)
    networks, absent = load_networks(study.networks)
    if not study.networks:
        raise InputError("channel weights need a network; name one with --network")
    sets = open_sets(study.sets, pool=pool, bars=bars)
    notes = [f"{name}: {why}" for name, why in absent.items()]
    notes += [why for one in sets for why in one.left_out]
    gram = any(name.startswith("gram") for name in readouts)
    tables: list[pd.DataFrame] = []
    fits: dict[str, SelectionStudy] = {}
    block = study_provenance(study, sets, networks, step="layers finetune")
    block["parameters"] |= {"share": share, "split": by}
    for asked in networks:
        single = list(dict.fromkeys(layer for one in asked.layers for layer in one))
        passed = {}
        for one in sets:
            with bars(f"{asked.label}, {one.pairs.name}") as progress:
                passed[one.pairs.name] = pass_pairs(
                    asked.network, one.pairs, single,
                    gram=gram, cache=cache, pool=pool, progress=progress,
                )  # fmt: skip
        with bars(f"Weights, {asked.label}") as progress:
            jobs = [(layers, readout) for layers in asked.layers for readout in readouts]
            for done, (layers, readout) in enumerate(jobs, start=1):
                pairs = {
                    one.pairs.name: PairSet(
                        one.pairs, channel_distances(passed[one.pairs.name], layers, readout)
                    )
                    for one in sets
                }
                try:
                    fitted, table = _crossed(pairs, share, by, study)
                except FechnerError as error:
                    notes.append(f"{asked.label} {'+'.join(layers)} {readout}: {error}")
                else:
                    about = {
                        "network": asked.label, "layer": "+".join(layers), "readout": readout,
                    }  # fmt: skip
                    for column, value in reversed(about.items()):
                        table.insert(0, column, value)
                    tables.append(table)
                    fits |= _records(sets, pairs, fitted, about, block, study.seed)
                progress(done, len(jobs))
    if not tables:
        raise InputError(f"no weights could be fitted; first: {notes[0] if notes else 'no layer'}")
    return FinetunedLayers(pd.concat(tables, ignore_index=True), fits, notes, block)


def _crossed(
    pairs: Mapping[str, PairSet], share: float, by: Part, study: LayerStudy
) -> tuple[dict[str, tuple[NDArray, NDArray]], pd.DataFrame]:
    """Return which pairs fitted and the weights of each set, and the cross-set table."""
    from fechner.analysis.network.distances.fitting import cross_sets, fine_tuned, training_part

    fitted = {}
    for name, one in pairs.items():
        mine = training_part(one.pairs, share=share, by=by, seed=study.seed)
        fitted[name] = mine, fine_tuned(one, mine)
    table = cross_sets(
        pairs, share=share, by=by, resamples=study.resamples, seed=study.seed,
        weights={name: weights for name, (_, weights) in fitted.items()},
    )  # fmt: skip
    return fitted, table


def _records(
    sets: Sequence[PairSetFile],
    pairs: Mapping[str, PairSet],
    fitted: Mapping[str, tuple[NDArray, NDArray]],
    about: Mapping[str, str],
    block: Mapping[str, Any],
    seed: int,
) -> dict[str, SelectionStudy]:
    """Return the fits as selections, by file name."""
    found = {}
    for one in sets:
        mine, weights = fitted[one.pairs.name]
        record = _selection(one, pairs[one.pairs.name], mine, weights, block, seed)
        parts = (about["network"], about["layer"], about["readout"], "on", one.pairs.name)
        by = block["parameters"]["split"]
        name = "_".join(parts) + ("_by_image" if by == "image" else "")
        found[re.sub(r"[^A-Za-z0-9.+_@-]+", "-", name)] = SelectionStudy(
            dimension=record.dimension,
            candidates=[record],
            chosen=METHOD,
            reason=f"weights fitted on {int(mine.sum())} of {len(mine)} pairs of "
            f"{one.pairs.name}, dealt by {by}",
        )
    return found


def _selection(
    one: PairSetFile,
    pairs: PairSet,
    mine: NDArray[np.bool_],
    weights: NDArray,
    block: Mapping[str, Any],
    seed: int,
) -> ChannelSelection:
    distances = pairs.distances
    by_image = block["parameters"]["split"] == "image"
    judging = [] if by_image else sorted(set(one.pairs.scenes[~mine].tolist()))
    return ChannelSelection(
        network=distances.network,
        layer="+".join(distances.layers),
        widths=list(distances.widths),
        size=None,
        weights_sha256=distances.weights_sha256,
        preprocessing=distances.preprocessing,
        pool=None,
        dimension=one.dimension,
        method=METHOD,
        n_channels=distances.n_channels,
        kept=(weights > 0).tolist(),
        weights=weights.tolist(),
        impact=[0.0] * distances.n_channels,
        distance=distances.readout,
        alignment_selection=_gain(pairs, weights, mine),
        alignment_held_out=_gain(pairs, weights, ~mine),
        scenes_selection=sorted(set(one.pairs.scenes[mine].tolist())),
        scenes_held_out=judging,
        provenance=provenance(
            parameters={
                "step": "layers finetune",
                "set": one.pairs.name,
                "share": block["parameters"]["share"],
                "split": block["parameters"]["split"],
            },
            inputs={"table": one.sha256, "weights": distances.weights_sha256},
            seed=seed,
            simulated=one.pairs.simulated,
        ),
    )


def _gain(pairs: PairSet, weights: NDArray, mine: NDArray[np.bool_]) -> Gain:
    from fechner.analysis.network.alignment.ranks import spearman

    terms, dmos = pairs.distances.terms[:, mine], pairs.pairs.dmos[mine]
    before, after = (
        float(spearman(pairs.distances.combine(sums), dmos))
        for sums in (terms.sum(axis=2), terms @ weights)
    )
    return Gain(before=before, after=after)
