"""What is kept of one layer for one distorted image, beside its reference.

The first step from activations to distances. With ``x`` the reference's activations and
``y`` the distorted image's, P places of C channels, a few sums over places for each channel
are enough for every read-out, with any channel weights and joined over any layers, so that
activations are looked at once and forgotten:

- the change of its mean and of its SD (population) over places;
- the mean of ``(y - x)^2``;
- the mean of ``(y / |y| - x / |x|)^2``, lengths taken over channels at each place (Zhang and
  others 2018, "The Unreasonable Effectiveness of Deep Features", LPIPS);
- where Gram matrices ``X' X / P`` are asked for, the squares of its row of their difference.

Activations come as (P, C), the channels of a place side by side: so torch leaves them, and so
sums over places run through all channels at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg.blas import ssyrk

LPIPS_EPSILON = np.float32(1e-10)
"""What LPIPS adds to each length, so that a place where nothing is active stays 0."""
PLACES = 32
"""Places that are summed in float32, twice as fast, before float64 takes over. With 256 the means
of an image's colours lost two parts in a million."""
GRAM_PLACES = 4096
"""The same for products of channels, where BLAS sums in an order of its own."""
SUMS = ("mean", "sd", "squared", "unit")
"""What `changes` gives for each channel, in this order."""


@dataclass(frozen=True, eq=False)
class ReferenceLayer:
    """One layer of a reference, kept while its distorted versions pass.

    Attributes
    ----------
    values : (P, C) float32
    mean, sd : (C,) float64
        Over places; the SD is the population's.
    inverse_lengths : (P,) float32
        One over the length of the channel vector at each place.
    """

    values: NDArray[np.float32]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    inverse_lengths: NDArray[np.float32]

    @cached_property
    def centre(self) -> NDArray[np.float32]:
        """The mean in float32: what activations are taken from before they are multiplied."""
        return self.mean.astype(np.float32)


def reference_layer(values: NDArray[np.float32]) -> ReferenceLayer:
    """Return what distorted versions are compared with; `values` (P, C) are kept, not copied."""
    nothing = np.zeros(values.shape[1], np.float32)
    # The second look is taken from near the mean, so that float32 has digits for both.
    centre = _moments(values, nothing)[0].astype(np.float32)
    moved, square = _moments(values, centre)
    sd = np.sqrt(np.maximum(square - moved**2, 0.0))
    return ReferenceLayer(values, centre + moved, sd, _inverse_lengths(values))


def sums_over_places(reference: ReferenceLayer, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what `changes` needs of a distorted image's `values` (P, C): (4, C)."""
    lengths = reference.inverse_lengths, _inverse_lengths(values)
    return _compare(reference.values, values, reference.centre, *lengths)


def changes(reference: ReferenceLayer, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the `SUMS` of each channel for images of one reference, (n_images, 4, C).

    Parameters
    ----------
    reference
        What they were compared with.
    sums : (n_images, 4, C)
        Of each image, from `sums_over_places`.
    """
    mean, along, squared, unit = np.moveaxis(sums, 1, 0)
    # var(y) - var(x) = E d^2 + 2 E d (x - mean x) - (E d)^2: the difference of two variances would
    # lose the digits that a slight distortion lives in. The products were taken with the mean in
    # float32.
    along = along + (reference.centre - reference.mean) * mean
    change = squared + 2 * along - mean**2
    sd = np.sqrt(np.maximum(reference.sd**2 + change, 0.0))
    both = sd + reference.sd
    sd_change = np.divide(change, both, out=np.zeros_like(change), where=both > 0)
    return np.stack([mean, sd_change, squared, unit], axis=1)


def gram_matrix(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the lower triangle of ``X' X / P`` of `values` (P, C): (C, C), 0 above."""
    return _products(values).astype(np.float64) * (1.0 / len(values))


def gram_changes(gram: NDArray[np.float64], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sum of squares of each row of the Gram matrix of `values` minus `gram`, (C,)."""
    return _row_squares(_products(values), 1.0 / len(values), gram)


def _products(values: NDArray[np.float32]) -> NDArray:
    """Return the lower triangle of ``X' X``; float32 where places are few, else float64."""
    # BLAS computes one triangle of a matrix times its own transpose, and no more. It counts in
    # columns: its upper triangle is our lower one.
    if len(values) <= GRAM_PLACES:
        return ssyrk(1.0, values.T).T
    total = np.zeros((values.shape[1], values.shape[1]))
    for start in range(0, len(values), GRAM_PLACES):
        total += ssyrk(1.0, values[start : start + GRAM_PLACES].T).T
    return total


@njit(cache=True, fastmath={"reassoc", "nsz"})
def _row_squares(products, scale, before):
    """Return the row sums of ``(scale products - before)^2``, both symmetric lower triangles."""
    rows = np.zeros(len(products))
    for i in range(len(products)):
        own = 0.0
        for j in range(i):
            square = (products[i, j] * scale - before[i, j]) ** 2
            own += square
            rows[j] += square
        rows[i] += own + (products[i, i] * scale - before[i, i]) ** 2
    return rows


@njit(cache=True)
def _moments(x, centre):
    """Return the means over places of ``x - centre`` and of its square, (2, C)."""
    count, channels = x.shape
    totals = np.zeros((2, channels))
    part = np.empty((2, channels), np.float32)
    for start in range(0, count, PLACES):
        part[:] = 0.0
        moved, square = part[0], part[1]
        for p in range(start, min(start + PLACES, count)):
            row = x[p]
            for c in range(channels):
                apart = row[c] - centre[c]
                moved[c] += apart
                square[c] += apart * apart
        totals += part
    return totals / count


# Sums may be reordered here, so that they run in parallel. One compiled function serves reference
# and image, so that equal images have equal lengths.
@njit(cache=True, fastmath={"reassoc", "nsz"})
def _inverse_lengths(values):
    """Return one over the length of the channel vector at each place, (P,)."""
    count, channels = values.shape
    inverse = np.empty(count, np.float32)
    for p in range(count):
        row = values[p]
        total = np.float32(0.0)
        for c in range(channels):
            total += row[c] * row[c]
        inverse[p] = np.float32(1.0) / (np.sqrt(total) + LPIPS_EPSILON)
    return inverse


# Without fused products: a b - c d would not be 0 where both are equal.
@njit(cache=True)
def _compare(x, y, centre, inverse_x, inverse_y):
    """Return four means over places for each channel, (4, C).

    Of ``d = y - x``, of ``d (x - centre)``, of ``d^2``, and of the squared difference of
    unit-length vectors.
    """
    count, channels = x.shape
    totals = np.zeros((4, channels))
    part = np.empty((4, channels), np.float32)
    for start in range(0, count, PLACES):
        part[:] = 0.0
        moved, along, squared, turned = part[0], part[1], part[2], part[3]
        for p in range(start, min(start + PLACES, count)):
            before = x[p]
            after = y[p]
            of_x = inverse_x[p]
            of_y = inverse_y[p]
            for c in range(channels):
                d = after[c] - before[c]
                moved[c] += d
                along[c] += d * (before[c] - centre[c])
                squared[c] += d * d
                unit = after[c] * of_y - before[c] * of_x
                turned[c] += unit * unit
        totals += part
    return totals / count
