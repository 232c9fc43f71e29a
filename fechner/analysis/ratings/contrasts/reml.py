"""Restricted maximum likelihood with crossed random effects, small enough to read.

Serves `crossed` where cells are missing, and `slopes` on the ratings themselves. The model
is ``y = X beta + sum_k Z_k u_k + e`` with ``u_k ~ N(0, s_k^2 I)`` and ``e ~ N(0, s_e^2 I)``;
the blocks ``Z_k`` may cross. With the variance ratios ``g_k = s_k^2 / s_e^2`` every
evaluation needs only matrices of the size of the random effects (Bates et al. 2015).

The ratios are optimised, not the ratios of standard deviations, whose gradient vanishes
at zero and holds an optimiser there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, optimize

from fechner.errors import InputError
from fechner.threads import small_matrices

RATIO_LIMIT = 1e4
"""Largest ratio of a variance to the residual's; a fit that ends there has not converged."""

SLOPE_LIMIT = 1e-3
"""Slope of the criterion at the optimum, per unit of the log ratio."""


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
    _moments: _Moments = field(repr=False)

    def standard_error(self, contrast: ArrayLike) -> float:
        """Return the standard error of ``contrast @ beta``."""
        c = np.asarray(contrast, float)
        return float(np.sqrt(c @ self.covariance @ c))

    @small_matrices()
    def df(self, contrast: ArrayLike) -> float:
        """Return Satterthwaite's degrees of freedom of ``contrast @ beta``.

        ``2 V^2 / (grad V' A grad V)``: V the variance of the contrast as a function of the
        variances above zero, A their covariance, twice the inverse Hessian of the criterion
        (Giesbrecht and Burns 1985; as lmerTest).
        """
        names = [*self._moments.names, "residual"]
        full = np.array([self.variances[name] for name in names])
        free = np.flatnonzero(full > 1e-8 * full.sum())
        c = np.asarray(contrast, float)

        def evaluate(scale: np.ndarray) -> tuple[float, float]:
            at = full.copy()
            at[free] *= scale
            value, covariance = self._moments.at_variances(at)
            return value, float(c @ covariance @ c)

        return _satterthwaite(evaluate, len(free))


@dataclass(frozen=True)
class _Solution:
    """log|V| + log|X'V^-1 X|, beta, X'V^-1 X, the weighted residual sum of squares, factors."""

    log_det: float
    beta: np.ndarray
    A: np.ndarray
    rss: float
    g: np.ndarray
    L: np.ndarray
    RX: np.ndarray
    Ry: np.ndarray


@dataclass(frozen=True)
class _Moments:
    """The products of X, Z and y that the criterion needs, and the sizes of the blocks."""

    names: tuple[str, ...]
    block: np.ndarray
    XX: np.ndarray
    ZX: np.ndarray
    ZZ: np.ndarray
    Xy: np.ndarray
    Zy: np.ndarray
    yy: float
    n: int

    def solve(self, ratios: np.ndarray) -> _Solution:
        """Return everything that follows from the variance ratios, one a block."""
        # Scaling the columns of Z by g makes M positive definite for any ratio, 0 included, so
        # that Cholesky needs no case of its own at the boundary. M has the size of the random
        # effects (some hundreds); a V of the size of the ratings (thousands) is never formed.
        g = np.sqrt(ratios)[self.block]
        M = np.eye(len(g)) + g[:, None] * self.ZZ * g[None, :]
        L = linalg.cholesky(M, lower=True, check_finite=False)
        RX = linalg.solve_triangular(L, g[:, None] * self.ZX, lower=True, check_finite=False)
        Ry = linalg.solve_triangular(L, g * self.Zy, lower=True, check_finite=False)
        A = self.XX - RX.T @ RX
        b = self.Xy - RX.T @ Ry
        beta = linalg.solve(A, b, assume_a="pos")
        # A small difference of large sums: rounding may leave 0 or less where the model fits
        # exactly, and the criterion takes its logarithm.
        rss = max(float(self.yy - Ry @ Ry - b @ beta), 1e-300)
        log_det = 2 * np.log(np.diag(L)).sum() + np.linalg.slogdet(A)[1]
        return _Solution(float(log_det), beta, A, rss, g, L, RX, Ry)

    def profiled(self, ratios: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the criterion at the best residual variance, and its gradient by ratio.

        With V the covariance over s_e^2 and ``P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1``,
        ``d/dg_k = tr(Z_k' P Z_k) - m |Z_k' P y|^2 / (y' P y)``, m = n - n_fixed.
        """
        at = self.solve(np.asarray(ratios, float))
        m = self.n - len(at.beta)
        W = linalg.solve_triangular(at.L, at.g[:, None] * self.ZZ, lower=True, check_finite=False)
        ZVX = self.ZX - W.T @ at.RX
        ZPy = self.Zy - W.T @ at.Ry - ZVX @ at.beta
        diagonal = np.diag(self.ZZ) - (W**2).sum(axis=0)
        diagonal = diagonal - (ZVX * linalg.solve(at.A, ZVX.T, assume_a="pos").T).sum(axis=1)
        terms = diagonal - m * ZPy**2 / at.rss
        value = at.log_det + m * (1 + np.log(2 * np.pi * at.rss / m))
        return value, np.bincount(self.block, terms, minlength=len(self.names))

    def at_variances(self, variances: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the criterion and the covariance of beta at given variances (residual last)."""
        s2 = variances[-1]
        at = self.solve(variances[:-1] / s2)
        m = self.n - len(at.beta)
        return at.log_det + m * np.log(2 * np.pi * s2) + at.rss / s2, s2 * np.linalg.inv(at.A)


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
    moments = _gather(y, X, blocks)
    # The criterion is in the tens of thousands and flat at its optimum: the default tolerance
    # (2e-9 of it) stops early, with standard errors off by 5e-5 and degrees of freedom by 1e-4
    # against lme4, ten times more than with these.
    found = optimize.minimize(
        moments.profiled,
        np.full(len(blocks), 0.1),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, RATIO_LIMIT)] * len(blocks),
        options={"ftol": 1e-14, "gtol": 1e-7, "maxiter": 1000},
    )
    return _fitted(moments, found.x)


def _gather(y: np.ndarray, X: np.ndarray, blocks: Mapping[str, np.ndarray]) -> _Moments:
    Z = np.hstack(list(blocks.values()))
    block = np.repeat(np.arange(len(blocks)), [design.shape[1] for design in blocks.values()])
    return _Moments(
        tuple(blocks), block, X.T @ X, Z.T @ X, Z.T @ Z, X.T @ y, Z.T @ y, float(y @ y), len(y)
    )


def _fitted(moments: _Moments, ratios: np.ndarray) -> RemlFit:
    at = moments.solve(ratios)
    s2 = at.rss / (moments.n - len(at.beta))
    variances = dict(zip(moments.names, (ratios * s2).tolist(), strict=True))
    criterion, slope = moments.profiled(ratios)
    # At an optimum the criterion is flat in the log of every ratio above 0, and rises from 0.
    flat = np.where(ratios > 0, np.abs(slope * ratios), np.maximum(-slope, 0)) < SLOPE_LIMIT
    return RemlFit(
        at.beta,
        s2 * np.linalg.inv(at.A),
        {**variances, "residual": float(s2)},
        criterion,
        bool(flat.all() and np.all(ratios < 0.99 * RATIO_LIMIT)),
        moments,
    )


def _satterthwaite(
    evaluate: Callable[[np.ndarray], tuple[float, float]], k: int, step: float = 1e-3
) -> float:
    """Return 2 V^2 / (grad' A grad), all derivatives central, in relative units."""
    # Relative steps suit variances that differ by orders of magnitude. Against lmerTest the
    # degrees of freedom are off by 6e-3 with a step of .1 (truncation), 1e-5 with .001, and
    # 3e-2 with .00001, where the criterion's rounding is divided by the step squared.
    one, unit = np.ones(k), np.eye(k) * step
    centre, V = evaluate(one)
    up, down = [evaluate(one + u) for u in unit], [evaluate(one - u) for u in unit]
    gradient = np.array([(a[1] - b[1]) / (2 * step) for a, b in zip(up, down, strict=True)])
    H = np.empty((k, k))
    for i in range(k):
        H[i, i] = (up[i][0] - 2 * centre + down[i][0]) / step**2
        for j in range(i):
            corners = [
                evaluate(one + a * unit[i] + b * unit[j])[0] for a in (1, -1) for b in (1, -1)
            ]
            H[i, j] = H[j, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)
    # The pseudo-inverse: a variance that the data hardly determine leaves H close to singular.
    spread = float(gradient @ (2 * np.linalg.pinv(H)) @ gradient)
    return 2 * V**2 / spread if spread > 0 else np.inf
