"""Every combination of network, layer, read-out and channel weights on one set of pairs, once.

A network passes a set once for all its layers; then each layer is read once for all read-outs
and weights. Where a layer fails (an image too small for it), the others go on and a note says
why. Beside the layers stand yardsticks and the scores that the user brings. The module
`study_tables` turns the rows of all sets into the tables of the study.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.analysis.network.distances.passed import PassedPairs
from fechner.analysis.network.distances.passes import INPUT, known_layer, pass_pairs
from fechner.analysis.network.distances.perceptual import PERCEPTUAL, perceptual_yardsticks
from fechner.analysis.network.distances.readouts import (
    distances,
    readout_called,
    selection_weights,
)
from fechner.analysis.network.distances.table import YARDSTICK, DistanceRow
from fechner.analysis.network.distances.yardsticks import (
    PIXEL_METRICS,
    Yardstick,
    pixel_yardsticks,
)
from fechner.analysis.network.layers.depth import layers_of
from fechner.analysis.network.layers.networks import Network, catalogue
from fechner.analysis.network.layers.tracing import PART
from fechner.errors import FechnerError, InputError, MissingPartError, nearest
from fechner.progress import Progress, silent
from fechner.records.layers.study import ALL, USUAL
from fechner.records.selection import ChannelSelection

if TYPE_CHECKING:
    from fechner.data.pairs import ReferencePairs

NO_WEIGHTS = "none"
"""What the table calls it when all channels count the same."""
SCORE = "score"
"""The read-out of a column of scores that the user brought."""
METRIC = "metric"
"""The read-out of a yardstick."""
KNOWN_YARDSTICKS = (*PIXEL_METRICS, *PERCEPTUAL)


@dataclass(frozen=True)
class Note:
    """What could not be measured, or what to know of a row."""

    network: str
    layer: str
    readout: str
    weights: str
    set: str
    note: str
    row: bool = False
    """Whether the table of layers has a row without numbers for it."""


@dataclass(frozen=True, eq=False)
class AskedNetwork:
    """A network and the layers of it that are asked for, each a tuple of those joined."""

    network: Network
    label: str
    layers: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class MeasuredSet:
    """A set of pairs with the distances that were measured on it.

    Attributes
    ----------
    pairs, folder
        The set, and what the paths of its table are relative to.
    rows
        The distances.
    ceiling
        Lower and upper bound of agreement (`score_ceiling`), where single ratings are known.
    """

    pairs: ReferencePairs
    folder: Path
    rows: Sequence[DistanceRow]
    ceiling: tuple[float, float] | None = None


def asked_layers(network: Network, told: str | Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the layers that `told` means: ``usual``, ``all``, or names with ``A+B`` joined.

    Raises
    ------
    InputError
        If a layer is unknown.
    """
    if told == ALL:
        return tuple((layer,) for layer in (INPUT, *network.layers))
    if told == USUAL:
        usual = {info.name: info.layers for info in catalogue()}.get(network.name, ())
        there = [layer for layer in usual if layer in network.layers]
        return tuple((layer,) for layer in (INPUT, *(there or [network.default_layer])))
    names = [told] if isinstance(told, str) else told
    sets = dict.fromkeys(tuple(name.split("+")) for name in names)
    return tuple(tuple(known_layer(network, layer) for layer in one) for one in sets)


def depths_of(network: Network) -> dict[str, float]:
    """Return the depth of each layer in percent; the input is 0."""
    return {INPUT: 0.0} | {layer.name: layer.depth_percent for layer in layers_of(network)}


def network_rows(
    asked: AskedNetwork,
    pairs: ReferencePairs,
    readouts: Sequence[str],
    *,
    selections: Mapping[str, ChannelSelection] | None = None,
    cache: Path | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> tuple[list[DistanceRow], list[Note]]:
    """Return the distances of one network on one set, and what could not be measured.

    Parameters
    ----------
    asked
        The network and its layers.
    pairs
        The set; its files are there and fit.
    readouts
        Names of `READOUTS`.
    selections
        Channel weights by name, each used for its own network and layers.
    cache, pool, progress
        See `pass_pairs`.

    Raises
    ------
    InputError
        If a read-out is unknown.
    """
    for name in readouts:
        readout_called(name)
    gram = any(name.startswith("gram") for name in readouts)
    single = list(dict.fromkeys(layer for one in asked.layers for layer in one))
    look = partial(pass_pairs, asked.network, pairs, gram=gram, cache=cache, pool=pool)
    found, failed = _passed(look, single, progress)
    depths = depths_of(asked.network)
    rows: list[DistanceRow] = []
    notes = []
    fitted = int(next(iter(found.values())).seen.sum()) if found else 0
    if fitted:
        why = f"the network was fitted to {fitted} of {len(pairs)} pairs, which flatters its rows"
        notes.append(Note(asked.label, "", "", "", pairs.name, why))
    for joined in asked.layers:
        name = "+".join(joined)
        broken = next((failed[layer] for layer in joined if layer in failed), None)
        if broken is not None:
            notes.append(Note(asked.label, name, "", "", pairs.name, broken, row=True))
            continue
        read = [found[layer].layer(layer) for layer in joined]
        depth = depths.get(name.partition(PART)[0], float("nan"))
        weighed, refused = _weights_for(found[joined[0]], joined, selections or {})
        notes += [Note(asked.label, name, "", one, pairs.name, why) for one, why in refused]
        for called in weighed:
            warning = _flattered((selections or {}).get(called), pairs)
            if warning is not None:
                notes.append(Note(asked.label, name, "", called, pairs.name, warning))
        for readout in dict.fromkeys(readouts):
            for called, weights in weighed.items():
                values = distances(readout, read, weights=weights)
                rows.append(DistanceRow(asked.label, name, readout, called, values, depth))
    return rows, notes


def _passed(
    look: Callable[..., PassedPairs], layers: Sequence[str], progress: Progress
) -> tuple[dict[str, PassedPairs], dict[str, str]]:
    """Return what was found for each layer, and why others failed: all at once where it works."""
    try:
        whole = look(layers, progress=progress)
    except InputError:
        pass
    else:
        return dict.fromkeys(layers, whole), {}
    found, failed = {}, {}
    for layer in layers:
        try:
            found[layer] = look([layer], progress=progress)
        except InputError as error:
            failed[layer] = str(error)
    return found, failed


def _weights_for(
    found: PassedPairs, layers: Sequence[str], selections: Mapping[str, ChannelSelection]
) -> tuple[dict[str, np.ndarray | None], list[tuple[str, str]]]:
    """Return the channel weights of `layers` by name, and which were refused, with the reason."""
    weighed: dict[str, np.ndarray | None] = {NO_WEIGHTS: None}
    refused = []
    for name, selection in selections.items():
        if selection.network != found.network or selection.layers != list(layers):
            continue
        try:
            weighed[name] = selection_weights(selection, found, layers)
        except InputError as error:
            refused.append((name, str(error)))
    return weighed, refused


def _flattered(selection: ChannelSelection | None, pairs: ReferencePairs) -> str | None:
    """Return a warning where references that fitted the weights are among those that judge."""
    if selection is None:
        return None
    fitted = set(selection.scenes_selection) & set(pairs.scenes.tolist())
    if not fitted:
        return None
    return (
        f"the weights were fitted on references of these names, {len(fitted)} of "
        f"{len(set(pairs.scenes.tolist()))}; if they are the same photographs, the row is flattered"
    )


def yardstick_rows(
    pairs: ReferencePairs,
    names: Sequence[str] | None = None,
    *,
    heads: Path | None = None,
    trunks: Mapping[str, Path] | None = None,
    cache: Path | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> tuple[list[DistanceRow], list[Note]]:
    """Return known metrics as distances, and why others are missing.

    Parameters
    ----------
    pairs
        The set; its files are there and fit.
    names
        Some of `KNOWN_YARDSTICKS`; None takes all.
    heads, trunks
        See `perceptual_yardsticks`.
    cache, pool, progress
        See `pass_pairs`.

    Raises
    ------
    InputError
        If a yardstick is unknown.
    """
    wanted = checked_yardsticks(names)
    pixel = [name for name in wanted if name in PIXEL_METRICS]
    sticks: list[Yardstick] = []
    try:
        sticks += pixel_yardsticks(pairs, pixel, cache=cache, pool=pool, progress=progress)
    except InputError:
        for name in pixel:
            try:
                sticks += pixel_yardsticks(pairs, [name], cache=cache, pool=pool)
            except InputError as error:
                sticks.append(Yardstick(name, None, True, str(error)))
    inner = [name for name in wanted if name in PERCEPTUAL]
    if inner:
        try:
            found = perceptual_yardsticks(
                pairs, heads=heads, trunks=trunks, cache=cache, pool=pool, progress=progress
            )
        except (InputError, MissingPartError) as error:
            found = [Yardstick(name, None, True, str(error)) for name in inner]
        sticks += [stick for stick in found if stick.name in inner]
    rows, notes = [], []
    for stick in sticks:
        if stick.distance is not None:
            rows.append(DistanceRow(YARDSTICK, stick.name, METRIC, NO_WEIGHTS, stick.distance))
            continue
        why = stick.missing or "it has no values"
        notes.append(Note(YARDSTICK, stick.name, METRIC, NO_WEIGHTS, pairs.name, why, row=True))
    return rows, notes


def checked_yardsticks(names: Sequence[str] | None) -> list[str]:
    """Return `names` once each, all where None.

    Raises
    ------
    InputError
        If one is unknown.
    """
    wanted = list(KNOWN_YARDSTICKS if names is None else dict.fromkeys(names))
    for name in wanted:
        if name not in KNOWN_YARDSTICKS:
            raise InputError(f"no yardstick {name!r}; {nearest(name, KNOWN_YARDSTICKS)}")
    return wanted


def score_row(column: str, values: np.ndarray, *, good: str) -> DistanceRow:
    """Return a column of scores that the user brought as a distance: turned where high is good."""
    told = np.asarray(values, np.float64)
    return DistanceRow(YARDSTICK, column, SCORE, NO_WEIGHTS, -told if good == "high" else told)


def why_not(error: FechnerError) -> str:
    """Return an error as one line."""
    return " ".join(str(error).split())
