"""Coded sets at the command line: built from a study file, checked, shown, and handed on."""

import csv
import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import stimuli_pictures
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.errors import RefusedError
from fechner.provenance import sha256_file, write_text
from fechner.records.images.files import read_image, write_map_png, write_png
from fechner.records.rules.codec_design import CodecDesign
from fechner.records.stimuli import read_stimulus_set, verify, write_stimulus_set
from fechner.stimuli.checks import problems_of
from fechner.stimuli.coded.build import build_coded_stimuli
from fechner.study import work
from fechner.study.opening import open_study
from fechner.study.planning import study_plan

SESSION = """\
[session]
protocol = "pair"
participants = 6
"""


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder with a study file, four photographs and their maps."""
    folder = tmp_path_factory.mktemp("given")
    text = stimuli_pictures.codec_study("photographs", rates=(30, 60))
    write_text(folder / "study.toml", text + SESSION)
    for seed, (name, picture) in enumerate(stimuli_pictures.photographs().items()):
        write_png(folder / "photographs" / f"{name}.png", picture)
        drawn = stimuli_pictures.smooth_map(seed, *picture.shape[:2])
        write_map_png(folder / "maps" / f"{name}.png", drawn)
    return folder


def build(given, out, *more, code=0):
    words = ["--maps", given / "maps", "--out", out, "--study", given / "study.toml"]
    return run("stimuli", "build", given / "photographs", *words, *more, "--jobs", "1", code=code)


@pytest.fixture(scope="module")
def built(given, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "set"
    assert "10 stimuli of 2 scenes" in build(given, out, "--wanted", "2")
    return out


def test_a_study_file_says_which_coded_files_are_built(built):
    found = read_stimulus_set(built)
    assert {(one.region, one.level) for one in found.stimuli if one.level} == {
        (arm, level) for arm in ("plain", "map") for level in (1, 2)
    }
    assert f"set {found.sha256[:12]}" in run("stimuli", "verify", built)


def test_what_the_study_file_says_is_not_said_twice(given, tmp_path):
    said = build(given, tmp_path / "set", "--leave-unmatched", "chroma", code=2)
    assert "leave --leave-unmatched out" in said and not (tmp_path / "set").exists()


def test_another_set_in_the_folder_is_replaced_on_request_only_and_wholly(given, built, tmp_path):
    out = tmp_path / "set"
    build(given, out, "--wanted", "3")
    assert "wanted 3 instead of 2" in build(given, out, "--wanted", "2", code=2)
    build(given, out, "--wanted", "2", "--again")
    found = read_stimulus_set(out)
    named = {name for one in found.stimuli for name in (one.file, one.coded) if name}
    assert {p.name for p in out.iterdir() if p.suffix in (".png", ".jpg")} == named


def test_a_scene_seen_twice_is_replaced_and_leaves_no_file(given, tmp_path):
    scenes = {
        name: (given / "photographs" / f"{there}.png", given / "maps" / f"{there}.png")
        for name, there in (("cat", "cat"), ("copy", "cat"), ("cup", "cup"))
    }
    design = CodecDesign(arms=("plain", "uniform"), rates=(50,))
    made = build_coded_stimuli(scenes, tmp_path, design=design, wanted=2)
    assert made.scenes == ["cat", "cup"]
    assert "same pixels as scene 'cat'" in made.record["refused"]["copy"]
    assert not list(tmp_path.glob("copy*"))


def test_a_file_of_another_size_and_of_other_pixels_is_named(built, tmp_path):
    found = read_stimulus_set(built)
    for one in found.stimuli:
        for name in (one.file, one.coded):
            if name:
                (tmp_path / name).write_bytes((built / name).read_bytes())
    small, fine = (found.named(f"cat_codec{level}_plain") for level in (1, 2))
    (tmp_path / small.coded).write_bytes((built / fine.coded).read_bytes())
    other = replace(small, coded_sha256=fine.coded_sha256)
    stimuli = [other if one is small else one for one in found.stimuli]
    write_stimulus_set(tmp_path, stimuli, found.record)
    said = problems_of(read_stimulus_set(tmp_path))
    wanted = f"{small.coded}: {fine.bytes} bytes, the table says {small.bytes}"
    assert said[0] == wanted
    assert said[1] == f"{small.file}: not what {small.coded} decodes to"
    assert f"{small.coded}: {fine.bytes} bytes, not {small.bytes} within 3.0 %" in said[2]
    assert len(said) == 3


def test_a_zip_carries_the_coded_files_and_another_decoder_sees_the_pictures(built, tmp_path):
    words = ["--zip", tmp_path / "set.zip", "--licence", "CC0"]
    run("stimuli", "export", built, *words)
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        archive.extractall(tmp_path)
    out = tmp_path / "stimuli"
    sums = dict(reversed(line.split("  ")) for line in (out / "sha256sums.txt").open())
    with (out / "stimuli.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["coded"]]
    assert len(rows) == 8
    for row in rows:
        content = (out / row["coded"]).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert digest == row["coded_sha256"]
        assert sums[f"{row['coded']}\n"] == digest
        seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(seen.astype(int) - read_image(out / row["file"])).max() <= 2
    assert "coded" in (out / "README.md").read_text("utf-8")
    assert verify(out).sha256 == read_stimulus_set(built).sha256


def test_bids_carries_the_coded_files(built, tmp_path):
    run("stimuli", "export", built, "--bids", tmp_path)
    for one in read_stimulus_set(built).stimuli:
        if one.coded:
            assert sha256_file(tmp_path / "stimuli" / one.coded) == one.coded_sha256


def test_a_sheet_shows_every_arm_at_every_rate_with_its_numbers(given, built, tmp_path):
    for end in ("html", "png"):
        out = tmp_path / f"sheet.{end}"
        run("stimuli", "sheet", built, "--maps", given / "maps", "--out", out)
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert page.count("what changed</figcaption>") == 8
    for one in read_stimulus_set(built).stimuli:
        assert not one.coded or f"<td>{one.coded}</td><td>{one.bytes:,}</td>" in page
    rows, columns = read_image(tmp_path / "sheet.png").shape[:2]
    assert rows > 4 * 144 and columns > 4 * 180


def test_a_coded_set_has_no_regions_to_balance(built):
    assert "no matched regions" in run("stimuli", "balance", built, code=2)


def test_a_plan_counts_the_coded_pictures_that_the_design_will_give(given):
    plan = study_plan(open_study(given))
    # Four coded pictures and the intact one of each scene: ten pairs.
    assert (plan.built, plan.stimuli, plan.conditions) == (False, 20, 10)
    assert plan.audit.trials >= 40


def test_where_people_have_judged_a_set_the_study_says_what_can_be_done(given, monkeypatch):
    place = open_study(given)
    build_coded_stimuli(
        {"cat": (given / "photographs" / "cat.png", given / "maps" / "cat.png")},
        place.stimuli,
        design=CodecDesign(arms=("plain", "uniform"), rates=(50,)),
    )
    monkeypatch.setattr(type(place), "journals", [Path("sub-1.jsonl")])
    monkeypatch.setattr(work, "_distance_network", lambda *a, **k: None)
    with pytest.raises(RefusedError, match=r"people have judged .*arms .* instead of") as refused:
        work.make_stimuli(place)
    assert "--again" not in str(refused.value)
