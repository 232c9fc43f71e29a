"""The quality metrics agree with independent implementations and pool over regions."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import piq
import pytest
import torch
from PIL import Image
from skimage.data import astronaut
from skimage.metrics import structural_similarity
from ssimulacra2 import compute_ssimulacra2

from fechner.compression.metrics.quality import mse, ssim
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.errors import InputError


def jpeg(picture: np.ndarray, level: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=level)
    return np.asarray(Image.open(buffer))


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[:256, 100:356])


def ss2(reference: np.ndarray, test: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    return Ss2Reference(reference).score(test, weights=weights)


@pytest.mark.parametrize("level", [10, 50, 90])
@pytest.mark.parametrize("size", [(256, 256), (225, 251)])
def test_ss2_equals_the_ssimulacra2_package(photograph, tmp_path, level, size):
    reference = np.ascontiguousarray(photograph[: size[0], : size[1]])
    test = jpeg(reference, level)
    for name, picture in (("reference.png", reference), ("test.png", test)):
        Image.fromarray(picture).save(tmp_path / name)
    expected = compute_ssimulacra2(tmp_path / "reference.png", tmp_path / "test.png")
    assert ss2(reference, test) == pytest.approx(expected, abs=0.03)


def test_ss2_of_a_small_picture_stays_near_that_of_a_larger_one(photograph):
    whole = ss2(photograph, jpeg(photograph, 20))
    part = np.ascontiguousarray(photograph[:200, :200])
    assert ss2(part, jpeg(part, 20)) == pytest.approx(whole, abs=10)


@pytest.mark.parametrize("level", [20, 80])
def test_ssim_equals_scikit_image_and_piq(photograph, level):
    test = jpeg(photograph, level)
    x, y = (np.float64(picture) @ [0.299, 0.587, 0.114] for picture in (photograph, test))
    by_skimage = structural_similarity(
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    by_piq = piq.ssim(
        *(torch.from_numpy(plane)[None, None] / 255 for plane in (x, y)), downsample=False
    )
    assert ssim(photograph, test) == pytest.approx(by_skimage, abs=1e-6)
    assert ssim(photograph, test) == pytest.approx(by_piq.item(), abs=1e-6)


@pytest.mark.parametrize(("metric", "perfect"), [(mse, 0), (ssim, 1), (ss2, 100)])
def test_every_metric_knows_equal_pictures_and_orders_jpeg_qualities(photograph, metric, perfect):
    assert metric(photograph, photograph) == pytest.approx(perfect, abs=1e-6)
    scores = [metric(photograph, jpeg(photograph, level)) for level in (10, 40, 90)]
    assert scores == sorted(scores, reverse=metric is mse)


def test_equal_weights_pool_to_ss2_itself(photograph):
    test, weights = jpeg(photograph, 30), np.full(photograph.shape[:2], 0.3)
    assert ss2(photograph, test, weights=weights) == pytest.approx(ss2(photograph, test), rel=1e-5)


def test_a_region_sees_only_its_own_damage(photograph):
    test = photograph.copy()
    test[:, :64] = jpeg(photograph, 10)[:, :64]
    left = np.zeros(photograph.shape[:2])
    left[:, :64] = 1
    inside = ss2(photograph, test, weights=left)
    outside = ss2(photograph, test, weights=np.roll(left, 150, axis=1))
    assert abs(inside - 100) > 10 * abs(outside - 100)


def test_regions_from_one_comparison_equal_single_ones(photograph):
    reference, test = Ss2Reference(photograph), jpeg(photograph, 30)
    ramp = np.broadcast_to(np.linspace(0, 1, 256), (256, 256))
    scores = reference.regions(test, {"right": ramp, "left": 1 - ramp})
    assert scores["whole"] == reference.score(test)
    assert scores["right"] == pytest.approx(reference.score(test, weights=ramp), abs=1e-9)
    assert scores["right"] != pytest.approx(scores["left"], abs=0.1)


def test_a_tile_scores_as_a_region_of_its_pixels(photograph):
    odd = np.ascontiguousarray(photograph[:211, :251])
    buffer = io.BytesIO()
    Image.fromarray(odd).save(buffer, "JPEG", quality=40)
    worse = np.asarray(Image.open(buffer))
    reference = Ss2Reference(odd)
    scores, tiles = reference.regions_and_tiles(worse, {})
    assert scores["whole"] == reference.score(worse)
    assert tiles.shape == (2, 2)
    for row, column, rows, columns in ((0, 1, (0, 96), (96, 192)), (1, 1, (96, 211), (96, 251))):
        region = np.zeros(odd.shape[:2], np.float32)
        region[slice(*rows), slice(*columns)] = 1
        # Halving mixes the pixels beside an edge at an odd place, and only there.
        assert tiles[row, column] == pytest.approx(reference.score(worse, weights=region), abs=0.3)


def test_one_reference_may_be_shared_by_threads(photograph):
    reference = Ss2Reference(photograph)
    tests = [jpeg(photograph, level) for level in range(10, 90, 8)]
    expected = [ss2(photograph, test) for test in tests]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(reference.score, tests * 4)) == expected * 4


def test_wrong_arrays_end_in_one_line(photograph):
    with pytest.raises(InputError, match="same size"):
        ss2(photograph, photograph[:-8])
    with pytest.raises(InputError, match="uint8"):
        mse(photograph / 255, photograph)
    with pytest.raises(InputError, match="at least 11 x 11"):
        ssim(photograph[:10], photograph[:10])
    with pytest.raises(InputError, match="0 or more"):
        ss2(photograph, photograph, weights=np.full((256, 256), -1.0))
    with pytest.raises(InputError, match="zero everywhere"):
        ss2(photograph, photograph, weights=np.zeros((256, 256)))
