"""Power of a study before it runs: how small an effect it can find, and with whom.

The contrast of two arms rests on the variances of the differences ``D[p, i]`` (see `crossed`):

    SE^2 = s_p^2 / P + s_i^2 / Q + s_e^2 / (P Q)          (P participants, Q images)

A difference holds two conditions, so that variances per condition enter doubled. The image
part does not shrink with participants: images limit, not people (Westfall, Kenny and Judd
2014). `smallest_effect` and `power` use the noncentral t with Satterthwaite degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from fechner.errors import InputError


@dataclass(frozen=True)
class Components:
    """SDs of the differences between two arms, in points of the scale.

    Attributes
    ----------
    participant, image, residual
        s_p, s_i, s_e of ``D[p, i] = mu + a_p + b_i + e_pi``.
    """

    participant: float
    image: float
    residual: float


ACR_5 = Components(participant=0.283, image=0.557, residual=0.957)
"""A 5-point study; image part as strong as in public video data (VQEG), see `smallest_effect`."""

SLIDER_100 = Components(participant=4.24, image=10.9, residual=18.4)
"""A study on 0..100; the same."""


def standard_error(components: Components, *, participants: int, images: int) -> float:
    """Return the standard error of the contrast, in points.

    Raises
    ------
    InputError
        If there are fewer than two participants or images, or an SD is negative.
    """
    return float(np.sqrt(sum(_terms(components, participants, images))))


def degrees_of_freedom(components: Components, *, participants: int, images: int) -> float:
    """Return the Satterthwaite degrees of freedom that `crossed.closed_form` will have."""
    P, Q = participants, images
    s2_e = components.residual**2
    MS_P = Q * components.participant**2 + s2_e
    MS_I = P * components.image**2 + s2_e
    _terms(components, P, Q)
    scale = MS_P**2 / (P - 1) + MS_I**2 / (Q - 1) + s2_e**2 / ((P - 1) * (Q - 1))
    return (MS_P + MS_I - s2_e) ** 2 / scale if scale > 0 else float(min(P, Q) - 1)


def power(
    effect: float, components: Components, *, participants: int, images: int, alpha: float = 0.05
) -> float:
    """Return the probability that the two-sided test finds an effect.

    The noncentral t of the true standard error and degrees of freedom.

    Parameters
    ----------
    effect
        True mean difference, in points.
    components
        SDs of the differences, in points.
    participants, images
        Size of the study.
    alpha
        Level of the test.

    Returns
    -------
    float
        In [0, 1]; `alpha` where the effect is 0.

    Raises
    ------
    InputError
        If there are fewer than two participants or images, or an SD is negative.

    Examples
    --------
    >>> round(power(0.28, ACR_5, participants=30, images=48), 2)
    0.8
    """
    error = standard_error(components, participants=participants, images=images)
    df = degrees_of_freedom(components, participants=participants, images=images)
    if error == 0 or abs(effect) > 30 * error:
        return 1.0 if effect else alpha
    t, shift = stats.t.ppf(1 - alpha / 2, df), effect / error
    # The far tail of the noncentral t underflows to NaN in scipy; it is nothing.
    return float(stats.nct.sf(t, df, abs(shift)) + np.nan_to_num(stats.nct.cdf(-t, df, abs(shift))))


def smallest_effect(
    components: Components,
    *,
    participants: int,
    images: int,
    wanted: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Return the smallest effect that is found with probability `wanted`.

    Parameters
    ----------
    components
        SDs of the differences, in points.
    participants, images
        Size of the study.
    wanted
        Power to reach, between `alpha` and 1.
    alpha
        Level of the two-sided test.

    Returns
    -------
    float
        In points of the scale.

    Raises
    ------
    InputError
        If `wanted` is not between `alpha` and 1, there are fewer than two participants or
        images, or an SD is negative.

    Examples
    --------
    >>> round(smallest_effect(ACR_5, participants=30, images=48), 2)
    0.28
    """
    if not alpha < wanted < 1:
        raise InputError(f"power expects a number between {alpha} and 1, got {wanted}")
    error = standard_error(components, participants=participants, images=images)
    if error == 0:
        return 0.0

    def lacking(effect: float) -> float:
        reached = power(effect, components, participants=participants, images=images, alpha=alpha)
        return reached - wanted

    return float(optimize.brentq(lacking, 0.0, 25 * error))


def equivalence_power(
    bound: float, components: Components, *, participants: int, images: int, alpha: float = 0.05
) -> float:
    """Return the power of two one-sided tests to show that a true zero lies within +-`bound`.

    ``2 Phi_t(bound / SE - t_{1 - alpha}) - 1``, not below 0 (Schuirmann 1987).

    Parameters
    ----------
    bound
        Smallest difference that would matter, in points.
    components
        SDs of the differences, in points.
    participants, images
        Size of the study.
    alpha
        Level of each one-sided test.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        If there are fewer than two participants or images, or an SD is negative.
    """
    error = standard_error(components, participants=participants, images=images)
    df = degrees_of_freedom(components, participants=participants, images=images)
    if error == 0:
        return 1.0
    return max(0.0, float(2 * stats.t.cdf(bound / error - stats.t.ppf(1 - alpha, df), df) - 1))


def power_table(
    components: Components,
    *,
    participants: tuple[int, ...] = (15, 30, 60, 1000),
    images: tuple[int, ...] = (24, 48, 96),
    wanted: float = 0.8,
) -> pd.DataFrame:
    """Return the smallest effect for every size of study.

    Parameters
    ----------
    components
        SDs of the differences, in points.
    participants, images
        Numbers of either, each combined with each.
    wanted
        Power to reach.

    Returns
    -------
    pandas.DataFrame
        ``participants, images, smallest_effect, standard_error``, the last two in points.

    Raises
    ------
    InputError
        If `wanted` is not between .05 and 1, a number is below two, or an SD is negative.
    """
    rows = [
        {
            "participants": P,
            "images": Q,
            "smallest_effect": smallest_effect(components, participants=P, images=Q, wanted=wanted),
            "standard_error": standard_error(components, participants=P, images=Q),
        }
        for P in participants
        for Q in images
    ]
    return pd.DataFrame(rows)


def _terms(components: Components, participants: int, images: int) -> tuple[float, float, float]:
    if participants < 2 or images < 2:
        raise InputError(
            f"power expects 2 participants and 2 images or more, got {participants} and {images}"
        )
    if min(components.participant, components.image, components.residual) < 0:
        raise InputError("power expects SDs of 0 or more; check the variance components")
    return (
        components.participant**2 / participants,
        components.image**2 / images,
        components.residual**2 / (participants * images),
    )
