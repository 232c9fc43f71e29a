"""A family of tested contrasts as a record: what ``fechner stats contrast`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from fechner.errors import InputError
from fechner.provenance import read_json, write_json, write_text
from fechner.records.contrasts.contrast import Contrast, Equivalence, UnfittedModel

if TYPE_CHECKING:
    import pandas as pd


class EffectSize(BaseModel):
    """A difference over the SD of a single rating within a condition (Westfall et al. 2014).

    ``low`` and ``high`` are the ends of its interval, ``sd`` is that SD in points.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    d: float
    low: float
    high: float
    sd: float


class ComparedConditions(BaseModel):
    """One contrast of a family, by every model.

    Attributes
    ----------
    name
        ``"low - high"``; ``"low - high, level 2"`` within a level of another factor;
        ``"low - high, level 1 - level 2"`` where an interaction is tested.
    kind
        A difference of two conditions, or of two such differences.
    contrasts
        In points, the deciding model first.
    ordinal
        The ordered probit, in latent SDs; also where ratings had to be cut into categories
        for it, which is done for interactions only.
    unfitted
        Models that did not fit, and why.
    p_holm
        The deciding model's p after Holm's correction over the family.
    effect
        d with its interval; null where ratings have no variance.
    equivalence
        Two one-sided tests; null where no margin was given.
    claimed
        Whether a difference is claimed.
    why_not
        Why it is not; empty where it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["contrast", "interaction"]
    contrasts: list[Contrast]
    ordinal: list[Contrast]
    unfitted: list[UnfittedModel]
    p_holm: float
    effect: EffectSize | None
    equivalence: Equivalence | None
    claimed: bool
    why_not: str

    @property
    def decides(self) -> Contrast:
        """The contrast by the model that decides."""
        return self.contrasts[0]


class ContrastFamily(BaseModel):
    """Contrasts of the levels of a factor, tested as one family.

    ``within`` and ``interaction`` name the second factor, where there is one; ``margin`` is the
    smallest difference that would matter, in points.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: str
    factor: str
    within: str | None
    interaction: str | None
    level: float
    margin: float | None
    n_participants: int
    n_ratings: int
    excluded: list[str]
    rows: list[ComparedConditions]
    warnings: list[str]
    simulated: bool
    provenance: dict[str, Any]

    def row(self, name: str) -> ComparedConditions:
        """Return a contrast by name.

        Raises
        ------
        InputError
            If there is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise InputError(f"no contrast {name!r}; tested were: {[row.name for row in self.rows]}")

    def table(self) -> pd.DataFrame:
        """Return one row a contrast and model; cells that belong to the contrast stand once."""
        import pandas as pd

        return pd.DataFrame([cells for row in self.rows for cells in _cells(row)])

    def write(self, path: Path) -> None:
        """Write the family as JSON, and its table as CSV beside it."""
        from fechner.records.cells import csv_text

        write_json(path, self.model_dump(mode="json"))
        table = path.with_suffix(".csv")
        write_text(table, csv_text(self.table(), table))


def _cells(row: ComparedConditions) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for contrast in [*row.contrasts, *row.ordinal]:
        cells: dict[str, Any] = {
            "contrast": row.name,
            "model": contrast.model,
            "decides": contrast.decides,
            "unit": "latent SD" if contrast.model == "ordered probit" else "points",
        }
        for name in ("estimate", "standard_error", "low", "high", "df", "p"):
            cells[name] = getattr(contrast, name)
        if contrast.decides:
            cells |= {"p_holm": row.p_holm, "claimed": row.claimed, "why_not": row.why_not}
            if row.effect is not None:
                cells |= {"d": row.effect.d, "d_low": row.effect.low, "d_high": row.effect.high}
            if row.equivalence is not None:
                cells |= {"margin": row.equivalence.bound, "equivalence_p": row.equivalence.p}
        found.append(cells)
    for missing in row.unfitted:
        found.append({"contrast": row.name, "model": missing.model, "did_not_fit": missing.why})
    return found


def read_contrast_family(path: Path) -> ContrastFamily:
    """Read a family that `ContrastFamily.write` wrote.

    Raises
    ------
    InputError
        If the file is missing or is none.
    """
    try:
        return ContrastFamily.model_validate(read_json(path))
    except ValueError as error:
        raise InputError(f"{path} holds no contrasts of this version; redo them") from error
