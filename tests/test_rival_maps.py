"""Maps without a network: each is what its source says, and keeps its symmetries."""

import numpy as np
import pytest
from scipy import ndimage

from fechner.rival_maps import (
    centre_weights,
    local_contrast,
    luma_of,
    mirrored_map,
    spectral_residual,
)


def test_luma_of_a_grey_picture_is_its_grey():
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    np.testing.assert_allclose(luma_of(grey), grey[..., 0], rtol=1e-6)


def test_centre_weights_have_mean_one_and_the_published_variances():
    """Clarke and Tatler 2014: .22 across, .45 of that down, in squared half widths."""
    weights = centre_weights(2001, 2001)
    assert weights.mean() == pytest.approx(1)
    middle, place = 1000, (np.arange(2001) - 1000) / 1000.5
    for line, variance in ((weights[middle], 0.22), (weights[:, middle], 0.22 * 0.45)):
        ratio = np.log(line[middle] / line[middle + 500]) * 2 * variance
        assert ratio == pytest.approx(place[middle + 500] ** 2, rel=1e-6)


def test_a_map_mirrored_twice_is_itself():
    importance = np.random.default_rng(0).random((6, 9))
    twice = mirrored_map(mirrored_map(importance))
    np.testing.assert_array_equal(twice, importance)


def test_local_contrast_is_the_variance_in_a_gaussian_window():
    """scipy's Gaussian filter in place of OpenCV's, away from the borders."""
    luma = np.random.default_rng(0).uniform(0, 255, (128, 192))
    sd = 192 / 64
    mean = ndimage.gaussian_filter(luma, sd)
    expected = ndimage.gaussian_filter(luma**2, sd) - mean**2
    inside = np.s_[24:-24, 24:-24]
    np.testing.assert_allclose(local_contrast(luma)[inside], expected[inside], rtol=0.02)


def test_local_contrast_does_not_see_brightness_and_grows_with_the_square_of_amplitude():
    luma = np.random.default_rng(1).uniform(0, 50, (64, 64))
    np.testing.assert_allclose(local_contrast(luma + 100), local_contrast(luma), atol=1e-6)
    np.testing.assert_allclose(local_contrast(2 * luma), 4 * local_contrast(luma), atol=1e-6)


def test_the_spectral_residual_finds_the_odd_one_out():
    """Hou and Zhang 2007, figure 5: among equal bars the one that is turned is salient."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        picture, odd, goal = np.full((256, 256), 128.0), tuple(rng.integers(2, 6, 2)), None
        for cell in np.ndindex(8, 8):
            y, x = 16 + 32 * np.array(cell) + rng.integers(-4, 5, 2)
            h, w = (2, 10) if cell == odd else (10, 2)
            picture[y - h : y + h, x - w : x + w] = 20
            goal = (y / 4, x / 4) if cell == odd else goal
        saliency = spectral_residual(picture)
        found = np.unravel_index(saliency.argmax(), saliency.shape)
        np.testing.assert_allclose(found, goal, atol=4)


def test_the_spectral_residual_of_a_flat_picture_is_finite():
    assert np.isfinite(spectral_residual(np.full((90, 160), 77.0))).all()


def test_the_spectral_residual_is_the_formula():
    """Recomputed with scipy.fft and scipy.ndimage at the width where nothing is shrunk."""
    from scipy import fft

    luma = ndimage.gaussian_filter(np.random.default_rng(3).normal(0, 60, (48, 64)), 2) + 128
    F = fft.fft2(luma)
    A = np.log(np.abs(F) + 1e-9)
    R = A - ndimage.uniform_filter(A, 3, mode="nearest")
    S = np.abs(fft.ifft2(np.exp(R) * F / np.abs(F))) ** 2
    expected = ndimage.gaussian_filter(S, 2.5, mode="mirror", truncate=4)
    assert np.corrcoef(expected.ravel(), spectral_residual(luma).ravel())[0, 1] > 0.999
