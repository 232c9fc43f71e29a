"""Correlations over images, their intervals, and the controls that a correlation needs.

The parts that `prediction` is put together from: plain and partial correlations with images as
the unit, the difference of two correlations with one variable in common, the reliability of image
means, the disattenuated correlation (Spearman 1904) with its bootstrap over images, and the
correlation when whole maps are shuffled.

Intervals come from leaving out one image at a time (Miller 1974) on Fisher's scale, where no end
lies beyond -1 or 1. Predicted harm is skewed, and there Fisher's own ``1 / sqrt(n - 3)`` is too
short. Share of 95 % intervals that hold the truth, least to most and mean over 72 worlds (12, 24
and 48 images, normal and skewed predictions, rivals that share 0 to 81 % of the variance, 400
studies each; `benchmarks/predicted_harm.py`): one correlation .91 to .97 (.94), Fisher's .81 to .97
(.92), percentile bootstrap over images .88 to .96 (.92); differences of two .92 to .98 (.96), Zou's
closed form .90 to .98 (.95), percentile bootstrap .88 to .96 (.92), BCa .86 to .95 (.91). Equal
predictions are told apart in .02 to .07 of studies (.04), by the bootstrap in .05 to .10 (.07).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from fechner.errors import InputError
from fechner.records.prediction import Correlation

LEAST_RELIABILITY = 0.3
"""Reliability of the observed means below which disattenuation adds more noise than it removes."""

NEAR_ONE = 1 - 1e-12
"""Largest |r| whose Fisher transform is taken; it is infinite at 1."""


def correlate(
    x: np.ndarray, y: np.ndarray, *, ranks: bool = False, level: float = 0.95
) -> Correlation:
    """Return Pearson's r with p from t(n - 2) and its interval; 0 where one is constant.

    Parameters
    ----------
    x, y
        float (n_images,).
    ranks
        Spearman's correlation instead.
    level
        Of the interval.

    Returns
    -------
    Correlation

    Examples
    --------
    >>> found = correlate(np.arange(20.0), np.arange(20.0) % 7)
    >>> f"{found.r:.2f}, {found.low:.2f} to {found.high:.2f}"
    '0.24, -0.24 to 0.62'
    """
    measure = _ranked if ranks else pearson
    return _tested(measure(x, y), len(x) - 2, left_out(measure, x, y), level)


def partial(x: np.ndarray, y: np.ndarray, given: np.ndarray, *, level: float = 0.95) -> Correlation:
    """Return the correlation of x and y after both are regressed on `given`.

    Parameters
    ----------
    x, y
        float (n,).
    given
        float (n,) or (n, k): what is held constant.
    level
        Of the interval.

    Returns
    -------
    Correlation
        p from t(n - 2 - k).

    Examples
    --------
    Two predictions that share nothing but z:

    >>> z = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])
    >>> x = z + np.array([1.0, -1, 1, -1, -1, 1, -1, 1])
    >>> y = z + np.array([1.0, 1, -1, -1, -1, -1, 1, 1])
    >>> f"{pearson(x, y):.2f}, given z {abs(partial(x, y, z).r):.2f}"
    '0.84, given z 0.00'
    """
    held = np.column_stack([given])
    return _tested(
        _partial(x, y, held),
        len(x) - 2 - held.shape[1],
        left_out(_partial, x, y, held),
        level,
    )


def left_out(measure: Callable[..., float], *arrays: np.ndarray) -> np.ndarray:
    """Return `measure` of the arrays without each of their n rows in turn, float64 (n,)."""
    kept = ~np.eye(len(arrays[0]), dtype=bool)
    return np.array([measure(*(array[rows] for array in arrays)) for rows in kept])


def difference_interval(
    first: tuple[float, float, float], second: tuple[float, float, float], correlation: float
) -> tuple[float, float]:
    """Return the interval of ``r1 - r2`` from the interval of each (Zou 2007).

    With (l, u) the ends of each interval and c the correlation of the two estimates,

        L = r1 - r2 - sqrt((r1 - l1)^2 + (u2 - r2)^2 - 2 c (r1 - l1) (u2 - r2))
        U = r1 - r2 + sqrt((u1 - r1)^2 + (r2 - l2)^2 - 2 c (u1 - r1) (r2 - l2))

    which lies within -2 and 2 because each interval lies within -1 and 1.

    Parameters
    ----------
    first, second
        Estimate and both ends of its interval.
    correlation
        Of the two estimates over samples, in [-1, 1].

    Returns
    -------
    tuple of float
        The two ends.
    """
    (r1, l1, u1), (r2, l2, u2) = first, second

    def half(one: float, other: float) -> float:
        return float(np.sqrt(max(0.0, one**2 + other**2 - 2 * correlation * one * other)))

    return r1 - r2 - half(r1 - l1, u2 - r2), r1 - r2 + half(u1 - r1, r2 - l2)


def correlation_difference(
    x: np.ndarray, rival: np.ndarray, y: np.ndarray, *, level: float = 0.95
) -> tuple[float, float, float]:
    """Return ``r(x, y) - r(rival, y)`` and the ends of its interval.

    Each r has its interval as in `correlate`; the correlation of the two estimates comes from
    the same images left out.

    Parameters
    ----------
    x, rival
        Two predictions of y, float (n_images,).
    y
        What was observed, float (n_images,).
    level
        Of the interval.

    Returns
    -------
    tuple
        The difference and both ends of its interval, in [-2, 2].
    """
    one, other = correlate(x, y, level=level), correlate(rival, y, level=level)
    moved, moved_other = (_fisher(left_out(pearson, each, y)) for each in (x, rival))
    ends = difference_interval(
        (one.r, one.low, one.high),
        (other.r, other.low, other.high),
        pearson(moved, moved_other),
    )
    return one.r - other.r, *ends


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


def _ranked(x: np.ndarray, y: np.ndarray) -> float:
    return pearson(stats.rankdata(x), stats.rankdata(y))


def _partial(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    design = np.column_stack([np.ones(len(given)), given])
    x, y = (v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y))
    return pearson(x, y)


def _fisher(r: np.ndarray | float) -> np.ndarray:
    return np.arctanh(np.clip(r, -NEAR_ONE, NEAR_ONE))


def _tested(r: float, df: int, without: np.ndarray, level: float) -> Correlation:
    """Return r with its test, and its interval from the values `without` each image.

    ``tanh(artanh(r) -+ t(df) s)``, ``s^2 = (n - 1) / n sum_i (z_-i - mean z_-i)^2``, z = artanh.
    """
    if df < 1:
        return Correlation(r=r, p=1.0, df=df, low=-1.0, high=1.0)
    t = r * np.sqrt(df / max(1 - r**2, 1e-300))
    p = float(2 * stats.t.sf(abs(t), df))
    if df < 2:  # Without one of three images r is 1 or -1, whatever the images are.
        return Correlation(r=r, p=p, df=df, low=-1.0, high=1.0)
    z, moved = float(_fisher(r)), _fisher(without)
    n = len(without)
    error = np.sqrt((n - 1) / n * ((moved - moved.mean()) ** 2).sum())
    half = stats.t.ppf(0.5 + level / 2, df) * error
    low, high = float(np.tanh(z - half)), float(np.tanh(z + half))
    return Correlation(r=r, p=p, df=df, low=min(r, low), high=max(r, high))


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

    Noise can carry the quotient beyond 1, where no correlation lies: such an estimate, and such
    an end of its interval, is given as 1 (or -1).

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
        The corrected correlation and the two ends of its interval, all in [-1, 1]; None twice
        where the reliability is below 0.3.
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
    low, high = np.clip(np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2]), -1, 1)
    corrected = np.clip(pearson(predicted, observed) / np.sqrt(whole), -1, 1)
    return float(corrected), (float(low), float(high))
