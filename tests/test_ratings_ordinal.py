"""Ordered probit clustered by both, and equivalence by two one-sided tests."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ratings_worlds import rate, records, stimuli_table
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.stats.weightstats import DescrStatsW

from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.contrasts.equivalence import equivalence
from fechner.analysis.ratings.contrasts.ordinal import is_ordinal, ordered_probit
from fechner.analysis.ratings.matrices import rated_arms
from fechner.errors import InputError

DATA = Path(__file__).parent / "data"


def cut_to_5(ratings):
    return ratings.assign(rating=np.digitize(ratings["rating"], [35, 50, 65, 80]) + 1.0)


def test_the_estimate_equals_statsmodels_and_its_error_is_wider_for_clusters():
    table = pd.read_csv(DATA / "SIMULATED_crossed_acr.csv")
    arms = pd.DataFrame(
        {"participant": table["p"], "scene": table["i"], "region": table["cond"],
         "rating": table["y"]}
    )  # fmt: skip
    ours = ordered_probit(arms, "low", "high")
    rows = arms[arms["region"].isin(["low", "high"])]
    x = np.where(rows["region"] == "low", 0.5, -0.5)[:, None]
    theirs = OrderedModel(rows["rating"].astype(int).to_numpy(), x, distr="probit").fit(
        method="bfgs", disp=0
    )
    assert ours.converged
    assert ours.estimate == pytest.approx(theirs.params[0], abs=1e-4)
    assert ours.standard_error > 1.4 * theirs.bse[0]
    assert ours.df == 29


def test_null_worlds_are_called_effects_in_at_most_about_5_percent():
    """Naive errors do so in .27 of such worlds, errors clustered by participants alone in .18."""
    stimuli, called = stimuli_table(14), []
    for seed in range(60):
        ratings = cut_to_5(rate(stimuli, column="mse", participants=12, seed=seed))
        found = ordered_probit(rated_arms(*records(ratings, stimuli)), "low", "high")
        called.append(found.p < 0.05)
    assert np.mean(called) <= 0.1


def test_a_5_point_claim_carries_the_ordered_probit_and_a_slider_does_not():
    stimuli = stimuli_table(12)
    ratings = rate(stimuli, column="predicted_impact")
    found = claim(*records(cut_to_5(ratings), stimuli))
    assert [row.name for row in found.ordinal] == ["low - high", "donor - high"]
    assert found.ordinal[0].low > 0
    assert claim(*records(ratings, stimuli)).ordinal == []
    assert not is_ordinal(rated_arms(*records(ratings, stimuli)))


def test_one_category_is_refused():
    stimuli = stimuli_table(4)
    ratings = rate(stimuli, column="mse", participants=3).assign(rating=3.0)
    with pytest.raises(InputError, match="2 categories"):
        ordered_probit(rated_arms(*records(ratings, stimuli)), "low", "high")


def test_two_one_sided_tests_equal_statsmodels():
    values = np.random.default_rng(0).normal(0.1, 1, 40)
    summary = DescrStatsW(values)
    theirs = max(summary.ttost_mean(-0.4, 0.4)[1][1], summary.ttost_mean(-0.4, 0.4)[2][1])
    ours = equivalence(values.mean(), values.std(ddof=1) / 40**0.5, 39, 0.4)
    assert ours.p == pytest.approx(theirs)
    assert ours.equivalent == (theirs < 0.05)


def test_equivalence_holds_where_the_90_percent_interval_lies_inside_the_bound():
    for bound in (0.5, 1.0, 1.5, 2.0, 3.0):
        found = equivalence(0.4, 0.7, 25, bound)
        assert found.equivalent == (-bound < found.low and found.high < bound)


def test_a_bound_of_nothing_is_refused():
    with pytest.raises(InputError, match="bound"):
        equivalence(0.1, 0.2, 10, 0.0)
