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

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.correlation import (
    LEAST_RELIABILITY,
    correlate,
    disattenuated,
    partial,
    shuffled_maps,
)
from fechner.analysis.ratings.matrices import rated_arms
from fechner.analysis.ratings.observed import Observed, observed_difference
from fechner.errors import InputError
from fechner.provenance import provenance
from fechner.records.cells import require_columns
from fechner.records.prediction import ArmPrediction, Correlation, ImagePrediction, Prediction
from fechner.records.ratings import Ratings
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable

LEAST_IMAGES = 4


def predicted_against_observed(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    low: str = "low",
    high: str = "high",
    dimension: str | None = None,
    excluded: Sequence[str] = (),
    cross: np.ndarray | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Prediction:
    """Compare predicted with observed harm over images.

    Parameters
    ----------
    ratings
        As for the claim.
    stimuli
        As for the claim, with the column predicted_impact, optionally centre_error.
    low, high
        Names of the regions.
    dimension
        Which ratings; may be left out where there is only one.
    excluded
        Participants that screening left out.
    cross
        float (n_images, n_images): ``cross[i, j]`` is the prediction for image i when the map
        of image j weighs its errors, images in alphabetical order; see
        `other_maps.predictions_with_other_maps`.
    level
        Of the interval of the disattenuated correlation.
    resamples
        Draws of the bootstrap over images.
    seed
        Of the bootstrap and of the shuffled maps.

    Returns
    -------
    Prediction
        Correlations, controls, and the values of every image.

    Raises
    ------
    InputError
        If the scale, a column or an arm is missing, or fewer than four images have both arms.
    """
    table = stimuli.table
    require_columns(table, ("predicted_impact",), "the table of stimuli")
    arms = rated_arms(ratings, stimuli, dimension=dimension, excluded=excluded)
    seen = observed_difference(arms, low, high)
    predicted = _difference_of(table, "predicted_impact", high, low, seen.images)
    _check(predicted, seen)
    observed, reliable = seen.mean, seen.reliability()
    rng = np.random.default_rng(seed)
    centre = _centre(table, high, low, seen.images)
    shuffled = _shuffled(cross, table, seen, rng)
    arm_rows = _arm_rows(arms, table)
    chosen, simulated = str(arms["dimension"].iloc[0]), ratings.simulated or stimuli.simulated
    pearson, spearman = correlate(predicted, observed), correlate(predicted, observed, ranks=True)
    corrected, interval = disattenuated(
        predicted, observed, seen.reliability, level=level, resamples=resamples, rng=rng
    )
    return Prediction(
        dimension=chosen, low=low, high=high,
        n_images=len(observed), n_participants=seen.n_participants,
        pearson=pearson, spearman=spearman, reliability=reliable,
        disattenuated=corrected, disattenuated_interval=interval,
        rival_centre=None if centre is None else correlate(centre, observed),
        beyond_centre=None if centre is None else partial(predicted, observed, centre),
        shuffled=shuffled.tolist(), shuffled_p=_share_as_large(shuffled, pearson.r),
        images=_image_rows(seen, predicted, centre),
        arms=arm_rows,
        by_arm=_by_arm(arm_rows),
        sentence=_sentence(pearson, reliable, corrected, len(observed)),
        warnings=_warnings(len(observed), reliable, cross, pearson, shuffled),
        simulated=simulated,
        provenance=provenance(
            parameters={"low": low, "high": high, "good": ratings.scale(chosen).good,
                        "resamples": resamples, "excluded": list(excluded), "level": level},
            inputs={"ratings": ratings.sha256, "stimuli": stimuli.sha256},
            seed=seed, simulated=simulated,
        ),
    )  # fmt: skip


def _difference_of(
    stimuli: pd.DataFrame, column: str, first: str, second: str, images: Sequence[str]
) -> np.ndarray:
    """Return the mean of `column` in `first` minus that in `second`, per image (n_images,)."""
    means = stimuli.groupby(["scene", "region"])[column].mean().unstack()
    return (means[first] - means[second]).reindex(list(images)).to_numpy(float)


def _centre(
    stimuli: pd.DataFrame, first: str, second: str, images: Sequence[str]
) -> np.ndarray | None:
    if "centre_error" not in stimuli.columns:
        return None
    values = _difference_of(stimuli, "centre_error", first, second, images)
    return values if np.isfinite(values).all() and np.ptp(values) > 1e-9 else None


def _check(predicted: np.ndarray, seen: Observed) -> None:
    if len(seen.images) < LEAST_IMAGES or seen.n_participants < 2:
        raise InputError(
            f"predicted against observed needs {LEAST_IMAGES} images and 2 participants or more "
            f"with both arms, got {len(seen.images)} and {seen.n_participants}"
        )
    if not np.isfinite(predicted).all():
        image = seen.images[int(np.flatnonzero(~np.isfinite(predicted))[0])]
        raise InputError(f"no predicted_impact for image {image!r}; rebuild the stimuli")


def _shuffled(
    cross: np.ndarray | None, stimuli: pd.DataFrame, seen: Observed, rng: np.random.Generator
) -> np.ndarray:
    """Return the correlations under shuffled maps, for the images that were rated in both arms."""
    if cross is None:
        return np.empty(0)
    names = sorted(stimuli["scene"].unique())
    if np.shape(cross) != (len(names), len(names)):
        raise InputError(
            f"cross predictions expect shape {(len(names), len(names))}, got {np.shape(cross)}"
        )
    rated = [names.index(image) for image in seen.images]
    return shuffled_maps(np.asarray(cross)[np.ix_(rated, rated)], seen.mean, rng=rng)


def _image_rows(
    seen: Observed, predicted: np.ndarray, centre: np.ndarray | None
) -> list[ImagePrediction]:
    return [
        ImagePrediction(
            image=image,
            predicted=predicted[k],
            observed=seen.mean[k],
            observed_error=seen.error[k],
            rival_centre=None if centre is None else centre[k],
        )
        for k, image in enumerate(seen.images)
    ]


def _arm_rows(arms: pd.DataFrame, stimuli: pd.DataFrame) -> list[ArmPrediction]:
    """Return impact and drop of each degraded arm; without intact ratings there is no drop."""
    present = set(arms["region"])
    if INTACT not in present:
        return []
    rows = []
    impact = stimuli.groupby(["scene", "region"])["predicted_impact"].mean()
    for arm in sorted(present - {INTACT}):
        seen = observed_difference(arms, INTACT, arm)
        for image, drop in zip(seen.images, seen.mean, strict=True):
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
