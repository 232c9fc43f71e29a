"""The frozen plan: everything that decides, written down before the first participant.

It is a JSON file that a registry can keep. Its digest covers every line, so that a changed plan
is no longer the frozen one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fechner.errors import InputError
from fechner.provenance import canonical_json, digest, read_json, write_json


class FrozenPlan(BaseModel):
    """What was fixed, one line each.

    Attributes
    ----------
    title
        Of the study.
    frozen
        When, in ISO 8601.
    fechner
        The version that froze it.
    lines
        What decides, by name; each value is JSON.
    sha256
        Digest of the lines.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    frozen: str
    fechner: str
    lines: dict[str, Any]
    sha256: str

    def write(self, path: Path) -> None:
        """Write the plan as JSON."""
        write_json(path, self.model_dump(mode="json"))


def read_frozen_plan(path: Path) -> FrozenPlan:
    """Read a frozen plan.

    Raises
    ------
    InputError
        If the file is missing, is no plan, or was changed since it was frozen.
    """
    try:
        plan = FrozenPlan.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(f"{path} is not a frozen plan; restore it from its copy") from error
    if digest(plan.lines) != plan.sha256:
        raise InputError(
            f"{path} was changed after it was frozen (its digest is another one); restore it"
        )
    return plan


class PlanLine(BaseModel):
    """One line of a plan: what was frozen, and what was run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    frozen: str
    run: str

    @property
    def kept(self) -> bool:
        """Whether what was run is what was frozen."""
        return self.frozen == self.run


class PlanCheck(BaseModel):
    """A plan against what was run, line by line.

    Attributes
    ----------
    frozen, sha256
        When the plan was frozen, and its digest.
    first_session
        When the first session began; null before it.
    lines
        Every line of the plan.
    deviation
        The reason that was given for lines that differ; empty where none does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    frozen: str
    sha256: str
    first_session: str | None
    lines: list[PlanLine]
    deviation: str = ""

    @property
    def changed(self) -> list[PlanLine]:
        """The lines in which what was run is not what was frozen."""
        return [line for line in self.lines if not line.kept]

    def write(self, path: Path) -> None:
        """Write the check as JSON."""
        write_json(path, self.model_dump(mode="json"))


def read_plan_check(path: Path) -> PlanCheck:
    """Read what `PlanCheck.write` wrote.

    Raises
    ------
    InputError
        If the file is missing or is no check of a plan.
    """
    try:
        return PlanCheck.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(f"{path} is not the check of a plan; redo the statistics") from error


def compared(plan: FrozenPlan, now: dict[str, Any]) -> list[PlanLine]:
    """Return every line of a plan beside what holds now, in the order of the plan."""
    names = dict.fromkeys([*plan.lines, *now])
    return [
        PlanLine(name=name, frozen=_text(plan.lines, name), run=_text(now, name)) for name in names
    ]


def _text(lines: dict[str, Any], name: str) -> str:
    if name not in lines:
        return "(no such line)"
    value = lines[name]
    return value if isinstance(value, str) else canonical_json(value)
