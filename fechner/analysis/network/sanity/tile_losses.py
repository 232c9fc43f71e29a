"""Whether a map says what its own model would say.

Before people are asked whether a map holds for them, it can be asked whether it holds
for the model it came from: places are degraded one at a time, the rating that the
selection predicts is taken again, and its loss is compared with the map (deletion tests:
Samek et al. 2017, IEEE TNNLS). A map that fails here explains nothing about the
prediction; one that passes may still be wrong about people. The losses of an image are
taken once, and every map and rival is held against the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.ranks import midranks
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.maps.predicting import predicted
from fechner.analysis.network.maps.removal import Degraded, blurred
from fechner.records.selection import ChannelSelection

GRID = 4
"""Tiles along each side."""

NOT_DEFINED = float("nan")
FEWEST_TILES = 4
"""A partial correlation of fewer has no degree of freedom."""


@dataclass(frozen=True, eq=False)
class TileLosses:
    """What degrading each tile of an image takes from the prediction.

    Attributes
    ----------
    masks
        Soft masks of the tiles, float32 ``(n_tiles, height, width)`` in [0, 1].
    loss
        Predicted rating of the image minus that with the tile degraded, ``(n_tiles,)``.
    error
        Mean squared error of the degraded image, squared grey levels, ``(n_tiles,)``.
    """

    masks: NDArray[np.float32]
    loss: NDArray[np.float64]
    error: NDArray[np.float64]

    def means(self, values: np.ndarray) -> NDArray[np.float64]:
        """Return the mean of a map (height, width) in each tile, ``(n_tiles,)``."""
        return np.array([(values * mask).sum() / mask.sum() for mask in self.masks])


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
    loss_given_contrast
        Partial Spearman of map and loss with another map, as that of contrast energy, held
        constant.

    Each is NaN where it is not defined: a map or losses that are the same for all tiles.
    """

    loss: float
    loss_at_equal_mse: float
    loss_given_contrast: float = NOT_DEFINED


def tile_losses(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    *,
    degraded: Degraded = blurred,
    grid: int = GRID,
) -> TileLosses:
    """Return the predicted losses of ``grid x grid`` tiles, degraded one at a time.

    Parameters
    ----------
    network, selection
        The model whose prediction is asked.
    image
        uint8 ``(height, width, 3)``.
    degraded
        How detail is removed.
    grid
        Tiles along each side.

    Returns
    -------
    TileLosses
    """
    # The change is masked, not both pictures: where nothing changes, it is exactly 0.
    change = degraded(image).astype(np.float64) - image
    masks = np.stack([_soft(tile) for tile in _tiles(image.shape[:2], grid)])
    changes = [change * mask for mask in masks[..., None]]
    shown = [image, *(np.rint(image + one).astype(np.uint8) for one in changes)]
    rating = predicted(network, shown, selection)
    error = np.array([np.mean(one**2) for one in changes])
    # The same picture at another place of a batch differs in its last bits: that is no loss.
    same = [np.array_equal(one, image) for one in shown[1:]]
    return TileLosses(masks, np.where(same, 0.0, rating[0] - rating[1:]), error)


def faithfulness(
    values: np.ndarray, tiles: TileLosses, *, contrast: np.ndarray | None = None
) -> Faithfulness:
    """Return how a map follows the losses of tiles.

    Parameters
    ----------
    values : (height, width)
        Higher should mean a larger loss.
    tiles
        From `tile_losses`.
    contrast : (height, width), optional
        What is held constant in `Faithfulness.loss_given_contrast`.

    Returns
    -------
    Faithfulness
    """
    if np.ptp(values) == 0:  # Means of a constant differ in their last bit.
        return Faithfulness(NOT_DEFINED, NOT_DEFINED)
    shown, changed = tiles.means(values), tiles.error > 0
    given = NOT_DEFINED
    if contrast is not None:
        given = _partial(shown[changed], tiles.loss[changed], tiles.means(contrast)[changed])
    return Faithfulness(
        loss=_spearman(shown, tiles.loss),
        loss_at_equal_mse=_spearman(shown[changed], tiles.loss[changed] / tiles.error[changed]),
        loss_given_contrast=given,
    )


def _spearman(x: NDArray, y: NDArray) -> float:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return NOT_DEFINED
    return float(np.corrcoef(midranks(x), midranks(y))[0, 1])


def _partial(x: NDArray, y: NDArray, given: NDArray) -> float:
    """Return ``(r_xy - r_xg r_yg) / sqrt((1 - r_xg^2) (1 - r_yg^2))`` of ranks."""
    r_xy, r_xg, r_yg = _spearman(x, y), _spearman(x, given), _spearman(y, given)
    left = (1 - r_xg**2) * (1 - r_yg**2)
    if len(x) < FEWEST_TILES or not left > 1e-12:
        return NOT_DEFINED
    return float((r_xy - r_xg * r_yg) / np.sqrt(left))


def _tiles(shape: tuple[int, ...], grid: int) -> list[np.ndarray]:
    rows, columns = (np.minimum(np.arange(side) * grid // side, grid - 1) for side in shape)
    return [
        (rows[:, None] == row) & (columns[None, :] == column)
        for row in range(grid)
        for column in range(grid)
    ]


def _soft(tile: np.ndarray) -> np.ndarray:
    """Return `tile` with soft edges, float32 ``(height, width)``."""
    import cv2

    return cv2.GaussianBlur(tile.astype(np.float32), (0, 0), 0.015 * min(tile.shape))
