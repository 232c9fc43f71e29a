"""The verdict in declared worlds, its rule, and what it says when something is wrong."""

import numpy as np
import pandas as pd
import pytest
from ratings_worlds import rate, stimuli_table

from fechner.analysis.ratings.claim import test_claim
from fechner.analysis.ratings.matrices import differences, rated_arms
from fechner.errors import InputError
from fechner.records.claim import read_claim


@pytest.fixture(scope="module")
def stimuli():
    return stimuli_table(16)


@pytest.mark.parametrize(
    ("column", "verdict"),
    [
        ("predicted_impact", "supported"),
        ("mse", "not supported"),
        ("centre_error", "not specific to the map"),
    ],
)
def test_each_world_gets_its_verdict(stimuli, column, verdict):
    claim = test_claim(rate(stimuli, column=column, seed=4), stimuli)
    assert claim.verdict == verdict
    effect = claim.contrast("low - high")
    assert effect.decides
    assert effect.model == "closed form"
    assert (effect.low > 0) == (verdict != "not supported")


def test_the_null_world_is_called_supported_at_most_rarely(stimuli):
    """Both intervals must lie above 0, so that fewer than 1 in 40 null worlds get through."""
    verdicts = [
        test_claim(rate(stimuli, column="mse", participants=10, seed=seed), stimuli).verdict
        for seed in range(30)
    ]
    assert verdicts.count("supported") <= 2
    assert verdicts.count("not supported") >= 26


def test_the_opposite_direction_is_said(stimuli):
    turned = stimuli.assign(predicted_impact=-stimuli["predicted_impact"])
    claim = test_claim(rate(turned, column="predicted_impact"), stimuli)
    assert claim.verdict == "not supported"
    assert "opposite direction" in claim.sentences[1]
    assert "points worse" in claim.sentences[0]


def test_without_a_control_arm_the_claim_cannot_be_supported(stimuli):
    ratings = rate(stimuli, column="predicted_impact")
    ratings = ratings[~ratings["image"].str.endswith("donor")]
    claim = test_claim(ratings, stimuli)
    assert claim.verdict == "not supported"
    assert "cannot be credited to the map" in claim.sentences[1]
    assert any("no control arm" in warning for warning in claim.warnings)


def test_missing_ratings_turn_to_reml_and_are_said(stimuli):
    ratings = rate(stimuli, column="predicted_impact").sample(frac=0.92, random_state=1)
    claim = test_claim(ratings, stimuli)
    assert claim.contrast("low - high").model == "REML"
    assert any("differences are missing" in warning for warning in claim.warnings)
    assert {row.model for row in claim.contrasts} == {"REML", "mixed model", "clustered"}


def test_a_design_without_pairs_turns_to_slopes(stimuli):
    ratings = rate(stimuli, column="predicted_impact", participants=24)
    number = ratings["participant"].str[1:].astype(int) + ratings["image"].str[5:7].astype(int)
    arm = ratings["image"].str[8:]
    order = np.array(["low", "high", "donor"])[number % 3]
    square = ratings[(arm == order) | (arm == "intact")]
    claim = test_claim(square, stimuli)
    assert claim.contrast("low - high").model == "REML slopes"
    assert claim.verdict == "supported"


def test_a_spammer_is_left_out_and_named(stimuli):
    ratings = rate(stimuli, column="predicted_impact")
    rows = ratings["participant"] == "P03"
    ratings.loc[rows, "rating"] = np.random.default_rng(0).uniform(0, 100, rows.sum())
    claim = test_claim(ratings, stimuli)
    assert claim.excluded == ["P03"]
    assert claim.n_participants == 15
    assert any("left out 1 of 16 participants: P03" in warning for warning in claim.warnings)
    assert test_claim(ratings, stimuli, minimum_agreement=None).excluded == []


def test_a_scale_whose_low_end_is_good_is_turned(stimuli):
    ratings = rate(stimuli, column="predicted_impact")
    turned = ratings.assign(rating=100 - ratings["rating"])
    a, b = test_claim(ratings, stimuli), test_claim(turned, stimuli, good="low")
    assert a.contrast("low - high").estimate == pytest.approx(b.contrast("low - high").estimate)


def test_a_claim_survives_its_file(stimuli, tmp_path):
    claim = test_claim(rate(stimuli, column="mse"), stimuli, simulated=True)
    claim.write(tmp_path / "claim.json")
    assert read_claim(tmp_path / "claim.json") == claim
    assert claim.provenance["simulated"]


def test_differences_equal_plain_pandas(stimuli):
    ratings = rate(stimuli, column="predicted_impact", participants=3)
    table = differences(rated_arms(ratings, stimuli), "low", "high")
    wide = ratings.pivot(index="participant", columns="image", values="rating")
    for k, scene in enumerate(table.images):
        expected = wide[f"{scene}_low"] - wide[f"{scene}_high"]
        np.testing.assert_allclose(table.values[:, k], expected)


def test_levels_are_compared_with_their_own_level():
    stimuli = pd.DataFrame(
        {
            "stimulus": ["l1", "h1", "l2", "h2"],
            "scene": "s",
            "region": ["low", "high"] * 2,
            "family": "blur",
            "level": [1, 1, 2, 2],
        }
    )
    ratings = pd.DataFrame(
        {"participant": "p", "image": ["l1", "h1", "h2"], "dimension": "q", "rating": [9, 7, 1]}
    )
    assert differences(rated_arms(ratings, stimuli), "low", "high").values.tolist() == [[2.0]]


def test_an_unknown_stimulus_is_named(stimuli):
    ratings = rate(stimuli, column="mse", participants=2)
    ratings.loc[0, "image"] = "image00_intct"
    with pytest.raises(InputError, match="did you mean 'image00_intact'"):
        test_claim(ratings, stimuli)


def test_two_dimensions_must_be_chosen_from(stimuli):
    ratings = rate(stimuli, column="mse", participants=2)
    both = pd.concat([ratings, ratings.assign(dimension="realism")])
    with pytest.raises(InputError, match="quality, realism"):
        test_claim(both, stimuli)


def test_a_file_that_is_no_claim_is_refused(tmp_path):
    (tmp_path / "claim.json").write_text("{}")
    with pytest.raises(InputError, match="is not a claim"):
        read_claim(tmp_path / "claim.json")


def test_ratings_on_which_nobody_agrees_are_refused_and_can_be_kept(stimuli):
    ratings = rate(stimuli, column="mse").assign(rating=50.0)
    with pytest.raises(InputError, match="leave out 16 of 16"):
        test_claim(ratings, stimuli)
    claim = test_claim(ratings, stimuli, minimum_agreement=None)
    assert claim.verdict == "not supported"
    assert claim.contrast("low - high").estimate == 0
