"""Errors of places: their means are the metrics' own, and equal pictures have none."""

import numpy as np
import piq
import pytest
import torch
from skimage.data import astronaut

from fechner.compression.metrics.local_errors import (
    LOCAL_ERRORS,
    gms_error,
    squared_error,
    ssim_error,
)
from fechner.compression.metrics.quality import mse, ssim
from fechner.errors import InputError


@pytest.fixture
def pair():
    reference = np.ascontiguousarray(astronaut()[60:188, 150:310])
    noise = np.random.default_rng(0).normal(0, 12, reference.shape)
    return reference, np.clip(reference + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", LOCAL_ERRORS)
def test_equal_pictures_have_no_error_anywhere(pair, name):
    assert np.nanmax(np.abs(LOCAL_ERRORS[name](pair[0], pair[0]))) < 1e-12


def test_means_are_those_of_the_metrics(pair):
    assert squared_error(*pair).mean() == pytest.approx(mse(*pair))
    assert np.nanmean(ssim_error(*pair)) == pytest.approx(1 - ssim(*pair))


def test_the_margin_where_no_window_fits_says_nothing(pair):
    told = np.isfinite(ssim_error(*pair))
    assert told.shape == (128, 160)
    assert told[5:-5, 5:-5].all() and told.sum() == 118 * 150


def test_the_spread_of_gradient_similarity_is_gmsd_of_piq(pair):
    """A black frame, so that what either program continues pictures with does not count."""
    framed = [np.pad(picture, ((8, 8), (8, 8), (0, 0))) for picture in pair]
    tensors = [torch.from_numpy(one).permute(2, 0, 1)[None].float() / 255 for one in framed]
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    grey = [(one * luma).sum(dim=1, keepdim=True) for one in tensors]
    assert gms_error(*framed).std(ddof=1) == pytest.approx(float(piq.gmsd(*grey)), rel=1e-3)


@pytest.mark.parametrize("name", LOCAL_ERRORS)
def test_an_error_lies_where_the_damage_is(pair, name):
    reference, noisy = pair
    left = reference.copy()
    left[:, :80] = noisy[:, :80]
    plane = np.nan_to_num(LOCAL_ERRORS[name](reference, left))
    middle = plane.shape[1] // 2
    assert plane[:, middle + 6 :].max() < 1e-12 < plane[:, :middle].mean()


def test_pictures_too_small_or_of_two_sizes_are_refused(pair):
    with pytest.raises(InputError, match="at least 11 x 11"):
        ssim_error(pair[0][:9], pair[1][:9])
    with pytest.raises(InputError, match="compare pictures of the same size"):
        gms_error(pair[0], pair[1][:-1])
