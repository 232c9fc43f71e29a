"""Predicted against observed harm as a record: what the statistics write and the report reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from fechner.errors import InputError
from fechner.provenance import read_json, write_json

MATCHED = 0.05
"""Spread of a rival's differences below which the arms count as matched in it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Correlation(_Part):
    """A correlation over images: two-sided p value from t(df), interval within -1 to 1.

    The interval is all of -1 to 1 where too few images are left to tell.
    """

    r: float
    p: float
    df: int
    low: float
    high: float


class Rival(_Part):
    """Another prediction of the same harm, beside that of the map.

    Attributes
    ----------
    name, about
        What it is called, and how it is made.
    correlation
        Of the rival's predictions with what was observed.
    difference, difference_low, difference_high
        The map's correlation minus the rival's, and its interval, in [-2, 2].
    with_map
        Correlation of the two predictions.
    beyond
        Partial correlation of the map's prediction with the observed harm, the rival's held
        constant; null with too few images.
    spread
        SD of the rival's differences between the arms over its mean: near 0 where the arms were
        matched in it, so that it had nothing to predict with.
    """

    name: str
    about: str
    correlation: Correlation
    difference: float
    difference_low: float
    difference_high: float
    with_map: float
    beyond: Correlation | None
    spread: float

    @property
    def matched(self) -> bool:
        """Whether the arms were matched in it, so that it could not tell them apart."""
        return self.spread < MATCHED


class FrozenPrediction(_Part):
    """One of the two predictions that every stimulus carries, against the observed harm.

    Attributes
    ----------
    name, about
        What it is called, and how it is made.
    pearson, spearman
        Over images, of predicted and observed high - low.
    disattenuated, disattenuated_interval
        Pearson's r over the root of the reliability; null below a reliability of 0.3.
    by_arm
        Over images, of the prediction for one arm and its drop from intact.
    """

    name: str
    about: str
    pearson: Correlation
    spearman: Correlation
    disattenuated: float | None
    disattenuated_interval: tuple[float, float] | None
    by_arm: dict[str, Correlation]


class ImagePrediction(_Part):
    """Predicted impact (squared grey levels) and observed difference (points) of one image.

    ``rivals`` holds what each rival predicts, in its own unit.
    """

    image: str
    predicted: float
    observed: float
    observed_error: float
    rivals: dict[str, float]


class ArmPrediction(_Part):
    """Predicted impact of one stimulus, and how many points below intact it was rated."""

    image: str
    arm: str
    predicted: float
    drop: float


class CalibrationLine(_Part):
    """Drop below intact as a line of the predicted impact: ``drop = intercept + slope * impact``.

    ``arm`` is null for all arms together. The slope is in points a squared grey level, the
    intercept in points.
    """

    arm: str | None
    n_images: int
    n_participants: int
    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float
    df: int
    p: float


class BendPlace(_Part):
    """Impact at which a line that then stays level fits best, and the interval of this place."""

    at: float
    low: float
    high: float


class Bend(_Part):
    """Whether harm stops growing with the predicted impact, over all arms together.

    Attributes
    ----------
    median
        Impact that half of the degraded images lie below, squared grey levels.
    below, above
        Slope of the drop below and above the median, points a squared grey level.
    change, change_low, change_high, p
        Their difference, its interval, and its two-sided p.
    saturates
        The whole interval of the change lies below 0.
    place
        Where it bends; null unless it saturates.
    """

    median: float
    below: float
    above: float
    change: float
    change_low: float
    change_high: float
    p: float
    df: int
    saturates: bool
    place: BendPlace | None = None


class Prediction(_Part):
    """Predicted against observed harm.

    ``tested`` holds both predictions of a stimulus in the same terms, the map-weighted error, which
    all further fields are about, and the layer distance where the stimuli carry it.
    ``disattenuated`` is Pearson's r over the root of ``reliability``, its interval from a
    bootstrap of images; null below a reliability of 0.3. ``rivals`` are other predictions of the
    same harm, and ``beyond_all`` is the partial correlation of the map's prediction given all of
    them that differ between the arms (null where images are too few).
    ``shuffled`` are the correlations under the whole maps of other images, and
    ``shuffled_p`` the share of them at least as large as the real one (null when not done).
    ``by_arm`` correlates, over images, the predicted impact of one arm with its drop from intact;
    ``calibration`` and ``bend`` say how many points a predicted impact costs, and up to where.
    ``software`` names what computed, with its version.
    """

    dimension: str
    low: str
    high: str
    level: float
    n_images: int
    n_participants: int
    pearson: Correlation
    spearman: Correlation
    reliability: float
    disattenuated: float | None
    disattenuated_interval: tuple[float, float] | None
    tested: list[FrozenPrediction] = []
    rivals: list[Rival]
    beyond_all: Correlation | None
    shuffled: list[float]
    shuffled_p: float | None
    images: list[ImagePrediction]
    arms: list[ArmPrediction]
    by_arm: dict[str, Correlation] = {}
    calibration: list[CalibrationLine]
    bend: Bend | None
    sentence: str
    warnings: list[str]
    simulated: bool
    software: dict[str, str]
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
