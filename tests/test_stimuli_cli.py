"""``fechner degrade`` and ``fechner stimuli``: what a user types, and one line when it fails."""

import numpy as np
import pytest
import stimuli_pictures
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.compression.metrics.quality import mse
from fechner.records.images.files import read_image, write_png
from fechner.records.stimuli import read_stimulus_set


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return stimuli_pictures.written(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def stimuli(scenes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    images = [str(scenes[name][0]) for name in ("cat", "cup")]
    run(
        "stimuli", "build", *images, "--maps", scenes["cat"][1].parent, "--out", folder,
        "--family", "noise", "--target", "mse=12", "--region", "low", "--region", "high",
        "--tolerance", "0.05", "--leave-unmatched", "chroma", "--jobs", "1",
    )  # fmt: skip
    return folder


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_degrade_meets_the_target_and_draws_before_mask_and_after(scenes, tmp_path):
    image, importance = scenes["cat"]
    out = tmp_path / "out.png"
    said = run(
        "degrade", image, "--map", importance, "--target", "mse=25", "--region", "high", "--out",
        out,
    )  # fmt: skip
    assert mse(read_image(image), read_image(out)) == pytest.approx(25, rel=0.006)
    assert "blur" in said and "mse 2" in said
    assert read_image(tmp_path / "out_sheet.png").shape[1] > 4 * 360


@pytest.mark.parametrize("region", ["random", "centre", "everywhere"])
def test_degrade_needs_no_map_where_none_matters(scenes, tmp_path, region):
    out = tmp_path / "out.png"
    run(
        "degrade", scenes["cat"][0], "--family", "contrast", "--strength", "0.8", "--region",
        region, "--no-picture", "--out", out,
    )  # fmt: skip
    changed = (read_image(out) != read_image(scenes["cat"][0])).any(axis=2)
    assert (changed.mean() > 0.9) == (region == "everywhere")
    assert [p.name for p in tmp_path.iterdir()] == ["out.png"]


def test_degrade_takes_blur_in_cycles_per_degree(scenes, tmp_path):
    said = run(
        "degrade", scenes["cat"][0], "--cutoff", "4", "--pixels-per-degree", "32", "--region",
        "everywhere", "--no-picture", "--out", tmp_path / "out.png",
    )  # fmt: skip
    assert "blur 1.499 px" in said  # sqrt(ln 2 / 2) / pi * 32 / 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "mse=25"], "needs an importance map"),
        (["--region", "random"], "say how much is degraded in one way"),
        (["--region", "random", "--target", "mse=9", "--strength", "2"], "in one way"),
        (["--region", "random", "--target", "mse"], "mse=25"),
        (["--region", "random", "--target", "mse=90000"], "it reaches 0 to"),
        (["--region", "random", "--strength", "99"], "from 0 to 32"),
        (["--region", "random", "--family", "noise", "--cutoff", "3"], "strength of blur"),
        (["--region", "random", "--family", "blurr", "--strength", "1"], "did you mean 'blur'"),
    ],
)
def test_degrade_ends_in_one_line_that_says_what_to_do(scenes, tmp_path, words, said):
    out = tmp_path / "out.png"
    assert said in run("degrade", scenes["cat"][0], *words, "--out", out, code=2)
    assert not out.exists()


def test_degrade_never_writes_over_the_picture_itself(scenes):
    image = scenes["cat"][0]
    before = image.read_bytes()
    words = ["--region", "random", "--strength", "2", "--out", image]
    assert "is read by this command" in run("degrade", image, *words, code=2)
    assert image.read_bytes() == before


def test_build_writes_a_set_that_verifies(stimuli):
    made = read_stimulus_set(stimuli)
    assert made.scenes == ["cat", "cup"]
    assert "chroma" not in made.record["provenance"]["parameters"]["regions"]["match"]
    assert "6 stimuli of 2 scenes are as they were built" in run("stimuli", "verify", stimuli)


def test_verify_names_the_file_that_changed(stimuli, tmp_path):
    picture = stimuli / "cup_noise_low.png"
    content = picture.read_bytes()
    picture.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        assert "cup_noise_low.png (other bytes)" in run("stimuli", "verify", stimuli, code=2)
    finally:
        picture.write_bytes(content)


def test_the_sheet_shows_every_scene_and_arm(stimuli, scenes, tmp_path):
    one, both = tmp_path / "one.png", tmp_path / "both.png"
    maps = scenes["cat"][1].parent
    run("stimuli", "sheet", stimuli, "--maps", maps, "--scene", "cat", "--out", one)
    run("stimuli", "sheet", stimuli, "--out", both)
    assert read_image(both).shape[0] > 1.9 * read_image(one).shape[0]
    assert np.ptp(read_image(one)) == 255


def test_the_page_has_every_picture_its_numbers_and_who_was_left_out(stimuli, scenes, tmp_path):
    page = tmp_path / "page.html"
    run("stimuli", "sheet", stimuli, "--maps", scenes["cat"][1].parent, "--out", page)
    text = page.read_text("utf-8")
    # A scene: intact, map, regions, and two arms with what changed in each; one bar for all.
    assert text.count("<figure>") == 2 * (3 + 2 * 2)
    assert text.count("<img") == 2 * 7 + 1
    for stimulus in read_stimulus_set(stimuli).stimuli:
        assert (f"<td>{stimulus.stimulus}</td>" in text) == (stimulus.region != "intact")
        assert stimulus.region == "intact" or f"<td>{stimulus.mse:.4g}</td>" in text
    assert "Scenes left out" in text
    assert "http" not in text, "nothing is loaded from elsewhere"


def test_a_sheet_never_shows_a_picture_that_is_not_the_one_that_was_built(stimuli, tmp_path):
    picture, sheet = stimuli / "cup_noise_low.png", tmp_path / "sheet.png"
    content = picture.read_bytes()
    write_png(picture, np.zeros((144, 216, 3), np.uint8))
    try:
        said = run("stimuli", "sheet", stimuli, "--out", sheet, code=2)
    finally:
        picture.write_bytes(content)
    assert "cup_noise_low.png (other bytes)" in said
    assert not sheet.exists()


def test_an_unknown_scene_suggests_the_nearest(stimuli, tmp_path):
    said = run("stimuli", "sheet", stimuli, "--scene", "cut", "--out", tmp_path / "x.png", code=2)
    assert "did you mean" in said


def test_levels_of_different_measures_are_refused(scenes, tmp_path):
    words = ["--maps", tmp_path, "--out", tmp_path, "--target", "mse=9", "--target", "ssim=0.1"]
    assert "share one measure" in run("stimuli", "build", scenes["cat"][0], *words, code=2)


def test_degrade_writes_no_format_that_loses_more(scenes, tmp_path):
    words = ["--region", "random", "--strength", "2", "--out", tmp_path / "a.jpg"]
    assert "--out expects a .png" in run("degrade", scenes["cat"][0], *words, code=2)
    assert not list(tmp_path.glob("a*"))
