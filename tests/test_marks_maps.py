"""Maps of people's marks, how far people agree, and the exports that hold both."""

import io
import json
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from journals import header_of, written
from scipy.ndimage import gaussian_filter
from small_sets import write_small_set

from fechner.analysis.ratings.marks.agreement import (
    MapAgreement,
    map_agreement,
    over_images,
)
from fechner.analysis.ratings.marks.people_maps import (
    PeopleMap,
    by_scene,
    in_cells,
    people_maps,
    smoothed,
)
from fechner.analysis.ratings.marks.smoothing import smoothing
from fechner.errors import InputError
from fechner.experiment.exports.forms import export, export_files
from fechner.experiment.exports.marks import mark_table, marks_files
from fechner.experiment.simulated.observers import simulated_panel
from fechner.experiment.starting.run_participant import run_participant
from fechner.records.human_marks.table import (
    MarkedShowing,
    MarkTable,
    read_mark_table,
    write_mark_table,
)
from fechner.records.images.files import read_map_png
from fechner.records.journal import read_journal, read_journals
from fechner.records.journal.marks import Stroke
from fechner.records.map_worth.marks import read_marks
from fechner.records.maps import read_maps

VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
SIZE = (60, 40)


def stroke(*points, radius=5.0):
    return Stroke(points=tuple((x, y, 10.0 * k) for k, (x, y) in enumerate(points)), radius=radius)


def showing(participant, *marks, image="boat_low", trial=1, size=SIZE):
    return MarkedShowing(participant, image, "boat", "low", 1, trial, size, marks)


EVERYWHERE = stroke((30, 20), radius=100.0)


def test_where_everybody_marked_everything_the_map_is_one_up_to_the_edge():
    found = people_maps([showing("A", EVERYWHERE), showing("B", EVERYWHERE)], 4.0)["boat_low"]
    assert found.share == pytest.approx(1) and found.share.shape == (40, 60)
    assert (found.people, found.nowhere) == (("A", "B"), 0)


def test_who_marked_nowhere_counts_as_nowhere_and_not_as_absent():
    found = people_maps([showing("A", EVERYWHERE), showing("B"), showing("C")], 4.0)["boat_low"]
    assert found.share == pytest.approx(1 / 3) and found.nowhere == 2


def test_several_showings_count_as_one_participant():
    answers = [showing("A", EVERYWHERE), showing("A", trial=9), showing("B", trial=2)]
    found = people_maps(answers, 4.0)["boat_low"]
    assert found.share == pytest.approx(1 / 4)


def test_the_map_is_the_mean_area_smoothed_by_a_normalised_gaussian():
    """Against areas counted pixel by pixel and the Gaussian of scipy."""
    answers = [showing("A", stroke((10, 10))), showing("B", stroke((50, 30)), stroke((12, 8)))]
    y, x = np.mgrid[:40, :60]
    discs = {p: np.hypot(x - p[0], y - p[1]) <= 5 for p in ((10, 10), (50, 30), (12, 8))}
    share = (discs[10, 10] * 1.0 + (discs[50, 30] | discs[12, 8])) / 2
    wanted = gaussian_filter(share, 6.0, mode="constant", truncate=5) / gaussian_filter(
        np.ones_like(share), 6.0, mode="constant", truncate=5
    )
    # OpenCV cuts its Gaussian at 4 SD.
    assert people_maps(answers, 6.0)["boat_low"].share == pytest.approx(wanted, abs=1e-3)


def test_the_order_of_participants_changes_nothing():
    answers = [showing(c, stroke((7 * k, 5 * k))) for k, c in enumerate("ABCDE", start=1)]
    one, other = (people_maps(a, 3.0)["boat_low"] for a in (answers, answers[::-1]))
    assert np.array_equal(one.planes, other.planes)
    assert one.share == pytest.approx(other.share, abs=1e-7)


def test_images_of_a_scene_are_taken_together_and_need_one_size():
    answers = [
        showing("A", EVERYWHERE),
        showing("A", image="boat_high", trial=2),
        showing("B", image="boat_high", trial=1),
    ]
    found = people_maps(answers, 3.0, group=by_scene)["boat"]
    assert found.share == pytest.approx(1 / 4)
    with pytest.raises(InputError, match="boat was marked at 10 x 10 and 60 x 40 px"):
        people_maps([*answers, showing("C", size=(10, 10))], 3.0, group=by_scene)


def test_cells_keep_what_was_marked():
    plane = np.random.default_rng(0).random((40, 60))
    cells = in_cells(plane, 7)
    assert cells.shape == (6, 9)
    assert cells[0, 0] == pytest.approx(plane[:7, :7].mean())
    assert cells[-1, -1] == pytest.approx(plane[35:, 56:].mean())


def test_smoothing_keeps_constants_and_stays_within_the_range():
    plane = (np.random.default_rng(0).random((40, 60)) > 0.7) * 1.0
    blurred = smoothed(plane, 5.0)
    assert blurred.min() >= 0 and blurred.max() <= 1
    assert blurred.mean() == pytest.approx(plane.mean(), abs=0.01)


def of_planes(planes, nowhere=0):
    people = tuple(f"P{k}" for k in range(len(planes)))
    return PeopleMap(np.zeros((1, 1)), people, nowhere, np.asarray(planes, float), (1, 1))


def test_people_who_mark_alike_agree_perfectly():
    plane = np.random.default_rng(1).random(300)
    agreed = map_agreement(of_planes([plane] * 6), rng=np.random.default_rng(0))
    assert (agreed.half, agreed.reliability, agreed.ceiling) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("people", [6, 9, 20])
@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_reliability_is_that_of_classical_test_theory(people, noise):
    """A signal of variance 1 and noise of variance s^2 a person: P / (P + s^2) for P people."""
    rng = np.random.default_rng(people)
    signal = rng.standard_normal(40_000)
    planes = signal + noise * rng.standard_normal((people, 40_000))
    agreed = map_agreement(of_planes(planes), rng=rng)
    assert agreed.reliability == pytest.approx(people / (people + noise**2), abs=0.01)
    with_truth = np.corrcoef(signal, planes.mean(axis=0))[0, 1]
    assert agreed.ceiling == pytest.approx(with_truth, abs=0.01)


def test_the_half_correlation_is_that_of_halves_taken_one_by_one():
    """All ten ways to halve six people, correlated by numpy."""
    planes = np.random.default_rng(3).random((6, 50)) + np.linspace(0, 1, 50)
    ways = [c for c in combinations(range(6), 3) if 0 in c]
    by_hand = [
        np.corrcoef(planes[list(c)].mean(0), np.delete(planes, c, axis=0).mean(0))[0, 1]
        for c in ways
    ]
    agreed = map_agreement(of_planes(planes), splits=4000, rng=np.random.default_rng(0))
    assert agreed.half == pytest.approx(np.mean(by_hand), abs=0.004)


def test_chance_agreement_is_near_nought_and_nothing_is_not_nought():
    rng = np.random.default_rng(5)
    chance = map_agreement(of_planes(rng.random((10, 5000))), rng=rng)
    assert abs(chance.half) < 0.03
    nothing = map_agreement(of_planes(np.zeros((10, 50)), nowhere=10), rng=rng)
    assert (nothing.half, nothing.reliability, nothing.ceiling) == (None, None, None)
    # Where one of ten marked, one half is always blank.
    one = np.zeros((10, 50))
    one[3, :9] = 1
    assert map_agreement(of_planes(one, nowhere=9), rng=rng).reliability is None
    assert map_agreement(of_planes(one[3:4]), rng=rng).reliability is None


def test_undefined_images_are_counted_and_never_averaged_in():
    def of(reliability):
        return MapAgreement(8, 0, 0.1, reliability, reliability)

    rng = np.random.default_rng(0)
    found = over_images({"a": of(0.8), "b": of(None), "c": of(0.6), "d": of(0.7)}, rng=rng)
    assert (found.images, found.undefined) == (4, 1)
    assert found.reliability == pytest.approx(0.7) and found.low < 0.7 < found.high
    none = over_images({"a": of(None)}, rng=rng)
    assert (none.undefined, none.reliability, none.low) == (1, None, None)
    assert over_images({"a": of(0.8), "b": of(0.6)}, rng=rng).low is None


@pytest.mark.parametrize(
    ("asked", "known", "px", "degrees"),
    [
        (None, [None], 20.0, None),
        (None, [40.0, None, 44.0], 21.0, 0.5),
        ("1 deg", [40.0], 40.0, 1.0),
        (" 12.5px ", [25.0], 12.5, 0.5),
        (".5 px", [], 0.5, None),
    ],
)
def test_a_width_is_stated_in_pixels_and_where_known_in_degrees(asked, known, px, degrees):
    found = smoothing(asked, known)
    assert (found.sd_px, found.sd_degrees) == (px, degrees)


@pytest.mark.parametrize("asked", ["", "0 px", "-1 px", "5", "5 cm", "wide", "5000 px", "nan px"])
def test_what_is_no_width_is_refused(asked):
    with pytest.raises(InputError, match=r"such as '0\.5 deg' or '20 px'"):
        smoothing(asked, [40.0])


def test_degrees_need_a_screen_that_is_known():
    with pytest.raises(InputError, match="no session knows its pixels per degree"):
        smoothing("1 deg", [None])


TABLE = MarkTable(
    (
        showing("0801", stroke((3, 4), (9, 4)), stroke((59, 39)), image="null"),
        showing("0801", image="boat_high", trial=2),
        showing("B2", stroke((0, 0), radius=2.5)),
    )
)


def test_a_table_is_read_back_as_it_was_written(tmp_path):
    path, beside = write_mark_table(TABLE, tmp_path / "marks.csv", provenance_block={})
    assert read_mark_table(path) == TABLE
    described = json.loads(beside.read_text())["columns"]
    assert list(described) == list(pd.read_csv(path).columns)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (",59,39,", ",60,39,", r"row 4: the mark at \(60, 39\) lies outside null, 60 x 40 px"),
        (",59,39,", ",59,40,", r"row 4: the mark at \(59, 40\) lies outside"),
        (",59,39,", ",59,-1,", "row 4: 'y' is -1, expected 0 or more"),
        (",59,39,", ",here,39,", "row 4: 'x' expects a number, got 'here'"),
        ("image,", "picture,", "no column 'image'"),
        ("boat_low,B2", "boat_low,", "column 'participant' is empty"),
    ],
)
def test_a_table_that_nobody_can_have_made_is_refused(tmp_path, old, new, complaint):
    path, _ = write_mark_table(TABLE, tmp_path / "marks.csv", provenance_block={})
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=complaint):
        read_mark_table(path)


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("marks") / "set", scenes=3)


@pytest.fixture(scope="module")
def journals(tmp_path_factory, stimuli):
    folder = tmp_path_factory.mktemp("sessions")
    for code, observer in simulated_panel(4, "map", 3).items():
        run_participant(
            stimuli.folder,
            "slider_marks",
            code,
            sessions_folder=folder,
            window="none",
            observer=observer,
        )
    return read_journals(folder).intact()


def test_only_main_trials_count_and_every_one_of_them(journals):
    marks = mark_table(journals)
    wanted = [(j.participant, t.trial) for j in journals for t in j.trials if t.kind == "main"]
    assert [(a.participant, a.trial) for a in marks.answers] == wanted
    assert marks.simulated


def test_the_export_says_simulated_in_every_name_and_is_the_same_every_time(journals, tmp_path):
    files = export(journals, "marks", tmp_path / "out")
    top = {path.relative_to(tmp_path / "out").parts[0] for path in files}
    assert {"SIMULATED_marks.csv", "SIMULATED_maps", "SIMULATED_reliability.csv"} <= top
    assert all(name.startswith("SIMULATED_") for name in top)
    again = marks_files(journals[::-1])
    assert {p.relative_to(tmp_path / "out").as_posix() for p in files} == set(again)
    assert all((tmp_path / "out" / name).read_bytes() == again[name] for name in again)


def test_exported_maps_are_those_that_the_exported_table_gives(journals, tmp_path):
    """The table read by pandas alone, painted by discs along each path, smoothed by scipy."""
    export(journals, "marks", tmp_path / "out", smooth="9 px")
    maps = read_maps(tmp_path / "out" / "SIMULATED_maps")
    table = pd.read_csv(tmp_path / "out" / "SIMULATED_marks.csv")
    y, x = np.mgrid[:121, :161]
    one = gaussian_filter(np.ones((121, 161)), 9.0, mode="constant")
    for name in ("scene0_high", "scene1_low"):
        rows = table[table["image"] == name]
        areas = []
        for _, own in rows.groupby("participant"):
            area = np.zeros((121, 161), bool)
            for _, mark in own.dropna(subset=["x"]).groupby("mark"):
                places = mark[["x", "y"]].to_numpy()
                for a, b in zip(places, [*places[1:], places[-1]], strict=True):
                    for share in np.linspace(0, 1, 200):
                        px, py = a + share * (b - a)
                        # Steps of a third of a pixel see a pixel on the rim from 1/1000 px off.
                        area |= np.hypot(x - px, y - py) <= mark["radius"].iloc[0] + 0.002
            areas.append(area)
        wanted = gaussian_filter(np.mean(areas, axis=0), 9.0, mode="constant") / one
        found = maps[name].values * maps[name].record["scale"]
        assert len(areas) == 4
        # A pixel on a rim, marked by one of four, weighs 5e-4.
        assert found == pytest.approx(wanted, abs=1.5e-3)


def test_the_record_states_the_width_and_how_many_people(journals, tmp_path):
    export(journals, "marks", tmp_path / "out", smooth="9 px")
    record = read_maps(tmp_path / "out" / "SIMULATED_maps")["scene0_high"].record
    assert record["people"] == 4 and record["smoothing"] == "Gaussian of SD 9 px"
    whole = json.loads((tmp_path / "out" / "SIMULATED_agreement.json").read_text())
    assert whole["smoothing"] == {"sd_px": 9.0, "sd_degrees": None}
    assert whole["provenance"]["simulated"] is True
    rows = pd.read_csv(tmp_path / "out" / "SIMULATED_reliability.csv").set_index("image")
    assert len(rows) == whole["over images"]["images"] == 12
    undefined = rows["reliability"].isna().sum()
    assert undefined == whole["over images"]["undefined"]
    assert rows["reliability"].mean() == pytest.approx(whole["over images"]["reliability"])


def test_table_and_maps_are_read_by_who_judges_maps(journals, stimuli, tmp_path):
    export(journals, "marks", tmp_path / "out")
    sizes = {stimulus.stimulus: (121, 161) for stimulus in stimuli.stimuli}
    points = read_marks(tmp_path / "out" / "SIMULATED_marks.csv", sizes)
    maps = read_marks(tmp_path / "out" / "SIMULATED_maps", sizes)
    assert points.simulated and maps.simulated
    assert set(points.images) == set(maps.images)
    high = mark_table(journals)
    placed = sum(len(m.points) for a in high.answers for m in a.marks if a.image == "scene0_high")
    assert len(points.images["scene0_high"].x) == placed


def test_journals_without_marks_are_refused_and_where_all_said_nowhere_there_is_no_map(tmp_path):
    path = written(tmp_path / "sub-A7_ses-1.jsonl", 2)
    with pytest.raises(InputError, match=r"hold no marks; run sessions whose .* slider_marks"):
        export([read_journal(path)], "marks", tmp_path / "out")
    nowhere = {"size": [60, 40], "rt_ms": 900.0, "device": "mouse", "strokes": []}
    path = written(
        tmp_path / "b" / "sub-A7_ses-1.jsonl", 2, header_of("slider_marks"), marks=nowhere
    )
    with pytest.raises(InputError, match="only the form marks has maps to smooth"):
        export([read_journal(path)], "bids", tmp_path / "out", smooth="9 px")
    assert not (tmp_path / "out").exists()
    written_files = export([read_journal(path)], "marks", tmp_path / "out")
    assert {path.name for path in written_files} == {
        "marks.csv", "marks.json", "reliability.csv", "agreement.json",
    }  # fmt: skip
    assert [answer.marks for answer in read_mark_table(tmp_path / "out" / "marks.csv").answers] == [
        (), (),
    ]  # fmt: skip


def test_bids_has_every_point_of_every_mark_also_those_taken_back(tmp_path):
    marks = {
        "size": [60, 40],
        "rt_ms": 4000.0,
        "device": "mouse",
        "strokes": [
            {"points": [[3, 4, 900.0], [9, 4, 1200.0]], "radius": 16.0, "undone_ms": 2500.0},
            {"points": [[59, 39, 3000.0]], "radius": 16.0},
        ],
    }
    path = written(tmp_path / "sub-A7_ses-1.jsonl", 2, header_of("slider_marks"), marks=marks)
    files = export_files([read_journal(path)], "bids")
    stem = "sub-A7/ses-1/beh/sub-A7_ses-1_task-slidermarks"
    table = pd.read_csv(io.BytesIO(files[f"{stem}_acq-marks_beh.tsv"]), sep="\t", dtype=str)
    assert table[["trial", "mark", "point", "x", "y"]].astype(int).to_numpy().tolist() == [
        [t, *row] for t in (1, 2) for row in ([1, 1, 3, 4], [1, 2, 9, 4], [2, 1, 59, 39])
    ]
    assert table["time"].head(3).tolist() == ["0.9", "1.2", "3"]
    assert table["undone"].head(3).fillna("n/a").tolist() == ["2.5", "2.5", "n/a"]
    described = json.loads(files[f"{stem}_acq-marks_beh.json"])
    assert set(table.columns) <= set(described)
    trials = pd.read_csv(io.BytesIO(files[f"{stem}_beh.tsv"]), sep="\t")
    assert trials["marks"].tolist() == [1, 1] and trials["marks_time"].tolist() == [4, 4]


@pytest.mark.skipif(VALIDATOR is None, reason="needs bids-validator-deno (extra dev)")
def test_the_bids_validator_accepts_marks(journals, stimuli, tmp_path):
    export(journals, "bids", tmp_path / "bids", stimuli=stimuli)
    run = subprocess.run(
        [VALIDATOR, "--format", "json", str(tmp_path / "bids")],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(run.stdout)["issues"]["issues"]
    assert [issue for issue in found if issue["severity"] == "error"] == []
    assert list((tmp_path / "bids").rglob("*_acq-marks_beh.tsv"))


def test_a_map_on_the_disk_is_a_ratio_scale_of_shares(journals, tmp_path):
    export(journals, "marks", tmp_path / "out")
    maps = read_maps(tmp_path / "out" / "SIMULATED_maps")
    values = read_map_png(tmp_path / "out" / "SIMULATED_maps" / "scene0_intact.png")
    assert maps["scene0_intact"].record["nowhere"] == 4 and values.max() == 0
    shares = [m.values.max() * m.record["scale"] for m in maps.values()]
    assert 0.2 < max(shares) <= 1
