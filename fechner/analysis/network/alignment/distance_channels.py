"""The running distance of the active channels, over pairs of reference and distorted image.

The counterpart of `grams` where people judged harm against a reference: similarity is minus a
distance, and a distance is a formula of a few sums over channels (`distances.readouts`). So a
channel is left out by taking its terms from the sums, and every way of choosing channels by
alignment works on pairs as it does on images.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.sums import ChannelSums
from fechner.errors import InputError

Combine = Callable[[Any], Any]
"""Makes a distance (n_pairs,) of sums over channels (n_terms, n_pairs), place by place."""

_STEP = 1e-6
"""Relative step of the derivative: rounding and curvature then both cost about 1e-10."""


class DistanceChannels(ChannelSums):
    """Sums over the active channels, and minus the distance that they make.

    Any thread may read them; only the thread that made or copied them may change them.

    Parameters
    ----------
    terms : (n_terms, n_pairs, n_channels)
        What each channel adds to each sum; the first is a squared difference.
    combine
        Makes a distance of the sums.

    Raises
    ------
    InputError
        If a term is not finite.
    """

    _running = ("active", "totals")

    def __init__(self, terms: NDArray, combine: Combine) -> None:
        if not np.isfinite(terms).all():
            raise InputError("differences of channels are not finite; pass the pairs anew")
        self._owner = threading.get_ident()
        # One channel's terms side by side: they are taken out together, thousands of times.
        self.parts = np.ascontiguousarray(np.moveaxis(terms, 2, 0), dtype=np.float64)
        self.combine = combine
        self.n_channels = len(self.parts)
        self.active = np.ones(self.n_channels, bool)
        self.totals = self.parts.sum(axis=0)

    def similarity(
        self, *, without: int | None = None, out: NDArray | None = None
    ) -> NDArray[np.float64]:
        """Return minus the distance of each pair, (n_pairs,), as if `without` were not active.

        `out` is there for the sake of the other kinds of channels, and is left as it is.
        """
        sums = self.totals if without is None else self.totals - self.parts[without]
        return -self.combine(sums)

    def activate(self, active: NDArray[np.bool_]) -> None:
        """Sum exactly the channels where `active` (n_channels,) is True."""
        self._check_owner()
        self.active = np.array(active, dtype=bool)
        self.totals = self.parts[self.active].sum(axis=0)

    def remove(self, channels: Iterable[int]) -> None:
        """Take `channels` out of the sums."""
        left = self.active.copy()
        left[list(channels)] = False
        # Summed anew: what is left of a large channel taken away would outweigh small ones.
        self.activate(left)

    def weigh(self, weights: NDArray) -> None:
        """Sum all channels, each ``weights[c] >= 0`` times (n_channels,)."""
        self._check_owner()
        self.active = weights > 0
        self.totals = np.tensordot(weights, self.parts, axes=1)

    def worth(self, weight: NDArray) -> NDArray[np.float64]:
        """Return what each active channel adds to ``similarity @ weight``, to first order."""
        slopes = slopes_of(self.combine, self.totals) * weight
        return np.where(self.active, -np.tensordot(self.parts, slopes, axes=2), 0.0)


def slopes_of(combine: Combine, sums: NDArray) -> NDArray[np.float64]:
    """Return the derivative of ``combine(sums)`` by each sum, (n_terms, n_pairs).

    0 where a sum is 0: no channel differs there, so that none has a say.
    """
    slopes = np.zeros(sums.shape)
    for k in range(len(sums)):
        step = np.zeros(sums.shape)
        step[k] = _STEP * np.abs(sums[k])
        rise = combine(sums + step) - combine(sums - step)
        np.divide(rise, 2 * step[k], out=slopes[k], where=step[k] > 0)
    return slopes
