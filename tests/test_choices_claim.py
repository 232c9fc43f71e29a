"""The claim on paired comparisons: the same rule, recognised by its table."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.matrices import rating_matrix
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.claims.claim import read_claim
from fechner.records.ratings import ratings_from_table
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.rules.screening_rule import EVERYBODY
from fechner.records.scales import Scale
from fechner.records.screening.attention import Attention
from fechner.records.stimuli import StimulusTable

ARMS = ("intact", "low", "donor", "high")


def world(quality, *, participants=16, images=15, seed=0, pairs=None):
    """Everybody compares all pairs of arms of every image, either of them first."""
    rng = np.random.default_rng(seed)
    q = np.array([quality[arm] for arm in ARMS])
    person = rng.normal(0, 0.3, (participants, 4))
    image = rng.normal(0, 0.4, (images, 4))
    rows = []
    for p in range(participants):
        for i in range(images):
            for a in range(4):
                for b in range(a + 1, 4):
                    if pairs is not None and (ARMS[a], ARMS[b]) not in pairs:
                        continue
                    one, two = (a, b) if rng.random() < 0.5 else (b, a)
                    z = (q + person[p] + image[i])[[one, two]] @ [1, -1] + rng.normal()
                    name = f"i{i:02d}_{ARMS[one]}", f"i{i:02d}_{ARMS[two]}"
                    rows.append((f"P{p:02d}", *name, "preference", float(z > 0)))
    table = pd.DataFrame(rows, columns=["participant", "image", "second", "dimension", "rating"])
    table["trial"] = table.groupby("participant").cumcount() + 1
    names = [f"i{i:02d}_{arm}" for i in range(images) for arm in ARMS]
    stimuli = pd.DataFrame(
        {"stimulus": names, "scene": [n[:3] for n in names], "region": [n[4:] for n in names],
         "family": ["none" if n.endswith("intact") else "blur" for n in names],
         "level": [0 if n.endswith("intact") else 1 for n in names]}
    )  # fmt: skip
    ratings = ratings_from_table(table, scales={"preference": Scale(0, 1)}, simulated=True)
    return ratings, StimulusTable(stimuli)


TRUE = {"intact": 1.5, "low": 1.0, "donor": 0.7, "high": -0.2}
CENTRE = {"intact": 1.5, "low": 1.0, "donor": 0.0, "high": 0.0}
NULL = {"intact": 1.5, "low": 0.5, "donor": 0.5, "high": 0.5}


@pytest.mark.parametrize(
    ("quality", "verdict"),
    [(TRUE, "supported"), (CENTRE, "not specific to the map"), (NULL, "not supported")],
)
def test_the_verdict_is_that_of_the_world(quality, verdict):
    found = claim(*world(quality))
    assert found.verdict == verdict
    assert found.simulated and found.controls == ("donor",)
    assert all(-1 <= row.low <= row.estimate <= row.high <= 1 for row in found.contrasts)
    assert "comparisons" in found.sentences[0]


def test_an_effect_in_the_opposite_direction_is_not_supported():
    found = claim(*world({**TRUE, "low": -0.2, "high": 1.0}))
    assert found.verdict == "not supported" and "opposite direction" in found.sentences[1]


def test_without_pairs_of_the_control_the_claim_is_not_supported_and_says_which_are_missing():
    ratings, stimuli = world(TRUE, pairs={("low", "high")})
    found = claim(ratings, stimuli)
    assert found.verdict == "not supported" and found.drops == []
    assert any("Nobody compared donor with high" in line for line in found.warnings)


def test_who_failed_the_attention_checks_is_left_out_and_the_other_verdict_shown():
    ratings, stimuli = world(TRUE)
    failed = {"P03": Attention(participant="P03", catch_shown=2, catch_passed=0, attentive=False)}
    found = claim(ratings, stimuli, attention=failed)
    assert found.excluded == ["P03"] and found.n_participants == 15
    assert found.otherwise is not None and found.otherwise.n_participants == 16
    kept = claim(ratings, stimuli, attention=failed, screening=EVERYBODY)
    assert kept.excluded == [] and kept.n_participants == 16


def test_choices_themselves_leave_nobody_out():
    ratings, stimuli = world(TRUE)
    table = ratings.table.copy()
    blind = table["participant"] == "P00"
    table.loc[blind, "rating"] = 1.0
    odd = ratings_from_table(table, scales=ratings.scales, simulated=True)
    assert claim(odd, stimuli).excluded == []


def test_a_preference_of_everybody_is_supported_and_the_logistic_model_says_why_it_has_no_fit():
    ratings, stimuli = world({"intact": 50, "low": 40, "donor": 30, "high": -40})
    found = claim(ratings, stimuli)
    assert found.verdict == "supported"
    assert {row.name for row in found.unfitted} == {"low - high", "donor - high"}
    assert found.contrast("low - high").estimate == 1.0
    assert 0 < found.contrast("low - high").low < 1


def test_equivalence_is_tested_in_shares():
    ratings, stimuli = world(NULL, participants=40, images=40)
    found = claim(ratings, stimuli, rule=ClaimRule(margin=0.4))
    assert found.equivalence["low - high"].equivalent
    assert (
        not claim(ratings, stimuli, rule=ClaimRule(margin=0.001))
        .equivalence["low - high"]
        .equivalent
    )


def test_the_record_is_read_as_it_was_written(tmp_path):
    found = claim(*world(TRUE))
    found.write(tmp_path / "claim.json")
    assert read_claim(tmp_path / "claim.json") == found


def test_the_command_recognises_comparisons(tmp_path):
    ratings, stimuli = world(TRUE)
    ratings.table.to_csv(tmp_path / "SIMULATED_ratings.csv", index=False)
    stimuli.table.to_csv(tmp_path / "stimuli.csv", index=False)
    words = ["stats", "claim", tmp_path / "SIMULATED_ratings.csv", tmp_path / "stimuli.csv",
             "--scale", "0:1"]  # fmt: skip
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert "SIMULATED SUPPORTED" in done.output
    assert "crossed logistic" in done.output and "points are shares" in done.output


def test_arms_that_do_not_exist_are_named():
    with pytest.raises(InputError, match="'lwo' and 'high' were never compared"):
        claim(*world(TRUE), rule=ClaimRule(low="lwo"))


def test_scores_of_compared_images_are_the_shares_in_which_they_were_chosen():
    rows = pd.DataFrame(
        {"participant": ["P1", "P2"], "image": "a", "second": "b", "dimension": "preference",
         "rating": [1.0, 0.0]}
    )  # fmt: skip
    matrix = rating_matrix(ratings_from_table(rows, scales={"preference": Scale(0, 1)}))
    assert dict(zip(matrix.images, matrix.values.tolist(), strict=True)) == {
        "a": [1.0, 0.0],
        "b": [0.0, 1.0],
    }
