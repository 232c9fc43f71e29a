"""Two matched sets of patches by exchanges, under the prices of matching.

Letting patches be taken in part makes the program linear: it is solved in .02 s, and its bound is
seldom more than a few percent above the best choice. The dual values of its solution are what
matching costs, covariate by covariate: taken off the importance of a place, they leave what the
place loses against the bound once both sets are matched. Exchanges of one patch at a time then look
for disjoint sets that lose least and match exactly; a worse set is gone on from while it is worse
by less than a threshold that falls to 0 (threshold accepting, Dueck and Scheuer 1990).

With importance itself in place of the loss, exchanges end 14 % below the bound where they end 4 %
below it with it (median of 72; ``benchmarks/regions.py``), and take longer. The numbers below were
chosen on the scenes of ``benchmarks/scale.py``.

Sets of fewer than some six patches often have no match near the bound: then none is found here.

Every draw is seeded: one picture and map have one choice on every machine, busy or not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from fechner.compression.regions.program import Program

EXCHANGES = 100_000
"""Exchanges that are tried for each patch of a set."""
FEWEST, MOST = 4, 16
"""How often exchanges begin anew: the best of four, or of up to sixteen until it is near enough."""
CANDIDATES = 150
"""Places of each set that are drawn from, those that lose least; others are reached in steps."""
THRESHOLD = 0.005
"""How much worse a set may be at first, relative to the bound."""
PENALTIES = 0.01, 0.1
"""What it costs to miss a covariate by its tolerance once more, first and last, likewise."""
WARMER = 4.0
"""How much larger the threshold and the first penalty are where none of `FEWEST` was near enough:
15 of 192 scenes came that far, and in all of them one of twelve more was near (in 9 without this).
"""
MARGIN = 1e-6
"""Share of the tolerance that running sums keep free for rounding."""
INFEASIBLE = 2
"""`scipy.optimize.linprog` status: not even parts of patches satisfy the constraints."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The program with patches that may be taken in part.

    Attributes
    ----------
    impossible
        Whether no choice satisfies the constraints.
    bound
        No choice has a larger gap; infinite where the program was not solved.
    loss : (2, n_places) float64
        What a place of the high and of the low set loses against the bound, relative to it, once
        matching has its price; parts that overlap are not counted.
    order : (2, n_places) int
        Places of each set, those first that the solution takes, then those that lose least.
    """

    impossible: bool
    bound: float
    loss: np.ndarray
    order: np.ndarray


def relax(program: Program) -> Relaxed:
    """Return the solution of the linear program, and what matching costs in it."""
    apart, counts, cost = program.apart, program.counts, program.cost
    n_blocks, n_places = program.cover.shape
    found = linprog(
        cost,
        A_ub=vstack([program.covered, csr_array(apart)]),
        b_ub=np.concatenate([np.ones(n_blocks), np.zeros(len(apart))]),
        A_eq=counts,
        b_eq=[program.patches] * 2,
        bounds=(0, 1),
        method="highs",
    )
    nothing = np.zeros((2, 0))
    if found.x is None or not found.fun < 0:
        return Relaxed(found.status == INFEASIBLE, np.inf, nothing, nothing.astype(int))
    prices = found.ineqlin.marginals[n_blocks:]
    loss = (cost - prices @ apart - found.eqlin.marginals @ counts) / -found.fun
    rank = np.where(found.x > 1e-9, -found.x, found.lower.marginals + found.upper.marginals)
    order = rank.reshape(2, n_places).argsort(axis=1, kind="stable")
    return Relaxed(False, -found.fun, loss.reshape(2, n_places), order)


def exchanged(program: Program, relaxed: Relaxed, *, near: float) -> np.ndarray | None:
    """Return the best two sets that exchanges find, int ``(2, patches)``, or None.

    Parameters
    ----------
    program, relaxed
        What is chosen from, and its relaxation.
    near
        The difference in importance that is good enough.
    """
    if not relaxed.order.size:
        return None
    best: np.ndarray | None = None
    for attempt in range(MOST):
        value, places = _exchange(
            relaxed.loss,
            program.value,
            np.ascontiguousarray(program.covariates.T),
            program.columns,
            program.side,
            relaxed.order,
            program.patches,
            program.tolerance / 2 * (1 - MARGIN),
            1.0 if attempt < FEWEST else WARMER,
            np.random.default_rng(attempt),
        )
        found = np.isfinite(value) and program.matches(places)
        if found and (best is None or program.gap(places) > program.gap(best)):
            best = places
        if attempt + 1 >= FEWEST and best is not None and program.gap(best) >= near:
            break
    return best


@njit(cache=True)
def _exchange(loss, value, covariates, columns, side, order, patches, half, warmth, rng):
    """Return the best matched sets on the way, and the sum of their values; -inf without any."""
    best, best_at = -np.inf, np.zeros((2, patches), np.int64)
    at = _first(order, columns, side, patches)
    if at[1, patches - 1] < 0:
        return best, best_at
    sums = np.zeros((2, covariates.shape[1]))
    for own in range(2):
        for k in range(patches):
            sums[own] += covariates[at[own, k]]
    missed, trial = _missed(sums, half), sums.copy()
    n_rows = covariates.shape[0] // columns
    steps, candidates = EXCHANGES * patches, min(CANDIDATES, order.shape[1])
    for step in range(steps):
        late = step / steps
        threshold = warmth * THRESHOLD * (1 - late) ** 2
        penalty = warmth * PENALTIES[0] * (1 - late) + PENALTIES[1] * late
        own, k = int(rng.random() * 2), int(rng.random() * patches)
        old = at[own, k]
        if rng.random() < 0.5:
            span = 1 + int(rng.random() * 3)
            row = old // columns + int(rng.random() * (2 * span + 1)) - span
            column = old % columns + int(rng.random() * (2 * span + 1)) - span
            if row < 0 or column < 0 or row >= n_rows or column >= columns:
                continue
            new = row * columns + column
        else:
            new = order[own, int(rng.random() * candidates)]
        if new == old or not _is_free(at, own, k, new, columns, side):
            continue
        trial[1 - own] = sums[1 - own]
        for c in range(sums.shape[1]):
            trial[own, c] = sums[own, c] + covariates[new, c] - covariates[old, c]
        would_miss = _missed(trial, half)
        worse = loss[own, new] - loss[own, old] + penalty * (would_miss - missed)
        if worse < threshold:
            at[own, k], missed = new, would_miss
            sums[:] = trial
            if missed == 0.0:
                reached = 0.0
                for other in range(patches):
                    reached += value[at[0, other]] - value[at[1, other]]
                if reached > best:
                    best = reached
                    best_at[:] = at
    return best, best_at


@njit(cache=True)
def _first(order, columns, side, patches):
    """Return disjoint places (2, patches) in the order of each set; -1 where none is left."""
    at = np.full((2, patches), -1, np.int64)
    for own in range(2):
        placed = 0
        for place in order[own]:
            if placed < patches and _is_free(at, own, placed, place, columns, side):
                at[own, placed] = place
                placed += 1
    return at


@njit(cache=True)
def _is_free(at, own, k, place, columns, side):
    """Return whether a patch at `place` overlaps none but patch `k` of set `own`."""
    row, column = place // columns, place % columns
    for one in range(2):
        for other in range(at.shape[1]):
            there = at[one, other]
            if there < 0 or (one == own and other == k):
                continue
            if abs(there // columns - row) < side and abs(there % columns - column) < side:
                return False
    return True


@njit(cache=True)
def _missed(sums, half):
    """Return by how many tolerances the sums (2, n_covariates) of both sets miss each other."""
    missed = 0.0
    for c in range(sums.shape[1]):
        apart = abs(sums[0, c] - sums[1, c])
        allowed = half * (sums[0, c] + sums[1, c])
        if apart > allowed:
            missed += apart / allowed - 1.0
    return missed
