"""Answers of two kinds with participants and images both random.

A generalised linear mixed model,

    P(y = 1) = g(X b + sum_r Z_r u_r),   u_r ~ N(0, s_r^2),

fitted by maximum likelihood with Laplace's approximation, as lme4's glmer does (Bates and
others 2015): the random effects are found by penalised iteratively reweighted least squares
inside, fixed effects and variances by a quasi-Newton search outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize, sparse

from fechner.analysis.ratings.choices.links import Link
from fechner.threads import small_matrices

_INNER_STEPS = 100
_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class RandomFactor:
    """A factor whose levels are drawn from a population.

    Attributes
    ----------
    codes
        Level of each row, from 0: int (n,).
    values
        What the level's effect is multiplied by: float (n,); None for an intercept.
    """

    codes: np.ndarray
    values: np.ndarray | None = None

    @property
    def design(self) -> sparse.csr_array:
        """Z, (n, n_levels)."""
        n = len(self.codes)
        values = np.ones(n) if self.values is None else self.values
        return sparse.csr_array((values, (np.arange(n), self.codes)))


@dataclass(frozen=True, eq=False)
class MixedChoices:
    """A fitted model.

    Attributes
    ----------
    fixed, covariance
        Fixed effects (k,) and their covariance (k, k) at the estimated variances.
    variances
        Of each random factor, in squared units of the linear predictor.
    deviance
        -2 log likelihood by Laplace's approximation.
    converged
        False where the search did not end at an optimum.
    """

    fixed: np.ndarray
    covariance: np.ndarray
    variances: dict[str, float]
    deviance: float
    converged: bool


@small_matrices()
def fit_choices(
    y: np.ndarray, X: np.ndarray, factors: Mapping[str, RandomFactor], link: Link
) -> MixedChoices:
    """Fit the model of the module.

    Parameters
    ----------
    y
        Answers: float (n,), 0 or 1; 0.5 counts half for each.
    X
        Fixed effects, (n, k), of full rank.
    factors
        Random factors by name.
    link
        From the linear predictor to the probability.

    Returns
    -------
    MixedChoices
        The fit.
    """
    problem = _Laplace(np.asarray(y, float), np.asarray(X, float), factors, link)
    start = problem.start()
    bounds = [(0.0, None)] * len(factors) + [(None, None)] * X.shape[1]
    found = optimize.minimize(
        problem.deviance, start, jac=problem.gradient, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-5},
    )  # fmt: skip
    variances, fixed = found.x[: len(factors)], found.x[len(factors) :]
    return MixedChoices(
        fixed,
        problem.covariance(variances, fixed),
        dict(zip(factors, map(float, variances), strict=True)),
        float(found.fun),
        bool(found.success) and problem.settled,
    )


class _Laplace:
    """The deviance as a function of variances and fixed effects."""

    def __init__(
        self, y: np.ndarray, X: np.ndarray, factors: Mapping[str, RandomFactor], link: Link
    ) -> None:
        self.y, self.X, self.link = y, X, link
        designs = [factor.design for factor in factors.values()]
        self.Z = sparse.csr_array(sparse.hstack(designs))
        self.levels = [design.shape[1] for design in designs]
        self.v = np.zeros(self.Z.shape[1])
        self.settled = True

    def start(self) -> np.ndarray:
        """Return variances of 0.5 and the fixed effects without random ones."""
        b = np.zeros(self.X.shape[1])
        for _ in range(_INNER_STEPS):
            w, r = self._weights(self.X @ b)
            step = linalg.lstsq(self.X.T @ (w[:, None] * self.X), self.X.T @ r)[0]
            size = np.abs(step).max()
            b = b + step * min(1.0, 2.0 / max(size, 1e-12))
            if size < 1e-6:
                break
        return np.concatenate([np.full(len(self.levels), 0.5), b])

    def deviance(self, theta: np.ndarray) -> float:
        """Return -2 log likelihood at these variances and fixed effects."""
        variances, b = theta[: len(self.levels)], theta[len(self.levels) :]
        scale = self._scale(variances)
        v, factor = self._mode(self.X @ b, scale)
        log_determinant = 2 * np.log(np.diag(factor[0])).sum()
        return float(self._misfit(self.X @ b + self.Z @ (scale * v)) + v @ v + log_determinant)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Return the derivative of the deviance, by central differences.

        The modes inside are found to 1e-10, so that a step of 1e-4 keeps the noise below 1e-6;
        steps of 1e-8, scipy's default, ended one search in three short of the optimum.
        """
        slopes = np.empty(len(theta))
        for k in range(len(theta)):
            up, down = theta.copy(), theta.copy()
            up[k] += _STEP
            down[k] = max(down[k] - _STEP, 0.0) if k < len(self.levels) else down[k] - _STEP
            slopes[k] = (self.deviance(up) - self.deviance(down)) / (up[k] - down[k])
        return slopes

    def covariance(self, variances: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return the covariance of the fixed effects, the random ones integrated out."""
        scale = self._scale(variances)
        v, factor = self._mode(self.X @ b, scale)
        w, _ = self._weights(self.X @ b + self.Z @ (scale * v))
        across = scale[:, None] * (self.Z.T @ (w[:, None] * self.X))
        inner = self.X.T @ (w[:, None] * self.X) - across.T @ linalg.cho_solve(factor, across)
        return np.asarray(linalg.inv(inner))

    def _scale(self, variances: np.ndarray) -> np.ndarray:
        return np.repeat(np.sqrt(np.maximum(variances, 0.0)), self.levels)

    def _mode(self, fixed: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, tuple]:
        """Return the likeliest standardised random effects and the factor of their precision.

        The search starts where the last one ended: neighbouring thetas have near modes.
        """
        v = self.v
        value = self._misfit(fixed + self.Z @ (scale * v)) + v @ v
        self.settled = False
        for _ in range(_INNER_STEPS):
            w, r = self._weights(fixed + self.Z @ (scale * v))
            factor = linalg.cho_factor(self._precision(w, scale), lower=True)
            step = linalg.cho_solve(factor, scale * (self.Z.T @ r) - v)
            size = float(np.abs(step).max())
            while size > 1e-10:
                there = v + step
                found = self._misfit(fixed + self.Z @ (scale * there)) + there @ there
                if found <= value + 1e-11 * abs(value):
                    v, value = there, found
                    break
                step, size = step / 2, size / 2
            if size < 1e-8:
                self.settled = True
                break
        self.v = v
        return v, factor

    def _precision(self, w: np.ndarray, scale: np.ndarray) -> np.ndarray:
        inner = (self.Z.T @ (self.Z * w[:, None])).toarray()
        return np.asarray(scale[:, None] * inner * scale + np.eye(len(scale)))

    def _weights(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return expected information and score of each row with respect to eta."""
        p, slope = self.link.inverse(eta), self.link.slope(eta)
        return slope**2 / (p * (1 - p)), slope * (self.y - p) / (p * (1 - p))

    def _misfit(self, eta: np.ndarray) -> float:
        p = self.link.inverse(eta)
        return float(-2 * (self.y * np.log(p) + (1 - self.y) * np.log(1 - p)).sum())
