"""The map's prediction against each rival's, on the same images.

A rival that correlates less may do so by chance, and one that correlates as much may know
something else. Hence two numbers for each: the difference of the two correlations with its
interval, and the partial correlation of the map's prediction with the rival's held constant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fechner.analysis.ratings.correlation import (
    correlate,
    correlation_difference,
    partial,
    pearson,
)
from fechner.analysis.ratings.prediction.rivals import RivalPrediction
from fechner.errors import InputError
from fechner.records.prediction import Correlation, Rival

LEAST_DF = 10
"""Degrees of freedom that the partial correlation given all rivals must be left with."""


def compared(
    predicted: np.ndarray,
    observed: np.ndarray,
    rivals: Sequence[RivalPrediction],
    images: Sequence[str],
    *,
    level: float = 0.95,
) -> tuple[list[Rival], dict[str, np.ndarray]]:
    """Return each rival beside the map, and what it predicts for each image.

    A rival that predicts the same for every image is left out.

    Parameters
    ----------
    predicted, observed
        The map's prediction and the observed harm, float (n_images,).
    rivals
        Other predictions of the same images.
    images
        Their names, in the order of the arrays.
    level
        Of the intervals.

    Raises
    ------
    InputError
        If a rival lacks an image or predicts no finite number.
    """
    rows, values = [], {}
    for rival in rivals:
        arms = _arms(rival, images)
        harm = arms[:, 1] - arms[:, 0]
        if np.ptp(harm) <= 1e-9:
            continue
        values[rival.name] = harm
        difference = correlation_difference(predicted, harm, observed, level=level)
        beyond = partial(predicted, observed, harm, level=level)
        rows.append(
            Rival(
                name=rival.name,
                about=rival.about,
                correlation=correlate(harm, observed, level=level),
                difference=difference[0],
                difference_low=difference[1],
                difference_high=difference[2],
                with_map=pearson(predicted, harm),
                beyond=beyond if beyond.df > 0 else None,
                spread=float(harm.std(ddof=1) / max(abs(arms.mean()), 1e-12)),
            )
        )
    return rows, values


def beyond_all(
    predicted: np.ndarray,
    observed: np.ndarray,
    rivals: Sequence[Rival],
    values: dict[str, np.ndarray],
    *,
    level: float = 0.95,
) -> Correlation | None:
    """Return the partial correlation given every rival that differs between the arms at once.

    Parameters
    ----------
    predicted, observed
        As for `compared`.
    rivals, values
        What `compared` returned.
    level
        Of the interval.

    Returns
    -------
    Correlation or None
        None where fewer than two rivals differ, or too few images are left to tell.
    """
    held = [values[rival.name] for rival in rivals if not rival.matched]
    if len(held) < 2 or len(predicted) - 2 - len(held) < LEAST_DF:
        return None
    return partial(predicted, observed, np.column_stack(held), level=level)


def _arms(rival: RivalPrediction, images: Sequence[str]) -> np.ndarray:
    """Return the predictions (n_images, 2) of the low and the high arm."""
    missing = [image for image in images if image not in rival.arms]
    if missing:
        raise InputError(f"rival {rival.name!r} has no prediction for image {missing[0]!r}; add it")
    arms = np.array([rival.arms[image] for image in images], float)
    if not np.isfinite(arms).all():
        image = images[int(np.flatnonzero(~np.isfinite(arms).all(axis=1))[0])]
        raise InputError(f"rival {rival.name!r} predicts no finite number for image {image!r}")
    return arms
