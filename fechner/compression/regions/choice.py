"""The choice of two matched sets of patches, as a mixed-integer linear program.

A patch is a square of ``side x side`` blocks that may lie at any block. With a binary
unknown for every place of a patch in the high (``h``) and in the low set (``l``),
importance ``m`` and covariates ``c`` of the patches, tolerance ``t`` and K patches a
set:

    maximise    m (h - l) / K
    subject to  every block is covered at most once,
                sum h = sum l = K,
                -t c (h + l) / 2 <= c (h - l) <= t c (h + l) / 2   for every covariate.

Exchanges of patches look for a choice first (`fechner.compression.regions.exchanges`), in about
.3 s, and the linear relaxation says how much better any other can be. Where that is more than a
stated share, `scipy.optimize.milp` (HiGHS) solves the program, and the better of both is taken. It
stops when no choice can be better by more than that share, or after a stated number of nodes of its
search tree, never by the clock, so that one picture and map have one choice on every machine, busy
or not. How many threads HiGHS is given does not change it either: 1, 3 and 8 gave the same blocks
on every picture tried.

Whole patches bound the perimeter of both sets alike, at ``4 K side`` block sides: chosen block
by block under an explicit bound on the perimeter, most photographs had no solution after ten
seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from fechner.compression.regions.blocks import BlockGrid
from fechner.compression.regions.program import Program, program_of

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
        When to stop: nodes of the solver's search tree, and relative distance from the best bound.

    Returns
    -------
    Choice or NoChoice
        The best choice found, or that there is none.
    """
    # Not at the top: numba is not needed to read or to check a set of stimuli.
    from fechner.compression.regions.exchanges import exchanged, relax

    program = program_of(
        grid, importance, covariates, patches=patches, side=side, tolerance=tolerance
    )
    relaxed = relax(program)
    if relaxed.impossible:
        return NoChoice(impossible=True)
    near = relaxed.bound / (1 + solver_gap)
    found, bound = exchanged(program, relaxed, near=near), relaxed.bound
    if found is None or program.gap(found) < near:
        result = _solve(program, node_limit, solver_gap)
        if result.x is not None:
            # HiGHS answers with numbers within 1e-6 of 0 and 1.
            solved = np.array([np.flatnonzero(one > 0.5) for one in np.split(result.x, 2)])
            bound = min(bound, -result.mip_dual_bound)
            if found is None or program.gap(solved) > program.gap(found):
                found = solved
        elif found is None:
            return NoChoice(impossible=result.status == INFEASIBLE)
    gap = program.gap(found)
    high, low = (program.blocks(one) for one in found)
    return Choice(high, low, gap, max(0.0, bound - gap) / max(abs(gap), 1e-12))


def _solve(program: Program, node_limit: int, solver_gap: float) -> OptimizeResult:
    return milp(
        program.cost,
        integrality=np.ones(len(program.cost)),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(program.covered, 0, 1),
            LinearConstraint(program.counts, program.patches, program.patches),
            LinearConstraint(program.apart, -np.inf, 0),
        ],
        # No time limit: what it had found by then would depend on the machine and its load.
        options={"node_limit": node_limit, "mip_rel_gap": solver_gap},
    )
