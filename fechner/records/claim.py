"""The tested claim as a record: what the statistics write and the report reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fechner.errors import InputError
from fechner.provenance import read_json, write_json
from fechner.records.contrasts.contrast import Contrast, Equivalence, UnfittedModel

Verdict = Literal["supported", "not supported", "not specific to the map"]


class ScreenedParticipant(BaseModel):
    """What screening saw of one participant; `screening.screen` says what each number is.

    ``sd`` and ``agreement`` are null where they cannot be computed; ``kept`` tells whether the
    claim rests on this participant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    participant: str
    n: int
    mean: float
    sd: float | None
    bias: float
    agreement: float | None
    kept: bool
    bt500: bool
    bt500_bias_removed: bool


class ImageContrast(BaseModel):
    """A contrast within one image: mean over participants with its t interval, in points.

    ``low`` and ``high`` are null where only one participant rated both arms.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    image: str
    estimate: float
    low: float | None
    high: float | None
    n_participants: int


class Claim(BaseModel):
    """The verdict, the two sentences that explain it, and everything it rests on.

    ``contrasts`` holds every contrast under every model; the rows with ``decides`` gave the
    verdict. ``ordinal`` are the same contrasts by ordered probit, in SDs of the latent variable,
    where the scale has few categories; ``equivalence`` is the two one-sided tests of the first
    contrast where a bound was given; ``unfitted`` names the models that did not fit, and why.
    ``drops`` tests how far each arm fell below the intact image,
    and ``images`` holds contrasts and drops image by image, where one participant rates both arms.
    ``participants`` is the screening, ``excluded`` whom it left out.
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
    participants: list[ScreenedParticipant]
    excluded: list[str]
    contrasts: list[Contrast]
    drops: list[Contrast]
    images: list[ImageContrast]
    ordinal: list[Contrast] = []
    equivalence: Equivalence | None = None
    unfitted: list[UnfittedModel] = []
    warnings: list[str]
    simulated: bool
    provenance: dict[str, Any]

    def contrast(self, name: str, model: str | None = None) -> Contrast:
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
