"""Marking without a window: what keys and mouse events make of an image, and what is drawn."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fechner.experiment.display import Frame
from fechner.experiment.screens import painting
from fechner.experiment.screens.answering import Input
from fechner.experiment.screens.fonts import find_font
from fechner.experiment.screens.look import Look, Screen
from fechner.experiment.screens.mark_pages import BUTTONS, mark_screen, strip_height
from fechner.experiment.screens.marking import Marking
from fechner.experiment.session.presentation import mark_task
from fechner.experiment.session.trial_frames import TrialFrames
from fechner.protocols.schema import load_protocol
from fechner.records.journal.marks import Stroke
from fechner.records.journal.painted import paint, painted

BOX = (100, 50, 161, 91)
ZONES = {"undo": (0, 0, 20, 10), "nowhere": (30, 0, 50, 10), "done": (60, 0, 80, 10)}
LOOKS = [(800, 600), (1920, 1080)]


def task_of(name="slider_marks", language="en", **limits):
    protocol = load_protocol(name, language=language)
    if limits:
        marks = protocol.marks.model_copy(update=limits)
        protocol = protocol.model_copy(update={"marks": marks})
    return mark_task(protocol, TrialFrames(None, marked=Frame(()))), protocol.keys


def marking_of(name="slider_marks", **limits):
    task, keys = task_of(name, **limits)
    return Marking(task, Screen(None, ZONES), BOX, keys)


def drag(marking, places, start=1.0):
    """Drag through places of the image, 10 ms apart."""
    kinds = ["press", *["drag"] * (len(places) - 2), "release"]
    for number, (kind, (x, y)) in enumerate(zip(kinds, places, strict=True)):
        marking.take(Input(kind, start + 0.01 * number, "", BOX[0] + x, BOX[1] + y))


def click(marking, x, y, time=1.0):
    for kind in ("press", "release"):
        marking.take(Input(kind, time, "", x, y))


def key(marking, name, time=9.0):
    marking.take(Input("key", time, name))


def test_a_stroke_is_kept_in_pixels_of_the_image_with_its_times():
    marking = marking_of()
    drag(marking, [(3, 4), (13, 4), (13, 24)])
    key(marking, "return", 3.0)
    marks = marking.result(0.5)
    assert marks.size == (61, 41)
    assert [stroke.points for stroke in marks.strokes] == [
        ((3, 4, 500.0), (13, 4, 510.0), (13, 24, 520.0))
    ]
    assert (marks.rt_ms, marks.device, marks.nowhere) == (2500.0, "keyboard", False)


def test_a_click_is_one_point_wherever_the_button_is_let_go():
    marking = marking_of("marks")
    drag(marking, [(3, 4), (13, 4), (33, 24)])
    click(marking, 70, 5)
    assert [len(stroke.points) for stroke in marking.result(0).strokes] == [1]


def test_a_mark_that_was_taken_back_stays_in_the_record_and_not_on_the_image():
    marking = marking_of()
    drag(marking, [(3, 4), (13, 4)])
    drag(marking, [(40, 20), (45, 25)], start=2.0)
    with_both = marking.painting.picture()[1]
    click(marking, 10, 5, time=4.0)
    assert marking.standing == 1 and marking.painting.picture()[1] != with_both
    key(marking, "backspace", 5.0)
    assert marking.standing == 0 and marking.painting.picture() is None
    key(marking, "n", 6.0)
    marks = marking.result(0)
    assert [stroke.undone_ms for stroke in marks.strokes] == [5000.0, 4000.0]
    assert marks.nowhere and marks.standing == ()


def test_done_needs_the_least_number_of_marks_and_nowhere_needs_none():
    marking = marking_of(least=2)
    for name in ("return", "backspace"):
        key(marking, name)
    assert marking.done is None and marking.usable() == ["nowhere"]
    click(marking, 120, 60)
    for name in ("return", "n"):
        key(marking, name)
    assert marking.done is None and marking.usable() == ["undo"]
    click(marking, 130, 60)
    assert marking.usable() == ["undo", "done"]
    click(marking, 70, 5)
    assert marking.done is not None and marking.result(0).device == "mouse"


def test_no_more_marks_are_taken_than_the_protocol_allows():
    marking = marking_of(most=2)
    for x in (110, 120, 130):
        click(marking, x, 60)
    assert marking.standing == 2 and marking.usable() == ["undo", "done", "full"]
    key(marking, "backspace")
    click(marking, 140, 60)
    assert marking.standing == 2


def test_a_press_beside_the_image_marks_nothing():
    marking = marking_of()
    for x, y in ((99, 60), (161, 60), (120, 49), (120, 91)):
        click(marking, x, y)
    assert marking.standing == 0
    for x, y in ((100, 50), (160, 90)):
        click(marking, x, y)
    key(marking, "return")
    assert [s.points[0][:2] for s in marking.result(0).strokes] == [(0, 0), (60, 40)]


def test_a_brush_that_leaves_the_image_goes_on_along_its_edge():
    marking = marking_of()
    drag(marking, [(50, 20), (90, 20), (90, 80), (30, 60)])
    key(marking, "return")
    assert [p[:2] for p in marking.result(0).strokes[0].points] == [
        (50, 20), (60, 20), (60, 40), (30, 40),
    ]  # fmt: skip


def test_points_are_thinned_and_the_painted_area_stays_what_was_seen():
    marking = marking_of()
    path = [(5 + k * 0.1, 5 + 3 * np.sin(k / 30)) for k in range(500)]
    drag(marking, path)
    key(marking, "return")
    kept = marking.result(0).strokes[0]
    full = np.zeros((41, 61), bool)
    paint(full, [(int(x), int(y)) for x, y in path], 16)
    assert len(kept.points) < 30
    assert np.mean(full ^ painted([kept], (61, 41))) < 0.01


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(
        st.tuples(
            st.sampled_from(["press", "drag", "release", "move", "return", "n", "backspace"]),
            st.floats(-20, 200),
            st.floats(-20, 120),
        ),
        max_size=40,
    ),
    tool=st.sampled_from(["slider_marks", "marks"]),
)
def test_whatever_is_pressed_the_marks_lie_on_the_image_within_the_limits(events, tool):
    marking = marking_of(tool, least=1, most=3)
    for number, (kind, x, y) in enumerate(events):
        if kind in ("press", "drag", "release", "move"):
            marking.take(Input(kind, number / 10, "", x, y))
        else:
            key(marking, kind, number / 10)
    assert marking.standing <= 3
    if marking.done is None:
        return
    marks = marking.result(0)
    assert marks.nowhere == (marking.done.key == "n" or _on(marking, "nowhere"))
    assert all(0 <= x < 61 and 0 <= y < 41 for s in marks.strokes for x, y, _ in s.points)
    times = [time for stroke in marks.strokes for *_, time in stroke.points]
    assert times == sorted(times)


def _on(marking, zone):
    return (
        marking.done.kind == "release"
        and marking.screen.hit(marking.done.x, marking.done.y) == zone
    )


@settings(max_examples=40, deadline=None)
@given(
    points=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), min_size=1, max_size=5),
    radius=st.floats(1, 15),
)
def test_a_stroke_covers_the_pixels_that_a_dense_walk_along_it_comes_near(points, radius):
    """Against a walk in steps of 1/50 px, which knows nothing of distances to a line."""
    covered = painted([Stroke(points=tuple((*p, 0.0) for p in points), radius=radius)], (41, 31))
    ends = [*points[1:], points[-1]]
    walk = np.concatenate(
        [
            np.linspace(a, b, 50 * int(np.hypot(*np.subtract(b, a))) + 2)
            for a, b in zip(points, ends, strict=False)
        ]
    )
    y, x = np.mgrid[:31, :41]
    nearest = np.full(x.shape, np.inf)
    for place in np.array_split(walk, max(1, len(walk) // 200)):
        away = np.hypot(x[..., None] - place[:, 0], y[..., None] - place[:, 1]).min(axis=-1)
        nearest = np.minimum(nearest, away)
    assert not (covered & (nearest > radius + 0.03)).any()
    assert not (~covered & (nearest < radius - 1e-9)).any()


def test_strokes_painted_one_after_the_other_look_as_painted_at_once():
    strokes = [[(5, 5), (30, 12), (34, 30)], [(50, 8)], [(20, 20), (3, 38)]]
    at_once = painting.Painting((61, 41), 6)
    at_once.begin_anew(strokes)
    step_by_step = painting.Painting((61, 41), 6)
    for stroke in strokes:
        step_by_step.add(stroke[:1])
        for pair in itertools.pairwise(stroke):
            step_by_step.add(list(pair))
    (one, place), (other, there) = at_once.picture(), step_by_step.picture()
    assert place == there and np.array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize("level", [0, 64, 128, 192, 255])
def test_brush_and_marks_are_seen_on_every_grey(level):
    """Some pixel of both lies at least 100 of 255 levels from what is behind."""
    drawn = painting.Painting((61, 41), 6)
    drawn.add([(20, 20), (40, 20)])
    for picture in (drawn.picture()[0], painting.ring(6)):
        rgba = np.asarray(picture, float)
        seen = level + (rgba[..., :3] - level) * rgba[..., 3:] / 255
        assert np.abs(seen.mean(axis=2) - level).max() > 100


@pytest.mark.parametrize("size", LOOKS)
@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize("name", ["slider_marks", "marks"])
def test_nothing_of_the_marking_screen_is_cut(size, language, name):
    task, keys = task_of(name, language)
    look = Look(size, 128, 24, find_font("DejaVu Sans"))
    screen = mark_screen(look, task, keys)
    boxes = [screen.zones[name] for name in BUTTONS]
    top = size[1] - strip_height(look, task)
    for left, upper, right, lower in boxes:
        assert 0 <= left < right <= size[0] and top <= upper < lower <= size[1]
    assert all(a[2] < b[0] for a, b in itertools.pairwise(boxes))
    away = np.asarray(screen.image)[:, [0, 1, -2, -1]]
    assert (away == 128).all(), "text reaches the edge of the window"
    assert (np.asarray(screen.image)[: top - 1] == 128).all()
    full, box = screen.overlays["full"]
    assert full.size == (box[2] - box[0], box[3] - box[1]) and len(full.getcolors(9999)) > 1
