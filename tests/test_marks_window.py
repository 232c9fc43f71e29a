"""Images marked in the real PsychoPy window: what is pressed is what the journal holds."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from small_sets import write_small_set

from fechner.errors import MissingPartError, RefusedError
from fechner.experiment.display import Frame, TrialInterruptedError
from fechner.experiment.session.presentation import mark_task
from fechner.experiment.session.trial_frames import TrialFrames
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting.open_window import open_window
from fechner.experiment.starting.run_participant import run_participant
from fechner.experiment.tour import shortened, tour
from fechner.experiment.window import xvfb
from fechner.protocols.schema import load_protocol
from fechner.records.journal import read_journal
from fechner.records.journal.painted import painted

pytest.importorskip("psychopy", reason="the extra 'experiment' is not installed")
pytestmark = pytest.mark.window

try:
    xvfb.screen_server()
except MissingPartError as error:  # pragma: no cover - depends on the machine
    pytest.skip(f"no screen: {error}", allow_module_level=True)


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("marks") / "set", scenes=3)


class Hand:
    """A person's hand: one action at each turn, places in pixels of the image."""

    def __init__(self, *actions):
        self.actions = list(actions)

    def see(self, frame):
        pass

    def at_question(self, board, question, screen, value):
        board.press_key("1")

    def at_marking(self, board, marking):
        if self.actions:
            self.actions.pop(0)(board, marking)


def stroke(*places):
    def act(board, marking):
        left, top = marking.box[:2]
        board.drag([(left + x + 0.5, top + y + 0.5) for x, y in places])

    return act


def key(name):
    return lambda board, marking: board.press_key(name)


def press(zone):
    def act(board, marking):
        left, top, right, bottom = marking.screen.zones[zone]
        board.click((left + right) / 2, (top + bottom) / 2)

    return act


def look(board, marking):
    """Do nothing for a turn, so that what was painted is on the screen."""


@pytest.fixture
def marked(tmp_path):
    displays = []

    def make(*actions, size=(161, 121), window=(700, 560), name="slider_marks", grey=90):
        path = tmp_path / "grey.png"
        Image.new("RGB", size, (grey, grey, grey)).save(path)
        protocol = load_protocol(name)
        display = open_window(protocol, size=window, verify="all", user=Hand(*actions))
        displays.append(display)
        frame = Frame((path,) * (2 if name == "marks" else 1))
        place = len(frame.images) - 1
        task = mark_task(protocol, TrialFrames(None, marked=frame, marked_place=place))
        display.show(frame, None)
        return display, task

    yield make
    for display in displays:
        display.close()


@pytest.mark.parametrize("size", [(161, 121), (160, 120), (333, 201)])
@pytest.mark.parametrize("window", [(700, 560), (701, 561)])
def test_every_place_reaches_the_journal_as_the_pixel_under_the_pointer(marked, size, window):
    corners = [(0, 0), (size[0] - 1, 0), (size[0] - 1, size[1] - 1), (0, size[1] - 1)]
    actions = [stroke(corner) for corner in corners] + [stroke((7, 9), (80, 9)), key("return")]
    display, task = marked(*actions, size=size, window=window)
    marks = display.mark(task)
    assert marks.size == size
    assert [[p[:2] for p in s.points] for s in marks.strokes] == [
        *([corner] for corner in corners),
        [(7, 9), (80, 9)],
    ]


def test_undo_nowhere_and_done_by_key_and_by_button(marked):
    display, task = marked(
        press("done"),
        stroke((10, 10), (30, 30)),
        press("nowhere"),
        press("undo"),
        stroke((50, 50)),
        key("backspace"),
        key("return"),
        press("nowhere"),
    )
    marks = display.mark(task)
    assert marks.nowhere and len(marks.strokes) == 2 and marks.device == "mouse"
    assert all(s.undone_ms is not None for s in marks.strokes)
    assert marks.rt_ms >= max(s.undone_ms for s in marks.strokes)


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_the_image_is_its_own_pixels_where_nothing_is_painted(marked, grey):
    """And what is painted is exactly what the journal says, up to the line of two pixels."""
    display, task = marked(stroke((40, 40), (90, 60)), look, look, key("return"), grey=grey)
    flip = display.window.flip
    pictures = []

    def flip_and_keep():
        pictures.append(np.asarray(display.window.read_back()))
        return flip()

    display.window.flip = flip_and_keep
    marks = display.mark(task)
    left, top = ((700 - 161) // 2, (display.area[3] - 121) // 2)
    shown = pictures[2][top : top + 121, left : left + 161]
    changed = (shown != grey).any(axis=2)
    stood = marks.standing[0]
    inside, near = (
        painted([stood.model_copy(update={"radius": 16.0 + more})], (161, 121))
        for more in (-3.5, 3.5)
    )
    # The brush itself stands at the end of its stroke.
    brush = stood.model_copy(update={"radius": 21.0, "points": stood.points[-1:]})
    at_brush = painted([brush], (161, 121))
    assert not (inside & ~at_brush & ~changed).any()
    near |= at_brush
    assert not (changed & ~near).any()


def test_escape_while_marking_asks_and_the_trial_comes_anew(marked):
    display, task = marked(stroke((40, 40)), key("escape"))
    with pytest.raises(TrialInterruptedError):
        display.mark(task)


def test_nothing_is_marked_before_the_image_was_seen_long_enough(marked):
    from dataclasses import replace

    display, task = marked(stroke((40, 40)), key("return"))
    left, top = (700 - 161) // 2, (display.area[3] - 121) // 2
    display.window.click(left + 5, top + 5)
    marks = display.mark(replace(task, not_before_ms=250))
    assert [s.points[0][:2] for s in marks.strokes] == [(40, 40)]


@pytest.mark.parametrize("name", ["slider_marks", "marks"])
def test_a_simulated_hand_in_the_window_leaves_what_it_would_leave_without(stimuli, tmp_path, name):
    """Clicks are the same pixels; a brush's path has the same ends."""
    protocol = shortened(load_protocol(name))
    found = {}
    for window in ("psychopy", "none"):
        found[window] = run_participant(
            stimuli.folder,
            protocol,
            "S01",
            sessions_folder=tmp_path / window,
            window=window,
            observer=SimulatedObserver("S01", seed=4),
            size=(900, 700),
        )
    for seen, without in zip(found["psychopy"].trials, found["none"].trials, strict=True):
        assert seen.stimulus == without.stimulus
        if seen.marks is None:
            continue
        ends = [
            [(s.points[0][:2], s.points[-1][:2]) for s in line.marks.standing]
            for line in (seen, without)
        ]
        assert ends[0] == ends[1] and seen.marks.size == without.marks.size
    devices = {line.marks.device for line in found["psychopy"].trials if line.marks}
    assert devices <= {"mouse", "keyboard"}


@pytest.mark.parametrize("name", ["slider_marks", "marks"])
def test_a_tour_shows_the_marking_screen_and_what_escape_asks(stimuli, tmp_path, name):
    written = tour(stimuli.folder, name, tmp_path, size=(1000, 760), width=300)
    assert {"marks", "marks-placed", "question-quit"} <= {path.stem for path in written}


def test_two_images_that_do_not_fit_beside_each_other_are_refused_at_the_start(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=3, size=(400, 200))
    with pytest.raises(RefusedError, match="832 x 200 px of images do not fit"):
        run_participant(
            stimuli.folder,
            "marks",
            "S01",
            sessions_folder=tmp_path / "sessions",
            observer=SimulatedObserver("S01"),
            size=(800, 600),
        )
    assert not list((tmp_path / "sessions").glob("*.jsonl"))


SESSION = """
import sys
from fechner.cli.session import app
app(sys.argv[1:], standalone_mode=True)
"""


@pytest.mark.slow
def test_a_marking_session_that_was_killed_goes_on_and_loses_no_mark(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=8)
    path = tmp_path / "SIMULATED_sub-S01_ses-1.jsonl"
    arguments = ["run", "--stimuli", stimuli.folder, "--sessions", tmp_path, "--protocol"]
    arguments += ["slider_marks", "--participant", "S01", "--simulate", "map", "--size", "900x700"]
    before = ()
    for _ in range(5):
        wanted = (len(before) or 0) + 3
        child = subprocess.Popen(
            [sys.executable, "-c", SESSION, *map(str, arguments)],
            env={**os.environ, "HOME": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        end = time.monotonic() + 60
        while time.monotonic() < end and child.poll() is None:
            if path.exists() and path.read_bytes().count(b'"event":"trial"') >= wanted:
                break
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        kept = read_journal(path)
        assert kept.trials[: len(before)] == before and not kept.complete
        before = kept.trials
    observer = SimulatedObserver("S01", world="map", seed=1)
    record = run_participant(
        stimuli.folder, "slider_marks", "S01", sessions_folder=tmp_path, window="none",
        observer=observer,
    )  # fmt: skip
    assert record.complete and record.trials[: len(before)] == before
    assert all(line.marks is not None for line in record.trials if line.stimulus)
