"""The mixed model of the ratings themselves, for designs with few pairs of ratings.

`crossed` tests differences, which need both arms of an image from one participant. In a
Latin square nobody rates both; then the ratings enter the model directly, with intercepts
and slopes of both participants and images, all independent:

    y = arm + (1 + x | participant) + (1 + x | image)

where x is +1/2 in the first arm, -1/2 in the second, 0 elsewhere.

This is lme4's ``y ~ arm + (1 + x || p) + (1 + x || i)``. Where each image (or participant)
was seen in one arm only, its slope cannot be told from its intercept and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fechner.analysis.ratings.contrasts.reml import fit_reml, indicator
from fechner.analysis.ratings.contrasts.tested import tested_contrast
from fechner.errors import InputError
from fechner.records.contrasts.contrast import Contrast


@dataclass(frozen=True)
class SlopesDesign:
    """What any model of the ratings themselves needs.

    Attributes
    ----------
    name
        Which arms, ``"low - high"``.
    y
        Ratings (n,), in points.
    X, contrast
        Fixed effects (n, n_fixed), and what of them is tested (n_fixed,).
    x
        +1/2 in the first arm, -1/2 in the second, 0 elsewhere (n,).
    p, i
        Codes of participants and images (n,), from 0.
    """

    name: str
    y: np.ndarray
    X: np.ndarray
    contrast: np.ndarray
    x: np.ndarray
    p: np.ndarray
    i: np.ndarray

    @property
    def n_participants(self) -> int:
        """How many participants rated any arm."""
        return int(self.p.max()) + 1

    @property
    def n_images(self) -> int:
        """How many images were rated in any arm."""
        return int(self.i.max()) + 1

    def blocks(self) -> dict[str, np.ndarray]:
        """Return the design (n, n_levels) of each random effect that the data can tell apart."""
        P, Q = self.n_participants, self.n_images
        found = {}
        if crosses(self.i, self.x):
            found["image slope"] = indicator(self.i, Q, self.x)
        found["image"] = indicator(self.i, Q)
        if crosses(self.p, self.x):
            found["participant slope"] = indicator(self.p, P, self.x)
        found["participant"] = indicator(self.p, P)
        return found


def crosses(codes: np.ndarray, x: np.ndarray) -> bool:
    """Return whether any of the units in `codes` (n,) was seen in two kinds of arms `x` (n,)."""
    lowest, highest = np.full(codes.max() + 1, np.inf), np.full(codes.max() + 1, -np.inf)
    np.minimum.at(lowest, codes, x)
    np.maximum.at(highest, codes, x)
    return bool((highest > lowest).any())


def slopes_design(arms: pd.DataFrame, first: str, second: str) -> SlopesDesign:
    """Return the design of ``first - second`` on the ratings of all arms.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns. The other arms inform the intercepts; family and
        level, where there are several, are fixed effects.
    first, second
        Names of the arms.

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
    y = arms["rating"].to_numpy(float)
    return SlopesDesign(f"{first} - {second}", y, X, contrast, x, p, i)


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


def reml_slopes(design: SlopesDesign, *, level: float = 0.95) -> Contrast:
    """Test the contrast by restricted maximum likelihood with slopes of both.

    Raises
    ------
    InputError
        If the ratings cannot determine the fixed effects.
    """
    fit = fit_reml(design.y, design.X, design.blocks())
    return tested_contrast(
        design.name,
        "REML slopes",
        design.contrast @ fit.beta,
        fit.standard_error(design.contrast),
        fit.df(design.contrast),
        level=level,
        n_participants=design.n_participants,
        n_images=design.n_images,
        variances=fit.variances,
        converged=fit.converged,
    )
