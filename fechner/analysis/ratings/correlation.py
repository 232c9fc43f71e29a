"""Correlations over images, and the controls that a correlation needs.

The parts that `prediction` is put together from: plain and partial correlations tested with
images as the unit, the reliability of image means, the disattenuated correlation (Spearman
1904) with its bootstrap over images, and the correlation when whole maps are shuffled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from fechner.errors import InputError
from fechner.records.prediction import Correlation

LEAST_RELIABILITY = 0.3
"""Reliability of the observed means below which disattenuation adds more noise than it removes."""


def correlate(x: np.ndarray, y: np.ndarray, *, ranks: bool = False) -> Correlation:
    """Return Pearson's r (Spearman's with `ranks`), p from t(n - 2); 0 where one is constant."""
    if ranks:
        x, y = stats.rankdata(x), stats.rankdata(y)
    return _tested(pearson(x, y), len(x) - 2)


def partial(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> Correlation:
    """Return the correlation of x and y after both are regressed on `given`, p from t(n - 3)."""
    design = np.column_stack([np.ones(len(given)), given])
    rest = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    return _tested(pearson(*rest), len(x) - 3)


def shuffled_maps(
    cross: np.ndarray, observed: np.ndarray, *, shuffles: int = 2000, rng: np.random.Generator
) -> np.ndarray:
    """Return Pearson's r when whole maps are given to images at random.

    Unlike shuffling the predictions, each draw recomputes them, so that what every map knows
    (the centre of images, say) stays in the control.

    Parameters
    ----------
    cross
        float (n_images, n_images): predictions of `other_maps.cross_predictions`.
    observed
        float (n_images,): observed harm.
    shuffles
        How many draws.
    rng
        Where they come from.

    Returns
    -------
    numpy.ndarray
        float64 (shuffles,) in [-1, 1].

    Raises
    ------
    InputError
        If `cross` is not (n_images, n_images).
    """
    cross, n = np.asarray(cross, float), len(observed)
    if cross.shape != (n, n):
        raise InputError(f"cross predictions expect shape ({n}, {n}), got {cross.shape}")
    rows = np.arange(n)
    return np.array([pearson(cross[rows, rng.permutation(n)], observed) for _ in range(shuffles)])


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's r in [-1, 1] of two (n,) arrays; 0 where one of them is constant."""
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(np.clip(x @ y / scale, -1, 1)) if scale > 1e-12 else 0.0


def _tested(r: float, df: int) -> Correlation:
    t = r * np.sqrt(df / max(1 - r**2, 1e-300))
    return Correlation(r=r, p=float(2 * stats.t.sf(abs(t), df)), df=df)


def reliability(values: np.ndarray) -> float:
    """Return the share in [0, 1] of the variance of image means that belongs to the images.

    ``1 - MS_E * mean(1 / n_i) / Var(means)``, which is ``1 - MS_E / MS_I`` on a complete table
    (n_participants, n_images). MS_E is what the additive model of participants and images
    leaves.
    """
    here = np.isfinite(values)
    n = here.sum(axis=0)
    means = np.nansum(values, axis=0) / n
    df = here.sum() - here.any(axis=1).sum() - values.shape[1] + 1
    if df < 1 or np.ptp(means) == 0:
        return 0.0
    MS_E = (_additive_residual(values, here) ** 2).sum() / df
    return float(np.clip(1 - MS_E * (1 / n).mean() / means.var(ddof=1), 0, 1))


def _additive_residual(values: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Return values minus row and column effects, 0 where missing, by alternating projections."""
    # One pass is exact where no cell is missing; with gaps each pass shrinks what is left of the
    # effects by about the share of missing cells, so that 20 leave nothing that matters.
    rest = np.where(here, values, 0.0)
    for _ in range(1 if here.all() else 20):
        for axis in (1, 0):
            means = rest.sum(axis=axis, keepdims=True) / np.maximum(
                here.sum(axis=axis, keepdims=True), 1
            )
            rest = np.where(here, rest - means, 0.0)
    return rest


def disattenuated(
    predicted: np.ndarray,
    observed: np.ndarray,
    reliability_of: Callable[[np.ndarray], float],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    rng: np.random.Generator,
) -> tuple[float | None, tuple[float, float] | None]:
    """Return r / sqrt(reliability) and its percentile interval over resampled images.

    Parameters
    ----------
    predicted, observed
        float64 (n_images,).
    reliability_of
        Reliability of the observed means of the images at given positions; each resample
        estimates its own (not below 0.3).
    level
        Of the interval.
    resamples
        Draws of the bootstrap.
    rng
        Where they come from.

    Returns
    -------
    tuple
        The corrected correlation, which may exceed 1, and the two ends of its interval; None
        twice where the reliability is below 0.3.
    """
    n = len(observed)
    whole = reliability_of(np.arange(n))
    if whole < LEAST_RELIABILITY:
        return None, None
    draws = [
        pearson(predicted[columns], observed[columns])
        / np.sqrt(max(reliability_of(columns), LEAST_RELIABILITY))
        for columns in rng.integers(0, n, (resamples, n))
    ]
    ends = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2])
    return pearson(predicted, observed) / np.sqrt(whole), (float(ends[0]), float(ends[1]))
