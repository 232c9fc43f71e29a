"""Tests of a rating difference with participants and images both random.

Third step of the statistics: ``D[p, i]``, one arm minus another, is tested so that the
result speaks of new participants and of new images. The model is

    D[p, i] = mu + a_p + b_i + e_pi,   a ~ N(0, s_p^2),  b ~ N(0, s_i^2),  e ~ N(0, s_e^2)

in which a and b are the slopes of participants and images: intercepts of either cancel
in the difference. Models that leave one of the slopes out call noise an effect in 10 to
50 % of null worlds (Judd, Westfall and Kenny 2012; Barr 2013) and are not offered here.

- `closed_form`: complete tables; mean squares with Satterthwaite degrees of freedom.
- `reml_crossed`: the same model by restricted maximum likelihood, cells may be missing.

`clustered` and `mixed` hold what stands beside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fechner.analysis.ratings.contrasts.reml import fit_reml, indicator
from fechner.analysis.ratings.contrasts.tested import tested_contrast
from fechner.analysis.ratings.matrices import Differences
from fechner.errors import InputError
from fechner.records.contrasts.contrast import Contrast


def closed_form(table: Differences, *, level: float = 0.95) -> Contrast:
    """Test the mean of a complete table in closed form.

    With the mean squares of participants, images and residual (P participants, Q images),

        Var(mean) = (MS_P + MS_I - MS_E) / (P Q)
        df = (MS_P + MS_I - MS_E)^2 / (MS_P^2/(P-1) + MS_I^2/(Q-1) + MS_E^2/((P-1)(Q-1)))

    (Satterthwaite 1946; the quasi-F of Clark 1973). A mean square of participants or images
    below the residual's would mean a variance below zero. Restricted maximum likelihood then
    puts that variance at zero and pools both mean squares, see `reml_mean_squares`; so does
    this, and equals lme4 and lmerTest on every complete table.

    Raises
    ------
    InputError
        If cells are missing, or there are fewer than two participants or images.
    """
    check_size(table)
    if not table.complete:
        raise InputError(
            f"{table.name} has missing cells; the closed form expects a complete table, use REML"
        )
    variance, df = _variance_of_mean(table.values)
    return contrast_of(
        table,
        "closed form",
        table.values.mean(),
        np.sqrt(variance),
        df,
        level,
        variances=variance_components(table.values),
    )


def mean_squares(values: np.ndarray) -> tuple[float, float, float]:
    """Return MS_P, MS_I, MS_E of a complete table (n_participants, n_images)."""
    P, Q = values.shape
    mean = values.mean()
    rows, columns = values.mean(axis=1) - mean, values.mean(axis=0) - mean
    residual = values - mean - rows[:, None] - columns[None, :]
    return (
        float(Q * (rows**2).sum() / (P - 1)),
        float(P * (columns**2).sum() / (Q - 1)),
        float((residual**2).sum() / ((P - 1) * (Q - 1))),
    )


def reml_mean_squares(values: np.ndarray) -> tuple[np.ndarray, list[list[int]]]:
    """Return the REML estimates of the expected mean squares of a complete table.

    Minus twice the restricted log likelihood is ``sum_k df_k (log l_k + MS_k / l_k)`` with
    ``l_P = s_e^2 + Q s_p^2``, ``l_I = s_e^2 + P s_i^2``, ``l_E = s_e^2``: the term of the
    mean cancels. No variance may be below 0, so that ``l_P, l_I >= l_E``: a mean square that
    violates this is pooled with the residual's by degrees of freedom, the smallest first.

    Returns
    -------
    tuple
        ``l_P, l_I, l_E`` (3,), and which of 0, 1, 2 were pooled into one estimate.
    """
    P, Q = values.shape
    squares = np.array(mean_squares(values))
    df = np.array([P - 1, Q - 1, (P - 1) * (Q - 1)], float)
    pooled = [2]
    pool = squares[2]
    for k in sorted((0, 1), key=lambda k: squares[k]):
        if squares[k] <= pool:
            pooled.append(k)
            pool = float(df[pooled] @ squares[pooled] / df[pooled].sum())
    expected = squares.copy()
    expected[pooled] = pool
    return expected, [[k] for k in (0, 1) if k not in pooled] + [sorted(pooled)]


def variance_components(values: np.ndarray) -> dict[str, float]:
    """Return s_p^2, s_i^2, s_e^2 of a complete table (n_participants, n_images) by REML."""
    P, Q = values.shape
    (l_P, l_I, l_E), _ = reml_mean_squares(values)
    return {
        "participant": float((l_P - l_E) / Q),
        "image": float((l_I - l_E) / P),
        "residual": float(l_E),
    }


def _variance_of_mean(values: np.ndarray) -> tuple[float, float]:
    """Return ``(l_P + l_I - l_E) / (P Q)`` and Satterthwaite's degrees of freedom of it."""
    P, Q = values.shape
    expected, groups = reml_mean_squares(values)
    df, sign = np.array([P - 1, Q - 1, (P - 1) * (Q - 1)]), np.array([1, 1, -1])
    total = float(sign @ expected)
    # Pooled mean squares are one estimate, with the degrees of freedom of all of them.
    parts = [(sign[k].sum() * expected[k[0]], df[k].sum()) for k in map(np.array, groups)]
    spread = sum(part**2 / of for part, of in parts)
    if spread == 0:
        return 0.0, float(min(P, Q) - 1)
    return total / (P * Q), float(total**2 / spread)


def reml_crossed(table: Differences, *, level: float = 0.95) -> Contrast:
    """Test the mean by restricted maximum likelihood; cells may be missing.

    Equals `closed_form` on complete tables.

    Raises
    ------
    InputError
        If there are fewer than two participants or images.
    """
    check_size(table)
    rows, columns = np.nonzero(np.isfinite(table.values))
    y = table.values[rows, columns]
    P, Q = table.values.shape
    fit = fit_reml(
        y, np.ones((len(y), 1)), {"participant": indicator(rows, P), "image": indicator(columns, Q)}
    )
    return contrast_of(
        table,
        "REML",
        fit.beta[0],
        fit.standard_error([1.0]),
        fit.df([1.0]),
        level,
        variances=fit.variances,
        converged=fit.converged,
    )


def check_size(table: Differences) -> None:
    """Refuse a table of fewer than two participants or images.

    Raises
    ------
    InputError
        With how many there are.
    """
    P, Q = table.values.shape if table.values.ndim == 2 else (0, 0)
    if P < 2 or Q < 2:
        raise InputError(
            f"{table.name} rests on {P} participants and {Q} images; "
            "testing needs at least 2 of each, so that both can be random"
        )


def contrast_of(
    table: Differences,
    model: str,
    estimate: float,
    standard_error: float,
    df: float,
    level: float,
    **more: Any,
) -> Contrast:
    """Return `tested_contrast` with the name and the numbers of the table.

    Parameters
    ----------
    table
        What was tested.
    model, estimate, standard_error, df, level, more
        As in `tested_contrast`.

    Returns
    -------
    Contrast
        In points of the scale.
    """
    return tested_contrast(
        table.name,
        model,
        estimate,
        standard_error,
        df,
        level=level,
        n_participants=table.values.shape[0],
        n_images=table.values.shape[1],
        n_differences=int(np.isfinite(table.values).sum()),
        **more,
    )
