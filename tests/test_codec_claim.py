"""The claim on coded files: equal bytes, equal opinion, and a world without a difference."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_stimuli

from fechner.analysis.judging import equal_opinion
from fechner.analysis.judging.codec_claim import codec_claim
from fechner.analysis.judging.equal_opinion import bytes_at_equal_opinion, judged_ratings
from fechner.analysis.ratings.matrices import rated_arms
from fechner.errors import InputError
from fechner.records.claims.codec_claim import read_codec_claim
from fechner.records.ratings import ratings_from_table
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.rules.codec_rule import CodecRule
from fechner.records.scales import Scale
from fechner.records.stimuli import StimulusSet

ARMS, SIZES = ("map", "jpegli"), (10_000, 20_000, 40_000)


def coded_set(scenes):
    """A set of coded pictures of equal bytes; each scene has its own, in the same ratio."""
    stimuli = []
    for scene in range(scenes):
        for arm in ARMS:
            for level, size in enumerate(SIZES, start=1):
                one = small_stimuli.picture(
                    f"s{scene}_codec{level}_{arm}", f"s{scene}", arm, 100.0, family="codec",
                    level=level,
                )  # fmt: skip
                stimuli.append(vars(one) | {"bytes": int(size * (1 + 0.1 * scene))})
    return StimulusSet(Path("nowhere"), tuple(type(one)(**row) for row in stimuli), {})


def world(stimuli, participants, *, saving, rng, noise=8.0, paired=False):
    """SIMULATED answers: opinion rises by 20 points a doubling; map saves `saving` of the bytes."""
    table = stimuli.table
    scenes = stimuli.scenes
    gain = {"map": -20 * np.log2(1 - saving), "jpegli": 0.0}
    by_image = {(s, a): rng.normal(0, 4) for s in scenes for a in ARMS}
    image = {s: rng.normal(0, 8) for s in scenes}
    rows = []
    for p in range(participants):
        bias, by_arm = rng.normal(0, 8), {a: rng.normal(0, 3) for a in ARMS}
        seen = {
            one.stimulus: 20 * (one.level - 1) + 30 + gain[one.region] + bias + image[one.scene]
            + by_arm[one.region] + by_image[one.scene, one.region]
            for one in table.itertuples()
        }  # fmt: skip
        if not paired:
            rows += [
                {"participant": f"P{p}", "image": name, "dimension": "quality",
                 "rating": value + rng.normal(0, noise)}
                for name, value in seen.items()
            ]  # fmt: skip
            continue
        for scene in scenes:
            own = [name for name in seen if name.startswith(f"{scene}_")]
            for a in range(len(own)):
                for b in range(a):
                    won = seen[own[a]] + rng.normal(0, 12) > seen[own[b]] + rng.normal(0, 12)
                    rows.append(
                        {"participant": f"P{p}", "image": own[a], "second": own[b],
                         "dimension": "quality", "rating": float(won), "trial": len(rows)}
                    )  # fmt: skip
    scale = Scale(0, 1) if paired else Scale(-1000, 1000)
    return ratings_from_table(pd.DataFrame(rows), scales={"quality": scale}, simulated=True)


def rule(by="opinion", **more):
    return ClaimRule(kind="codec", codec=CodecRule(better="map", than=("jpegli",), by=by), **more)


def test_without_noise_the_bytes_saved_are_those_of_the_world():
    stimuli, rng = coded_set(4), np.random.default_rng(0)
    ratings = world(stimuli, 3, saving=0.2, rng=rng, noise=0.0)
    exact = ratings.table.assign(
        rating=[
            20 * (one.level - 1) + (-20 * np.log2(0.8) if one.region == "map" else 0)
            for one in (stimuli.named(name) for name in ratings.table["image"])
        ]
    )
    ratings = ratings_from_table(exact, scales={"quality": Scale(-1000, 1000)})
    judged = judged_ratings(rated_arms(ratings, stimuli), stimuli.table, ARMS)
    (found,) = bytes_at_equal_opinion(judged, "map", ["jpegli"])
    assert found.per_cent == pytest.approx(-20, abs=1e-9)
    assert (found.low, found.high) == (pytest.approx(-20), pytest.approx(-20))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer draws than for people."""
    monkeypatch.setattr(equal_opinion, "DRAWS_OF_RATINGS", 200)
    monkeypatch.setattr(equal_opinion, "DRAWS_OF_PAIRS", 60)


@pytest.mark.parametrize("paired", [False, True], ids=["ratings", "pairs"])
def test_a_coder_that_saves_a_third_is_found_better_and_smaller(paired, tmp_path):
    stimuli, rng = coded_set(8), np.random.default_rng(1)
    ratings = world(stimuli, 10, saving=0.33, rng=rng, paired=paired)
    found = codec_claim(ratings, stimuli, rule=rule())
    assert found.verdict == "supported" and found.paired == paired and found.simulated
    (saved,) = found.bytes_at_equal_opinion
    assert saved.low < -33 < saved.high < 0
    assert codec_claim(ratings, stimuli, rule=rule("bytes")).verdict == "supported"
    found.write(tmp_path / "claim.json")
    assert read_codec_claim(tmp_path / "claim.json") == found


def test_turned_round_the_claim_is_not_supported():
    stimuli, rng = coded_set(8), np.random.default_rng(1)
    ratings = world(stimuli, 10, saving=0.33, rng=rng)
    turned = ClaimRule(kind="codec", codec=CodecRule(better="jpegli", than=("map",)))
    found = codec_claim(ratings, stimuli, rule=turned)
    there = codec_claim(ratings, stimuli, rule=rule())
    assert found.verdict == "not supported"
    assert found.contrasts[0].estimate == pytest.approx(-there.contrasts[0].estimate)


def test_a_world_without_a_difference_is_not_supported_and_can_be_called_equal():
    stimuli, rng = coded_set(8), np.random.default_rng(3)
    ratings = world(stimuli, 10, saving=0.0, rng=rng)
    found = codec_claim(ratings, stimuli, rule=rule(margin=15.0))
    assert found.verdict == "not supported" and "not supported" in found.sentences[0]
    assert found.equivalence["map - jpegli"].equivalent
    assert "map and jpegli are equal, within 15 points, is shown" in found.sentences[-1]


def test_who_rated_a_part_only_shifts_no_curve():
    stimuli, rng = coded_set(3), np.random.default_rng(4)
    ratings = world(stimuli, 3, saving=0.2, rng=rng, noise=0.0)
    shown = [stimuli.named(name) for name in ratings.table["image"]]
    table = ratings.table.assign(
        level=[one.level for one in shown],
        rating=[20 * one.level + 20 * np.log2(1.25) * (one.region == "map") for one in shown],
    )
    severe = table["participant"] == "P1"
    table["rating"] -= 40 * severe
    table = table[~severe | (table["level"] == 1)].drop(columns="level")
    ratings = ratings_from_table(table, scales={"quality": Scale(-1000, 1000)})
    judged = judged_ratings(rated_arms(ratings, stimuli), stimuli.table, ARMS)
    assert bytes_at_equal_opinion(judged, "map", ["jpegli"])[0].per_cent == pytest.approx(-20)


def test_an_arm_that_the_set_does_not_hold_is_named_with_the_nearest():
    stimuli = coded_set(2)
    ratings = world(stimuli, 2, saving=0, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match=r"jpegly.*jpegli"):
        codec_claim(
            ratings, stimuli,
            rule=ClaimRule(kind="codec", codec=CodecRule(better="map", than=("jpegly",))),
        )  # fmt: skip


def test_two_arms_of_one_name_are_refused():
    with pytest.raises(ValueError, match="different arms"):
        CodecRule(better="map", than=("map",))


@pytest.mark.proof
def test_the_interval_of_bytes_holds_the_truth_as_often_as_it_says():
    """200 SIMULATED worlds of 12 people and 8 images, 20 % saved: 95 % intervals.

    Each of 200 draws.
    """
    stimuli, held, supported = coded_set(8), 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        ratings = world(stimuli, 12, saving=0.2, rng=rng)
        judged = judged_ratings(rated_arms(ratings, stimuli), stimuli.table, ARMS)
        (found,) = bytes_at_equal_opinion(judged, "map", ["jpegli"], seed=seed)
        held += found.low <= -20 <= found.high
        supported += found.high < 0
    print(f"held {held / 200:.3f}, supported {supported / 200:.3f}")
    assert 0.92 <= held / 200 <= 1.0
