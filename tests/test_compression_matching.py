"""Strengths that remove the same information from different regions."""

import cv2
import numpy as np
import pytest
from skimage import data

from fechner.compression.degrading.degrade import FAMILIES
from fechner.compression.degrading.families import gaussian
from fechner.compression.degrading.matching import (
    Loss,
    match_strengths,
    parse_loss,
    strength_ratio,
)
from fechner.compression.metrics.quality import mse, ssim
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.errors import InputError, RefusedError

COFFEE = np.ascontiguousarray(cv2.resize(data.coffee(), (240, 160), interpolation=cv2.INTER_AREA))


def soft(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(COFFEE.shape[:2], np.float32)
    mask[rows, columns] = 1
    return gaussian(mask, 3.0)


MASKS = {
    "low": soft(slice(20, 80), slice(70, 150)),
    "high": soft(slice(60, 120), slice(60, 140)),
}


def matched(family: str, target: Loss, **options):
    return match_strengths(COFFEE, MASKS, family, target, **{"max_strength_ratio": 9.0, **options})


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_meets_one_error_in_both_arms_within_one_percent(family):
    value = 8.0 if family == "colour" else 20.0
    arms = matched(family, Loss("mse", value))
    errors = [mse(COFFEE, arm.image) for arm in arms.values()]
    assert max(errors) / min(errors) <= 1.0101
    assert errors[0] == pytest.approx(value, rel=0.00501)


@pytest.mark.parametrize(
    ("target", "loss"),
    [
        (Loss("ssim", 0.03), lambda image: 1 - ssim(COFFEE, image)),
        (Loss("ss2", 12.0), lambda image: 100 - Ss2Reference(COFFEE).score(image)),
    ],
)
def test_arms_can_be_matched_in_what_people_see(target, loss):
    for arm in matched("blur", target).values():
        assert loss(arm.image) == pytest.approx(target.value, rel=0.00501)
        assert arm.achieved == pytest.approx(loss(arm.image))


def test_arms_can_be_matched_in_bytes_saved():
    arms = matched("blur", Loss("bytes", 600.0))
    saved = [arm.achieved for arm in arms.values()]
    assert max(saved) / min(saved) <= 1.0101


def test_the_picture_that_is_returned_is_the_one_that_was_measured():
    arms = matched("noise", Loss("mse", 15.0), seed=5)
    for name, arm in arms.items():
        assert mse(COFFEE, arm.image) == arm.achieved
        assert (arm.image[MASKS[name] == 0] == COFFEE[MASKS[name] == 0]).all()


def test_one_seed_gives_the_same_strengths_twice():
    first, again = (matched("noise", Loss("mse", 15.0), seed=7) for _ in range(2))
    assert [arm.strength for arm in first.values()] == [arm.strength for arm in again.values()]


def test_a_target_out_of_reach_states_the_reachable_range():
    with pytest.raises(RefusedError, match=r"cannot reach mse=5000: it reaches 0 to \d+"):
        matched("blur", Loss("mse", 5000.0))


def test_arms_that_need_very_different_strengths_are_refused_with_both():
    with pytest.raises(RefusedError, match=r"times apart \(low .*, high .*at most 1.01"):
        matched("blur", Loss("mse", 20.0), max_strength_ratio=1.01)


def test_the_strength_ratio_is_the_largest_over_the_smallest():
    arms = matched("blur", Loss("mse", 20.0))
    strengths = [arm.strength for arm in arms.values()]
    assert strength_ratio(arms) == pytest.approx(max(strengths) / min(strengths))


def test_a_target_is_read_from_the_command_line():
    assert parse_loss("mse=25") == Loss("mse", 25.0)
    assert str(parse_loss(" ssim=0.02")) == "ssim=0.02"


@pytest.mark.parametrize("text", ["mse", "mse=", "mse=many", "=3"])
def test_a_malformed_target_shows_an_example(text):
    with pytest.raises(InputError, match=r"mse=25|unknown measure"):
        parse_loss(text)


def test_an_unknown_measure_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'mse'"):
        parse_loss("msee=3")


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_target_that_is_no_loss_is_refused(value):
    with pytest.raises(InputError, match="above 0"):
        Loss("mse", value)
