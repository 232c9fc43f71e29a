"""How far each degraded image was rated below its intact one, by each participant.

What calibration is fitted to. Where people did not rate an image both intact and degraded (a
design that divides the arms among them), the means of the images stand in for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import differences
from fechner.analysis.ratings.observed import observed_difference
from fechner.records.prediction import ArmPrediction
from fechner.records.stimuli import INTACT

LEAST_RATINGS = 2
"""Participants who must have rated each image intact and degraded, to count them one by one."""


@dataclass(frozen=True, eq=False)
class Drops:
    """Drops below the intact image, one entry a rating (or an image), all arrays (n,).

    Attributes
    ----------
    impact
        Predicted impact, squared grey levels.
    drop
        Points below the intact image.
    arm, image
        Names.
    participant
        Name, or empty where the drop is a mean over participants.
    """

    impact: np.ndarray
    drop: np.ndarray
    arm: np.ndarray
    image: np.ndarray
    participant: np.ndarray

    def of(self, arm: str | None) -> Drops:
        """Return those of one arm; all of them for None."""
        if arm is None:
            return self
        rows = self.arm == arm
        return Drops(*(getattr(self, name)[rows] for name in vars(self)))


def arm_drops_by_image(
    arms: pd.DataFrame, stimuli: pd.DataFrame, *, column: str = "predicted_impact"
) -> list[ArmPrediction]:
    """Return impact and mean drop of each degraded arm of each image; none without intact ones.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns.
    stimuli
        The table of stimuli.
    column
        Of the table: what is predicted.
    """
    impact = stimuli.groupby(["scene", "region"])[column].mean()
    rows = []
    for arm in _degraded(arms):
        seen = observed_difference(arms, INTACT, arm)
        rows += [
            ArmPrediction(
                image=image, arm=arm, predicted=float(impact[image, arm]), drop=float(drop)
            )
            for image, drop in zip(seen.images, seen.mean, strict=True)
        ]
    return rows


def drops(arms: pd.DataFrame, means: Sequence[ArmPrediction]) -> Drops:
    """Return the drop of every participant, or the means where too few rated both.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns.
    means
        What `arm_drops_by_image` returns.
    """
    impact = {(row.arm, row.image): row.predicted for row in means}
    parts = []
    for arm in dict.fromkeys(row.arm for row in means):
        table = differences(arms, INTACT, arm)
        here = np.isfinite(table.values)
        columns = [k for k, image in enumerate(table.images) if (arm, image) in impact]
        if not columns or here[:, columns].sum(axis=0).min() < LEAST_RATINGS:
            return _of_means(means)
        for p, k in np.argwhere(here):
            key = arm, table.images[k]
            parts.append((impact[key], table.values[p, k], *key, table.participants[p]))
    return _arrays(parts)


def _of_means(means: Sequence[ArmPrediction]) -> Drops:
    return _arrays([(row.predicted, row.drop, row.arm, row.image, "") for row in means])


def _arrays(rows: Sequence[tuple[float, float, str, str, str]]) -> Drops:
    impact, drop, arm, image, participant = zip(*rows, strict=True)
    names = (np.array(column, dtype=object) for column in (arm, image, participant))
    return Drops(np.array(impact, float), np.array(drop, float), *names)


def _degraded(arms: pd.DataFrame) -> list[str]:
    present = set(arms["region"])
    return sorted(present - {INTACT}) if INTACT in present else []
