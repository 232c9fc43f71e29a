"""Pictures of the tests of vision, and typed comments, in the real window."""

import numpy as np
import pytest
from PIL import Image

from fechner.errors import MissingPartError
from fechner.experiment.display import pixels_sha256
from fechner.experiment.screens.writing import ERASE
from fechner.experiment.session.commenting import writing_tasks
from fechner.experiment.session.vision_tests import checks_on, vision_question
from fechner.experiment.starting.open_window import open_window
from fechner.experiment.window import xvfb
from fechner.protocols.schema import load_protocol

pytest.importorskip("psychopy", reason="the extra 'experiment' is not installed")
pytestmark = pytest.mark.window

try:
    xvfb.screen_server()
except MissingPartError as error:  # pragma: no cover - depends on the machine
    pytest.skip(f"no screen: {error}", allow_module_level=True)


@pytest.fixture(scope="module")
def protocol():
    return load_protocol("acr_vision")


class Script:
    """A user who does a list of actions, one at each call, on one screen after the other."""

    def __init__(self):
        self.actions, self.idle, self.picture, self.texts = [], 0, None, []

    def does(self, *actions):
        self.actions, self.idle = list(actions), 0

    def _next(self, board, screen):
        self.idle += not self.actions
        assert self.idle < 300, "nothing more is done and the screen still waits"
        if self.actions:
            self.actions.pop(0)(board, screen)

    def at_question(self, board, question, screen, value):
        self.picture = screen.picture or self.picture
        self._next(board, screen)

    def at_writing(self, board, writing):
        self.texts.append(writing.text)
        self._next(board, writing.screen)


@pytest.fixture(scope="module")
def opened(protocol, tmp_path_factory):
    user, shots = Script(), tmp_path_factory.mktemp("shots")
    display = open_window(protocol, size=(800, 620), user=user, screenshots=shots)
    yield display, user, shots
    display.close()


def key(name):
    return lambda board, screen: board.press_key(name)


def types(text):
    return lambda board, screen: board.type_text(text)


def click(zone):
    def act(board, screen):
        left, top, right, bottom = screen.zones[zone]
        board.click((left + right) / 2, (top + bottom) / 2)

    return act


@pytest.mark.parametrize("place", [0, 1])
def test_pictures_are_shown_pixel_by_pixel(place, protocol, opened):
    display, user, shots = opened
    check = checks_on(protocol, 45.0, participant="S01")[place]
    question = vision_question(protocol, check, check.coming(1, [True] * 5))
    user.does(key("up"))
    given = display.rate(question)
    assert given.value == check.answers.index("up")
    assert given.shown_sha256 == pixels_sha256(question.picture.draw())
    with Image.open(shots / f"question-{question.name}.png") as shot:
        shown = np.asarray(shot.convert("RGB").crop(user.picture))
    assert (shown == np.asarray(question.picture.draw())).all()


ANSWERS = {
    "left": ("left", "num_left", "num_4"),
    "up": ("up", "num_up", "num_8"),
    "down": ("down", "num_down", "num_2"),
    "right": ("right", "num_right", "num_6"),
    "unseen": ("0", "num_0", "num_insert"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_arrows_keypad_and_mouse_give_every_answer(answer, protocol, opened):
    display, user, _ = opened
    check = checks_on(protocol, 20.0)[1]
    question, place = (
        vision_question(protocol, check, check.coming(1, [])),
        list(ANSWERS).index(answer),
    )
    for name in ANSWERS[answer]:
        user.does(key(name))
        given = display.rate(question)
        assert (given.value, given.device) == (place, "keyboard"), name
    user.does(click(str(place)))
    given = display.rate(question)
    assert (given.value, given.device) == (place, "mouse")


def written(protocol, opened, *actions):
    display, user, _ = opened
    user.does(*actions)
    return display.write(writing_tasks(protocol)[0])


def test_letters_of_every_kind_are_typed_and_taken_back(protocol, opened):
    text = written(
        protocol,
        opened,
        types("Grüße, perché no? ł 3xy"),
        types(ERASE * 2),
        key("return"),
        types("zweite  Zeile é"),
        key("tab"),
        key("return"),
    )
    assert text.text == "Grüße, perché no? ł 3\nzweite  Zeile é"
    assert text.device == "keyboard" and text.rt_ms > 0


def test_a_text_is_finished_by_mouse_keypad_or_space_on_the_button(protocol, opened):
    by_mouse = written(protocol, opened, click("done"))
    assert (by_mouse.text, by_mouse.device) == ("", "mouse")
    assert written(protocol, opened, types("a b"), click("done")).text == "a b"
    assert written(protocol, opened, key("num_enter")).device == "keyboard"

    def space(board, screen):
        # A keyboard sends both, the key and its letter.
        board.press_key("space")
        board.type_text(" ")

    assert written(protocol, opened, types("x"), space, types("y"), key("tab"), space).text == "x y"


def test_typing_leaves_the_button_again(protocol, opened):
    again = [key("tab"), types("b"), key("return"), types("c"), key("num_enter")]
    assert written(protocol, opened, types("a"), *again).text == "ab\nc"


def test_no_text_is_longer_than_the_protocol_says(protocol, opened):
    short = protocol.model_copy(
        update={"comment": protocol.comment.model_copy(update={"most_characters": 20})}
    )
    assert written(short, opened, types("ä" * 30), key("num_enter")).text == "ä" * 20
    more = [types("ä" * 20), types(ERASE), types("é"), key("num_enter")]
    assert written(short, opened, *more).text == "ä" * 19 + "é"


def test_a_letter_and_its_accent_count_as_one(protocol, opened):
    assert written(protocol, opened, types("e"), types("\u0301"), key("num_enter")).text == "é"


def test_escape_asks_and_keeps_what_was_typed(protocol, opened):
    goes_on = [types("half"), key("escape"), key("1"), types(" and whole"), key("num_enter")]
    assert written(protocol, opened, *goes_on).text == "half and whole"
    leaves = [types("enough"), key("escape"), key("2")]
    assert written(protocol, opened, *leaves).text == "enough"


def test_letters_typed_elsewhere_are_no_text_and_no_answer(protocol, opened):
    display, user, _ = opened
    check = checks_on(protocol, 20.0)[1]
    question = vision_question(protocol, check, check.coming(1, []))
    user.does(types("ä0\r"), key("left"))
    assert display.rate(question).value == 0
    assert written(protocol, opened, key("num_enter")).text == ""
