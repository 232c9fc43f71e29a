"""Correlations over images: their intervals stay where correlations lie."""

import numpy as np
import pytest
from scipy import stats

from fechner.analysis.ratings.correlation import (
    correlate,
    correlation_difference,
    difference_interval,
    disattenuated,
    left_out,
    partial,
    pearson,
)


def test_the_interval_is_that_of_images_left_out_on_fishers_scale():
    """Recomputed image by image from scipy's pearsonr."""
    x, y = np.random.default_rng(0).normal(size=(2, 12))
    y = x + y
    z = [np.arctanh(stats.pearsonr(np.delete(x, k), np.delete(y, k))[0]) for k in range(12)]
    error = np.sqrt(11 / 12 * np.square(z - np.mean(z)).sum())
    r = stats.pearsonr(x, y)[0]
    expected = np.tanh(np.arctanh(r) + stats.t.ppf([0.025, 0.975], 10) * error)
    found = correlate(x, y)
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_with_many_normal_images_the_interval_is_fishers():
    """scipy 1.17 `pearsonr(x, y).confidence_interval()` is tanh(artanh r -+ z / sqrt(n - 3))."""
    x, y = np.random.default_rng(1).normal(size=(2, 3000))
    found, expected = correlate(x, x + y), stats.pearsonr(x, x + y).confidence_interval()
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=2e-3)


def test_a_partial_correlation_may_hold_several_things_constant():
    """Cramer: the partial correlation is -P_xy / sqrt(P_xx P_yy), P the inverse correlations."""
    x, y, z, w = np.random.default_rng(1).normal(size=(4, 30))
    x, y = x + z + w, y + z - w
    P = np.linalg.inv(np.corrcoef([x, y, z, w]))
    found = partial(x, y, np.column_stack([z, w]))
    assert found.r == pytest.approx(-P[0, 1] / np.sqrt(P[0, 0] * P[1, 1]))
    assert found.df == 26


@pytest.mark.parametrize("n", [4, 5, 12])
def test_no_interval_leaves_the_correlations(n):
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    for y in (x, -x, x + 1e-3 * rng.normal(size=n), rng.normal(size=n), np.ones(n)):
        for found in (
            correlate(x, y),
            correlate(x, y, ranks=True),
            partial(x, y, rng.normal(size=n)),
        ):
            assert -1 <= found.low <= found.r <= found.high <= 1


def test_three_images_say_nothing():
    found = correlate(np.arange(3.0), np.array([0.0, 1, 3]))
    assert (found.low, found.high) == (-1.0, 1.0)


@pytest.mark.parametrize("ranks", [False, True])
def test_ninety_five_of_a_hundred_intervals_hold_the_true_correlation(ranks):
    """Population correlation .6; that of ranks is 6 / pi arcsin(.6 / 2) (Pearson 1907)."""
    rng, inside = np.random.default_rng(2), []
    true = 6 / np.pi * np.arcsin(0.3) if ranks else 0.6
    for _ in range(1000):
        x, e = rng.normal(size=(2, 24))
        found = correlate(x, 0.6 * x + 0.8 * e, ranks=ranks)
        inside.append(found.low <= true <= found.high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_skewed_predictions_are_covered_where_fishers_interval_is_too_short():
    """Predicted harm is skewed: Fisher's interval holds the true correlation .84 of the time."""
    rng, inside, fisher = np.random.default_rng(3), [], []
    big = np.exp(0.6 * rng.normal(size=400_000))
    true = big.std() / np.hypot(big.std(), 0.5)
    for _ in range(500):
        x = np.exp(0.6 * rng.normal(size=24))
        found = correlate(x, x + 0.5 * rng.normal(size=24))
        inside.append(found.low <= true <= found.high)
        fisher.append(abs(np.arctanh(found.r) - np.arctanh(true)) <= 1.96 / np.sqrt(21))
    assert np.mean(inside) >= 0.89
    assert np.mean(fisher) <= 0.87


def test_the_difference_of_two_correlations_has_zous_interval():
    """Zou 2007, p. 409: r .396 and .179 sharing a variable, r .088 between the others, n 66."""
    r1, r2, r3, n = 0.396, 0.179, 0.088, 66
    ends = [
        (r, *np.tanh(np.arctanh(r) + np.array([-1, 1]) * stats.norm.ppf(0.975) / np.sqrt(n - 3)))
        for r in (r1, r2)
    ]
    c = (r3 - r1 * r2 / 2) * (1 - r1**2 - r2**2 - r3**2) + r3**3
    found = difference_interval(*ends, c / ((1 - r1**2) * (1 - r2**2)))
    assert found == pytest.approx((-0.093, 0.517), abs=1e-3)


def test_a_prediction_against_itself_does_not_differ():
    x, y = np.random.default_rng(0).normal(size=(2, 20))
    difference, low, high = correlation_difference(x, x, x + y)
    assert difference == 0
    assert low <= 0 <= high


def test_exchanging_the_two_predictions_turns_the_difference_round():
    x, v, y = np.random.default_rng(2).normal(size=(3, 20))
    d, low, high = correlation_difference(x, v, x + y)
    assert correlation_difference(v, x, x + y) == pytest.approx((-d, -high, -low))


@pytest.mark.parametrize("shared", [0.0, 0.6, 0.9])
def test_equal_predictions_are_told_apart_about_5_times_in_100(shared):
    rng, apart = np.random.default_rng(7), []
    for _ in range(600):
        z, e = rng.normal(size=(2, 24)), rng.normal(size=24)
        other = shared * z[0] + np.sqrt(1 - shared**2) * z[1]
        _, low, high = correlation_difference(z[0], other, z[0] + other + e)
        apart.append(low > 0 or high < 0)
    assert 0.01 <= np.mean(apart) <= 0.075


def test_leaving_out_gives_one_value_an_image():
    x, y = np.random.default_rng(0).normal(size=(2, 9))
    assert left_out(pearson, x, y)[4] == pytest.approx(pearson(np.delete(x, 4), np.delete(y, 4)))


def test_a_corrected_correlation_and_its_interval_never_exceed_one():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=12)
    for sign in (1, -1):
        corrected, (low, high) = disattenuated(
            sign * truth, truth, lambda columns: 0.5, resamples=100, rng=rng
        )
        assert corrected == sign
        assert -1 <= low <= high <= 1
