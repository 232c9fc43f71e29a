"""How much an altered image differs from its original, as a network sees it, and where.

Two predictions of harm stand side by side. The **layer distance** is the mean of the damage map:
0 for equal images, and what agrees with people over kinds of distortion. The **map-weighted
error** is the squared error of the pixels, weighted by the map (mean 1); over the plain mean
squared error it says whether the error fell where the network sees it.

What a distance means to people is read off 105 pairs of LIVE release 2 (Sheikh, Sabir and Bovik
2006, IEEE TIP 15), where it agrees with them at a Spearman of .93 (native size, EfficientNet-Lite0,
blocks.3, 1 - cosine). It was measured on pictures distorted all over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.layers.networks import DEFAULT_NETWORK
from fechner.analysis.network.maps.damage import local_distance
from fechner.compression.metrics.local_errors import squared_error
from fechner.errors import InputError
from fechner.stimuli.impact import importance_weights, weighted_error
from fechner.study.heatmaps.heatmap import Heatmap, heatmap_by
from fechner.study.heatmaps.places import Place, top_place
from fechner.study.maps import MapsAsked

LIVE_DISTANCES = (0.039, 0.120, 0.180, 0.253, 0.392, 0.560, 0.737)
"""Median distance in each seventh of the pairs."""
LIVE_DMOS = (16, 25, 35, 46, 51, 76, 92)
"""Their mean DMOS: 0 as good as the original, 100 and more far worse."""
LIVE_SD = 10
"""SD of the DMOS of pairs within a seventh."""


@dataclass(frozen=True, eq=False)
class Impact:
    """Predicted harm of an alteration, and where it is.

    Attributes
    ----------
    distance
        Of the layer, 0 for equal images.
    weighted_error, mse
        Squared grey levels: weighted by the map, and plain.
    dmos
        What people gave LIVE pairs of that distance; None where they were not measured with this
        network and layer, or lie further apart than they did.
    place
        The region that holds most of the damage.
    heatmap
        The map, drawn by ``heatmap.save``.
    """

    distance: float
    weighted_error: float
    mse: float
    dmos: float | None
    place: Place
    heatmap: Heatmap


def impact(asked: MapsAsked, original: NDArray[np.uint8], altered: NDArray[np.uint8]) -> Impact:
    """Return the predicted harm of `altered` beside `original`, uint8 ``(height, width, 3)``.

    Raises
    ------
    InputError
        If the map asked for is none of damage, or the images differ in size or not at all.
    """
    if asked.method != "distance":
        raise InputError(
            f"an impact is read off a map of damage, asked for is {asked.method}; leave out "
            "--method, or draw that map with: fechner map"
        )
    found = heatmap_by(asked, original, altered=altered)
    error = squared_error(original, altered)
    return Impact(
        distance=float(found.about["distance"]),
        weighted_error=weighted_error(error, importance_weights(found.values)),
        mse=float(error.mean()),
        dmos=_live_dmos(asked, float(found.about["distance"])),
        place=top_place(found.values),
        heatmap=found,
    )


def _live_dmos(asked: MapsAsked, distance: float) -> float | None:
    measured = (
        asked.network.name == DEFAULT_NETWORK
        and asked.selection is None
        and asked.distance == local_distance(asked.network)
    )
    if not measured or distance > LIVE_DISTANCES[-1]:
        return None
    return float(np.interp(distance, (0.0, *LIVE_DISTANCES), (0, *LIVE_DMOS)))
