"""The rivals of a study's maps that need its network, made in the step of maps.

All channels alike
    The activation of the layer that the maps rest on, every channel with weight 1, by
    contribution. Maps by a selection differ from it by what the selection chose and weighed. Maps
    by distance weigh all channels alike themselves, and differ from it in that they compare the
    image with its degraded version: this rival sees the image alone, at the same size. Their layer
    gives values of both signs, which partly cancel in the sum; errors weighted by it agree with
    DMOS as well as those weighted by the sum of squares, which cannot (32 pairs of LIVE's with 8
    references, EfficientNet-Lite0's blocks.3: Spearman .843 and .841).
Weights permuted
    The same method with the selection's weights dealt anew among the channels of each layer.
    Maps by distance have no weights to deal.

On five photographs of the demonstration maps by distance and their rival take 1.7 times the CPU
seconds of the maps (1.2), those by removal and theirs 2.9 times (5.8): an activation of bn2 is seen
at twice the size with a wide margin, without which it shows the network's padding.

The statistics read no network: they find the maps, and what each is, below those of the study.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.maps.damage import local_distance
from fechner.analysis.network.maps.importance import OF_PAIRS, Method
from fechner.analysis.network.maps.making import importance_maps
from fechner.analysis.network.maps.removal import STEPS, Degradation
from fechner.analysis.network.sanity.rival_selections import (
    all_channels_of,
    all_channels_selection,
    permuted_selection,
)
from fechner.records.map_worth.study_rivals import RivalMaps, write_rivals
from fechner.records.selection import ChannelSelection
from fechner.study.map_worth.made import ALL_CHANNELS, PERMUTED

if TYPE_CHECKING:
    from fechner.study.opening import OpenStudy

POINTS = 2 * (STEPS + 1)
"""Gradients of a rival by removal: the equal steps of both paths. The loss that permuted weights
predict is near 0 by chance, and 2 % of it would take up to four times as many as the map's own; on
three photographs of the demonstration (EfficientNet-Lite0's bn2) these maps correlate .97 to .99
with those of 60 to 80 gradients."""


@dataclass(frozen=True)
class _Asked:
    """A rival, and how `importance_maps` makes it."""

    rival: RivalMaps
    selection: ChannelSelection
    method: Method
    options: Mapping[str, Any] = field(default_factory=dict)


def draw_rivals(
    place: OpenStudy,
    network: Network,
    images: Mapping[str, Path],
    selection: ChannelSelection | None,
    *,
    method: Method,
    degradation: Degradation,
) -> None:
    """Write the rivals of the maps of `images`, and the record of what they are.

    Parameters
    ----------
    place
        The study.
    network, images, selection, method, degradation
        What its maps were made with, see `importance_maps`.

    Raises
    ------
    InputError
        As for `importance_maps`.
    """
    asked = _asked(place.rival_maps, network, selection, method, degradation, place.study.seed)
    for one in asked:
        with place.bars(f"Rival maps: {one.rival.name}") as progress:
            importance_maps(
                network,
                images,
                one.selection,
                folder=one.rival.folder,
                method=one.method,
                pool=place.pool,
                progress=progress,
                **one.options,
            )
    write_rivals(place.rival_maps, [one.rival for one in asked])


def _asked(
    folder: Path,
    network: Network,
    selection: ChannelSelection | None,
    method: Method,
    degradation: Degradation,
    seed: int,
) -> list[_Asked]:
    if method in OF_PAIRS or selection is None:
        compared = local_distance(network)
        view = {"short_side": compared.short_side, "margin": compared.margin}
        alike = all_channels_of(network, compared.layers)
        return [_Asked(_all_channels(folder, alike), alike, "contribution", view)]
    alike = all_channels_selection(selection)
    permuted = RivalMaps(
        PERMUTED,
        "errors weighted by maps made as the importance maps are, the weights of the channels "
        "dealt anew among them",
        folder / "weights_permuted",
    )
    dealt = permuted_selection(selection, seed=seed)
    return [
        _Asked(_all_channels(folder, alike), alike, "contribution"),
        _Asked(permuted, dealt, method, {"degradation": degradation, "most_points": POINTS}),
    ]


def _all_channels(folder: Path, alike: ChannelSelection) -> RivalMaps:
    return RivalMaps(
        ALL_CHANNELS,
        f"errors weighted by the activation of all channels of {alike.layer} alike",
        folder / "all_channels",
    )
