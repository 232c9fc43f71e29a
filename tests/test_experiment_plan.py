"""The trial plan: reproducible to the byte, balanced, and never the same scene too soon."""

import random
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_sets import write_small_set

from fechner.errors import InputError
from fechner.experiment.plan.audit import audit, nearest_return
from fechner.experiment.plan.order import insert_spaced, spaced_order
from fechner.experiment.plan.plan import Plan, make_plan
from fechner.experiment.plan.rows import row_of
from fechner.protocols.schema import load_protocol, shipped


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("plan") / "set", scenes=6, levels=2)


def changed(name="slider", **trials):
    protocol = load_protocol(name)
    return protocol.model_copy(update={"trials": protocol.trials.model_copy(update=trials)})


@dataclass(frozen=True)
class Thing:
    scene: str
    number: int = 0


@pytest.mark.parametrize("name", shipped())
def test_the_same_inputs_give_the_same_plan_to_the_byte(name, stimuli):
    protocol = load_protocol(name)
    one, two = (make_plan(protocol, stimuli, "P07", session=2) for _ in range(2))
    assert one == two and one.sha256 == two.sha256
    assert one.sha256 != make_plan(protocol, stimuli, "P08", session=2).sha256
    assert one.sha256 != make_plan(protocol, stimuli, "P07", session=1).sha256


def test_a_plan_does_not_depend_on_the_machines_hash_seed(stimuli):
    import json
    import os
    import subprocess
    import sys

    code = (
        "import sys, json; from pathlib import Path\n"
        "from fechner.experiment.plan.plan import make_plan\n"
        "from fechner.protocols.schema import load_protocol\n"
        "from fechner.records.stimuli import read_stimulus_set\n"
        "s = read_stimulus_set(Path(sys.argv[1]))\n"
        "print(make_plan(load_protocol('slider'), s, 'P01').sha256)"
    )
    run = [sys.executable, "-c", code, str(stimuli.folder)]
    seeds = ("1", "2")
    hashes = {subprocess.check_output(run, env={**os.environ, "PYTHONHASHSEED": s}) for s in seeds}
    assert len(hashes) == 1
    assert json.dumps(make_plan(load_protocol("slider"), stimuli, "P01").sha256).strip('"') in str(
        hashes
    )


@settings(max_examples=40, deadline=None)
@given(gap=st.integers(0, 4), participant=st.from_regex(r"[a-z][0-9]{1,3}", fullmatch=True))
def test_no_scene_returns_within_the_gap(gap, participant, tmp_path_factory):
    stimuli = _cached_set(tmp_path_factory)
    plan = make_plan(changed(scene_gap=gap), stimuli, participant)
    counted = [trial for trial in plan.trials if trial.kind not in ("practice", "anchor")]
    last = {}
    for trial in counted:
        if trial.scene and trial.scene in last:
            assert trial.number - last[trial.scene] > min(gap, 4)
        last[trial.scene] = trial.number


_sets = {}


def _cached_set(factory):
    if "set" not in _sets:
        _sets["set"] = write_small_set(factory.mktemp("gap") / "set", scenes=10)
    return _sets["set"]


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 6), min_size=3, max_size=8),
    gap=st.integers(0, 2),
    seed=st.integers(0, 10_000),
)
def test_a_spaced_order_has_every_item_once_and_keeps_the_gap(counts, gap, seed):
    items = [Thing(f"s{k}", n) for k, count in enumerate(counts) for n in range(count)]
    try:
        ordered = spaced_order(items, gap, random.Random(seed))
    except InputError:
        # Impossible exactly when one scene has more trials than the gap leaves room for.
        assert (max(counts) - 1) * (gap + 1) + 1 > len(items) - 2
        return
    assert sorted(ordered, key=repr) == sorted(items, key=repr)
    for place, item in enumerate(ordered):
        assert item.scene not in {other.scene for other in ordered[max(0, place - gap) : place]}


def test_an_impossible_gap_says_what_to_lower():
    with pytest.raises(InputError, match="scene_gap"):
        spaced_order([Thing("a", n) for n in range(3)], 1, random.Random(0))
    with pytest.raises(InputError, match="no place keeps"):
        insert_spaced([(Thing("a"),)], (Thing("a"),), 0, 1, random.Random(0))


def test_every_participant_of_a_complete_design_rates_every_stimulus_once(stimuli):
    plan = make_plan(load_protocol("slider"), stimuli, "P03")
    main = Counter(trial.stimulus for trial in plan.trials if trial.kind == "main")
    assert main == Counter(stimulus.stimulus for stimulus in stimuli.stimuli)


def test_over_a_full_square_every_stimulus_falls_into_every_block_equally_often(stimuli):
    conditions = len(stimuli.stimuli) // len(stimuli.scenes)
    codes = [f"P{n:02d}" for n in range(conditions * 2)]
    result = audit(load_protocol("slider"), stimuli, codes)
    assert result.shown == (len(codes), len(codes))
    assert result.in_block == (2, 2)
    assert result.distinct_orders == len(codes)
    assert all(abs(place - 0.5) < 0.06 for place in result.positions.values())
    assert result.minutes <= result.limit_minutes


def test_a_latin_square_shows_each_scene_once_and_rotates_over_participants(stimuli):
    protocol = changed(design="latin square", repeats=0)
    conditions = len(stimuli.stimuli) // len(stimuli.scenes)
    seen = Counter()
    for n in range(conditions):
        plan = make_plan(protocol, stimuli, f"P{n:02d}")
        main = [trial for trial in plan.trials if trial.kind == "main"]
        assert sorted(trial.scene for trial in main) == sorted(stimuli.scenes)
        seen.update(trial.stimulus for trial in main)
    assert set(seen.values()) == {1}
    assert len(seen) == len(stimuli.stimuli)


def test_codes_that_end_in_numbers_rotate_in_turn():
    assert [row_of(f"P{n:02d}") % 4 for n in range(1, 5)] == [1, 2, 3, 0]
    assert row_of("kalopu") == row_of("kalopu")


def test_practice_comes_first_and_has_the_extremes(stimuli):
    plan = make_plan(load_protocol("slider"), stimuli, "P01")
    opening = plan.trials[:4]
    assert [trial.kind for trial in opening] == ["anchor", "anchor", "practice", "practice"]
    assert opening[0].region == "intact"
    error = {stimulus.stimulus: stimulus.mse for stimulus in stimuli.stimuli}
    others = [s for s in stimuli.stimuli if s.scene != opening[0].scene]
    assert error[opening[1].stimulus] == max(s.mse for s in others)


def test_repeats_come_late_and_name_the_trial_they_repeat(stimuli):
    plan = make_plan(load_protocol("slider"), stimuli, "P01")
    repeats = [trial for trial in plan.trials if trial.kind == "repeat"]
    by_number = {trial.number: trial for trial in plan.trials}
    assert len(repeats) == 4
    for trial in repeats:
        first = by_number[trial.repeat_of]
        assert (first.kind, first.stimulus) == ("main", trial.stimulus)
        assert trial.number > first.number + 1
        assert trial.number > len(plan.trials) / 2


def test_catch_trials_are_spread_and_alternate_their_target(stimuli):
    protocol = load_protocol("slider")
    protocol = protocol.model_copy(update={"catch": protocol.catch.model_copy(update={"count": 4})})
    plan = make_plan(protocol, stimuli, "P01")
    catches = [trial for trial in plan.trials if trial.kind == "catch"]
    assert Counter(trial.target for trial in catches) == {0.0: 2, 100.0: 2}
    quarter = len(plan.trials) / 4
    assert all(b.number - a.number > 1 for a, b in pairwise(catches))
    assert catches[0].number < 2.2 * quarter < catches[-1].number


def test_breaks_come_where_the_protocol_says_and_not_just_before_the_end(stimuli):
    plan = make_plan(changed(break_every=10), stimuli, "P01")
    counted = [t.number for t in plan.trials if t.kind not in ("practice", "anchor")]
    assert plan.breaks[0] == counted[9]
    assert counted[-1] - plan.breaks[-1] >= 3
    assert make_plan(changed(break_every=0), stimuli, "P01").breaks == ()


def test_a_pair_shows_each_rival_as_often_left_as_right(stimuli):
    plan = make_plan(load_protocol("pair"), stimuli, "P01")
    sides = Counter(trial.side for trial in plan.trials)
    assert abs(sides["left"] - sides["right"]) <= 1
    pairs = Counter(
        frozenset((trial.stimulus, trial.second)) for trial in plan.trials if trial.kind == "main"
    )
    conditions = len(stimuli.stimuli) // len(stimuli.scenes)
    assert len(pairs) == len(stimuli.scenes) * conditions * (conditions - 1) // 2
    assert set(pairs.values()) == {1}


def test_thresholds_have_a_staircase_a_region_with_its_trials(stimuli):
    plan = make_plan(load_protocol("jnd"), stimuli, "P01")
    main = [trial for trial in plan.trials if trial.kind == "main"]
    assert Counter(trial.region for trial in main) == {"low": 30, "high": 30, "donor": 30}
    assert {trial.stimulus for trial in main} == {""}
    assert all(trial.reference == f"{trial.scene}_intact" for trial in main)


def test_degradation_rating_never_rates_the_reference(stimuli):
    plan = make_plan(load_protocol("dcr_sequential"), stimuli, "P01")
    shown = [trial for trial in plan.trials if trial.stimulus]
    assert all(trial.region != "intact" and trial.reference for trial in shown)


def test_too_few_scenes_for_the_gap_is_one_clear_line(tmp_path):
    few = write_small_set(tmp_path / "few", scenes=2)
    with pytest.raises(InputError, match=r"at least 3 scenes; the stimulus set has 2"):
        make_plan(changed(scene_gap=2), few, "P01")


def test_a_reference_that_is_missing_is_one_clear_line(tmp_path):
    whole = write_small_set(tmp_path / "whole", scenes=3)
    without = tuple(s for s in whole.stimuli if s.region != "intact")
    damaged = type(whole)(Path(whole.folder), without, whole.record)
    with pytest.raises(InputError, match="no intact stimulus"):
        make_plan(load_protocol("dcr_side_by_side"), damaged, "P01")


@pytest.mark.parametrize(("gap", "repeats"), [(3, 0), (2, 4)])
def test_no_scene_returns_too_soon_from_the_first_stabilising_trial_to_the_last(
    gap, repeats, stimuli
):
    for number in range(40):
        plan = make_plan(changed(scene_gap=gap, repeats=repeats), stimuli, f"P{number:02d}")
        counted = [t for t in plan.trials if t.kind not in ("practice", "anchor")]
        assert nearest_return(Plan(**{**vars(plan), "trials": tuple(counted)})) > gap


def test_a_set_of_one_strength_is_no_set_for_thresholds(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=3)
    with pytest.raises(InputError, match=r"region 'donor' of scene .* has one; build the set at"):
        make_plan(load_protocol("jnd"), stimuli, "P01")
