"""How much of a map lies on a patch: what is held against the rating of the patch.

A patch's share is the mean of the map inside it over its mean in the whole image, 1 where the map
is uniform. It asks whether people find a place worse than its picture where the map is high; what
degrading the place would cost is another question, which pairs of images answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fechner.analysis.judging.rivals import IMAGE_RIVALS, image_rivals
from fechner.analysis.judging.weighing import resized
from fechner.analysis.judging.weighted_errors import MapsOfReferences, WeightedErrors
from fechner.records.images.files import read_image
from fechner.records.map_worth.patches import PatchRatings

SHARE = "share of the map on the patch"


def patch_shares(
    patches: PatchRatings, maps: Mapping[str, MapsOfReferences], *, rivals: Sequence[str] = ()
) -> WeightedErrors:
    """Return the share of each patch under each map and each rival made from the picture.

    Parameters
    ----------
    patches
        Places in images.
    maps
        Name of a method, and its map of each image.
    rivals
        Which of these are rivals.

    Returns
    -------
    WeightedErrors
        With the one error `SHARE`, a column a patch; NaN where a map is 0 everywhere.
    """
    names = (*maps, *IMAGE_RIVALS)
    values = np.full((len(names), 1, len(patches)), np.nan)
    patches_of: dict[Path, list[int]] = {}
    for k, path in enumerate(patches.images):
        patches_of.setdefault(path, []).append(k)
    for path, mine in patches_of.items():
        image = read_image(path)
        planes = [of[path] for of in maps.values()] + list(image_rivals(image).values())
        for row, plane in enumerate(planes):
            if plane is not None:
                whole = resized(plane.astype(np.float64), image.shape[:2])
                values[row, 0, mine] = [share_on(whole, patches.boxes[k]) for k in mine]
    return WeightedErrors(names, (SHARE,), frozenset([*rivals, *IMAGE_RIVALS]), values)


def share_on(plane: np.ndarray, box: np.ndarray) -> float:
    """Return the mean of a plane in a box (left, top, right, bottom) over its mean; NaN if 0.

    Examples
    --------
    >>> share_on(np.array([[1.0, 3.0], [0.0, 0.0]]), np.array([1, 0, 2, 1]))
    3.0
    """
    left, top, right, bottom = box
    mean = float(plane.mean())
    return float(plane[top:bottom, left:right].mean()) / mean if mean > 0 else float("nan")
