"""A study that compares coded files, from its file to its page, with SIMULATED participants."""

import json
import os
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import stimuli_pictures
from report_pages import (
    BROWSER,
    charts_of,
    check_charts,
    check_contents,
    check_in_browser,
    decoded,
    taken,
)

from fechner.compression.metrics.local_errors import gms_error
from fechner.errors import InputError
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.provenance import write_text
from fechner.records.claims.codec_claim import read_codec_claim
from fechner.records.images.files import read_image, read_map_png, write_map_png, write_png
from fechner.records.stimuli import INTACT, read_stimulus_set
from fechner.records.study import read_study
from fechner.report.page import write_report
from fechner.stimuli.coded.build import build_coded_stimuli
from fechner.study import work
from fechner.study.codec_demonstration import write_codec_demonstration
from fechner.study.codecs.coded import judged_points
from fechner.study.codecs.simulated_opinions import SEEN_FROM, quality_where_looked
from fechner.study.freezing import check_plan, freeze
from fechner.study.opening import open_study
from fechner.study.planning import study_plan

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))

FILE = """\
title = "Coded"
[images]
photographs = "photographs"
[stimuli]
kind = "codecs"
scenes = 4
[stimuli.codecs]
arms = ["plain", "map", "uniform"]
rates = [20, 60]
[session]
protocol = "pair"
[screening]
fastest_ms = 0
[claim]
kind = "codec"
[claim.codec]
than = ["plain"]
[simulate]
world = "{world}"
participants = 4
in_window = 0
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A study whose coded pictures are built from maps made by hand."""
    folder = tmp_path_factory.mktemp("study")
    write_text(folder / "study.toml", FILE.format(world="judge"))
    scenes = {}
    for seed, (name, picture) in enumerate(stimuli_pictures.photographs().items()):
        write_png(folder / "photographs" / f"{name}.png", picture)
        drawn = stimuli_pictures.smooth_map(seed, *picture.shape[:2])
        write_map_png(folder / "maps" / f"{name}.png", drawn)
        scenes[name] = (folder / "photographs" / f"{name}.png", folder / "maps" / f"{name}.png")
    found = open_study(folder)
    build_coded_stimuli(scenes, found.stimuli, design=found.study.stimuli.codecs)
    return found


@pytest.fixture(scope="module")
def finished(place):
    freeze(place)
    work.simulate_sessions(place)
    work.collect_ratings(place)
    check_plan(place)
    work.check_the_claim(place)
    return place


def test_the_whole_study_gives_a_verdict_and_a_page_that_says_what_was_compared(finished):
    claim = read_codec_claim(finished.claim)
    assert claim.simulated and claim.paired and claim.n_participants == 4
    page = write_report(finished.folder).read_text("utf-8")
    assert "SIMULATED" in page and claim.sentences[0] in page
    assert "At equal rate, does map look better to people than plain?" in page
    assert len(charts_of(page)) == 3
    check_contents(page)
    check_charts(page)
    for name, uri in taken(page).items():
        if name.endswith(".csv"):
            beside = (finished.folder / "tables" / name).read_text("utf-8")
            assert decoded(uri).decode("utf-8") == beside


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium, Chrome or Edge")
def test_in_chromium_the_page_fits_every_screen_and_its_charts_can_be_read(finished, tmp_path):
    check_in_browser(write_report(finished.folder), tmp_path)


def test_the_tables_beside_the_page_hold_the_claim_and_the_set_with_all_digits(finished):
    claim = read_codec_claim(finished.claim)
    write_report(finished.folder)
    folder = finished.folder / "tables"
    (row,) = (row for row in claim.contrasts if row.decides)
    table = pd.read_csv(folder / "SIMULATED_contrasts.csv").set_index("model")
    assert table.loc[row.model, "estimate"] == row.estimate
    coded = pd.read_csv(folder / "coded_pictures.csv")
    assert len(coded) == 4 * 2 * 3
    files = [finished.stimuli / name for name in coded["coded"]]
    assert [path.stat().st_size for path in files] == coded["bytes"].tolist()
    rates = pd.read_csv(folder / "coded_rates.csv")
    assert (rates["bytes"] / rates["wanted"]).between(0.97, 1.03).all()
    named = json.loads((folder / "tables.json").read_text("utf-8"))["tables"]
    assert set(named) == {path.name for path in folder.glob("*.csv")}


def test_methods_and_results_in_words_hold_the_numbers_of_the_records(finished):
    claim, stimuli = read_codec_claim(finished.claim), read_stimulus_set(finished.stimuli)
    page = write_report(finished.folder).read_text("utf-8")
    text = finished.manuscript.read_text("utf-8").replace("\N{MINUS SIGN}", "-")
    method, results = text.split("## Results")
    (row,) = (row for row in claim.contrasts if row.decides)
    (saved,) = claim.bytes_at_equal_opinion
    t = row.estimate / row.standard_error
    chosen, low, high = (50 * (1 + value) for value in (row.estimate, row.low, row.high))
    told = results.split("map - plain:")[1]
    assert f"is {claim.verdict}." in results
    _same(told, [row.estimate, row.df, t, row.p, 95, row.low, row.high, chosen, 95, low, high])
    bytes_told = results.split("### Bytes at equal opinion")[1].split("## ")[0]
    _same(bytes_told, [abs(saved.per_cent), saved.per_cent, 95, saved.low, saved.high])
    sizes = [one.bytes for one in stimuli.stimuli if one.level == 1]
    assert f"a file had {np.mean(sizes):,.0f} and" in method and "qualities 20 and 60" in method
    assert f"{claim.n_ratings:,} comparisons of 4 SIMULATED participants" in method
    assert text.startswith("# SIMULATED") and "SIMULATED" in results
    assert "For a paper" in page and "4 SIMULATED participants took part" in page


def _same(text, numbers):
    """Hold the first numbers of a text, as rounded there, against these."""
    shown = re.findall(r"(?<![\w.])-?\d*\.?\d+", text)[: len(numbers)]
    digits = [len(one.partition(".")[2]) for one in shown]
    assert [float(one) for one in shown] == [
        pytest.approx(value, abs=0.5001 * 10**-n) for value, n in zip(numbers, digits, strict=True)
    ]


def test_the_frozen_plan_names_the_contrasts_and_what_decides(finished):
    lines = freeze(finished).lines
    assert lines["contrasts"] == ["map - plain"] and lines["what decides"] == "opinion"


def test_where_no_arm_matters_all_arms_of_a_rate_are_judged_alike(place):
    stimuli = read_stimulus_set(place.stimuli)
    judged, alike = judged_points(place, "judge"), judged_points(place, "null")
    for scene in stimuli.scenes:
        own = [one for one in stimuli.stimuli if one.scene == scene and one.level == 1]
        assert len({judged[one.stimulus] for one in own}) == 3
        assert len({alike[one.stimulus] for one in own}) == 1
    assert judged_points(place, "centre") == {}


def test_who_looks_where_the_map_marks_sees_no_loss_elsewhere():
    intact = stimuli_pictures.photographs()["cat"]
    looked = np.zeros(intact.shape[:2], np.float32)
    looked[:72, :108] = 1
    blurred = cv2.GaussianBlur(intact, (0, 0), 2)
    elsewhere, there = blurred.copy(), intact.copy()
    elsewhere[:80, :116], there[:72, :108] = intact[:80, :116], blurred[:72, :108]
    assert quality_where_looked(intact, elsewhere, looked) == pytest.approx(100)
    assert quality_where_looked(intact, there, looked) < 70
    assert quality_where_looked(intact, blurred, looked) == pytest.approx(
        quality_where_looked(intact, there, looked), abs=2
    )  # the same loss but for the border


def test_in_the_world_of_the_map_the_arm_of_that_map_is_judged_better(place):
    stimuli, judged = read_stimulus_set(place.stimuli), judged_points(place, "map")
    gains = [
        judged[f"{scene}_codec{level}_map"] - judged[f"{scene}_codec{level}_plain"]
        for scene in stimuli.scenes
        for level in (1, 2)
    ]
    assert len(gains) == 8 and np.mean(gains) > 1


@pytest.mark.proof
def test_loss_is_seen_from_where_the_jpegs_of_live_lose_nothing():
    """Least squares of DMOS over log2 of the mean 1 - GMS; data of Sheikh et al. 2006."""
    folder = DATA / "live_pairs"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    rows = pd.read_csv(folder / "pairs.csv").query("family == 'jpeg'")
    errors = [
        gms_error(read_image(folder / one.reference), read_image(folder / one.image)).mean()
        for one in rows.itertuples()
    ]
    slope, at_one = np.polyfit(np.log2(errors), rows["dmos"], 1)
    assert 2 ** (-at_one / slope) == pytest.approx(SEEN_FROM, rel=0.1)
    assert slope == pytest.approx(11, abs=0.5)


def test_an_observer_in_the_world_judge_gives_the_points_it_is_told(place):
    stimuli = read_stimulus_set(place.stimuli)
    one, other = (s for s in stimuli.stimuli if s.region == INTACT and s.scene in ("cat", "cup"))
    low = SimulatedObserver("S1", world="judge", judged={one.stimulus: 10.0})
    high = SimulatedObserver("S1", world="judge", judged={one.stimulus: 60.0})
    assert high.quality(one) - low.quality(one) == pytest.approx(50)
    assert "judged" not in low.record()
    with pytest.raises(InputError, match="needs the points"):
        low.quality(other)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('kind = "codec"\n', 'kind = "regions"\n', "both or neither"),
        ('than = ["plain"]', 'than = ["plane"]', "plain"),
        ('arms = ["plain", "map",', 'arms = ["plain", "mapp",', "map"),
        ("rates = [20, 60]", "rates = [60, 20]", "sort them"),
    ],
)
def test_a_study_file_that_contradicts_itself_is_refused(tmp_path, before, after, message):
    text = FILE.format(world="judge")
    assert before in text
    write_text(tmp_path / "study.toml", text.replace(before, after))
    with pytest.raises(InputError, match=message):
        read_study(tmp_path)


def test_the_demonstration_never_writes_into_a_folder_of_others(tmp_path):
    write_text(tmp_path / "mine.txt", "mine")
    with pytest.raises(InputError, match="not empty"):
        write_codec_demonstration(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_maps_of_the_study_are_those_that_the_files_were_coded_by(place):
    record = read_stimulus_set(place.stimuli).record["provenance"]["inputs"]
    assert {name for name in record if name.endswith(" map")} == {
        f"{scene} map" for scene in read_stimulus_set(place.stimuli).scenes
    }
    assert read_map_png(place.maps / "cat.png").shape == (144, 216)


def test_the_demonstration_is_a_study_that_people_could_take_part_in(tmp_path):
    pytest.importorskip("ajpegli")
    file = write_codec_demonstration(tmp_path / "demo")
    assert write_codec_demonstration(tmp_path / "demo") == file
    found = study_plan(open_study(file))
    assert found.design == "latin square" and found.conditions == 36
    assert found.audit.minutes < found.audit.limit_minutes
    # 12 pairs of each of 12 scenes, 4 repeats, 4 catch trials, 9 before the session counts.
    assert found.audit.trials == 12 * 12 + 4 + 4 + 9
    # Each picture stands in 8 pairs of its scene, each compared by a third of 72 participants.
    assert found.audit.shown == (8 * 24, 8 * 24)


def test_whoever_runs_a_study_is_told_which_scenes_were_left_out(tmp_path, place):
    said = []
    for name in ("photographs", "maps"):
        shutil.copytree(place.folder / name, tmp_path / name)
        shutil.copyfile(tmp_path / name / "cat.png", tmp_path / name / "cat_again.png")
    text = FILE.format(world="judge").replace("scenes = 4", "scenes = 5")
    write_text(tmp_path / "study.toml", text)
    work.make_stimuli(open_study(tmp_path, say=said.append))
    assert said == [
        "left out cat_again: it shows the same pixels as scene 'cat'",
        "4 of 5 scenes: the photographs are used up; add some, and run again",
    ]
