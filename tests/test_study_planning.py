"""Before anybody takes part: trials, minutes, and how many participants balance."""

from collections import Counter
from dataclasses import replace
from itertools import combinations
from string import ascii_letters

import numpy as np
import pytest
from small_stimuli import several_strengths, simulated_session, small_set, with_intact
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.errors import InputError
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.plan.rows import rows_filled
from fechner.experiment.session.codes import offer_code
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.protocols.files import copy_protocol
from fechner.protocols.schema import load_protocol
from fechner.provenance import write_text
from fechner.records.images.files import write_png
from fechner.records.study import StimuliPart, Study
from fechner.study.design import design_of
from fechner.study.freezing import freeze
from fechner.study.opening import open_study
from fechner.study.planning import designed_stimuli, study_plan


def with_trials(protocol, **changes):
    return protocol.model_copy(update={"trials": protocol.trials.model_copy(update=changes)})


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    """Six scenes of eleven conditions: intact, and two regions at five levels."""
    return small_set(tmp_path_factory.mktemp("set"), several_strengths(6))


def main_of(protocol, stimuli, number):
    plan = make_plan(protocol, stimuli, f"P{number:03d}")
    return [trial for trial in plan.trials if trial.kind == "main"]


@pytest.mark.parametrize("per_scene", [1, 3, 10])
def test_in_an_incomplete_design_every_cell_is_seen_equally_often(stimuli, per_scene):
    protocol = with_trials(
        load_protocol("slider"),
        design="latin square",
        conditions_per_scene=per_scene,
        repeats=0,
    )
    shown = Counter()
    for number in range(1, 12):
        seen = main_of(protocol, stimuli, number)
        assert set(Counter(trial.scene for trial in seen).values()) == {per_scene}
        assert len({trial.stimulus for trial in seen}) == 6 * per_scene
        shown.update(trial.stimulus for trial in seen)
    assert set(shown.values()) == {per_scene}
    assert len(shown) == 66


@pytest.mark.parametrize("per_scene", [3, 5, 8])
def test_nobody_meets_one_condition_in_more_scenes_than_another_but_for_one(stimuli, per_scene):
    protocol = with_trials(
        load_protocol("slider"), design="latin square", conditions_per_scene=per_scene, repeats=0
    )
    for number in range(1, 12):
        seen = main_of(protocol, stimuli, number)
        met = Counter(trial.stimulus.partition("_")[2] for trial in seen)
        assert len(met) == 11
        assert max(met.values()) - min(met.values()) <= 1


def test_over_rounds_any_two_conditions_meet_in_one_participant(stimuli):
    protocol = with_trials(load_protocol("slider"), design="latin square", conditions_per_scene=3)
    met = set()
    for number in range(1, 11 * 12 + 1):
        seen = [t.stimulus for t in main_of(protocol, stimuli, number) if t.scene == "scene0"]
        met |= {frozenset(pair) for pair in combinations(seen, 2)}
    assert len(met) == 11 * 10 // 2


def test_more_conditions_than_a_scene_has_are_refused(stimuli):
    protocol = with_trials(load_protocol("slider"), design="latin square", conditions_per_scene=12)
    with pytest.raises(InputError, match="a scene has 11 conditions; lower it"):
        make_plan(protocol, stimuli, "P001")


def test_a_protocol_that_says_nothing_of_it_keeps_the_digest_that_journals_hold():
    protocol = load_protocol("slider")
    assert with_trials(protocol, conditions_per_scene=1).sha256 == protocol.sha256
    several = with_trials(protocol, design="latin square", conditions_per_scene=2)
    one = with_trials(protocol, design="latin square")
    assert several.sha256 != one.sha256


def test_a_complete_design_leaves_no_condition_out(tmp_path):
    copy_protocol("slider", tmp_path)
    file = tmp_path / "slider.toml"
    text = file.read_text("utf-8")
    write_text(file, text.replace("[trials]", "[trials]\nconditions_per_scene = 2"))
    with pytest.raises(InputError, match="belongs to design = 'latin square'"):
        load_protocol(file)


def study(folder, *, stimuli="scenes = 4", session="", photographs=5):
    """Write a study of photographs that nobody rated and return its folder."""
    for number in range(photographs):
        write_png(folder / "photographs" / f"p{number}.png", np.full((40, 60, 3), number, np.uint8))
    text = f'title = "t"\n[images]\nphotographs = "photographs"\n[stimuli]\n{stimuli}\n'
    write_text(folder / "study.toml", f"{text}[session]\n{session}\n")
    return folder


def test_a_plan_counts_what_the_design_will_give(tmp_path):
    crossed = 'scenes = 4\nfamilies = ["blur", "noise"]\nlevels = [30, 60]'
    found = study_plan(open_study(study(tmp_path, stimuli=crossed)))
    assert (found.built, found.scenes, found.conditions) == (False, 4, 1 + 2 * 2 * 3)
    assert found.stimuli == 4 * 13
    assert found.audit.shown == (30, 30)


def test_the_planned_names_are_those_that_are_built():
    part = StimuliPart(families=("blur", "noise"), levels=(30, 60), regions=("low", "high"))
    design = design_of(Study(title="t", stimuli=part, claim={"controls": []}))
    names = [one.stimulus for one in designed_stimuli(design, ["a"])]
    assert names[0] == "a_intact"
    assert set(names[1:]) == {
        f"a_{family}{level}_{arm}"
        for family in ("blur", "noise")
        for level in (1, 2)
        for arm in ("low", "high")
    }


def latin(folder, **options):
    copy_protocol("slider", folder, name="square")
    file = folder / "square.toml"
    text = file.read_text("utf-8")
    text = text.replace("repeats = 4", "repeats = 0")
    write_text(file, text.replace('design = "complete"', 'design = "latin square"'))
    return study(folder, **options)


def test_participants_that_do_not_balance_are_refused_with_those_that_do(tmp_path):
    folder = latin(tmp_path, session='protocol = "square.toml"\nparticipants = 30')
    result = CliRunner().invoke(app, ["study", "plan", str(folder)])
    assert result.exit_code == 2
    assert "set [session] participants to 28 or 32" in " ".join(result.output.split())


def test_the_command_prints_trials_minutes_and_participants(tmp_path):
    folder = latin(tmp_path, session='protocol = "square.toml"\nparticipants = 28')
    result = CliRunner().invoke(app, ["study", "plan", str(folder)])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "16 stimuli of 4 scenes (as designed, not built yet)" in said
    assert "each stimulus rated 7 times" in said
    assert "multiples of 4" in said


def test_a_session_that_is_longer_than_its_protocol_allows_is_refused(tmp_path):
    many = "scenes = 40\nlevels = [10, 20, 40, 80]"
    with pytest.raises(InputError, match=r"takes about \d+ minutes .* the protocol allows"):
        study_plan(open_study(study(tmp_path, stimuli=many, photographs=40)))


def test_a_pool_that_is_too_small_is_found_by_the_plan(tmp_path):
    with pytest.raises(InputError, match="6 scenes are wanted and the pool holds 5"):
        study_plan(open_study(study(tmp_path, stimuli="scenes = 6")))


def test_a_built_set_is_counted_as_it_is(tmp_path):
    folder = study(tmp_path)
    small_set(folder / "stimuli", [replace(one) for one in several_strengths(6)][:44])
    found = study_plan(open_study(folder))
    assert found.built
    assert found.stimuli == 44


@pytest.mark.parametrize("per_scene", [1, 3])
@pytest.mark.parametrize(
    "codes",
    [
        [f"P{n}" for n in range(1, 23)],
        [f"P{n}" for n in range(1, 20)],
        ["k7ropa", "dalo", "P12", "bife", "A1", "B1", "gunu"],
    ],
)
def test_those_who_are_wanting_make_every_stimulus_rated_equally_often(stimuli, per_scene, codes):
    protocol = with_trials(
        load_protocol("slider"), design="latin square", conditions_per_scene=per_scene, repeats=0
    )
    rows = rows_filled(protocol, 11, codes)
    assert sum(rows.filled) == len(codes)
    added = [f"X{letter}{n}" for letter, n in zip(ascii_letters, rows.wanting, strict=False)]
    assert str(rows_filled(protocol, 11, [*codes, *added])).endswith(" each; balanced")
    shown = Counter()
    for code in [*codes, *added]:
        plan = make_plan(protocol, stimuli, code)
        shown.update(trial.stimulus for trial in plan.trials if trial.kind == "main")
    assert len(shown) == 66 and len(set(shown.values())) == 1
    assert rows.balanced == (len(codes) == 22)


def test_named_codes_that_are_offered_balance_as_they_come(stimuli):
    protocol = with_trials(load_protocol("slider"), design="latin square", conditions_per_scene=3)
    codes = []
    for seed in range(11):
        codes.append(offer_code(codes, seed=seed, rows=11))
    assert rows_filled(protocol, 11, codes).balanced


def test_plan_and_status_say_which_participants_are_wanting(tmp_path):
    session = 'protocol = "square.toml"\nparticipants = 27\n[simulate]\nworld = "map"'
    folder = latin(tmp_path, session=session)
    built = small_set(folder / "stimuli", with_intact(4))
    followed = load_protocol(folder / "square.toml")
    for code in ("P1", "P3", "P4"):
        journal = simulated_session(tmp_path, followed, built, SimulatedObserver(code))
        (folder / "sessions").mkdir(exist_ok=True)
        journal.path.rename(folder / "sessions" / journal.path.name)
    wanted = "in rows 1 to 3 of the Latin square: 2, 0, 1; not balanced, wanting"
    for words in (["status"], ["study", "plan"]):
        result = CliRunner().invoke(app, [*words, str(folder)])
        assert result.exit_code == 0, result.output
        assert f"{wanted} are codes that end in 2, 5, 6" in " ".join(result.output.split())


def test_a_number_of_people_that_does_not_balance_is_not_frozen(tmp_path):
    folder = latin(tmp_path, session='protocol = "square.toml"\nparticipants = 28')
    small_set(folder / "stimuli", with_intact(4))
    with pytest.raises(InputError, match=r"set \[session\] participants to 27 or 30"):
        freeze(open_study(folder))
    assert not (folder / "frozen_plan.json").exists()
    text = (folder / "study.toml").read_text("utf-8")
    write_text(folder / "study.toml", text.replace("participants = 28", "participants = 30"))
    assert freeze(open_study(folder)).lines["participants planned"] == 30


def test_after_a_session_whoever_runs_it_is_told_who_is_wanting(tmp_path):
    folder = latin(tmp_path)
    small_set(folder / "stimuli", with_intact(4))
    words = ["session", "run", "--stimuli", str(folder / "stimuli"), "--no-window"]
    words += ["--sessions", str(folder / "sessions"), "--simulate", "null"]
    for protocol, told in (("slider", False), (str(folder / "square.toml"), True)):
        code = "P2" if told else "P1"
        result = CliRunner().invoke(app, [*words, "--protocol", protocol, "--participant", code])
        assert result.exit_code == 0, result.output
        said = " ".join(result.output.split())
        assert ("in rows 1 to 3 of the Latin square: 1, 1, 0; not balanced" in said) is told
