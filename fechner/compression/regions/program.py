"""The choice of two matched sets of patches, as a linear program over places of patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, hstack

from fechner.compression.regions.blocks import BlockGrid


@dataclass(frozen=True, eq=False)
class Program:
    """What is chosen from, and under which constraints; see `choice`.

    Unknowns are the places of the high set, then those of the low set.

    Attributes
    ----------
    cover : (n_blocks, n_places)
        Which blocks a patch at each place covers, 0 or 1.
    value : (n_places,) float64
        Mean importance of a patch at each place.
    covariates : (n_covariates, n_places) float64
        Sums over the patch, each scaled to a mean of 1: edge energies are thousands of squared
        grey levels and eccentricities are below 1, and a solver's tolerances are absolute.
    columns
        Places in a row of the picture.
    patches, side, tolerance
        As for `choice.choose_patches`.
    """

    cover: csr_array
    value: np.ndarray
    covariates: np.ndarray
    columns: int
    patches: int
    side: int
    tolerance: float

    @property
    def cost(self) -> np.ndarray:
        """What is minimised, ``(2 n_places,)``: minus the difference in mean importance."""
        return -np.concatenate([self.value, -self.value]) / self.patches

    @property
    def covered(self) -> csr_array:
        """How often each block is covered, ``(n_blocks, 2 n_places)``; at most once."""
        # Both sets in one row a block: patches overlap neither within nor between them.
        return csr_array(hstack([self.cover, self.cover]))

    @property
    def counts(self) -> np.ndarray:
        """The number of patches of each set, ``(2, 2 n_places)``; `patches` each."""
        return np.kron(np.eye(2), np.ones(len(self.value)))

    @property
    def apart(self) -> np.ndarray:
        """How far each covariate is beyond its tolerance, both ways, at most 0.

        ``(2 n_covariates, 2 n_places)``: ``+-c (h - l) - t c (h + l) / 2``.
        """
        difference = np.hstack([self.covariates, -self.covariates])
        slack = self.tolerance / 2 * np.hstack([self.covariates, self.covariates])
        return np.concatenate([difference - slack, -difference - slack])

    def matches(self, places: np.ndarray) -> bool:
        """Return whether two sets of places, int ``(2, patches)``, are equal within tolerance."""
        high, low = (self.covariates[:, one].sum(axis=1) for one in places)
        return bool((np.abs(high - low) <= self.tolerance / 2 * (high + low)).all())

    def gap(self, places: np.ndarray) -> float:
        """Return the mean importance of the first minus that of the second set of places."""
        high, low = (self.value[one].mean() for one in places)
        return float(high - low)

    def blocks(self, places: np.ndarray) -> np.ndarray:
        """Return the blocks that patches at `places` cover, bool ``(n_blocks,)``."""
        chosen = np.zeros(len(self.value))
        chosen[places] = 1.0
        return self.cover @ chosen > 0


def program_of(
    grid: BlockGrid,
    importance: np.ndarray,
    covariates: Mapping[str, np.ndarray],
    *,
    patches: int,
    side: int,
    tolerance: float,
) -> Program:
    """Return the program of a picture's blocks; parameters as for `choice.choose_patches`."""
    cover = coverage(grid, side)
    sums = np.array([cover.T @ values for values in covariates.values()])
    sums = sums.reshape(len(covariates), cover.shape[1])
    return Program(
        cover=cover,
        value=(cover.T @ importance) / side**2,
        covariates=sums / np.maximum(sums.mean(axis=1, keepdims=True), 1e-12),
        columns=grid.shape[1] - side + 1,
        patches=patches,
        side=side,
        tolerance=tolerance,
    )


def coverage(grid: BlockGrid, side: int) -> csr_array:
    """Return which blocks each place of a patch covers, 0 or 1, ``(n_blocks, n_places)``."""
    rows, columns = grid.shape
    index = np.arange(grid.count).reshape(rows, columns)
    windows = np.lib.stride_tricks.sliding_window_view(index, (side, side))
    blocks = windows.reshape(-1, side * side)
    place = np.repeat(np.arange(len(blocks)), side * side)
    ones = np.ones(blocks.size)
    return csr_array((ones, (blocks.ravel(), place)), shape=(grid.count, len(blocks)))
