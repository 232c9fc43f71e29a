"""Weights of channels that make a distance agree with people.

The paper's fine-tuning of a distance (Hernandez-Camara and others 2023, Figure 5): one weight of
zero or more a channel, such that the Pearson correlation of distance and DMOS is highest. With
more channels than pairs that fits anything, so that what a channel adds to the distance is
drawn towards what it adds without weights, as strongly as other references say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from fechner.analysis.network.alignment.distance_channels import Combine, slopes_of
from fechner.analysis.network.choosing.readout import grouped_folds
from fechner.errors import InputError
from fechner.threads import small_matrices

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Strongest first: each solution starts the next. Below .001 held-out agreement fell on LIVE."""
STEPS = 200
FOLDS = 5


@small_matrices()
def fit_weights(
    terms: NDArray,
    combine: Combine,
    dmos: ArrayLike,
    references: ArrayLike,
    *,
    penalties: tuple[float, ...] = PENALTIES,
    folds: int = FOLDS,
) -> NDArray[np.float64]:
    """Return one weight of zero or more a channel, (n_channels,), with mean 1.

    Maximises ``r(distance(w), dmos) - penalty sum_c h_c (w_c - 1)^2``, ``h_c`` the share of
    channel c in the squared distance without weights. The penalty is the one under which the
    weights fitted on some references correlate best with the DMOS of others.

    Parameters
    ----------
    terms : (n_terms, n_pairs, n_channels)
    combine
        The read-out: terms summed over channels make distances (`distances.readouts`).
    dmos : (n_pairs,)
        Higher is worse.
    references : (n_pairs,)
        They stay together in the folds.
    penalties, folds
        What to try, and the most folds that judge it (fewer where there are fewer references).

    Raises
    ------
    InputError
        If all pairs share one reference, or their scores are constant.
    """
    y = np.asarray(dmos, np.float64)
    if len(np.unique(np.asarray(references))) < 2:
        raise InputError(
            "weights are fitted on some references and judged on others, and all pairs share "
            "one; add pairs of other references"
        )
    if np.ptp(y) == 0:
        raise InputError("all pairs have the same score, so that no weights can be fitted to them")
    reached = np.zeros(len(penalties))
    for train, test in grouped_folds(references, folds):
        path = _path(terms[:, train], combine, y[train], penalties)
        reached += [_pearson(combine(terms[:, test] @ w), y[test]) for w in path]
    best = int(reached.argmax())
    return _path(terms, combine, y, penalties[: best + 1])[-1]


def _path(
    terms: NDArray, combine: Combine, y: NDArray, penalties: tuple[float, ...]
) -> list[NDArray[np.float64]]:
    """Return the weights under each penalty."""
    fit = _Fit(terms, combine, y)
    weights, found = np.ones(terms.shape[2]), []
    for penalty in penalties:
        weights = fit(penalty, weights)
        found.append(weights / weights.mean())
    return found


class _Fit:
    """Maximises penalised correlation over weights, with scales such that steps are even."""

    def __init__(self, terms: NDArray, combine: Combine, y: NDArray) -> None:
        self.terms, self.combine = terms, combine
        self.target = (y - y.mean()) / np.linalg.norm(y - y.mean())
        share = terms[0].mean(axis=0)
        self.share = share / share.sum() if share.any() else np.full(len(share), 1 / len(share))
        # Channels differ in strength by orders of magnitude, and slopes with them.
        self.scale = np.where(self.share > 0, np.sqrt(self.share * len(share)), 1.0)

    def __call__(self, penalty: float, start: NDArray) -> NDArray[np.float64]:
        found = minimize(
            lambda v: self._loss(v / self.scale, penalty),
            start * self.scale,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, None)] * len(start),
            options={"maxiter": STEPS},
        )
        weights = found.x / self.scale
        return weights if (weights > 0).any() else start

    def _loss(self, w: NDArray, penalty: float) -> tuple[float, NDArray[np.float64]]:
        """Return the loss and its slope by the scaled weights.

        The penalty looks at ``w`` over its weighted mean, because the correlation does not
        care how large a distance is.
        """
        sums = self.terms @ w
        distance = self.combine(sums)
        centred = distance - distance.mean()
        length = np.linalg.norm(centred)
        mean = float(self.share @ w)
        if length == 0 or mean <= 0:
            return 1.0, np.zeros(len(w))
        r = float(centred @ self.target / length)
        pull = (self.target - r * centred / length) / length
        slope = -np.einsum("kpc,kp->c", self.terms, slopes_of(self.combine, sums) * pull)
        apart = w / mean - 1
        slope += 2 * penalty * self.share * (apart - self.share @ (apart * w) / mean) / mean
        return -r + penalty * float(self.share @ apart**2), slope / self.scale


def _pearson(x: NDArray, y: NDArray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else 0.0
