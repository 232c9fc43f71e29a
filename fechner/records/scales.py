"""The scales of a table, declared in the JSON beside it: a scale is never guessed.

RatedImages and Ratings are CSV (or TSV) files; the file of the same name ending in
``.json`` declares each dimension's scale and says where the table came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass

from fechner.errors import InputError
from fechner.provenance import read_json, write_json_beside
from fechner.records.simulated import is_marked

TOLERANCE = 1e-9
"""Numbers that differ by less are one value of a scale."""

RESERVED = ("image", "scene", "reference", "participant", "dimension", "rating")


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Scale:
    """A rating scale: its two ends, and which of them is good."""

    minimum: float
    maximum: float
    good: Literal["high", "low"] = "high"

    @model_validator(mode="after")
    def _ends_in_order(self) -> Scale:
        if not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self

    def __str__(self) -> str:
        return f"{self.minimum:g} to {self.maximum:g}"


class RatingScale(BaseModel):
    """The numbers a participant can answer with, and where the labels stand.

    `labels_at` lists the values that carry a label, in the order of the labels of
    the text file; with ``shown = "choices"`` these values are the only answers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    minimum: float
    maximum: float
    step: float = Field(gt=0)
    good: Literal["high", "low"] = "high"
    shown: Literal["slider", "choices"]
    labels_at: tuple[float, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _labels_lie_on_the_scale(self) -> RatingScale:
        if self.maximum <= self.minimum:
            raise ValueError(f"maximum ({self.maximum:g}) must be above minimum ({self.minimum:g})")
        if abs(self.rounded(self.maximum) - self.maximum) > TOLERANCE:
            raise ValueError(f"step {self.step:g} does not lead from minimum to maximum")
        for value in self.labels_at:
            if not self.contains(value):
                raise ValueError(
                    f"labels_at names {value:g}, which is not on the scale "
                    f"{self.minimum:g} to {self.maximum:g} in steps of {self.step:g}"
                )
        if list(self.labels_at) != sorted(set(self.labels_at)):
            raise ValueError("labels_at must rise from the lowest to the highest value")
        return self

    def rounded(self, value: float) -> float:
        """Return the scale value nearest to `value`, within [minimum, maximum]."""
        steps = round((value - self.minimum) / self.step)
        return min(max(self.minimum + steps * self.step, self.minimum), self.maximum)

    def contains(self, value: float) -> bool:
        """Say whether `value` is one of the scale's answers."""
        if self.shown == "choices" and value not in self.labels_at:
            return False
        return abs(self.rounded(value) - value) <= TOLERANCE

    @property
    def choices(self) -> tuple[float, ...]:
        """The answers of a scale shown as choices, from the lowest; empty for a slider."""
        return self.labels_at if self.shown == "choices" else ()

    @property
    def ends(self) -> Scale:
        """What a table of ratings declares of the scale: its ends, and which of them is good."""
        return Scale(self.minimum, self.maximum, self.good)

    def __str__(self) -> str:
        if self.choices:
            return "one of " + ", ".join(f"{value:g}" for value in self.choices)
        return f"{self.minimum:g} to {self.maximum:g} in steps of {self.step:g}"


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class AnswerWords:
    """The words that people answer with, and the number that each stands for on a scale.

    `name` says whose words they are; `scale` is None where only the words are known.
    """

    name: str
    values: dict[str, float]
    scale: Scale | None = None

    def value(self, answer: str) -> float | None:
        """Return the number of an answer, None if it is none of the words.

        Letters and digits count, whatever their case: "Perceptible, but not annoying" is
        "perceptible but not annoying".
        """
        spelt = {_letters(word): value for word, value in self.values.items()}
        return self.values.get(answer, spelt.get(_letters(answer) or answer))


def _letters(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())


class Declarations(BaseModel):
    """The JSON beside a table: the scale of each dimension, and where the table came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimensions: dict[str, Scale]
    provenance: dict[str, Any] = {}


def sidecar_path(csv: Path) -> Path:
    """Return where the scales of a table are declared: the JSON of the same name."""
    return Path(csv).with_suffix(".json")


def read_sidecar(csv: Path) -> Declarations:
    """Return what the JSON beside a table declares; nothing where there is none of ours.

    A JSON of the same name that knows no dimensions belongs to another program, as the sidecars
    of BIDS and the data of jsPsych.

    Raises
    ------
    InputError
        If it is malformed, or a dimension has a name that a column of the table needs.
    """
    path = sidecar_path(csv)
    if not path.exists():
        return Declarations(dimensions={})
    content = read_json(path)
    if not isinstance(content, dict) or not get_close_matches("dimensions", content):
        return Declarations(dimensions={})
    try:
        found = Declarations.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{path}: {where}: {reason}; correct the declaration") from error
    for name in found.dimensions:
        if name in RESERVED or not name:
            raise InputError(f"{path}: a dimension cannot be called {name!r}; rename it")
    return found


def write_sidecar(
    csv: Path, scales: Mapping[str, Scale], provenance_block: Mapping[str, Any]
) -> None:
    """Write the scales of a table and its provenance into the JSON beside it."""
    declared = {name: asdict(scale) for name, scale in scales.items()}
    write_json_beside(csv, {"dimensions": declared, "provenance": dict(provenance_block)})


def is_marked_simulated(csv: Path, declared: Declarations) -> bool:
    """Whether a table is SIMULATED by its name or by what is declared beside it."""
    return bool(declared.provenance.get("simulated")) or is_marked(csv.name)


def is_simulated(csv: Path | str) -> bool:
    """Whether a table says of itself, by name or sidecar, that no people made its ratings."""
    csv = Path(csv)
    return is_marked_simulated(csv, read_sidecar(csv))
