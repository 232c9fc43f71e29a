"""Severe catch items: made far beyond what is under test, shown by catch trials, and judged."""

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
import stimuli_pictures
from small_stimuli import simulated_session, small_set, with_intact
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.compression.metrics.quality import mse
from fechner.errors import InputError
from fechner.experiment.exports.attention import attention_table
from fechner.experiment.plan.conditions import items_by_scene
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.shown_pixels import ShownPixels
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.verify import verify_session
from fechner.protocols.methods import PairProtocol
from fechner.protocols.schema import load_protocol
from fechner.provenance import sha256_file, write_text
from fechner.records.images.files import read_image, write_png
from fechner.records.rules.codec_design import CodecDesign
from fechner.records.rules.severe_rule import SevereRule
from fechner.records.stimuli import INTACT, SEVERE, read_stimulus_set, verify, write_stimulus_set
from fechner.stimuli.build import build_stimuli
from fechner.stimuli.checks import problems_of
from fechner.stimuli.coded.build import build_coded_stimuli
from fechner.stimuli.design import Design
from fechner.study import work
from fechner.study.opening import open_study

RULE = SevereRule(family="noise", mse=1500)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return stimuli_pictures.written(tmp_path_factory.mktemp("scenes"))


def build(scenes, folder, severe=None):
    return build_stimuli(
        scenes,
        folder,
        target_mse=30.0,
        regions=stimuli_pictures.QUICK,
        max_strength_ratio=2.5,
        severe=severe,
        again=True,
    )


@pytest.fixture(scope="module")
def plain(scenes, tmp_path_factory):
    return build(scenes, tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def built(scenes, plain, tmp_path_factory):
    """The same set in a folder of its own, with severe items."""
    folder = tmp_path_factory.mktemp("copy") / "set"
    shutil.copytree(plain.folder, folder)
    return build(scenes, folder, RULE)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Four scenes that take no time, each with a picture that lost forty times as much."""
    folder = tmp_path_factory.mktemp("small")
    made = small_set(folder, with_intact(4))
    ruined = []
    for number in range(4):
        first, path = made.stimuli[number], folder / f"scene{number}_severe.png"
        write_png(path, np.full((6, 8, 3), 200 + number, np.uint8))
        ruined.append(
            replace(
                first,
                stimulus=path.stem,
                file=path.name,
                scene=f"scene{number}",
                region=SEVERE,
                mse=8000.0,
                predicted_impact=8000.0,
                sha256=sha256_file(path),
            )
        )
    return write_stimulus_set(folder, made.stimuli, made.record, catch_items=ruined)


def protocol_with(name, **catch):
    followed = load_protocol(name)
    asked = {"kind": "reference and severe", "count": 4, **catch}
    return followed.model_copy(update={"catch": followed.catch.model_copy(update=asked)})


def catches(plan):
    return [trial for trial in plan.trials if trial.kind == "catch"]


def test_every_scene_has_one_that_loses_what_was_declared_everywhere(built):
    assert [one.scene for one in built.catch_items] == built.scenes
    for one in built.catch_items:
        intact = read_image(built.image_path(f"{one.scene}_{INTACT}"))
        ruined = read_image(built.image_path(one))
        assert mse(intact, ruined) == pytest.approx(1500, rel=0.005)
        assert (intact != ruined).any(axis=2).mean() > 0.95
        assert one.mse >= 4 * max(s.mse for s in built.stimuli)


def test_what_is_under_test_is_what_it_is_without_them(built, plain, scenes, tmp_path):
    assert plain.stimuli == built.stimuli
    assert plain.sha256 != built.sha256
    with_catch = items_by_scene(load_protocol("slider"), built)
    assert with_catch == items_by_scene(load_protocol("slider"), plain)
    shutil.copytree(built.folder, tmp_path / "set")
    without = build(scenes, tmp_path / "set")
    assert without.sha256 == plain.sha256 == read_stimulus_set(without.folder).sha256
    assert not [*without.folder.glob("*severe*"), *without.folder.glob("catch.csv")]


def test_a_set_is_read_back_and_a_changed_severe_picture_is_named(built, tmp_path):
    assert read_stimulus_set(built.folder).catch_items == built.catch_items
    assert problems_of(read_stimulus_set(built.folder)) == []
    weak = tuple(replace(one, mse=100.0) for one in built.catch_items[:1])
    (line,) = (s for s in problems_of(replace(built, catch_items=weak)) if "severe" in s)
    assert "loses 100 squared grey levels, less than 4 times the 30" in line
    path = built.image_path(built.catch_items[0])
    before = path.read_bytes()
    write_png(path, np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(Exception, match=f"{path.name} \\(other bytes\\)"):
        verify(built.folder)
    path.write_bytes(before)
    assert verify(built.folder).sha256 == built.sha256


def test_coded_sets_have_them_too(scenes, tmp_path):
    two = {name: scenes[name] for name in ("cat", "cup")}
    design = CodecDesign(arms=("plain", "map"), rates=(40,))
    made = build_coded_stimuli(two, tmp_path, design=design, severe=RULE)
    assert [one.stimulus for one in made.catch_items] == ["cat_severe", "cup_severe"]
    assert problems_of(read_stimulus_set(tmp_path)) == []


def test_a_severe_picture_that_is_hardly_worse_is_refused_with_the_least():
    with pytest.raises(InputError, match=r"set \[stimuli.severe\] mse to 2400 or more"):
        Design(targets=(30.0, 600.0), severe=SevereRule(mse=2000))


def test_a_loss_that_a_family_cannot_reach_is_refused_with_the_range(scenes, tmp_path):
    two = {name: scenes[name] for name in ("cat", "cup")}
    design = CodecDesign(arms=("plain", "map"), rates=(40,))
    rule = SevereRule(family="colour", mse=20000)
    with pytest.raises(InputError, match=r"scene 'cat': colour .* it reaches 0 to \d"):
        build_coded_stimuli(two, tmp_path, design=design, severe=rule)
    assert not (tmp_path / "stimuli.csv").exists()


def test_catch_trials_show_the_reference_and_the_severe_picture_in_turn(small):
    plan = make_plan(protocol_with("slider"), small, "P01")
    assert [trial.region for trial in catches(plan)] == [INTACT, SEVERE, INTACT, SEVERE]
    assert [trial.target for trial in catches(plan)] == [100, 0, 100, 0]
    others = [trial for trial in plan.trials if trial.kind != "catch"]
    assert not any(SEVERE in (trial.region, trial.stimulus[-6:]) for trial in others)


def test_in_pairs_the_reference_stands_beside_the_severe_picture(small):
    plan = make_plan(protocol_with("pair", count=2), small, "P01")
    for trial in catches(plan):
        assert trial.stimulus == f"{trial.scene}_intact"
        assert (trial.second, trial.target) == (f"{trial.scene}_severe", 1)


def test_a_set_without_severe_pictures_is_refused_where_they_are_shown(tmp_path):
    bare = small_set(tmp_path, with_intact(4))
    with pytest.raises(InputError, match=r"has none; build it with \[stimuli\] catch ="):
        make_plan(protocol_with("slider"), bare, "P01")


@pytest.mark.parametrize("name", ["slider", "dcr_sequential", "pair", "acr_hr"])
def test_who_looks_passes_and_who_does_not_is_flagged(name, small, tmp_path):
    tolerance = {"slider": 60, "pair": 0}.get(name, 2)
    followed = protocol_with(name, tolerance=tolerance, pass_share=1.0)
    careful = SimulatedObserver("P01", inconsistency=5.0)
    blind = SimulatedObserver("P02", lapse=1.0, seed=3)
    journals = [simulated_session(tmp_path, followed, small, one) for one in (careful, blind)]
    pixels = ShownPixels(small)
    for one in journals:
        assert verify_session(one, protocol=followed, pixels=pixels).problems == ()
    found = attention_table(journals)
    assert found["P01"].attentive and found["P01"].catch_passed == 4
    assert not found["P02"].attentive


def test_a_severe_picture_rated_as_well_as_the_reference_is_not_passed(small, tmp_path):
    """Somebody who rates everything alike, in the middle of what the tolerance allows."""
    from fechner.experiment.plan.catches import passes

    followed = protocol_with("slider", tolerance=100)
    journal = simulated_session(tmp_path, followed, small, SimulatedObserver("P01"))
    shown = [trial for trial in journal.trials if trial.kind == "catch"]
    reference, severe = shown[0], shown[1]
    for apart, right in ((-1, True), (0, False), (1, False)):
        assert passes(followed, severe, reference.rating + apart, shown[:1]) is right


def test_methods_without_a_right_answer_to_them_refuse_them():
    followed = load_protocol("authenticity")
    changed = followed.model_dump(by_alias=True)
    changed["catch"] |= {"kind": "reference and severe"}
    with pytest.raises(ValueError, match=r'allows only catch\.kind = "instructed"'):
        type(followed).model_validate(changed)
    pair = load_protocol("pair").model_dump(by_alias=True)
    pair["catch"] |= {"kind": "identical"}
    with pytest.raises(
        ValueError, match='"instructed" or "reference and severe", got \'identical\''
    ):
        PairProtocol.model_validate(pair)


def study(folder, stimuli, protocol="slider"):
    write_text(
        folder / "study.toml",
        f'title = "t"\n[images]\nphotographs = "photographs"\n[stimuli]\nscenes = 4\n{stimuli}\n'
        f'[session]\nprotocol = "{protocol}"\n',
    )
    for number in range(4):
        write_png(folder / "photographs" / f"p{number}.png", np.full((40, 60, 3), number, np.uint8))
    return open_study(folder)


@pytest.mark.parametrize(
    ("stimuli", "said"),
    [
        ('catch = ["reference", "severe"]', "the protocol 'slider' shows none; copy the protocol"),
        ("[stimuli.severe]\nmse = 900", r'none are; add "severe" to \[stimuli\] catch'),
        ('catch = ["severer"]', "severer"),
        ('catch = ["severe"]\n[stimuli.severe]\nfamily = "blurr"', "did you mean 'blur'"),
    ],
)
def test_a_study_file_that_cannot_be_meant_is_one_line(stimuli, said, tmp_path):
    with pytest.raises(InputError, match=said):
        work.check_stimuli(study(tmp_path, stimuli))


def test_a_set_from_elsewhere_brings_its_severe_pictures(tmp_path):
    theirs, rows = tmp_path / "theirs", [["file", "scene", "region"]]
    rng = np.random.default_rng(0)
    for scene in ("cat", "cup"):
        intact = stimuli_pictures.photographs()[scene]
        low = np.clip(intact + 3.0, 0, 255)
        ruined = np.clip(intact + rng.normal(0, 60, intact.shape), 0, 255)
        for region, picture in (("intact", intact), ("low", low), ("severe", ruined)):
            write_png(theirs / f"{scene}-{region}.png", picture.astype(np.uint8))
            rows.append([f"{scene}-{region}.png", scene, region])
    write_text(theirs / "table.csv", "".join(",".join(row) + "\n" for row in rows))
    words = ["stimuli", "import", str(theirs / "table.csv"), "--out", str(tmp_path / "set")]
    result = CliRunner().invoke(app, [*words, "--jobs", "1"])
    assert result.exit_code == 0, result.output
    assert "4 stimuli of 2 scenes, 2 severe catch items" in " ".join(result.output.split())
    found = verify(tmp_path / "set")
    assert {one.region for one in found.stimuli} == {"intact", "low"}
    assert [one.stimulus for one in found.catch_items] == ["cat-severe", "cup-severe"]
    result = CliRunner().invoke(
        app, ["stimuli", "export", str(tmp_path / "set"), "--bids", str(tmp_path / "bids")]
    )
    assert result.exit_code == 0, result.output
    with (tmp_path / "bids" / "stimuli" / "stimuli.tsv").open(encoding="utf-8", newline="") as file:
        files = {row["stim_file"] for row in csv.DictReader(file, delimiter="\t")}
    assert files == {path.name for path in (tmp_path / "bids" / "stimuli").glob("*.png")}
