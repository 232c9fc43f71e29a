"""A study's importance maps against its own participants' marks, as a record.

Written by the step ``marks`` of a study, read by the report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fechner.errors import InputError
from fechner.provenance import read_json, write_json
from fechner.records.complaints import one_line

MAP = "importance map"
CONTRAST = "contrast energy"
ERROR = "error"
ERROR_BY_MAP = "error x map"
ERROR_BY_CONTRAST = "error x contrast"

ABOUT = {
    MAP: "the model's importance map, whatever was degraded",
    CONTRAST: "local contrast of the intact image, whatever was degraded",
    ERROR: "root of the squared error of the degraded images",
    ERROR_BY_MAP: "the same, the error weighted by the importance map",
    ERROR_BY_CONTRAST: "the same, the error weighted by the local contrast",
}
"""What is held against people's marks."""

MEASURES = {
    "pearson": "correlation over places with the map of people",
    "nss": "mean at the marks, in SDs above the mean of the image",
    "auc": "chance that it is higher at a marked place than at one that nobody marked",
    "auc_shuffled": "the same against places marked in other scenes: a centre bias earns nothing",
}
"""By what: `analysis.judging.people_measures` has the formulas."""

PEOPLE = "people, half against half"
"""What the map of one half of the participants reaches against the marks of the other half."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SceneMarks(_Part):
    """One scene: its participants, how far they agree, and what correlates with their map.

    Attributes
    ----------
    people, nowhere
        How many marked its degraded images or answered "nowhere", and how many only the latter.
    reliability, ceiling
        Split-half reliability of their map, and its root; null where undefined.
    agreement
        By the names of `MEASURES`, and of `ABOUT` and `PEOPLE`; null where undefined.
    """

    scene: str
    people: int
    nowhere: int
    marked_share: float
    reliability: float | None
    ceiling: float | None
    agreement: dict[str, dict[str, float | None]]


class OverScenes(_Part):
    """A mean over scenes with its interval; undefined scenes have no part in it.

    The interval is Student's, on Fisher's scale where the measure has limits, which it then keeps.
    """

    name: str
    measure: str
    mean: float | None
    low: float | None
    high: float | None
    scenes: int
    undefined: int


class MarksCompared(_Part):
    """The record: scene by scene, and over scenes.

    Attributes
    ----------
    smoothing
        How everything is smoothed, in words.
    left_out
        Participants that the study's screening left out.
    scenes
        One a scene.
    agreement, differences
        Means over scenes by each measure, of what is held against the marks and of people
        themselves, and of some minus others.
    ceiling
        Mean over scenes of the highest correlation that a map can expect.
    simulated
        Whether maps or marks are SIMULATED.
    provenance
        Version, parameters, inputs, seed.
    """

    smoothing: str
    level: float
    left_out: tuple[str, ...]
    scenes: tuple[SceneMarks, ...]
    agreement: tuple[OverScenes, ...]
    differences: tuple[OverScenes, ...]
    ceiling: OverScenes
    simulated: bool
    provenance: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write the record as JSON."""
        write_json(path, self.model_dump(mode="json"))

    def named(self, name: str, measure: str = "pearson") -> OverScenes:
        """Return a mean or a difference by its name and measure."""
        both = (*self.agreement, *self.differences)
        return next(one for one in both if one.name == name and one.measure == measure)


def read_marks_compared(path: Path) -> MarksCompared:
    """Read the record.

    Raises
    ------
    InputError
        If it is missing or no such record.
    """
    try:
        return MarksCompared.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(one_line(error, MarksCompared, str(path))) from error
