"""Importance maps: where an image matters, by one of four methods, as a set on one scale.

ChannelSelection or none -> **importance maps** -> matched regions.

``distance``, ``distance_per_error`` (`damage`)
    Where a layer sees the difference between an image and its degraded version. Needs no
    selection and no ratings; the first weighs errors, the second chooses between regions that
    lose equally much.
``removal`` (`removal`)
    What a selection's predicted rating loses, place by place, when detail is removed.
``contribution`` (`contribution`)
    Where a selection's channels respond.

Importance of a place is the magnitude of its raw value, or its positive part, over the largest of
the whole set of images; the signed values are kept beside. `making` makes the maps of a set, one
by one or in parallel, and goes on where it was stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.maps.checks import (
    check_image,
    check_pair,
    check_selection,
    check_short_side,
)
from fechner.analysis.network.maps.contribution import MARGIN, SHORT_SIDE, contribution_map
from fechner.analysis.network.maps.damage import (
    LocalDistance,
    damage,
    damage_per_error,
    local_distance,
)
from fechner.analysis.network.maps.geometry import reflected_view
from fechner.analysis.network.maps.predicting import seen_size
from fechner.analysis.network.maps.removal import (
    BLURRED,
    MOST_POINTS,
    Degradation,
    removal,
)
from fechner.analysis.network.maps.tiles import note
from fechner.errors import InputError, nearest
from fechner.provenance import digest
from fechner.records.maps import Counts
from fechner.records.selection import ChannelSelection

Method = Literal["contribution", "removal", "distance", "distance_per_error"]
METHODS: dict[str, tuple[str, Counts]] = {
    "contribution": (
        "magnitude of the sum over channels of signed relevance times activation",
        "magnitude",
    ),
    "removal": (
        "loss of predicted rating when detail is removed, by integrated gradients",
        "positive",
    ),
    "distance": (
        "damage: where the network sees the difference from the degraded image; weighs errors",
        "positive",
    ),
    "distance_per_error": (
        "damage per error: what the network sees of each unit of squared error",
        "positive",
    ),
}
"""How a raw map is made, in words, and which of its values count as important."""

OF_PAIRS = ("distance", "distance_per_error")
"""Methods that need no selection."""


def map_method(selection: ChannelSelection | None, *, asked: str = "auto") -> Method:
    """Return how maps are made.

    ``auto`` is removal where the selection predicts ratings, contribution where it aligns
    matrices, and distance where there is none or pairs of reference and distorted image made it.

    Raises
    ------
    InputError
        If no method is called `asked`, or it needs a selection and there is none.
    """
    if asked not in ("auto", *METHODS):
        raise InputError(
            f"no method {asked!r}; expected one of auto, {', '.join(METHODS)}; "
            f"{nearest(asked, METHODS)}"
        )
    if selection is None and asked not in ("auto", *OF_PAIRS):
        raise InputError(
            f"maps by {asked} need a selection of channels; give one, or ask for maps by distance"
        )
    if asked != "auto":
        return cast("Method", asked)
    if selection is None or selection.on_reference_pairs:
        return "distance"
    return "contribution" if selection.readout is None else "removal"


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a raw map beside the image and the network.

    Attributes
    ----------
    method
        A name in `METHODS`.
    selection
        Whose channels count, and how much; None where the method needs none.
    degradation
        How detail is removed, where no degraded image is given.
    distance
        What is compared, for ``distance`` and ``distance_per_error``.
    short_side, margin
        For ``contribution``: size and continuation of the network's view, in pixels.
    most_points
        For ``removal``: gradients after which no more are taken.
    """

    method: Method
    selection: ChannelSelection | None = None
    degradation: Degradation = BLURRED
    distance: LocalDistance | None = None
    short_side: int | None = SHORT_SIDE
    margin: int = MARGIN
    most_points: int = MOST_POINTS

    @property
    def compared(self) -> LocalDistance:
        """What is compared."""
        if self.distance is None:
            raise InputError(f"maps by {self.method} compare no layers; ask for maps by distance")
        return self.distance

    @property
    def unit(self) -> str:
        """What a raw value is, in words."""
        if self.method == "contribution":
            return "part of the prediction"
        if self.method == "removal":
            return "loss of predicted rating"
        per = " per squared grey level" if self.method == "distance_per_error" else ""
        return self.compared.words + per

    def check(self, network: Network) -> None:
        """Check what can be checked before an image is read.

        Raises
        ------
        InputError
            If the selection was made with another network or other weights, a layer is unknown,
            or images would be made too small.
        """
        if self.selection is not None:
            check_selection(network, self.selection)
        for layer in () if self.distance is None else self.distance.layers:
            network.checked_layer(layer)
        if self.method == "contribution":
            check_short_side(self.short_side)
        elif self.distance is not None and self.distance.short_side is not None:
            check_short_side(self.distance.short_side)

    def parameters(self, network: Network, *, against: bool = False) -> dict[str, Any]:
        """Return what a map's record says of how it was made, JSON-able.

        Parameters
        ----------
        network
            What looked.
        against
            Whether degraded images were given, so that none was made.
        """
        made: dict[str, Any] = {
            "network": network.name,
            "weights_sha256": network.weights_sha256,
            "map_method": self.method,
        }
        if self.selection is not None:
            made |= _of_selection(self.selection)
        if self.method == "contribution":
            return made | {"short_side": self.short_side, "margin": self.margin}
        made["degradation"] = "an image of its own" if against else self.degradation.words
        if self.most_points != MOST_POINTS:
            made["most_points"] = self.most_points
        if self.distance is not None:
            how = self.distance
            made |= {
                "layer": "+".join(how.layers),
                "readout": how.readout,
                "smooth": how.smooth,
                "short_side": how.short_side,
                "margin": how.margin,
            }
        return made


def _of_selection(selection: ChannelSelection) -> dict[str, Any]:
    return {
        "layer": selection.layer,
        "pool": selection.pool,
        "dimension": selection.dimension,
        "selection_method": selection.method,
        "channels_kept": sum(selection.kept),
        "selection_sha256": digest(selection.model_dump(mode="json")),
    }


def recipe_for(
    network: Network,
    selection: ChannelSelection | None,
    *,
    method: str = "auto",
    degradation: Degradation = BLURRED,
    distance: LocalDistance | None = None,
    short_side: int | None = SHORT_SIDE,
    margin: int = MARGIN,
    most_points: int = MOST_POINTS,
) -> Recipe:
    """Return how maps are made with `network`, checked.

    Parameters
    ----------
    network, selection
        What looks, and whose channels count.
    method
        A name in `METHODS`, or ``auto``: see `map_method`.
    degradation, distance, short_side, margin, most_points
        As for `Recipe`; where `distance` is None it is that of `local_distance`.

    Raises
    ------
    InputError
        If method and selection do not fit each other or the network.
    """
    kind = map_method(selection, asked=method)
    if kind in OF_PAIRS:
        distance = distance or local_distance(network, selection)
    elif distance is not None:
        raise InputError(f"maps by {kind} compare no layers; ask for maps by distance")
    made = Recipe(kind, selection, degradation, distance, short_side, margin, most_points)
    made.check(network)
    return made


@dataclass(frozen=True, eq=False)
class RawMap:
    """The raw values of one map, and what is to be said of them.

    Attributes
    ----------
    values
        float32 ``(height, width)``; `records.maps.counted` says which of them are important.
    about
        Numbers and notes for the map's record, JSON-able: ``distance`` of the pair, or
        ``loss``, ``remaining_error`` and ``points``; ``note`` where a cell sees all of the input.
    """

    values: np.ndarray
    about: dict[str, Any] = field(default_factory=dict)


def made_map(
    network: Network, image: np.ndarray, recipe: Recipe, *, worse: np.ndarray | None = None
) -> RawMap:
    """Make the map of one image.

    Parameters
    ----------
    network
        What looks.
    image
        uint8 ``(height, width, 3)``, sRGB.
    recipe
        How the map is made.
    worse
        The degraded image; left out, `recipe.degradation` makes it.

    Raises
    ------
    InputError
        If the image is none, or it and its degraded version differ in size or not at all.
    """
    check_image(image)
    if recipe.method == "contribution":
        values = contribution_map(
            network,
            image,
            _selected(recipe),
            short_side=recipe.short_side,
            margin=recipe.margin,
        )
        view = reflected_view(image.shape[:2], short_side=recipe.short_side, margin=recipe.margin)
        return RawMap(values, note(network, _selected(recipe).layers, view.whole))
    given = worse is not None
    worse = recipe.degradation.apply(image) if worse is None else worse
    if recipe.method == "removal":
        # An image that nothing can be removed from loses nothing; one given as degraded and
        # equal to its original is a mistake.
        if given:
            check_pair(image, worse)
        lost = removal(network, image, worse, _selected(recipe), most_points=recipe.most_points)
        about: dict[str, Any] = {
            "loss": lost.loss,
            "remaining_error": lost.remaining_error,
            "points": lost.points,
        }
        size = seen_size(image.shape, _selected(recipe).size)
        return RawMap(lost.values, about | note(network, _selected(recipe).layers, size))
    how = recipe.compared
    found = damage(network, image, worse, how)
    values = found.values
    if recipe.method == "distance_per_error":
        values = damage_per_error(found, image, worse)
    view = reflected_view(image.shape[:2], short_side=how.short_side, margin=how.margin)
    return RawMap(values, {"distance": found.distance} | note(network, how.layers, view.whole))


def _selected(recipe: Recipe) -> ChannelSelection:
    if recipe.selection is None:
        raise InputError(f"maps by {recipe.method} need a selection of channels; give one")
    return recipe.selection


def raw_map(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection | None = None,
    *,
    method: Method | Literal["auto"] = "auto",
    degradation: Degradation = BLURRED,
    distance: LocalDistance | None = None,
    short_side: int | None = SHORT_SIDE,
    margin: int = MARGIN,
    worse: np.ndarray | None = None,
) -> np.ndarray:
    """Return the raw values of a map of one image, made by `method`.

    Parameters
    ----------
    network
        The network that the selection was made with.
    image
        uint8 ``(height, width, 3)``, sRGB.
    selection
        Whose channels count, and how much; None for maps by distance.
    method, degradation, distance, short_side, margin
        As for `recipe_for`.
    worse
        The degraded image; left out, `degradation` makes it.

    Returns
    -------
    float32 ``(height, width)``
        In the unit of `Recipe.unit`. `records.maps.counted` says which of the values count as
        important.

    Raises
    ------
    InputError
        If the selection was made with another network, weights or number of channels, or as for
        `made_map`.
    """
    recipe = recipe_for(
        network,
        selection,
        method=method,
        degradation=degradation,
        distance=distance,
        short_side=short_side,
        margin=margin,
    )
    return made_map(network, image, recipe, worse=worse).values
