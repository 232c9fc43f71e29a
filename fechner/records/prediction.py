"""Predicted against observed harm as a record: what the statistics write and the report reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from fechner.errors import InputError
from fechner.provenance import read_json, write_json


class Correlation(BaseModel):
    """A correlation over images: two-sided p value from t(df), interval within -1 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    r: float
    p: float
    df: int
    low: float
    high: float


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
    ``shuffled`` are the correlations under the whole maps of other images, and
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
