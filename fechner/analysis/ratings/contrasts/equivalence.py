"""Showing that a difference is too small to matter: two one-sided tests (Schuirmann 1987).

A contrast whose interval holds 0 is not shown to be 0. With a bound fixed beforehand, the
smallest difference that would matter, equivalence holds where the difference is above minus
the bound and below the bound, each tested at alpha: where the 1 - 2 alpha interval lies inside.
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

from fechner.errors import InputError
from fechner.records.contrasts.contrast import Contrast, Equivalence


def equivalence(
    estimate: float, standard_error: float, df: float | None, bound: float, *, alpha: float = 0.05
) -> Equivalence:
    """Test whether a contrast lies within +-`bound` points.

    Parameters
    ----------
    estimate, standard_error, df
        Of the contrast; ``df=None`` for a z test.
    bound
        Smallest difference that would matter, in points.
    alpha
        Level of each one-sided test.

    Returns
    -------
    Equivalence
        The larger p value and the 1 - 2 alpha interval.

    Raises
    ------
    InputError
        If the bound or the standard error is not above 0.
    """
    if bound <= 0 or standard_error <= 0:
        raise InputError(
            f"equivalence expects a bound and a standard error above 0, got {bound} "
            f"and {standard_error}"
        )
    reference = stats.norm() if df is None else stats.t(df)
    below = float(reference.sf((estimate + bound) / standard_error))
    above = float(reference.cdf((estimate - bound) / standard_error))
    half = float(reference.ppf(1 - alpha)) * standard_error
    p = max(below, above)
    return Equivalence(
        bound=bound, alpha=alpha, p=p, low=estimate - half, high=estimate + half,
        equivalent=p < alpha,
    )  # fmt: skip


def equivalences(
    rows: Sequence[Contrast], margin: float | None, *, level: float
) -> dict[str, Equivalence]:
    """Test each contrast within +-`margin`, by name; none without a margin or a standard error."""
    if margin is None:
        return {}
    return {
        row.name: equivalence(row.estimate, row.standard_error, row.df, margin, alpha=1 - level)
        for row in rows
        if row.standard_error > 0
    }
