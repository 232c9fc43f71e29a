"""The tested claim as a record: what the statistics write and the report reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fechner.errors import InputError
from fechner.provenance import read_json, write_json
from fechner.records.contrasts.contrast import Contrast, Equivalence, UnfittedModel
from fechner.records.contrasts.family import EffectSize
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.rules.screening_rule import ScreeningRule
from fechner.records.screening.participants import ScreenedParticipant

Verdict = Literal["supported", "not supported", "not specific to the map"]


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


class OtherScreening(BaseModel):
    """The claim as it would stand with the other screening: everybody kept, or the blind rule.

    ``contrasts`` are those that would decide.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    screening: ScreeningRule
    verdict: Verdict
    n_participants: int
    contrasts: list[Contrast]


class Claim(BaseModel):
    """The verdict, the two sentences that explain it, and everything it rests on.

    ``rule`` and ``screening`` were declared before the data. ``controls`` are the declared control
    arms that were rated. ``contrasts`` holds every contrast under every model; the rows with
    ``decides`` gave the verdict. ``others`` are the deciding models of arms that were rated
    beside, and ``holm`` their p values under Holm's correction. ``ordinal`` are the contrasts by
    ordered probit, in SDs of the latent variable, where the scale has few categories;
    ``effects`` gives d of each deciding contrast of ratings, by its name;
    ``equivalence`` is the two one-sided tests of each contrast where a margin was declared;
    ``unfitted`` names the models that did not fit, and why. ``drops`` tests how far each arm fell
    below the intact image, and ``images`` holds contrasts and drops image by image, where one
    participant rates both arms. ``participants`` is the screening, ``excluded`` whom it left out,
    and ``otherwise`` the claim with the other screening, null where that leaves out the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    sentences: tuple[str, ...]
    dimension: str
    rule: ClaimRule
    screening: ScreeningRule
    controls: tuple[str, ...]
    n_participants: int
    n_images: int
    n_ratings: int
    participants: list[ScreenedParticipant]
    excluded: list[str]
    otherwise: OtherScreening | None = None
    contrasts: list[Contrast]
    others: list[Contrast] = []
    holm: dict[str, float] = {}
    effects: dict[str, EffectSize] = {}
    drops: list[Contrast]
    images: list[ImageContrast]
    ordinal: list[Contrast] = []
    equivalence: dict[str, Equivalence] = {}
    unfitted: list[UnfittedModel] = []
    warnings: list[str]
    simulated: bool
    provenance: dict[str, Any]

    @property
    def low(self) -> str:
        """The region of low importance."""
        return self.rule.low

    @property
    def high(self) -> str:
        """The region of high importance."""
        return self.rule.high

    @property
    def level(self) -> float:
        """Of the intervals."""
        return self.rule.level

    @property
    def depends_on_screening(self) -> bool:
        """Whether the other screening gives another verdict."""
        return self.otherwise is not None and self.otherwise.verdict != self.verdict

    @property
    def headline(self) -> str:
        """The verdict; where the other screening gives another one, both."""
        if self.otherwise is None or not self.depends_on_screening:
            return self.verdict
        how = "everybody kept" if self.screening.rule == "blind" else "blind screening"
        return f"{self.verdict}, but {self.otherwise.verdict} with {how}"

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
