"""How well distances agree with what people said, without yet asking how sure that is.

**Distances** -> statistics. Distances and DMOS both rise with harm, so that agreement is a
positive number; `resampling` gives the intervals. A correlation over all pairs of a set asks
two things at once: whether harm is ordered within each kind of distortion, and whether kinds
are put on one scale. So beside the pooled numbers stand those within distortion types and
within references.

The five-parameter logistic is that of VQEG's first full-reference test (2000), as used in
Sheikh, Sabir and Bovik 2006, IEEE TIP 15:3440, eq. 15.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import least_squares

from fechner.analysis.network.alignment.ranks import spearman
from fechner.errors import InputError

FEWEST_PAIRS = 3
"""A group with fewer pairs has no correlation worth a mean."""
_STEEPNESS = (0.3, 1.0, 3.0, 10.0)
"""Where the fit starts: slopes of the curve, per SD of distance."""
_CENTRES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Where the fit starts: quantiles of distance at which the curve turns."""


@dataclass(frozen=True)
class Agreement:
    """How a distance agrees with DMOS over a set of pairs.

    Attributes
    ----------
    spearman, kendall
        Rank correlations; Kendall's tau-b.
    pearson, rmse
        After the five-parameter logistic; RMSE in the points of the DMOS, over n.
    within_distortion, within_reference
        Mean Spearman correlation within distortion types, and within references; NaN where
        the table does not tell types, or no group has three different scores.
    """

    spearman: float
    kendall: float
    pearson: float
    rmse: float
    within_distortion: float
    within_reference: float


def agreement_with_dmos(
    distance: ArrayLike,
    dmos: ArrayLike,
    *,
    families: ArrayLike | None = None,
    references: ArrayLike | None = None,
) -> Agreement:
    """Return how `distance` agrees with `dmos`.

    Parameters
    ----------
    distance : (n_pairs,)
        Higher is further from the reference.
    dmos : (n_pairs,)
        Higher is worse.
    families, references : (n_pairs,), optional
        The distortion type and the reference of each pair.

    Raises
    ------
    InputError
        If scores are constant, a number is missing, or counts differ.
    """
    x, y = checked_scores(distance, dmos)
    predicted = after_logistic(x, y)
    tau = float(stats.kendalltau(x, y).statistic) if np.ptp(x) > 0 else 0.0
    return Agreement(
        spearman=spearman(x, y),
        kendall=tau,
        pearson=_pearson(predicted, y),
        rmse=float(np.sqrt(np.mean((predicted - y) ** 2))),
        within_distortion=within(x, y, families),
        within_reference=within(x, y, references),
    )


def checked_scores(distance: ArrayLike, dmos: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return both as float64 (n_pairs,).

    Raises
    ------
    InputError
        If counts differ, a number is missing, or all scores are equal.
    """
    x, y = np.asarray(distance, np.float64), np.asarray(dmos, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise InputError(f"{x.size} distances for {y.size} scores; give one of each a pair")
    for what, values in (("distance", x), ("score", y)):
        if np.isnan(values).any():
            row = int(np.isnan(values).argmax())
            raise InputError(f"the {what} of pair {row + 1} is missing; leave the pair out")
    if y.size < FEWEST_PAIRS or np.ptp(y) == 0:
        raise InputError(
            f"all {y.size} pairs have the same score, so that nothing can agree with them; check "
            "the column of scores"
        )
    return x, y


def within(distance: NDArray, dmos: NDArray, groups: ArrayLike | None) -> float:
    """Return the mean Spearman correlation within `groups` (n_pairs,); NaN where none is given."""
    if groups is None:
        return float("nan")
    table = by_group(distance, dmos, groups)
    return float(table["spearman"].mean())


def by_group(distance: NDArray, dmos: NDArray, groups: ArrayLike) -> pd.DataFrame:
    """Return the Spearman correlation in each group: columns group, n_pairs, spearman.

    NaN where a group has fewer than three pairs, or all its scores are equal.
    """
    labels = np.asarray(groups)
    rows = []
    for name in np.unique(labels):
        mine = labels == name
        told = mine.sum() >= FEWEST_PAIRS and np.ptp(dmos[mine]) > 0
        value = spearman(distance[mine], dmos[mine]) if told else float("nan")
        rows.append((name, int(mine.sum()), value))
    return pd.DataFrame(rows, columns=["group", "n_pairs", "spearman"])


def after_logistic(distance: ArrayLike, dmos: ArrayLike) -> NDArray[np.float64]:
    """Return the DMOS that the best five-parameter logistic makes of each distance, (n_pairs,).

    ``b1 (1/2 - 1 / (1 + exp(b2 (x - b3)))) + b4 x + b5``, by least squares. The curve holds the
    straight line, so that its correlation with the DMOS is never below that of the line.
    """
    x, y = np.asarray(distance, np.float64), np.asarray(dmos, np.float64)
    if np.ptp(x) == 0:
        return np.full(len(y), y.mean())
    x, y = _finite(x), y
    z = (x - x.mean()) / x.std()
    starts = [(b2, b3) for b2 in _STEEPNESS for b3 in np.quantile(z, _CENTRES)]
    best = min(starts, key=lambda start: _left(z, y, *start))
    linear = _solved(z, y, *best)[1]
    first = np.array([linear[0], *best, linear[1], linear[2]])
    fit = least_squares(
        lambda b: _logistic(z, b) - y, first, jac=lambda b: _slopes(z, b), method="lm", max_nfev=200
    )
    predicted = _logistic(z, fit.x)
    return predicted if np.isfinite(predicted).all() else _logistic(z, first)


def _finite(x: NDArray) -> NDArray:
    """Return `x` with infinite values (PSNR of equal images) just past the others."""
    told = x[np.isfinite(x)]
    if len(told) == len(x) or not len(told):
        return x
    margin = np.ptp(told) or 1.0
    return np.clip(x, told.min() - margin, told.max() + margin)


def _bend(z: NDArray, b2: float, b3: float) -> NDArray:
    # 1/2 - 1 / (1 + exp(t)) = tanh(t / 2) / 2, which does not overflow.
    return np.tanh(b2 * (z - b3) / 2) / 2


def _logistic(z: NDArray, b: NDArray) -> NDArray:
    return b[0] * _bend(z, b[1], b[2]) + b[3] * z + b[4]


def _slopes(z: NDArray, b: NDArray) -> NDArray:
    bend = _bend(z, b[1], b[2])
    steep = b[0] * (0.25 - bend**2)
    return np.column_stack([bend, steep * (z - b[2]), -steep * b[1], z, np.ones(len(z))])


def _solved(z: NDArray, y: NDArray, b2: float, b3: float) -> tuple[NDArray, NDArray]:
    """Return the curve and its three linear parameters, where the others are given."""
    design = np.column_stack([_bend(z, b2, b3), z, np.ones(len(z))])
    linear = np.linalg.lstsq(design, y, rcond=None)[0]
    return design @ linear, linear


def _left(z: NDArray, y: NDArray, b2: float, b3: float) -> float:
    return float(((y - _solved(z, y, b2, b3)[0]) ** 2).sum())


def _pearson(x: NDArray, y: NDArray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else 0.0
