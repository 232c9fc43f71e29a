"""Rated images in a row, from the worst rated to the best: what the scale means in this study."""

from __future__ import annotations

import numpy as np

from fechner.records.images.files import read_image
from fechner.records.rated_images import RatedImages
from fechner.report.pictures import Picture, picture
from fechner.report.tables import number

MOST = 8
"""Images in the row."""

SIDE = 256
"""Longest side of each in px."""


def rated_row(rated: RatedImages, dimension: str, *, stamped: bool) -> list[Picture]:
    """Return images at even steps of rank, each with its mean rating; none whose file is gone.

    Parameters
    ----------
    rated
        The rated images.
    dimension
        Whose ratings order them.
    stamped
        Whether SIMULATED is written into them.

    Returns
    -------
    list of Picture
        At most `MOST`, of as many scenes as there are.

    Raises
    ------
    InputError
        If the dimension is not in the table, or an image cannot be read.
    """
    scores, own = rated.scores(dimension), rated.table[dimension].to_numpy(float)
    there = [k for k, path in enumerate(rated.paths) if path.is_file() and np.isfinite(scores[k])]
    order = sorted(there, key=lambda k: scores[k])
    shown = _spread(order, rated.scenes)
    return [
        picture(
            read_image(rated.paths[k]), f"{number(own[k])}", side=SIDE, stamped=stamped
        )
        for k in shown
    ]  # fmt: skip


def _spread(order: list[int], scenes: np.ndarray) -> list[int]:
    """Return at most `MOST` of `order` at even steps, each of a scene not yet there where near."""
    if len(order) <= MOST:
        return order
    step = (len(order) - 1) / (MOST - 1)
    shown: list[int] = []
    for k in range(MOST):
        at = round(k * step)
        near = sorted(range(len(order)), key=lambda j: abs(j - at))[: max(1, round(step / 2))]
        new = [j for j in near if scenes[order[j]] not in {scenes[one] for one in shown}]
        shown.append(order[(new or near)[0]])
    return shown
