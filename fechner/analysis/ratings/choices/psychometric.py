"""The psychometric function of one staircase: its posterior on a grid, as QUEST+ has it.

    p(x) = 1 - delta - (1 - gamma - delta) exp(-10^(beta (x - t))),   x = log10(strength),

with threshold t, slope beta, guessing rate gamma and lapse rate delta (Watson 2017). The prior
is flat over the grid, so that on the grid of a session the posterior is that of its staircase;
it is computed from the answers alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fechner.errors import InputError
from fechner.protocols.parts import Quest

MARGIN = 0.5
"""How far, in log10 units, thresholds may lie beyond the strengths that were shown."""

_GRID = 161


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the answers say of threshold, slope and lapse rate.

    Attributes
    ----------
    thresholds, slopes, lapses
        The grid: t in log10 strength, beta, delta.
    weights
        Posterior probability, (n_thresholds, n_slopes, n_lapses), adding up to 1.
    guess
        gamma.
    """

    thresholds: np.ndarray
    slopes: np.ndarray
    lapses: np.ndarray
    weights: np.ndarray
    guess: float

    def strength_at(self, share: float, level: float = 0.95) -> tuple[float, float, float]:
        """Return log10 of the strength at which `share` of the answers are right.

        Parameters
        ----------
        share
            Between the guessing rate and 1.
        level
            Of the interval.

        Returns
        -------
        tuple
            Median, and the ends of the central interval.
        """
        delta = self.lapses[None, None, :]
        place = log_tail(share, guess=self.guess, lapse=delta) / self.slopes[None, :, None]
        values = np.broadcast_to(self.thresholds[:, None, None] + place, self.weights.shape)
        order = np.argsort(values, axis=None)
        ordered, reached = values.ravel()[order], np.cumsum(self.weights.ravel()[order])
        wanted = np.array([0.5, (1 - level) / 2, (1 + level) / 2])
        found = ordered[np.minimum(np.searchsorted(reached, wanted), reached.size - 1)]
        return float(found[0]), float(found[1]), float(found[2])

    @property
    def slope(self) -> float:
        """Posterior mean of beta."""
        return float((self.weights.sum(axis=(0, 2)) * self.slopes).sum())


def log_tail(share: float, *, guess: float, lapse: np.ndarray | float) -> np.ndarray:
    """Return ``log10(-ln((1 - lapse - share) / (1 - guess - lapse)))``: beta (x - t) at `share`.

    Raises
    ------
    InputError
        If no strength reaches `share`.
    """
    lapse = np.asarray(lapse, float)
    if not guess < share < 1 - lapse.max():
        raise InputError(
            f"a threshold at {share:g} must lie above guessing ({guess:g}) and below what lapses "
            f"leave ({1 - lapse.max():g})"
        )
    return np.asarray(np.log10(-np.log((1 - lapse - share) / (1 - guess - lapse))))


def posterior(
    x: np.ndarray, right: np.ndarray, quest: Quest, *, thresholds: np.ndarray | None = None
) -> Posterior:
    """Return the posterior of a staircase from its answers.

    Parameters
    ----------
    x
        log10 strengths shown: float (n,).
    right
        Whether each answer was right: (n,), 1 or 0.
    quest
        Slopes, lapse rates and guessing rate.
    thresholds
        Grid of t; where left out, from `MARGIN` below the weakest to as much above the
        strongest.

    Returns
    -------
    Posterior

    Raises
    ------
    InputError
        If there are no answers.

    Examples
    --------
    Weak degradations were guessed, strong ones always found:

    >>> import numpy as np
    >>> x = np.repeat([-1.0, 0.0, 1.0], 20)
    >>> right = np.concatenate([np.tile([0, 1], 10), np.tile([0, 1, 1, 1], 5), np.ones(20)])
    >>> middle, low, high = posterior(x, right, Quest()).strength_at(0.75)
    >>> low < 0 < high
    True
    """
    if len(x) == 0:
        raise InputError("a threshold needs answers, and there are none")
    if thresholds is None:
        thresholds = np.linspace(x.min() - MARGIN, x.max() + MARGIN, _GRID)
    slopes, lapses = np.array(quest.slopes, float), np.array(quest.lapses, float)
    t, beta, delta = np.meshgrid(thresholds, slopes, lapses, indexing="ij")
    log = np.zeros(t.shape)
    for shown in np.unique(x):
        answers = right[x == shown]
        p = 1 - delta - (1 - quest.guess - delta) * np.exp(-(10.0 ** (beta * (shown - t))))
        log += answers.sum() * np.log(p) + (1 - answers).sum() * np.log(1 - p)
    weights = np.exp(log - log.max())
    return Posterior(thresholds, slopes, lapses, weights / weights.sum(), quest.guess)
