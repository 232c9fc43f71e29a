"""What a pilot says of the ratings to come: variances from its claim, or from its ratings.

Its effect is not taken: a pilot that is followed up overstates it more often than not. The
effect to find is the smallest one that would matter, and is given.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from fechner.analysis.ratings.contrasts.every_model import deciding_contrast
from fechner.analysis.ratings.matrices import RatingMatrix, rated_arms
from fechner.analysis.ratings.power.analytic import Components
from fechner.analysis.ratings.power.planned import HIGH, LOW, Assumptions
from fechner.analysis.ratings.reliability.sources import sources_of_variance
from fechner.errors import InputError
from fechner.records.claims.claim import Claim
from fechner.records.contrasts.contrast import Contrast
from fechner.records.ratings import Ratings
from fechner.records.scales import Scale
from fechner.records.stimuli import StimulusSet, StimulusTable

FINEST = 1000
"""Steps that a scale is given whose answers are no whole numbers."""


def components_of_claim(found: Claim) -> Components:
    """Return the SDs of the differences behind the first contrast of a claim.

    Raises
    ------
    InputError
        If its model estimates no variances.
    """
    return _components(found.contrast(f"{found.low} - {found.high}"))


def assumptions_of_pilot(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    effect: float,
    dimension: str | None = None,
    low: str = LOW,
    high: str = HIGH,
) -> Assumptions:
    """Return what the ratings of a pilot say of the next ones.

    Parameters
    ----------
    ratings
        Of the pilot.
    stimuli
        What was rated.
    effect
        True ``low - high`` to assume, in points.
    dimension
        Which ratings; may be left out where there is only one.
    low, high
        Names of the regions.

    Returns
    -------
    Assumptions
        With the pilot's variances, scale, steps and mean.

    Raises
    ------
    InputError
        If an arm is missing, or there are too few ratings for its variances.
    """
    arms = rated_arms(ratings, stimuli, dimension=dimension)
    arms = arms[arms["region"].isin([low, high])]
    row = deciding_contrast(arms, low, high, 0.95)
    parts, scale = _components(row), ratings.scale(str(arms["dimension"].iloc[0]))
    # `rated_arms` turns the sign where the low end is good, and so the scale is turned.
    sign = 1.0 if scale.good == "high" else -1.0
    ends = sign * scale.minimum, sign * scale.maximum
    assumed = Assumptions(
        parts,
        effect,
        scale=Scale(min(ends), max(ends)),
        step=_step(arms["rating"].to_numpy(), scale),
        middle=float(arms.groupby("region")["rating"].mean().mean()),
    )
    participant, image = _intercepts(arms, row, parts)
    return replace(assumed, participant=participant, image=image)


def _components(row: Contrast) -> Components:
    # The slopes model speaks of ratings, two of which make a difference.
    slopes = row.model == "REML slopes"
    names = ("participant slope", "image slope") if slopes else ("participant", "image")
    try:
        variances = [row.variances[name] for name in (*names, "residual")]
    except KeyError:
        raise InputError(
            f"the model '{row.model}' holds no variances of differences; plan with --kind instead"
        ) from None
    participant, image, residual = (float(max(v, 0.0)) for v in variances)
    return Components(participant**0.5, image**0.5, (residual * (2 if slopes else 1)) ** 0.5)


def _intercepts(arms: pd.DataFrame, row: Contrast, parts: Components) -> tuple[float, float]:
    """Return the SDs of participants' and of images' means over both arms."""
    if row.model == "REML slopes":
        found = row.variances.get("participant", 0.0), row.variances.get("image", 0.0)
    else:
        cells = arms.groupby(["scene", "participant"])["rating"].mean().unstack()
        matrix = RatingMatrix(cells.to_numpy(float), tuple(cells.index), tuple(cells.columns))
        sources = sources_of_variance(matrix)
        # The mean of two arms holds half the variance of each arm's own part, a quarter of that
        # of their difference.
        found = (
            sources.participant_sd**2 - parts.participant**2 / 4,
            sources.image_sd**2 - parts.image**2 / 4,
        )
    return float(np.sqrt(max(found[0], 0.0))), float(np.sqrt(max(found[1], 0.0)))


def _step(values: np.ndarray, scale: Scale) -> float:
    return 1.0 if np.all(values % 1 == 0) else (scale.maximum - scale.minimum) / FINEST
