"""Sessions in which images are marked, without a window: journals, resuming, simulated marks."""

import json
from dataclasses import replace

import numpy as np
import pytest
from journals import as_first_version, forge, header_of, trial, written
from small_sets import write_small_set
from small_stimuli import picture

from fechner.errors import InputError
from fechner.experiment.display import Frame, TrialInterruptedError
from fechner.experiment.journal.journal import Journal
from fechner.experiment.session.presentation import mark_task
from fechner.experiment.session.trial_frames import TrialFrames
from fechner.experiment.shown_pixels import ShownPixels
from fechner.experiment.simulated.display import SimulatedDisplay
from fechner.experiment.simulated.marking import simulated_marks
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting.run_participant import run_participant
from fechner.experiment.verify import verify_session
from fechner.protocols.schema import load_protocol
from fechner.records.journal import read_journal
from fechner.records.maps import write_maps


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("marks") / "set", scenes=4)


def session(stimuli, folder, protocol="slider_marks", code="S01", **more):
    observer = SimulatedObserver(code, world=more.pop("world", "map"), seed=3)
    return run_participant(
        stimuli.folder,
        protocol,
        code,
        sessions_folder=folder,
        window="none",
        observer=observer,
        **more,
    )


MARKED = {
    "size": [161, 121],
    "rt_ms": 4000.0,
    "device": "mouse",
    "strokes": [
        {"points": [[3, 4, 900.0], [30, 40, 1200.0]], "radius": 16.0, "undone_ms": None},
        {"points": [[160, 120, 2000.0]], "radius": 16.0, "undone_ms": 2500.0},
    ],
}


def of_marks(**more):
    return {**MARKED, **more}


def strokes(*several):
    return [{"points": list(points), "radius": 16.0} for points in several]


def test_marks_are_read_back_as_they_were_written(tmp_path):
    path = written(tmp_path / "a.jsonl", 2, header_of("slider_marks"), marks=MARKED)
    record = read_journal(path)
    marks = record.trials[0].marks
    assert json.loads(marks.model_dump_json()) == MARKED
    assert (record.trials[0].marks_placed, marks.nowhere) == (1, False)
    asked = load_protocol("slider_marks")
    assert record.header.marks.radius_px == asked.marks.radius_px
    assert record.header.marks.question == asked.texts.marks.question


@pytest.mark.parametrize(
    ("marks", "complaint"),
    [
        (None, "needs marks"),
        (of_marks(strokes=strokes([[161, 4, 1.0]])), r"\(161, 4\) lies outside the image of 161 x"),
        (of_marks(strokes=strokes([[3, 121, 1.0]])), r"\(3, 121\) lies outside"),
        (of_marks(strokes=strokes([[-1, 4, 1.0]])), "greater than or equal to 0"),
        (of_marks(strokes=strokes([[1.5, 4, 1.0]])), "integer"),
        (of_marks(strokes=strokes([])), "at least 1 item"),
        (of_marks(strokes=strokes(*[[[3, 4, 1.0]]] * 21)), "expected 1 to 20 marks, .* got 21"),
        (
            of_marks(strokes=[{"points": [[3, 4, 1.0]], "radius": 8.0}]),
            "marks of 16 px radius, got 8",
        ),
        (of_marks(stroks=[]), "unknown key"),
        (of_marks(size=[0, 121]), "greater than or equal to 1"),
    ],
)
def test_marks_that_nobody_can_have_placed_are_refused(tmp_path, marks, complaint):
    with pytest.raises(InputError, match=complaint):
        written(tmp_path / "a.jsonl", 1, header_of("slider_marks"), marks=marks)
    assert read_journal(tmp_path / "a.jsonl").trials == ()


def test_marks_stand_only_where_they_were_asked_for(tmp_path):
    with pytest.raises(InputError, match="no meaning in a session whose first line has none"):
        written(tmp_path / "a.jsonl", 1, marks=MARKED)
    path = written(tmp_path / "b.jsonl", 1, header_of("slider_marks"), marks=MARKED)
    with pytest.raises(InputError, match="marks stand in journals of schema 3 or later only"):
        read_journal(as_first_version(path))


def test_a_click_has_one_point_and_the_answer_is_what_was_marked(tmp_path):
    header = header_of("marks")
    about = {"dimension": "damage", "reference": "boat"}
    two = of_marks(strokes=strokes([[3, 4, 1.0], [5, 4, 2.0]]))
    with pytest.raises(InputError, match="a click has one point, got 2"):
        written(tmp_path / "a.jsonl", 1, header, marks=two, rating=0.0, **about)
    one = of_marks(strokes=strokes([[3, 4, 1.0]]))
    with pytest.raises(InputError, match=r"1 marks stand, which is the rating 0 \(1: nowhere\)"):
        written(tmp_path / "b.jsonl", 1, header, marks=one, rating=1.0, **about)
    written(tmp_path / "c.jsonl", 1, header, marks=one, rating=0.0, **about)
    written(tmp_path / "d.jsonl", 1, header, marks=of_marks(strokes=[]), rating=1.0, **about)


def test_a_mark_that_was_moved_later_breaks_the_chain(tmp_path):
    path = written(tmp_path / "a.jsonl", 2, header_of("slider_marks"), marks=MARKED)
    path.write_bytes(path.read_bytes().replace(b"[30,40,", b"[30,41,", 1))
    with pytest.raises(InputError, match="line 2: it does not fit its chain"):
        read_journal(path)


@pytest.mark.parametrize("name", ["slider_marks", "marks"])
def test_every_image_of_a_session_is_marked_or_answered_nowhere(stimuli, tmp_path, name):
    record = session(stimuli, tmp_path, name)
    shown = [line for line in record.trials if line.stimulus]
    assert record.complete and all(line.marks is not None for line in shown)
    assert all(line.marks is None for line in record.trials if not line.stimulus)
    assert {line.marks.size for line in shown} == {(161, 121)}
    verdict = verify_session(record, protocol=load_protocol(name), pixels=ShownPixels(stimuli))
    assert verdict.problems == ()
    if name == "marks":
        assert all(line.rating == float(line.marks.nowhere) for line in shown)
        assert {line.side for line in shown} == {"right"}


def test_marks_on_an_image_of_another_size_are_found_by_verification(stimuli, tmp_path):
    record = session(stimuli, tmp_path)

    def grow(events):
        first = next(event for event in events if event.get("marks") and event["event"] == "trial")
        first["marks"]["size"] = [200, 121]

    forge(record.path, grow)
    verdict = verify_session(read_journal(record.path), pixels=ShownPixels(stimuli))
    assert any("other size" in problem for problem in verdict.problems)


@pytest.mark.parametrize("cut", [0.35, 0.6, 0.93])
def test_a_session_cut_at_any_byte_goes_on_with_the_marks_it_would_have_had(stimuli, tmp_path, cut):
    whole = session(stimuli, tmp_path / "whole")
    folder = tmp_path / "cut"
    path = folder / whole.path.name
    folder.mkdir()
    content = whole.path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    kept = read_journal(path).trials
    again = session(stimuli, folder)
    assert again.complete and again.trials[: len(kept)] == kept
    told = [(line.trial, line.rating, line.marks) for line in again.trials]
    assert told == [(line.trial, line.rating, line.marks) for line in whole.trials]


def test_an_interrupted_marking_shows_the_whole_trial_anew(stimuli, tmp_path, monkeypatch):
    calls = []
    mark = SimulatedDisplay.mark

    def once_interrupted(display, task):
        calls.append(task)
        if len(calls) == 2:
            raise TrialInterruptedError
        return mark(display, task)

    monkeypatch.setattr(SimulatedDisplay, "mark", once_interrupted)
    record = session(stimuli, tmp_path)
    assert record.complete
    assert len(calls) == 1 + sum(line.marks is not None for line in record.trials)


def task(tool="brush", radius=6, **limits):
    protocol = load_protocol("slider_marks")
    asked = protocol.marks.model_copy(update={"tool": tool, "radius_px": radius, **limits})
    protocol = protocol.model_copy(update={"marks": asked})
    return mark_task(protocol, TrialFrames(None, marked=Frame(())))


def steady(seed=0, **more):
    return SimulatedObserver("S01", seed=seed, **{"inconsistency": 0.0, **more})


def test_simulated_marks_lie_where_the_damage_is():
    damage = np.zeros((120, 160))
    damage[80:110, 20:60] = 900.0
    stimulus = picture("boat_high", "boat", "high", predicted_impact=800.0)
    places = [
        place
        for seed in range(40)
        for path in simulated_marks(steady(seed), stimulus, damage, task())
        for place in path
    ]
    inside = [14 <= x < 66 and 74 <= y < 116 for x, y in places]
    assert len(places) > 100 and np.mean(inside) > 0.97


def test_more_harm_is_marked_at_more_places_and_little_harm_nowhere():
    damage = np.ones((120, 160))
    counts = [
        len(simulated_marks(steady(), picture("a", "b", "low", impact), damage, task("click")))
        for impact in (0.0, 5.0, 60.0, 400.0, 4000.0)
    ]
    assert counts[:2] == [0, 0] and 0 < counts[2] < counts[3] < counts[4]


def test_who_does_not_look_marks_anywhere_also_on_an_intact_image():
    intact = picture("a", "b", "intact", 0.0)
    paths = [
        simulated_marks(steady(seed, lapse=1.0), intact, np.zeros((120, 160)), task("click"))
        for seed in range(60)
    ]
    x, y = np.array([path[0][0] for path in paths]).T
    assert all(len(path) == 1 for path in paths)
    assert np.std(x) > 30 and np.std(y) > 22


def test_marks_stay_within_the_limits_and_on_a_tiny_image():
    stimulus = picture("a", "b", "high", 5000.0)
    for shape in ((3, 2), (40, 41)):
        paths = simulated_marks(steady(), stimulus, np.ones(shape), task(least=4, most=4))
        assert len(paths) == 4
        assert all(0 <= x < shape[1] and 0 <= y < shape[0] for path in paths for x, y in path)


def test_in_the_world_of_the_map_marks_follow_the_map_where_it_is_given(stimuli, tmp_path):
    """The damage is blur all over; the map says that only the left half counts."""
    values = np.zeros((121, 161), np.float32)
    values[:, :80] = 1.0
    maps = {scene: values + 1e-6 * k for k, scene in enumerate(stimuli.scenes)}
    write_maps(tmp_path / "maps", maps, about={name: {} for name in maps}, set_record={})
    left = {}
    for name, given in (("with", tmp_path / "maps"), ("without", None)):
        record = session(stimuli, tmp_path / name, maps=given)
        assert record.header.model["marks_weighted_by"] == (
            "importance map" if given else "nothing"
        )
        x = [p[0] for t in record.trials if t.marks for s in t.marks.standing for p in s.points]
        left[name] = np.mean(np.array(x) < 84)
    assert left["with"] > 0.95 and 0.25 < left["without"] < 0.75


def test_maps_of_another_size_and_sets_without_intact_images_are_refused(stimuli, tmp_path):
    maps = {scene: np.eye(50, dtype=np.float32) for scene in stimuli.scenes}
    write_maps(tmp_path / "maps", maps, about={name: {} for name in maps}, set_record={})
    with pytest.raises(InputError, match="has 50 x 50 px and its stimuli 161 x 121"):
        session(stimuli, tmp_path / "a", maps=tmp_path / "maps")
    damage_of = replace(stimuli, stimuli=tuple(s for s in stimuli.stimuli if s.region != "intact"))
    from fechner.experiment.simulated.marking import Damage

    with pytest.raises(InputError, match="scene 'scene0' has none; build the stimulus set with"):
        Damage(damage_of).of(damage_of.stimuli[0], "map")


def test_a_simulated_session_says_that_it_is_one(stimuli, tmp_path):
    record = session(stimuli, tmp_path, "marks", world="null")
    assert record.path.name.startswith("SIMULATED_") and record.simulated
    assert record.header.model["marks_weighted_by"] == "nothing"
    assert {line.marks.device for line in record.trials if line.marks} == {"simulated"}


def test_a_simulated_mark_in_a_persons_journal_is_refused(tmp_path):
    with pytest.raises(InputError, match="simulated answer stands in the session of a person"):
        written(
            tmp_path / "a.jsonl",
            1,
            header_of("slider_marks"),
            marks=of_marks(device="simulated"),
        )


def test_a_journal_line_of_many_long_strokes_is_whole_or_absent(tmp_path):
    """20 strokes of 2000 points each: a line of half a megabyte, cut anywhere."""
    many = of_marks(strokes=strokes(*[[[k % 161, k % 121, float(k)] for k in range(2000)]] * 20))
    path = tmp_path / "a.jsonl"
    with Journal.create(path, header_of("slider_marks")) as journal:
        journal.append(trial(1, marks=MARKED))
        journal.append(trial(2, marks=many))
    content = path.read_bytes()
    assert len(content) > 400_000
    path.write_bytes(content[:-2000])
    record = read_journal(path)
    assert record.torn and [line.trial for line in record.trials] == [1]


def test_the_picture_that_is_marked_is_the_one_of_the_stimulus(stimuli, tmp_path):
    """Beside its reference the right image is marked: the degraded one, whatever stands left."""
    seen = []
    mark = SimulatedDisplay.mark

    def noting(display, asked):
        seen.append((asked.frame.images[asked.place].stem, len(asked.frame.images)))
        return mark(display, asked)

    protocol = load_protocol("slider_marks")
    asked = protocol.marks.model_copy(update={"beside_reference": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimulatedDisplay, "mark", noting)
        record = session(stimuli, tmp_path, protocol.model_copy(update={"marks": asked}))
    shown = [line for line in record.trials if line.stimulus]
    assert [name for name, _ in seen] == [line.stimulus for line in shown]
    assert {count for _, count in seen} == {2}
    assert all(line.reference == f"{line.scene}_intact" for line in shown)
