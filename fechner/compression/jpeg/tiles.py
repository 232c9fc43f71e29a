"""How strongly each place is compressed: a strength a tile, corrected by what was lost there.

Between the ramp, which says where a picture may lose, and the encoder. The same strength harms
one texture far more than another: at a mean of ss2 70 the worst tiles of 96 pixels stood at 61 to
65, and no statistic of a tile foretold which (rank correlations with energy between -.6 and .6 over
Kodak photographs). So the strengths are corrected from one encoding to the next, by the loss that
was measured in each tile; on large pictures, where only a sample is judged, they are carried over
by what the tiles look like.
"""

from __future__ import annotations

import cv2
import numpy as np

from fechner.compression.jpeg.source import Source
from fechner.compression.metrics.ssimulacra2 import TILE

LOSS_EXPONENT = 0.95
"""Loss of ss2 grows about as strength to this power (Kodak photographs, strengths .5 to 2)."""
LARGEST_STEP = 3.0
"""Factor by which one correction may change a tile's strength."""
TELLING_SHARE = 0.3
"""Mean share of a tile below which its score says little about its strength."""
CELL, SOFTENING = 8, 14.0
"""Pixels of a cell in which strengths are spread, a block of luma, and the width of the Gaussian
between tiles."""
WEAKEST, STRONGEST = 0.02, 8.0
"""Range of the strengths."""


def tile_means(
    plane: np.ndarray, *, side: int = TILE, tiles: tuple[int, int] | None = None
) -> np.ndarray:
    """Return the mean of a plane (h, w) over each tile, (rows, columns).

    Tiles are `side` values wide and high, as many as fit or `tiles`; those of the last row and
    column reach to the edge.
    """
    rows, columns = tiles or (max(1, length // side) for length in plane.shape)
    across = np.add.reduceat(plane, np.arange(rows) * side, axis=0, dtype=np.float64)
    sums = np.add.reduceat(across, np.arange(columns) * side, axis=1)
    high, wide = (
        np.diff(np.append(np.arange(n) * side, length))
        for n, length in zip((rows, columns), plane.shape, strict=True)
    )
    return sums / np.outer(high, wide)


def spread(strengths: np.ndarray, shape: tuple[int, int], blocks: tuple[int, ...]) -> np.ndarray:
    """Return strengths of tiles (rows, columns) for blocks, float32 `blocks`, their steps softened.

    `shape` is the picture's, pixels; `blocks` the rows and columns of a plane's blocks.
    """
    rows, columns = (np.minimum(np.arange(0, n, CELL) // TILE, count - 1) for n, count in
                     zip(shape, strengths.shape, strict=True))  # fmt: skip
    cells = strengths.astype(np.float32)[np.ix_(rows, columns)]
    soft = cv2.GaussianBlur(cells, (0, 0), SOFTENING / CELL, borderType=cv2.BORDER_REPLICATE)
    # Averaged where a block is larger than a cell, else between the cells.
    how = cv2.INTER_AREA if blocks[0] <= soft.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(soft, (blocks[1], blocks[0]), interpolation=how)


def first_strengths(
    start: float, unharmed: np.ndarray, aims: np.ndarray, *, exponent: float = LOSS_EXPONENT
) -> np.ndarray:
    """Return strengths to begin with: a tile that may lose more gets more.

    ``start ((U - aim) / mean(U - aim))^(1 / e)`` with U the score of each tile unharmed, and loss
    growing as strength to the power e.
    """
    room = np.maximum(unharmed - aims, 0.1)
    return np.clip(start * (room / room.mean()) ** (1 / exponent), WEAKEST, STRONGEST)


def corrected(
    strengths: np.ndarray,
    scores: np.ndarray,
    unharmed: np.ndarray,
    aims: np.ndarray,
    share: np.ndarray,
    *,
    exponent: float = LOSS_EXPONENT,
) -> np.ndarray:
    """Return the strengths at which each tile should score its aim.

    ``((U - aim) / (U - score))^(1 / e)`` times the strength before. Tiles that the map hardly
    lets lose take the median of the others, so that no border of strength arises beside them,
    unless they score less than their aim.

    Parameters
    ----------
    strengths, scores
        Of the last encoding, (rows, columns).
    unharmed
        Scores without loss by the map.
    aims
        Scores that are wanted.
    share
        Mean share of the loss of each tile, [0, 1].
    exponent
        e, the power of strength as which loss grows.
    """
    ratio = np.maximum(unharmed - aims, 0.05) / np.maximum(unharmed - scores, 0.3)
    factor = np.clip(ratio ** (1 / exponent), 1 / LARGEST_STEP, LARGEST_STEP)
    found = np.clip(strengths * factor, WEAKEST, STRONGEST)
    telling = share >= TELLING_SHARE
    if telling.any():
        middle = np.median(found[telling])
        quiet = np.where(scores < aims, np.minimum(found, middle), middle)
        found = np.where(telling, found, quiet)
    return found


def between(
    gentle: np.ndarray, harsh: np.ndarray, scores: tuple[float, float], aim: float
) -> np.ndarray:
    """Return the strengths between two trials at which the rest should score `aim`.

    ``gentle^(1 - t) harsh^t`` with t the share of the way from the gentle score to the harsh one.
    """
    part = np.clip((scores[0] - aim) / max(scores[0] - scores[1], 1e-6), 0.05, 0.95)
    return gentle ** (1 - part) * harsh**part


def carried_over(strengths: np.ndarray, sample: Source, whole: Source) -> np.ndarray:
    """Return strengths for the tiles of a large picture, from those of a sample of it.

    Log strength is fitted by least squares to the log of the mean and the mean of the log of
    the energy of a tile's luma blocks, and kept within the range that the sample has.
    """
    here, there = _looks(sample), _looks(whole)
    weights, *_ = np.linalg.lstsq(here, np.log(strengths).reshape(-1), rcond=None)
    found = np.exp(there @ weights)
    rows, columns = (max(1, length // TILE) for length in whole.size)
    return np.clip(found, strengths.min(), strengths.max()).reshape(rows, columns)


def _looks(source: Source) -> np.ndarray:
    """Return what tiles look like, (tiles, 3): 1, log of mean energy, mean of log energy."""
    energy = np.square(source.components[0].blocks[..., 1:]).sum(axis=2) + np.float32(20)
    rows, columns = (max(1, length // TILE) for length in source.size)
    mean, log = (
        tile_means(plane, side=TILE // 8, tiles=(rows, columns)).reshape(-1)
        for plane in (energy, np.log(energy))
    )
    return np.stack([np.ones_like(mean), np.log(mean), log], axis=1)
