"""Whether a map says what its own model would say.

Before people are asked whether a map holds for them, it can be asked whether it holds
for the model it came from: places are degraded one at a time, the rating that the
selection predicts is taken again, and its loss is compared with the map (deletion tests:
Samek et al. 2017, IEEE TNNLS). A map that fails here explains nothing about the
prediction; one that passes may still be wrong about people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.maps.removal import Degraded, blurred, predicted
from fechner.records.selection import ChannelSelection

GRID = 4
"""Tiles along each side."""


@dataclass(frozen=True)
class Faithfulness:
    """How a map follows the losses that its model predicts for the tiles of one image.

    Attributes
    ----------
    loss
        Spearman of mean map value and loss of predicted rating, over tiles.
    loss_at_equal_mse
        The same with each loss divided by the mean squared error of the tile's degradation:
        the question that stimuli of equal error put.
    """

    loss: float
    loss_at_equal_mse: float


def faithfulness(
    network: Network,
    image: np.ndarray,
    values: np.ndarray,
    selection: ChannelSelection,
    *,
    degraded: Degraded = blurred,
    grid: int = GRID,
) -> Faithfulness:
    """Return how `values` follow the predicted losses of ``grid x grid`` degraded tiles.

    Parameters
    ----------
    image
        uint8 ``(height, width, 3)``.
    values
        Map ``(height, width)``; higher should mean a larger loss.
    degraded
        How detail is removed.

    Returns
    -------
    Faithfulness
    """
    worse = degraded(image).astype(np.float64)
    masks = [_soft(tile) for tile in _tiles(image.shape[:2], grid)]
    views = [image * (1 - mask) + worse * mask for mask in masks]
    error = np.array([np.mean((view - image) ** 2) for view in views])
    shown = [image, *(np.rint(view).astype(np.uint8) for view in views)]
    rating = predicted(network, shown, selection)
    loss = rating[0] - rating[1:]
    shown_by_map = np.array([(values * mask[..., 0]).sum() / mask.sum() for mask in masks])
    changed = error > 0
    return Faithfulness(
        loss=spearman(shown_by_map, loss),
        loss_at_equal_mse=spearman(shown_by_map[changed], loss[changed] / error[changed]),
    )


def _tiles(shape: tuple[int, int], grid: int) -> list[np.ndarray]:
    rows, columns = (np.minimum(np.arange(side) * grid // side, grid - 1) for side in shape)
    return [
        (rows[:, None] == row) & (columns[None, :] == column)
        for row in range(grid)
        for column in range(grid)
    ]


def _soft(tile: np.ndarray) -> np.ndarray:
    """Return `tile` with soft edges, float64 ``(height, width, 1)``."""
    import cv2

    return cv2.GaussianBlur(tile.astype(np.float64), (0, 0), 0.015 * min(tile.shape))[..., None]
