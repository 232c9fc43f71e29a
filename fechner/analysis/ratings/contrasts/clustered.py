"""Least squares with errors clustered by participants and by images.

For the robustness of a conclusion, beside the models that decide: no variance is assumed to
be of any kind, only that ratings of different participants and different images are
independent (Cameron, Gelbach and Miller 2011),

    V = V_P + V_I - V_PI,

each with the small-sample factor G / (G - 1) of its G clusters. With few clusters V can fall
below what one factor alone explains; then the larger one-way variance is used. The reference
is t with ``min(P, Q) - 1`` degrees of freedom.
"""

from __future__ import annotations

import numpy as np

from fechner.analysis.ratings.contrasts.crossed import check_size, contrast_of
from fechner.analysis.ratings.contrasts.reml import indicator
from fechner.analysis.ratings.contrasts.slopes import SlopesDesign, crosses
from fechner.analysis.ratings.contrasts.tested import tested_contrast
from fechner.analysis.ratings.matrices import Differences
from fechner.errors import InputError
from fechner.records.contrasts.contrast import Contrast
from fechner.threads import small_matrices


def clustered(table: Differences, *, level: float = 0.95) -> Contrast:
    """Test the mean of a table of differences; cells may be missing.

    Raises
    ------
    InputError
        If there are fewer than two participants or images.
    """
    check_size(table)
    here = np.isfinite(table.values)
    n, mean = here.sum(), table.values[here].mean()
    e = np.where(here, table.values - mean, 0.0)
    P, Q = table.values.shape
    V_P = P / (P - 1) * (e.sum(axis=1) ** 2).sum() / n**2
    V_I = Q / (Q - 1) * (e.sum(axis=0) ** 2).sum() / n**2
    V_PI = n / (n - 1) * (e**2).sum() / n**2
    variance = max(V_P + V_I - V_PI, V_P, V_I)
    return contrast_of(table, "clustered", mean, np.sqrt(variance), min(P, Q) - 1, level)


@small_matrices()
def clustered_ratings(design: SlopesDesign, *, level: float = 0.95) -> Contrast:
    """Test a contrast on the ratings themselves, participants and images as fixed effects.

    Where each image (or participant) was seen in one arm only, its own effect would swallow
    the contrast; then it has none, and only the errors are clustered by it.

    Raises
    ------
    InputError
        If the ratings cannot determine the contrast beside the effects of participants and
        images.
    """
    P, Q, n = design.n_participants, design.n_images, len(design.y)
    columns = [design.X]
    if crosses(design.p, design.x):
        columns.append(indicator(design.p, P))
    if crosses(design.i, design.x):
        columns.append(indicator(design.i, Q))
    W = np.hstack(columns)
    c = np.zeros(W.shape[1])
    c[: len(design.contrast)] = design.contrast
    gram = W.T @ W
    # Effects of arms, participants and images add up to the same constant: the inverse is a
    # pseudo-inverse, and the contrast is determined where it lies in the space that is spanned.
    inverse = np.linalg.pinv(gram, hermitian=True)
    a = inverse @ c
    if not np.allclose(gram @ a, c, atol=1e-6):
        raise InputError(
            f"{design.name} cannot be told from differences between participants or images"
        )
    weights = W @ a
    e = design.y - W @ (inverse @ (W.T @ design.y))
    cells = np.unique(design.p * Q + design.i, return_inverse=True)[1]
    V_P, V_I, V_PI = (_one_way(weights * e, codes) for codes in (design.p, design.i, cells))
    k = np.linalg.matrix_rank(gram, hermitian=True)
    variance = max(V_P + V_I - V_PI, V_P, V_I) * (n - 1) / (n - k)
    return tested_contrast(
        design.name,
        "clustered",
        weights @ design.y,
        np.sqrt(variance),
        min(P, Q) - 1,
        level=level,
        n_participants=P,
        n_images=Q,
    )


def _one_way(parts: np.ndarray, codes: np.ndarray) -> float:
    sums = np.bincount(codes, weights=parts)
    return float(len(sums) / (len(sums) - 1) * (sums**2).sum())
