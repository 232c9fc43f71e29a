"""The choice of two matched sets of patches, as a mixed-integer linear program.

A patch is a square of ``side x side`` blocks that may lie at any block. With a binary
unknown for every place of a patch in the high (``h``) and in the low set (``l``),
importance ``m`` and covariates ``c`` of the patches, tolerance ``t`` and K patches a
set:

    maximise    m (h - l) / K
    subject to  every block is covered at most once,
                sum h = sum l = K,
                -t c (h + l) / 2 <= c (h - l) <= t c (h + l) / 2   for every covariate.

`scipy.optimize.milp` (HiGHS) solves it; where the clock ends it before the gap is small,
`fechner.compression.regions.annealing` tries too and the better choice is taken. Whole patches
bound the perimeter of both sets alike, at ``4 K side`` block sides: chosen block by
block under an explicit bound on the perimeter, most photographs had no solution after
ten seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack

from fechner.compression.regions.annealing import Annealer
from fechner.compression.regions.blocks import BlockGrid

INFEASIBLE = 2
"""`scipy.optimize.milp` status: no choice satisfies the constraints."""


@dataclass(frozen=True)
class Choice:
    """Two sets of blocks, bool ``(n_blocks,)``, and how good they are.

    Attributes
    ----------
    gap
        Mean importance of the high minus the low set.
    solver_gap
        How much larger, relative to `gap`, the best gap can be at most.
    """

    high: np.ndarray
    low: np.ndarray
    gap: float
    solver_gap: float


@dataclass(frozen=True)
class NoChoice:
    """That no choice was found: because there is none (`impossible`), or in the time given."""

    impossible: bool


def choose_patches(
    grid: BlockGrid,
    importance: np.ndarray,
    covariates: Mapping[str, np.ndarray],
    *,
    patches: int,
    side: int,
    tolerance: float,
    time_limit_s: float,
    solver_gap: float,
) -> Choice | NoChoice:
    """Return the two sets of `patches` patches with the largest difference in importance.

    Parameters
    ----------
    grid
        The block grid, `n` blocks.
    importance
        ``(n,)``.
    covariates
        Name -> ``(n,)``, each not negative.
    patches, side
        K, the number of patches of each set, and their side in blocks.
    tolerance
        Largest difference of a covariate relative to the mean of the two sets.
    time_limit_s, solver_gap
        When to stop: seconds, and relative distance from the best bound.
    """
    cover = coverage(grid, side)
    places = cover.shape[1]
    value = (cover.T @ importance) / side**2
    result = milp(
        -np.concatenate([value, -value]) / patches,
        integrality=np.ones(2 * places),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(csr_array(hstack([cover, cover])), 0, 1),
            LinearConstraint(np.kron(np.eye(2), np.ones(places)), patches, patches),
            *(_matched(cover.T @ values, tolerance) for values in covariates.values()),
        ],
        options={"time_limit": time_limit_s, "mip_rel_gap": solver_gap},
    )
    if result.status == INFEASIBLE:
        return NoChoice(impossible=True)
    solved = None if result.x is None else np.split(result.x > 0.5, 2)
    if solved is None or (result.mip_gap or 0.0) > solver_gap:
        found = _annealed(grid, side, cover, value, covariates, patches, tolerance)
        solved = _better(solved, found, value)
    if solved is None:
        return NoChoice(impossible=False)
    return _choice(cover, solved, value, patches, bound=-(result.mip_dual_bound or -np.inf))


Sets = list[np.ndarray]
"""Places of the patches of the high and of the low set, bool ``(n_places,)`` each."""


def _annealed(
    grid: BlockGrid,
    side: int,
    cover: csr_array,
    value: np.ndarray,
    covariates: Mapping[str, np.ndarray],
    patches: int,
    tolerance: float,
) -> Sets | None:
    rows, columns = grid.shape
    search = Annealer(
        (rows - side + 1, columns - side + 1),
        value,
        {name: cover.T @ values for name, values in covariates.items()},
        patches=patches,
        side=side,
        tolerance=tolerance,
    )
    places = search.run()
    if places is None:
        return None
    return [np.isin(np.arange(value.size), half) for half in np.split(places, 2)]


def _better(one: Sets | None, other: Sets | None, value: np.ndarray) -> Sets | None:
    """Return the one of two choices whose sets differ more in importance."""
    there = [sets for sets in (one, other) if sets is not None]
    return max(there, key=lambda sets: value[sets[0]].sum() - value[sets[1]].sum(), default=None)


def _choice(
    cover: csr_array, sets: Sets, value: np.ndarray, patches: int, *, bound: float
) -> Choice:
    """Describe a choice; without a bound from the solver, the best K patches bound the gap."""
    order = np.sort(value)
    loosest = float(order[-patches:].mean() - order[:patches].mean())
    gap = float(value[sets[0]].mean() - value[sets[1]].mean())
    high, low = (cover @ places.astype(float) > 0 for places in sets)
    return Choice(high, low, gap, max(0.0, min(bound, loosest) - gap) / max(abs(gap), 1e-12))


def coverage(grid: BlockGrid, side: int) -> csr_array:
    """Return which blocks each place of a patch covers, 0 or 1, ``(n_blocks, n_places)``."""
    rows, columns = grid.shape
    index = np.arange(grid.count).reshape(rows, columns)
    windows = np.lib.stride_tricks.sliding_window_view(index, (side, side))
    blocks = windows.reshape(-1, side * side)
    place = np.repeat(np.arange(len(blocks)), side * side)
    ones = np.ones(blocks.size)
    return csr_array((ones, (blocks.ravel(), place)), shape=(grid.count, len(blocks)))


def _matched(values: np.ndarray, tolerance: float) -> LinearConstraint:
    """Return two inequalities for one covariate, scaled so that its mean is 1."""
    scaled = values / max(float(values.mean()), 1e-12)
    difference = np.concatenate([scaled, -scaled])
    slack = tolerance / 2 * np.concatenate([scaled, scaled])
    rows = np.stack([difference - slack, difference + slack])
    return LinearConstraint(rows, [-np.inf, 0.0], [0.0, np.inf])
