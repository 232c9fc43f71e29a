"""The real PsychoPy window, on a display or on an Xvfb of our own."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from small_sets import write_small_set

from fechner.errors import MissingPartError, RefusedError
from fechner.experiment.display import (
    Frame,
    Page,
    SessionQuitError,
    TrialInterruptedError,
    load_pixels,
    pixels_sha256,
)
from fechner.experiment.journal.lock import SessionLock
from fechner.experiment.plan.plan import Trial
from fechner.experiment.screens import pages
from fechner.experiment.session.presentation import rating_question
from fechner.experiment.shown_pixels import ShownPixels
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.simulated.window_user import SimulatedUser
from fechner.experiment.starting.open_window import open_window
from fechner.experiment.starting.run_participant import run_participant
from fechner.experiment.tour import shortened, tour
from fechner.experiment.verify import verify_session
from fechner.experiment.window import xvfb
from fechner.protocols.schema import load_protocol, shipped

pytest.importorskip("psychopy", reason="the extra 'experiment' is not installed")
pytestmark = pytest.mark.window

try:
    xvfb.screen_server()
except MissingPartError as error:  # pragma: no cover - depends on the machine
    pytest.skip(f"no screen: {error}", allow_module_level=True)


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("window") / "set", scenes=3)


@pytest.fixture(scope="module")
def slider():
    return load_protocol("slider")


@pytest.fixture(scope="module")
def acr():
    return load_protocol("acr")


@pytest.fixture
def opened(slider):
    displays = []

    def make(protocol=slider, size=(700, 560), **options):
        displays.append(open_window(protocol, size=size, **options))
        return displays[-1]

    yield make
    for display in displays:
        display.close()


class Script:
    """A user who does a list of actions, one at each call."""

    def __init__(self, *actions):
        self.actions, self.idle = list(actions), 0

    def see(self, frame):
        self.frame = frame

    def _next(self, board, screen):
        self.idle += not self.actions
        assert self.idle < 500, "nothing more is done and the screen still waits"
        if self.actions:
            self.actions.pop(0)(board, screen)

    def at_page(self, board, page, screen):
        self._next(board, screen)

    def at_question(self, board, question, screen, value):
        self._next(board, screen)


def key(name):
    return lambda board, screen: board.press_key(name)


def keys(names):
    return [key(name) for name in names.split()]


def click(zone, share=0.5, button="LEFT"):
    def act(board, screen):
        left, top, right, bottom = screen.zones[zone]
        board.click(left + share * (right - left), (top + bottom) / 2, button=button)

    return act


def asked(protocol):
    return rating_question(protocol, Trial(1, 1, "main", "x", "s", "r", protocol.dimension))


@pytest.mark.parametrize("name", shipped())
def test_each_protocol_runs_in_the_window_with_every_pixel_as_in_its_file(name, stimuli, tmp_path):
    protocol = shortened(load_protocol(name))
    if name == "jnd":
        stimuli = write_small_set(tmp_path / "set", scenes=2, regions=("low",), levels=3)
    record = run_participant(
        stimuli.folder,
        protocol,
        "S01",
        sessions_folder=tmp_path,
        observer=SimulatedObserver("S01", seed=2),
        verify_pixels="all",
        size=(800, 620),
    )
    shown = [trial for trial in record.trials if trial.stimulus]
    assert record.complete and shown
    assert {trial.pixel_difference for trial in shown} == {0}
    assert {trial.device for trial in record.trials} == {"mouse", "keyboard"}
    assert record.header.simulated and record.header.timing_override
    assert verify_session(record, protocol=protocol, pixels=ShownPixels(stimuli)).problems == ()


@pytest.mark.parametrize("size", [(900, 700), (1051, 801)])
@pytest.mark.parametrize("shape", [(160, 120), (161, 121), (333, 401)])
def test_pictures_of_any_parity_are_shown_bit_exactly(size, shape, opened, tmp_path):
    display = opened(size=size, verify="all")
    rng = np.random.default_rng(0)
    path = tmp_path / "noise.png"
    Image.fromarray(rng.integers(0, 256, (shape[1], shape[0], 3), dtype=np.uint8)).save(path)
    shown = display.show(Frame((path, path), ("left", "right")), 20)
    assert shown.difference == 0
    assert shown.sha256 == (pixels_sha256(load_pixels(path)),) * 2
    assert display.facts()["test_pattern_difference"] == 0


def test_nothing_of_a_picture_that_was_read_back_is_left_on_the_next_screen(opened, stimuli):
    display = opened(size=(640, 480), verify="all")
    display.show(Frame((stimuli.image_path(stimuli.stimuli[0]),)), 20)
    assert len(display.window.read_back().getcolors()) == 1


@pytest.mark.parametrize("grey", [0, 77, 128, 201])
def test_the_background_is_the_protocols_grey_everywhere(grey, slider, opened):
    screen = slider.screen.model_copy(update={"background_grey": grey})
    protocol = slider.model_copy(update={"screen": screen})
    display = opened(protocol, size=(640, 480), user=Script(key("return")))
    display.text(Page("p", "", "Text", "Go on"))
    display.blank(20)
    assert display.window.read_back().getcolors() == [(640 * 480, (grey, grey, grey))]


def test_a_window_that_changes_pixels_ends_the_session(opened, stimuli, monkeypatch):
    display = opened(verify="all")
    true = display.window.read_back
    monkeypatch.setattr(
        display.window, "read_back", lambda: true().point(lambda v: min(v + 1, 255))
    )
    with pytest.raises(RefusedError, match="changed by up to 1 levels"):
        display.show(Frame((stimuli.image_path(stimuli.stimuli[0]),)), 20)


@pytest.mark.parametrize(
    ("actions", "value", "device"),
    [
        ([key("7"), key("3"), key("return")], 73, "keyboard"),
        (keys("num_6 num_2 num_enter"), 62, "keyboard"),
        (keys("2 9 9 num_enter backspace num_enter"), 29, "keyboard"),
        (keys("7 5 backspace num_3 return"), 73, "keyboard"),
        (keys("4 backspace return home right return"), 1, "keyboard"),
        (keys("end pagedown return"), 90, "keyboard"),
        (keys("8 8 left return"), 87, "keyboard"),
        ([key("right"), key("right"), key("left"), key("space")], 51, "keyboard"),
        (keys("right pageup return"), 61, "keyboard"),
        (
            [key("8"), click("track"), click("confirm", button="RIGHT"), click("confirm")],
            50,
            "mouse",
        ),
        ([click("track", 0.2, button="MIDDLE"), click("track"), key("return")], 50, "keyboard"),
        ([key("return"), key("left"), key("return")], 49, "keyboard"),
        ([click("confirm"), click("track"), click("confirm")], 50, "mouse"),
        ([click("track", 0.0), click("confirm")], 0, "mouse"),
        ([click("track", 0.999), key("return")], 100, "keyboard"),
    ],
)
def test_the_slider_takes_mouse_keyboard_and_keypad(actions, value, device, opened, slider):
    response = opened(user=Script(*actions)).rate(asked(slider))
    assert (response.value, response.device) == (value, device)
    assert response.path[-1][1] == value
    assert 0 <= response.path[-1][0] <= response.rt_ms + 1


@pytest.mark.parametrize(
    ("action", "value"), [(key("4"), 4), (key("num_2"), 2), (click("4"), 5), (click("0"), 1)]
)
def test_categories_take_mouse_keyboard_and_keypad(action, value, opened, acr):
    response = opened(acr, user=Script(action)).rate(asked(acr))
    assert response.value == value


@pytest.mark.parametrize(
    ("name", "action", "place"),
    [
        ("pair", key("left"), 0),
        ("pair", click("1"), 1),
        ("jnd", key("num_6"), 1),
        ("jnd", click("0"), 0),
        ("authenticity", key("num_1"), 0),
        ("authenticity", click("1"), 1),
    ],
)
def test_choices_take_mouse_keyboard_and_keypad(name, action, place, opened):
    protocol = load_protocol(name)
    response = opened(protocol, user=Script(action)).rate(asked(protocol))
    assert response.value == protocol.scale.labels_at[place]


def test_no_answer_is_taken_before_the_picture_was_seen_long_enough(opened, acr, stimuli):
    display = opened(acr, user=Script(key("5")))
    display.show(Frame((stimuli.image_path(stimuli.stimuli[0]),)), None)
    display.window.press_key("1")
    response = display.rate(replace(asked(acr), not_before_ms=250))
    assert response.value == 5
    assert response.rt_ms > 150


def test_the_screen_says_that_a_number_was_begun_too_early(opened, slider, stimuli, tmp_path):
    display = opened(user=Script(key("2"), key("backspace"), *keys("6 2 return")))
    display.show(Frame((stimuli.image_path(stimuli.stimuli[0]),)), None)
    question = replace(asked(slider), not_before_ms=150)
    drawn, flip = [], display.window.flip

    def early_flip():
        if len(drawn) == 1:
            display.window.press_key("6")
        drawn.append(np.asarray(display.window.read_back()).copy())
        return flip()

    display.window.flip = early_flip
    assert display.rate(question).value == 62
    (top, bottom) = pages.question(display.look, question, below=True).overlays["not-yet"][1][1::2]
    before, cue = drawn[0][top:bottom], drawn[2][top:bottom]
    assert not np.array_equal(before, cue)


def test_escape_asks_and_going_on_shows_the_trial_anew(opened, slider):
    display = opened(user=Script(key("escape"), key("1")))
    with pytest.raises(TrialInterruptedError):
        display.rate(asked(slider))
    display = opened(user=Script(key("escape"), key("escape")))
    with pytest.raises(TrialInterruptedError):
        display.rate(asked(slider))


def test_escape_and_a_click_on_end_ends_the_session(opened, slider):
    display = opened(user=Script(key("escape"), click("1")))
    with pytest.raises(SessionQuitError):
        display.rate(asked(slider))


def test_escape_works_during_the_fixation_and_on_pages(opened):
    display = opened(user=Script(key("2")))
    display.window.press_key("escape")
    with pytest.raises(SessionQuitError):
        display.fixation(300)
    display = opened(user=Script(key("escape"), key("2")))
    with pytest.raises(SessionQuitError):
        display.text(Page("p", "Title", "Body", "Go on"))


def test_a_key_pressed_before_the_question_is_on_the_screen_answers_nothing(opened, acr):
    display = opened(acr, user=Script(key("2")))
    flip = display.window.flip

    def late_flip():
        # Somebody presses a key while the question is being drawn.
        if not presses:
            presses.append(display.window.press_key("5"))
        return flip()

    presses = []
    display.window.flip = late_flip
    response = display.rate(asked(acr))
    assert response.value == 2
    assert response.rt_ms >= 0


def test_frames_last_as_long_as_asked_by_the_clock(opened, stimuli):
    display = opened(verify="none")
    frame = Frame((stimuli.image_path(stimuli.stimuli[0]),))
    display.preload(frame)
    display.fixation(150)
    shown = display.show(frame, 200)
    assert 195 <= shown.duration_ms < 300
    assert shown.difference is None


def test_a_monitor_that_does_not_exist_is_one_clear_line(slider):
    with pytest.raises(RefusedError, match="monitor 7"):
        open_window(slider, monitor=7)


def test_a_window_larger_than_its_monitor_is_refused(slider):
    with pytest.raises(RefusedError, match="does not fit on monitor 0"):
        open_window(slider, size=(9000, 700))


def test_an_image_that_does_not_fit_says_what_would(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=3, size=(700, 500))
    with pytest.raises(
        RefusedError, match=r"700 x 500 px .* a window of 700x\d+ px, or stimuli of at most"
    ):
        run_participant(
            stimuli.folder,
            "slider",
            "S01",
            sessions_folder=tmp_path / "sessions",
            observer=SimulatedObserver("S01"),
            size=(640, 480),
        )
    assert not list((tmp_path / "sessions").glob("*.jsonl"))


def test_a_tour_shows_the_reference_that_comes_first_and_the_test(stimuli, tmp_path):
    written = tour(stimuli.folder, "dcr_sequential", tmp_path, size=(1000, 760), width=300)
    assert {"picture-1-reference", "picture-1-test"} <= {path.stem for path in written}


def test_a_tour_shows_every_screen_once(stimuli, tmp_path):
    written = tour(stimuli.folder, "slider", tmp_path / "screens", size=(1000, 760), width=300)
    assert {
        "page-instructions-1",
        "page-practice",
        "page-start",
        "page-break",
        "page-thanks",
        "fixation",
        "picture-1",
        "question-quality",
        "question-quality-answered",
        "question-checks",
        "question-calibration-card",
        "question-consent",
        "question-quit",
    } <= {path.stem for path in written}
    for path in written:
        with Image.open(path) as picture:
            assert picture.size == (300, 228)
            # A screen that is one flat grey was not drawn.
            assert path.stem == "blank" or len(picture.convert("L").getcolors()) > 1


def test_the_calibration_reaches_the_journal(stimuli, tmp_path):
    record = run_participant(
        stimuli.folder,
        shortened(load_protocol("acr")),
        "S01",
        sessions_folder=tmp_path,
        observer=SimulatedObserver("S01"),
        show_checks=True,
        size=(1000, 760),
    )
    screen = record.header.screen
    assert screen.distance_cm == 60
    assert screen.pixels_per_degree == pytest.approx(
        screen.pixels_per_cm * 60 * np.tan(np.radians(1)), abs=0.01
    )
    assert screen.test_pattern_difference == 0


def test_the_button_of_the_window_asks_like_escape(opened, slider):
    def close(board, screen):
        board.press_close()

    display = opened(user=Script(close, click("0")))
    with pytest.raises(TrialInterruptedError):
        display.rate(asked(slider))
    display = opened(user=Script(close, close, close, key("2")))
    with pytest.raises(SessionQuitError, match="ended at the window"):
        display.text(Page("p", "Title", "Body", "Go on"))
    display.window.press_close()
    with pytest.raises(TrialInterruptedError):
        _closed_in(display)


def _closed_in(display):
    display._user = display._asking._user = Script(key("1"))
    display.fixation(300)


def test_a_wish_to_end_between_two_screens_is_not_lost(opened, slider):
    nothing = keys("f12")
    choices = (*nothing, click("0"), *nothing, click("0"), *nothing, key("2"))
    display = opened(user=Script(*choices))
    for wish in (display.window.press_close, lambda: display.window.press_key("escape")):
        wish()
        with pytest.raises(TrialInterruptedError):
            display.rate(asked(slider))
    display.window.press_close()
    with pytest.raises(SessionQuitError, match="ended at the window"):
        display.text(Page("p", "Title", "Body", "Go on"))


def test_a_window_that_another_program_closed_ends_the_session_in_one_line(opened, monkeypatch):
    from pyglet.gl.lib import GLException

    def gone():
        raise GLException("out of memory")

    display = opened()
    monkeypatch.setattr(display.window._window, "flip", gone)
    with pytest.raises(SessionQuitError, match=r"the window is gone .* all ratings are kept"):
        display.fixation(20)


def test_a_virtual_screen_is_known_as_one_whoever_started_it(monkeypatch, opened):
    window = opened().window
    assert window.virtual and window.software and not window.synchronised
    window.frame_ms = 16.7  # a busy machine draws as slowly as a monitor is refreshed
    assert not window.synchronised
    window.virtual = False
    assert not window.synchronised
    server = xvfb.screen_server()
    monkeypatch.setenv("DISPLAY", server.display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    found = xvfb.own_display()
    assert found.process is None and found.virtual
    monkeypatch.setenv("DISPLAY", ":9999")
    assert xvfb.own_display() is None


def test_two_windows_of_one_participant_are_refused(stimuli, tmp_path):
    lock = SessionLock.take(tmp_path / "sub-S01.window")
    try:
        with pytest.raises(RefusedError, match=r"sub-S01\.window is held by process"):
            run_participant(
                stimuli.folder,
                "slider",
                "S01",
                sessions_folder=tmp_path,
                observer=SimulatedObserver("S01"),
            )
    finally:
        lock.release()


def test_a_simulated_user_takes_mouse_and_keyboard_in_turn():
    assert SimulatedUser(None)._device() == "mouse"
