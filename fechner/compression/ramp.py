"""From an importance map to how much each part of a picture may lose.

The map that the compressor is given says what matters; `ramp` turns it into the share of
the loss that each pixel bears: 0 where importance is above the middle, rising smoothly to
1 where it is low. Quality that steps shows a border, quality that ramps does not
(docs/howto-compress.md shows crops). `most_important` and its complement are the two parts
of the picture in which the result is judged.
"""

from __future__ import annotations

import cv2
import numpy as np

from fechner.compression.pictures import checked_weights

SMOOTHING = 8.0
"""Width of the Gaussian that takes pixel-sharp borders out of a map, pixels."""
THINNING = 4
"""Pixels to a side of the cells in which the ramp is computed."""
KEPT_SHARE = 0.25
"""Share of the map above which nothing is lost; a margin of 8 pixels is added around it."""
FULL_SHARE = 0.55
"""Share of the picture that bears the full loss."""
FLAT = 0.005
"""Share of a map's range below which its lower quantiles count as one flat background."""
IMPORTANT_SHARE = 0.25
"""Share of the picture that is called important when quality is judged."""


def ramp(importance: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the share of the loss of each pixel, float32 (h, w) in [0, 1].

    ``u = clip((high - m) / (high - low), 0, 1)``, then ``u^2 (3 - 2u)``; high and low are
    the quantiles of the smoothed map m above which nothing and below which everything is
    lost. Where most of a map is one flat background, high is the middle of the map's
    range instead. A constant map gives 0 everywhere: nothing is known to matter less.

    Parameters
    ----------
    importance
        (h, w), finite, 0 or more; any scale.
    shape
        Height and width of the picture.

    Raises
    ------
    InputError
        If the map does not fit the picture, or has values that are negative or not finite.
    """
    importance = _checked(importance, shape)
    small = (max(1, shape[1] // THINNING), max(1, shape[0] // THINNING))
    thin = cv2.resize(importance, small, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(thin, (0, 0), SMOOTHING / THINNING, borderType=cv2.BORDER_REPLICATE)
    bottom, top = float(smooth.min()), float(smooth.max())
    if top - bottom <= 1e-6 * max(top, 1e-12):
        return np.zeros(shape, np.float32)
    low, high = (float(q) for q in np.quantile(smooth, (FULL_SHARE, 1 - KEPT_SHARE)))
    if high - low < FLAT * (top - bottom):
        low, high = bottom, max((bottom + top) / 2, low)
    u = np.clip((high - smooth) / np.float32(high - low), 0, 1)
    # A sharp map would still step: its border is moved outward, then softened in place.
    eroded = cv2.erode((u * u * (3 - 2 * u)).astype(np.float32), np.ones((5, 5), np.uint8))
    share = cv2.GaussianBlur(eroded, (0, 0), SMOOTHING / THINNING, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(share, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


def most_important(importance: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the most important quarter of a picture as float32 (h, w), 1 inside and 0 outside.

    Where many pixels share the value at its border, those nearest the top of the picture
    are taken, so that the quarter is a quarter.
    """
    flat = _checked(importance, shape).reshape(-1)
    count = max(1, round(flat.size * IMPORTANT_SHARE))
    border = np.partition(flat, flat.size - count)[flat.size - count]
    inside = flat > border
    inside[np.flatnonzero(flat == border)[: count - int(inside.sum())]] = True
    return inside.reshape(shape).astype(np.float32)


def per_block(share: np.ndarray, blocks: tuple[int, int]) -> np.ndarray:
    """Return the mean of `share` (h, w) over each block of one plane, float32 (rows, columns).

    A block of a plane at half size covers 16 x 16 pixels; beyond the picture's edge the
    last row and column repeat.
    """
    rows, columns = blocks
    height, width = share.shape
    covered_y, covered_x = _covered(height, rows), _covered(width, columns)
    down, right = rows * covered_y - height, columns * covered_x - width
    if down > 0 or right > 0:
        share = cv2.copyMakeBorder(share, 0, max(down, 0), 0, max(right, 0), cv2.BORDER_REPLICATE)
    return cv2.resize(
        share[: rows * covered_y, : columns * covered_x],
        (columns, rows),
        interpolation=cv2.INTER_AREA,
    )


def centre_map(shape: tuple[int, int]) -> np.ndarray:
    """Return a map (h, w) in (0, 1] that falls from the centre outward like a Gaussian.

    Its width is a quarter of each side: the prior that people look at the middle of a
    photograph, and the control that every other map has to beat.
    """
    falls = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 4)) ** 2) for n in shape]
    return np.outer(*falls).astype(np.float32)


def _checked(importance: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    importance = np.asarray(importance, np.float32)
    if importance.shape == tuple(shape) and not importance.any():
        return importance
    return checked_weights(importance, shape, what="importance map")


def _covered(length: int, blocks: int) -> int:
    """Return how many pixels one block covers: 8, 16 or 32."""
    return next(size for size in (8, 16, 32) if blocks * size >= length)
