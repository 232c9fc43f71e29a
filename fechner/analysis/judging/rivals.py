"""The rivals of an importance map, by name: what it has to do better than.

Some are made from the picture alone (`rival_maps`), some from the maps themselves: the map
mirrored, and the map of another image, which keep everything that is common to all maps of a
method. Those that need the network of a selection (all channels alike, weights permuted) are made
in `analysis/network` and given by name like any other map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from fechner.rival_maps import (
    centre_weights,
    local_contrast,
    luma_of,
    mirrored_map,
    spectral_residual,
)

UNIFORM = "uniform"
CENTRE = "centre"
CONTRAST = "contrast energy"
SALIENCY = "spectral residual"
IMAGE_RIVALS = (UNIFORM, CENTRE, CONTRAST, SALIENCY)
"""Made from the picture alone."""

Key = TypeVar("Key")


def image_rivals(image: np.ndarray) -> dict[str, np.ndarray | None]:
    """Return the rivals of any map of a uint8 (height, width, 3) picture, float (h, w).

    Contrast and saliency of a flat picture are None: there is none anywhere.
    """
    luma = luma_of(image)
    # Differences of sums leave a grain of rounding where every pixel is the same.
    flat = float(np.ptp(luma)) == 0
    return {
        UNIFORM: np.ones(luma.shape, np.float32),
        CENTRE: centre_weights(*luma.shape),
        CONTRAST: None if flat else local_contrast(luma),
        SALIENCY: None if flat else spectral_residual(luma),
    }


def own_rivals(
    method: str, maps: Mapping[Key, np.ndarray | None]
) -> dict[str, dict[Key, np.ndarray | None]]:
    """Return what a method's maps become when they are mirrored, and when images change places.

    Parameters
    ----------
    method
        What the maps are called.
    maps
        Image and its map; another image's map is that of the next in this order.

    Returns
    -------
    dict
        Name of the rival, and its map of each image.

    Examples
    --------
    >>> found = own_rivals("removal", {"a": np.array([[0, 1]]), "b": np.array([[2, 3]])})
    >>> {name: maps["a"].tolist() for name, maps in found.items()}
    {'removal, mirrored': [[1, 0]], "removal, another image's": [[2, 3]]}
    """
    rivals = {
        f"{method}, mirrored": {
            name: None if values is None else mirrored_map(values) for name, values in maps.items()
        }
    }
    if len(maps) > 1:
        rivals[f"{method}, another image's"] = {
            name: maps[other] for name, other in donors(list(maps)).items()
        }
    return rivals


def donors(names: Sequence[Key]) -> dict[Key, Key]:
    """Return for each image the one whose map it is given: the next, the last takes the first."""
    return dict(zip(names, [*names[1:], *names[:1]], strict=True))
