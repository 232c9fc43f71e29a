"""The tested claim of a codec study as a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fechner.errors import InputError
from fechner.provenance import read_json, write_json
from fechner.records.contrasts.contrast import Contrast, Equivalence
from fechner.records.rules.claim_rule import ClaimRule


class BytesAtEqualOpinion(BaseModel):
    """How much fewer or more bytes an arm takes than another at equal opinion.

    ``per_cent`` is the Bjontegaard delta rate, negative where `better` needs fewer bytes; null
    where the two curves share no opinion. ``low`` and ``high`` come from `draws` resamplings of
    participants and images; null where fewer than 95 % of them gave a number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    better: str
    than: str
    per_cent: float | None
    low: float | None
    high: float | None
    draws: int
    given: float


class CurvePoint(BaseModel):
    """One arm at one rate: mean bytes (geometric, over images) and opinion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    level: int
    bytes: float
    opinion: float


class CodecClaim(BaseModel):
    """The verdict of a codec study and what it rests on.

    ``contrasts`` are differences at equal rate, `better` minus each of `than`, by every model:
    points of the scale, or shares chosen from -1 to 1 where pairs were compared (``paired``).
    ``curve`` holds opinion (points, or JND) against bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Literal["supported", "not supported"]
    sentences: tuple[str, ...]
    dimension: str
    paired: bool
    rule: ClaimRule
    n_participants: int
    n_images: int
    n_ratings: int
    excluded: list[str]
    contrasts: list[Contrast]
    equivalence: dict[str, Equivalence] = {}
    bytes_at_equal_opinion: list[BytesAtEqualOpinion] = []
    curve: list[CurvePoint] = []
    warnings: list[str]
    simulated: bool
    provenance: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write the claim as JSON."""
        write_json(path, self.model_dump(mode="json"))


def read_codec_claim(path: Path) -> CodecClaim:
    """Read a claim that `CodecClaim.write` wrote.

    Raises
    ------
    InputError
        If the file is missing or is no such claim.
    """
    try:
        return CodecClaim.model_validate(read_json(path))
    except ValueError as error:
        raise InputError(
            f"{path} is no claim of a codec study of this version; redo the statistics"
        ) from error
