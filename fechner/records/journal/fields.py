"""The kinds of values that a journal's lines hold, and the record that refuses all others."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _time_of_day(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("expected a time of day with its zone")
    return text


Name = Annotated[str, Field(min_length=1)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
TrialNumber = Annotated[int, Field(ge=1)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]


class Record(BaseModel):
    """A frozen record that takes the keys and types it knows, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Line(Record):
    """What every line has: its event, and the time of day at which it was written (UTC)."""

    event: str
    written: TimeOfDay
