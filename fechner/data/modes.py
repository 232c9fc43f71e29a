"""One mode or several: dip test, bimodality coefficient, Gaussian mixture by BIC.

Three views because none suffices: the dip test is exact but misses overlapping
modes, the bimodality coefficient takes skew for modes, and a mixture fits any shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

BIMODALITY_OF_UNIFORM = 5 / 9
"""The bimodality coefficient of a uniform distribution; above it two modes are likely."""

MOST_COMPONENTS = 5
"""Largest Gaussian mixture that is tried."""

NO_DIPTEST = "not computed: the package diptest is absent (pip install 'fechner[labels]')"


@dataclass(frozen=True)
class Modes:
    """How many modes a distribution has, by three criteria.

    Attributes
    ----------
    dip, dip_p
        Hartigan's dip statistic and its p against one mode; None where not computed.
    dip_note
        Why the dip test is missing, or empty.
    bimodality
        ``(G1^2 + 1) / (G2 + 3 (n - 1)^2 / ((n - 2)(n - 3)))``; 1/3 for a normal,
        5/9 for a uniform, at most 1 for two points.
    bic
        Bayesian information criterion of mixtures of 1, 2, ... Gaussians; lowest wins.
    weights, means, sds
        The winning mixture's components, by ascending mean.
    """

    dip: float | None
    dip_p: float | None
    dip_note: str
    bimodality: float
    bic: tuple[float, ...]
    weights: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]

    @property
    def components(self) -> int:
        """Number of Gaussians in the mixture of lowest BIC."""
        return len(self.weights)

    @property
    def several(self) -> bool:
        """Whether more than one mode is established.

        By the dip test (p below .05); without it, by the coefficient and the mixture
        together.
        """
        if self.dip_p is not None:
            return self.dip_p < 0.05
        return self.bimodality > BIMODALITY_OF_UNIFORM and self.components > 1


def find_modes(values: np.ndarray) -> Modes:
    """Return the modes of `values`, ``(n,)`` with n of at least 4 and some spread."""
    dip, dip_p, note = dip_test(values)
    bic, weights, means, sds = gaussian_mixture(values)
    return Modes(dip, dip_p, note, bimodality_coefficient(values), bic, weights, means, sds)


def bimodality_coefficient(values: np.ndarray) -> float:
    """Return the bimodality coefficient, as SAS and Pfister et al. 2013 define it."""
    n = len(values)
    g1, g2 = stats.skew(values, bias=False), stats.kurtosis(values, bias=False)
    return float((g1**2 + 1) / (g2 + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


def dip_test(values: np.ndarray) -> tuple[float | None, float | None, str]:
    """Return Hartigan's dip, its p, and an empty note; or None twice and why."""
    try:
        import diptest
    except ImportError:
        return None, None, NO_DIPTEST
    dip, p = diptest.diptest(np.ascontiguousarray(values))
    return float(dip), float(p), ""


def gaussian_mixture(
    values: np.ndarray,
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Return ``(bic, weights, means, sds)`` of the Gaussian mixture of lowest BIC.

    Fitted by expectation maximisation to standardised values, five starts each, with
    a fixed seed; a component's SD cannot fall below 5 % of the values' SD.
    """
    from sklearn.mixture import GaussianMixture

    centre, unit = values.mean(), values.std()
    column = ((values - centre) / unit)[:, None]
    fits = [
        GaussianMixture(k, n_init=5, random_state=0, reg_covar=0.05**2).fit(column)
        for k in range(1, min(MOST_COMPONENTS, len(np.unique(values))) + 1)
    ]
    bic = tuple(float(fit.bic(column) + 2 * len(values) * np.log(unit)) for fit in fits)
    best = fits[int(np.argmin(bic))]
    order = np.argsort(best.means_[:, 0])
    means = centre + unit * best.means_[order, 0]
    sds = unit * np.sqrt(best.covariances_[order, 0, 0])
    return (
        bic,
        tuple(map(float, best.weights_[order])),
        tuple(map(float, means)),
        tuple(map(float, sds)),
    )
