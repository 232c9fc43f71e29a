"""The verdict in declared worlds, its rule, and what it says when something is wrong."""

import numpy as np
import pandas as pd
import pytest
from ratings_worlds import rate, records, stimuli_table
from scipy import stats

from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.contrasts.crossed import closed_form
from fechner.analysis.ratings.matrices import differences, rated_arms
from fechner.errors import InputError
from fechner.records.claims.claim import read_claim
from fechner.records.ratings import Ratings
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.rules.screening_rule import EVERYBODY
from fechner.records.stimuli import StimulusTable


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
    found = claim(*records(rate(stimuli, column=column, seed=4), stimuli))
    assert found.verdict == verdict
    effect = found.contrast("low - high")
    assert effect.decides
    assert effect.model == "closed form"
    assert (effect.low > 0) == (verdict != "not supported")


def test_the_null_world_is_called_supported_at_most_rarely(stimuli):
    """Both intervals must lie above 0, so that fewer than 1 in 40 null worlds get through."""
    verdicts = [
        claim(*records(rate(stimuli, column="mse", participants=10, seed=seed), stimuli)).verdict
        for seed in range(30)
    ]
    assert verdicts.count("supported") <= 2
    assert verdicts.count("not supported") >= 26


def test_the_opposite_direction_is_said(stimuli):
    turned = stimuli.assign(predicted_impact=-stimuli["predicted_impact"])
    found = claim(*records(rate(turned, column="predicted_impact"), stimuli))
    assert found.verdict == "not supported"
    assert "opposite direction" in found.sentences[1]
    assert "points worse" in found.sentences[0]


def test_without_a_control_arm_the_claim_cannot_be_supported(stimuli):
    ratings = rate(stimuli, column="predicted_impact")
    ratings = ratings[~ratings["image"].str.endswith("donor")]
    found = claim(*records(ratings, stimuli))
    assert found.verdict == "not supported"
    assert "cannot be credited to the map" in found.sentences[1]
    assert any("no control arm 'donor'" in warning for warning in found.warnings)


def test_every_declared_control_must_be_beaten_and_other_arms_decide_nothing(stimuli):
    """The random arm is as harmful as high: declared, it takes the map's credit away."""
    more = stimuli[stimuli["region"] == "high"].assign(region="random")
    more["stimulus"] = more["stimulus"].str.replace("_high", "_random")
    more["predicted_impact"] += 3.0 * (np.arange(len(more)) % 2)
    every = pd.concat([stimuli, more], ignore_index=True)
    ratings, shown = records(rate(every, column="predicted_impact", seed=4), every)
    beside = claim(ratings, shown)
    assert beside.verdict == "supported"
    assert [row.name for row in beside.others] == ["random - high"]
    assert beside.holm == {"random - high": beside.others[0].p}
    declared = claim(ratings, shown, rule=ClaimRule(controls=("donor", "random")))
    assert declared.verdict == "not specific to the map"
    assert "the control mask 'random'" in declared.sentences[1]
    assert declared.others == []


def test_a_verdict_that_changes_with_screening_says_so_in_the_verdict(stimuli):
    """Five of sixteen answer at random: the weak effect shows only without them."""
    ratings = rate(stimuli, column="predicted_impact", slope=0.1, noise=5.0, image_slope=0.5)
    rows = ratings["participant"].isin([f"P{k:02d}" for k in range(5)])
    ratings.loc[rows, "rating"] = np.random.default_rng(2).uniform(0, 100, rows.sum())
    found = claim(*records(ratings, stimuli))
    assert set(found.excluded) == {f"P{k:02d}" for k in range(5)}
    assert found.otherwise.n_participants == 16
    assert found.depends_on_screening
    assert found.headline == f"{found.verdict}, but {found.otherwise.verdict} with everybody kept"
    turned = claim(*records(ratings, stimuli), screening=EVERYBODY)
    assert (turned.verdict, turned.otherwise.verdict) == (found.otherwise.verdict, found.verdict)
    assert turned.headline.endswith("with blind screening")


def test_a_margin_tests_every_contrast_for_being_smaller(stimuli):
    found = claim(*records(rate(stimuli, column="mse"), stimuli), rule=ClaimRule(margin=8.0))
    assert set(found.equivalence) == {"low - high", "donor - high"}
    assert found.equivalence["low - high"].equivalent
    assert found.provenance["parameters"]["rule"]["margin"] == 8.0
    assert found.verdict == "not supported"


def test_missing_ratings_turn_to_reml_and_are_said(stimuli):
    ratings = rate(stimuli, column="predicted_impact").sample(frac=0.92, random_state=1)
    found = claim(*records(ratings, stimuli))
    assert found.contrast("low - high").model == "REML"
    assert any("differences are missing" in warning for warning in found.warnings)
    assert {row.model for row in found.contrasts} == {"REML", "mixed model", "clustered"}


def test_a_design_without_pairs_turns_to_slopes(stimuli):
    ratings = rate(stimuli, column="predicted_impact", participants=24)
    number = ratings["participant"].str[1:].astype(int) + ratings["image"].str[5:7].astype(int)
    arm = ratings["image"].str[8:]
    order = np.array(["low", "high", "donor"])[number % 3]
    square = ratings[(arm == order) | (arm == "intact")]
    found = claim(*records(square, stimuli))
    assert found.contrast("low - high").model == "REML slopes"
    assert found.verdict == "supported"


def test_a_spammer_is_left_out_and_named(stimuli):
    ratings = rate(stimuli, column="predicted_impact", seed=1)
    rows = ratings["participant"] == "P03"
    ratings.loc[rows, "rating"] = np.random.default_rng(0).uniform(0, 100, rows.sum())
    found = claim(*records(ratings, stimuli))
    assert found.excluded == ["P03"]
    assert found.n_participants == 15
    assert any("left out 1 of 16 participants: P03" in warning for warning in found.warnings)
    assert claim(*records(ratings, stimuli), screening=EVERYBODY).excluded == []


def test_a_scale_whose_low_end_is_good_is_turned(stimuli):
    ratings = rate(stimuli, column="predicted_impact")
    turned = ratings.assign(rating=100 - ratings["rating"])
    a, b = claim(*records(ratings, stimuli)), claim(*records(turned, stimuli, good="low"))
    assert a.contrast("low - high").estimate == pytest.approx(b.contrast("low - high").estimate)


def test_a_claim_survives_its_file(stimuli, tmp_path):
    found = claim(*records(rate(stimuli, column="mse"), stimuli, simulated=True))
    found.write(tmp_path / "claim.json")
    assert read_claim(tmp_path / "claim.json") == found
    assert found.provenance["simulated"]


def test_differences_equal_plain_pandas(stimuli):
    ratings = rate(stimuli, column="predicted_impact", participants=3)
    table = differences(rated_arms(*records(ratings, stimuli)), "low", "high")
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
    assert differences(rated_arms(*records(ratings, stimuli)), "low", "high").values.tolist() == [
        [2.0]
    ]


def test_an_unknown_stimulus_is_named(stimuli):
    ratings = rate(stimuli, column="mse", participants=2)
    ratings.loc[0, "image"] = "image00_intct"
    with pytest.raises(InputError, match="did you mean 'image00_intact'"):
        claim(*records(ratings, stimuli))


def test_two_dimensions_must_be_chosen_from(stimuli):
    ratings = rate(stimuli, column="mse", participants=2)
    both = pd.concat([ratings, ratings.assign(dimension="realism")])
    with pytest.raises(InputError, match="quality, realism"):
        claim(*records(both, stimuli))


def test_a_file_that_is_no_claim_is_refused(tmp_path):
    (tmp_path / "claim.json").write_text("{}")
    with pytest.raises(InputError, match="is not a claim"):
        read_claim(tmp_path / "claim.json")


def test_identical_ratings_are_an_effect_of_zero_and_nobodys_fault(stimuli):
    ratings = rate(stimuli, column="mse").assign(rating=50.0)
    found = claim(*records(ratings, stimuli))
    assert found.verdict == "not supported"
    assert found.excluded == []
    assert found.contrast("low - high").estimate == 0


def test_what_the_records_say_is_what_the_claim_says(stimuli):
    table = rate(stimuli, column="predicted_impact", participants=4)
    ratings, shown = records(table, stimuli, simulated=True)
    found = claim(ratings, shown)
    assert found.simulated
    assert found.provenance["inputs"] == {"ratings": ratings.sha256, "stimuli": shown.sha256}
    assert found.provenance["parameters"]["good"] == "high"
    real = records(table, stimuli)
    assert not claim(*real).simulated
    assert claim(real[0], StimulusTable(stimuli, simulated=True)).simulated


def test_ratings_without_a_declared_scale_are_refused(stimuli):
    ratings, shown = records(rate(stimuli, column="mse", participants=4), stimuli)
    with pytest.raises(InputError, match="no declared scale"):
        claim(Ratings(ratings.table, {}), shown)


def test_a_dimension_is_found_by_its_name_and_a_misspelt_one_is_named(stimuli):
    ratings = rate(stimuli, column="predicted_impact", participants=4)
    both = pd.concat([ratings, ratings.assign(dimension="0801", rating=100 - ratings["rating"])])
    assert claim(*records(both, stimuli), dimension="0801").contrast("low - high").estimate < 0
    with pytest.raises(InputError, match="did you mean 'quality'"):
        claim(*records(both, stimuli), dimension="qualty")


def test_every_image_of_a_contrast_is_the_mean_of_its_differences_with_a_t_interval(stimuli):
    ratings = rate(stimuli, column="predicted_impact", participants=7)
    found = claim(*records(ratings, stimuli))
    wide = ratings.pivot(index="participant", columns="image", values="rating")
    names = ["low - high", "donor - high", "intact - low", "intact - donor", "intact - high"]
    assert list(dict.fromkeys(row.name for row in found.images)) == names
    for row in found.images:
        first, second = row.name.split(" - ")
        values = wide[f"{row.image}_{first}"] - wide[f"{row.image}_{second}"]
        interval = stats.ttest_1samp(values, 0).confidence_interval(found.level)
        assert row.estimate == pytest.approx(values.mean())
        assert (row.low, row.high) == pytest.approx(tuple(interval))
        assert row.n_participants == 7


def test_drops_from_intact_are_tested_like_the_contrasts(stimuli):
    ratings, shown = records(rate(stimuli, column="predicted_impact"), stimuli)
    found = claim(ratings, shown, screening=EVERYBODY)
    assert [row.name for row in found.drops] == ["intact - low", "intact - donor", "intact - high"]
    arms = rated_arms(ratings, shown)
    for row in found.drops:
        test = closed_form(differences(arms, *row.name.split(" - ")))
        assert (row.estimate, row.low, row.high) == (test.estimate, test.low, test.high)


def test_the_claim_holds_the_screening_of_everybody(stimuli):
    ratings = rate(stimuli, column="predicted_impact", seed=1)
    rows = ratings["participant"] == "P03"
    ratings.loc[rows, "rating"] = 50.0
    found = claim(*records(ratings, stimuli))
    assert [row.participant for row in found.participants if not row.kept] == ["P03"]
    harsh = next(row for row in found.participants if row.participant == "P03")
    assert (harsh.n, harsh.mean, harsh.sd, harsh.agreement) == (64, 50.0, 0.0, 0.0)
    everybody = claim(*records(ratings, stimuli), screening=EVERYBODY)
    assert all(row.kept for row in everybody.participants)


def test_one_rating_an_image_gives_no_interval():
    stimuli = stimuli_table(6)
    ratings = rate(stimuli, column="mse", participants=5)
    lonely = ratings["image"].str.startswith("image00") & (ratings["participant"] != "P00")
    found = claim(*records(ratings[~lonely], stimuli))
    row = next(row for row in found.images if row.image == "image00")
    assert (row.low, row.high, row.n_participants) == (None, None, 1)
