"""The normal ratings behind answers that have ends and steps.

Assumptions and pilots speak of ratings as they are given. Rounding to categories adds variance,
the ends of a scale take some away: what is drawn must differ from what is assumed so that what
comes out is as assumed. With a 5-point scale and typical SDs the differences would else be 5 %
too small, and the power to show equivalence .68 where it is .61.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from fechner.analysis.ratings.contrasts.crossed import mean_squares
from fechner.analysis.ratings.power.analytic import Components
from fechner.analysis.ratings.power.planned import (
    HIGH,
    LOW,
    Assumptions,
    PlannedStudy,
    draw_ratings,
)

SIZE = 300
"""Participants and images of the study that is drawn to compare with: SDs are right to 1 %."""

TURNS = 8
"""Corrections; after four nothing moves by more than .1 %."""


@lru_cache(maxsize=32)
def latent_assumptions(assumed: Assumptions) -> Assumptions:
    """Return what to draw so that ratings, rounded and cut off, are as assumed.

    One large study is drawn again and again from the same random numbers, and each SD and the
    effect corrected by what rounding and cutting off did to it.
    """
    if assumed.scale is None:
        return assumed
    wanted = _as_array(assumed)
    drawn = wanted.copy()
    for _ in range(TURNS):
        latent = _with(assumed, drawn)
        before, after = (_measured(one) for one in (replace(latent, scale=None), latent))
        share = np.divide(after, before, out=np.ones(4), where=before > 1e-9)
        drawn = np.where(share > 1e-3, wanted / np.maximum(share, 1e-3), wanted)
    return _with(assumed, drawn)


def _as_array(assumed: Assumptions) -> np.ndarray:
    parts = assumed.components
    return np.array([parts.participant, parts.image, parts.residual, assumed.effect])


def _with(assumed: Assumptions, values: np.ndarray) -> Assumptions:
    control = assumed.control_effect
    if control is not None and assumed.effect:
        control *= float(values[3]) / assumed.effect
    return replace(
        assumed,
        components=Components(*map(float, values[:3])),
        effect=float(values[3]),
        control_effect=control,
    )


def _measured(assumed: Assumptions) -> np.ndarray:
    """Return the SDs of the differences (participant, image, residual) and their mean (4,)."""
    study = PlannedStudy(SIZE, SIZE)
    y = draw_ratings(assumed, study, (LOW, HIGH), 1, np.random.default_rng(0))[0]
    D = y[..., 0] - y[..., 1]
    MS_P, MS_I, MS_E = mean_squares(D)
    variances = np.array([(MS_P - MS_E) / SIZE, (MS_I - MS_E) / SIZE, MS_E])
    return np.append(np.sqrt(np.maximum(variances, 0)), D.mean())
