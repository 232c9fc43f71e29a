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

from collections.abc import Mapping
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
    slopes
        Codes of the ratings (n,) that participants and images may differ in, by name; that of
        the tested contrast is the first and named "slope".
    p, i
        Codes of participants and images (n,), from 0.
    """

    name: str
    y: np.ndarray
    X: np.ndarray
    contrast: np.ndarray
    slopes: Mapping[str, np.ndarray]
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

    @property
    def x(self) -> np.ndarray:
        """The code of the tested contrast (n,), 0 in conditions that it does not compare."""
        return self.slopes["slope"]

    def blocks(self) -> dict[str, np.ndarray]:
        """Return the design (n, n_levels) of each random effect that the data can tell apart."""
        found: dict[str, np.ndarray] = {}
        for unit, codes in (("image", self.i), ("participant", self.p)):
            n = int(codes.max()) + 1
            found |= {
                f"{unit} {name}": indicator(codes, n, x)
                for name, x in self.slopes.items()
                if crosses(codes, x)
            }
            found[unit] = indicator(codes, n)
        return found

    def weight(self, block: str) -> float:
        """Return the share of a block's variance in that of a rating in a compared condition."""
        name = block.partition(" ")[2]
        return float((self.slopes[name][self.x != 0] ** 2).mean()) if name else 1.0


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
    return SlopesDesign(f"{first} - {second}", y, X, contrast, {"slope": x}, p, i)


def _fixed_effects(
    arms: pd.DataFrame, present: list[str], first: str, second: str
) -> tuple[np.ndarray, np.ndarray]:
    X = np.column_stack([(arms["region"] == arm).to_numpy(float) for arm in present])
    contrast = [float(arm == first) - float(arm == second) for arm in present]
    degraded = arms["family"].notna() & (arms["region"] != "intact")
    cells = pd.factorize(arms["family"].astype(str) + arms["level"].astype(str))[0]
    kinds = [((cells == kind) & degraded).to_numpy(float) for kind in np.unique(cells[degraded])]
    X = with_independent(X, kinds[1:])
    return X, np.array(contrast + [0.0] * (X.shape[1] - len(present)))


def with_independent(X: np.ndarray, columns: list[np.ndarray]) -> np.ndarray:
    """Return X (n, k) and those of the columns (n,) that it does not determine already."""
    for column in columns:
        wider = np.column_stack([X, column])
        if np.linalg.matrix_rank(wider.T @ wider, hermitian=True) == wider.shape[1]:
            X = wider
    return X


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
