"""How sure an agreement is, and whether one distance agrees better than another.

Pairs are not independent: those of a reference share its content, those of a distortion type
its looks. So whole references are drawn anew, and, apart from that, whole distortion types:
the first asks what other photographs would say, the second what other kinds of harm would.
Resampling pairs one by one, and tests that take pairs as independent (Steiger 1980, Williams
1959), promise more than they know.

A bootstrap of ranks needs no sorting: the order of the values stays, and the rank of each is
how much was drawn before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.distances.correlations import FEWEST_PAIRS, checked_scores
from fechner.errors import InputError

RESAMPLES = 1000


def bootstrap(
    distances: ArrayLike,
    dmos: ArrayLike,
    units: ArrayLike,
    *,
    inside: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return the Spearman correlation of each distance in each resample, (n_rows, resamples).

    All rows see the same resamples, so that the differences between rows are those of pairs
    of draws.

    Parameters
    ----------
    distances : (n_rows, n_pairs)
        One row a distance; higher is further.
    dmos : (n_pairs,)
        Higher is worse.
    units : (n_pairs,)
        What is drawn whole: the reference of each pair, or its distortion type.
    inside : (n_pairs,), optional
        Groups within which correlations are taken; their mean is returned, each weighing as
        often as its pairs were drawn. None correlates over all pairs.
    resamples, seed
        How many draws, and of which sequence.

    Raises
    ------
    InputError
        If there are fewer than two units, scores are constant, or a number is missing.
    """
    table = np.atleast_2d(np.asarray(distances, np.float64))
    y = np.asarray(dmos, np.float64)
    for row in table:
        checked_scores(row, y)
    names, codes = np.unique(np.asarray(units), return_inverse=True)
    if len(names) < 2:
        raise InputError(
            f"an interval over references or distortion types needs two of them, got {len(names)} "
            f"({names[0]}); add pairs of others, or ask for no interval (resamples 0)"
        )
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    times = drawn[:, codes].astype(np.float64)
    if inside is None:
        return _drawn_correlations(table, y, times)
    labels = np.asarray(inside)
    total, weight = np.zeros((2, len(table), resamples))
    for name in np.unique(labels):
        mine = labels == name
        if mine.sum() < FEWEST_PAIRS or np.ptp(y[mine]) == 0:
            continue
        found = _drawn_correlations(table[:, mine], y[mine], times[:, mine])
        told = np.isfinite(found)
        share = np.where(told, times[:, mine].mean(axis=1), 0.0)
        total += np.where(told, found, 0.0) * share
        weight += share
    return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)


def intervals(draws: NDArray) -> NDArray[np.float64]:
    """Return the 95 % percentile interval of each row of `draws` (n_rows, n): (n_rows, 2)."""
    return np.array([percentile_interval(row) for row in draws])


def differences_between(
    names: Sequence[str],
    distances: ArrayLike,
    dmos: ArrayLike,
    references: ArrayLike,
    *,
    families: ArrayLike | None = None,
    against: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much better one distance agrees than another, with intervals.

    Parameters
    ----------
    names, distances : (n_rows,), (n_rows, n_pairs)
        The rows to compare.
    dmos, references, families : (n_pairs,)
        As for `bootstrap`; without families there is no interval over distortion types.
    against
        The row that all others are compared with; None compares each with each.
    resamples, seed
        Of both bootstraps.

    Returns
    -------
    pandas.DataFrame
        Columns first, second, difference (of Spearman, first minus second), low, high (over
        references), low_types, high_types (over distortion types), compared: in how many
        comparisons this is one. With twenty of them one interval leaves out 0 by chance.

    Raises
    ------
    InputError
        As for `bootstrap`, or if no row is called `against`.
    """
    table, y = np.asarray(distances, np.float64), np.asarray(dmos, np.float64)
    order = {name: row for row, name in enumerate(names)}
    if against is not None and against not in order:
        raise InputError(f"no row is called {against!r}; rows are {', '.join(names)}")
    pairs = [
        (a, b)
        for a in range(len(table))
        for b in range(len(table))
        if (b == order[against] and a != b if against is not None else a < b)
    ]
    over = bootstrap(table, y, references, resamples=resamples, seed=seed)
    types = None
    if families is not None:
        types = bootstrap(table, y, families, resamples=resamples, seed=seed)
    whole = [spearman(row, y) for row in table]
    rows = []
    for a, b in pairs:
        low, high = percentile_interval(over[a] - over[b])
        nothing = (float("nan"), float("nan"))
        of_types = nothing if types is None else percentile_interval(types[a] - types[b])
        rows.append((names[a], names[b], whole[a] - whole[b], low, high, *of_types, len(pairs)))
    columns = ["first", "second", "difference", "low", "high", "low_types", "high_types"]
    return pd.DataFrame(rows, columns=[*columns, "compared"])


def _drawn_correlations(table: NDArray, y: NDArray, times: NDArray) -> NDArray[np.float64]:
    order = np.argsort(table, axis=1, kind="stable").astype(np.int32)
    ordered = np.take_along_axis(table, order, axis=1)
    own = np.argsort(y, kind="stable").astype(np.int32)
    return _resampled(order, _tied_with_next(ordered), own, _tied_with_next(y[own][None])[0], times)


def _tied_with_next(ordered: NDArray) -> NDArray[np.bool_]:
    tied = np.zeros(ordered.shape, bool)
    tied[:, :-1] = ordered[:, 1:] == ordered[:, :-1]
    return tied


@njit(cache=True)
def _resampled(order, tied, own_order, own_tied, times):
    """Return Spearman's correlation of each row, pair k counting ``times[b, k]`` times.

    A run of tied values shares its mean rank ``before + (drawn + 1) / 2``; ranks are centred
    on ``(total + 1) / 2``, which leaves ``before + (drawn - total) / 2``.
    """
    rows, count = order.shape
    found = np.empty((rows, times.shape[0]))
    ranks = np.empty(count)
    for b in range(times.shape[0]):
        weight = times[b]
        total = weight.sum()
        spread_y = 0.0
        before = 0.0
        start = 0
        while start < count:
            end = start
            drawn = weight[own_order[start]]
            while own_tied[end]:
                end += 1
                drawn += weight[own_order[end]]
            rank = before + (drawn - total) / 2.0
            for k in range(start, end + 1):
                ranks[own_order[k]] = rank * weight[own_order[k]]
            spread_y += drawn * rank * rank
            before += drawn
            start = end + 1
        for r in range(rows):
            cross = 0.0
            spread_x = 0.0
            before = 0.0
            drawn = 0.0
            other = 0.0
            for k in range(count):
                pair = order[r, k]
                drawn += weight[pair]
                other += ranks[pair]
                if not tied[r, k]:
                    rank = before + (drawn - total) / 2.0
                    cross += rank * other
                    spread_x += drawn * rank * rank
                    before += drawn
                    drawn = 0.0
                    other = 0.0
            scale = spread_x * spread_y
            found[r, b] = cross / np.sqrt(scale) if scale > 0.0 else np.nan
    return found
