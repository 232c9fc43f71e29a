"""The mixed model of the ratings themselves, for designs without pairs of ratings.

`crossed` tests differences, which need both arms of an image from one participant. In a
Latin square nobody rates both; then the ratings enter the model directly, with intercepts
and slopes of both participants and images, all independent:

    y = arm + (1 + x | participant) + (1 + x | image)

where x is +1/2 in the first arm, -1/2 in the second, 0 elsewhere.

This is lme4's ``y ~ arm + (1 + x || p) + (1 + x || i)``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fechner.analysis.ratings.contrasts.crossed import tested_contrast
from fechner.analysis.ratings.contrasts.reml import fit_reml, indicator
from fechner.errors import InputError
from fechner.records.contrasts.contrast import Contrast


def reml_slopes(arms: pd.DataFrame, first: str, second: str, *, level: float = 0.95) -> Contrast:
    """Test ``first - second`` on the ratings of all arms.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns. The other arms inform the intercepts; family and
        level, where there are several, are fixed effects.
    first, second
        Names of the arms.
    level
        Of the interval.

    Returns
    -------
    Contrast
        In points of the scale.

    Raises
    ------
    InputError
        If one of the arms has no ratings, or there are too few of anything.
    """
    present = sorted(arms["region"].unique())
    for arm in (first, second):
        if arm not in present:
            raise InputError(f"no ratings of the arm {arm!r}; rated are: {', '.join(present)}")
    p, participants = pd.factorize(arms["participant"], sort=True)
    i, images = pd.factorize(arms["scene"], sort=True)
    if min(len(participants), len(images)) < 2:
        raise InputError(
            f"{len(participants)} participants and {len(images)} images; the model needs 2 of each"
        )
    region = arms["region"].to_numpy(str)
    x = 0.5 * (region == first) - 0.5 * (region == second)
    X, contrast = _fixed_effects(arms, present, first, second)
    fit = fit_reml(arms["rating"].to_numpy(float), X, _blocks(p, i, x))
    return tested_contrast(
        f"{first} - {second}",
        "REML slopes",
        contrast @ fit.beta,
        fit.standard_error(contrast),
        fit.df(contrast),
        level=level,
        n_participants=len(participants),
        n_images=len(images),
        variances=fit.variances,
        converged=fit.converged,
    )


def _fixed_effects(
    arms: pd.DataFrame, present: list[str], first: str, second: str
) -> tuple[np.ndarray, np.ndarray]:
    X = [(arms["region"] == arm).to_numpy(float) for arm in present]
    contrast = [float(arm == first) - float(arm == second) for arm in present]
    degraded = arms["family"].notna() & (arms["region"] != "intact")
    cells = pd.factorize(arms["family"].astype(str) + arms["level"].astype(str))[0]
    kinds = np.unique(cells[degraded])
    X += [((cells == kind) & degraded).to_numpy(float) for kind in kinds[1:]]
    return np.column_stack(X), np.array(contrast + [0.0] * (len(X) - len(present)))


def _blocks(p: np.ndarray, i: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    P, Q = p.max() + 1, i.max() + 1
    return {
        "image slope": indicator(i, Q, x),
        "image": indicator(i, Q),
        "participant slope": indicator(p, P, x),
        "participant": indicator(p, P),
    }
