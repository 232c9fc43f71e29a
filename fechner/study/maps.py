"""What is asked for when maps are made: by which network, of which channels, degraded how.

The network's room knows no families of degradations and the compression room no maps; a
study's step of maps, ``fechner maps`` and `heatmap` bring them together here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from fechner.analysis.network.layers import networks
from fechner.analysis.network.layers.networks import DEFAULT_NETWORK, Network
from fechner.analysis.network.maps.damage import DEFAULT_LAYERS, LocalDistance, local_distance
from fechner.analysis.network.maps.importance import OF_PAIRS, Method, map_method
from fechner.analysis.network.maps.removal import BLURRED, Degradation
from fechner.compression.degrading.degrade import degrade, family_named
from fechner.compression.degrading.matching import Loss, match_strengths
from fechner.errors import InputError, RefusedError
from fechner.records.selection import ChannelSelection, read_selection


def degradation_of(family: str | None, strength: float | None) -> Degradation:
    """Return the degradation of a family and strength, for `importance_maps`.

    Without a strength it is the default blur, which is of the family ``blur``.

    Raises
    ------
    InputError
        If the family is unknown, or one of the two is missing that is needed.
    """
    if strength is None and family in (None, "blur"):
        return BLURRED
    if family is None:
        raise InputError("a strength belongs to a family of degradations; give both")
    unit = family_named(family).unit
    if strength is None:
        raise InputError(
            f"maps need a strength of the family '{family}', in {unit}; give --strength "
            "(in a study file, strength below [maps]), or maps by contribution"
        )
    words = f"{family}, {strength:g} {unit}"
    return Degradation(words, partial(degrade, family=family, strength=strength))


MAP_TOLERANCE = 0.1
"""How near a wholly degraded image comes to the loss of the stimuli's regions, as a share of it:
nobody is shown it, and the families of codecs cannot meet every loss."""


def degradation_of_regions(family: str, target_mse: float, share: float) -> Degradation:
    """Return the degradation that takes from all of an image what stimuli lose in their regions.

    Parameters
    ----------
    family
        Of the stimuli.
    target_mse
        What a stimulus loses, squared grey levels over the image.
    share
        Area of its region, share of the image.
    """
    loss = target_mse / share
    words = f"{family}, as strong as takes {loss:g} squared grey levels from all of the image"
    return Degradation(words, partial(_losing, family=family, loss=loss))


def _losing(image: np.ndarray, *, family: str, loss: float) -> np.ndarray:
    """Return `image` degraded until it loses `loss`, or all that the family can take."""
    everywhere = np.ones(image.shape[:2], np.float32)
    try:
        found = match_strengths(
            image, {"all": everywhere}, family, Loss("mse", loss), tolerance=MAP_TOLERANCE
        )
    except RefusedError:
        return degrade(image, family, family_named(family).strongest)
    return found["all"].image


def distance_network(name: str, *, weights: Path | None = None, device: str = "auto") -> Network:
    """Return the network whose layer distance a study uses.

    The study's own where its layer was held against what people said (`damage.DEFAULT_LAYERS`),
    else the packaged one.

    Parameters
    ----------
    name, weights
        The study's network and its checkpoint.
    device
        As for `load_network`.
    """
    if name not in DEFAULT_LAYERS:
        return networks.load_network(DEFAULT_NETWORK, device=device)
    return networks.load_network(name, weights=weights, device=device)


def study_method(selection: ChannelSelection | None, asked: str) -> Method:
    """Return how a study's maps are made.

    ``auto`` is removal where the selection predicts ratings. All else, channels that only align
    matrices, or all of them because none was better than chance, says nothing about places that
    people are known to agree with: maps are then by layer distance.

    Raises
    ------
    InputError
        If the method is unknown, or needs a selection and there is none.
    """
    if asked == "auto" and (selection is None or selection.readout is None):
        return "distance"
    return map_method(selection, asked=asked)


@dataclass(frozen=True)
class MapsAsked:
    """The network, the selection and the kind of maps that were asked for.

    Attributes
    ----------
    network
        What looks, loaded.
    selection
        Whose channels count; None where all do.
    method
        A name in `importance.METHODS`.
    distance
        What is compared, for maps by distance; else None.
    """

    network: Network
    selection: ChannelSelection | None
    method: Method
    distance: LocalDistance | None


def mapping_network(
    selection: Path | None = None,
    *,
    candidate: str | None = None,
    method: str = "auto",
    network: str | None = None,
    layers: Sequence[str] | None = None,
    readout: str | None = None,
    short_side: int | None = None,
    weights: Path | None = None,
    device: str = "auto",
) -> MapsAsked:
    """Read the selection, load its network, and say what maps are made.

    Parameters
    ----------
    selection
        File of a `SelectionStudy`; None for maps that need none.
    candidate
        A candidate of it instead of the chosen one.
    method
        As for `importance.map_method`.
    network
        Its name, where no selection names one; by default the packaged one.
    layers, readout, short_side
        For maps by distance: what is compared, in place of the selection's or the usual.
    weights, device
        As for `load_network`.

    Raises
    ------
    InputError
        If these do not fit each other, or as for `read_selection` and `load_network`.
    """
    chosen = None
    if selection is not None:
        study = read_selection(selection)
        chosen = study.by_method(candidate) if candidate else study.choice
        if network not in (None, chosen.network):
            raise InputError(
                f"the selection was made with {chosen.network}, asked for is {network}; leave out "
                "--network or the selection"
            )
    kind = map_method(chosen, asked=method)
    if kind not in OF_PAIRS and (layers or readout):
        raise InputError(
            f"--layer and --readout belong to maps by distance, these are by {kind}; leave them "
            "out or give --method distance"
        )
    if chosen is not None and (layers or readout):
        raise InputError(
            "the selection brings its own layer and read-out; leave out --layer and --readout, or "
            "the selection"
        )
    name = chosen.network if chosen is not None else network or DEFAULT_NETWORK
    loaded = networks.load_network(name, weights=weights, device=device)
    if kind not in OF_PAIRS:
        return MapsAsked(loaded, chosen, kind, None)
    distance = replace(local_distance(loaded, chosen), short_side=short_side)
    if layers:
        distance = replace(distance, layers=tuple(layers))
    if readout:
        distance = replace(distance, readout=readout)
    return MapsAsked(loaded, chosen, kind, distance)
