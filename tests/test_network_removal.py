"""Removal maps and the test of maps against their own model."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import nn

from fechner.analysis.network.choosing.sets import chosen_set, read_channels
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.maps import tiles
from fechner.analysis.network.maps.making import importance_maps
from fechner.analysis.network.maps.predicting import predicted, seen_size
from fechner.analysis.network.maps.removal import (
    Removal,
    blurred,
    removal,
    removal_map,
)
from fechner.errors import InputError
from fechner.records.images.files import write_png
from fechner.records.maps import read_maps
from fechner.records.selection import ChannelSelection, Gain


def selection_of(
    made_with: Network, weights, *, layer: str, pool=None, widths=None, size=224
) -> ChannelSelection:
    return ChannelSelection(
        network=made_with.name,
        layer=layer,
        widths=widths or [len(weights)],
        size=size,
        weights_sha256=made_with.weights_sha256,
        preprocessing="",
        pool=pool,
        dimension="quality",
        method="readout",
        n_channels=len(weights),
        kept=[bool(w) for w in weights],
        weights=[float(w) for w in weights],
        impact=[0.0] * len(weights),
        alignment_selection=Gain(before=None, after=None),
        alignment_held_out=Gain(before=None, after=None),
        scenes_selection=["a"],
        scenes_held_out=["b"],
        provenance={},
    )


def two_layers(lite0, *, pool, size=224):
    """A selection with random weights among the channels of two layers."""
    each = 2 if pool == "mean_sd" else 1
    widths = [each * 40, each * 1280]
    weights = np.random.default_rng(1).normal(size=sum(widths))
    return selection_of(lite0, weights, layer="blocks.2+bn2", pool=pool, widths=widths, size=size)


def linear_network() -> Network:
    """Channels are the colour channels: the prediction is a sum over pixels, exactly."""
    layer = nn.Conv2d(3, 3, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(3)[:, :, None, None])
    return Network(
        name="colours",
        module=nn.Sequential(layer).eval().requires_grad_(False),
        layers=("0",),
        default_layer="0",
        mean=(0.0, 0.0, 0.0),
        sd=(1 / 255, 1 / 255, 1 / 255),
        weights_sha256="0" * 64,
        weights_source="none",
        device=torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def lite0() -> Network:
    return load_network(device="cpu")


@pytest.fixture(scope="module")
def signed(lite0) -> ChannelSelection:
    return selection_of(lite0, np.random.default_rng(0).normal(size=1280), layer="bn2")


@pytest.fixture(scope="module")
def small(lite0) -> ChannelSelection:
    """A read-out of small images, which loses much when they are blurred."""
    weights = np.random.default_rng(1).normal(size=1280)
    return selection_of(lite0, weights, layer="bn2", size=96)


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    from skimage import data

    return data.chelsea()


def test_for_a_linear_model_the_map_is_the_weighted_difference_of_pixels(cat):
    network = linear_network()
    weights = np.array([0.5, -1.0, 2.0])
    selection = selection_of(network, weights, layer="0")
    square = np.ascontiguousarray(cat[:224, :224])
    dark = np.zeros_like(square)
    got = removal_map(network, square, selection, degraded=lambda _: dark, smooth=1e-6, steps=1)
    np.testing.assert_allclose(got, square @ weights, rtol=1e-3, atol=0.1)


@pytest.mark.parametrize("pool", [None, "mean_sd", "joined"])
def test_the_mean_of_a_map_is_the_loss_of_the_prediction_within_two_percent(lite0, cat, pool):
    """Completeness of integrated gradients (Sundararajan et al. 2017, proposition 1)."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=2560 if pool else 1280)
    selection = (
        two_layers(lite0, pool="mean_sd", size=96)
        if pool == "joined"
        else selection_of(lite0, weights, layer="bn2", pool=pool, size=96)
    )
    lost = removal(lite0, cat, blurred(cat), selection)
    views = [cat, blurred(cat), cat[:, ::-1], blurred(cat)[:, ::-1]]
    rating = predicted(lite0, views, selection)
    loss = (rating[0] - rating[1] + rating[2] - rating[3]) / 2
    assert lost.values.shape == cat.shape[:2]
    assert lost.loss == pytest.approx(loss, rel=1e-3)
    assert lost.remaining_error < 0.02
    # Enlarging moves a little across the border.
    moved = 0.02 * float(np.abs(lost.values).mean())
    assert lost.values.mean() == pytest.approx(loss, rel=0.02, abs=moved)


def test_points_are_added_only_until_the_error_is_small_and_it_is_stated(lite0, small, cat):
    worse = blurred(cat)
    few = removal(lite0, cat, worse, small, steps=2, most_points=1)
    many = removal(lite0, cat, worse, small, steps=2)
    exact = removal(lite0, cat, worse, small, steps=60, most_points=1)
    assert few.points == 6
    assert few.remaining_error > 0.02 > many.remaining_error
    assert 6 < many.points < 100
    assert few.loss == many.loss == exact.loss
    assert apart(many, exact) < apart(few, exact) / 2


def test_a_rival_may_be_as_exact_as_its_map_is_in_units_of_the_prediction(lite0, small, cat):
    worse = blurred(cat)
    exact = removal(lite0, cat, worse, small, steps=2)
    enough = 0.2 * abs(exact.loss)
    found = removal(lite0, cat, worse, small, steps=2, enough=enough)
    assert 6 <= found.points < exact.points
    assert 0.02 < found.remaining_error < 0.2


def apart(one: Removal, other: Removal) -> float:
    return float(np.abs(one.values - other.values).mean())


def test_the_image_is_seen_whole_at_its_own_aspect_ratio_with_as_many_pixels_as_the_square():
    for shape in ((300, 451), (512, 768), (1000, 250), (224, 224)):
        height, width = seen_size(shape, 224)
        assert height / width == pytest.approx(shape[0] / shape[1], rel=0.01)
        assert height * width == pytest.approx(224**2, rel=0.01)
    assert seen_size((100, 10_000), 224) == (64, 6400)
    assert seen_size((301, 77), None) == (301, 77)


@pytest.mark.parametrize("pool", [None, "max", "mean_sd"])
@pytest.mark.parametrize("shape", [(224, 352), (235, 301)])
def test_gradients_in_tiles_are_those_of_one_pass(lite0, cat, pool, shape, monkeypatch):
    """For every pooling, where the padding of the whole is even and where it is odd."""
    weights = np.random.default_rng(1).normal(size=80 if pool == "mean_sd" else 40)
    selection = selection_of(lite0, weights, layer="blocks.2", pool=pool, size=None)
    image = np.ascontiguousarray(cat[: shape[0], : shape[1]])
    whole = removal(lite0, image, blurred(image), selection, steps=1, most_points=1)
    for module in (tiles, sys.modules[predicted.__module__]):
        monkeypatch.setattr(module, "WHOLE_PIXELS", 20_000)
    monkeypatch.setattr(tiles, "SHOWN", 192)
    parts = removal(lite0, image, blurred(image), selection, steps=1, most_points=1)
    assert len(list(tiles.tiles(lite0, ["blocks.2"], shape))) > 3
    assert parts.loss == pytest.approx(whole.loss, rel=1e-4)
    np.testing.assert_allclose(parts.values, whole.values, atol=1e-4 * np.abs(whole.values).max())


@pytest.mark.parametrize("place", [(31, 40), (150, 333), (299, 450), (0, 0)])
def test_a_patch_that_changed_is_where_the_loss_is(lite0, cat, place):
    """For a model that sees single pixels, at an odd size and after scaling."""
    network = linear_network()
    selection = selection_of(network, [1.0, 1.0, 1.0], layer="0")
    dark = cat.copy()
    rows, columns = (slice(max(0, at - 2), at + 3) for at in place)
    dark[rows, columns] //= 2
    lost = removal(network, cat, dark, selection, steps=1).values.astype(float)
    y, x = np.unravel_index(np.argmax(lost), lost.shape)
    assert np.hypot(y - place[0], x - place[1]) < 4


def test_a_uniform_image_has_a_map_of_zeros(lite0, signed):
    grey = np.full((90, 120, 3), 77, np.uint8)
    assert np.abs(removal_map(lite0, grey, signed)).max() == 0


def test_a_mirrored_image_gives_the_mirrored_map(lite0, small, cat):
    straight = removal_map(lite0, cat, small, steps=2)
    mirrored = removal_map(lite0, np.ascontiguousarray(cat[:, ::-1]), small, steps=2)
    np.testing.assert_allclose(mirrored[:, ::-1], straight, atol=2e-2 * np.ptp(straight))


@pytest.mark.parametrize("pool", ["mean", "max", "mean_sd"])
def test_predictions_of_joined_layers_are_those_of_the_channels_selected_from(
    lite0, cat, tmp_path, pool
):
    square = np.ascontiguousarray(cat[:, :300])  # Others are squashed there, and here they are not.
    write_png(tmp_path / "cat.png", square)
    selection = two_layers(lite0, pool=pool, size=160)
    (read,) = read_channels(lite0, [chosen_set(selection)], [tmp_path / "cat.png"], size=160)
    expected = read.values[0] @ np.asarray(selection.weights)
    assert predicted(lite0, [square], selection)[0] == pytest.approx(expected, rel=1e-3)


def test_predictions_agree_with_pooled_activations(lite0, signed, cat, tmp_path):
    from fechner.analysis.network.layers.activations import activations

    square = np.ascontiguousarray(cat[:, :300])
    write_png(tmp_path / "cat.png", square)
    pooled = activations(lite0, ["bn2"], [tmp_path / "cat.png"], pool="mean")["bn2"].values
    expected = pooled @ np.asarray(signed.weights)
    assert predicted(lite0, [square], signed)[0] == pytest.approx(expected[0], rel=1e-4)


def test_only_places_that_lose_count_as_important_and_the_record_says_so(
    lite0, small, cat, tmp_path
):
    write_png(tmp_path / "cat.png", cat)
    importance_maps(
        lite0, {"cat": tmp_path / "cat.png"}, small, folder=tmp_path / "maps", method="removal"
    )
    found = read_maps(tmp_path / "maps")["cat"]
    assert found.record["counts"] == "positive"
    assert found.raw.min() < 0
    expected = np.maximum(found.raw, 0) / found.record["scale"]
    np.testing.assert_allclose(found.values, expected, atol=1e-4)
    assert "removed" in found.record["method"]
    assert found.record["remaining_error"] < 0.02
    assert found.record["points"] >= 18
    assert "a cell of bn2 sees" in found.record["note"]


def test_an_unknown_method_is_refused(lite0, signed, cat, tmp_path):
    write_png(tmp_path / "cat.png", cat)
    with pytest.raises(InputError, match="contribution, removal"):
        importance_maps(
            lite0, {"cat": tmp_path / "cat.png"}, signed, folder=tmp_path, method="guess"
        )


def test_the_default_blur_follows_the_size_of_the_image(cat):
    import cv2

    large = cv2.resize(cat, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    small_again = cv2.resize(blurred(large), cat.shape[1::-1], interpolation=cv2.INTER_AREA)
    apart = np.abs(small_again.astype(float) - blurred(cat)).mean()
    assert apart < 1.0
    assert apart < 0.5 * np.abs(cat.astype(float) - blurred(cat)).mean()
