"""Scenes keep their names, whatever a reader of tables might take them for, to the last page."""

import csv
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fechner.executors import executor
from fechner.provenance import write_text
from fechner.records.claims.claim import read_claim
from fechner.records.prediction import read_prediction
from fechner.records.rated_images import read_rated_images
from fechner.records.ratings import read_ratings
from fechner.records.stimuli import read_stimulus_set
from fechner.study import demo_images
from fechner.study.demo_images import simulated_rated_images
from fechner.study.opening import open_study
from fechner.study.steps import run_whole

ODD = (
    "0801", "null", "NA", "1e5", "True", "2024-01-02", "-1", "salt, pepper",
    "nan", "None", "1_000", "007", "inf", "no", "#N/A", "+3",
)  # fmt: skip
"""Names that table readers take for numbers, dates, booleans, missing values, or two cells."""

STUDY = """\
title = "Odd names"
[images]
table = "images/SIMULATED_rated.csv"
[images.scales.quality]
minimum = 0
maximum = 100
[network]
size = 96
[channels]
strategies = ["readout"]
shuffles = 2
[maps]
method = "distance"
[stimuli]
scenes = 14
match = ["edge_fine", "luminance"]
[simulate]
participants = 6
in_window = 0
"""

SIDE = 192
"""Of the photographs in pixels: half the demonstration's."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return the folder of a finished study whose scenes have odd names."""
    folder = tmp_path_factory.mktemp("odd") / "study"
    with pytest.MonkeyPatch.context() as patch, executor() as pool:
        patch.setattr(demo_images, "SIDE", SIDE)
        simulated_rated_images(folder / "images", seed=1, levels={"blur": (1.6,)})
        rename_scenes(folder / "images" / "SIMULATED_rated.csv")
        write_text(folder / "study.toml", STUDY)
        run_whole(open_study(folder, pool=pool))
    return folder


def rename_scenes(table):
    """Give the scenes of a table odd names, cell by cell, and declare its scale nowhere."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    column = rows[0].index("scene")
    scenes = dict(zip(dict.fromkeys(row[column] for row in rows[1:]), ODD, strict=False))
    for row in rows[1:]:
        row[column] = scenes[row[column]]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    table.with_suffix(".json").unlink()


def fechner(*words, folder):
    """Run a command in `folder` and return its exit code and everything it printed."""
    command = [sys.executable, "-m", "fechner.cli.main", *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_every_step_keeps_every_name(study):
    rated = read_rated_images(study / "images" / "SIMULATED_rated.csv")
    stimuli = read_stimulus_set(study / "stimuli")
    ratings = read_ratings(study / "ratings" / "SIMULATED_ratings.csv")
    known = set(rated.scenes)
    assert set(ODD[:8]) <= known <= set(ODD)
    assert set(stimuli.scenes) | set(stimuli.record["refused"]) == known
    assert len(stimuli.scenes) >= 8
    assert set(ratings.table["scene"]) == set(stimuli.scenes)
    assert set(ratings.table["image"]) == {stimulus.stimulus for stimulus in stimuli.stimuli}


def test_no_scene_is_lost_on_the_way_to_the_claim_and_the_prediction(study):
    scenes = read_stimulus_set(study / "stimuli").scenes
    claim = read_claim(study / "statistics" / "claim.json")
    assert claim.n_images == len(scenes)
    assert claim.n_ratings == len(scenes) * 4 * claim.n_participants
    predicted = read_prediction(study / "statistics" / "prediction.json")
    assert {image.image for image in predicted.images} == set(scenes)
    assert len(predicted.shuffled) > 0, "the maps of all scenes were found"


def test_the_report_shows_every_scene_by_its_name(study):
    page = html.unescape((study / "report.html").read_text("utf-8"))
    words = re.sub(r"<[^>]+>", "\n", page)
    for scene in read_stimulus_set(study / "stimuli").scenes:
        assert re.search(rf"(?<![\w+-]){re.escape(scene)}(?!\w)", words), scene


def test_the_finished_study_answers_the_commands_of_the_how_tos_in_its_folder(study):
    table = "images/SIMULATED_rated.csv"
    for words in (
        ("data", "check", table),
        ("data", "describe", table, "--out", "labels"),
        ("stats", "claim", "ratings/SIMULATED_ratings.csv", "stimuli/stimuli.csv"),
        ("stats", "claim", "ratings/SIMULATED_ratings.csv", "stimuli"),
        ("stats", "screen", "ratings/SIMULATED_ratings.csv"),
        ("stats", "scores", "ratings/SIMULATED_ratings.csv"),
        ("stimuli", "verify", "stimuli"),
        ("report", "."),
    ):
        code, said = fechner(*words, folder=study)
        assert code == 0, f"{' '.join(words)}: {said}"


def test_a_protocol_that_is_turned_after_the_ratings_is_refused_and_the_claim_stays(
    study, tmp_path
):
    copy = Path(shutil.copytree(study, tmp_path / "study"))
    code, said = fechner("protocol", "copy", "slider", ".", "--name", "mine", folder=copy)
    assert code == 0, said
    turned = (copy / "mine.toml").read_text("utf-8").replace('good = "high"', 'good = "low"')
    write_text(copy / "mine.toml", turned)
    session = '[session]\nprotocol = "mine.toml"\n[simulate]'
    text = (copy / "study.toml").read_text("utf-8").replace("[simulate]", session)
    write_text(copy / "study.toml", text)
    verdict = (copy / "statistics" / "claim.json").read_bytes()
    code, said = fechner("study", "finish", ".", folder=copy)
    assert code == 2
    assert "has another good now than when" in said
    assert (copy / "statistics" / "claim.json").read_bytes() == verdict
