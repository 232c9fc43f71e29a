"""Whether the predicted harm tracks the observed harm, image by image.

The second half of the claim: with the map, and beside it without one, by the distance from the
intact image within a network. Images are the unit, since a new study draws new images; models
of single trials or of participants alone find tracking in half of all null worlds. For image i

    predicted_i = impact(high) - impact(low)          (importance-weighted squared error)
    observed_i  = mean over participants of rating(low) - rating(high)

Both sides are also given per arm against the intact image. A perfect prediction cannot
correlate above the root of the reliability of the observed means, hence the disattenuated
correlation, which is not formed below a reliability of 0.3. Correlation alone also succeeds
where only the centre of images matters: `correlation.shuffled_maps` therefore repeats the
prediction with whole maps of other images, and `comparing` sets other predictions beside it.
How many points a predicted impact costs is `calibration`.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.correlation import (
    LEAST_RELIABILITY,
    correlate,
    disattenuated,
    shuffled_maps,
)
from fechner.analysis.ratings.matrices import rated_arms
from fechner.analysis.ratings.observed import Observed, observed_difference
from fechner.analysis.ratings.prediction.calibration import bend, calibration_line
from fechner.analysis.ratings.prediction.comparing import beyond_all, compared
from fechner.analysis.ratings.prediction.drops import arm_drops_by_image, drops
from fechner.analysis.ratings.prediction.rivals import (
    DISTANCE,
    RivalPrediction,
    rivals_in_table,
)
from fechner.errors import InputError
from fechner.provenance import provenance
from fechner.records.cells import require_columns
from fechner.records.prediction import (
    ArmPrediction,
    Bend,
    CalibrationLine,
    Correlation,
    FrozenPrediction,
    ImagePrediction,
    Prediction,
)
from fechner.records.ratings import Ratings
from fechner.records.stimuli import LAYER_DISTANCE, StimulusSet, StimulusTable

LEAST_IMAGES = 4

PREDICTIONS = {
    "predicted_impact": ("map-weighted error", "squared error weighted by the importance map"),
    LAYER_DISTANCE: (DISTANCE, "distance from the intact picture within a network, without a map"),
}
"""What every stimulus carries before anybody has rated it: column, name, and how it is made."""


def predicted_against_observed(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable,
    *,
    low: str = "low",
    high: str = "high",
    dimension: str | None = None,
    excluded: Sequence[str] = (),
    cross: np.ndarray | None = None,
    rivals: Sequence[RivalPrediction] = (),
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
        As for the claim, with the column predicted_impact; centre_error, mse and ssim become
        rivals where they are there.
    low, high
        Names of the regions.
    dimension
        Which ratings; may be left out where there is only one.
    excluded
        Participants that screening left out.
    cross
        float (n_images, n_images): ``cross[i, j]`` is the prediction for image i when the map
        of image j weighs its errors, images in alphabetical order; see
        `rivals.pixel_predictions`, which gives rivals too.
    rivals
        Other predictions to set beside that of the map.
    level
        Of every interval.
    resamples
        Draws of the bootstrap over images.
    seed
        Of the bootstrap and of the shuffled maps.

    Returns
    -------
    Prediction
        Correlations, controls, rivals, calibration, and the values of every image.

    Raises
    ------
    InputError
        If the scale, a column or an arm is missing, fewer than four images have both arms, or a
        rival lacks an image.

    Examples
    --------
    Eight people rate six images whose harm is what was predicted, but for noise:

    >>> import pandas as pd
    >>> from fechner.records.ratings import ratings_from_table
    >>> from fechner.records.scales import Scale
    >>> rng = np.random.default_rng(1)
    >>> rows = [(f"{scene}_{arm}", scene, arm, impact + rng.uniform(0, 20))
    ...         for scene in "abcdef" for arm, impact in (("low", 5), ("high", 20))]
    >>> stimuli = pd.DataFrame(rows, columns=["stimulus", "scene", "region", "predicted_impact"])
    >>> people = pd.DataFrame({"participant": [f"P{k}" for k in range(8)]})
    >>> table = people.merge(stimuli, how="cross").rename(columns={"stimulus": "image"})
    >>> table["rating"] = 90 - 2 * table["predicted_impact"] + rng.normal(0, 5, len(table))
    >>> ratings = ratings_from_table(
    ...     table.assign(dimension="quality"), scales={"quality": Scale(0, 100)}, simulated=True
    ... )
    >>> found = predicted_against_observed(ratings, StimulusTable(stimuli), resamples=100)
    >>> found.pearson.r > 0.9, found.pearson.df
    (True, 4)
    """
    table = stimuli.table
    require_columns(table, ("predicted_impact",), "the table of stimuli")
    arms = rated_arms(ratings, stimuli, dimension=dimension, excluded=excluded)
    seen = observed_difference(arms, low, high)
    predicted = _difference_of(table, "predicted_impact", high, low, seen.images)
    _check(predicted, seen)
    observed, reliable = seen.mean, seen.reliability()
    rng = np.random.default_rng(seed)
    shuffled = _shuffled(cross, table, seen, rng)
    pearson = correlate(predicted, observed, level=level)
    corrected, interval = disattenuated(
        predicted, observed, seen.reliability, level=level, resamples=resamples, rng=rng
    )
    named = [*rivals_in_table(table, low=low, high=high), *rivals]
    beside, values = compared(predicted, observed, named, seen.images, level=level)
    arm_rows = arm_drops_by_image(arms, table)
    lines, bent = _calibrated(arms, arm_rows, level, resamples, rng)
    tested = [
        _tested(column, arms, table, seen, (low, high), level, resamples, seed)
        for column in PREDICTIONS
        if _tells_apart(table, column, (low, high), seen)
    ]
    chosen, simulated = str(arms["dimension"].iloc[0]), ratings.simulated or stimuli.simulated
    return Prediction(
        dimension=chosen, low=low, high=high, level=level,
        n_images=len(observed), n_participants=seen.n_participants,
        pearson=pearson, spearman=correlate(predicted, observed, ranks=True, level=level),
        reliability=reliable, disattenuated=corrected, disattenuated_interval=interval,
        tested=tested,
        rivals=beside,
        beyond_all=beyond_all(predicted, observed, beside, values, level=level),
        shuffled=shuffled.tolist(), shuffled_p=_share_as_large(shuffled, pearson.r),
        images=_image_rows(seen, predicted, values),
        arms=arm_rows,
        by_arm=_by_arm(arm_rows, level),
        calibration=lines, bend=bent,
        sentence=_sentence(pearson, reliable, corrected, len(observed)),
        warnings=_warnings(len(observed), reliable, cross, pearson, shuffled, corrected),
        simulated=simulated,
        software=_software(),
        provenance=provenance(
            parameters={"low": low, "high": high, "good": ratings.scale(chosen).good,
                        "resamples": resamples, "excluded": list(excluded), "level": level},
            inputs={"ratings": ratings.sha256, "stimuli": stimuli.sha256},
            seed=seed, simulated=simulated,
        ),
    )  # fmt: skip


def _tells_apart(table: pd.DataFrame, column: str, ends: tuple[str, str], seen: Observed) -> bool:
    """Return whether a column is there and predicts, for every image, not always the same."""
    if column not in table.columns:
        return False
    predicted = _difference_of(table, column, ends[1], ends[0], seen.images)
    return bool(np.isfinite(predicted).all() and np.ptp(predicted) > 0)


def _tested(
    column: str,
    arms: pd.DataFrame,
    table: pd.DataFrame,
    seen: Observed,
    ends: tuple[str, str],
    level: float,
    resamples: int,
    seed: int,
) -> FrozenPrediction:
    """Return one prediction of the stimuli against what was observed."""
    predicted = _difference_of(table, column, ends[1], ends[0], seen.images)
    corrected, interval = disattenuated(
        predicted,
        seen.mean,
        seen.reliability,
        level=level,
        resamples=resamples,
        # Both predictions are judged on the same draws of images.
        rng=np.random.default_rng(seed),
    )
    name, about = PREDICTIONS[column]
    return FrozenPrediction(
        name=name,
        about=about,
        pearson=correlate(predicted, seen.mean, level=level),
        spearman=correlate(predicted, seen.mean, ranks=True, level=level),
        disattenuated=corrected,
        disattenuated_interval=interval,
        by_arm=_by_arm(arm_drops_by_image(arms, table, column=column), level),
    )


def _software() -> dict[str, str]:
    """Return what computes, with its version: Python and the libraries behind the statistics."""
    named = {name: version(name) for name in ("numpy", "scipy", "pandas", "statsmodels")}
    return {"Python": platform.python_version(), **named}


def _difference_of(
    stimuli: pd.DataFrame, column: str, first: str, second: str, images: Sequence[str]
) -> np.ndarray:
    """Return the mean of `column` in `first` minus that in `second`, per image (n_images,)."""
    means = stimuli.groupby(["scene", "region"])[column].mean().unstack()
    return (means[first] - means[second]).reindex(list(images)).to_numpy(float)


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
    seen: Observed, predicted: np.ndarray, rivals: dict[str, np.ndarray]
) -> list[ImagePrediction]:
    return [
        ImagePrediction(
            image=image,
            predicted=predicted[k],
            observed=seen.mean[k],
            observed_error=seen.error[k],
            rivals={name: float(values[k]) for name, values in rivals.items()},
        )
        for k, image in enumerate(seen.images)
    ]


def _by_arm(rows: Sequence[ArmPrediction], level: float) -> dict[str, Correlation]:
    found = {}
    for arm in dict.fromkeys(row.arm for row in rows):
        pairs = np.array([(row.predicted, row.drop) for row in rows if row.arm == arm])
        if len(pairs) >= LEAST_IMAGES:
            found[arm] = correlate(pairs[:, 0], pairs[:, 1], level=level)
    return found


def _calibrated(
    arms: pd.DataFrame,
    rows: Sequence[ArmPrediction],
    level: float,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[list[CalibrationLine], Bend | None]:
    """Return the line of all arms together and of each, and whether all together bend."""
    if not rows:
        return [], None
    found = drops(arms, rows)
    names = [None, *dict.fromkeys(row.arm for row in rows)]
    lines = [calibration_line(found, arm=name, level=level) for name in names]
    bent = bend(found, level=level, resamples=resamples, rng=rng)
    return [line for line in lines if line is not None], bent


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
    n: int,
    reliability: float,
    cross: np.ndarray | None,
    pearson: Correlation,
    shuffled: np.ndarray,
    corrected: float | None,
) -> list[str]:
    said = []
    if n < 20:
        said.append(f"Only {n} images: a correlation below {_least(n):.2f} cannot be told from 0.")
    if reliability < LEAST_RELIABILITY:
        said.append(f"The observed differences have a reliability of only {reliability:.2f}.")
    if corrected is not None and abs(corrected) >= 1:
        said.append(
            "Corrected for reliability, the correlation came out beyond 1 and is held there: the "
            "prediction leaves nothing to explain but noise, or the reliability is underestimated."
        )
    if cross is None:
        said.append("Whole maps were not shuffled, so that a centre bias is not ruled out.")
    elif pearson.r > 0 and (_share_as_large(shuffled, pearson.r) or 0) > 0.05:
        said.append("Maps of other images predict the harm about as well as the image's own.")
    return said


def _least(n: int) -> float:
    t = stats.t.ppf(0.975, n - 2)
    return float(t / np.sqrt(n - 2 + t**2))
