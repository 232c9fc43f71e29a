"""What keys and clicks answer, by the times of the inputs alone: no clock, no window."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fechner.experiment.plan.plan import Trial
from fechner.experiment.screens import pages
from fechner.experiment.screens.answering import Answering, Input
from fechner.experiment.screens.opening import TYPING_S, Opening
from fechner.experiment.session.presentation import rating_question
from fechner.experiment.starting.open_window import look_of
from fechner.protocols.schema import load_protocol

SLIDER = load_protocol("slider")
LOOK = look_of(SLIDER, (800, 600))
QUESTION = rating_question(SLIDER, Trial(1, 1, "main", "x", "s", "r", "quality"))
SCREEN = pages.question(LOOK, QUESTION, below=True)
UPPER = {str(digit): str(digit) for digit in range(10)}
KEYPAD = {str(digit): f"num_{digit}" for digit in range(10)}


def answered(presses, *, question=QUESTION, opens=1.0, before=()):
    """Return the state after key presses (time in seconds, key)."""
    state = Answering(question, SCREEN, LOOK, SLIDER.keys)
    opening = Opening(opens, numbers=True)
    opening.before(Input("key", time, key) for time, key in before)
    for time, key in presses:
        one = Input("key", time, key)
        if opening.admits(one):
            state.take(one)
    return state


def typed(keys, *, start=2.0, gap=0.2):
    return [(start + gap * place, key) for place, key in enumerate(keys)]


@pytest.mark.parametrize("row", [UPPER, KEYPAD])
@pytest.mark.parametrize("gap", [0.05, 4.0])
def test_every_number_is_typed_on_either_row_at_any_pace(row, gap):
    for number in range(101):
        presses = typed([*(row[digit] for digit in str(number)), "num_enter"], gap=gap)
        state = answered(presses)
        assert state.done and state.value == number


@settings(max_examples=300, deadline=None)
@given(
    number=st.integers(10, 100),
    early=st.integers(1, 2),
    first=st.floats(0.0, 0.99),
    gaps=st.lists(st.floats(0.03, TYPING_S - 0.01), min_size=3, max_size=3),
    keypad=st.booleans(),
)
def test_a_number_begun_too_early_is_ignored_as_a_whole(number, early, first, gaps, keypad):
    row = KEYPAD if keypad else UPPER
    times = [first + sum(gaps[:k]) for k in range(4)]
    opens = times[min(early, len(str(number)) - 1)] - 0.001
    presses = list(zip(times, [*(row[d] for d in str(number)), "return"], strict=False))
    state = answered(presses, opens=opens)
    assert state.value is None and state.done is None
    again = typed([*(row[d] for d in str(number)), "return"], start=presses[-1][0] + 0.01)
    state = answered([*presses, (presses[-1][0] + 0.005, "return"), *again], opens=opens)
    assert state.done and state.value == number


def test_a_number_begun_before_its_question_stood_is_ignored_as_a_whole():
    state = answered([(0.3, "2"), (0.4, "return")], opens=0.2, before=[(0.1, "6")])
    assert state.value is None and state.done is None


@pytest.mark.parametrize(
    ("presses", "value"),
    [
        ("6 2 4", None),
        ("6 2 4 backspace", 62),
        ("6 backspace", None),
        ("6 backspace backspace 7", 7),
        ("6 num_decimal num_7", 7),
        ("0 0 7", 7),
        ("1 0 0", 100),
        ("1 0 1", None),
        ("6 2 right", 63),
        ("6 2 home", 0),
        ("6 2 end", 100),
        ("6 2 pageup", 72),
        ("6 2 pagedown", 52),
        ("left 6 2", 62),
        ("minus 6", 6),
        ("6 period 2", 62),
    ],
)
def test_what_was_typed_is_what_counts_and_can_be_corrected(presses, value):
    assert answered(typed(presses.split())).value == value


def test_what_is_not_on_the_scale_cannot_be_confirmed():
    assert answered(typed(["6", "2", "4", "return"])).done is None


@pytest.mark.parametrize(
    ("presses", "value"),
    [
        ("num_2 num_decimal num_5", 2.5),
        ("2 comma 5", 2.5),
        ("minus 2 period 5", -2.5),
    ],
)
def test_scales_of_half_steps_take_a_point_and_a_sign(presses, value):
    question = replace(QUESTION, minimum=-5.0, maximum=5.0, step=0.5)
    assert answered(typed(presses.split()), question=question).value == value


def test_a_typed_number_between_two_steps_is_no_answer():
    question = replace(QUESTION, minimum=0.0, maximum=5.0, step=0.5)
    assert answered(typed(["2", "period", "4"]), question=question).value is None


@pytest.mark.parametrize(("kind", "zone"), [("press", "track"), ("release", "confirm")])
def test_a_press_or_release_alone_confirms_nothing(kind, zone):
    state = answered(typed(["6", "2"]))
    left, top, right, bottom = SCREEN.zones[zone]
    state.take(Input(kind, 3.0, "", (left + right) / 2, (top + bottom) / 2))
    assert state.done is None


def test_the_cue_stands_until_an_answer_can_be_given():
    opening = Opening(1.0, numbers=True)
    assert opening.cue(0.2) == ""
    assert not opening.admits(Input("press", 0.3))
    assert (opening.cue(0.4), opening.cue(1.1)) == ("not-yet", "")
    assert not opening.admits(Input("key", 0.9, "6"))
    assert opening.cue(0.9 + TYPING_S) == "type-again"
    assert opening.cue(0.91 + TYPING_S) == ""
    assert opening.admits(Input("key", 0.91 + TYPING_S, "6"))
    assert opening.cue(2.5) == ""


def test_a_digit_that_came_too_early_holds_no_button_back():
    opening = Opening(1.0, numbers=False)
    assert not opening.admits(Input("key", 0.9, "3"))
    assert opening.admits(Input("key", 1.1, "3"))


def test_what_a_held_up_window_sees_late_counts_as_pressed_before():
    """Whoever pressed twice while the window stood still must not answer the next question."""
    opening = Opening(1.0, numbers=False)
    assert not opening.admits(Input("press", 1.4, since=0.8))
    assert opening.cue(0.9) == "not-yet"
    assert opening.admits(Input("press", 1.5, since=1.4))
