"""Power in closed form against the measured table and against simulated studies."""

import numpy as np
import pytest
from ratings_worlds import simulated_differences

from fechner.analysis.ratings.contrasts.crossed import closed_form
from fechner.analysis.ratings.power.analytic import (
    ACR_5,
    SLIDER_100,
    Components,
    equivalence_power,
    power,
    power_table,
    smallest_effect,
    standard_error,
)
from fechner.errors import InputError

MEASURED_ACR = {
    (30, 24): 0.37, (30, 48): 0.28, (30, 96): 0.23,
    (60, 24): 0.35, (60, 48): 0.26, (60, 96): 0.19,
    (1000, 24): 0.33, (1000, 48): 0.23, (1000, 96): 0.16,
}  # fmt: skip
"""Smallest effect at 80 % power on 5 points, from simulations with two slopes."""


@pytest.mark.parametrize("size", MEASURED_ACR)
def test_smallest_effect_on_5_points_equals_the_measured_table(size):
    participants, images = size
    effect = smallest_effect(ACR_5, participants=participants, images=images)
    assert effect == pytest.approx(MEASURED_ACR[size], abs=0.012)


@pytest.mark.parametrize(("images", "effect"), [(24, 7.2), (48, 5.2), (96, 4.0)])
def test_smallest_effect_on_a_slider_equals_the_measured_table(images, effect):
    ours = smallest_effect(SLIDER_100, participants=30, images=images)
    assert ours == pytest.approx(effect, abs=0.1)


@pytest.mark.parametrize(("bound", "measured"), [(0.25, 0.61), (0.3, 0.83)])
def test_equivalence_power_equals_the_measured_numbers(bound, measured):
    ours = equivalence_power(bound, ACR_5, participants=30, images=48)
    assert ours == pytest.approx(measured, abs=0.02)


@pytest.mark.parametrize(("participants", "images"), [(12, 16), (30, 24)])
def test_closed_form_power_is_what_simulated_studies_find(participants, images):
    size, rng = {"participants": participants, "images": images}, np.random.default_rng(3)
    effect = smallest_effect(SLIDER_100, **size, wanted=0.7)
    p = [
        closed_form(simulated_differences(effect, SLIDER_100, **size, rng=rng)).p
        for _ in range(1000)
    ]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.7, abs=0.05)


def test_power_of_no_effect_is_alpha():
    assert power(0.0, ACR_5, participants=20, images=30) == pytest.approx(0.05, abs=1e-6)


def test_images_limit_and_participants_do_not():
    table = power_table(ACR_5).set_index(["participants", "images"])["smallest_effect"]
    assert table[1000, 24] > table[30, 96]


def test_standard_error_formula():
    c = Components(participant=3, image=5, residual=13)
    expected = (9 / 20 + 25 / 30 + 169 / 600) ** 0.5
    assert standard_error(c, participants=20, images=30) == pytest.approx(expected)


def test_impossible_sizes_and_powers_are_refused():
    with pytest.raises(InputError, match="2 participants and 2 images"):
        power(1.0, ACR_5, participants=1, images=10)
    with pytest.raises(InputError, match="between"):
        smallest_effect(ACR_5, participants=10, images=10, wanted=1.5)
