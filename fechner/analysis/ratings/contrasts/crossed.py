"""Tests of a rating difference with participants and images both random.

Third step of the statistics: ``D[p, i]``, one arm minus another, is tested so that the
result speaks of new participants and of new images. The model is

    D[p, i] = mu + a_p + b_i + e_pi,   a ~ N(0, s_p^2),  b ~ N(0, s_i^2),  e ~ N(0, s_e^2)

in which a and b are the slopes of participants and images: intercepts of either cancel
in the difference. Models that leave one of the slopes out call noise an effect in 10 to
50 % of null worlds (Judd, Westfall and Kenny 2012; Barr 2013) and are not offered here.

- `closed_form`: complete tables; quasi-F with Satterthwaite degrees of freedom.
- `reml_crossed`: the same model by restricted maximum likelihood, cells may be missing.
- `clustered`: ordinary least squares, errors clustered by both (Cameron, Gelbach, Miller
  2011), for the robustness of the conclusion.
- `mixed_model`: statsmodels MixedLM, an independent implementation of the same model.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy import stats

from fechner.analysis.ratings.contrasts.reml import fit_reml, indicator
from fechner.analysis.ratings.matrices import Differences
from fechner.errors import InputError
from fechner.records.contrasts.contrast import Contrast
from fechner.threads import small_matrices


def closed_form(table: Differences, *, level: float = 0.95) -> Contrast:
    """Test the mean of a complete table in closed form.

    With the mean squares of participants, images and residual (P participants, Q images),

        Var(mean) = (MS_P + MS_I - MS_E) / (P Q)
        df = (MS_P + MS_I - MS_E)^2 / (MS_P^2/(P-1) + MS_I^2/(Q-1) + MS_E^2/((P-1)(Q-1)))

    (Satterthwaite 1946; the quasi-F of Clark 1973). A mean square of participants or images
    below the residual's means an estimated variance below zero: that variance is taken as
    zero and its two terms leave both formulas.

    Raises
    ------
    InputError
        If cells are missing, or there are fewer than two participants or images.
    """
    _check(table)
    if not table.complete:
        raise InputError(
            f"{table.name} has missing cells; the closed form expects a complete table, use REML"
        )
    squares = mean_squares(table.values)
    variance, df = _quasi_f(squares, table.values.shape)
    return _contrast(
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


def variance_components(values: np.ndarray) -> dict[str, float]:
    """Return s_p^2, s_i^2, s_e^2 of a complete table by the method of moments, none below 0."""
    P, Q = values.shape
    MS_P, MS_I, MS_E = mean_squares(values)
    return {
        "participant": max(0.0, (MS_P - MS_E) / Q),
        "image": max(0.0, (MS_I - MS_E) / P),
        "residual": MS_E,
    }


def _quasi_f(squares: tuple[float, float, float], shape: tuple[int, ...]) -> tuple[float, float]:
    # A mean square below the residual's is an estimated variance below 0: the one that is left
    # then stands alone, because subtracting MS_E from it would understate the error.
    MS_P, MS_I, MS_E = squares
    P, Q = shape
    terms = [(MS_E, (P - 1) * (Q - 1))]
    if MS_P > MS_E or MS_I > MS_E:
        terms = [(MS, df) for MS, df in ((MS_P, P - 1), (MS_I, Q - 1)) if MS > MS_E]
    if len(terms) == 2:
        terms.append((-MS_E, (P - 1) * (Q - 1)))
    total = sum(MS for MS, _ in terms)
    if total <= 0:
        return 0.0, float(min(P, Q) - 1)
    return total / (P * Q), total**2 / sum(MS**2 / df for MS, df in terms)


def reml_crossed(table: Differences, *, level: float = 0.95) -> Contrast:
    """Test the mean by restricted maximum likelihood; cells may be missing.

    Equals `closed_form` on complete tables whose variances are all above zero.

    Raises
    ------
    InputError
        If there are fewer than two participants or images.
    """
    _check(table)
    rows, columns = np.nonzero(np.isfinite(table.values))
    y = table.values[rows, columns]
    P, Q = table.values.shape
    fit = fit_reml(
        y, np.ones((len(y), 1)), {"participant": indicator(rows, P), "image": indicator(columns, Q)}
    )
    return _contrast(
        table,
        "REML",
        fit.beta[0],
        fit.standard_error([1.0]),
        fit.df([1.0]),
        level,
        variances=fit.variances,
        converged=fit.converged,
    )


def clustered(table: Differences, *, level: float = 0.95) -> Contrast:
    """Test the mean with errors clustered by participants and by images.

    ``V = V_P + V_I - V_PI`` with the small-sample factors of Cameron, Gelbach and Miller
    (2011); where that is below the larger one-way variance, the larger one-way variance is
    used. The reference is t with ``min(P, Q) - 1`` degrees of freedom. Cells may be missing.

    Raises
    ------
    InputError
        If there are fewer than two participants or images.
    """
    _check(table)
    here = np.isfinite(table.values)
    n, mean = here.sum(), table.values[here].mean()
    e = np.where(here, table.values - mean, 0.0)
    P, Q = table.values.shape
    V_P = P / (P - 1) * (e.sum(axis=1) ** 2).sum() / n**2
    V_I = Q / (Q - 1) * (e.sum(axis=0) ** 2).sum() / n**2
    V_PI = n / (n - 1) * (e**2).sum() / n**2
    # With few clusters the difference can fall below 0 or below what one factor alone explains.
    variance = max(V_P + V_I - V_PI, V_P, V_I)
    return _contrast(table, "clustered", mean, np.sqrt(variance), min(P, Q) - 1, level)


@small_matrices()
def mixed_model(table: Differences, *, level: float = 0.95) -> Contrast:
    """Fit ``D ~ 1`` with crossed variance components by statsmodels (REML, Powell).

    All rows form one group; participants and images are variance components of it. The
    default optimiser is not used: it reported wrong optima as converged. statsmodels tests
    against z, which is a little too bold with few participants or images.

    Raises
    ------
    InputError
        If there are fewer than two participants or images.
    """
    _check(table)
    import pandas as pd
    import statsmodels.formula.api as smf

    rows, columns = np.nonzero(np.isfinite(table.values))
    frame = pd.DataFrame({"D": table.values[rows, columns], "p": rows, "i": columns, "all": 1})
    model = smf.mixedlm("D ~ 1", frame, groups="all", vc_formula={"p": "0 + C(p)", "i": "0 + C(i)"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = model.fit(reml=True, method="powell")
    names = {"p": "participant", "i": "image"}
    variances = {
        names[name]: float(v) for name, v in zip(model.exog_vc.names, fit.vcomp, strict=True)
    }
    troubled = any("converge" in str(w.message).lower() for w in caught)
    return _contrast(
        table,
        "mixed model",
        fit.params["Intercept"],
        fit.bse["Intercept"],
        np.inf,
        level,
        variances={**variances, "residual": float(fit.scale)},
        converged=bool(fit.converged) and not troubled,
    )


def _check(table: Differences) -> None:
    P, Q = table.values.shape if table.values.ndim == 2 else (0, 0)
    if P < 2 or Q < 2:
        raise InputError(
            f"{table.name} rests on {P} participants and {Q} images; "
            "testing needs at least 2 of each, so that both can be random"
        )


def _contrast(
    table: Differences,
    model: str,
    estimate: float,
    standard_error: float,
    df: float,
    level: float,
    **more: Any,
) -> Contrast:
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


def tested_contrast(
    name: str,
    model: str,
    estimate: float,
    standard_error: float,
    df: float,
    *,
    level: float,
    **more: Any,
) -> Contrast:
    """Return an estimate with its t interval and its test against 0.

    Parameters
    ----------
    name, model
        Which arms and which analysis.
    estimate, standard_error
        In points of the scale.
    df
        Degrees of freedom of t; infinite for a z test.
    level
        Of the interval.
    more
        The other fields of the contrast.

    Returns
    -------
    Contrast
    """
    estimate, standard_error = float(estimate), float(standard_error)
    half = float(stats.t.ppf(0.5 + level / 2, df)) * standard_error
    return Contrast(
        name=name,
        model=model,
        estimate=estimate,
        standard_error=standard_error,
        low=estimate - half,
        high=estimate + half,
        df=float(df) if np.isfinite(df) else None,
        p=_two_sided(estimate, standard_error, df),
        **more,
    )


def _two_sided(estimate: float, standard_error: float, df: float) -> float:
    if standard_error == 0:
        return 1.0 if estimate == 0 else 0.0
    return float(2 * stats.t.sf(abs(estimate) / standard_error, df))
