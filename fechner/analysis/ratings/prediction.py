"""Whether the predicted harm tracks the observed harm, image by image.

The second half of the claim. Images are the unit, since a new study draws new images; models
of single trials or of participants alone find tracking in half of all null worlds. For image i

    predicted_i = impact(high) - impact(low)          (importance-weighted squared error)
    observed_i  = mean over participants of rating(low) - rating(high)

Both sides are also given per arm against the intact image. A perfect prediction cannot
correlate above the root of the reliability of the observed means, hence the disattenuated
correlation, which is not formed below a reliability of 0.3. Correlation alone also succeeds
where only the centre of images matters: `correlation.shuffled_maps` therefore repeats the
prediction with whole maps of other images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict
from scipy import stats

from fechner.analysis.ratings.correlation import (
    LEAST_RELIABILITY,
    Correlation,
    correlate,
    disattenuated,
    partial,
    reliability,
    shuffled_maps,
)
from fechner.analysis.ratings.matrices import (
    Differences,
    differences,
    rated_arms,
    require_columns,
)
from fechner.errors import InputError
from fechner.provenance import provenance, read_json, write_json

LEAST_IMAGES = 4


class ImagePrediction(BaseModel):
    """Predicted impact (squared grey levels) and observed difference (points) of one image."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    predicted: float
    observed: float
    observed_error: float
    rival_centre: float | None


class ArmPrediction(BaseModel):
    """Predicted impact of one stimulus, and how many points below intact it was rated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    arm: str
    predicted: float
    drop: float


class Prediction(BaseModel):
    """Predicted against observed harm.

    ``disattenuated`` is Pearson's r over the root of ``reliability``, its interval from a
    bootstrap of images; null below a reliability of 0.3. ``rival_centre`` is the same
    correlation for errors weighted by the distance from the centre instead of the map, and
    ``beyond_centre`` the partial correlation of the map's prediction given that rival.
    ``shuffled`` are the correlations when whole maps are dealt to other images, and
    ``shuffled_p`` the share of them at least as large as the real one (null when not done).
    ``by_arm`` correlates, over images, the predicted impact of one arm with its drop from intact.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: str
    low: str
    high: str
    n_images: int
    n_participants: int
    pearson: Correlation
    spearman: Correlation
    reliability: float
    disattenuated: float | None
    disattenuated_interval: tuple[float, float] | None
    rival_centre: Correlation | None
    beyond_centre: Correlation | None
    shuffled: list[float]
    shuffled_p: float | None
    images: list[ImagePrediction]
    arms: list[ArmPrediction]
    by_arm: dict[str, Correlation] = {}
    sentence: str
    warnings: list[str]
    simulated: bool
    provenance: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write the prediction as JSON."""
        write_json(path, self.model_dump(mode="json"))


def read_prediction(path: Path) -> Prediction:
    """Read what `Prediction.write` wrote.

    Raises
    ------
    InputError
        If the file is missing or is no prediction.
    """
    try:
        return Prediction.model_validate(read_json(path))
    except ValueError as error:
        raise InputError(
            f"{path} is not a prediction of this version; redo the statistics"
        ) from error


def predicted_against_observed(
    ratings: pd.DataFrame,
    stimuli: pd.DataFrame,
    *,
    low: str = "low",
    high: str = "high",
    intact: str = "intact",
    dimension: str | None = None,
    good: str = "high",
    excluded: Sequence[str] = (),
    cross: np.ndarray | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    simulated: bool = False,
    inputs: Mapping[str, str] | None = None,
) -> Prediction:
    """Compare predicted with observed harm over images.

    Parameters
    ----------
    ratings, stimuli
        As for the claim; `stimuli` with the column predicted_impact, optionally centre_error.
    excluded
        Participants that screening left out.
    cross
        float (n_images, n_images): ``cross[i, j]`` is the prediction for image i when the map
        of image j weighs its errors, images in alphabetical order; see
        `correlation.cross_predictions`.

    Raises
    ------
    InputError
        If a column or an arm is missing, or fewer than four images have both arms.
    """
    require_columns(stimuli, ("predicted_impact",), table="stimuli")
    kept = ratings[~ratings["participant"].astype(str).isin(set(excluded))]
    arms = rated_arms(kept, stimuli, dimension=dimension, good=good)
    table = differences(arms, low, high)
    predicted = _difference_of(stimuli, "predicted_impact", high, low, table.images)
    observed = np.nanmean(table.values, axis=0)
    _check(predicted, observed, table)
    reliable = reliability(table.values)
    rng = np.random.default_rng(seed)
    centre = _centre(stimuli, high, low, table.images)
    shuffled = shuffled_maps(cross, observed, rng=rng) if cross is not None else np.empty(0)
    arm_rows = _arm_rows(arms, stimuli, intact)
    pearson, spearman = correlate(predicted, observed), correlate(predicted, observed, ranks=True)
    corrected, interval = disattenuated(
        table.values, predicted, level=level, resamples=resamples, rng=rng
    )
    return Prediction(
        dimension=str(arms["dimension"].iloc[0]), low=low, high=high,
        n_images=len(observed), n_participants=len(table.participants),
        pearson=pearson, spearman=spearman, reliability=reliable,
        disattenuated=corrected, disattenuated_interval=interval,
        rival_centre=None if centre is None else correlate(centre, observed),
        beyond_centre=None if centre is None else partial(predicted, observed, centre),
        shuffled=shuffled.tolist(), shuffled_p=_share_as_large(shuffled, pearson.r),
        images=_image_rows(table, predicted, observed, centre),
        arms=arm_rows,
        by_arm=_by_arm(arm_rows),
        sentence=_sentence(pearson, reliable, corrected, len(observed)),
        warnings=_warnings(len(observed), reliable, cross, pearson, shuffled),
        simulated=simulated,
        provenance=provenance(
            parameters={"low": low, "high": high, "good": good, "resamples": resamples,
                        "excluded": list(excluded), "level": level},
            inputs=inputs, seed=seed, simulated=simulated,
        ),
    )  # fmt: skip


def _difference_of(
    stimuli: pd.DataFrame, column: str, first: str, second: str, images: Sequence[str]
) -> np.ndarray:
    """Return the mean of `column` in `first` minus that in `second`, per image (n_images,)."""
    means = stimuli.assign(scene=stimuli["scene"].astype(str))
    means = means.groupby(["scene", "region"])[column].mean().unstack()
    return (means[first] - means[second]).reindex(list(images)).to_numpy(float)


def _centre(
    stimuli: pd.DataFrame, first: str, second: str, images: Sequence[str]
) -> np.ndarray | None:
    if "centre_error" not in stimuli.columns:
        return None
    values = _difference_of(stimuli, "centre_error", first, second, images)
    return values if np.isfinite(values).all() and np.ptp(values) > 1e-9 else None


def _check(predicted: np.ndarray, observed: np.ndarray, table: Differences) -> None:
    if len(observed) < LEAST_IMAGES or len(table.participants) < 2:
        raise InputError(
            f"predicted against observed needs {LEAST_IMAGES} images and 2 participants or more "
            f"with both arms, got {len(observed)} and {len(table.participants)}"
        )
    if not np.isfinite(predicted).all():
        image = table.images[int(np.flatnonzero(~np.isfinite(predicted))[0])]
        raise InputError(f"no predicted_impact for image {image!r}; rebuild the stimuli")


def _image_rows(
    table: Differences, predicted: np.ndarray, observed: np.ndarray, centre: np.ndarray | None
) -> list[ImagePrediction]:
    n = np.isfinite(table.values).sum(axis=0)
    squares = np.nansum((table.values - observed) ** 2, axis=0)
    error = np.sqrt(squares / np.maximum(n - 1, 1) / n)
    return [
        ImagePrediction(
            image=image, predicted=predicted[k], observed=observed[k], observed_error=error[k],
            rival_centre=None if centre is None else centre[k],
        )
        for k, image in enumerate(table.images)
    ]  # fmt: skip


def _arm_rows(arms: pd.DataFrame, stimuli: pd.DataFrame, intact: str) -> list[ArmPrediction]:
    """Return impact and drop of each degraded arm; without intact ratings there is no drop."""
    present = set(arms["region"])
    if intact not in present:
        return []
    rows = []
    named = stimuli.assign(scene=stimuli["scene"].astype(str))
    impact = named.groupby(["scene", "region"])["predicted_impact"].mean()
    for arm in sorted(present - {intact}):
        table = differences(arms, intact, arm)
        drops = np.nanmean(table.values, axis=0)
        for image, drop in zip(table.images, drops, strict=True):
            predicted = float(impact[image, arm])
            rows.append(ArmPrediction(image=image, arm=arm, predicted=predicted, drop=float(drop)))
    return rows


def _by_arm(rows: Sequence[ArmPrediction]) -> dict[str, Correlation]:
    found = {}
    for arm in dict.fromkeys(row.arm for row in rows):
        pairs = np.array([(row.predicted, row.drop) for row in rows if row.arm == arm])
        if len(pairs) >= LEAST_IMAGES:
            found[arm] = correlate(pairs[:, 0], pairs[:, 1])
    return found


def _share_as_large(shuffled: np.ndarray, r: float) -> float | None:
    if not len(shuffled):
        return None
    return float((1 + (shuffled >= r).sum()) / (1 + len(shuffled)))


def _sentence(pearson: Correlation, reliability: float, corrected: float | None, n: int) -> str:
    tracks = "tracks" if pearson.p < 0.05 and pearson.r > 0 else "does not demonstrably track"
    beyond = (
        f"the observed means are too unreliable ({reliability:.2f}) to correct for noise"
        if corrected is None
        else f"{corrected:.2f} corrected for a reliability of {reliability:.2f}"
    )
    gap = "\N{NO-BREAK SPACE}"
    return (
        f"The predicted harm {tracks} the observed harm over {n} images: "
        f"r{gap}={gap}{pearson.r:.2f} (p{gap}={gap}{pearson.p:.3f}), {beyond}."
    )


def _warnings(
    n: int, reliability: float, cross: np.ndarray | None, pearson: Correlation, shuffled: np.ndarray
) -> list[str]:
    said = []
    if n < 20:
        said.append(f"Only {n} images: a correlation below {_least(n):.2f} cannot be told from 0.")
    if reliability < LEAST_RELIABILITY:
        said.append(f"The observed differences have a reliability of only {reliability:.2f}.")
    if cross is None:
        said.append("Whole maps were not shuffled, so that a centre bias is not ruled out.")
    elif pearson.r > 0 and (_share_as_large(shuffled, pearson.r) or 0) > 0.05:
        said.append("Maps of other images predict the harm about as well as the image's own.")
    return said


def _least(n: int) -> float:
    t = stats.t.ppf(0.975, n - 2)
    return float(t / np.sqrt(n - 2 + t**2))
