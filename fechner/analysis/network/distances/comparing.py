"""What is kept of one layer for one distorted image, beside its reference.

The first step from activations to distances. With ``x`` the reference's activations and
``y`` the distorted image's, both (C, P): C channels at P places, a few sums over places for
each channel are enough for every read-out, with any channel weights and joined over any
layers, so that activations are looked at once and forgotten:

- the change of its mean and of its SD (population) over places;
- the mean of ``(y - x)^2``;
- the mean of ``(y / |y| - x / |x|)^2``, lengths taken over channels at each place (Zhang and
  others 2018, "The Unreasonable Effectiveness of Deep Features", LPIPS);
- where Gram matrices ``X X' / P`` are asked for, the squares of its row of their difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fechner.threads import small_matrices

LPIPS_EPSILON = np.float32(1e-10)
"""What LPIPS adds to each length, so that a place where nothing is active stays 0."""
TILE_VALUES = 1 << 16
"""Values of one image in a tile of places: two images' tiles fit a second-level cache of 1 MB."""
FEWEST_PLACES = 256
"""Places in a tile, whatever the number of channels: shorter runs starve the prefetcher."""
GRAM_PLACES = 4096
"""Places whose products are summed in float32 before float64 takes over."""
SUMS = ("mean", "sd", "squared", "unit")
"""What `changes` gives for each channel, in this order."""

# Sums may be reordered, so that they run in parallel; NaN and infinity keep their meaning. No
# product may be fused with a sum: a b - c d would then not be 0 where both products are equal.
_FAST = {"reassoc", "nsz"}


@dataclass(frozen=True, eq=False)
class ReferenceLayer:
    """One layer of a reference, kept while its distorted versions pass.

    Attributes
    ----------
    values : (C, P) float32
    mean, sd : (C,) float64
        Over places; the SD is the population's.
    inverse_lengths : (P,) float32
        One over the length of the channel vector at each place.
    """

    values: NDArray[np.float32]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    inverse_lengths: NDArray[np.float32]


def reference_layer(values: NDArray[np.float32]) -> ReferenceLayer:
    """Return what distorted versions are compared with; `values` (C, P) are kept, not copied."""
    return ReferenceLayer(values, *_about(values, _places(len(values))))


def changes(reference: ReferenceLayer, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the `SUMS` of each channel between a reference and `values` (C, P): (4, C)."""
    totals = _compare(
        reference.values,
        reference.inverse_lengths,
        reference.mean,
        values,
        _places(len(values)),
    )
    mean, spread, squared, unit = totals / values.shape[1]
    # var(y) - var(x), from the products of (y - x) with (y + x - 2 mean(x)): the difference of
    # two variances would lose the digits that a slight distortion lives in. The products were
    # taken with the mean in float32.
    rounded = reference.mean.astype(np.float32) - reference.mean
    change = spread + 2 * rounded * mean - mean**2
    sd = np.sqrt(np.maximum(reference.sd**2 + change, 0.0))
    both = sd + reference.sd
    sd_change = np.divide(change, both, out=np.zeros_like(change), where=both > 0)
    return np.stack([mean, sd_change, squared, unit])


def gram_changes(gram: NDArray[np.float64], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sum of squares of each row of the Gram matrix of `values` minus `gram`, (C,)."""
    difference = gram_matrix(values) - gram
    return np.einsum("ij,ij->i", difference, difference)


def gram_matrix(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return ``X X' / P`` of `values` (C, P): (C, C)."""
    total = np.zeros((len(values), len(values)))
    with small_matrices(len(values)):
        for start in range(0, values.shape[1], GRAM_PLACES):
            part = values[:, start : start + GRAM_PLACES]
            # numpy knows a matrix times its own transpose and computes one triangle only.
            total += part @ part.T
    return total / values.shape[1]


def _places(channels: int) -> int:
    return max(FEWEST_PLACES, TILE_VALUES // channels)


@njit(cache=True)
def _inverse_lengths(values, start, out):
    """Fill `out` with one over the length of each column of `values` (C, P) from `start` on.

    In one order of summation for reference and image, so that equal images are equal here.
    """
    out[:] = 0.0
    for c in range(values.shape[0]):
        row = values[c, start : start + out.size]
        for p in range(out.size):
            out[p] += row[p] * row[p]
    for p in range(out.size):
        out[p] = np.float32(1.0) / (np.sqrt(out[p]) + LPIPS_EPSILON)


@njit(cache=True, fastmath=_FAST)
def _about(x, places):
    """Return means, SDs and inverse lengths; tiles of float32 sums, float64 over tiles."""
    channels, count = x.shape
    mean = np.zeros(channels)
    square = np.zeros(channels)
    lengths = np.empty(count, np.float32)
    for start in range(0, count, places):
        end = min(start + places, count)
        for c in range(channels):
            row = x[c, start:end]
            total = np.float32(0.0)
            for p in range(row.size):
                total += row[p]
            mean[c] += total
        _inverse_lengths(x, start, lengths[start:end])
    for c in range(channels):
        # The second look is taken from near the mean, so that float32 has digits for both.
        centre = np.float32(mean[c] / count)
        moved = np.float64(0.0)
        spread = np.float64(0.0)
        for start in range(0, count, places):
            row = x[c, start : min(start + places, count)]
            total = np.float32(0.0)
            squared = np.float32(0.0)
            for p in range(row.size):
                apart = row[p] - centre
                total += apart
                squared += apart * apart
            moved += total
            spread += squared
        mean[c] = centre + moved / count
        square[c] = max(spread / count - (moved / count) ** 2, 0.0)
    return mean, np.sqrt(square), lengths


@njit(cache=True, fastmath=_FAST)
def _compare(x, inverse_x, mean, y, places):
    """Return four sums over places for each channel, (4, C).

    Of ``d = y - x``, of ``d (y + x - 2 mean)``, of ``d^2``, and of the squared difference of
    unit-length vectors. The length of y at a place is needed before the last: so tiles of
    places, small enough that the second look finds y in the cache.
    """
    channels, count = x.shape
    totals = np.zeros((4, channels))
    inverse_y = np.empty(places, np.float32)
    for start in range(0, count, places):
        end = min(start + places, count)
        size = end - start
        _inverse_lengths(y, start, inverse_y[:size])
        tile_x = inverse_x[start:end]
        for c in range(channels):
            row = y[c, start:end]
            other = x[c, start:end]
            centre = np.float32(mean[c])
            moved = np.float32(0.0)
            spread = np.float32(0.0)
            squared = np.float32(0.0)
            turned = np.float32(0.0)
            for p in range(size):
                d = row[p] - other[p]
                moved += d
                # y + x - 2 mean, without the digits that a sum far from zero would lose.
                spread += d * (d + np.float32(2.0) * (other[p] - centre))
                squared += d * d
                unit = row[p] * inverse_y[p] - other[p] * tile_x[p]
                turned += unit * unit
            totals[0, c] += moved
            totals[1, c] += spread
            totals[2, c] += squared
            totals[3, c] += turned
    return totals
