"""Screening sees nothing of the contrast, loses no honest participant, and finds careless ones."""

import os
from pathlib import Path

import numpy as np
import pytest

from fechner.analysis.ratings.contrasts.crossed import closed_form
from fechner.analysis.ratings.matrices import Differences, RatingMatrix
from fechner.analysis.ratings.screening.blind import blind_agreement
from fechner.analysis.ratings.screening.screen import left_out as reasons
from fechner.analysis.ratings.screening.screen import require_enough_left, screen
from fechner.errors import InputError
from fechner.experiment.exports.attention import attention_table
from fechner.records.rules.screening_rule import EVERYBODY, ScreeningRule
from fechner.records.screening.attention import Attention, read_attention, write_attention

SHARED = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
PUBLIC = SHARED / "ratings"
ARMS = 4


def matrix_of(values):
    images, participants = (tuple(f"{k:03d}" for k in range(n)) for n in values.shape)
    return RatingMatrix(np.asarray(values, float), images, participants)


def null_world(seed, *, participants=30, scenes=24, scene_sd=8.0, residual=13.0):
    """Ratings (images, participants) of four arms, three of them equal, and the arms' numbers."""
    rng = np.random.default_rng(seed)
    shape = (participants, scenes, ARMS)
    values = (
        55
        + np.array([15.0, 0.0, 0.0, 0.0])
        + rng.normal(0, 8, (participants, 1, 1))
        + rng.normal(0, scene_sd, (1, scenes, 1))
        + rng.normal(0, 4, (participants, 1, ARMS))
        + rng.normal(0, 5, (1, scenes, ARMS))
        + rng.normal(0, residual, shape)
    )
    return values.clip(0, 100).reshape(participants, -1).T, np.tile(np.arange(ARMS), scenes)


def left_out(values, arms, **more):
    found = reasons(matrix_of(values), conditions=arms, **more)
    return {k for k, why in enumerate(found) if why}


def test_nothing_that_screening_sees_depends_on_anybodys_contrast():
    """Any constant added to one participant's ratings of one condition changes nothing."""
    rng = np.random.default_rng(3)
    values, arms = null_world(1, participants=9, scenes=12)
    before = blind_agreement(matrix_of(values), arms)
    for arm in range(ARMS):
        values[arms == arm] += rng.normal(0, 40, 9)
    after = blind_agreement(matrix_of(values), arms)
    for name in ("agreement", "agreement_z", "inconsistency", "inconsistency_z", "spread"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=1e-9)


def test_the_same_holds_with_ratings_missing():
    rng = np.random.default_rng(4)
    values, arms = null_world(1, participants=9, scenes=12)
    values[rng.random(values.shape) < 0.15] = np.nan
    before = blind_agreement(matrix_of(values), arms)
    for arm in range(ARMS):
        values[arms == arm] += rng.normal(0, 40, 9)
    after = blind_agreement(matrix_of(values), arms)
    np.testing.assert_allclose(after.agreement, before.agreement, atol=1e-9)


def test_agreement_is_the_correlation_of_what_is_left_without_the_means_of_conditions():
    values, arms = null_world(2, participants=6, scenes=10)
    blocks = [values[arms == arm] for arm in range(ARMS)]
    left = np.concatenate([block - block.mean(axis=0) for block in blocks])
    ours = blind_agreement(matrix_of(np.concatenate(blocks)), np.sort(arms)).agreement
    for p in range(6):
        others = np.delete(left, p, axis=1).mean(axis=1)
        assert ours[p] == pytest.approx(np.corrcoef(left[:, p], others)[0, 1])


@pytest.mark.parametrize("scene_sd", [8.0, 3.0])
def test_fewer_than_two_in_a_hundred_honest_participants_are_lost(scene_sd):
    """Also where scenes hardly differ, so that nobody can agree much."""
    lost = [len(left_out(*null_world(seed, scene_sd=scene_sd, residual=18))) for seed in range(60)]
    assert sum(lost) < 0.02 * 60 * 30


def test_screening_leaves_false_positives_where_scenes_hardly_differ_at_their_level():
    """Agreement over all conditions made .28 of them in this world."""
    every, screened = 0, 0
    for seed in range(400):
        values, arms = null_world(seed, scene_sd=3.0, residual=18.0)
        low_high = (values[arms == 1] - values[arms == 2]).T
        stays = [k for k in range(30) if k not in left_out(values, arms)]
        every += false_positive(low_high)
        screened += false_positive(low_high[stays])
    # 400 runs at a rate of .05 give 20 with an SD of 4.4.
    assert 7 <= screened <= 33
    assert abs(screened - every) <= 5


def false_positive(differences):
    people, scenes = (tuple(map(str, range(n))) for n in differences.shape)
    row = closed_form(Differences(differences, people, scenes, "low", "high"))
    return row.low > 0 or row.high < 0


def careless(kind, values, rng):
    """Turn the first participant into one of a kind."""
    blind = rng.uniform(0, 100, len(values))
    if kind == "uniform":
        values[:, 0] = blind
    elif kind == "straight line":
        values[:, 0] = 60 + rng.normal(0, 2, len(values))
    elif kind == "inverted":
        values[:, 0] = 100 - values[:, 0]
    else:
        values[:, 0] = np.where(rng.random(len(values)) < 0.5, blind, values[:, 0])
    return values


@pytest.mark.parametrize(
    ("kind", "least"), [("uniform", 39), ("straight line", 40), ("inverted", 40), ("asleep", 32)]
)
def test_careless_participants_are_found_where_scenes_differ(kind, least):
    rng = np.random.default_rng(5)
    found = 0
    for seed in range(40):
        values, arms = null_world(seed)
        found += 0 in left_out(careless(kind, values, rng), arms)
    assert found >= least


@pytest.mark.skipif(not PUBLIC.exists(), reason=f"no public studies at {PUBLIC}")
@pytest.mark.parametrize("name", ["nflx_public", "vqeghd3"])
def test_nobody_is_left_out_of_public_studies_in_which_everybody_agrees(name):
    values = np.loadtxt(PUBLIC / f"{name}.csv", delimiter=",")
    assert np.nanmin(blind_agreement(matrix_of(values)).agreement) > 0.7
    assert left_out(values, None) == set()


def test_on_few_images_or_among_few_people_nobody_is_judged():
    values, arms = null_world(1, scenes=3)
    assert np.isnan(blind_agreement(matrix_of(values), arms).agreement).all()
    values, arms = null_world(1, participants=4)
    assert left_out(careless("uniform", values, np.random.default_rng(0)), arms) == set()


def test_identical_ratings_leave_nobody_out():
    assert left_out(np.full((48, 8), 50.0), None) == set()


def test_checks_response_times_and_repeats_leave_out_and_say_why():
    values, arms = null_world(1)
    names = matrix_of(values).participants
    attention = {
        name: Attention(
            participant=name, catch_shown=4, catch_passed=4, repeats=10, repeat_difference=12.0
        )
        for name in names
    }
    attention[names[2]] = Attention(
        participant=names[2], catch_shown=4, catch_passed=1, attentive=False
    )
    seen = screen(
        matrix_of(values),
        conditions=arms,
        attention=attention,
        response_ms={names[3]: 90.0, names[4]: 900.0},
    )
    assert [row.reason for row in seen if not row.kept] == [
        "failed the attention checks",
        "answered in less than 200 ms",
    ]
    assert (seen[2].catch_shown, seen[2].catch_passed) == (4, 1)
    kept = screen(matrix_of(values), rule=EVERYBODY, attention=attention)
    assert all(row.kept for row in kept)


def test_wild_repeats_alone_leave_nobody_out_who_agrees_with_the_others():
    values, arms = null_world(1)
    names = matrix_of(values).participants
    wild = {
        name: Attention(participant=name, repeats=20, repeat_difference=60.0 if k == 0 else 12.0)
        for k, name in enumerate(names)
    }
    assert left_out(values, arms, attention=wild) == set()
    noisy = careless("asleep", values.copy(), np.random.default_rng(0))
    strict = ScreeningRule(agreement_se=99, inconsistency_se=2.5)
    assert 0 in left_out(noisy, arms, attention=wild, rule=strict)


def test_a_screening_that_leaves_nobody_says_why():
    values, arms = null_world(1, participants=6)
    names = matrix_of(values).participants
    seen = screen(matrix_of(values), conditions=arms, response_ms=dict.fromkeys(names, 50.0))
    with pytest.raises(InputError, match=r"leaves 0 of 6 participants \(6 answered in less than"):
        require_enough_left(seen)


def test_attention_survives_its_file_and_a_bad_cell_is_named(tmp_path):
    rows = {
        "0801": Attention(participant="0801", catch_shown=2, catch_passed=1, attentive=False),
        "null": Attention(participant="null", repeats=3, repeat_difference=0.5),
    }
    write_attention(rows, tmp_path / "attention.csv")
    assert read_attention(tmp_path / "attention.csv") == rows
    text = (tmp_path / "attention.csv").read_text().replace("2,1,False", "two,1,False")
    (tmp_path / "attention.csv").write_text(text)
    with pytest.raises(InputError, match=r"row 2: 'catch_shown' got 'two'"):
        read_attention(tmp_path / "attention.csv")


def test_attention_of_journals_counts_checks_and_compares_repeats(tmp_path):
    from fechner.experiment.journal.journal import Journal, journal_header
    from fechner.protocols.schema import load_protocol
    from fechner.records.journal import read_journals

    digests = {"stimuli_sha256": "0" * 64, "plan_sha256": "0" * 64}
    header = journal_header(load_protocol("slider"), participant="P01", session=1, **digests)
    main = {"event": "trial", "block": 1, "scene": "boat", "stimulus": "boat_low",
            "region": "low", "dimension": "quality", "rt_ms": 850.0}  # fmt: skip
    with Journal.create(tmp_path / "sub-P01_ses-1.jsonl", header) as journal:
        journal.append(main | {"trial": 1, "kind": "main", "rating": 72.0})
        journal.append(main | {"trial": 2, "kind": "repeat", "rating": 68.0, "repeat_of": 1})
        catch = {"kind": "catch", "target": 0.0, "passed": False, "rating": 50.0}
        journal.append(main | catch | {"trial": 3})
        journal.append({"event": "end", "catch_passed": 0, "catch_shown": 1, "attentive": False})
    assert attention_table(read_journals(tmp_path)) == {
        "P01": Attention(
            participant="P01",
            catch_shown=1,
            catch_passed=0,
            attentive=False,
            repeats=1,
            repeat_difference=4.0,
        )
    }
