"""Maps of localised layer distance: what they share out, where they put it, and tiles."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from fechner.analysis.network.distances.passes import pass_pairs
from fechner.analysis.network.distances.readouts import distances
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.layers.reading import as_input, layer_values
from fechner.analysis.network.maps import tiles
from fechner.analysis.network.maps.damage import (
    LocalDistance,
    damage,
    damage_per_error,
    local_distance,
)
from fechner.analysis.network.maps.enlarging import enlarged, smoothed_map
from fechner.analysis.network.maps.geometry import reflected_view
from fechner.analysis.network.maps.importance import made_map, map_method, raw_map, recipe_for
from fechner.analysis.network.maps.receptive import receptive_field
from fechner.analysis.network.maps.removal import blurred
from fechner.errors import InputError
from fechner.records.images.files import write_png
from fechner.records.selection import ChannelSelection, Gain, ReadoutEvidence

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="module")
def lite0() -> Network:
    return load_network(device="cpu")


@pytest.fixture(scope="module")
def alexnet() -> Network:
    weights = DATA / "weights" / "alexnet" / "alexnet_features.pth"
    if not weights.is_file():
        pytest.skip(f"no test weights in {DATA}")
    return load_network("alexnet", weights=weights, device="cpu")


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    from skimage import data

    return data.chelsea()


def selection_of(made_with: Network, layer: str, widths: list[int], **changes) -> ChannelSelection:
    n = sum(widths)
    fields = {
        "network": made_with.name,
        "layer": layer,
        "widths": widths,
        "size": None,
        "weights_sha256": made_with.weights_sha256,
        "preprocessing": "",
        "pool": None,
        "dimension": "dmos",
        "method": "reweight:reference",
        "n_channels": n,
        "kept": [True] * n,
        "weights": np.random.default_rng(0).random(n).tolist(),
        "impact": [0.0] * n,
        "distance": "cosine",
        "alignment_selection": Gain(before=None, after=None),
        "alignment_held_out": Gain(before=None, after=None),
        "scenes_selection": ["a"],
        "scenes_held_out": ["b"],
        "provenance": {},
    }
    return ChannelSelection(**(fields | changes))


# what is shared out


@pytest.mark.parametrize("readout", ["cosine", "unit", "rms"])
@pytest.mark.parametrize("layers", [("blocks.1",), ("blocks.1", "blocks.3")])
@pytest.mark.parametrize("weighed", [False, True])
def test_the_map_shares_out_the_distance_of_the_pair(
    lite0, cat, tmp_path, readout, layers, weighed
):
    """Against `analysis.network.distances`, which is checked against an independent program."""
    image = np.ascontiguousarray(cat[:288, :448])
    worse = blurred(image)
    write_png(tmp_path / "a.png", image)
    write_png(tmp_path / "b.png", worse)
    pair = SimpleNamespace(images=[tmp_path / "b.png"], references=[tmp_path / "a.png"])
    passed = pass_pairs(lite0, pair, layers)
    read = [passed.layer(layer) for layer in layers]
    rng = np.random.default_rng(1)
    weights = [rng.random(layer.n_channels) for layer in read] if weighed else None
    whole = distances(readout, read, weights=None if weights is None else np.concatenate(weights))
    how = LocalDistance(
        layers,
        readout,
        None if weights is None else tuple(tuple(one.tolist()) for one in weights),
        margin=0,
        smooth=0,
    )
    found = damage(lite0, image, worse, how)
    expected = float(whole[0]) ** (2 if readout == "rms" else 1)
    assert found.distance == pytest.approx(expected, rel=1e-5)
    assert found.values.mean() == pytest.approx(found.distance, rel=0.01)
    assert found.values.min() >= 0


def test_a_slight_change_keeps_its_digits(lite0, cat):
    """One grey level at one pixel: the sum of squares of a float64 pass is the reference."""
    image = np.ascontiguousarray(cat[:96, :96])
    worse = image.copy()
    worse[40, 40] ^= 1
    how = LocalDistance(("blocks.1",), "cosine", margin=0)
    double = load_network(device="cpu")
    double.module.double()
    with torch.no_grad():
        x, y = (
            layer_values(double, ["blocks.1"], as_input(double, one[None]).double())["blocks.1"]
            for one in (image, worse)
        )
    expected = float(((y / y.norm() - x / x.norm()) ** 2).sum() / 2)
    assert damage(lite0, image, worse, how).distance == pytest.approx(expected, rel=0.01)


def test_a_pair_the_other_way_round_has_the_same_map(lite0, cat):
    how = LocalDistance(("blocks.2",))
    there, back = damage(lite0, cat, blurred(cat), how), damage(lite0, blurred(cat), cat, how)
    assert there.distance == pytest.approx(back.distance, rel=1e-5)
    np.testing.assert_allclose(there.values, back.values, atol=1e-5 * there.values.max())


def test_damage_per_error_is_damage_where_the_error_is_the_same_everywhere(lite0, cat):
    image = np.clip(cat, 8, 247)
    signs = np.random.default_rng(0).choice([-8, 8], size=image.shape)
    worse = (image + signs).astype(np.uint8)
    found = damage(lite0, image, worse, LocalDistance(("blocks.2",)))
    per_error = damage_per_error(found, image, worse)
    np.testing.assert_allclose(per_error, found.values / 65, rtol=1e-4)


# where it is put


@pytest.mark.parametrize("shape", [(256, 384), (257, 383), (301, 200)])
@pytest.mark.parametrize("short_side", [None, 160, 420])
@pytest.mark.parametrize("name", ["lite0", "alexnet"])
def test_one_changed_pixel_comes_back_at_its_place(request, name, shape, short_side):
    """Centroid of the map within three quarters of a cell, at odd sizes and after scaling."""
    network = request.getfixturevalue(name)
    layer, step = {"lite0": ("blocks.1", 4), "alexnet": ("features.2", 8)}[name]
    image = np.full((*shape, 3), 120, np.uint8)
    image += np.random.default_rng(0).integers(0, 9, image.shape, dtype=np.uint8)
    scale = (short_side or min(shape)) / min(shape)
    off = []
    for place in ((100, 120), (171, 77), (60, 150)):
        worse = image.copy()
        size = max(1, round(2 / scale))
        worse[place[0] : place[0] + size, place[1] : place[1] + size] = 255
        how = LocalDistance((layer,), "rms", short_side=short_side, smooth=0)
        found = damage(network, image, worse, how).values.astype(float)
        y, x = np.mgrid[: shape[0], : shape[1]]
        middle = (size - 1) / 2
        off.append(
            (
                (found * y).sum() / found.sum() - place[0] - middle,
                (found * x).sum() / found.sum() - place[1] - middle,
            )
        )
    assert np.hypot(*np.mean(off, axis=0)) < 0.75 * step / scale


def test_a_change_at_the_border_stays_at_the_border(lite0, cat):
    for place in ((0, 0), (299, 450), (0, 450)):
        worse = cat.copy()
        rows, columns = (slice(max(0, at - 12), at + 12) for at in place)
        worse[rows, columns] = 255 - worse[rows, columns]
        found = damage(lite0, cat, worse, LocalDistance(("blocks.2",))).values
        y, x = np.unravel_index(np.argmax(found), found.shape)
        assert np.hypot(y - place[0], x - place[1]) < 24


def test_padding_does_not_show_in_a_picture_that_looks_the_same_everywhere(lite0):
    """Noise on grey: the outer 16 pixels hold as much as the inner, within a tenth."""
    rng = np.random.default_rng(0)
    image = np.full((320, 320, 3), 128, np.uint8)
    worse = (128 + rng.integers(-20, 21, image.shape)).astype(np.uint8)
    found = damage(lite0, image, worse, local_distance(lite0)).values
    inner = found[48:-48, 48:-48].mean()
    for border in (found[:16], found[-16:], found[:, :16], found[:, -16:]):
        assert border.mean() == pytest.approx(inner, rel=0.1)


@pytest.mark.parametrize("places", [np.linspace(-1.5, 6.2, 40), np.array([0.0, 2.0, 2.5])])
def test_enlarging_is_the_cubic_b_spline_of_scipy(places):
    cells = np.random.default_rng(0).random((6, 5)).astype(np.float32)
    columns = places * 4 / 6
    grid = np.meshgrid(places, columns, indexing="ij")
    expected = map_coordinates(cells, grid, order=3, prefilter=False, mode="nearest")
    np.testing.assert_allclose(enlarged(cells, places, columns), expected, atol=1e-6)


@pytest.mark.parametrize("sd_px", [3.0, 13.0, 30.0])
def test_smoothing_is_the_gaussian_of_scipy_and_keeps_the_mean(sd_px):
    values = np.random.default_rng(0).random((240, 311)).astype(np.float32)
    values[60:90, 100:130] += 5
    found = smoothed_map(values, sd_px)
    assert found.mean() == pytest.approx(values.mean(), rel=2e-3)
    expected = gaussian_filter(values.astype(float), sd_px, mode="reflect")
    assert np.abs(found - expected).max() < 0.02 * np.ptp(expected)
    assert smoothed_map(values, 0.0) is values


# large pictures


@pytest.mark.parametrize("shape", [(300, 451), (288, 640)])
@pytest.mark.parametrize("name", ["lite0", "alexnet"])
def test_tiles_give_what_one_pass_gives(request, name, cat, shape, monkeypatch):
    network = request.getfixturevalue(name)
    layers = {"lite0": ("blocks.1", "blocks.3"), "alexnet": ("features.5",)}[name]
    image = np.ascontiguousarray(np.tile(cat, (1, 2, 1))[: shape[0], : shape[1]])
    how = LocalDistance(layers)
    whole = damage(network, image, blurred(image), how)
    monkeypatch.setattr(tiles, "WHOLE_PIXELS", 10_000)
    monkeypatch.setattr(tiles, "SHOWN", 320)
    size = reflected_view(shape, short_side=None, margin=32).whole
    assert len(list(tiles.tiles(network, layers, size))) > 3
    parts = damage(network, image, blurred(image), how)
    assert parts.distance == pytest.approx(whole.distance, rel=1e-5)
    np.testing.assert_allclose(parts.values, whole.values, atol=1e-5 * whole.values.max())


def test_tiles_cover_every_pixel_once():
    for side in (1, 500, 1216, 3000, 4000, 4031):
        for around in (32, 96, 256):
            found = tiles.spans(side, core=1216 - 2 * around, around=around)
            kept = np.concatenate([np.arange(one.first, one.last) for one in found])
            assert np.array_equal(kept, np.arange(side))
            for one in found:
                assert one.begin % tiles.GRAIN == 0
                assert one.begin == max(0, one.first - around)
                assert one.end >= min(side, one.last + around)
                assert one.end - one.begin <= 1216 + tiles.GRAIN


@pytest.mark.parametrize("layer", ["blocks.0", "blocks.1", "blocks.2", "blocks.3"])
def test_receptive_fields_are_those_of_the_formula(lite0, layer):
    """r = 1 + sum (k - 1) j over the convolutions before (Araujo, Norris and Sim 2019)."""
    reach, jump = 1, 1
    for name, module in lite0.module.named_modules():
        before = name == "conv_stem" or (name.startswith("blocks.") and name[:8] <= layer)
        if before and isinstance(module, torch.nn.Conv2d):
            reach += (module.kernel_size[0] - 1) * jump
            jump *= module.stride[0]
    found = receptive_field(lite0, layer)
    assert found.step == jump
    assert reach <= found.pixels <= reach + 2 * jump


def test_a_network_that_sees_everything_at_once_is_not_read_in_parts(cat, monkeypatch):
    network = load_network("timm:vit_tiny_patch16_224", weights="random", device="cpu")
    assert receptive_field(network, "blocks.3@patches").pixels is None
    monkeypatch.setattr(tiles, "WHOLE_PIXELS", 10_000)
    how = LocalDistance(("blocks.3@patches",), margin=0)
    square = np.ascontiguousarray(cat[:224, :224])
    with pytest.raises(InputError, match=r"sees the whole picture.*--short-side"):
        damage(network, square, blurred(square), how)


def test_a_cell_that_sees_more_than_it_is_shown_is_said_in_the_record(lite0, cat):
    """Lite0's last layer sees 864 px (NaN of one pixel), its third stage 72."""
    recipe = recipe_for(lite0, None, distance=LocalDistance(("bn2",)))
    said = made_map(lite0, cat, recipe).about["note"]
    assert said.startswith("the network's input has 544 x 384 px, and a cell of bn2 sees 8")
    assert "note" not in made_map(lite0, cat, recipe_for(lite0, None)).about
    assert "are passed in tiles with 256 px" in tiles.note(lite0, ["bn2"], (2000, 3000))["note"]
    assert tiles.note(lite0, ["blocks.3"], (2000, 3000)) == {}


# selections, and what is refused


def test_a_selection_on_pairs_brings_its_layer_weights_and_read_out(lite0, cat):
    chosen = selection_of(lite0, "blocks.1+blocks.2", [24, 40])
    how = local_distance(lite0, chosen)
    assert (how.layers, how.readout) == (("blocks.1", "blocks.2"), "cosine")
    assert np.concatenate(how.weights).tolist() == chosen.weights
    assert local_distance(lite0, selection_of(lite0, "blocks.1", [24], distance="euclid")).readout
    assert map_method(chosen) == "distance"
    assert map_method(None) == "distance"
    readout = selection_of(
        lite0, "bn2", [1280], distance=None, readout=ReadoutEvidence(held_out_spearman=0.4)
    )
    assert map_method(readout) == "removal"
    raw = raw_map(lite0, cat, chosen)
    assert raw.shape == cat.shape[:2]
    assert raw.max() > 0


def test_channels_of_weight_zero_do_not_count(lite0, cat):
    kept = np.arange(40) % 2 == 0
    chosen = selection_of(
        lite0, "blocks.2", [40], method="greedy:reference", kept=kept.tolist(), distance="rms"
    )
    how = local_distance(lite0, chosen)
    view = reflected_view(cat.shape[:2], short_side=None, margin=32)
    x, y = (
        layer_values(lite0, ["blocks.2"], as_input(lite0, view.show(one)[None]))["blocks.2"][0]
        for one in (cat, blurred(cat))
    )
    inside = view.cells_inside(tuple(x.shape[1:]))
    expected = float(((y - x)[kept][:, inside] ** 2).mean())
    assert damage(lite0, cat, blurred(cat), how).distance == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"distance": "gram"}, "has no places"),
        ({"pool": "mean_sd"}, "means and SDs"),
        ({"weights": [0.0] * 40}, "keeps no channel"),
    ],
)
def test_selections_that_have_no_places_are_refused(lite0, changes, said):
    with pytest.raises(InputError, match=said):
        local_distance(lite0, selection_of(lite0, "blocks.2", [40], **changes))


def test_pairs_that_cannot_be_compared_are_refused_in_one_line(lite0, cat):
    how = local_distance(lite0)
    flat = np.full((96, 128, 3), 90, np.uint8)
    for image, worse, said in (
        (cat, cat[:, :-1], r"450 x 300 pixels and the original 451 x 300"),
        (cat, cat.copy(), "equal, pixel by pixel"),
        (flat, blurred(flat), "the image is flat"),
        (cat.astype(float), cat, "uint8"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            damage(lite0, image, worse, how)
        assert "\n" not in str(caught.value)


def test_what_does_not_fit_is_refused(lite0, cat):
    with pytest.raises(InputError, match="no local read-out 'cosin'; did you mean"):
        LocalDistance(("blocks.2",), "cosin")
    with pytest.raises(InputError, match=r"no layer 'blocks\.33'"):
        damage(lite0, cat, blurred(cat), LocalDistance(("blocks.33",)))
    with pytest.raises(InputError, match="3 channel weights for the 40 channels"):
        damage(lite0, cat, blurred(cat), LocalDistance(("blocks.2",), weights=((1.0, 1.0, 1.0),)))
    with pytest.raises(InputError, match="made with alexnet"):
        raw_map(lite0, cat, selection_of(lite0, "blocks.2", [40], network="alexnet"))
    with pytest.raises(InputError, match="need a selection"):
        raw_map(lite0, cat, method="removal")
    with pytest.raises(InputError, match="no space"):
        damage(lite0, cat, blurred(cat), LocalDistance(("penultimate",)))
