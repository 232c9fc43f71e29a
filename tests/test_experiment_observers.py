from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_stimuli import degraded, small_set

from fechner.errors import InputError
from fechner.experiment.display import (
    Frame,
    Page,
    Question,
    pixels_sha256,
)
from fechner.experiment.simulated.display import SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.observers import (
    SimulatedObserver,
    error_of,
    harm_of,
    simulated_panel,
)
from fechner.records.stimuli import StimulusSet

RATE = Question("slider", "quality", "How good?", ("Bad", "Excellent"), (0, 100), step=1)


def answer(observer, stimulus, *, repetition=1, question=RATE):
    """What a simulated participant answers to one picture: value and reaction time in ms."""
    stimuli = StimulusSet(Path("anywhere"), (stimulus,), {})
    before = Counter({stimulus.stimulus: repetition - 1})
    responder = SimulatedResponder(observer, stimuli, seen=before)
    return responder.answer(question, responder.look(Frame((stimuli.image_path(stimulus),))))


def differences(world, seed, *, participants, scenes):
    """Low minus high ratings ``(participants, scenes)``."""
    shown = degraded(scenes)
    rows = [
        [
            answer(observer, low)[0] - answer(observer, high)[0]
            for low, high in zip(shown[::2], shown[1::2], strict=True)
        ]
        for observer in simulated_panel(participants, world, seed).values()
    ]
    return np.array(rows)


def crossed_t(difference):
    """t of the mean with participants and images random (quasi-F of the crossed design)."""
    n, m = difference.shape
    grand, by_row, by_column = difference.mean(), difference.mean(1), difference.mean(0)
    rest = difference - by_row[:, None] - by_column + grand
    error = (rest**2).sum() / ((n - 1) * (m - 1))
    rows, columns = m * by_row.var(ddof=1), n * by_column.var(ddof=1)
    return grand / np.sqrt(max(rows + columns - error, error) / (n * m))


def test_the_same_names_and_seed_give_the_same_rating_in_any_order():
    observer = simulated_panel(3, "map", 7)["S02"]
    shown = degraded(6)
    forwards = {p.stimulus: answer(observer, p) for p in shown}
    backwards = {p.stimulus: answer(replace(observer), p) for p in reversed(shown)}
    assert forwards == backwards


def test_seed_participant_and_repetition_each_change_the_residual():
    picture = degraded(1)[0]
    observer = SimulatedObserver("S01", seed=1)
    qualities = {
        observer.quality(picture),
        observer.quality(picture, repetition=2),
        replace(observer, participant="S02").quality(picture),
        replace(observer, seed=2).quality(picture),
    }
    assert len(qualities) == 4


@pytest.mark.parametrize("kind", ["slider", "buttons"])
@pytest.mark.parametrize("good", ["high", "low"])
def test_ratings_lie_on_the_scale_and_follow_its_direction(kind, good):
    values = (1.0, 2.0, 3.0, 4.0, 5.0)
    labels = tuple(map(str, values))
    coarse = Question(kind, "quality", "?", labels, values, minimum=1, maximum=5, good=good)
    observer = SimulatedObserver("S01", inconsistency=40)
    answers = {
        region: [answer(observer, p, repetition=k, question=coarse) for k in range(1, 101)]
        for p in degraded(1)
        for region in [p.region]
    }
    for given in answers.values():
        assert {value for value, _ in given} <= set(values)
        assert all(rt_ms > 0 for _, rt_ms in given)
    low, high = (np.mean([value for value, _ in answers[region]]) for region in ("low", "high"))
    assert (low > high) == (good == "high")


def test_harm_saturates_and_vanishes_without_error():
    assert harm_of(0) == 0
    assert harm_of(200) == 35
    assert 69 < harm_of(1e5) < 70
    steps = np.diff([harm_of(error) for error in range(0, 2000, 10)])
    assert (steps > 0).all() and (np.diff(steps) < 0).all()


def test_each_world_reads_its_own_error():
    picture = replace(degraded(1)[0], predicted_impact=1.0, mse=2.0, centre_error=3.0)
    assert [error_of(picture, world) for world in ("map", "null", "centre")] == [1, 2, 3]


def test_variance_components_are_those_of_the_module():
    """SDs recovered from many draws within 10 %: participant 8, image 8, p x c 3, i x c 5."""
    panel = list(simulated_panel(400, "null", 3).values())
    assert np.std([o.bias for o in panel]) == pytest.approx(8, rel=0.1)
    residuals = np.sqrt(np.mean([o.inconsistency**2 for o in panel]))
    assert residuals == pytest.approx(13 * np.exp(np.log(1.25) ** 2), rel=0.1)
    quiet = SimulatedObserver("S01", inconsistency=0, world="null")
    low = degraded(600)[::2]
    images = [quiet.quality(p) for p in low]
    assert np.std(images) == pytest.approx(np.hypot(8, 5), rel=0.1)
    by_participant = [replace(quiet, participant=f"P{i}").quality(low[0]) for i in range(600)]
    assert np.std(by_participant) == pytest.approx(3, rel=0.1)


def test_in_the_world_map_thirteen_participants_and_eight_scenes_show_the_effect():
    tests = [crossed_t(differences("map", s, participants=13, scenes=8)) for s in range(12)]
    assert min(tests) > 2.2, "t(10) at 5 %, two-sided, is 2.23"


def test_in_the_world_null_the_crossed_test_keeps_its_level():
    tests = [crossed_t(differences("null", s, participants=8, scenes=10)) for s in range(100)]
    assert np.mean(np.abs(tests) > 2.2) <= 0.11, "5 % expected, 11 % is the 99th percentile"
    assert abs(np.mean(tests)) < 0.4


def test_a_spammer_does_not_look():
    panel = simulated_panel(4, "map", 5, spammers=1)
    shown = degraded(200)
    honest = [answer(panel["S01"], p)[0] for p in shown]
    blind = [answer(panel["S04"], p)[0] for p in shown]
    region = [p.region == "high" for p in shown]
    assert np.corrcoef(honest, region)[0, 1] < -0.3
    assert abs(np.corrcoef(blind, region)[0, 1]) < 0.15
    assert np.std(blind) == pytest.approx(100 / np.sqrt(12), rel=0.1)


def test_reaction_times_are_log_normal_about_their_median():
    observer = SimulatedObserver("S01", rt_median_ms=400)
    logs = np.log([observer.reaction_ms(f"s{i}") for i in range(800)])
    assert np.median(logs) == pytest.approx(np.log(400), abs=0.04)
    assert logs.std() == pytest.approx(0.35, rel=0.1)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: SimulatedObserver("S01", world="nul"), "did you mean 'null'"),
        (lambda: SimulatedObserver("S01", lapse=2), "lapse share in"),
        (lambda: simulated_panel(0), "1 or more participants"),
        (lambda: simulated_panel(2, spammers=3), "spammers"),
    ],
)
def test_bad_observers_are_refused_in_one_line(make, complaint):
    with pytest.raises(InputError, match=complaint):
        make()


@pytest.fixture
def shown(tmp_path):
    return small_set(tmp_path, degraded(3))


def test_the_display_without_a_window_reports_the_pixels_of_the_file(shown):
    display = SimulatedDisplay(SimulatedResponder(SimulatedObserver("S01"), shown))
    path = shown.image_path(shown.stimuli[2])
    seen = display.show(Frame((path,)), 800)
    assert seen.sha256 == (pixels_sha256(Image.open(path)),)
    assert seen.dropped_frames == 0


def test_the_display_answers_as_the_observer_rates(shown):
    observer = SimulatedObserver("S01", seed=4)
    display = SimulatedDisplay(SimulatedResponder(observer, shown))
    stimulus = shown.stimuli[1]
    answers = []
    for _ in range(2):
        display.show(Frame((shown.image_path(stimulus),)), None)
        answers.append(display.rate(RATE).value)
    seen = [observer.quality(stimulus, repetition=number) for number in (1, 2)]
    assert answers == [round(min(max(points, 0), 100)) for points in seen]


def test_the_clock_of_the_display_runs_with_what_it_shows(shown):
    display = SimulatedDisplay(SimulatedResponder(SimulatedObserver("S01"), shown))
    display.fixation(500)
    onset = display.show(Frame((shown.image_path(shown.stimuli[0]),)), 1000).onset_s
    display.blank(250)
    display.text(Page("break", "", "", "Go on"))
    assert (onset, display.now()) == (0.5, 2.75)
    response = display.rate(replace(RATE, not_before_ms=1000))
    assert display.now() == pytest.approx(2.75 + response.rt_ms / 1000)
    assert response.rt_ms > 1000


def test_an_attention_check_is_passed_unless_the_participant_lapses(shown):
    check = replace(RATE, answer=100)
    attentive = SimulatedDisplay(SimulatedResponder(SimulatedObserver("S01"), shown))
    assert [attentive.rate(check).value for _ in range(20)] == [100] * 20
    spammer = SimulatedObserver("S02", lapse=1)
    careless = SimulatedDisplay(SimulatedResponder(spammer, shown))
    careless.show(Frame((shown.image_path(shown.stimuli[0]),)), 100)
    assert set(careless.rate(check).value for _ in range(20)) != {100}


def test_of_two_pictures_the_less_harmed_is_preferred(shown):
    observer = SimulatedObserver("S01", inconsistency=0)
    responder = SimulatedResponder(observer, shown)
    low, high = (shown.image_path(shown.stimuli[number]) for number in (0, 1))
    which = Question("buttons", "preference", "Which?", ("Left", "Right"), (0, 1))
    display = SimulatedDisplay(responder)
    display.show(Frame((low, high)), None)
    assert display.rate(which).value == 0
    display.show(Frame((high, low)), None)
    assert display.rate(which).value == 1


def test_a_picture_outside_the_stimulus_set_is_refused(shown, tmp_path):
    display = SimulatedDisplay(SimulatedResponder(SimulatedObserver("S01"), shown))
    with pytest.raises(InputError, match="not in the stimulus set"):
        display.show(Frame((tmp_path / "other.png",)), None)
