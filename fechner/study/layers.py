"""Which distance from a reference agrees with people: a layer study, in one call.

What ``fechner layers run`` does: sets of pairs, networks with their layers, read-outs, channel
weights and yardsticks, every combination once. It returns tables; `LayerResults.write` writes
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.errors import InputError, MissingPartError
from fechner.provenance import provenance
from fechner.records.layers.results import LayerResults
from fechner.records.layers.study import LayerStudy, PairsTable, StudiedNetwork
from fechner.records.selection import ChannelSelection, read_selection
from fechner.study.opening import Bars, no_bars
from fechner.study.pair_sets import PairSetFile, open_pair_set

if TYPE_CHECKING:
    from fechner.analysis.network.distances.study import AskedNetwork, Note
    from fechner.analysis.network.distances.table import DistanceRow


def layer_study(
    study: LayerStudy,
    *,
    cache: Path | None = None,
    pool: Executor | None = None,
    bars: Bars = no_bars,
) -> LayerResults:
    r"""Compare distances from a reference with what people said.

    Parameters
    ----------
    study
        What to compare; see `records.layers.study.LayerStudy`.
    cache
        A folder that keeps what was computed, so that an interrupted or extended study goes on
        where it stopped.
    pool
        Where references run, one task each; this process where it is None.
    bars
        Gives a progress bar of some title, as a context manager.

    Returns
    -------
    LayerResults
        One row a distance and set, its intervals, the distances themselves, agreement by
        distortion, differences, and notes on what could not be measured.

    Raises
    ------
    InputError
        If a set, a network, a layer, a read-out, a checkpoint or a yardstick is not what was
        expected. A network or yardstick whose weights cannot be had gets a note instead.

    Examples
    --------
    Two pictures, each darkened by three amounts, rated by how dark they are:

    >>> import tempfile
    >>> from fechner.records.images.files import write_png
    >>> from fechner.records.layers.study import checked_layer_study
    >>> folder, rng = Path(tempfile.mkdtemp()), np.random.default_rng(1)
    >>> rows = ["image,reference,score"]
    >>> for name, losses in {"a": (10, 20, 30), "b": (15, 25, 35)}.items():
    ...     picture = rng.integers(60, 256, (40, 40, 3)).astype(np.uint8)
    ...     write_png(folder / f"{name}.png", picture)
    ...     for loss in losses:
    ...         write_png(folder / f"{name}{loss}.png", picture - np.uint8(loss))
    ...         rows.append(f"{name}{loss}.png,{name}.png,{loss}")
    >>> _ = (folder / "pairs.csv").write_text("\n".join(rows))
    >>> scale = '{"dimensions": {"score": {"minimum": 0, "maximum": 99, "good": "low"}}}'
    >>> _ = (folder / "pairs.json").write_text(scale)
    >>> asked = {"sets": [{"table": str(folder / "pairs.csv")}], "yardsticks": ["rmse"]}
    >>> layer_study(checked_layer_study(asked, "here")).layers["spearman"].tolist()
    [1.0]
    """
    from fechner.analysis.network.distances import study as measuring
    from fechner.analysis.network.distances.study_tables import study_tables

    readouts = checked_readouts(study)
    sticks = _yardsticks(study)
    selections = channel_weights_of(study)
    networks, absent = load_networks(study.networks)
    sets = open_sets(study.sets, pool=pool, bars=bars)
    notes: list[Note] = []
    measured = []
    for one in sets:
        notes += [
            measuring.Note(name, "", "", "", one.pairs.name, why, row=True)
            for name, why in absent.items()
        ]
        rows: list[DistanceRow] = []
        for asked in networks:
            with bars(f"{asked.label}, {one.pairs.name}") as progress:
                found, said = measuring.network_rows(
                    asked, one.pairs, readouts,
                    selections=selections, cache=cache, pool=pool, progress=progress,
                )  # fmt: skip
            rows += found
            notes += said
        if sticks:
            with bars(f"Yardsticks, {one.pairs.name}") as progress:
                found, said = measuring.yardstick_rows(
                    one.pairs, sticks,
                    heads=study.heads, trunks=trunks_of(study), cache=cache, pool=pool,
                    progress=progress,
                )  # fmt: skip
            rows += found
            notes += said
        found, said = _score_rows(one, study)
        rows += found
        notes += said
        notes += [_note(one.pairs.name, why) for why in one.left_out]
        measured.append(measuring.MeasuredSet(one.pairs, one.folder, rows, one.ceiling))
    if not any(one.rows for one in measured):
        raise MissingPartError(f"nothing could be measured; first: {notes[0].note}")
    used = {row.weights for one in measured for row in one.rows} | {one.weights for one in notes}
    notes += [
        measuring.Note("", "", "", name, "", "no network and layers asked for fit these weights")
        for name in selections
        if name not in used
    ]
    with bars("Statistics") as progress:
        found_tables = study_tables(
            measured, notes, resamples=study.resamples, seed=study.seed, progress=progress
        )
    results = LayerResults(
        **found_tables, provenance=study_provenance(study, sets, networks, step="layers run")
    )
    return _with_warnings(results, sets, measured)


def checked_readouts(study: LayerStudy) -> list[str]:
    """Return the read-outs of a study, every one where none is named; unknown ones are refused."""
    from fechner.analysis.network.distances.readouts import READOUTS, readout_called

    return [readout_called(name).name for name in study.readouts or READOUTS]


def _yardsticks(study: LayerStudy) -> list[str]:
    from fechner.analysis.network.distances.study import checked_yardsticks

    if isinstance(study.yardsticks, bool):
        return checked_yardsticks(None) if study.yardsticks else []
    return checked_yardsticks(study.yardsticks)


def channel_weights_of(study: LayerStudy) -> dict[str, ChannelSelection]:
    """Return the channel weights of a study by name."""
    found = {}
    for one in study.channel_weights:
        selections = read_selection(one.file)
        found[one.name] = selections.by_method(one.method) if one.method else selections.choice
    return found


def load_networks(
    asked: Sequence[StudiedNetwork],
) -> tuple[list[AskedNetwork], dict[str, str]]:
    """Load networks; return them with their layers, and why others cannot be had.

    Raises
    ------
    InputError
        If a network or layer is unknown, or a checkpoint does not fit.
    """
    from fechner.analysis.network.distances.study import AskedNetwork, asked_layers
    from fechner.analysis.network.layers.networks import RANDOM, load_network

    names = [one.name for one in asked]
    loaded, absent = [], {}
    for one in asked:
        told = Path(str(one.weights)).stem if one.weights is not None else ""
        # An untrained network never goes by the name of a trained one.
        apart = told and (names.count(one.name) > 1 or told == RANDOM)
        label = f"{one.name}={told}" if apart else one.name
        try:
            network = load_network(one.name, weights=one.weights)
        except MissingPartError as error:
            absent[label] = str(error)
            continue
        loaded.append(AskedNetwork(network, label, asked_layers(network, one.layers)))
    labels = [one.label for one in loaded]
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise InputError(f"the network {twice[0]!r} is asked for twice; name its layers together")
    return loaded, absent


def open_sets(
    parts: Sequence[PairsTable], *, pool: Executor | None = None, bars: Bars = no_bars
) -> list[PairSetFile]:
    """Read every set; errors as for `open_pair_set`."""
    found = []
    for part in parts:
        with bars(f"Images, {part.name}") as progress:
            found.append(open_pair_set(part, pool=pool, progress=progress))
    return found


def trunks_of(study: LayerStudy) -> dict[str, Path]:
    """Return the weight files inside LPIPS and DISTS: those named, else the networks' own."""
    own = {
        one.name: one.weights
        for one in study.networks
        if one.weights is not None and str(one.weights) != "random"
    }
    return own | study.trunks


def study_provenance(
    study: LayerStudy, sets: Sequence[PairSetFile], networks: Sequence[AskedNetwork], *, step: str
) -> dict[str, Any]:
    """Return the provenance of what a study found.

    Parameters
    ----------
    study
        What was asked for.
    sets, networks
        What was read, for their digests.
    step
        Which command it was.
    """
    return provenance(
        parameters={"step": step} | study.model_dump(mode="json"),
        inputs={f"table {one.pairs.name}": one.sha256 for one in sets}
        | {f"weights {one.label}": one.network.weights_sha256 for one in networks},
        seed=study.seed,
        simulated=any(one.pairs.simulated for one in sets),
    )


def _note(of_set: str, why: str) -> Note:
    from fechner.analysis.network.distances.study import Note

    return Note("", "", "", "", of_set, why)


def _score_rows(one: PairSetFile, study: LayerStudy) -> tuple[list[DistanceRow], list[Note]]:
    from fechner.analysis.network.distances import study as measuring

    part = next(part for part in study.sets if part.name == one.pairs.name)
    rows, notes = [], []
    for told in part.scores:
        values = one.scores[told.column]
        row = measuring.score_row(told.column, values, good=told.good)
        empty = int(np.isnan(values).sum())
        if not empty:
            rows.append(row)
            continue
        why = f"{empty} of {len(values)} cells are empty; fill them in"
        notes.append(
            measuring.Note(
                row.network, row.layer, row.readout, row.weights, one.pairs.name, why, row=True
            )
        )
    return rows, notes


def _with_warnings(
    results: LayerResults, sets: Sequence[PairSetFile], measured: Sequence[Any]
) -> LayerResults:
    """Return the results with a note for each score column that runs the wrong way."""
    from dataclasses import replace

    import pandas as pd

    from fechner.analysis.network.distances.study import SCORE
    from fechner.analysis.network.distances.study_tables import against_dmos

    warnings = []
    for one, found in zip(sets, measured, strict=True):
        table = results.layers[results.layers["set"] == one.pairs.name]
        for row in found.rows:
            said = against_dmos(row, table) if row.readout == SCORE else None
            if said is not None:
                warnings.append((row.network, row.layer, row.readout, row.weights,
                                 one.pairs.name, said))  # fmt: skip
    if not warnings:
        return results
    more = pd.DataFrame(warnings, columns=results.notes.columns)
    return replace(results, notes=pd.concat([results.notes, more], ignore_index=True))
