"""The restricted likelihood of a model with crossed random effects, and its derivatives.

Arithmetic of `reml`. With the variance ratios ``g_k = s_k^2 / s_e^2`` the covariance of the
ratings is ``s_e^2 V``, ``V = I + sum_k g_k Z_k Z_k'``, and everything follows from products of
the size of the random effects (some hundreds): a matrix of the size of the ratings
(thousands) is never formed (Bates et al. 2015). With
``P = V^-1 - V^-1 X (X' V^-1 X)^-1 X' V^-1``, ``T_kl = Z_k' P Z_l`` and ``u_k = Z_k' P y``, all
derivatives are sums over T and u (Harville 1977), so that no step has to be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg


@dataclass(frozen=True)
class Solution:
    """What follows from the variance ratios.

    Attributes
    ----------
    ratios
        ``g_k`` (n_blocks,).
    log_det
        ``log|V| + log|X' V^-1 X|``.
    beta, information
        Fixed effects (n_fixed,) and ``X' V^-1 X``.
    rss
        ``y' P y``.
    factor, root
        Lower Cholesky factor of ``I + G Z'Z G``, and the diagonal of G, root of each ratio.
    RX, Ry
        ``L^-1 G Z'X`` and ``L^-1 G Z'y``.
    """

    ratios: np.ndarray
    log_det: float
    beta: np.ndarray
    information: np.ndarray
    rss: float
    factor: np.ndarray
    root: np.ndarray
    RX: np.ndarray
    Ry: np.ndarray


@dataclass(frozen=True)
class Sums:
    """What the derivatives by the variances are made of; one entry a block.

    Attributes
    ----------
    trace
        ``tr T_kk`` (n_blocks,).
    squares
        ``|T_kl|^2``, the sum of squared entries (n_blocks, n_blocks).
    u2
        ``|u_k|^2`` (n_blocks,).
    along
        ``u_k' T_kl u_l`` (n_blocks, n_blocks).
    ZVX
        ``Z' V^-1 X`` (n_effects, n_fixed).
    """

    trace: np.ndarray
    squares: np.ndarray
    u2: np.ndarray
    along: np.ndarray
    ZVX: np.ndarray


@dataclass(frozen=True)
class Products:
    """The products of X, Z and y that the criterion needs.

    Attributes
    ----------
    starts, block
        First column of each block in Z (n_blocks,), and the block of each column (n_effects,).
    XX, ZX, ZZ, Xy, Zy, yy
        ``X'X``, ``Z'X`` and so on.
    n
        How many ratings.
    """

    starts: np.ndarray
    block: np.ndarray
    XX: np.ndarray
    ZX: np.ndarray
    ZZ: np.ndarray
    Xy: np.ndarray
    Zy: np.ndarray
    yy: float
    n: int

    @property
    def m(self) -> int:
        """Ratings beyond the fixed effects."""
        return self.n - len(self.XX)

    def solve(self, ratios: np.ndarray) -> Solution:
        """Return everything that follows from the variance ratios, one a block."""
        # Scaling the columns of Z by G makes the matrix positive definite for any ratio, 0
        # included, so that Cholesky needs no case of its own at the boundary.
        root = np.sqrt(ratios)[self.block]
        M = root[:, None] * self.ZZ * root[None, :]
        M[np.diag_indices_from(M)] += 1
        L = linalg.cholesky(M, lower=True, check_finite=False)
        right = np.column_stack([self.ZX, self.Zy])
        R = linalg.solve_triangular(L, root[:, None] * right, lower=True, check_finite=False)
        RX, Ry = R[:, :-1], R[:, -1]
        A = self.XX - RX.T @ RX
        b = self.Xy - RX.T @ Ry
        beta = np.linalg.solve(A, b)
        # A small difference of large sums: rounding may leave 0 or less where the model fits
        # exactly, and the criterion takes its logarithm, its derivatives the inverse square.
        rss = max(float(self.yy - Ry @ Ry - b @ beta), 1e-18 * self.yy, 1e-100)
        log_det = 2 * np.log(np.diag(L)).sum() + np.linalg.slogdet(A)[1]
        return Solution(ratios, float(log_det), beta, A, rss, L, root, RX, Ry)

    def criterion(self, at: Solution) -> float:
        """Return minus twice the restricted log likelihood at the best residual variance."""
        return at.log_det + self.m * (1 + np.log(2 * np.pi * at.rss / self.m))

    def sums(self, at: Solution) -> Sums:
        """Return what the derivatives are made of."""
        W = linalg.solve_triangular(
            at.factor, at.root[:, None] * self.ZZ, lower=True, check_finite=False
        )
        ZVX = self.ZX - W.T @ at.RX
        T = self.ZZ - W.T @ W - ZVX @ np.linalg.solve(at.information, ZVX.T)
        u = self.Zy - W.T @ at.Ry - ZVX @ at.beta
        Tu = T * u[None, :]
        return Sums(
            np.add.reduceat(np.diag(T), self.starts),
            self._by_block(T * T),
            np.add.reduceat(u**2, self.starts),
            self._by_block(u[:, None] * Tu),
            ZVX,
        )

    def _by_block(self, values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(np.add.reduceat(values, self.starts, axis=0), self.starts, axis=1)

    def slopes(self, at: Solution, sums: Sums) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and Hessian of `criterion` by the ratios.

        ``d/dg_k = tr T_kk - m |u_k|^2 / y'Py`` and ``d^2/dg_k dg_l = -|T_kl|^2
        + m (2 u_k' T_kl u_l / y'Py - |u_k|^2 |u_l|^2 / (y'Py)^2)``.
        """
        share = sums.u2 / at.rss
        gradient = sums.trace - self.m * share
        H = -sums.squares + self.m * (2 * sums.along / at.rss - np.outer(share, share))
        return gradient, H

    def log_hessian(self, at: Solution, sums: Sums) -> np.ndarray:
        """Return the Hessian of the criterion by all variances, residual last, times variances.

        Entry kl is ``s_k^2 s_l^2 d^2/(ds_k^2 ds_l^2)``, for variances that differ by orders of
        magnitude. With ``s_e^2`` taken out of V, ``d^2 = -|T_kl|^2 + 2 u_k' T_kl u_l``; those
        of the residual, whose Z is the identity, follow from ``P V P = P``.
        """
        g, s2 = at.ratios, at.rss / self.m
        u2, along, rss = sums.u2 / s2, sums.along / s2, at.rss / s2
        trace_P = self.m - g @ sums.trace
        squares_e = sums.trace - sums.squares @ g
        along_e = u2 - along @ g
        yPPy = rss - g @ u2
        H = np.empty((len(g) + 1, len(g) + 1))
        H[:-1, :-1] = np.outer(g, g) * (2 * along - sums.squares)
        H[:-1, -1] = H[-1, :-1] = g * (2 * along_e - squares_e)
        H[-1, -1] = 2 * (yPPy - g @ along_e) - (trace_P - g @ squares_e)
        return H


def products(y: np.ndarray, X: np.ndarray, blocks: list[np.ndarray]) -> Products:
    """Return the products of responses y (n,), X (n, n_fixed) and the blocks (n, n_levels)."""
    Z = np.hstack(blocks)
    sizes = [design.shape[1] for design in blocks]
    starts, block = np.cumsum([0, *sizes[:-1]]), np.repeat(np.arange(len(blocks)), sizes)
    return Products(
        starts, block, X.T @ X, Z.T @ X, Z.T @ Z, X.T @ y, Z.T @ y, float(y @ y), len(y)
    )
