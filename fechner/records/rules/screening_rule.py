"""Who is left out, declared before the first participant."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ScreeningRule(BaseModel):
    """The rule of screening, with its thresholds.

    Attributes
    ----------
    rule
        ``"blind"``: the checks below, none of which can see the contrast under test;
        ``"everybody"``: nobody is left out.
    agreement_se
        How many standard errors below the median participant's agreement somebody may lie.
    inconsistency_se
        How many standard errors above the median participant's inconsistency somebody may lie.
    agreement_share
        Share of the median agreement from which on nobody is left out for either of the two.
    least_spread
        Share of the median participant's spread below which ratings are one straight line.
    fastest_ms
        Median response time in milliseconds below which nobody can have looked.
    attention
        Whether those are left out who failed the attention checks of their protocol.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["blind", "everybody"] = "blind"
    agreement_se: float = Field(default=2.33, gt=0)
    inconsistency_se: float = Field(default=2.5, gt=0)
    agreement_share: float = Field(default=0.6, gt=0, le=1)
    least_spread: float = Field(default=0.25, ge=0, lt=1)
    fastest_ms: float = Field(default=200.0, ge=0)
    attention: bool = True

    def __str__(self) -> str:
        if self.rule == "everybody":
            return "everybody is kept"
        checks = [
            "agrees with the others less than "
            f"{self.agreement_share:g} of the median and {self.agreement_se:g} standard errors "
            f"below it (or is {self.inconsistency_se:g} above the median inconsistency)",
            f"spreads ratings by less than {self.least_spread:g} of the median",
        ]
        if self.fastest_ms:
            checks.append(f"answers in less than {self.fastest_ms:g} ms")
        if self.attention:
            checks.append("fails the attention checks")
        return f"blind to the contrast: out goes who {', '.join(checks[:-1])}, or {checks[-1]}"


EVERYBODY = ScreeningRule(rule="everybody")
"""The rule that leaves nobody out."""
