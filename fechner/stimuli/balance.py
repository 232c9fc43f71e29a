"""How alike the arms of a stimulus set are: what was matched, and what was left over.

Two regions can be equal in error and still differ in structural similarity, chroma
or strength. The table has one row a scene, degradation and pair of arms, and every
covariate and outcome as a relative difference, so that a reader sees at once what
else might explain a difference in ratings.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from fechner.records.stimuli import (
    COVARIATE,
    INTACT,
    LAYER_DISTANCE,
    Stimulus,
    StimulusSet,
)

PAIRS = (("high", "low"), ("high", "donor"))
"""The pairs of arms that are compared: the claim, and its control."""

OUTCOMES = ("mse", "ssim_loss", "bytes", "mask_area", "strength")
"""What else of the two pictures is compared, beside the covariates."""

IMPORTANCE = ("predicted_impact", LAYER_DISTANCE, "centre_error", "cov_importance")
"""What is meant to differ (or is reported as a rival), by columns of the table, where there."""


def balance_table(found: StimulusSet) -> pd.DataFrame:
    """Return the relative differences between arms, one row a scene, degradation and pair.

    A difference is ``(first - second) / mean(first, second)``; 0.02 is 2 %. Columns:
    scene, family, level, first, second, the names in `OUTCOMES` and `IMPORTANCE`, and
    every covariate as ``cov_NAME``.
    """
    return pd.DataFrame([row for scene in found.scenes for row in _rows(found, scene)])


def _rows(found: StimulusSet, scene: str) -> Iterable[dict[str, object]]:
    arms: dict[tuple[str, int], dict[str, Stimulus]] = {}
    for stimulus in found.stimuli:
        if stimulus.scene == scene and stimulus.region != INTACT:
            arms.setdefault((stimulus.family, stimulus.level), {})[stimulus.region] = stimulus
    for (family, level), there in arms.items():
        for first, second in PAIRS:
            if first in there and second in there:
                start = {"scene": scene, "family": family, "level": level}
                names = {"first": first, "second": second}
                yield {**start, **names, **_differences(there[first], there[second])}


def _differences(first: Stimulus, second: Stimulus) -> dict[str, float]:
    one, other = _figures(first), _figures(second)
    return {name: _relative(one[name], other[name]) for name in one}


def _figures(stimulus: Stimulus) -> dict[str, float]:
    figures = {name: getattr(stimulus, name) for name in OUTCOMES if name != "ssim_loss"}
    figures["ssim_loss"] = 1 - stimulus.ssim
    for name in IMPORTANCE[:3]:
        if getattr(stimulus, name) is not None:
            figures[name] = getattr(stimulus, name)
    return figures | {COVARIATE + name: value for name, value in stimulus.covariates.items()}


def _relative(one: float, other: float) -> float:
    middle = (one + other) / 2
    return (one - other) / middle if middle else 0.0


def balance_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return mean and largest absolute difference of each column, for each pair of arms.

    Index: what is compared; columns: (pair, ``mean`` or ``largest``).
    """
    figures = [name for name in table.columns if table[name].dtype.kind == "f"]
    parts = {}
    for pair, rows in table.groupby(["first", "second"], sort=False):
        label = " - ".join(str(arm) for arm in pair)
        parts[label, "mean"] = rows[figures].mean()
        parts[label, "largest"] = rows[figures].abs().max()
    return pd.DataFrame(parts)


OUT_OF_BALANCE = 0.1
"""Standardised differences beyond this are called out of balance (Austin 2009)."""


def standardised_differences(
    found: StimulusSet, first: str = "high", second: str = "low", *, level: float = 0.95
) -> pd.DataFrame:
    """Return how far two arms lie apart in every covariate, in standard deviations over scenes.

    ``d = mean(first - second) / sqrt((SD_first^2 + SD_second^2) / 2)`` (Austin 2009, Statistics in
    Medicine 28), with the t interval of the paired mean over the same standard deviation.

    Parameters
    ----------
    found
        The set.
    first, second
        Regions.
    level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a covariate: ``covariate, d, low, high, scenes, matched`` (whether the set says
        that it was matched). Empty where fewer than three scenes have both arms.
    """
    from scipy.stats import t

    region = {arm: _means_of(found, arm) for arm in (first, second)}
    scenes = [scene for scene in region[first].index if scene in region[second].index]
    if len(scenes) < 3:
        return pd.DataFrame(columns=["covariate", "d", "low", "high", "scenes", "matched"])
    one, other = (region[arm].loc[scenes] for arm in (first, second))
    spread = np.sqrt((one.var() + other.var()) / 2)
    differences, n = one - other, len(scenes)
    half = t.ppf((1 + level) / 2, n - 1) * differences.std() / np.sqrt(n)
    design = found.record.get("provenance", {}).get("parameters", {})
    matched = set(design.get("regions", {}).get("match", ()))
    table = pd.DataFrame(
        {
            "covariate": one.columns,
            "d": (differences.mean() / spread).to_numpy(),
            "low": ((differences.mean() - half) / spread).to_numpy(),
            "high": ((differences.mean() + half) / spread).to_numpy(),
            "scenes": n,
            "matched": [name in matched for name in one.columns],
        }
    )
    return table.dropna().reset_index(drop=True)


def _means_of(found: StimulusSet, arm: str) -> pd.DataFrame:
    """Return an arm's covariates, one row a scene: the mean over families and levels."""
    rows = [{"scene": one.scene, **one.covariates} for one in found.stimuli if one.region == arm]
    return pd.DataFrame(rows).groupby("scene").mean() if rows else pd.DataFrame()
