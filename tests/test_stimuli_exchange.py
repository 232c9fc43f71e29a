"""Sets that come from elsewhere are held to the same checks, and sets leave whole."""

import csv
import hashlib
import json
import zipfile

import numpy as np
import pytest
from stimuli_pictures import photographs
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.compression.metrics.quality import mse
from fechner.provenance import write_text
from fechner.records.images.files import read_image, write_mask_png, write_png
from fechner.records.stimuli import verify

SCENES = ("cat", "cup")


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.fixture
def theirs(tmp_path):
    """A folder of somebody's pictures, darker by 5 in a square of a twelfth each, and a table."""
    folder, rows = tmp_path / "theirs", []
    for scene in SCENES:
        picture = np.maximum(photographs()[scene], 5)
        write_png(folder / f"{scene}.png", picture)
        rows.append([f"{scene}.png", scene, "intact", ""])
        for region, left in (("low", 12), ("high", 120)):
            mask = np.zeros(picture.shape[:2], bool)
            mask[48:96, left : left + 54] = True
            write_mask_png(folder / "masks" / f"{scene}_{region}.png", mask)
            write_png(
                folder / f"{scene}-{region}.png", picture - 5 * mask[..., None].astype(np.uint8)
            )
            rows.append([f"{scene}-{region}.png", scene, region, "darker"])
    text = "".join(",".join(row) + "\n" for row in [["file", "scene", "region", "family"], *rows])
    write_text(folder / "table.csv", text)
    return folder


@pytest.fixture
def imported(theirs, tmp_path):
    out = tmp_path / "set"
    words = ["--masks", theirs / "masks", "--target", "mse=2.0833", "--jobs", "1"]
    run("stimuli", "import", theirs / "table.csv", "--out", out, *words)
    return out


def test_a_set_from_elsewhere_has_what_a_set_of_ours_has(imported, theirs):
    found = verify(imported)
    low = found.named("cat-low")
    original = read_image(theirs / "cat.png")
    assert low.mse == pytest.approx(mse(original, read_image(theirs / "cat-low.png")))
    assert low.predicted_impact == pytest.approx(low.mse)
    assert low.mask_area == pytest.approx(1 / 12)
    assert (low.family, low.level) == ("darker", 1)
    assert low.layer_distance > 0
    assert found.named("cat").layer_distance == 0
    assert (read_image(found.image_path("cup-high")) == read_image(theirs / "cup-high.png")).all()
    assert "6 stimuli of 2 scenes" in run("stimuli", "verify", imported)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("cat-low.png,cat", "cat-low.png,cut"), "scene 'cut' has 0 intact pictures"),
        (("file,scene,region,family", "file,scene,region,familie"), "did you mean 'family'"),
        (("cup-low.png", "nothing.png"), "nothing.png"),
        (("cup-low.png,cup,low", "cup.png,cup,low"), "repeats an earlier row (stimulus cup)"),
    ],
)
def test_a_wrong_table_is_one_line_and_leaves_nothing(theirs, tmp_path, edit, said):
    table = theirs / "table.csv"
    write_text(table, table.read_text("utf-8").replace(*edit))
    words = ["--out", tmp_path / "set", "--jobs", "1"]
    assert said in run("stimuli", "import", table, *words, code=2)
    assert {path.name for path in tmp_path.iterdir()} == {"theirs"}


def test_a_change_outside_the_masks_or_off_the_target_is_refused(theirs, tmp_path):
    changed = read_image(theirs / "cat-low.png").copy()
    changed[:4] = 255 - changed[:4]
    write_png(theirs / "cat-low.png", changed)
    words = ["--out", tmp_path / "set", "--masks", theirs / "masks", "--target", "mse=2.0833"]
    said = run("stimuli", "import", theirs / "table.csv", *words, "--jobs", "1", code=2)
    assert "cat-low.png: 864 pixels changed outside its mask" in said
    assert "cat-low.png: loses" in said
    assert not (tmp_path / "set").exists()


def test_two_scenes_of_the_same_pixels_are_refused(theirs, tmp_path):
    for region in ("", "-low", "-high"):
        (theirs / f"cup{region}.png").write_bytes((theirs / f"cat{region}.png").read_bytes())
    words = ["--out", tmp_path / "set", "--jobs", "1"]
    said = run("stimuli", "import", theirs / "table.csv", *words, code=2)
    assert "scenes 'cat' and 'cup' show the same pixels" in said


def test_nothing_that_is_there_is_written_over(imported, theirs, tmp_path):
    words = ["--out", imported, "--jobs", "1"]
    assert "is there already" in run("stimuli", "import", theirs / "table.csv", *words, code=2)
    zipped = tmp_path / "set.zip"
    zipped.write_text("mine", "utf-8")
    said = run("stimuli", "export", imported, "--zip", zipped, "--licence", "CC0", code=2)
    assert "exists already" in said
    assert zipped.read_text("utf-8") == "mine"


def test_a_zip_holds_the_set_its_licence_and_digests_that_hold(imported, tmp_path):
    zipped, again = tmp_path / "set.zip", tmp_path / "again.zip"
    for path in (zipped, again):
        run("stimuli", "export", imported, "--zip", path, "--licence", "Photographs: CC0")
    assert zipped.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(tmp_path / "out")
    out = tmp_path / "out" / "stimuli"
    assert verify(out).sha256 == verify(imported).sha256
    lines = (out / "sha256sums.txt").read_text("utf-8").splitlines()
    named = dict(reversed(line.split("  ")) for line in lines)
    files = {p.relative_to(out).as_posix(): p for p in out.rglob("*") if p.is_file()}
    assert set(named) == set(files) - {"sha256sums.txt"}
    for name, digest in named.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == digest
    assert "masks/cat_low.png" in named
    assert "Photographs: CC0" in (out / "LICENCES.md").read_text("utf-8")


def test_a_zip_without_a_licence_is_refused(imported, tmp_path):
    said = run("stimuli", "export", imported, "--zip", tmp_path / "set.zip", code=2)
    assert "give --licence" in said


def test_a_changed_picture_does_not_leave(imported, tmp_path):
    write_png(imported / "cat-low.png", np.zeros((144, 216, 3), np.uint8))
    words = ["--zip", tmp_path / "set.zip", "--licence", "CC0"]
    assert "cat-low.png (other bytes)" in run("stimuli", "export", imported, *words, code=2)
    assert "other bytes" in run("stimuli", "export", imported, "--bids", tmp_path / "b", code=2)
    assert not (tmp_path / "set.zip").exists() and not (tmp_path / "b").exists()


def test_bids_gets_pictures_a_table_and_what_its_columns_mean(imported, tmp_path):
    run("stimuli", "export", imported, "--bids", tmp_path / "bids")
    out = tmp_path / "bids" / "stimuli"
    with (out / "stimuli.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {row["stim_file"] for row in rows} == {path.name for path in out.glob("*.png")}
    about = json.loads((out / "stimuli.json").read_text("utf-8"))
    assert set(about) == set(rows[0])
