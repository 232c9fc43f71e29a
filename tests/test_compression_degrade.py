"""Degradations: their strength axes, masks and seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from fechner.compression.degrading.degrade import (
    FAMILIES,
    cutoff_cycles_per_degree,
    degrade,
    sigma_for_cutoff,
)
from fechner.compression.degrading.families import gaussian
from fechner.errors import InputError

CAT = np.ascontiguousarray(data.chelsea()[40:200, 100:300])
names = pytest.mark.parametrize("name", FAMILIES)


def error(name: str, strength: float, **options) -> float:
    """Mean squared error in squared grey levels."""
    return float(np.square(degrade(CAT, name, strength, **options) - CAT.astype(float)).mean())


def soft_mask(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros(CAT.shape[:2], np.float32)
    top, left = rng.integers(20, 80, 2)
    mask[top : top + 50, left : left + 60] = 1
    return gaussian(mask, 4.0)


def at(name: str, fraction: float) -> float:
    """The strength that lies at `fraction` of a family's range."""
    family = FAMILIES[name]
    return family.neutral + fraction * (family.strongest - family.neutral)


@names
def test_the_neutral_strength_changes_nothing(name):
    assert (degrade(CAT, name, FAMILIES[name].neutral) == CAT).all()


@names
@settings(max_examples=12, deadline=None)
@given(fraction=st.floats(0.02, 0.45), factor=st.floats(1.35, 2.0), seed=st.integers(0, 99))
def test_a_third_more_strength_never_means_less_error(name, fraction, factor, seed):
    weak, strong = at(name, fraction), at(name, fraction * factor)
    assert error(name, weak, seed=seed) <= error(name, strong, seed=seed)


@pytest.mark.parametrize("name", [n for n, f in FAMILIES.items() if f.monotone == "exactly"])
@settings(max_examples=10, deadline=None)
@given(fraction=st.floats(0.02, 0.9), seed=st.integers(0, 99))
def test_families_called_exactly_monotone_are_so_at_every_pixel(name, fraction, seed):
    weak, strong = at(name, fraction), at(name, min(1.0, fraction * 1.1))
    original = CAT.astype(int)
    less = np.abs(degrade(CAT, name, weak, seed=seed) - original)
    more = np.abs(degrade(CAT, name, strong, seed=seed) - original)
    assert (less <= more).all()


@names
@settings(max_examples=8, deadline=None)
@given(fraction=st.floats(0.01, 1.0), seed=st.integers(0, 2**31))
def test_outside_the_mask_the_picture_is_bit_identical(name, fraction, seed):
    mask = soft_mask(seed)
    changed = degrade(CAT, name, at(name, fraction), mask=mask, seed=seed)
    assert (changed[mask == 0] == CAT[mask == 0]).all()
    assert (mask == 0).mean() > 0.3


@names
def test_a_mask_of_ones_is_the_whole_image_and_of_zeros_is_nothing(name):
    strength = at(name, 0.2)
    whole = degrade(CAT, name, strength, seed=3)
    shape = CAT.shape[:2]
    assert (degrade(CAT, name, strength, mask=np.ones(shape), seed=3) == whole).all()
    assert (degrade(CAT, name, strength, mask=np.zeros(shape), seed=3) == CAT).all()
    assert (whole != CAT).any()


@names
def test_one_seed_gives_one_picture_and_another_seed_another_where_it_matters(name):
    strength = at(name, 0.2)
    first = degrade(CAT, name, strength, seed=1)
    assert (first == degrade(CAT, name, strength, seed=1)).all()
    assert (first == degrade(CAT, name, strength, seed=2)).all() != FAMILIES[name].seeded


@names
def test_a_grey_field_keeps_its_mean(name):
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert degrade(grey, name, at(name, 0.1)).mean() == pytest.approx(128, abs=3.5)


def test_blur_and_downsampling_keep_the_mean_light_and_not_the_mean_code():
    from fechner.compression.light import to_light

    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    for name, strength in (("blur", 6.0), ("downsample", 8.0)):
        middle = degrade(stripes, name, strength)[24:40, 24:40]
        assert to_light(middle).mean() == pytest.approx(0.5, abs=0.01)
        assert middle.mean() == pytest.approx(188, abs=1.5)  # half the light encodes to 188


@pytest.mark.parametrize("name", FAMILIES)
def test_a_little_more_strength_changes_the_error_a_little(name):
    strengths = np.linspace(at(name, 0.05), at(name, 0.06), 12)
    errors = np.array([error(name, strength) for strength in strengths])
    assert np.abs(np.diff(errors)).max() < 0.06 * errors.mean()


def test_loss_of_saturation_keeps_luminance():
    from fechner.compression.light import luminance

    grey = degrade(CAT, "colour", 1.0)
    assert np.ptp(grey.astype(int), axis=2).max() <= 1
    assert np.abs(luminance(grey) - luminance(CAT)).max() < 0.006


def test_noise_has_the_standard_deviation_asked_for():
    grey = np.full((200, 200, 3), 128, np.uint8)
    assert degrade(grey, "noise", 12.0).std() == pytest.approx(12, rel=0.01)


def test_a_jpeg_scale_of_one_resembles_quality_50_of_a_jpeg_encoder():
    cv2 = pytest.importorskip("cv2")
    options = [cv2.IMWRITE_JPEG_QUALITY, 50, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
    _, coded = cv2.imencode(".jpg", CAT[..., ::-1], options)
    encoder = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]
    reference = np.square(encoder - CAT.astype(float)).mean()
    assert error("jpeg", 1.0) == pytest.approx(reference, rel=0.05)


def test_the_cutoff_of_a_blur_halves_the_contrast_of_a_grating():
    cycles = 10
    light = 0.5 + 0.4 * np.sin(2 * np.pi * cycles * np.arange(400) / 400)
    plane = np.tile(light.astype(np.float32), (100, 1))
    sigma = sigma_for_cutoff(cycles / 400 * 40, 40.0)
    row = gaussian(plane, sigma)[50, 100:300]
    assert np.ptp(row) / np.ptp(light) == pytest.approx(0.5, abs=0.005)
    assert cutoff_cycles_per_degree(sigma, 40.0) == pytest.approx(1.0)


def test_an_unknown_family_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'blur'"):
        degrade(CAT, "blurr", 1.0)


@names
def test_a_strength_out_of_range_names_the_range(name):
    with pytest.raises(InputError, match=f"{FAMILIES[name].strongest:g}"):
        degrade(CAT, name, FAMILIES[name].strongest * 1.01)
    with pytest.raises(InputError, match="range"):
        degrade(CAT, name, float("nan"))


def test_a_mask_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="200 x 160"):
        degrade(CAT, "blur", 1.0, mask=np.ones((10, 10)))
    with pytest.raises(InputError, match="divide"):
        degrade(CAT, "blur", 1.0, mask=np.full(CAT.shape[:2], 255.0))


def test_a_float_or_grey_image_is_refused():
    with pytest.raises(InputError, match="uint8"):
        degrade(CAT / 255.0, "blur", 1.0)
    with pytest.raises(InputError, match="uint8"):
        degrade(CAT[..., 0], "blur", 1.0)
