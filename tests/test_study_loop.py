"""The whole loop on photographs that come with installed packages, and on a real rated set.

One small demonstration is run once, with one SIMULATED participant in the real window;
the other worlds start from a copy of it, so that only what depends on the world is redone.
"""

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fechner.compression.regions.options import RegionOptions
from fechner.errors import InputError
from fechner.executors import executor
from fechner.provenance import sha256_file, write_text
from fechner.records.images.files import read_image
from fechner.records.journal import read_journal
from fechner.records.map_worth.study_rivals import read_rivals
from fechner.records.maps import read_maps, write_maps
from fechner.records.selection import read_selection
from fechner.records.stimuli import read_stimulus_set
from fechner.study import demo_images, demonstration, design
from fechner.study.demo_images import simulated_rated_images
from fechner.study.demonstration import run_demonstration, write_demonstration
from fechner.study.opening import open_study
from fechner.study.status import folder_status
from fechner.study.steps import (
    CLAIM,
    RATINGS,
    SESSIONS,
    STIMULI,
    finish,
    run_to_people,
)

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
FEW_LEVELS = {"blur": (1.6,), "noise": (16.0,)}
SIDE = 192
"""Of the photographs in pixels: half the demonstration's."""

pytestmark = [pytest.mark.slow, pytest.mark.window]


def small(folder, world, in_window):
    """Write the demonstration's study file with fewer repetitions and a smaller network input."""
    file = write_demonstration(folder, world=world)
    text = file.read_text("utf-8").replace("shuffles = 10", "shuffles = 2")
    text = text.replace("in_window = 1 ", f"in_window = {in_window} ")
    write_text(file, text.replace("[channels]", "[network]\nsize = 96\n\n[channels]"))
    return file


def few_rated_images(folder, *, pool, **options):
    """Make fewer images, in this process: others would not know that they are to be small."""
    return simulated_rated_images(folder, levels=FEW_LEVELS, **options)


@contextmanager
def quick():
    """Small photographs, and regions within half of the best: matched as closely as for people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_images, "SIDE", SIDE)
        patch.setattr(demonstration, "simulated_rated_images", few_rated_images)
        patch.setattr(design, "RegionOptions", partial(RegionOptions, solver_gap=0.5))
        yield


def run_small(folder, *, world="map", in_window=0):
    """Run the small demonstration and return what it said, step by step."""
    lines = []
    file = small(folder, world, in_window)
    with quick(), executor() as pool:
        run_demonstration(open_study(file, say=lines.append, pool=pool))
    return lines


def centre_weight(shape):
    """Return a Gaussian of SD one sixth of the sides, (height, width), 1 at the centre."""
    y, x = (np.linspace(-3, 3, side) for side in shape)
    return np.exp(-(y[:, None] ** 2 + x[None, :] ** 2) / 2).astype(np.float32)


def claim_of(folder):
    return json.loads((folder / "statistics" / "claim.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """Return the folder of one whole run, with a participant in the real window."""
    pytest.importorskip("psychopy", reason="the loop needs the extra 'experiment'")
    folder = tmp_path_factory.mktemp("loop") / "study"
    run_small(folder, in_window=1)
    return folder


@pytest.fixture
def copy(loop, tmp_path):
    """Return a copy of the finished run that a test may change."""
    return Path(shutil.copytree(loop, tmp_path / "study"))


def test_the_claim_is_supported_where_it_is_true_by_construction(loop):
    assert claim_of(loop)["verdict"] == "supported"


def test_the_status_of_a_finished_study_is_done_and_of_a_changed_one_to_do_again(copy):
    found = folder_status(copy)
    assert {state for name, state in found.lines if name not in ("frozen plan", "report")} == {
        "done"
    }
    assert found.next == f"fechner report {copy}"
    written = next((copy / "stimuli").glob("*.png"))
    written.write_bytes(written.read_bytes() + b" ")
    standing = dict(folder_status(copy).lines)
    assert standing["maps"] == "done"
    assert standing["stimuli"].startswith("to do again")
    assert standing["claim"].startswith("to do again")


def test_at_least_eight_scenes_lose_equal_information_in_every_arm(loop):
    stimuli = read_stimulus_set(loop / "stimuli")
    assert len(stimuli.scenes) >= 8
    for scene in stimuli.scenes:
        arms = {s.region: s for s in stimuli.stimuli if s.scene == scene}
        assert set(arms) == {"intact", "low", "high", "donor"}
        lost = [arms[arm].mse for arm in ("low", "high", "donor")]
        assert max(lost) <= 1.02 * min(lost)
        assert arms["low"].mask_area == pytest.approx(arms["high"].mask_area, rel=0.02)
        assert arms["low"].predicted_impact < arms["high"].predicted_impact


def test_the_window_showed_the_very_pixels_of_the_files(loop):
    journals = [read_journal(path) for path in (loop / "sessions").glob("SIMULATED_sub-*.jsonl")]
    seen = [record for record in journals if record.header.screen.window == "psychopy"]
    assert len(seen) == 1
    stimuli = read_stimulus_set(loop / "stimuli")
    files = {s.stimulus: stimuli.image_path(s) for s in stimuli.stimuli}
    trials = [trial for trial in seen[0].trials if trial.kind == "main"]
    assert len(trials) == len(stimuli.stimuli)
    for trial in trials[:4]:
        pixels = np.ascontiguousarray(read_image(files[trial.stimulus]))
        assert trial.shown_sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()


def test_every_rating_of_every_journal_reaches_the_table(loop):
    with (loop / "ratings" / "SIMULATED_ratings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    journals = [read_journal(path) for path in (loop / "sessions").glob("SIMULATED_sub-*.jsonl")]
    told = {
        (record.participant, trial.stimulus): trial.rating
        for record in journals
        for trial in record.trials
        if trial.kind == "main"
    }
    assert len(journals) == 13
    assert {(r["participant"], r["image"]): float(r["rating"]) for r in rows} == told


def test_everything_that_rests_on_simulation_says_so(loop):
    assert read_selection(loop / "channels" / "selection.json").choice.provenance["simulated"]
    for record in ("maps/maps.json", "maps/cat.json", "stimuli/stimuli.json"):
        assert json.loads((loop / record).read_text("utf-8"))["provenance"]["simulated"], record
    assert claim_of(loop)["simulated"]
    page = (loop / "report.html").read_text("utf-8")
    title = page[page.index("<title>") : page.index("</title>")]
    assert "SIMULATED" in title
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert all("SIMULATED" in path.name for path in (loop / "sessions").glob("*.jsonl"))


def test_the_prediction_is_held_against_the_same_network_without_its_selection(loop):
    found = json.loads((loop / "statistics" / "prediction.json").read_text("utf-8"))
    made = [rival.name for rival in read_rivals(loop / "maps" / "rivals")]
    assert made and set(made) <= {rival["name"] for rival in found["rivals"]}
    plan = json.loads((loop / "frozen_plan.json").read_text("utf-8"))["lines"]
    assert plan["rivals of the prediction"][-len(made) :] == made


def test_the_selection_is_judged_on_scenes_that_took_no_part_in_it(loop):
    for candidate in read_selection(loop / "channels" / "selection.json").candidates:
        assert not set(candidate.scenes_selection) & set(candidate.scenes_held_out)


def test_a_second_run_does_nothing_again(copy):
    report = (copy / "statistics" / "claim.json").stat().st_mtime_ns
    lines = run_small(copy, in_window=1)
    assert lines and all(line.endswith("done already") for line in lines)
    assert (copy / "statistics" / "claim.json").stat().st_mtime_ns == report


def test_the_null_world_redoes_only_the_participants_and_does_not_support_the_claim(copy):
    stimuli = sha256_file(copy / "stimuli" / "stimuli.csv")
    lines = run_small(copy, world="null")
    assert "stimuli: done already" in lines
    assert "sessions: done already" not in lines
    assert sha256_file(copy / "stimuli" / "stimuli.csv") == stimuli
    assert claim_of(copy)["verdict"] == "not supported"


def test_regions_matched_for_eccentricity_leave_nothing_for_participants_who_see_the_centre(copy):
    run_small(copy, world="centre")
    assert claim_of(copy)["verdict"] == "not supported"


def test_the_donor_control_exposes_a_map_that_is_nothing_but_the_centre(copy):
    """Centre-weighted maps, eccentricity left unmatched, participants who see only the centre."""
    maps = read_maps(copy / "maps")
    raw = {name: map_.values * centre_weight(map_.values.shape) for name, map_ in maps.items()}
    write_maps(copy / "maps", raw, about={name: {} for name in raw}, set_record={})
    text = small(copy, "centre", 0).read_text("utf-8")
    unmatched = 'match = ["edge_fine", "edge_middle", "luminance", "chroma"]'
    write_text(copy / "study.toml", text.replace("[stimuli]", f"[stimuli]\n{unmatched}"))
    with quick(), executor() as pool:
        place = open_study(copy / "study.toml", pool=pool)
        for step in (STIMULI, SESSIONS, RATINGS, CLAIM):
            step.work(place)
    claim = claim_of(copy)
    assert claim["verdict"] == "not specific to the map"


def test_a_changed_rating_invalidates_what_rests_on_it(copy):
    path = next(iter((copy / "sessions").glob("SIMULATED_sub-*.jsonl")))
    path.unlink()
    place = open_study(copy / "study.toml")
    finish(place)
    assert claim_of(copy)["verdict"] == "supported"
    participants = (copy / "ratings" / "SIMULATED_ratings.csv").read_text("utf-8").splitlines()[1:]
    assert len({line.split(",")[0] for line in participants}) == 12


def test_ctrl_c_keeps_what_was_finished_and_a_rerun_goes_on(tmp_path):
    folder = tmp_path / "study"
    command = [sys.executable, "-m", "fechner.cli.main", "demo", "--out", str(folder)]
    run = subprocess.Popen(
        [*command, "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell are deaf to Ctrl-C, and so would this be.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    images = folder / "images"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(images.glob("[a-z]*.png"))) < 3:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, complaint = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in complaint
    assert "the same command goes on" in complaint
    assert not list(folder.rglob(".*.png")), "no half-written file stays behind"


@pytest.mark.proof
def test_a_study_of_real_ratings_stops_where_people_are_needed(tmp_path):
    if not (DATA / "avt_ai_images").is_dir():
        pytest.skip("the AVT-AI-Image data is not here")
    images = tmp_path / "images"
    command = [sys.executable, "-m", "fechner.cli.main", "data", "import", "avt"]
    command += [str(DATA / "avt_ai_images"), "--out", str(images / "rated.csv")]
    subprocess.run(command, check=True, capture_output=True)
    text = (
        'title = "AVT"\n[images]\nratings = "images/rated_ratings.csv"\n'
        "[channels]\nshuffles = 4\n[stimuli]\nscenes = 9\n"
    )
    write_text(tmp_path / "study.toml", text)
    with executor() as pool:
        place = open_study(tmp_path / "study.toml", pool=pool)
        run_to_people(place)
    study = read_selection(place.selection)
    low, high = study.noise_ceiling
    assert 0.5 < low <= high <= 1
    for candidate in study.candidates:
        assert -0.2 < candidate.alignment_held_out.after < high
    greedy = study.by_method("greedy")
    gain = greedy.alignment_selection.after - greedy.alignment_selection.before
    held = greedy.alignment_held_out.after - greedy.alignment_held_out.before
    assert held < gain / 2, "most of an in-sample gain is noise, and the record shows it"
    assert len(read_stimulus_set(place.stimuli).scenes) >= 6
    with pytest.raises(InputError, match="fechner session run"):
        finish(place)
