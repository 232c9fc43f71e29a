"""Answers of two kinds with participants and images both random.

A generalised linear mixed model,

    P(y = 1) = g(X b + sum_r Z_r u_r),   u_r ~ N(0, s_r^2),

fitted by maximum likelihood with Laplace's approximation, as lme4's glmer does (Bates and
others 2015): the random effects are found by penalised iteratively reweighted least squares
inside, fixed effects and variances by a quasi-Newton search outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from fechner.analysis.ratings.choices.links import Link
from fechner.threads import small_matrices

_INNER_STEPS = 100
_STEP = 1e-4
_STARTS = (0.05, 0.5)
"""Variances from which the search begins. Guessing gives the deviance several valleys: of 720
answers of twelve people to eight scenes, searches from 0.5 and more ended 0.3 above the lowest."""


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
    bounds = [(0.0, None)] * len(factors) + [(None, None)] * X.shape[1]
    ends = [
        optimize.minimize(
            problem.deviance, problem.start(variance), jac=problem.gradient, method="L-BFGS-B",
            bounds=bounds, options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-5},
        )
        for variance in _STARTS
    ]  # fmt: skip
    found = min(ends, key=lambda end: end.fun)
    variances, fixed = found.x[: len(factors)], found.x[len(factors) :]
    return MixedChoices(
        fixed,
        problem.covariance(found.x),
        dict(zip(factors, map(float, variances), strict=True)),
        float(found.fun),
        bool(found.success) and problem.settled,
    )


class _Crossed:
    """Products with Z, whose rows hold one entry a factor."""

    def __init__(self, factors: Sequence[RandomFactor]) -> None:
        self.levels = [int(factor.codes.max()) + 1 for factor in factors]
        self.q = sum(self.levels)
        offsets = np.cumsum([0, *self.levels[:-1]])
        codes = [factor.codes + offset for factor, offset in zip(factors, offsets, strict=True)]
        self.columns = np.stack(codes, axis=1)
        ones = np.ones(len(codes[0]))
        values = [ones if factor.values is None else factor.values for factor in factors]
        self.values = np.stack(values, axis=1).astype(float)
        # Every pair of a row's entries is one entry of Z'WZ, so that one bincount sums them all.
        self._cells = (self.columns[:, :, None] * self.q + self.columns[:, None, :]).ravel()
        self._products = self.values[:, :, None] * self.values[:, None, :]

    def times(self, u: np.ndarray) -> np.ndarray:
        """Return Z u, (n,)."""
        return np.asarray((self.values * u[self.columns]).sum(axis=1))

    def transposed_times(self, r: np.ndarray) -> np.ndarray:
        """Return Z' r for r (n,) or (n, k)."""
        if r.ndim == 2:
            return np.stack([self.transposed_times(column) for column in r.T], axis=1)
        weights = (self.values * r[:, None]).ravel()
        return np.bincount(self.columns.ravel(), weights, self.q)

    def weighted(self, w: np.ndarray) -> np.ndarray:
        """Return Z' W Z, (q, q)."""
        entries = (self._products * w[:, None, None]).ravel()
        return np.bincount(self._cells, entries, self.q**2).reshape(self.q, self.q)


class _Laplace:
    """The deviance as a function of variances and fixed effects."""

    def __init__(
        self, y: np.ndarray, X: np.ndarray, factors: Mapping[str, RandomFactor], link: Link
    ) -> None:
        self.y, self.X, self.link = y, X, link
        self.Z = _Crossed(list(factors.values()))
        self.settled = True

    def start(self, variance: float) -> np.ndarray:
        """Return this variance of every factor and the fixed effects without random ones."""
        b = np.zeros(self.X.shape[1])
        for _ in range(_INNER_STEPS):
            w, r = self._weights(self.X @ b)
            step = linalg.lstsq(self.X.T @ (w[:, None] * self.X), self.X.T @ r)[0]
            size = np.abs(step).max()
            b = b + step * min(1.0, 2.0 / max(size, 1e-12))
            if size < 1e-6:
                break
        return np.concatenate([np.full(len(self.Z.levels), variance), b])

    def deviance(self, theta: np.ndarray, near: np.ndarray | None = None) -> float:
        """Return -2 log likelihood at these variances and fixed effects.

        `near` is where the search for the random effects begins, 0 where None.
        """
        scale, b = self._parts(theta)
        v, value = self._mode(self.X @ b, scale, near)
        factor = self._factor(self.X @ b, scale, v)
        return float(value + 2 * np.log(np.diag(factor[0])).sum())

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Return the derivative of the deviance, by central differences.

        The modes inside are found to 1e-12, so that a step of 1e-4 keeps the noise below 1e-6;
        steps of 1e-8, scipy's default, ended one search in three short of the optimum.
        """
        scale, b = self._parts(theta)
        here, _ = self._mode(self.X @ b, scale)
        slopes = np.empty(len(theta))
        for k in range(len(theta)):
            up, down = theta.copy(), theta.copy()
            up[k] += _STEP
            down[k] = max(down[k] - _STEP, 0.0) if k < len(self.Z.levels) else down[k] - _STEP
            slopes[k] = (self.deviance(up, here) - self.deviance(down, here)) / (up[k] - down[k])
        return slopes

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Return the covariance of the fixed effects, the random ones integrated out."""
        scale, b = self._parts(theta)
        v, _ = self._mode(self.X @ b, scale)
        w, _ = self._weights(self.X @ b + self.Z.times(scale * v))
        weighted = w[:, None] * self.X
        across = scale[:, None] * self.Z.transposed_times(weighted)
        factor = self._factor(self.X @ b, scale, v)
        inner = self.X.T @ weighted - across.T @ linalg.cho_solve(factor, across)
        return np.asarray(linalg.inv(inner))

    def _parts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the SD of every random effect, (q,), and the fixed effects."""
        count = len(self.Z.levels)
        sd = np.sqrt(np.maximum(theta[:count], 0.0))
        return np.repeat(sd, self.Z.levels), theta[count:]

    def _mode(
        self, fixed: np.ndarray, scale: np.ndarray, near: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """Return the likeliest standardised random effects and twice their penalised misfit.

        Newton's steps with the observed information: with the expected one, guessing makes
        steps too short by half and a fit took 56 s instead of 1. Searches start at zero: from
        the last mode they may end in another valley, and the deviance would depend on its past.
        """
        v = np.zeros(self.Z.q) if near is None else near
        value = self._penalised(fixed, scale, v)
        self.settled = False
        for _ in range(_INNER_STEPS):
            eta = fixed + self.Z.times(scale * v)
            score = scale * self.Z.transposed_times(self._score(eta)) - v
            step = linalg.cho_solve(self._observed(eta, scale), score)
            size = float(np.abs(step).max())
            if size < 1e-6:
                # Newton's error is the square of its last step: this one leads to within 1e-12.
                self.settled = True
                return v + step, self._penalised(fixed, scale, v + step)
            v, found = self._along(fixed, scale, v, step, value)
            if found >= value:
                break
            value = found
        return v, value

    def _along(
        self, fixed: np.ndarray, scale: np.ndarray, v: np.ndarray, step: np.ndarray, value: float
    ) -> tuple[np.ndarray, float]:
        """Return where a step, halved until it is downhill, leads to; `v` itself if nowhere."""
        for _ in range(30):
            found = self._penalised(fixed, scale, v + step)
            if found < value:
                return v + step, found
            step = step / 2
        return v, value

    def _penalised(self, fixed: np.ndarray, scale: np.ndarray, v: np.ndarray) -> float:
        p = self.link.inverse(fixed + self.Z.times(scale * v))
        misfit = -2 * (self.y * np.log(p) + (1 - self.y) * np.log(1 - p)).sum()
        return float(misfit + v @ v)

    def _factor(self, fixed: np.ndarray, scale: np.ndarray, v: np.ndarray) -> tuple:
        """Return the Cholesky factor of the random effects' expected precision."""
        w, _ = self._weights(fixed + self.Z.times(scale * v))
        return self._cholesky(w, scale)

    def _observed(self, eta: np.ndarray, scale: np.ndarray) -> tuple:
        """Return that of the observed precision; of the expected one where it is not positive."""
        h = 1e-5
        w = (self._score(eta - h) - self._score(eta + h)) / (2 * h)
        try:
            return self._cholesky(w, scale)
        except linalg.LinAlgError:
            return self._cholesky(self._weights(eta)[0], scale)

    def _cholesky(self, w: np.ndarray, scale: np.ndarray) -> tuple:
        precision = scale[:, None] * self.Z.weighted(w) * scale
        precision[np.diag_indices(self.Z.q)] += 1.0
        return linalg.cho_factor(precision, lower=True, overwrite_a=True, check_finite=False)

    def _weights(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return expected information and score of each row with respect to eta."""
        p, slope = self.link.inverse(eta), self.link.slope(eta)
        return slope**2 / (p * (1 - p)), slope * (self.y - p) / (p * (1 - p))

    def _score(self, eta: np.ndarray) -> np.ndarray:
        return self._weights(eta)[1]
