"""From a linear predictor to the probability of an answer, with the slope of that curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

Curve = Callable[[np.ndarray], np.ndarray]

_EDGE = 1e-12
"""How close to 0 and 1 a probability may come, so that its logarithm stays finite."""


@dataclass(frozen=True)
class Link:
    """Probability of the answer 1 as a function of the linear predictor.

    Attributes
    ----------
    inverse
        Probability in (0, 1), elementwise.
    slope
        Its derivative, elementwise.
    """

    inverse: Curve
    slope: Curve


def logit() -> Link:
    """Return p = 1 / (1 + exp(-eta)), log odds."""
    return Link(
        lambda eta: _inside(special.expit(eta)),
        lambda eta: special.expit(eta) * special.expit(-eta),
    )


def probit() -> Link:
    """Return p = Phi(eta), SDs of a normal."""
    return Link(
        lambda eta: _inside(special.ndtr(eta)),
        lambda eta: np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi),
    )


def weibull(*, guess: float, lapse: float) -> Link:
    """Return the psychometric function of QUEST+ in eta = slope (log10 strength - threshold).

    ``p = 1 - lapse - (1 - guess - lapse) exp(-10^eta)`` (Watson 2017).

    Parameters
    ----------
    guess
        Share of right answers without any signal.
    lapse
        Share of wrong answers however strong the signal is.
    """
    height = 1 - guess - lapse
    return Link(
        lambda eta: _inside(1 - lapse - height * np.exp(-_power(eta))),
        lambda eta: height * np.exp(-_power(eta)) * _power(eta) * np.log(10),
    )


def _power(eta: np.ndarray) -> np.ndarray:
    # exp(-10^3) is 0 already, and 10^400 overflows.
    return np.asarray(10.0 ** np.minimum(eta, 3.0))


def _inside(p: np.ndarray) -> np.ndarray:
    return np.clip(p, _EDGE, 1 - _EDGE)
