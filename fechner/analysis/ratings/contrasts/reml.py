"""Restricted maximum likelihood with crossed random effects, small enough to read.

Serves `crossed` where cells are missing, and `slopes` on the ratings themselves. The model
is ``y = X beta + sum_k Z_k u_k + e`` with ``u_k ~ N(0, s_k^2 I)`` and ``e ~ N(0, s_e^2 I)``;
the blocks ``Z_k`` may cross. `reml_criterion` holds the likelihood and its derivatives.

The ratios ``s_k^2 / s_e^2`` are optimised by Newton steps with the exact Hessian, not the
ratios of standard deviations, whose gradient vanishes at zero and holds an optimiser there.
A quasi-Newton search (L-BFGS-B), tried before, broke off far from the optimum in 1 of 30
Latin squares of 24 people and 24 images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from fechner.analysis.ratings.contrasts.reml_criterion import Products, Solution, Sums, products
from fechner.errors import InputError
from fechner.threads import small_matrices

RATIO_LIMIT = 1e4
"""Largest ratio of a variance to the residual's; a fit that ends there has not converged."""

SLOPE_LIMIT = 1e-6
"""Slope of the criterion at the optimum, per unit of the log ratio."""

MOST_STEPS = 200
"""Newton steps; 4 to 12 suffice."""


@dataclass(frozen=True)
class RemlFit:
    """A fitted model.

    Attributes
    ----------
    beta, covariance
        Fixed effects (n_fixed,) and their covariance (n_fixed, n_fixed).
    variances
        Variance of each block, and of the ``"residual"``.
    criterion
        Minus twice the restricted log likelihood at the optimum, as lme4's REMLcrit.
    converged
        Whether the criterion is flat there, judged by its exact gradient.
    """

    beta: np.ndarray
    covariance: np.ndarray
    variances: dict[str, float]
    criterion: float
    converged: bool
    _products: Products = field(repr=False)
    _at: Solution = field(repr=False)
    _sums: Sums = field(repr=False)

    def standard_error(self, contrast: ArrayLike) -> float:
        """Return the standard error of ``contrast @ beta``."""
        c = np.asarray(contrast, float)
        return float(np.sqrt(c @ self.covariance @ c))

    def variance_covariance(self) -> np.ndarray:
        """Return the covariance of the estimated variances, in the order of `variances`.

        Twice the inverse Hessian of the criterion; 0 for variances at zero.
        """
        full = np.array(list(self.variances.values()))
        return np.outer(full, full) * self._log_covariance()

    def df(self, contrast: ArrayLike) -> float:
        """Return Satterthwaite's degrees of freedom of ``contrast @ beta``.

        ``2 V^2 / (grad V' A grad V)``: V the variance of the contrast as a function of the
        variances above zero, A their covariance, twice the inverse Hessian of the criterion
        (Giesbrecht and Burns 1985; as lmerTest).
        """
        c = np.asarray(contrast, float)
        V = float(c @ self.covariance @ c)
        # dV/ds_k^2 = |Z_k' V^-1 X C c|^2, times s_k^2; they add up to V, residual included.
        direction = self._sums.ZVX @ np.linalg.solve(self._at.information, c)
        parts = np.add.reduceat(direction**2, self._products.starts)
        slope = parts * np.array(list(self.variances.values())[:-1])
        slope = np.append(slope, V - slope.sum())
        spread = float(slope @ self._log_covariance() @ slope)
        return 2 * V**2 / spread if spread > 0 else np.inf

    def _log_covariance(self) -> np.ndarray:
        free = np.append(self._at.ratios > 0, True)
        H = self._products.log_hessian(self._at, self._sums)
        covariance = np.zeros_like(H)
        # The pseudo-inverse: a variance that the data hardly determine leaves H close to singular.
        inner = np.ix_(free, free)
        covariance[inner] = 2 * np.linalg.pinv(H[inner], hermitian=True)
        return covariance


def indicator(codes: np.ndarray, n: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return Z (n_rows, n) with `weights` (default 1) in the column that `codes` names."""
    Z = np.zeros((len(codes), n))
    Z[np.arange(len(codes)), codes] = 1.0 if weights is None else weights
    return Z


@small_matrices()
def fit_reml(y: np.ndarray, X: np.ndarray, blocks: Mapping[str, np.ndarray]) -> RemlFit:
    """Fit the model by REML.

    Parameters
    ----------
    y
        Responses (n,).
    X
        Fixed effects (n, n_fixed), of full rank.
    blocks
        Name and design (n, n_levels) of each random effect.

    Returns
    -------
    RemlFit
        The optimum, and whether it is one.

    Raises
    ------
    InputError
        If there are not more rows than fixed effects, or X lacks full rank.
    """
    y, X = np.asarray(y, float), np.asarray(X, float)
    if len(y) <= X.shape[1] or np.linalg.matrix_rank(X) < X.shape[1]:
        raise InputError(
            f"{len(y)} ratings cannot determine {X.shape[1]} fixed effects; "
            "every arm needs ratings, and more ratings than arms"
        )
    return fit_products(products(y, X, list(blocks.values())), tuple(blocks))


@small_matrices()
def fit_products(given: Products, names: tuple[str, ...]) -> RemlFit:
    """Fit a model of which the products are at hand, as of tables too large for their design.

    Parameters
    ----------
    given
        The products; their blocks of columns are the random effects.
    names
        Of the random effects, in the same order.
    """
    at, sums, converged = _optimum(given)
    s2 = at.rss / given.m
    variances = dict(zip(names, (at.ratios * s2).tolist(), strict=True))
    return RemlFit(
        at.beta,
        s2 * np.linalg.inv(at.information),
        {**variances, "residual": float(s2)},
        given.criterion(at),
        converged,
        given,
        at,
        sums,
    )


def _optimum(given: Products) -> tuple[Solution, Sums, bool]:
    """Return the solution at the best ratios, and whether the criterion is flat there."""
    at = given.solve(np.full(len(given.starts), 0.1))
    value = given.criterion(at)
    for _ in range(MOST_STEPS):
        sums = given.sums(at)
        gradient, H = given.slopes(at, sums)
        # A ratio at 0 that the criterion pushes further down is where it belongs.
        free = (at.ratios > 0) | (gradient < 0)
        flat = np.where(at.ratios > 0, np.abs(gradient * at.ratios), np.maximum(-gradient, 0))
        if (flat < SLOPE_LIMIT).all():
            return at, sums, bool((at.ratios < 0.99 * RATIO_LIMIT).all())
        step = np.zeros(len(free))
        step[free] = _newton(gradient[free], H[np.ix_(free, free)])
        better = _shortened(given, at, value, gradient, step)
        if better is None:
            # No step lowers the criterion: its last digits are noise where V is ill-conditioned.
            return at, sums, bool((flat < 1e3 * SLOPE_LIMIT).all())
        at, value = better
    return at, given.sums(at), False


def _newton(gradient: np.ndarray, H: np.ndarray) -> np.ndarray:
    """Return the step to the minimum of the quadratic, downhill in every direction of H."""
    values, vectors = np.linalg.eigh(H)
    # Away from the optimum the criterion is concave in places: a negative curvature is turned.
    curvature = np.maximum(np.abs(values), 1e-10 * np.abs(values).max() + 1e-300)
    return -vectors @ ((vectors.T @ gradient) / curvature)


def _shortened(
    given: Products, at: Solution, value: float, gradient: np.ndarray, step: np.ndarray
) -> tuple[Solution, float] | None:
    """Return the solution a step further down, halved until it lowers the criterion."""
    for _ in range(40):
        # No ratio grows more than tenfold at once: the quadratic is no guide beyond.
        ratios = np.clip(at.ratios + step, 0, np.minimum(10 * at.ratios + 0.1, RATIO_LIMIT))
        tried = given.solve(ratios)
        found = given.criterion(tried)
        if found < value + 1e-4 * min(float(gradient @ (ratios - at.ratios)), 0.0):
            return tried, found
        step = step / 2
    return None
