"""How a severe catch item is made: a picture so ruined that nobody who looks can miss it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SevereRule(BaseModel):
    """The whole picture, degraded far beyond every level under test.

    Attributes
    ----------
    family
        Degradation, as ``fechner degrade --help`` lists them.
    mse
        What the picture loses, squared 8-bit grey levels. Noise of 45 grey levels loses 2000.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str = "noise"
    mse: float = Field(default=2000.0, gt=0)
