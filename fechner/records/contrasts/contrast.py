"""One tested contrast as a record: a difference between two conditions under one model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

AT_ZERO = 1e-6
"""Share of all variance below which a component counts as zero.

An optimiser that takes square roots, as that of statsmodels, comes close to zero and not to it.
"""


class Contrast(BaseModel):
    """An estimated difference between two arms under one model, in points of the scale.

    Attributes
    ----------
    name
        Which arms, ``"low - high"``.
    model
        Which analysis: "closed form", "REML", "REML slopes", "clustered", "mixed model",
        "ordered probit" (whose points are SDs of the latent variable).
    decides
        Whether the verdict rests on this model.
    reason
        Why this model decides, in one sentence; empty where it does not.
    estimate, standard_error, low, high
        Mean difference, its standard error and the ends of its interval.
    df, p
        Degrees of freedom, null for a z test, and two-sided p value.
    n_participants, n_images, n_differences
        What the estimate rests on; no differences where the ratings entered the model directly.
    variances
        Estimated variance components in squared points, empty where the model has none.
    converged
        False where an optimiser did not reach its optimum.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: str
    decides: bool = False
    reason: str = ""
    estimate: float
    standard_error: float
    low: float
    high: float
    df: float | None
    p: float
    n_participants: int
    n_images: int
    n_differences: int = 0
    variances: dict[str, float] = {}
    converged: bool = True

    @property
    def at_zero(self) -> list[str]:
        """Names of the components that are estimated at zero: the fit is singular in these."""
        total = sum(self.variances.values())
        return [name for name, value in self.variances.items() if value <= AT_ZERO * total]


class UnfittedModel(BaseModel):
    """A model that was tried beside the deciding one and did not fit: it has no numbers.

    Attributes
    ----------
    name, model
        Which arms and which analysis, as in `Contrast`.
    why
        What was wrong with it, to be read after "did not fit: ".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: str
    why: str


class Equivalence(BaseModel):
    """The outcome: `p` is the larger of the two one-sided p values, `bound` is in points."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bound: float
    alpha: float
    p: float
    low: float
    high: float
    equivalent: bool
