"""The maps of one image that need a network: those that are judged, and their rivals.

What shares passes of a network is made together: contributions of a selection, of the same with
permuted weights and of all channels are three sums over the same cells; damage per error is the
damage over the error. With the rule for the rival of removal that brought 13.3 CPU s for each of
three photographs of LIVE down to 5.5 (read-out of EfficientNet-Lite0's `bn2`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.analysis.ratings.prediction.pixels import averaged_down
from fechner.records.maps import counted

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network
    from fechner.analysis.network.maps.importance import Method
    from fechner.analysis.network.maps.removal import Degradation
    from fechner.records.selection import ChannelSelection
    from fechner.study.maps import MapsAsked

OneMap = np.ndarray | None
"""float32 (height, width), at most 512 px long; None where all is 0."""

ALL_CHANNELS = "all channels"
PERMUTED = "weights permuted"
DISTANCES = {"distance": "distance", "distance per error": "distance_per_error"}
"""What maps by distance of all channels are called, and their method."""


@dataclass(frozen=True)
class MapsToJudge:
    """Which maps are judged beside the rivals that every picture gives.

    Attributes
    ----------
    selection, network
        A selection and its network: maps by removal and contribution, and their rivals.
    distance
        A network, and what is compared in it: maps by distance, and by distance per error.
    folders, rivals
        Name and folder of maps of the images, made elsewhere: to be judged, and to be beaten.
    degradation
        How detail is removed for maps by removal and by distance; the default blur where None.
    """

    selection: ChannelSelection | None = None
    network: Network | None = None
    distance: MapsAsked | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    rivals: Mapping[str, Path] = field(default_factory=dict)
    degradation: Degradation | None = None


def own_names(asked: MapsToJudge) -> list[str]:
    """Return what the maps are called that are judged and need a network."""
    return [*_of_selection(asked), *(DISTANCES if asked.distance is not None else ())]


def rival_names(asked: MapsToJudge) -> list[str]:
    """Return what the rivals are called that need a selection's network."""
    own = list(_of_selection(asked))
    return [*(f"{name}, {PERMUTED}" for name in own), ALL_CHANNELS] if own else []


def _of_selection(asked: MapsToJudge) -> dict[str, Method]:
    """Return name and method of each map of the selection."""
    from fechner.analysis.network.maps.importance import map_method

    if asked.selection is None or asked.network is None:
        return {}
    usual = map_method(asked.selection)
    if usual == "removal":
        return {"removal": "removal", "contribution": "contribution"}
    return {"distance, selected channels" if usual == "distance" else usual: usual}


def made_maps(
    asked: MapsToJudge, image: np.ndarray, *, rivals: bool = False, seed: int = 0
) -> dict[str, OneMap]:
    """Return the maps of an image as they count, averaged down.

    Parameters
    ----------
    asked
        Which maps.
    image
        uint8 (height, width, 3).
    rivals
        Whether the rivals that need the selection's network are made as well.
    seed
        Of the permuted weights.

    Returns
    -------
    dict
        By `own_names`, and `rival_names` where asked for; None where nothing was lost or all is 0.

    Raises
    ------
    InputError
        If the selection does not fit its network, or a layer is unknown or has no space.
    """
    from fechner.analysis.network.maps.removal import BLURRED

    worse = (asked.degradation or BLURRED).apply(image)
    found = _of_all_channels(asked.distance, image, worse)
    if asked.selection is not None and asked.network is not None:
        found |= _of_channels(asked, asked.network, asked.selection, image, worse, rivals, seed)
    wanted = [*own_names(asked), *(rival_names(asked) if rivals else ())]
    return {name: found[name] for name in wanted}


def _of_channels(
    asked: MapsToJudge,
    network: Network,
    selection: ChannelSelection,
    image: np.ndarray,
    worse: np.ndarray,
    rivals: bool,
    seed: int,
) -> dict[str, OneMap]:
    """Return the maps of the selection and, where asked for, those of its rivals."""
    from fechner.analysis.network.sanity.rival_selections import (
        all_channels_selection,
        permuted_selection,
    )

    selections = {"": selection}
    if rivals:
        selections[f", {PERMUTED}"] = permuted_selection(selection, seed=seed)
    found: dict[str, OneMap] = {}
    responding: dict[str, ChannelSelection] = {}
    for name, method in _of_selection(asked).items():
        own = {name + more: one for more, one in selections.items()}
        if method == "contribution":
            responding |= own
        elif method == "removal":
            found |= _removals(network, image, worse, own)
        else:
            found |= _damages(network, image, worse, own)
    if rivals:
        responding[ALL_CHANNELS] = all_channels_selection(selection)
    return found | _contributions(network, image, responding)


def _contributions(
    network: Network, image: np.ndarray, selections: Mapping[str, ChannelSelection]
) -> dict[str, OneMap]:
    from fechner.analysis.network.maps.contribution import contribution_maps

    if not selections:
        return {}
    raw = contribution_maps(network, image, list(selections.values()))
    return {name: _small(one, "contribution") for name, one in zip(selections, raw, strict=True)}


def _removals(
    network: Network,
    image: np.ndarray,
    worse: np.ndarray,
    selections: Mapping[str, ChannelSelection],
) -> dict[str, OneMap]:
    from fechner.analysis.network.maps.checks import check_selection
    from fechner.analysis.network.maps.removal import TOLERANCE, removal

    found: dict[str, OneMap] = {}
    enough = 0.0
    for name, selection in selections.items():
        check_selection(network, selection)
        made = removal(network, image, worse, selection, enough=enough)
        found[name] = _small(made.values, "removal")
        # The rival's loss is near 0 by chance: 2 % of it took up to four times as many passes as
        # the map that it is the rival of, whose error in units of the prediction is enough.
        enough = max(enough, TOLERANCE * abs(made.loss))
    return found


def _damages(
    network: Network,
    image: np.ndarray,
    worse: np.ndarray,
    selections: Mapping[str, ChannelSelection],
) -> dict[str, OneMap]:
    from fechner.analysis.network.maps.checks import check_selection
    from fechner.analysis.network.maps.damage import damage, local_distance

    if np.array_equal(image, worse):
        return dict.fromkeys(selections)
    found: dict[str, OneMap] = {}
    for name, selection in selections.items():
        check_selection(network, selection)
        made = damage(network, image, worse, local_distance(network, selection))
        found[name] = _small(made.values, "distance")
    return found


def _of_all_channels(
    distance: MapsAsked | None, image: np.ndarray, worse: np.ndarray
) -> dict[str, OneMap]:
    from fechner.analysis.network.maps.damage import damage, damage_per_error, local_distance

    if distance is None or np.array_equal(image, worse):
        return dict.fromkeys(DISTANCES)
    how = distance.distance or local_distance(distance.network)
    made = damage(distance.network, image, worse, how)
    raw = (made.values, damage_per_error(made, image, worse))
    return {
        name: _small(one, method)
        for (name, method), one in zip(DISTANCES.items(), raw, strict=True)
    }


def _small(raw: np.ndarray, method: str) -> OneMap:
    """Return a map as it counts, averaged down, so that those of many photographs fit in memory."""
    from fechner.analysis.network.maps.importance import METHODS

    return averaged(counted(raw, METHODS[method][1]))


def averaged(values: np.ndarray) -> OneMap:
    """Return a map averaged down; None if all is 0."""
    return averaged_down(values.astype(np.float32)) if values.any() else None
