"""Calibration: what a predicted impact costs in points, and whether it stops costing more."""

import numpy as np
import pytest
from ratings_worlds import rate, records, stimuli_table

from fechner.analysis.ratings.matrices import rated_arms
from fechner.analysis.ratings.prediction.calibration import bend, calibration_line
from fechner.analysis.ratings.prediction.drops import Drops, arm_drops_by_image, drops
from fechner.analysis.ratings.prediction.tracking import predicted_against_observed

ARMS = ("low", "donor", "high")


def world(harm, *, participants=20, images=24, seed=0, slopes=0.3):
    """Drops of a crossed study whose true drop is `harm` of the impact, variances as simulated."""
    rng = np.random.default_rng(seed)
    P, N, A = participants, images, 3
    own = np.exp(0.35 * rng.normal(size=(N, 1)))
    impact = own * np.array([60, 140, 220]) * np.exp(0.3 * rng.normal(size=(N, A)))
    drop = harm(impact) * (1 + slopes * rng.normal(size=(P, 1, 1)))
    for sd, shape in ((3, (P, 1, A)), (5, (1, N, A)), (13, (P, N, A))):
        intact = (*shape[:2], 1)
        drop = drop + rng.normal(0, sd, shape) - rng.normal(0, sd, intact)
    p, i, a = np.indices(drop.shape)
    names = (np.array([f"{what}{k}" for k in range(99)], object) for what in ("i", "P"))
    image, person = next(names)[i.ravel()], next(names)[p.ravel()]
    arm = np.array(ARMS, object)[a.ravel()]
    every = np.broadcast_to(impact, drop.shape)
    return Drops(every.ravel(), drop.ravel(), arm, image, person)


def linear(impact):
    return 0.1 * impact


def saturating(impact):
    return 70 * impact / (impact + 200)


def level_above_150(impact):
    return 0.25 * np.minimum(impact, 150)


def test_slope_and_intercept_are_those_of_least_squares():
    found = world(linear)
    line = calibration_line(found)
    slope, intercept = np.polyfit(found.impact, found.drop, 1)
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept))
    assert line.slope_low < slope < line.slope_high
    assert (line.n_images, line.n_participants, line.df) == (24, 20, 19)


def test_errors_are_those_of_leaving_out_people_and_images():
    """Recomputed by refitting without each; the part that both count is White's, by cell."""
    found = world(linear, participants=6, images=5, seed=3)
    line = calibration_line(found)
    X = np.column_stack([np.ones(len(found.drop)), found.impact])

    def fit(rows):
        return np.linalg.lstsq(X[rows], found.drop[rows], rcond=None)[0]

    whole, variance = fit(np.ones(len(X), bool)), 0.0
    for names in (found.participant, found.image):
        n = len(set(names))
        moved = [fit(names != name) - whole for name in set(names)]
        variance += (n - 1) / n * np.square(moved).sum(axis=0)
    inverse, rest = np.linalg.inv(X.T @ X), found.drop - X @ whole
    both = 0.0
    for cell in {*zip(found.participant, found.image, strict=True)}:
        rows = (found.participant == cell[0]) & (found.image == cell[1])
        both = both + np.square(inverse @ (X[rows] * rest[rows, None]).sum(axis=0))
    half = 2.7764451 * np.sqrt(variance - both)  # t(4), 97.5 %
    assert line.slope_high - line.slope == pytest.approx(half[1], rel=1e-6)
    assert line.intercept_high - line.intercept == pytest.approx(half[0], rel=1e-6)


def test_impact_in_other_units_changes_the_slope_and_nothing_else():
    found = world(level_above_150)
    scaled = Drops(found.impact / 1000, *(getattr(found, n) for n in list(vars(found))[1:]))
    one, other = calibration_line(found), calibration_line(scaled)
    assert other.slope_low == pytest.approx(1000 * one.slope_low)
    assert other.intercept_high == pytest.approx(one.intercept_high)
    rng = np.random.default_rng
    bends = bend(found, rng=rng(0)), bend(scaled, rng=rng(0))
    assert bends[1].place.at == pytest.approx(bends[0].place.at / 1000)
    assert bends[1].p == pytest.approx(bends[0].p)


def test_new_people_and_new_images_are_covered():
    """People's slopes differ: with images as the only unit .78 to .90 of intervals would hold."""
    inside = []
    for seed in range(150):
        line = calibration_line(world(linear, seed=seed))
        inside.append(line.slope_low <= 0.1 <= line.slope_high)
    assert 0.9 <= np.mean(inside) <= 0.99


def test_a_line_is_seldom_called_bent_and_a_saturating_harm_mostly():
    def share(harm):
        rng = np.random.default_rng(0)
        worlds = [world(harm, seed=seed) for seed in range(100)]
        return np.mean([bend(w, resamples=20, rng=rng).saturates for w in worlds])

    assert share(linear) <= 0.06
    assert share(saturating) >= 0.75


def test_the_bend_lies_where_harm_stops_growing():
    found = bend(world(level_above_150, participants=30, images=48), rng=np.random.default_rng(0))
    assert found.saturates
    assert found.place.low <= 150 <= found.place.high
    assert found.place.at == pytest.approx(150, rel=0.15)
    assert found.below > 0.1
    assert abs(found.above) < 0.06
    assert found.change == pytest.approx(found.above - found.below)


def test_without_saturation_no_place_is_named():
    found = bend(world(linear), rng=np.random.default_rng(0))
    assert not found.saturates
    assert found.place is None


def test_few_images_and_equal_impacts_give_no_line():
    found = world(linear, images=3)
    assert calibration_line(found) is None
    assert bend(found, rng=np.random.default_rng(0)) is None
    flat = world(linear)
    flat = Drops(np.full_like(flat.impact, 9.0), *(getattr(flat, n) for n in list(vars(flat))[1:]))
    assert calibration_line(flat) is None
    assert bend(flat, rng=np.random.default_rng(0)) is None


def test_drops_of_people_average_to_the_drops_of_images():
    stimuli = stimuli_table(8)
    arms = rated_arms(*records(rate(stimuli, column="mse", participants=5), stimuli))
    means = arm_drops_by_image(arms, stimuli)
    found = drops(arms, means)
    assert len(found.drop) == 5 * 8 * 3
    row = means[9]
    here = (found.arm == row.arm) & (found.image == row.image)
    assert found.drop[here].mean() == pytest.approx(row.drop)
    assert set(found.impact[here]) == {row.predicted}
    assert set(found.of("high").arm) == {"high"}


def test_where_nobody_rated_both_the_means_of_images_are_fitted():
    """Half of the people rate intact images, half the degraded ones."""
    stimuli = stimuli_table(12)
    ratings = rate(stimuli, column="predicted_impact", participants=16)
    intact = ratings["image"].str.endswith("_intact")
    first = ratings["participant"] < "P08"
    arms = rated_arms(*records(ratings[intact == first], stimuli))
    found = drops(arms, arm_drops_by_image(arms, stimuli))
    assert set(found.participant) == {""}
    line = calibration_line(found)
    assert (line.n_participants, line.df) == (0, 11)


def test_the_prediction_holds_a_line_for_all_arms_and_one_for_each():
    stimuli = stimuli_table(12)
    ratings = rate(stimuli, column="predicted_impact", participants=10, slope=0.4)
    found = predicted_against_observed(*records(ratings, stimuli), resamples=50)
    assert [line.arm for line in found.calibration] == [None, "donor", "high", "low"]
    assert found.calibration[0].slope == pytest.approx(0.4, abs=0.15)
    assert found.calibration[0].slope_low > 0.2
    assert found.bend is not None


def test_without_intact_ratings_there_is_no_calibration():
    stimuli = stimuli_table(8)
    ratings = rate(stimuli, column="mse", participants=4)
    ratings = ratings[~ratings["image"].str.endswith("_intact")]
    found = predicted_against_observed(*records(ratings, stimuli), resamples=20)
    assert (found.calibration, found.bend, found.arms) == ([], None, [])
