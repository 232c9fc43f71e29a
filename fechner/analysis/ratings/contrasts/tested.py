"""An estimate, its standard error and its degrees of freedom, as a tested contrast."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from fechner.records.contrasts.contrast import Contrast


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
