"""How far each degraded image lies from its intact one in the layer that the maps come from.

A rival of the map: if the network's plain distance foretold the harm as well, choosing channels
and drawing maps would add nothing to it. The statistics take it as numbers, so that they need no
network.
"""

from __future__ import annotations

import numpy as np

from fechner.analysis.network.layers.activations import activations
from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.ratings.prediction.rivals import RivalPrediction
from fechner.errors import InputError, MissingPartError
from fechner.records.selection import ChannelSelection, read_selection
from fechner.records.stimuli import INTACT, StimulusSet
from fechner.study.opening import OpenStudy

DEFAULT_SIDE = 224
"""Side in px of the square that the network sees where the selection names none."""


def layer_distance(
    place: OpenStudy, stimuli: StimulusSet, *, low: str = "low", high: str = "high"
) -> RivalPrediction | None:
    """Return the root mean squared difference of activations, all channels and places alike.

    Parameters
    ----------
    place
        The study, with the selection whose layers are read.
    stimuli
        The pictures; families and levels are averaged.
    low, high
        Names of the regions.

    Returns
    -------
    RivalPrediction or None
        None without a selection, or where the network is not on this machine (which is said):
        the claim does not rest on it.
    """
    if not place.selection.is_file():
        return None
    chosen = read_selection(place.selection).choice
    try:
        distances = _distances(place, chosen, stimuli, (INTACT, low, high))
    except (InputError, MissingPartError) as error:
        place.say(f"the distance of layer {chosen.layer} is left out: {error}")
        return None
    arms = {scene: (_mean(distances, scene, low), _mean(distances, scene, high))
            for scene in stimuli.scenes}  # fmt: skip
    about = f"distance of {chosen.network}, layer {chosen.layer}, all channels"
    return RivalPrediction("layer distance", about, arms)


def _distances(
    place: OpenStudy, chosen: ChannelSelection, stimuli: StimulusSet, regions: tuple[str, ...]
) -> dict[tuple[str, str], list[float]]:
    """Return the distances of each scene and region from the intact picture."""
    network = load_network(chosen.network, weights=place.network_weights)
    shown = [one for one in stimuli.stimuli if one.region in regions]
    paths = [stimuli.unchanged_path(one) for one in shown]
    size = chosen.size or DEFAULT_SIDE
    found = activations(network, chosen.layers, paths, size=size, cache=place.cache)
    rows = np.concatenate([f.values.reshape(len(shown), -1) for f in found.values()], axis=1)
    intact = {one.scene: row for one, row in zip(shown, rows, strict=True) if one.region == INTACT}
    distances: dict[tuple[str, str], list[float]] = {}
    for one, row in zip(shown, rows, strict=True):
        rms = float(np.sqrt(np.square(row - intact[one.scene]).mean()))
        distances.setdefault((one.scene, one.region), []).append(rms)
    return distances


def _mean(distances: dict[tuple[str, str], list[float]], scene: str, region: str) -> float:
    return float(np.mean(distances[scene, region]))
