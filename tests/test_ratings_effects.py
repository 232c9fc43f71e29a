"""d of the contrasts of the claim: the same as that of any contrast, and its own meaning."""

import numpy as np
import pandas as pd
import pytest
from ratings_worlds import rate, records, stimuli_table

from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.comparing.family import compare_conditions
from fechner.records.rules.screening_rule import EVERYBODY


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_the_claim_and_the_family_of_contrasts_give_one_d(missing):
    stimuli = stimuli_table(14, seed=1)
    table = rate(stimuli, column="predicted_impact", participants=11, slope=0.2)
    table = table[np.random.default_rng(0).random(len(table)) >= missing]
    ratings, shown = records(table, stimuli)
    found = claim(ratings, shown, screening=EVERYBODY).effects["low - high"]
    other = compare_conditions(ratings, shown, factor="region", of=[["low", "high"]])
    expected = other.rows[0].effect
    assert (found.d, found.low, found.high, found.sd) == pytest.approx(
        (expected.d, expected.low, expected.high, expected.sd)
    )


def test_d_is_the_difference_over_the_sd_of_one_rating():
    """A large table made of known variances: 36 + 36 + 9 + 4 + 64 squared points, 6 apart."""
    rng, P, N = np.random.default_rng(2), 120, 150
    values = 50 + np.array([6.0, 0.0])
    values = values + rng.normal(0, 6, (P, 1, 1)) + rng.normal(0, 6, (1, N, 1))
    values = values + rng.normal(0, 3, (1, N, 2)) + rng.normal(0, 2, (P, 1, 2))
    values = values + rng.normal(0, 8, (P, N, 2))
    stimuli = stimuli_table(N).query("region in ('low', 'high')").reset_index(drop=True)
    order = {name: k for k, name in enumerate(stimuli["scene"].unique())}
    table = rate(stimuli, column="mse", participants=1).drop(columns="rating")
    rows = table.merge(stimuli, left_on="image", right_on="stimulus")
    at = rows["scene"].map(order), rows["region"].map({"low": 0, "high": 1})
    people = [
        table.assign(participant=f"P{p:03d}", rating=np.clip(values[p][at], 0, 100))
        for p in range(P)
    ]
    found = claim(*records(pd.concat(people), stimuli), screening=EVERYBODY)
    effect = found.effects["low - high"]
    assert effect.sd == pytest.approx(np.sqrt(149), rel=0.05)
    assert effect.d == pytest.approx(6 / np.sqrt(149), abs=0.08)
    assert effect.low < 6 / np.sqrt(149) < effect.high


def test_ratings_that_never_vary_have_no_d():
    stimuli = stimuli_table(6)
    ratings = rate(stimuli, column="mse", participants=5).assign(rating=40.0)
    assert claim(*records(ratings, stimuli), screening=EVERYBODY).effects == {}
