"""How alike the arms of a stimulus set are: what was matched, and what was left over.

Two regions can be equal in error and still differ in structural similarity, chroma
or strength. The table has one row a scene, degradation and pair of arms, and every
covariate and outcome as a relative difference, so that a reader sees at once what
else might explain a difference in ratings.
"""

from __future__ import annotations

from collections.abc import Iterable

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
