"""Whole sessions in the window by one device alone: keyboard, keypad, or mouse."""

import pytest
from small_sets import write_small_set

from fechner.errors import MissingPartError
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.simulated.window_user import SimulatedUser
from fechner.experiment.starting.run_participant import run_participant
from fechner.experiment.tour import shortened
from fechner.experiment.window import xvfb
from fechner.protocols.schema import load_protocol, shipped

pytest.importorskip("psychopy", reason="the extra 'experiment' is not installed")
pytestmark = pytest.mark.window

try:
    xvfb.screen_server()
except MissingPartError as error:  # pragma: no cover - depends on the machine
    pytest.skip(f"no screen: {error}", allow_module_level=True)

ON_THE_KEYPAD = {
    **{"return": "num_enter", "left": "num_4", "right": "num_6", "n": "num_0"},
    **{"up": "num_8", "down": "num_2"},
}


class Keypad:
    """The keyboard of a window of which only the keypad is used."""

    def __init__(self, board):
        self._board, self.look = board, board.look
        self.drag, self.click = board.drag, board.click

    def press_key(self, name):
        self._board.press_key(ON_THE_KEYPAD.get(name) or f"num_{int(name)}")


class ByMouse(SimulatedUser):
    def __init__(self, responder):
        super().__init__(responder, devices=("mouse",))


class ByKeyboard(SimulatedUser):
    def __init__(self, responder):
        super().__init__(responder, devices=("keyboard",))


class ByKeypad(ByKeyboard):
    def at_page(self, board, page, screen):
        super().at_page(Keypad(board), page, screen)

    def at_question(self, board, question, screen, value):
        super().at_question(Keypad(board), question, screen, value)

    def at_marking(self, board, marking):
        super().at_marking(Keypad(board), marking)

    def at_writing(self, board, writing):
        board.press_key("num_enter")


SOME = (("slider", ByKeypad), ("pair", ByMouse), ("authenticity", ByKeyboard))
"""What every run of the tests tries; the others when these are touched."""


@pytest.mark.parametrize(
    ("name", "user"),
    [
        pytest.param(name, user, marks=[] if (name, user) in SOME else pytest.mark.proof)
        for name in shipped()
        for user in (ByMouse, ByKeyboard, ByKeypad)
    ],
)
def test_every_protocol_is_answered_by_one_device_alone(name, user, tmp_path):
    levels = {"levels": 3, "regions": ("low",)} if name == "jnd" else {}
    stimuli = write_small_set(tmp_path / "set", scenes=3 if name == "marks" else 2, **levels)
    observer = SimulatedObserver("S01", seed=2)
    run = {"sessions_folder": tmp_path, "size": (800, 620), "verify_pixels": "none"}
    protocol = shortened(load_protocol(name))
    record = run_participant(
        stimuli.folder, protocol, "S01", observer=observer, user_type=user, **run
    )
    assert record.complete
    device = "mouse" if user is ByMouse else "keyboard"
    answers = [e for e in record.events if e.event in ("trial", "vision", "comment")]
    assert {answer.device for answer in answers} == {device}
    alone = {**run, "sessions_folder": tmp_path / "alone", "window": "none"}
    same = run_participant(stimuli.folder, protocol, "S01", observer=observer, **alone)
    if user is not ByMouse or name not in ("slider", "slider_marks"):
        # A click cannot hit every value of a line; keys and buttons give the very answers.
        assert [t.rating for t in record.trials] == [t.rating for t in same.trials]
