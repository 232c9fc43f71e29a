"""The mixed models of statsmodels: an independent program for the models that decide.

All rows form one group; participants and images are variance components of it (with groups =
participants, images would silently be nested in them). The default optimiser is not used: it
reported wrong optima as converged, where Powell's method did not in 80 of 80 fits.
statsmodels tests against z, which is a little too bold with few participants or images.

Its standard errors come from the inverse Hessian in all parameters. Where a variance comes
out as 1e-14 rather than 0 they can be 1e8 times too large, called converged: whoever asks
here has the answer looked at by `second_opinions`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from fechner.analysis.ratings.contrasts.crossed import check_size, contrast_of
from fechner.analysis.ratings.contrasts.reml import indicator
from fechner.analysis.ratings.contrasts.slopes import SlopesDesign
from fechner.analysis.ratings.contrasts.tested import tested_contrast
from fechner.analysis.ratings.matrices import Differences
from fechner.errors import InputError
from fechner.records.contrasts.contrast import Contrast
from fechner.threads import small_matrices

SLOPE_LIMIT = 0.1
"""Slope of the log likelihood, per unit of the log of a variance, above which a fit stopped early.

Over 45 good fits (standard errors within 6e-4 of REML) the slope was at most .011; at .1 the
standard error is off by half a per cent.
"""

MOST_WORK = 2e8
"""Ratings times squared random effects above which statsmodels is not asked.

1200 ratings with 320 effects (120 people, 40 images) are 1.2e8 and take 7 s, ours .04 s; 6000
ratings with 640 effects are 2.5e9 and took 175 s.
"""


SPARSE_FROM = 300_000
"""Ratings times random effects from which sparse designs are quicker: six times at 1.1 million."""


def mixed_model(table: Differences, *, level: float = 0.95) -> Contrast:
    """Fit ``D ~ 1`` with participants and images crossed.

    Raises
    ------
    InputError
        If there are fewer than two participants or images, or too many of both.
    """
    check_size(table)
    rows, columns = np.nonzero(np.isfinite(table.values))
    P, Q = table.values.shape
    blocks = {"participant": indicator(rows, P), "image": indicator(columns, Q)}
    y = table.values[rows, columns]
    fit, converged = _fit(y, np.ones((len(y), 1)), blocks)
    return contrast_of(
        table,
        "mixed model",
        fit.fe_params[0],
        fit.bse_fe[0],
        np.inf,
        level,
        variances=_variances(fit, blocks),
        converged=converged,
    )


def mixed_slopes(design: SlopesDesign, *, level: float = 0.95) -> Contrast:
    """Fit the ratings themselves with intercepts and slopes of participants and images.

    Raises
    ------
    InputError
        If there are too many ratings for statsmodels.
    """
    blocks = design.blocks()
    fit, converged = _fit(design.y, design.X, blocks)
    c = design.contrast
    covariance = np.asarray(fit.cov_params())[: len(c), : len(c)]
    return tested_contrast(
        design.name,
        "mixed model",
        c @ fit.fe_params,
        np.sqrt(c @ covariance @ c),
        np.inf,
        level=level,
        n_participants=design.n_participants,
        n_images=design.n_images,
        variances=_variances(fit, blocks),
        converged=converged,
    )


@small_matrices()
def _fit(y: np.ndarray, X: np.ndarray, blocks: Mapping[str, np.ndarray]) -> tuple[Any, bool]:
    """Return statsmodels' fit, and whether it reached its own optimum."""
    effects = sum(design.shape[1] for design in blocks.values())
    if len(y) * effects**2 > MOST_WORK:
        raise InputError(
            f"not tried: {len(y)} ratings with {effects} random effects would take statsmodels "
            "minutes"
        )
    from scipy import sparse
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    columns = [[[f"{name} {k}" for k in range(design.shape[1])]] for name, design in blocks.items()]
    kind = sparse.csr_array if len(y) * effects > SPARSE_FROM else np.asarray
    parts = VCSpec(list(blocks), columns, [[kind(design)] for design in blocks.values()])
    model = MixedLM(y, X, groups=np.zeros(len(y), int), exog_vc=parts)
    with warnings.catch_warnings():
        # What it warns of is looked at below and in `second_opinions`.
        warnings.simplefilter("ignore")
        fit = model.fit(reml=True, method="powell")
        # With respect to the SDs, over that of the residual: d/dlog(variance) = SD / 2 * d/dSD.
        slope = np.sqrt(fit.params_object.vcomp) / 2 * model.score(fit.params_object)
    return fit, bool(fit.converged) and bool(np.abs(slope).max() < SLOPE_LIMIT)


def _variances(fit: Any, blocks: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {**dict(zip(blocks, map(float, fit.vcomp), strict=True)), "residual": float(fit.scale)}
