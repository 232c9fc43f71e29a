"""How many participants a MOS needs, from how participants differ.

The t interval of the MOS of one image, rated once by each of n participants, has the expected
width

    E[width] = 2 t_{n-1} c4(n) s / sqrt(n),     s^2 = s_p^2 + s_e^2

with the participants' and the residual variance (`sources`) and c4 the mean of a sample SD over
the true one. Where only differences between images matter, the participants' biases drop out
(bias-removed MOS, ITU-T P.913) and s is s_e alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.reliability.sources import Sources
from fechner.errors import InputError

MOST = 1_000_000
"""Participants above which no study is planned."""

MOST_RATINGS = 2_000_000
"""Ratings in all random parts of a panel of one size."""


def expected_width(sd: float, participants: np.ndarray, *, level: float = 0.95) -> np.ndarray:
    """Return the expected width of the interval of a MOS, in points.

    Parameters
    ----------
    sd
        Of the ratings of one image, in points.
    participants
        Numbers of participants, 2 or more.
    level
        Of the interval.

    Returns
    -------
    numpy.ndarray
        As `participants`.

    Examples
    --------
    >>> expected_width(0.8, np.array([15, 24, 60])).round(2)
    array([0.87, 0.67, 0.41])
    """
    n = np.asarray(participants, float)
    log_c4 = special.gammaln(n / 2) - special.gammaln((n - 1) / 2)
    c4 = np.sqrt(2 / (n - 1)) * np.exp(log_c4)
    return 2 * stats.t.ppf(0.5 + level / 2, n - 1) * c4 * sd / np.sqrt(n)


def participants_for(width: float, sd: float, *, level: float = 0.95) -> int:
    """Return the smallest number of participants whose expected width is at most `width`.

    Parameters
    ----------
    width
        Wanted width of the interval from end to end, in points.
    sd
        Of the ratings of one image, in points.
    level
        Of the interval.

    Returns
    -------
    int
        2 or more.

    Raises
    ------
    InputError
        If the width is not above 0, or a million participants do not reach it.

    Examples
    --------
    >>> participants_for(0.5, 0.8)
    42
    """
    if not width > 0:
        raise InputError(f"a width above 0 is expected, got {width:g}")
    below, enough = 1, 2
    while expected_width(sd, np.array([enough]), level=level)[0] > width:
        below, enough = enough, 2 * enough
        if enough > MOST:
            raise InputError(f"a width of {width:g} points is not reached by {MOST} participants")
    while enough - below > 1:
        middle = (below + enough) // 2
        if expected_width(sd, np.array([middle]), level=level)[0] > width:
            below = middle
        else:
            enough = middle
    return enough


def planning_sizes(needed: int, panel: int) -> list[int]:
    """Return numbers of participants for a curve: dense where widths change, `needed` among them.

    Examples
    --------
    >>> planning_sizes(42, 24)
    [4, 5, 7, 10, 13, 18, 24, 33, 42, 44, 60]
    """
    largest = max(2 * panel, int(1.3 * needed), 60)
    grid = np.geomspace(4, largest, 10).round().astype(int)
    return sorted({*grid.tolist(), needed, panel} - {0, 1})


def width_table(
    matrix: RatingMatrix,
    sources: Sources,
    participants: Sequence[int],
    *,
    level: float = 0.95,
    draws: int = 400,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the width of a MOS's interval for numbers of participants, three ways.

    Parameters
    ----------
    matrix
        The ratings that `sources` came from.
    sources
        Their variances.
    participants
        Numbers of participants, 2 or more.
    level
        Of the intervals.
    draws
        Simulated panels, and at most as many random parts of the real one, for each number.
    rng
        Where they come from.

    Returns
    -------
    pandas.DataFrame
        One row a number: ``participants``; ``width`` and ``width_bias_removed`` by formula;
        ``simulated`` with its Monte-Carlo standard error ``simulated_error``, from normal ratings
        with these variances; ``observed``, the mean over images and random parts of the real
        panel, NaN above its size. All in points.
    """
    n = np.asarray(participants, int)
    simulated = [_simulated(sources, int(k), level, draws, rng) for k in n]
    return pd.DataFrame(
        {
            "participants": n,
            "width": expected_width(sources.rating_sd, n, level=level),
            "width_bias_removed": expected_width(sources.residual_sd, n, level=level),
            "simulated": [mean for mean, _ in simulated],
            "simulated_error": [error for _, error in simulated],
            "observed": [_observed(matrix.values, int(k), level, draws, rng) for k in n],
        }
    )


def _simulated(
    sources: Sources, n: int, level: float, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    # Ratings of one image a panel: images of one panel share its participants' biases, so that
    # only panels are independent draws of the width.
    bias = rng.normal(0, sources.participant_sd, (draws, n))
    ratings = bias + rng.normal(0, sources.residual_sd, (draws, n))
    widths = _widths(ratings, level)
    return float(widths.mean()), float(widths.std(ddof=1) / np.sqrt(draws))


def _observed(
    values: np.ndarray, n: int, level: float, draws: int, rng: np.random.Generator
) -> float:
    images, P = values.shape
    if n > P:
        return float("nan")
    # Images average out what parts differ by: of a thousand images a few parts are enough.
    parts = [
        _widths(values[:, rng.permutation(P)[:n]], level)
        for _ in range(min(draws, max(10, MOST_RATINGS // (images * n))))
    ]
    return float(np.nanmean(np.concatenate(parts)))


def _widths(ratings: np.ndarray, level: float) -> np.ndarray:
    """Return the width of the t interval of each row; NaN where it has fewer than two ratings."""
    here = np.isfinite(ratings)
    n = here.sum(axis=1)
    filled = np.where(here, ratings, 0.0)
    mean = filled.sum(axis=1) / np.maximum(n, 1)
    squares = (np.where(here, ratings - mean[:, None], 0.0) ** 2).sum(axis=1)
    df = np.maximum(n - 1, 1)
    width = 2 * stats.t.ppf(0.5 + level / 2, df) * np.sqrt(squares / df / np.maximum(n, 1))
    return np.where(n > 1, width, np.nan)
