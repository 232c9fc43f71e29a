"""The choice of two matched sets of patches, as a mixed-integer linear program.

A patch is a square of ``side x side`` blocks that may lie at any block. With a binary
unknown for every place of a patch in the high (``h``) and in the low set (``l``),
importance ``m`` and covariates ``c`` of the patches, tolerance ``t`` and K patches a
set:

    maximise    m (h - l) / K
    subject to  every block is covered at most once,
                sum h = sum l = K,
                -t c (h + l) / 2 <= c (h - l) <= t c (h + l) / 2   for every covariate.

`scipy.optimize.milp` (HiGHS) solves it. It stops when no choice can be better by more than a
stated share, or after a stated number of nodes of its search tree, never by the clock, so that
one picture and map have one choice on every machine, busy or not. How many threads HiGHS is given
does not change it either: 1, 3 and 8 gave the same blocks on every picture tried.

Most of the time goes into HiGHS's heuristics at the first node: the linear relaxation takes .02 s
and its bound stays the best. On 24 scenes, 112 s together, two ways to use that were not enough:
the program over the 350 places of least reduced cost took 1 to 3 s and found nothing within 15 %
for 8 of them; exchanging places at random, accepted by falling thresholds, ended 10 to 40 % below
the bound.

Whole patches bound the perimeter of both sets alike, at ``4 K side`` block sides: chosen block
by block under an explicit bound on the perimeter, most photographs had no solution after ten
seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack

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
    """That no choice was found: because there is none (`impossible`), or in the nodes given."""

    impossible: bool


def choose_patches(
    grid: BlockGrid,
    importance: np.ndarray,
    covariates: Mapping[str, np.ndarray],
    *,
    patches: int,
    side: int,
    tolerance: float,
    node_limit: int,
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
    node_limit, solver_gap
        When to stop: nodes of the search tree, and relative distance from the best bound.

    Returns
    -------
    Choice or NoChoice
        The best choice found, or that there is none.
    """
    cover = coverage(grid, side)
    places = cover.shape[1]
    value = (cover.T @ importance) / side**2
    result = milp(
        -np.concatenate([value, -value]) / patches,
        integrality=np.ones(2 * places),
        bounds=Bounds(0, 1),
        constraints=[
            # Both sets in one row a block: patches overlap neither within nor between them.
            LinearConstraint(csr_array(hstack([cover, cover])), 0, 1),
            LinearConstraint(np.kron(np.eye(2), np.ones(places)), patches, patches),
            *(_matched(cover.T @ values, tolerance) for values in covariates.values()),
        ],
        # No time limit: what it had found by then would depend on the machine and its load.
        options={"node_limit": node_limit, "mip_rel_gap": solver_gap},
    )
    if result.x is None:
        return NoChoice(impossible=result.status == INFEASIBLE)
    # HiGHS answers with numbers within 1e-6 of 0 and 1.
    chosen_high, chosen_low = np.split(result.x > 0.5, 2)
    gap = float(value[chosen_high].mean() - value[chosen_low].mean())
    high, low = (cover @ chosen.astype(float) > 0 for chosen in (chosen_high, chosen_low))
    return Choice(high, low, gap, max(0.0, -result.mip_dual_bound - gap) / max(abs(gap), 1e-12))


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
    """Return two inequalities for one covariate, scaled so that its mean is 1.

    Edge energies are thousands of squared grey levels and eccentricities are below 1: unscaled,
    the solver's absolute tolerance of 1e-6 would hold them to very different relative ones.
    """
    scaled = values / max(float(values.mean()), 1e-12)
    difference = np.concatenate([scaled, -scaled])
    slack = tolerance / 2 * np.concatenate([scaled, scaled])
    rows = np.stack([difference - slack, difference + slack])
    return LinearConstraint(rows, [-np.inf, 0.0], [0.0, np.inf])
