"""Known metrics say which way they run, refuse what they cannot take, and say what is missing."""

import importlib.util

import numpy as np
import piq
import pytest
import torch
import torchvision
from pair_worlds import DATA, WEIGHTS, made_pairs
from scipy import stats

from fechner.analysis.network.distances import perceptual
from fechner.analysis.network.distances.perceptual import (
    PERCEPTUAL,
    dists,
    dists_weights,
    lpips_head,
    perceptual_yardsticks,
)
from fechner.analysis.network.distances.yardsticks import (
    PIXEL_METRICS,
    pixel_yardsticks,
    unit_tensor,
)
from fechner.analysis.network.layers.networks import load_network
from fechner.errors import InputError, MissingPartError
from fechner.executors import executor
from fechner.records.images.files import read_image

HEADS = DATA / "weights" / "lpips_lin"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return made_pairs(tmp_path_factory.mktemp("pairs"), references=2, size=(176, 192))


@pytest.fixture(scope="module")
def sticks(pairs):
    return {one.name: one for one in pixel_yardsticks(pairs)}


@pytest.mark.parametrize("name", PIXEL_METRICS)
def test_a_yardstick_turned_into_a_distance_rises_with_harm(pairs, sticks, name):
    noise = pairs.families == "noise"
    for scene in np.unique(pairs.scenes):
        mine = noise & (pairs.scenes == scene)
        distance = sticks[name].distance[mine]
        assert stats.spearmanr(distance, pairs.dmos[mine]).statistic == 1


def test_rmse_and_psnr_are_their_formulas(pairs, sticks):
    x, y = (read_image(path).astype(float) for path in (pairs.references[0], pairs.images[0]))
    rmse = np.sqrt(((x - y) ** 2).mean())
    assert sticks["rmse"].values[0] == pytest.approx(rmse, rel=1e-6)
    assert sticks["psnr"].values[0] == pytest.approx(20 * np.log10(255 / rmse), rel=1e-6)


def test_the_two_ssims_differ_by_what_they_are_taken_of(tmp_path):
    pairs = made_pairs(tmp_path, references=1, size=(520, 540))
    full, halved = pixel_yardsticks(pairs, ["ssim", "ssim_256"])
    x, y = (
        (unit_tensor(read_image(path)) * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(
            dim=1, keepdim=True
        )
        for path in (pairs.references[0], pairs.images[0])
    )
    blocks = [torch.nn.functional.avg_pool2d(one, 2) for one in (x, y)]
    assert full.values[0] == pytest.approx(float(piq.ssim(x, y, downsample=False)), abs=1e-6)
    assert halved.values[0] == pytest.approx(float(piq.ssim(*blocks, downsample=False)), abs=1e-6)
    assert abs(full.values[0] - halved.values[0]) > 0.01


def test_equal_images_have_infinite_psnr(tmp_path):
    pairs = made_pairs(tmp_path, references=1)
    pairs.images[0] = pairs.references[0]
    rmse, psnr = pixel_yardsticks(pairs, ["rmse", "psnr"])
    assert (rmse.values[0], psnr.values[0]) == (0, np.inf)


def test_what_is_kept_is_not_measured_again_and_more_is_added(tmp_path, pairs, monkeypatch):
    first = pixel_yardsticks(pairs, ["rmse"], cache=tmp_path)
    monkeypatch.setitem(PIXEL_METRICS, "rmse", None)  # Measuring it again would fail.
    again = pixel_yardsticks(pairs, ["gmsd"], cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.undo()
    kept, added = pixel_yardsticks(pairs, ["rmse", "gmsd"], cache=tmp_path)
    assert np.array_equal(kept.values, first[0].values)
    assert np.array_equal(added.values, again[0].values)


@pytest.mark.slow
def test_processes_measure_the_same_as_one(pairs, sticks):
    with executor(2) as pool:
        found = pixel_yardsticks(pairs, ["rmse", "gmsd"], pool=pool)
    for one in found:
        np.testing.assert_allclose(one.values, sticks[one.name].values, rtol=1e-6)


def test_an_image_that_is_too_small_for_a_metric_is_one_line(tmp_path):
    pairs = made_pairs(tmp_path, references=1, size=(48, 64))
    with pytest.raises(InputError, match=r"ms_ssim cannot be taken of .* \(64 x 48 pixels\)"):
        pixel_yardsticks(pairs, ["ms_ssim"])


def test_an_unknown_yardstick_is_named_with_the_nearest(pairs):
    with pytest.raises(InputError, match="did you mean 'psnr'"):
        pixel_yardsticks(pairs, ["psrn"])


def test_a_yardstick_without_weights_says_so_in_place_of_values(tmp_path, pairs, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = perceptual_yardsticks(pairs, heads=tmp_path)
    assert [one.name for one in found] == list(PERCEPTUAL)
    for one in found:
        assert one.values is None
        assert one.distance is None
        assert "pip install" in one.missing


@pytest.mark.skipif(not HEADS.is_dir(), reason="no heads of LPIPS here")
@pytest.mark.skipif(not WEIGHTS["alexnet"].is_file(), reason="no trained AlexNet here")
def test_the_yardsticks_that_can_be_had_stand_beside_those_that_cannot(pairs, monkeypatch):
    def without_internet(network, url):
        raise MissingPartError(f"no {network}")

    monkeypatch.setattr("fechner.analysis.network.layers.weights.fetched_file", without_internet)
    found = {one.name: one for one in perceptual_yardsticks(pairs, heads=HEADS, trunks=WEIGHTS)}
    assert (found["lpips_alex"].values > 0).all()
    assert (found["lpips_squeeze"].values > 0).all()
    assert found["lpips_vgg"].missing == "no vgg16"
    assert found["dists"].values is None


@pytest.mark.skipif(not HEADS.is_dir(), reason="no heads of LPIPS here")
@pytest.mark.parametrize(
    ("trunk", "channels"), [("alexnet", 1152), ("squeezenet1_1", 2240), ("vgg16", 1472)]
)
def test_a_head_of_lpips_weighs_every_channel_of_its_layers(trunk, channels):
    head = lpips_head(trunk, HEADS)
    assert head.shape == (channels,)
    assert (head >= 0).all()


def test_a_file_that_is_no_head_is_refused(tmp_path):
    torch.save({"lin0.model.1.weight": torch.ones(1, 64, 1, 1)}, tmp_path / "alex.pth")
    with pytest.raises(InputError, match="no head of LPIPS for alexnet"):
        lpips_head("alexnet", tmp_path)


@pytest.fixture(scope="module")
def random_vgg(tmp_path_factory):
    """Return a VGG16 with random weights, its torchvision module, and random DISTS weights."""
    folder = tmp_path_factory.mktemp("vgg")
    torch.manual_seed(0)
    module = torchvision.models.vgg16(weights=None)
    torch.save({f"features.{k}": v for k, v in module.features.state_dict().items()},
               folder / "vgg.pth")  # fmt: skip
    channels = 1475
    torch.save(
        {"alpha": torch.rand(1, channels, 1, 1), "beta": torch.rand(1, channels, 1, 1)},
        folder / "dists.pt",
    )
    return folder, module


@pytest.mark.slow
def test_dists_is_piqs_with_the_weights_that_are_given(random_vgg, tmp_path, monkeypatch):
    folder, module = random_vgg
    pairs = made_pairs(tmp_path, references=1, strengths=(20,), size=(64, 80))
    weights = dists_weights(folder)
    network = load_network("vgg16", weights=folder / "vgg.pth", device="cpu")
    ours = dists(network, weights, pairs)

    shares = torch.from_numpy(weights / weights.sum()).float().view(2, 1, -1, 1, 1)
    monkeypatch.setattr(
        torch.hub, "load_state_dict_from_url", lambda *_, **__: dict(
            zip(("alpha", "beta"), shares, strict=True)
        )
    )  # fmt: skip
    monkeypatch.setattr(piq.perceptual, "vgg16", lambda **_: module)
    model = piq.DISTS()
    with torch.inference_mode():
        expected = [
            float(model(unit_tensor(read_image(y)), unit_tensor(read_image(x))))
            for x, y in zip(pairs.references, pairs.images, strict=True)
        ]
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_dists_needs_alpha_and_beta_of_every_channel(tmp_path):
    torch.save({"alpha": torch.ones(1, 5), "beta": torch.ones(1, 5)}, tmp_path / "dists.pt")
    with pytest.raises(InputError, match="has 5 weights, DISTS 1475"):
        dists_weights(tmp_path)


def test_dists_without_weights_says_where_they_come_from(monkeypatch):
    monkeypatch.setattr(perceptual.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match="pip install DISTS-pytorch"):
        dists_weights(None)
