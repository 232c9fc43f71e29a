"""Correlations over images, and the controls that a correlation needs.

The parts that `prediction` is put together from: plain and partial correlations tested with
images as the unit, the reliability of image means, the disattenuated correlation (Spearman
1904) with its bootstrap over images, and the correlation when whole maps are shuffled. No
interval leaves -1 to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from fechner.errors import InputError
from fechner.records.prediction import Correlation

LEAST_RELIABILITY = 0.3
"""Reliability of the observed means below which disattenuation adds more noise than it removes."""


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
        Of the interval (`fisher_interval`).

    Returns
    -------
    Correlation

    Examples
    --------
    >>> found = correlate(np.arange(20.0), np.arange(20.0) % 7)
    >>> f"{found.r:.2f}, {found.low:.2f} to {found.high:.2f}"
    '0.24, -0.23 to 0.61'
    """
    if ranks:
        x, y = stats.rankdata(x), stats.rankdata(y)
    return _tested(pearson(x, y), len(x), given=0, ranks=ranks, level=level)


def partial(x: np.ndarray, y: np.ndarray, given: np.ndarray, *, level: float = 0.95) -> Correlation:
    """Return the correlation of x and y after both are regressed on `given`, p from t(n - 3).

    Parameters
    ----------
    x, y, given
        float (n_images,).
    level
        Of the interval (`fisher_interval`).

    Returns
    -------
    Correlation
    """
    design = np.column_stack([np.ones(len(given)), given])
    rest = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    return _tested(pearson(*rest), len(x), given=1, ranks=False, level=level)


def fisher_interval(
    r: float, n: int, *, given: int = 0, ranks: bool = False, level: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a correlation by Fisher's z, which never leaves -1 to 1.

    ``tanh(artanh(r) -+ z / sqrt(n - given - 3))`` (Fisher 1921); of ranks, the variance is
    ``(1 + r^2 / 2) / (n - given - 3)`` (Bonett and Wright 2000).

    Parameters
    ----------
    r
        The correlation, in [-1, 1].
    n
        Number of images.
    given
        How many variables were held constant.
    ranks
        Whether it is Spearman's.
    level
        Of the interval.

    Returns
    -------
    tuple
        Its two ends; -1 and 1 where so few images say nothing.

    Examples
    --------
    >>> low, high = fisher_interval(0.5, 28)
    >>> f"{low:.3f} to {high:.3f}"
    '0.156 to 0.736'
    """
    if n - given <= 3:
        return -1.0, 1.0
    with np.errstate(divide="ignore"):  # A perfect correlation has an interval of no width.
        z = np.arctanh(r)
    error = np.sqrt((1 + r**2 / 2 if ranks else 1.0) / (n - given - 3))
    half = stats.norm.ppf(0.5 + level / 2) * error
    return float(np.tanh(z - half)), float(np.tanh(z + half))


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


def _tested(r: float, n: int, *, given: int, ranks: bool, level: float) -> Correlation:
    df = n - 2 - given
    t = r * np.sqrt(df / max(1 - r**2, 1e-300))
    low, high = fisher_interval(r, n, given=given, ranks=ranks, level=level)
    return Correlation(r=r, p=float(2 * stats.t.sf(abs(t), df)), df=df, low=low, high=high)


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
