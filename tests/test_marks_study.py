"""A study whose participants mark: its own maps against their marks, and what the report shows."""

import json
import re

import numpy as np
import pytest
from report_study import SCENES, write_study

from fechner.analysis.judging.study_marks import (
    mean_error,
    over_scenes,
    painted_scenes,
    scene_marks,
)
from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.marks.agreement import map_agreement
from fechner.analysis.ratings.marks.people_maps import (
    PeopleMap,
    by_scene,
    people_maps,
    smoothed,
)
from fechner.errors import InputError
from fechner.records.human_marks.compared import (
    CONTRAST,
    ERROR,
    ERROR_BY_MAP,
    MAP,
    PEOPLE,
    read_marks_compared,
)
from fechner.records.human_marks.table import MarkedShowing, read_mark_table
from fechner.records.journal.marks import Stroke
from fechner.records.maps import read_maps
from fechner.records.ratings import read_ratings
from fechner.records.stimuli import read_stimulus_set
from fechner.report.page import write_report
from fechner.report.people_marks import sentences
from fechner.study import work
from fechner.study.opening import open_study
from fechner.study.steps import ALL, MARKS, _last_steps

STUDY = """
title = "Blur on noise"
[images]
table = "images/SIMULATED_rated.csv"
[session]
protocol = "{protocol}"
[simulate]
world = "{world}"
participants = 8
in_window = 0
"""


def study_with(folder, protocol, world="map"):
    """A study up to its stimuli, rated and marked by SIMULATED participants, its claim tested."""
    write_study(folder, people=False)
    (folder / "study.toml").write_text(STUDY.format(protocol=protocol, world=world), "utf-8")
    place = open_study(folder)
    work.simulate_sessions(place)
    work.collect_ratings(place)
    ratings = read_ratings(place.ratings)
    dimension = work.protocol(place).dimension
    tested = claim(ratings, read_stimulus_set(place.stimuli), dimension=dimension)
    tested.write(place.claim)
    return place


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    place = study_with(tmp_path_factory.mktemp("study") / "s", "slider_marks")
    MARKS.run(place)
    return place


@pytest.fixture(scope="module")
def found(marked):
    return read_marks_compared(marked.marks_compared)


def test_the_step_runs_only_where_the_protocol_asks_for_marks(marked, tmp_path):
    assert MARKS in _last_steps(marked) and MARKS in ALL
    write_study(tmp_path / "s", people=False)
    assert MARKS not in _last_steps(open_study(tmp_path / "s"))


def test_everything_is_there_and_says_simulated(marked, found):
    names = {path.name for path in marked.marks.iterdir()}
    assert names == {
        "SIMULATED_marks.csv",
        "SIMULATED_marks.json",
        "SIMULATED_reliability.csv",
        "SIMULATED_agreement.json",
        "SIMULATED_compared.json",
        "SIMULATED_maps",
        "SIMULATED_scene_maps",
    }
    assert found.simulated and found.provenance["simulated"]
    assert [one.scene for one in found.scenes] == list(SCENES)


def test_a_step_that_is_done_is_not_done_again_and_a_new_journal_undoes_it(marked):
    said = []
    place = open_study(marked.folder, say=said.append)
    MARKS.run(place)
    assert said == ["marks: done already"]
    before = MARKS.key(place)
    claimed = place.claim.read_text("utf-8")
    try:
        place.claim.write_text(claimed + " ", "utf-8")
        assert MARKS.key(place) != before
    finally:
        place.claim.write_text(claimed, "utf-8")


def test_whom_the_claim_leaves_out_has_no_marks_in_the_maps(marked, found):
    excluded = json.loads(marked.claim.read_text("utf-8"))["excluded"]
    people = {answer.participant for answer in _table(marked).answers}
    assert people & set(excluded) == set()
    assert set(found.left_out) == set(excluded)
    assert {one.people for one in found.scenes} == {8 - len(excluded)}


def _table(place):
    return read_mark_table(place.marks / "SIMULATED_marks.csv")


def test_marks_tell_a_world_in_which_the_map_counts_from_one_in_which_it_does_not(found, tmp_path):
    """What the error gains by the map's weights: much in the world ``map``, a loss in ``null``."""
    place = study_with(tmp_path / "s", "slider_marks", world="null")
    MARKS.run(place)
    other = read_marks_compared(place.marks_compared)
    gains = [one.named(f"{ERROR_BY_MAP} - {ERROR}") for one in (found, other)]
    assert gains[0].mean > 0 > gains[1].high
    assert gains[0].mean > gains[1].mean + 0.2
    for one, gain in zip((found, other), gains, strict=True):
        assert gain.scenes == len(SCENES)
        assert gain.mean == pytest.approx(one.named(ERROR_BY_MAP).mean - one.named(ERROR).mean)


def test_no_map_agrees_with_people_beyond_their_ceiling_by_much(found):
    """The ceiling is of expectation: single scenes may pass it by their noise."""
    assert found.named(ERROR_BY_MAP).mean <= found.ceiling.mean + 0.05


def test_the_scene_map_is_the_mean_of_the_maps_of_its_degraded_images(marked):
    """All participants saw all images, so that both means are the same."""
    scenes, images = read_maps(marked.scene_maps), read_maps(marked.people_maps)
    for scene in SCENES[:3]:
        parts = [
            images[f"{scene}_{arm}"].values * images[f"{scene}_{arm}"].record["scale"]
            for arm in ("low", "high", "donor")
        ]
        whole = scenes[scene].values * scenes[scene].record["scale"]
        assert whole == pytest.approx(np.mean(parts, axis=0), abs=1e-3)


def planes(seed=0, shape=(40, 60)):
    rng = np.random.default_rng(seed)
    return [smoothed(rng.random(shape), 4.0) for _ in range(3)]


def compared(share, importance, contrast, error):
    cells = np.repeat(share[None].reshape(1, -1), 4, axis=0)
    people = PeopleMap(share.astype(np.float32), tuple("ABCD"), 0, cells, share.shape)
    agreed = map_agreement(people, rng=np.random.default_rng(0))
    return scene_marks(
        "s", people, agreement=agreed, importance=importance, contrast=contrast, error=error,
        sd_px=2.0,
    ).agreement["pearson"]  # fmt: skip


def test_marks_where_the_weighted_error_is_correlate_with_it_alone():
    importance, contrast, error = planes()
    share = np.sqrt(smoothed(error * importance, 2.0))
    r = compared(share / share.max(), importance, contrast, error)
    assert r[ERROR_BY_MAP] == pytest.approx(1)
    assert all(r[name] < 0.95 for name in (MAP, CONTRAST, ERROR))


def test_an_even_map_tells_nothing_beyond_the_error_and_has_no_correlation_of_its_own():
    _, contrast, error = planes()
    share = np.sqrt(smoothed(error, 2.0))
    r = compared(share / share.max(), np.full(error.shape, 0.7), contrast, error)
    assert r[MAP] is None
    assert r[ERROR_BY_MAP] == pytest.approx(r[ERROR]) == pytest.approx(1)


def test_undefined_scenes_are_counted_and_left_out_of_means_and_differences():
    importance, contrast, error = planes()
    share = np.sqrt(smoothed(error, 2.0))
    flat = np.full(error.shape, 0.7)
    scenes = [
        scene_marks(
            str(k), PeopleMap(share.astype(np.float32), tuple("AB"), 0, np.zeros((2, 9)), (3, 3)),
            map_agreement(
                PeopleMap(share, tuple("AB"), 2, np.zeros((2, 9)), (3, 3)),
                rng=np.random.default_rng(0),
            ),
            importance=flat if k == 0 else importance, contrast=contrast, error=error, sd_px=2.0,
        )
        for k in range(4)
    ]  # fmt: skip
    agreement, differences, ceiling = over_scenes(scenes, level=0.95)
    by_name = {one.name: one for one in (*agreement, *differences) if one.measure == "pearson"}
    assert (by_name[MAP].scenes, by_name[MAP].undefined) == (3, 1)
    assert by_name[f"{MAP} - {CONTRAST}"].undefined == 1
    assert (ceiling.mean, ceiling.undefined) == (None, 4)


def showing(person, scene, x, y, radius):
    stroke = Stroke(points=((x, y, 0.0),), radius=float(radius))
    return MarkedShowing(person, f"{scene}_low", scene, "low", 1, 1, (60, 40), (stroke,))


def test_measures_of_points_are_those_of_what_was_painted():
    """Two scenes, each marked by two people: by hand, from masks drawn by distance."""
    answers = [showing(who, "left", 15, 20, 6) for who in "AB"]
    answers += [showing("A", "right", 45, 20, 6), showing("B", "right", 30, 20, 6)]
    painted = painted_scenes(answers)
    people = people_maps(answers, 2.0, group=by_scene)
    rows, columns = np.mgrid[:40, :60]
    importance = np.exp(-np.hypot(rows - 20, columns - 15) / 9.0)
    found = scene_marks(
        "left", people["left"], map_agreement(people["left"], rng=np.random.default_rng(0)),
        importance=importance, contrast=np.ones((40, 60)), error=np.ones((40, 60)), sd_px=2.0,
        painted=painted,
    ).agreement  # fmt: skip
    mask = np.hypot(rows - 20, columns - 15) <= 6
    elsewhere = (np.hypot(rows - 20, columns - 45) <= 6) * 1.0 + (
        np.hypot(rows - 20, columns - 30) <= 6
    )
    shown = smoothed(importance, 2.0)
    z = (shown - shown.mean()) / shown.std()
    assert found["nss"][MAP] == pytest.approx(z[mask].mean())
    assert found["auc"][MAP] == pytest.approx(1.0, abs=2e-3)
    above = (shown[mask][:, None] > shown.ravel()[None]).mean(axis=0).reshape(shown.shape)
    expected = (above * elsewhere).sum() / elsewhere.sum()
    assert found["auc_shuffled"][MAP] == pytest.approx(expected, abs=2e-3)
    assert found["auc"][CONTRAST] is None and found["nss"][CONTRAST] is None
    assert found["auc"][PEOPLE] == pytest.approx(1.0)
    assert found["pearson"][PEOPLE] == pytest.approx(1.0)


def test_the_mean_error_is_over_channels_and_degraded_images():
    intact = np.zeros((2, 2, 3), np.uint8)
    one, other = intact.copy(), intact.copy()
    one[0, 0] = (3, 0, 0)
    other[0, 0] = (0, 6, 6)
    assert mean_error(intact, [one, other])[0, 0] == pytest.approx((9 / 3 + 72 / 3) / 2)


def test_the_report_shows_model_and_people_side_by_side_with_their_ceiling(marked, found):
    page = write_report(marked.folder).read_text("utf-8")
    section = page[page.index(">Where people marked</h2>") :]
    section = section[: section.index("</section>")]
    # Both maps stand over the picture and alone.
    assert section.count("<img") == 5 * len(SCENES)
    assert "where people marked" in section and "at most" in section
    assert f"{found.ceiling.mean:.2f}" in section
    assert "sea &amp; sky" in section
    assert "shuffled AUC" in section and PEOPLE in section
    assert "marks/compared.json" in page


def test_a_report_without_marks_says_nothing_of_them(tmp_path):
    page = write_report(write_study(tmp_path / "s", people=False)).read_text("utf-8")
    assert "Where people marked" not in page


def test_a_study_of_marks_alone_is_tested_on_how_often_images_were_marked(tmp_path):
    place = study_with(tmp_path / "s", "marks")
    MARKS.run(place)
    ratings = read_ratings(place.ratings)
    assert set(ratings.table["rating"]) <= {0.0, 1.0}
    section = write_report(place.folder).read_text("utf-8")
    assert "Where people marked" in section


def test_where_everybody_answered_nowhere_the_study_goes_on_and_says_so(tmp_path, monkeypatch):
    from fechner.experiment.simulated import display

    monkeypatch.setattr(display, "simulated_marks", lambda *args, **more: [])
    place = study_with(tmp_path / "s", "slider_marks")
    MARKS.run(place)
    found = read_marks_compared(place.marks_compared)
    assert {one.nowhere for one in found.scenes} == {one.people for one in found.scenes}
    assert found.named(MAP).mean is None and found.named(MAP).undefined == len(SCENES)
    assert not place.scene_maps.exists()
    assert sentences(found) == ["Every participant answered that the images suffer nowhere."]
    assert "suffer nowhere" in write_report(place.folder).read_text("utf-8")


def test_a_damaged_record_is_one_clear_line(marked, tmp_path):
    content = json.loads(marked.marks_compared.read_text("utf-8"))
    content["sceens"] = []
    path = tmp_path / "compared.json"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(InputError, match=re.escape("unknown key 'sceens': did you mean 'scenes'")):
        read_marks_compared(path)
