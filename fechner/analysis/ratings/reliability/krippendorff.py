"""Krippendorff's alpha: agreement beyond chance, whatever is missing.

    alpha = 1 - D_o / D_e

With c_uv ratings of value v for image u, m_u of them in all, and only images with at least two
(n ratings), the observed and the expected disagreement are (Krippendorff 2004; 2011)

    D_o = 1/n sum_u 1/(m_u - 1) sum_vw c_uv c_uw d(v, w)^2
    D_e = 1/(n (n - 1)) sum_vw n_v n_w d(v, w)^2

where d is the difference of two values (interval), the difference of their mean ranks among
all ratings (ordinal; Krippendorff's sum of the frequencies between them is just that), or
whether they differ at all (nominal). Squared differences are sums of squares, so that no table
of pairs is formed and a slider of a thousand values costs what five categories cost.

The interval comes from resampling images, each with all its ratings (Zapf et al. 2016).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.reliability.coefficient import Coefficient
from fechner.errors import InputError

Metric = Literal["interval", "ordinal", "nominal"]


def krippendorff_alpha(
    matrix: RatingMatrix,
    metric: Metric = "interval",
    *,
    level: float = 0.95,
    resamples: int = 2000,
    rng: np.random.Generator,
) -> Coefficient:
    """Return Krippendorff's alpha with its bootstrap interval over images.

    Parameters
    ----------
    matrix
        Ratings (n_images, n_participants), NaN where missing.
    metric
        How two values differ.
    level
        Of the interval.
    resamples
        Draws of images.
    rng
        Where they come from.

    Returns
    -------
    Coefficient

    Raises
    ------
    InputError
        If no image has two ratings, or all ratings of such images are the same.

    Examples
    --------
    The four observers and twelve units of Krippendorff (2011), one line an observer:

    >>> rows = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .",
    ...         "1 2 3 3 2 4 4 1 2 5 1 ."]
    >>> cells = [[float("nan" if x == "." else x) for x in row.split()] for row in rows]
    >>> table = RatingMatrix(np.array(cells).T, tuple("abcdefghijkl"), tuple("ABCD"))
    >>> alpha = [
    ...     krippendorff_alpha(table, metric, rng=np.random.default_rng(0)).value
    ...     for metric in ("nominal", "ordinal", "interval")
    ... ]
    >>> [round(one, 3) for one in alpha]
    [0.743, 0.815, 0.849]
    """
    counts, values = _value_counts(matrix.values)
    U = len(counts)
    value = float(_alphas(counts, values, np.ones((1, U)), metric)[0])
    weights = np.stack([np.bincount(rng.integers(0, U, U), minlength=U) for _ in range(resamples)])
    draws = _alphas(counts, values, weights.astype(float), metric)
    # A resample in which every rating is the same has no alpha.
    low, high = np.nanquantile(draws, [0.5 - level / 2, 0.5 + level / 2])
    return Coefficient(f"alpha ({metric})", value, float(low), float(high))


def _value_counts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return c_uv (n_images, n_values) of images with two ratings or more, and the values."""
    pairable = values[np.isfinite(values).sum(axis=1) > 1]
    known = np.unique(pairable[np.isfinite(pairable)])
    if len(known) < 2:
        raise InputError(
            "alpha expects images with two ratings or more, and more than one value among them; "
            f"got {len(pairable)} such images and {len(known)} values"
        )
    counts = np.stack([(pairable == value).sum(axis=1) for value in known], axis=1)
    return counts.astype(float), known


def _alphas(
    counts: np.ndarray, values: np.ndarray, weights: np.ndarray, metric: Metric
) -> np.ndarray:
    """Return alpha (n_draws,) of each row of weights (n_draws, n_images); NaN where undefined."""
    m = counts.sum(axis=1)
    n, n_v = weights @ m, weights @ counts
    if metric == "nominal":
        pairs = m**2 - (counts**2).sum(axis=1)
        observed = weights @ (pairs / (m - 1)) / n
        expected = (n**2 - (n_v**2).sum(axis=1)) / (n * (n - 1))
    else:
        # Centred, because the sums of squares below differ by little where values are large.
        at = values[None, :] - values.mean()
        if metric == "ordinal":
            at = np.cumsum(n_v, axis=1) - n_v / 2 - n[:, None] / 2
        first, second = at @ counts.T, at**2 @ counts.T
        observed = (weights * (m * second - first**2) / (m - 1)).sum(axis=1) * 2 / n
        squares, sums = (n_v * at**2).sum(axis=1), (n_v * at).sum(axis=1)
        expected = 2 * (n * squares - sums**2) / (n * (n - 1))
        expected = np.where(expected > 1e-12 * (at**2).max(axis=1), expected, 0.0)
    return 1 - np.divide(observed, expected, out=np.full(len(n), np.nan), where=expected > 0)
