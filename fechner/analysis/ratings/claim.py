"""The claim: degrading unimportant regions harms ratings less than degrading important ones.

Last step but one of the statistics, and the only one that gives a verdict. The rule, fixed
before the first participant:

- **supported**: the interval of ``low - high`` (ratings with the unimportant region degraded
  minus ratings with the important region degraded) lies above 0, and so does the interval of
  ``donor - high`` (ratings with another image's mask degraded minus the image's own);
- **not specific to the map**: ``low - high`` lies above 0, ``donor - high`` does not: any mask
  of that shape and place would have done, so that the map gets no credit;
- **not supported**: everything else, including an effect in the opposite direction and a
  study without the control.

The interval that decides comes from the closed form on complete tables, from REML where cells
are missing, and from the slopes model where most participants rated only one of the arms.
Every other model stands beside it, and where one disagrees a warning says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from fechner.analysis.ratings.crossed import (
    Contrast,
    closed_form,
    clustered,
    mixed_model,
    reml_crossed,
)
from fechner.analysis.ratings.matrices import (
    Differences,
    choose_dimension,
    differences,
    rated_arms,
    rating_matrix,
)
from fechner.analysis.ratings.screening import MINIMUM_AGREEMENT, agreement
from fechner.analysis.ratings.slopes import reml_slopes
from fechner.errors import InputError
from fechner.provenance import provenance, read_json, write_json

Verdict = Literal["supported", "not supported", "not specific to the map"]

FEW = 15
"""Participants below which ITU-R BT.500 asks for more; the same is said of images."""


class ContrastRecord(BaseModel):
    """One contrast under one model, in points of the scale; ``df`` is null for a z test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: str
    decides: bool
    estimate: float
    standard_error: float
    low: float
    high: float
    df: float | None
    p: float
    n_participants: int
    n_images: int
    n_differences: int
    variances: dict[str, float]
    converged: bool


class Claim(BaseModel):
    """The verdict, the two sentences that explain it, and everything it rests on.

    ``contrasts`` holds every contrast under every model; the rows with ``decides`` gave the
    verdict. ``excluded`` are the participants that screening left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    sentences: tuple[str, str]
    dimension: str
    low: str
    high: str
    control: str | None
    level: float
    n_participants: int
    n_images: int
    n_ratings: int
    excluded: list[str]
    contrasts: list[ContrastRecord]
    warnings: list[str]
    simulated: bool
    provenance: dict[str, Any]

    def contrast(self, name: str, model: str | None = None) -> ContrastRecord:
        """Return a contrast by name; by the model that decides, unless one is named.

        Raises
        ------
        InputError
            If there is none.
        """
        for row in self.contrasts:
            if row.name == name and (row.decides if model is None else row.model == model):
                return row
        known = sorted({f"{row.name} ({row.model})" for row in self.contrasts})
        raise InputError(f"no contrast {name!r} by {model or 'the deciding model'}; known: {known}")

    def write(self, path: Path) -> None:
        """Write the claim as JSON."""
        write_json(path, self.model_dump(mode="json"))


def read_claim(path: Path) -> Claim:
    """Read a claim that `Claim.write` wrote.

    Raises
    ------
    InputError
        If the file is missing or is no claim.
    """
    try:
        return Claim.model_validate(read_json(path))
    except ValueError as error:
        raise InputError(f"{path} is not a claim of this version; redo the statistics") from error


def test_claim(
    ratings: pd.DataFrame,
    stimuli: pd.DataFrame,
    *,
    low: str = "low",
    high: str = "high",
    control: str | None = "donor",
    dimension: str | None = None,
    good: str = "high",
    level: float = 0.95,
    minimum_agreement: float | None = MINIMUM_AGREEMENT,
    simulated: bool = False,
    inputs: Mapping[str, str] | None = None,
) -> Claim:
    """Screen the participants, test both contrasts, and give the verdict.

    Parameters
    ----------
    ratings
        Long table participant, image (= stimulus), dimension, rating.
    stimuli
        The table stimuli.csv: stimulus, scene, region, and where present family and level.
    low, high, control
        Names of the regions; ``control=None`` where there was none, so that the claim cannot
        be supported.
    good
        Which end of the scale is good.
    minimum_agreement
        Leave-one-out correlation below which a participant is left out; None keeps everybody.
    simulated, inputs
        For the record: whether anything was simulated, and sha256 of the inputs.

    Raises
    ------
    InputError
        If a column or an arm is missing, or fewer than two participants or images remain.
    """
    chosen = choose_dimension(ratings, dimension)
    excluded = _disagreeing(chosen, minimum_agreement)
    kept = chosen[~chosen["participant"].isin(excluded)]
    arms = rated_arms(kept, stimuli, good=good)
    control = control if control in set(arms["region"]) else None
    pairs = [(low, high)] + ([(control, high)] if control else [])
    rows = [row for first, second in pairs for row in _contrasts(arms, first, second, level)]
    warned = _warnings(rows, control, excluded, chosen, arms)
    if excluded:
        everyone = rated_arms(chosen, stimuli, good=good)
        warned += _without_screening(rows, everyone, pairs, level)
    verdict, sentences = _judge(rows, low, high, control, level)
    return Claim(
        verdict=verdict,
        sentences=sentences,
        dimension=str(chosen["dimension"].iloc[0]),
        low=low,
        high=high,
        control=control,
        level=level,
        n_participants=arms["participant"].nunique(),
        n_images=rows[0].n_images,
        n_ratings=len(arms),
        excluded=excluded,
        contrasts=rows,
        warnings=warned,
        simulated=simulated,
        provenance=provenance(
            parameters={
                "low": low, "high": high, "control": control, "good": good, "level": level,
                "minimum_agreement": minimum_agreement,
            },
            inputs=inputs,
            simulated=simulated,
        ),
    )  # fmt: skip


test_claim.__test__ = False  # type: ignore[attr-defined]


def _disagreeing(chosen: pd.DataFrame, minimum: float | None) -> list[str]:
    if minimum is None or chosen["participant"].nunique() < 3:
        return []
    matrix = rating_matrix(chosen)
    below = agreement(matrix) < minimum
    return [name for name, out in zip(matrix.participants, below, strict=True) if out]


def _contrasts(arms: pd.DataFrame, first: str, second: str, level: float) -> list[ContrastRecord]:
    """Return the contrast by every model that the design allows, the deciding one first."""
    table = differences(arms, first, second)
    if not _mostly_paired(table, arms):
        return [_record(reml_slopes(arms, first, second, level=level), decides=True)]
    if np.ptp(table.values[np.isfinite(table.values)]) == 0:
        return [_record(clustered(table, level=level), decides=True)]
    models = [closed_form] if table.complete else []
    models += [reml_crossed, mixed_model, clustered]
    found = [contrast for model in models if (contrast := _fit(model, table, level)) is not None]
    return [_record(contrast, decides=k == 0) for k, contrast in enumerate(found)]


def _fit(model: Callable[..., Contrast], table: Differences, level: float) -> Contrast | None:
    try:
        return model(table, level=level)
    except np.linalg.LinAlgError:
        return None


def _mostly_paired(table: Differences, arms: pd.DataFrame) -> bool:
    cells = arms["participant"].nunique() * arms["scene"].nunique()
    return min(table.values.shape) > 1 and np.isfinite(table.values).sum() >= cells / 2


def _record(contrast: Contrast, *, decides: bool) -> ContrastRecord:
    fields = dict(vars(contrast))
    df = fields.pop("df")
    return ContrastRecord(**fields, df=df if np.isfinite(df) else None, decides=decides)


def _judge(
    rows: list[ContrastRecord], low: str, high: str, control: str | None, level: float
) -> tuple[Verdict, tuple[str, str]]:
    effect = next(row for row in rows if row.name == f"{low} - {high}" and row.decides)
    first = _effect_sentence(effect, level)
    if effect.high < 0:
        return "not supported", (
            first, "The claim is not supported: the effect goes in the opposite direction."
        )  # fmt: skip
    if effect.low <= 0:
        return "not supported", (
            first, "The claim is not supported: an effect of zero is compatible with these ratings."
        )  # fmt: skip
    if control is None:
        return "not supported", (
            first,
            "The claim is not supported as a whole: without a control mask from other images the "
            "effect cannot be credited to the map.",
        )
    donor = next(row for row in rows if row.name == f"{control} - {high}" and row.decides)
    size = f"{_points(donor.estimate)} points ({_interval(donor, level)})"
    if donor.low > 0:
        return "supported", (
            first,
            "The claim is supported: degraded under another image's mask, images were rated "
            f"{size} better than under their own, so that the effect belongs to the map.",
        )
    return "not specific to the map", (
        first,
        "The effect is not specific to the map: under another image's mask, images were rated "
        f"{size} better than under their own, so that any mask of such shapes may do the same.",
    )


def _effect_sentence(row: ContrastRecord, level: float) -> str:
    less = "better" if row.estimate >= 0 else "worse"
    return (
        f"Images degraded where the model sees little importance were rated "
        f"{_points(abs(row.estimate))} points {less} than images degraded as much where it sees "
        f"much ({_interval(row, level)}; {row.n_participants} participants, "
        f"{row.n_images} images)."
    )


def _interval(row: ContrastRecord, level: float) -> str:
    return f"{level:.0%} interval {_points(row.low)} to {_points(row.high)}".replace(
        "%", "\N{NO-BREAK SPACE}%"
    )


def _points(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _warnings(
    rows: list[ContrastRecord],
    control: str | None,
    excluded: list[str],
    chosen: pd.DataFrame,
    arms: pd.DataFrame,
) -> list[str]:
    """Return what a reader must know beside the verdict, one plain sentence each."""
    said = [
        f"{row.name}: the model '{row.model}' did not converge; do not rely on it."
        for row in rows
        if not row.converged
    ]
    for name in dict.fromkeys(row.name for row in rows):
        said += _disagreements([row for row in rows if row.name == name])
    if control is None:
        said.append("There is no control arm, so that the claim cannot be supported.")
    n, images = arms["participant"].nunique(), rows[0].n_images
    for count, what in ((n, "participants"), (images, "images")):
        if count < FEW:
            said.append(
                f"Only {count} {what}; below {FEW} intervals are wide and rest on normality."
            )
    if excluded:
        total = chosen["participant"].nunique()
        said.append(
            f"Screening left out {len(excluded)} of {total} participants: {', '.join(excluded)}."
        )
    return said


def _disagreements(rows: list[ContrastRecord]) -> list[str]:
    decides = next(row for row in rows if row.decides)
    said = []
    if decides.model == "REML":
        share = decides.n_differences / (decides.n_participants * decides.n_images)
        said.append(f"{decides.name}: {1 - share:.1%} of the differences are missing.")
    if decides.model != "REML slopes" and not any(row.model == "mixed model" for row in rows):
        said.append(f"{decides.name}: the mixed model of statsmodels could not be fitted.")
    for row in rows:
        if _sign(row) != _sign(decides):
            said.append(
                f"{row.name}: '{row.model}' gives {_points(row.low)} to {_points(row.high)} and "
                f"disagrees with '{decides.model}', which decides."
            )
    return said


def _sign(row: ContrastRecord) -> int:
    return int(row.low > 0) - int(row.high < 0)


def _without_screening(
    rows: list[ContrastRecord],
    everyone: pd.DataFrame,
    pairs: list[tuple[str, str]],
    level: float,
) -> list[str]:
    said = []
    for first, second in pairs:
        decides = next(row for row in rows if row.name == f"{first} - {second}" and row.decides)
        other = next(row for row in _contrasts(everyone, first, second, level) if row.decides)
        if _sign(other) != _sign(decides):
            said.append(
                f"{other.name}: with everybody kept the interval is {_points(other.low)} to "
                f"{_points(other.high)} and the conclusion changes."
            )
    return said
