"""How many points a predicted impact costs, and whether it goes on costing as much.

A correlation says that images keep their order; calibration says how much. With x the predicted
impact of a degraded image (squared grey levels, known without error) and y how many points below
the intact image a participant rated it, over all participants p, images i and arms a

    y_pia = intercept + slope x_ia + error

and, for saturation, with m the median impact, ``y = a + b x + c max(x - m, 0)``: c below 0 means
that harm grows less in the upper half than in the lower. New participants and new images would
both come out otherwise, so that errors are dependent within either. Their covariance is that of
leaving out participants, plus that of leaving out images, minus the part that both count
(Cameron, Gelbach and Miller 2011, with the jackknife in place of the sandwich, which is too short
where few images carry much of the slope), tested by t(min(participants, images) - 1).

Measured with the variances of `experiment.simulated`, 400 studies each of 30 x 24, 12 x 12, 13 x 9
and 20 x 48 participants by images (`benchmarks/predicted_harm.py`): 95 % intervals of the slope
hold the truth .94 to .96 of the time where harm is linear (.78 to .90 with images as the only
unit); saturation is claimed in .02 to .03 of linear worlds, and found in .36 to .98 of worlds that
follow 70 x / (x + 200), the less the smaller the study; the interval of the bend holds it .89 to
.94 of the time.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from fechner.analysis.ratings.prediction.drops import Drops
from fechner.records.prediction import Bend, BendPlace, CalibrationLine

LEAST_IMAGES = 4

KNOTS = np.linspace(0.1, 0.9, 33)
"""Quantiles of the impact at which a bend is looked for."""


def calibration_line(
    found: Drops, *, arm: str | None = None, level: float = 0.95
) -> CalibrationLine | None:
    """Return the line of drops over impacts; None with too few images or equal impacts.

    Parameters
    ----------
    found
        Drops below the intact image.
    arm
        Which arm; None for all together.
    level
        Of the intervals.
    """
    rows = found.of(arm)
    if len(set(rows.image)) < LEAST_IMAGES or np.ptp(rows.impact) <= 1e-9:
        return None
    fit = _Fit(rows, np.column_stack([np.ones(len(rows.impact)), rows.impact]))
    slope, intercept = fit.interval(1, level), fit.interval(0, level)
    return CalibrationLine(
        arm=arm,
        n_images=fit.n_images,
        n_participants=fit.n_participants,
        slope=fit.b[1], slope_low=slope[0], slope_high=slope[1],
        intercept=fit.b[0], intercept_low=intercept[0], intercept_high=intercept[1],
        df=fit.df,
        p=fit.p(1),
    )  # fmt: skip


def bend(
    found: Drops, *, level: float = 0.95, resamples: int = 1000, rng: np.random.Generator
) -> Bend | None:
    """Return whether harm grows less above the median impact, and where it stops.

    Parameters
    ----------
    found
        Drops below the intact image, of all arms.
    level
        Of the intervals.
    resamples
        Draws of images behind the interval of the place.
    rng
        Where they come from.

    Returns
    -------
    Bend or None
        None with fewer than four images, or impacts that do not differ on both sides.
    """
    x, points = found.impact, np.unique(found.impact)
    median = float(np.median(points))
    upper = np.maximum(x - median, 0)
    sides = (points < median).sum(), (points > median).sum()
    if len(set(found.image)) < LEAST_IMAGES or min(sides) < 2:
        return None
    fit = _Fit(found, np.column_stack([np.ones(len(x)), x, upper]))
    low, high = fit.interval(2, level)
    return Bend(
        median=median,
        below=fit.b[1], above=fit.b[1] + fit.b[2],
        change=fit.b[2], change_low=low, change_high=high, p=fit.p(2), df=fit.df,
        saturates=high < 0,
        place=_place(found, level, resamples, rng) if high < 0 else None,
    )  # fmt: skip


class _Fit:
    """Least squares with the two-way jackknife; plain over images where drops are means."""

    def __init__(self, rows: Drops, X: np.ndarray) -> None:
        y = rows.drop
        people, p = np.unique(rows.participant, return_inverse=True)
        images, i = np.unique(rows.image, return_inverse=True)
        self.n_images, self.n_participants = len(images), len(people) if people[0] else 0
        XX, Xy = X[:, :, None] * X[:, None], X * y[:, None]
        A, c = XX.sum(axis=0), Xy.sum(axis=0)
        self.b = np.linalg.lstsq(A, c, rcond=None)[0]
        variance = _jackknife(A, c, _sums(XX, i), _sums(Xy, i), self.b)
        self.df = self.n_images - 1
        if self.n_participants > 1:
            variance = variance + _jackknife(A, c, _sums(XX, p), _sums(Xy, p), self.b)
            scores = _sums(X * (y - X @ self.b)[:, None], p * len(images) + i)
            both = np.square(scores @ np.linalg.pinv(A)).sum(axis=0)
            # Where noise within cells is all there is, the difference can fall below that noise.
            variance = np.maximum(variance - both, both)
            self.df = min(self.df, self.n_participants - 1)
        self.error = np.sqrt(variance)

    def interval(self, k: int, level: float) -> tuple[float, float]:
        half = stats.t.ppf(0.5 + level / 2, self.df) * self.error[k]
        return float(self.b[k] - half), float(self.b[k] + half)

    def p(self, k: int) -> float:
        t = self.b[k] / max(self.error[k], 1e-300)
        return float(2 * stats.t.sf(abs(t), self.df))


def _sums(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the sums of (n, ...) values within groups, (n_groups, ...)."""
    total = np.zeros((groups.max() + 1, *values.shape[1:]))
    np.add.at(total, groups, values)
    return total


def _jackknife(
    A: np.ndarray, c: np.ndarray, XX: np.ndarray, Xy: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Return the variance ``(n - 1) / n sum_g (b_-g - b)^2`` of each b over n groups left out."""
    n = len(XX)
    moved = np.array(
        [np.linalg.lstsq(A - of, c - to, rcond=None)[0] for of, to in zip(XX, Xy, strict=True)]
    )
    return (n - 1) / n * np.square(moved - b).sum(axis=0)


def _place(found: Drops, level: float, resamples: int, rng: np.random.Generator) -> BendPlace:
    """Return the impact at which ``a + b min(x, k)`` fits best, and its interval over images."""
    images, i = np.unique(found.image, return_inverse=True)
    knots = np.quantile(np.unique(found.impact), KNOTS)
    moments = _knot_moments(found, i, knots)
    drawn = rng.multinomial(len(images), np.full(len(images), 1 / len(images)), resamples)
    places = knots[_best_knot(np.tensordot(drawn, moments, axes=1))]
    whole = knots[_best_knot(moments.sum(axis=0)[None])[0]]
    low, high = np.quantile(places, [0.5 - level / 2, 0.5 + level / 2])
    return BendPlace(at=whole, low=min(low, whole), high=max(high, whole))


def _knot_moments(found: Drops, i: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return sums of 1, f, f^2, y, f y over images, f = min(x, k), (n_images, n_knots, 5)."""
    f = np.minimum(found.impact[:, None], knots)
    y = np.broadcast_to(found.drop[:, None], f.shape)
    return _sums(np.stack([np.ones_like(f), f, f**2, y, f * y], axis=2), i)


def _best_knot(moments: np.ndarray) -> np.ndarray:
    """Return which knot explains most of the drops, for each draw of (n_draws, n_knots, 5)."""
    n, f, ff, y, fy = np.moveaxis(moments, -1, 0)
    spread = np.maximum(ff - f**2 / n, 1e-300)
    return np.argmax((fy - f * y / n) ** 2 / spread, axis=1)
