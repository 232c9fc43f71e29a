"""What a codec study claims: one arm against others, by opinion or by bytes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator


class CodecRule(BaseModel):
    """Which arms are compared and what decides.

    Attributes
    ----------
    better
        The arm that is claimed to be better; any condition of the set.
    than
        Those that it is held against; it must be better than each of them.
    by
        ``opinion``: at equal bytes `better` is rated higher or preferred; ``bytes``: at equal
        opinion it needs fewer bytes (Bjontegaard delta rate by opinion).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    better: str = "map"
    than: tuple[str, ...] = ("jpegli",)
    by: Literal["opinion", "bytes"] = "opinion"

    @model_validator(mode="after")
    def _arms_differ(self) -> CodecRule:
        arms = (self.better, *self.than)
        if len(arms) < 2 or len(set(arms)) < len(arms):
            raise ValueError(f"two or more different arms are compared, got {', '.join(arms)}")
        return self
