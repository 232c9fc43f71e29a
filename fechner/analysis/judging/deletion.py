"""How much of what a blur takes lies where a map is high, as an independent metric sees it.

The most important places are blurred first, and SSIMULACRA 2 says how much of the quality that
blurring everything costs is then lost (deletion); or a blurred picture gets back its most important
places, and the metric says how much is won (insertion; after Petsiuk, Das and Saenko 2018, RISE,
BMVC, who ask the model itself). The metric knows neither network nor ratings.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fechner.analysis.judging.weighing import resized
from fechner.compression.metrics.ssimulacra2 import Ss2Reference

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the area. What a map without relation reaches depends on the metric, which falls fast
at first: another photograph's map .75 deletion and .31 insertion over six photographs."""

SIDE = 384
"""Longer side in px at which pictures are compared."""

SOFT = 1 / 96
"""SD of the blur on the edge of what is replaced, in longer sides: a hard edge would be damage."""


def deletion_and_insertion(
    image: np.ndarray,
    worse: np.ndarray,
    maps: Sequence[np.ndarray | None],
    *,
    shares: Sequence[float] = SHARES,
) -> NDArray[np.float64]:
    """Return deletion and insertion of each map, float64 (n_maps, 2).

    With q the quality, f a share of the area, and 0 and 1 none and all of it blurred,

        deletion  = mean_f (q_0 - q_f) / (q_0 - q_1)
        insertion = mean_f (q_f - q_1) / (q_0 - q_1)

    where in q_f of the second all but the share f is blurred. Higher is better in both.

    Parameters
    ----------
    image, worse
        The picture and the same degraded everywhere, uint8 (height, width, 3).
    maps
        Each (height, width) of any size, or None.
    shares
        Of the area, in (0, 1).

    Returns
    -------
    numpy.ndarray
        NaN where a map is constant or missing, and where degrading costs no quality.
    """
    image, worse = _small(image), _small(worse)
    judge = Ss2Reference(image)
    best, all_worse = judge.score(image), judge.score(worse)
    found = np.full((len(maps), 2), np.nan)
    if best - all_worse < 1e-6:
        return found
    for row, values in enumerate(maps):
        if values is None or np.ptp(values) == 0:
            continue
        rank = _ranks(resized(np.asarray(values, np.float64), image.shape[:2]))
        first = [judge.score(_mixed(image, worse, rank >= 1 - share)) for share in shares]
        last = [judge.score(_mixed(image, worse, rank < 1 - share)) for share in shares]
        found[row] = np.mean(best - np.array(first)), np.mean(np.array(last) - all_worse)
    return found / (best - all_worse)


def _small(picture: np.ndarray) -> np.ndarray:
    scale = SIDE / max(picture.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(picture)
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each place, in [0, 1); places that tie come in an order drawn once."""
    tie_break = np.random.default_rng(0).random(values.size)
    rank = np.empty(values.size)
    rank[np.lexsort((tie_break, values.ravel()))] = np.arange(values.size) / values.size
    return rank.reshape(values.shape)


def _mixed(image: np.ndarray, worse: np.ndarray, where: np.ndarray) -> np.ndarray:
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), SOFT * max(where.shape))[..., None]
    return np.rint(image * (1 - soft) + worse * soft).astype(np.uint8)
