"""Tumbling letters, and when a test of vision goes on, is over, and is passed."""

import math

import numpy as np
import pytest

from fechner.compression.light import to_light
from fechner.experiment.vision.checks import LetterCheck, PlateCheck, Viewing
from fechner.experiment.vision.letters import (
    Letter,
    degrees_for,
    finest_logmar,
    lines,
    stroke_px,
)
from fechner.experiment.vision.plates import DIRECTIONS
from fechner.protocols.vision import ColourPlates, TumblingE

VIEWING = Viewing("S01", 1, 60.0, 128)


def light_of(letter):
    return to_light(np.asarray(letter.draw()))[..., 0]


@pytest.mark.parametrize("stroke", [1.0, 1.33, 2.0, 2.6, 7.4])
def test_a_letter_is_seventeen_of_its_five_times_five_strokes(stroke):
    letter = Letter("right", stroke, 81)
    assert letter.covered().sum() == pytest.approx(17 * stroke**2)
    rows, columns = np.nonzero(letter.covered())
    assert rows.max() - rows.min() + 1 == pytest.approx(5 * stroke, abs=2)
    assert columns.max() - columns.min() + 1 == pytest.approx(5 * stroke, abs=2)


def test_a_letter_of_whole_pixels_is_drawn_as_it_is_written():
    drawn = light_of(Letter("right", 1.0, 9))[2:7, 2:7]
    expected = ["#####", "#....", "#####", "#....", "#####"]
    assert [["#" if light == 0 else "." for light in row] for row in drawn] == [
        list(row) for row in expected
    ]


def test_the_strokes_point_where_they_should():
    for towards, (down, right) in {
        "right": (0, 1),
        "left": (0, -1),
        "up": (-1, 0),
        "down": (1, 0),
    }.items():
        ink = 1 - light_of(Letter(towards, 3.0, 41))
        rows, columns = np.mgrid[:41, :41] - 20
        # The spine makes the side heavier that the strokes point away from.
        assert np.sign((ink * (down * rows + right * columns)).sum()) == -1
        assert abs((ink * (right * rows + down * columns)).sum()) < 1e-3 * ink.sum()


@pytest.mark.parametrize("stroke", np.linspace(1, 3, 41))
def test_a_gap_keeps_three_quarters_of_the_light_and_the_middle_stroke_none(stroke):
    # Half-way along the bars.
    column = light_of(Letter("right", stroke, 61))[:, 30 + math.floor(stroke / 2)]
    middle, gap = column[30], column[30 : 30 + math.ceil(1.5 * stroke) + 1].max()
    assert middle == 0
    assert gap >= 0.74


def test_sizes_follow_minutes_of_arc():
    assert stroke_px(0.0, 60) == 1.0  # one minute of arc on a screen of a pixel a minute
    assert stroke_px(1.0, 60) == 10.0
    assert finest_logmar(60) == 0.0
    assert finest_logmar(40) == pytest.approx(math.log10(1.5))
    assert degrees_for(0.3) == pytest.approx(60 / 10**0.3)
    assert finest_logmar(degrees_for(0.3)) == pytest.approx(0.3)


def test_lines_end_where_a_stroke_would_be_thinner_than_a_pixel():
    assert lines(0.6, 0.0, 120) == [0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    assert lines(0.6, 0.0, 60) == [0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    assert lines(0.6, 0.0, 40) == [0.6, 0.5, 0.4, 0.3, 0.2]
    for degree in (20, 37, 45, 90):
        assert all(stroke_px(line, degree) >= 1 for line in lines(0.9, -0.3, degree))


def taken(check, attempt, sees):
    """Take a try; `sees` says whether a picture is answered rightly. Return what was right."""
    right = []
    while (coming := check.coming(attempt, right)) is not None:
        right.append(sees(coming))
    return right


@pytest.mark.parametrize("acuity", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
def test_who_reads_down_to_a_line_has_the_acuity_of_that_line(acuity):
    check = LetterCheck(TumblingE(), VIEWING)
    right = taken(check, 1, lambda shown: shown.facts["logmar"] >= acuity - 1e-9)
    assert check.finding(1, right) == f"{acuity:.2f}"
    assert check.passed(1, right) == (acuity <= 0.3)


def test_the_letters_stop_after_the_first_line_that_is_not_read():
    check = LetterCheck(TumblingE(), VIEWING)
    assert taken(check, 1, lambda shown: False) == [False] * 5
    right = [True] * 8 + [False] * 2  # three of five are enough to go on ...
    assert check.coming(1, right) is not None
    assert check.coming(1, [*right[:7], *[False] * 3]) is None  # ... and two are not


def test_letters_count_a_fiftieth_each():
    check = LetterCheck(TumblingE(), VIEWING)
    for right, logmar in ((15, 0.4), (17, 0.36), (20, 0.3), (21, 0.28)):
        assert check.logmar([True] * right) == pytest.approx(logmar)
    assert check.passed(1, [True] * 20) and not check.passed(1, [True] * 19)


def test_who_guesses_letters_hardly_ever_passes():
    # A line is read by guessing with 0.104; three lines of larger letters stand before 0.3.
    rng, passed = np.random.default_rng(0), 0
    for number in range(300):
        check = LetterCheck(TumblingE(), Viewing(f"G{number}", 1, 60.0, 128))
        passed += check.passed(1, taken(check, 1, lambda shown: rng.random() < 0.25))
    assert passed <= 1


@pytest.mark.parametrize("lacking", ["protan", "deutan", "tritan"])
def test_who_lacks_one_cone_fails_the_plates(lacking):
    check = PlateCheck(ColourPlates(), VIEWING)
    right = taken(check, 1, lambda shown: shown.facts["axis"] != lacking)
    assert not check.passed(1, right)
    assert check.finding(1, right).count("5/5") == 2
    assert f"{lacking} 0/5" in check.finding(1, right)
    assert check.passed(1, [True] * len(right))


def test_a_slip_an_axis_is_forgiven_and_none_on_a_control_plate():
    check = PlateCheck(ColourPlates(), VIEWING)
    slipped = set()

    def once(shown):
        axis = shown.facts["axis"]
        slip = axis != "control" and axis not in slipped
        slipped.add(axis)
        return not slip

    right = taken(check, 1, once)
    assert right.count(False) == 3 and check.passed(1, right)
    assert check.finding(1, right) == "protan 4/5, deutan 4/5, tritan 4/5, control 2/2"
    blind = taken(check, 1, lambda shown: shown.facts["axis"] != "control")
    assert not check.passed(1, blind)


def test_pictures_are_the_same_again_and_others_in_another_try_or_for_somebody_else():
    def shown(viewing, attempt):
        plates, letters = PlateCheck(ColourPlates(), viewing), LetterCheck(TumblingE(), viewing)
        return [
            [
                (one.right, dict(one.facts))
                for one in (check.coming(attempt, [True] * k) for k in range(12))
            ]
            for check in (plates, letters)
        ]

    first = shown(VIEWING, 1)
    assert shown(VIEWING, 1) == first
    others = (shown(VIEWING, 2), shown(Viewing("S02", 1, 60.0, 128), 1))
    assert all(one[k] != first[k] for one in others for k in (0, 1))


def test_every_direction_comes_about_equally_often():
    found = {gap: 0 for gap in DIRECTIONS}
    for number in range(40):
        check = PlateCheck(ColourPlates(), Viewing(f"D{number}", 1, 60.0, 128))
        for place in range(17):
            found[check.coming(1, [True] * place).right] += 1
    # 680 draws of a quarter: 170 each, SD 11.3.
    assert all(abs(count - 170) < 4 * 11.3 for count in found.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (lambda: ColourPlates(each=3, least_right=4), "least_right = 4 is above each = 3"),
        (lambda: ColourPlates(axes=("protan", "protan")), "names one of them twice"),
        (lambda: ColourPlates(distance_uv=0.2), "less than or equal to 0.09"),
        (lambda: TumblingE(letters=3, least_right=4), "least_right = 4 is above letters = 3"),
        (lambda: TumblingE(at_most_logmar=0.7), "got 0, 0.7, 0.6"),
    ],
)
def test_tests_that_nobody_could_pass_or_see_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        settings()
