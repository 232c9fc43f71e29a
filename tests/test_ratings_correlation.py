"""Correlations over images: their intervals stay where correlations lie."""

import numpy as np
import pytest

from fechner.analysis.ratings.correlation import (
    correlate,
    disattenuated,
    fisher_interval,
    partial,
)


def test_the_interval_is_fishers_worked_example():
    """scipy 1.17 `pearsonr(x, y).confidence_interval()` uses the same transformation."""
    from scipy import stats

    x, y = np.random.default_rng(0).normal(size=(2, 25))
    found, expected = correlate(x, x + y), stats.pearsonr(x, x + y).confidence_interval()
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_a_partial_correlation_loses_one_image_for_what_is_held_constant():
    x, y, z = np.random.default_rng(1).normal(size=(3, 30))
    found = partial(x, y, z)
    assert (found.low, found.high) == pytest.approx(fisher_interval(found.r, 29))


@pytest.mark.parametrize("r", [-1.0, -0.99, 0.0, 0.4, 0.999, 1.0])
@pytest.mark.parametrize("n", [3, 4, 5, 40])
def test_no_interval_leaves_the_correlations(r, n):
    for ranks in (False, True):
        low, high = fisher_interval(r, n, ranks=ranks)
        assert -1 <= low <= r <= high <= 1


def test_three_images_say_nothing():
    assert fisher_interval(0.9, 3) == (-1.0, 1.0)


@pytest.mark.parametrize("ranks", [False, True])
def test_ninety_five_of_a_hundred_intervals_hold_the_true_correlation(ranks):
    """Population correlation .6; that of ranks is 6 / pi arcsin(.6 / 2) (Pearson 1907)."""
    rng, inside = np.random.default_rng(2), []
    true = 6 / np.pi * np.arcsin(0.3) if ranks else 0.6
    for _ in range(2000):
        x, e = rng.normal(size=(2, 24))
        found = correlate(x, 0.6 * x + 0.8 * e, ranks=ranks)
        inside.append(found.low <= true <= found.high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_a_corrected_correlation_and_its_interval_never_exceed_one():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=12)
    for sign in (1, -1):
        corrected, (low, high) = disattenuated(
            sign * truth, truth, lambda columns: 0.5, resamples=100, rng=rng
        )
        assert corrected == sign
        assert -1 <= low <= high <= 1
