"""What is claimed, declared before the first participant."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fechner.records.rules.codec_rule import CodecRule


class ClaimRule(BaseModel):
    """Which arms the claim compares, and how.

    Attributes
    ----------
    kind
        ``regions``: what is degraded where the model sees little importance is rated higher;
        ``codec``: what `codec` says of coded files, and then `low`, `high` and `controls` do not
        count.
    low, high
        The regions of low and of high importance.
    controls
        Arms that must be rated above `high` as well for the claim to be supported; without any
        it cannot be. Other arms that were rated are tested beside it and decide nothing.
    level
        Of the intervals.
    margin
        Smallest difference in points that would matter: each contrast is also tested for being
        smaller; None for no such test.
    codec
        Which coded files are compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["regions", "codec"] = "regions"
    low: str = "low"
    high: str = "high"
    controls: tuple[str, ...] = ("donor",)
    level: float = Field(default=0.95, gt=0.5, lt=1)
    margin: float | None = Field(default=None, gt=0)
    codec: CodecRule = CodecRule()

    @model_validator(mode="after")
    def _arms_differ(self) -> ClaimRule:
        arms = (self.low, self.high, *self.controls)
        if len(set(arms)) < len(arms):
            raise ValueError(f"the arms must differ, got {', '.join(arms)}")
        return self
