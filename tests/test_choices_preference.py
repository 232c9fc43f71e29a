"""Whether one arm is chosen oftener: equal to lme4, level held, intervals within -1 and 1."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fechner.analysis.ratings.choices.links import logit, probit, weibull
from fechner.analysis.ratings.choices.preference import (
    by_every_preference_model,
    clustered_preference,
    crossed_logistic,
    crossed_preference,
    preferences,
)
from fechner.analysis.ratings.choices.random_effects import RandomFactor, fit_choices
from fechner.analysis.ratings.matrices import Differences
from fechner.errors import InputError

DATA = Path(__file__).parent / "data"
R = json.loads((DATA / "choices_reference.json").read_text("utf-8"))["preference"]


def simulated():
    return pd.read_csv(DATA / "SIMULATED_preferences.csv")


def test_the_crossed_logistic_model_is_that_of_lme4():
    rows = simulated()
    _, p = np.unique(rows["participant"], return_inverse=True)
    _, i = np.unique(rows["scene"], return_inverse=True)
    factors = {"participant": RandomFactor(p), "scene": RandomFactor(i)}
    y = rows["share"].to_numpy(float)
    fit = fit_choices(y, np.ones((len(rows), 1)), factors, logit())
    assert fit.converged
    assert fit.fixed[0] == pytest.approx(R["fixed"]["(Intercept)"], abs=1e-4)
    assert np.sqrt(fit.covariance[0, 0]) == pytest.approx(R["error"]["(Intercept)"], abs=1e-4)
    for name, variance in R["variances"].items():
        assert fit.variances[name] == pytest.approx(variance, abs=1e-3)
    assert fit.deviance == pytest.approx(R["deviance"], abs=1e-5)


@pytest.mark.parametrize("link", [logit(), probit(), weibull(guess=0.5, lapse=0.02)])
def test_the_slope_of_a_link_is_its_derivative(link):
    eta = np.linspace(-3, 2, 41)
    numeric = (link.inverse(eta + 1e-6) - link.inverse(eta - 1e-6)) / 2e-6
    np.testing.assert_allclose(link.slope(eta), numeric, atol=1e-8)


def test_the_mean_over_people_and_images_is_that_of_many_simulated_answers():
    rows = simulated()
    found = crossed_logistic(rows, "low - high")
    rng = np.random.default_rng(1)
    b = R["fixed"]["(Intercept)"]
    z = b + rng.normal(0, np.sqrt(sum(R["variances"].values())), 400_000)
    share = (1 / (1 + np.exp(-z))).mean()
    assert found.estimate == pytest.approx(2 * share - 1, abs=0.004)
    assert found.low < found.estimate < found.high


def table(values):
    names = (tuple(f"P{k}" for k in range(values.shape[0])),
             tuple(f"i{k}" for k in range(values.shape[1])))  # fmt: skip
    return Differences(values, *names, "low", "high")


def drawn(rng, participants, images, *, person, image, effect=0.0, missing=0.0):
    """Choices of low (1) or high (-1) whose people and images differ; SD 1 is the trial's."""
    z = (effect + rng.normal(0, person, (participants, 1)) + rng.normal(0, image, (1, images))
         + rng.normal(0, 1, (participants, images)))  # fmt: skip
    values = np.where(z > 0, 1.0, -1.0)
    values[rng.random(values.shape) < missing] = np.nan
    return table(values)


@pytest.mark.proof
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize(("participants", "images"), [(30, 24), (12, 12), (8, 20)])
def test_in_null_worlds_the_model_that_decides_keeps_its_level(participants, images, missing):
    rng = np.random.default_rng(21)
    found = [
        crossed_preference(
            drawn(rng, participants, images, person=0.46, image=0.385, missing=missing)
        ).p
        for _ in range(600)
    ]
    # Three binomial standard errors about .05 are .023 to .077; it may be a little careful.
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.065


def test_a_binomial_test_would_not_keep_it():
    from scipy import stats

    rng = np.random.default_rng(22)
    shares = [drawn(rng, 30, 24, person=0.46, image=0.385).values.mean() / 2 for _ in range(200)]
    p = 2 * stats.norm.sf(np.abs(shares) / np.sqrt(0.25 / 720))
    assert np.mean(p < 0.05) > 0.25


@pytest.mark.parametrize("effect", [0.0, 0.5, 1.5, 4.0])
@pytest.mark.parametrize("model", [crossed_preference, clustered_preference])
def test_intervals_stay_within_the_range_of_shares(model, effect):
    rng = np.random.default_rng(3)
    for _ in range(20):
        found = model(drawn(rng, 10, 8, person=0.4, image=0.4, effect=effect))
        assert -1 <= found.low <= found.estimate + 1e-12 <= found.high + 2e-12 <= 1 + 3e-12


def test_where_everybody_chose_alike_the_interval_is_that_of_as_many_witnesses_as_people():
    found = crossed_preference(table(np.ones((8, 20))))
    assert found.estimate == 1.0 and found.high == 1.0
    t = 2.364624251  # t(7) at .975
    assert (1 + found.low) / 2 == pytest.approx(8 / (8 + t**2), abs=1e-6)


def test_swapping_the_arms_turns_the_sign_and_nothing_else():
    rng = np.random.default_rng(5)
    one = drawn(rng, 12, 9, person=0.5, image=0.5, effect=0.4, missing=0.1)
    other = Differences(-one.values, one.participants, one.images, "high", "low")
    a, b = crossed_preference(one), crossed_preference(other)
    assert (a.estimate, a.low, a.high) == pytest.approx((-b.estimate, -b.high, -b.low), abs=1e-7)
    assert a.p == pytest.approx(b.p, abs=1e-7)


def compared(rows):
    columns = ["participant", "scene", "region_first", "level_first", "region_second",
               "level_second", "share"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(family_first="blur", family_second="blur")


def test_only_direct_comparisons_at_one_level_count_whichever_stands_first():
    rows = compared(
        [
            ("P1", "a", "low", 1, "high", 1, 1.0),
            ("P1", "a", "high", 2, "low", 2, 0.0),
            ("P1", "a", "low", 1, "high", 2, 0.0),
            ("P1", "a", "donor", 1, "high", 1, 0.0),
            ("P2", "a", "high", 1, "low", 1, 1.0),
        ]
    )
    assert preferences(rows, "low", "high").values.tolist() == [[1.0], [-1.0]]
    assert preferences(rows, "high", "low").values.tolist() == [[-1.0], [1.0]]


def test_every_model_says_the_same_of_a_clear_preference():
    rng = np.random.default_rng(9)
    D = drawn(rng, 15, 15, person=0.3, image=0.3, effect=1.0)
    rows = compared(
        [
            (p, i, "low", 1, "high", 1, float(D.values[a, b] > 0))
            for a, p in enumerate(D.participants)
            for b, i in enumerate(D.images)
        ]
    )
    found = by_every_preference_model(rows, "low", "high", 0.95)
    assert [row.model for row in found] == ["closed form", "clustered", "crossed logistic"]
    assert [row.decides for row in found] == [True, False, False]
    assert all(row.low > 0 for row in found)
    assert np.ptp([row.estimate for row in found]) < 0.03


def test_arms_that_were_never_compared_are_named():
    rows = compared([("P1", "a", "low", 1, "high", 1, 1.0)])
    with pytest.raises(InputError, match="'donor' and 'high' were never compared within a scene"):
        preferences(rows, "donor", "high")
