"""A study before it runs: what is assumed of its ratings, how it is laid out, what it will test.

First step of power by simulation. The rating of image i in arm a by participant p is

    y[p, i, a] = mu_a + P_p + I_i + PA_pa + IA_ia + e_pia

all normal and independent. PA, IA and e each have 1 / sqrt(2) of the SDs of the differences
between two arms (`analytic.Components`), so that every contrast of two arms has just these.
The intercepts P and I cancel in differences; where nobody rates both arms they do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fechner.analysis.ratings.power.analytic import ACR_5, SLIDER_100, Components
from fechner.errors import InputError
from fechner.records.scales import Scale
from fechner.records.stimuli import INTACT

LOW, HIGH, CONTROL = "low", "high", "donor"

LATIN_ARMS = (INTACT, LOW, HIGH, CONTROL)
"""In a Latin square each participant rates each image once, in one of these."""


@dataclass(frozen=True)
class Assumptions:
    """What is assumed of the ratings, in points of the scale.

    Attributes
    ----------
    components
        SDs of the differences between two arms, as ratings are given.
    effect
        True mean of ``low - high``.
    control_effect
        True mean of ``donor - high``; as `effect` where None.
    participant, image
        SDs of the participants' and the images' means, before rounding.
    scale
        Where ratings end; None for ratings without ends and steps, which the formulas assume.
    step
        Between neighbouring answers, where there is a scale.
    middle
        Mean of low and high together; the middle of the scale where None.
    """

    components: Components
    effect: float
    control_effect: float | None = None
    participant: float = 0.0
    image: float = 0.0
    scale: Scale | None = None
    step: float = 1.0
    middle: float | None = None

    def __post_init__(self) -> None:
        SDs = (self.components.participant, self.components.image, self.components.residual)
        if min(*SDs, self.participant, self.image) < 0:
            raise InputError("power expects SDs of 0 or more; check what is assumed")
        if self.step <= 0:
            raise InputError(f"steps between answers expect a number above 0, got {self.step:g}")


def assumed_ratings(kind: Literal["acr", "slider"], effect: float) -> Assumptions:
    """Return typical ratings: five categories, or a slider from 0 to 100 without ends.

    Examples
    --------
    >>> assumed_ratings("acr", 0.3).scale
    Scale(minimum=1.0, maximum=5.0, good='high')
    """
    if kind == "acr":
        return Assumptions(ACR_5, effect, participant=0.5, image=0.5, scale=Scale(1, 5))
    return Assumptions(SLIDER_100, effect, participant=8.0, image=8.0)


@dataclass(frozen=True)
class PlannedStudy:
    """How many rate how much.

    Attributes
    ----------
    participants, images
        How many.
    layout
        "full": everybody rates every image in every arm that is tested. "latin": everybody
        rates every image once, in one of the four `LATIN_ARMS`, which rotate.
    missing
        Share of these ratings that are not given, at random.
    """

    participants: int
    images: int
    layout: Literal["full", "latin"] = "full"
    missing: float = 0.0

    def __post_init__(self) -> None:
        if self.participants < 2 or self.images < 2:
            raise InputError(
                "power expects 2 participants and 2 images or more, got "
                f"{self.participants} and {self.images}"
            )
        if not 0 <= self.missing < 1:
            raise InputError(f"the missing share expects 0 to below 1, got {self.missing:g}")


@dataclass(frozen=True)
class PlannedTest:
    """What counts as a success.

    Attributes
    ----------
    kind
        "difference": the interval of low - high excludes 0. "equivalence": two one-sided
        tests put low - high within +-`margin`. "verdict": the intervals of low - high and of
        donor - high both lie above 0, which the claim calls supported.
    level
        Of the intervals; one-sided tests take ``1 - level`` each.
    margin
        Smallest difference in points that would matter, for equivalence.
    """

    kind: Literal["difference", "equivalence", "verdict"] = "difference"
    level: float = 0.95
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.kind == "equivalence" and not (self.margin and self.margin > 0):
            raise InputError(
                "equivalence expects the smallest difference that would matter, above 0"
            )

    @property
    def contrasts(self) -> tuple[tuple[str, str], ...]:
        """The pairs of arms that are tested."""
        return ((LOW, HIGH), (CONTROL, HIGH)) if self.kind == "verdict" else ((LOW, HIGH),)


def rated_arms_of(planned: PlannedStudy, test: PlannedTest) -> tuple[str, ...]:
    """Return the arms that are rated: all four in a Latin square, else those that are tested."""
    if planned.layout == "latin":
        return LATIN_ARMS
    return (LOW, HIGH, CONTROL) if test.kind == "verdict" else (LOW, HIGH)


def ratings_of_a_study(planned: PlannedStudy, test: PlannedTest) -> int:
    """Return how many ratings the study collects if none is missing."""
    each = 1 if planned.layout == "latin" else len(rated_arms_of(planned, test))
    return planned.participants * planned.images * each


def draw_ratings(
    assumed: Assumptions,
    planned: PlannedStudy,
    arms: tuple[str, ...],
    runs: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return simulated ratings of many runs of a study.

    Parameters
    ----------
    assumed
        What ratings are like before they are rounded and cut off at the ends of the scale.
    planned
        Who rates what.
    arms
        Which arms, in the order of the last axis.
    runs
        Independent studies.
    rng
        Where everything random comes from.

    Returns
    -------
    numpy.ndarray
        float64 (n_runs, n_participants, n_images, n_arms), in points; NaN where not rated.
    """
    P, Q, A = planned.participants, planned.images, len(arms)
    parts = assumed.components
    y = rng.normal(0, 1, (runs, P, Q, A))
    y *= parts.residual / np.sqrt(2)
    y += np.array([_mean_of(assumed, arm) for arm in arms])
    y += rng.normal(0, assumed.participant, (runs, P, 1, 1))
    y += rng.normal(0, assumed.image, (runs, 1, Q, 1))
    y += rng.normal(0, parts.participant / np.sqrt(2), (runs, P, 1, A))
    y += rng.normal(0, parts.image / np.sqrt(2), (runs, 1, Q, A))
    if assumed.scale is not None:
        low, high = assumed.scale.minimum, assumed.scale.maximum
        y = np.clip(low + np.round((y - low) / assumed.step) * assumed.step, low, high)
    if planned.layout == "latin":
        own = (np.arange(P)[:, None] + np.arange(Q)[None, :]) % A
        y[:, own[:, :, None] != np.arange(A)] = np.nan
    if planned.missing > 0:
        y[rng.random(y.shape) < planned.missing] = np.nan
    return y


def _mean_of(assumed: Assumptions, arm: str) -> float:
    """Return mu_a: low and high lie about the middle, intact above low."""
    control = assumed.effect if assumed.control_effect is None else assumed.control_effect
    scale, middle = assumed.scale, assumed.middle
    if middle is None:
        middle = 0.0 if scale is None else (scale.minimum + scale.maximum) / 2
    half = assumed.effect / 2
    places = {LOW: half, HIGH: -half, CONTROL: control - half, INTACT: half + abs(assumed.effect)}
    return middle + places[arm]
