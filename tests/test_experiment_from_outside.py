"""The window as a participant uses it: real keys and a real pointer, from another process."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from itertools import count, cycle
from pathlib import Path

import pytest
from outside import KEY_CODES, Driver
from small_sets import write_small_set

from fechner.errors import MissingPartError
from fechner.experiment.session.before_trials import PAUSE_MS
from fechner.experiment.window import xvfb
from fechner.protocols.schema import load_protocol, shipped
from fechner.records.journal import read_journal

pytest.importorskip("psychopy", reason="the extra 'experiment' is not installed")
pytestmark = [pytest.mark.window, pytest.mark.slow]

DEVICES = ("keyboard", "keypad", "mouse")

BEFORE = ("consent", "screening", "vision")
"""How the names of questions before the first trial begin."""

COMMENT = "Blurred, 7 of 10: the cat's eye."


@pytest.fixture(scope="module")
def screen():
    if not sys.platform.startswith("linux"):
        pytest.skip("needs Xvfb")
    try:
        server = xvfb.start_xvfb((1024, 800))
    except MissingPartError as error:  # pragma: no cover - depends on the machine
        pytest.skip(str(error))
    yield server.display
    server.end()


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Return the folder of a stimulus set for each protocol."""
    folder = tmp_path_factory.mktemp("outside")
    size = {"size": (161, 121), "regions": ("low", "high")}
    five = write_small_set(folder / "five", scenes=5, **size)
    two = write_small_set(folder / "two", scenes=3, **size)
    levels = write_small_set(folder / "levels", scenes=2, regions=("low",), levels=3)
    few = ("slider", "slider_marks", "marks", "pair", "pair_reference")
    return {
        name: (two if name in few else levels if name == "jnd" else five).folder
        for name in shipped()
    }


class Answers:
    """Gives every answer of every question in turn, on one device, and notes what was meant."""

    def __init__(self, driver, device, gaps=()):
        self.driver, self.device, self.turns = driver, device, {}
        self.meant, self.gaps, self.seen = [], iter(gaps), []

    def session(self, seen):
        """Answer until a session ends; return what was meant, by question."""
        self.meant, self.seen, self.turns = [], [], {}
        while seen["kind"] != "end":
            self.seen.append(seen["name"])
            self.driver.wait(seen)
            seen = getattr(self, f"_{seen['kind']}")(seen)
        return self.meant

    def _gap(self):
        return next(self.gaps, None)

    def _turn(self, seen):
        turn = self.turns.setdefault(seen["name"], count())
        return next(turn)

    def _page(self, seen):
        gap = self._gap()
        if seen["name"] == "practice":
            self.gaps = iter(())
        return self.driver.after(lambda: self._proceed(seen["zones"]["proceed"], gap))

    def _proceed(self, box, gap=None):
        if self.device == "mouse":
            self.driver.click(box, again_ms=gap)
        else:
            key = "return" if self.device == "keyboard" else "num_enter"
            self.driver.press(key, again_ms=gap)

    def _buttons(self, seen):
        place = self._turn(seen) % len(seen["values"])
        if seen["name"].startswith(BEFORE):
            place = int(seen["answer"])
        elif seen["answer"] is not None:
            place = seen["values"].index(seen["answer"])
        self.meant.append((seen["name"], seen["values"][place]))
        gap = self._gap()
        return self.driver.after(lambda: self._button(seen, place, gap))

    def _button(self, seen, place, gap):
        if self.device == "mouse":
            self.driver.click(seen["zones"][str(place)], again_ms=gap)
        else:
            self.driver.press(self._key(seen["keys"][place]), again_ms=gap)

    def _key(self, names):
        of_keypad = [name for name in names if name in KEY_CODES and name.startswith("num_")]
        others = [name for name in names if not name.startswith("num_")]
        return (of_keypad if self.device == "keypad" else others)[0]

    def _slider(self, seen):
        if seen["answer"] is None:
            value = list(seen["places"])[self._turn(seen) % len(seen["places"])]
        else:
            value = f"{seen['answer']:g}"
        self.meant.append((seen["name"], float(value)))
        return self.driver.after(lambda: self._slide(seen, value))

    def _slide(self, seen, value):
        if self.device == "mouse":
            track, x = seen["zones"]["track"], seen["places"][value]
            self.driver.click((x, track[1], x, track[3]))
        else:
            for digit in value:
                self.driver.press(f"num_{digit}" if self.device == "keypad" else digit)
        self._proceed(seen["zones"]["confirm"])

    def _writing(self, seen):
        self.driver.xdotool("type", "--delay", "40", COMMENT)
        return self.driver.after(lambda: self._finish(seen["zones"]["done"]))

    def _finish(self, box):
        if self.device == "keyboard":
            self.driver.press("Tab")
        self._proceed(box)

    def _marks(self, seen):
        turn = self._turn(seen)
        # Places on an image are pointed at; "nowhere" is said by every device.
        places = turn % 2 if self.device == "mouse" else 0
        self.meant.append(("marks", float(places)))
        left, top, *_ = seen["zones"]["image"]

        def act():
            for k in range(places):
                self.driver.click((left + 20 + 40 * k, top + 30, left + 20 + 40 * k, top + 30))
            if places:
                self._proceed(seen["zones"]["done"])
            elif self.device == "mouse":
                self.driver.click(seen["zones"]["nowhere"])
            else:
                self.driver.press(self._key(seen["keys"][0]))

        return self.driver.after(act)


def understood(record):
    """Return the answers of a journal in the order in which they were given, by question."""
    found = []
    for line in record.answers:
        if record.header.method != "marks":
            found.append((line.dimension, line.path[-1][1]))
        if line.confidence is not None:
            found.append(("confidence", line.confidence))
        if line.marks is not None:
            found.append(("marks", float(len(line.marks.standing))))
    return found


def every_answer(record, meant, device):
    """Check that all was understood as it was meant, and that each answer was given."""
    protocol = load_protocol(record.header.protocol)
    asked = [one for one in meant if not one[0].startswith(BEFORE)]
    assert understood(record) == asked
    used = {"mouse"} if device == "mouse" else {"keyboard"}
    assert {line.device for line in record.answers} == used
    given = {value for name, value in asked if name == protocol.dimension}
    if protocol.scale.shown == "choices" and protocol.method != "marks":
        assert given == set(protocol.scale.labels_at)
    elif protocol.method != "marks":
        assert given == {protocol.scale.minimum, 37.0, protocol.scale.maximum}
    if device == "mouse" and protocol.marks is not None:
        assert {value for name, value in asked if name == "marks"} == {0.0, 1.0}


ROTATED = [(name, DEVICES[place % 3]) for place, name in enumerate(shipped())]
"""Every protocol on one device, every device with several protocols."""


def answered_by(wanted, screen, sets, folder):
    """Run the sessions of (protocol, device) pairs in one window, and check each of them."""
    sessions = [
        {
            "name": name,
            "stimuli_folder": str(sets[name]),
            "folder": str(folder / f"{name}-{device}"),
            "questions": False,
        }
        for name, device in wanted
    ]
    driver = Driver.start(screen, sessions)
    for (name, device), session in zip(wanted, sessions, strict=True):
        answers = Answers(driver, device)
        meant = answers.session(driver.next())
        record = read_journal(Path(session["folder"]) / "sub-P01_ses-1.jsonl")
        assert record.complete, name
        every_answer(record, meant, device)
    driver.end()


def test_every_answer_of_a_protocol_is_given_by_one_device_alone(screen, sets, tmp_path):
    # A quarter of the protocols, each device once; all of them take most of a minute.
    answered_by(ROTATED[::4], screen, sets, tmp_path)


@pytest.mark.proof
def test_every_answer_of_every_protocol_is_given_by_one_device_alone(screen, sets, tmp_path):
    answered_by(ROTATED, screen, sets, tmp_path)


@pytest.mark.proof
def test_every_answer_of_every_protocol_is_given_by_each_device_alone(screen, sets, tmp_path):
    answered_by([(n, d) for n in shipped() for d in DEVICES], screen, sets, tmp_path)


GAPS_MS = (50, 125, 200, 275, 350, 425, 500)
"""Between the two presses of a double press, or the two clicks of a double click."""


@contextmanager
def pressed_twice_in_time(driver):
    """Skip what fails where the machine was too busy to press twice within the pause."""
    try:
        yield
    except AssertionError:
        if driver.slowest_s >= PAUSE_MS / 1000:
            pytest.skip(f"too busy: pressing twice took {driver.slowest_s:.2f} s")
        raise


def begun_with_double_presses(gaps, screen, sets, folder):
    """Run a session on each device of `gaps`, with double presses before the first trial."""
    session = {"name": "slider", "stimuli_folder": str(sets["slider"]), "questions": True}
    driver = Driver.start(screen, [{**session, "folder": str(folder / one)} for one in gaps])
    for device, milliseconds in gaps.items():
        answers = Answers(driver, device, milliseconds)
        with pressed_twice_in_time(driver):
            meant = answers.session(driver.next())
            record = read_journal(folder / device / "sub-P01_ses-1.jsonl")
            each_screen_was_answered_once(answers.seen, meant, record)
    driver.end()


def each_screen_was_answered_once(seen, meant, record):
    protocol = load_protocol("slider")
    questions = ["consent", *(f"screening.{one.name}" for one in protocol.screening)]
    pages = [f"instructions-{n + 1}" for n in range(len(protocol.texts.instructions))]
    before = [*questions, *pages, "practice"]
    assert seen[: len(before)] == before and len(before) == len(GAPS_MS)
    lines = [event for event in record.events if event.event == "screening"]
    assert [one.question for one in lines] == [n.removeprefix("screening.") for n in questions]
    assert all(one.accepted for one in lines) and record.complete
    assert understood(record) == meant[len(questions) :]


def test_real_double_presses_answer_one_screen_each_before_the_first_trial(screen, sets, tmp_path):
    gaps = {"keyboard": GAPS_MS, "mouse": GAPS_MS[::-1]}
    begun_with_double_presses(gaps, screen, sets, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("gap_ms", range(50, 501, 50))
def test_real_double_presses_at_any_gap_answer_one_screen_each(gap_ms, screen, sets, tmp_path):
    gaps = dict.fromkeys(DEVICES, [gap_ms] * len(GAPS_MS))
    begun_with_double_presses(gaps, screen, sets, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("device", DEVICES)
def test_tests_of_vision_and_a_comment_are_taken_by_one_device_with_double_presses(
    device, screen, sets, tmp_path
):
    session = {"name": "acr_vision", "stimuli_folder": str(sets["acr_vision"]), "questions": True}
    driver = Driver.start(screen, [{**session, "folder": str(tmp_path)}])
    answers = Answers(driver, device, cycle(GAPS_MS))
    with pressed_twice_in_time(driver):
        meant = answers.session(driver.next())
        taken_as_meant(answers, meant, read_journal(tmp_path / "sub-P01_ses-1.jsonl"))
    driver.end()


def taken_as_meant(answers, meant, record):
    """Check that tests, trials and the comment have the answers that were given."""
    assert record.complete
    tested = [event for event in record.events if event.event == "vision"]
    shown = [name for name in answers.seen if name.startswith("vision.")]
    assert [f"vision.{line.check}" for line in tested] == shown and len(shown) > 20
    assert all(line.answer == line.right for line in tested)
    assert understood(record) == [one for one in meant if not one[0].startswith(BEFORE)]
    assert [event.text for event in record.events if event.event == "comment"] == [COMMENT]


@pytest.fixture
def managed():
    """Return a display on which a window manager runs."""
    missing = [name for name in ("openbox", "wmctrl") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: no button to close a window by")
    server = xvfb.start_xvfb((1024, 800))
    environment = {**os.environ, "DISPLAY": server.display}
    manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL)
    yield server.display
    manager.terminate()
    manager.wait()
    server.end()


def test_the_button_of_the_window_asks_like_escape_through_a_window_manager(
    managed, sets, tmp_path
):
    session = {"name": "slider", "stimuli_folder": str(sets["slider"]), "folder": str(tmp_path)}
    driver = Driver.start(managed, [{**session, "questions": False}])

    def asked_and_answered(place):
        driver.close()
        asked = driver.next()
        assert asked["kind"] == "quit"
        driver.wait(asked)
        return driver.after(lambda: driver.click(asked["zones"][str(place)]))["kind"]

    driver.wait(driver.next())
    assert asked_and_answered(0) == "goes on"
    driver.wait({"wait": 0.5, "name": "the page that stands again"})
    seen = driver.after(lambda: driver.press("return"))
    assert (seen["kind"], seen["name"]) == ("page", "start")
    driver.wait(seen)
    seen = driver.after(lambda: driver.press("return"))
    assert seen["kind"] == "slider"
    assert asked_and_answered(0) == "goes on"
    # Whoever goes on sees the trial anew; nothing of it was answered.
    assert driver.next()["kind"] == "slider"
    assert asked_and_answered(1) == "end"
    driver.end()
    record = read_journal(tmp_path / "sub-P01_ses-1.jsonl")
    assert [event.event for event in record.events] == ["note", "quit"] and not record.complete
