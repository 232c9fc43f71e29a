"""From inner products of images to their similarity, pair by pair.

A `Rule` holds what this takes of each image under one of `similarity.SIMILARITIES`; it is made
by `grams.ChannelGrams.rule` for the channels that are left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Rule(NamedTuple):
    """Similarity from the inner product of images i and j.

    ``kind`` is the place in `SIMILARITIES`; the others are (n_images,): squared norm,
    1 / length (0 where there is none), mean shift, and the squared norm that counts as none.
    """

    kind: int
    norms: NDArray[np.float64]
    lengths: NDArray[np.float64]
    shifts: NDArray[np.float64]
    floor: NDArray[np.float64]


@njit(cache=True)
def similarity_of_row(i, total, tile_row, start, columns, complete, rule, out):
    """Fill `out` with the similarities of image i: `total` less `tile_row`, under `rule`.

    The tile begins at image `start`; what else is given belongs to the pairs of image i.

    Parameters
    ----------
    i
        The image, which is compared with those after it.
    total
        Products of image i with its partners over all active channels ``(n_partners,)``.
    tile_row
        Products over the channel that is taken away ``(n_images - start,)``.
    start
        The first image of the tile.
    columns
        The partners of image i, where not every pair is compared.
    complete
        Whether every pair is compared.
    rule
        How products become similarities, see `_to_similarity`.
    out
        Filled, ``(n_partners,)``.
    """
    taken = tile_row[i + 1 - start :] if complete else tile_row
    for a in range(out.size):
        out[a] = total[a] - taken[a if complete else columns[a] - start]
    _to_similarity(i, columns, complete, rule, out)


@njit(cache=True)
def _to_similarity(i, columns, complete, rule, inner):
    """Turn the inner products of image i with `columns` into similarities, in place.

    A complete row holds all images after i, which need no look-up: that makes it fast.
    """
    after = i + 1 if complete else 0
    lengths, shifts = rule.lengths[after:], rule.shifts[after:]
    norms, floor = rule.norms[after:], rule.floor[after:]
    for a in range(inner.size):
        j = a if complete else columns[a]
        if rule.kind <= 1:
            inner[a] = (inner[a] - rule.shifts[i] * shifts[j]) * rule.lengths[i] * lengths[j]
        elif rule.kind == 2:
            apart = rule.norms[i] + norms[j] - 2.0 * inner[a]
            inner[a] = -np.sqrt(apart) if apart > rule.floor[i] + floor[j] else 0.0


@njit(cache=True)
def of_vector(inner, rule, starts, columns, complete):
    """Turn the inner products (n_pairs,) of all images into similarities, in place."""
    for i in range(starts.size - 1):
        pairs = slice(starts[i], starts[i + 1])
        _to_similarity(i, columns[pairs], complete, rule, inner[pairs])


@njit(cache=True)
def of_tile(total, tile, start, rule, starts, columns, complete, out):
    """Fill `out` (n_pairs,) with the similarities of a tile's images: `total` less the tile."""
    for row in range(tile.shape[0]):
        i = start + row
        pairs = slice(starts[i], starts[i + 1])
        similarity_of_row(
            i, total[pairs], tile[row], start, columns[pairs], complete, rule, out[pairs]
        )
