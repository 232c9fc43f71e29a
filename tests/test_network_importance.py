"""Importance maps: the formula, the geometry, and the files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.maps import contribution
from fechner.analysis.network.maps.contribution import (
    cell_relevance,
    contribution_map,
    contribution_maps,
)
from fechner.analysis.network.maps.geometry import cell_grid, reflected_view
from fechner.analysis.network.maps.making import importance_maps
from fechner.errors import InputError
from fechner.records.images.files import read_image, write_png
from fechner.records.maps import read_maps, write_maps
from fechner.records.selection import ChannelSelection, Gain

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEIGHTS = {
    "alexnet": DATA / "weights" / "alexnet" / "alexnet_features.pth",
    "squeezenet1_1": DATA / "weights" / "squeezenet1_1" / "squeezenet1_1_tv_features.pth",
}


@pytest.fixture(scope="module")
def lite0() -> Network:
    return load_network(device="cpu")


CHANNELS = {"efficientnet_lite0": 1280, "alexnet": 256, "squeezenet1_1": 512}


def trained(name: str) -> Network:
    if name in WEIGHTS and not WEIGHTS[name].is_file():
        pytest.skip(f"no test weights in {DATA}")
    return load_network(name, weights=WEIGHTS.get(name), device="cpu")


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    from skimage import data

    return data.chelsea()


def selection_of(made_with: Network, weights, *, layer="bn2", pool=None, **changes):
    fields = {
        "network": made_with.name,
        "layer": layer,
        "widths": [len(weights)],
        "size": 224,
        "weights_sha256": made_with.weights_sha256,
        "preprocessing": "",
        "pool": pool,
        "dimension": "quality",
        "method": "readout",
        "n_channels": len(weights),
        "kept": [bool(w) for w in weights],
        "weights": [float(w) for w in weights],
        "impact": [0.0] * len(weights),
        "alignment_selection": Gain(before=None, after=None),
        "alignment_held_out": Gain(before=None, after=None),
        "scenes_selection": ["a"],
        "scenes_held_out": ["b"],
        "provenance": {},
    }
    return ChannelSelection(**(fields | changes))


def signed(made_with: Network, n: int = 1280, *, seed: int = 0, **options):
    return selection_of(made_with, np.random.default_rng(seed).normal(size=n), **options)


# geometry


@pytest.mark.parametrize(
    ("side", "n_cells", "first", "step"),
    [(640, 20, 15.5, 32), (640, 19, 31.5, 32), (640, 39, 15.5, 16), (224, 14, 7.5, 16)],
)
def test_cells_are_centred_in_the_input(side, n_cells, first, step):
    """VGG, ResNet and Lite0 have side / 32 cells; AlexNet, without padding, one less."""
    assert cell_grid(side, n_cells) == (first, step)
    last = first + (n_cells - 1) * step
    assert first == side - 1 - last


def test_a_frame_shows_the_image_whole_and_reflected():
    view = reflected_view((300, 450), short_side=300, margin=40)
    picture = np.random.default_rng(0).integers(0, 256, (300, 450, 3), dtype=np.uint8)
    shown = view.show(picture)
    top, left = view.before
    assert shown.shape[0] % 32 == shown.shape[1] % 32 == 0
    assert min(*view.before, *view.after) >= 40
    assert np.array_equal(shown[top : top + 300, left : left + 450], picture)
    assert np.array_equal(shown[top - 1, left : left + 450], picture[0])
    assert np.array_equal(shown[top - 5, left : left + 450], picture[4])


@pytest.mark.parametrize("shape", [(300, 450), (64, 640), (1200, 801)])
def test_a_frame_keeps_the_aspect_ratio_within_a_pixel(shape):
    view = reflected_view(shape, short_side=224, margin=96)
    scale = 224 / min(shape)
    assert abs(view.scaled[0] - shape[0] * scale) <= 0.5
    assert abs(view.scaled[1] - shape[1] * scale) <= 0.5


def test_first_and_last_pixel_lie_where_the_scaled_image_begins_and_ends():
    view = reflected_view((100, 200), short_side=200, margin=32)
    rows, _ = view.cell_places((view.whole[0] // 32, view.whole[1] // 32))
    in_input = rows * 32 + 15.5
    assert in_input[0] == pytest.approx(view.before[0] - 0.5 + 0.5 * 2)
    assert in_input[-1] == pytest.approx(view.before[0] + 200 - 0.5 - 0.5 * 2)


# the formula


def test_relevance_is_the_weighted_sum_of_channels():
    rng = np.random.default_rng(0)
    cells, weights = rng.random((5, 3, 4)), rng.normal(size=5)
    got = cell_relevance(cells, weights, pool=None, inside=np.ones((3, 4), bool))
    expected = sum(weight * channel for weight, channel in zip(weights, cells, strict=True))
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("pool", ["mean", "mean_sd"])
def test_mean_of_the_map_is_the_readout_of_the_pooled_channels(pool):
    """The shares of a place add up to the prediction: nothing is lost and nothing added."""
    rng = np.random.default_rng(1)
    cells = np.maximum(rng.normal(size=(6, 5, 7)), 0)
    cells[2] = 0
    features = cells.mean((1, 2))
    if pool == "mean_sd":
        features = np.concatenate([features, cells.std((1, 2))])
    weights = rng.normal(size=len(features))
    raw = cell_relevance(cells, weights, pool=pool, inside=np.ones((5, 7), bool))
    assert raw.mean() == pytest.approx(features @ weights, rel=1e-10)


def test_a_map_is_linear_in_the_weights(lite0, cat):
    one, two = signed(lite0, seed=1), signed(lite0, seed=2)
    both = selection_of(lite0, np.add(one.weights, two.weights))
    total = contribution_map(lite0, cat, one, short_side=96, margin=32) + contribution_map(
        lite0, cat, two, short_side=96, margin=32
    )
    together = contribution_map(lite0, cat, both, short_side=96, margin=32)
    np.testing.assert_allclose(together, total, atol=1e-4 * np.ptp(total))


@pytest.mark.parametrize("pool", ["mean", "mean_sd"])
def test_the_map_of_joined_layers_is_the_sum_of_their_maps(lite0, cat, pool):
    each = 2 if pool == "mean_sd" else 1
    shallow, deep = np.split(np.random.default_rng(0).normal(size=each * 1320), [each * 40])
    options = {"short_side": 128, "margin": 32}
    parts = [
        contribution_map(
            lite0, cat, selection_of(lite0, weights, layer=layer, pool=pool), **options
        )
        for layer, weights in (("blocks.2", shallow), ("bn2", deep))
    ]
    both = selection_of(
        lite0, np.concatenate([shallow, deep]), layer="blocks.2+bn2", pool=pool,
        widths=[len(shallow), len(deep)],
    )  # fmt: skip
    got = contribution_map(lite0, cat, both, **options)
    np.testing.assert_allclose(got, sum(parts), atol=1e-3 * np.ptp(got))


def test_a_map_has_the_size_of_the_image_and_the_sign_of_the_weights(lite0, cat):
    tall = np.ascontiguousarray(cat[:, :101])
    raw = contribution_map(lite0, tall, signed(lite0), short_side=96, margin=32)
    opposite = selection_of(lite0, -np.asarray(signed(lite0).weights))
    assert raw.shape == (300, 101)
    assert raw.dtype == np.float32
    np.testing.assert_allclose(
        contribution_map(lite0, tall, opposite, short_side=96, margin=32), -raw, atol=1e-5
    )


# no artefacts of the network's geometry


def test_a_uniform_image_has_a_flat_map(lite0, cat):
    """Zero padding at the border of the image itself would show as a view."""
    grey = np.full((256, 384, 3), 128, np.uint8)
    selection = selection_of(lite0, np.abs(signed(lite0).weights))
    flat, lively = (contribution_map(lite0, image, selection) for image in (grey, cat))
    assert np.ptp(flat) < 0.1 * np.ptp(lively)


def test_margins_are_what_keeps_the_uniform_map_flat(lite0):
    grey = np.full((256, 256, 3), 128, np.uint8)
    selection = selection_of(lite0, np.ones(1280))
    spread = {
        margin: np.ptp(contribution_map(lite0, grey, selection, margin=margin))
        for margin in (0, 256)
    }
    assert spread[0] > 5 * spread[256]


def test_a_mirrored_image_gives_the_mirrored_map(lite0, cat):
    selection = signed(lite0)
    straight = contribution_map(lite0, cat, selection, short_side=128, margin=32)
    mirrored = contribution_map(
        lite0, np.ascontiguousarray(cat[:, ::-1]), selection, short_side=128, margin=32
    )
    np.testing.assert_allclose(mirrored[:, ::-1], straight, atol=1e-3 * np.ptp(straight))


def test_selections_that_share_a_pass_get_the_maps_that_each_gets_alone(lite0, cat):
    several = [signed(lite0, seed=seed) for seed in (0, 1)]
    together = contribution_maps(lite0, cat, several, short_side=96, margin=32)
    for selection, found in zip(several, together, strict=True):
        alone = contribution_map(lite0, cat, selection, short_side=96, margin=32)
        np.testing.assert_array_equal(found, alone)


def test_selections_of_different_layers_share_no_pass(lite0, cat):
    other = signed(lite0, 320, layer="blocks.6")
    with pytest.raises(InputError, match="have the same layers and pool"):
        contribution_maps(lite0, cat, [signed(lite0), other])


@pytest.mark.parametrize("name", ["efficientnet_lite0", "alexnet", "squeezenet1_1"])
def test_trained_networks_look_where_their_cells_are_placed(name, cat):
    """A single pass and the mirrored pass of the mirror image agree best at the placing used.

    Moving the grid by half a cell in either direction makes them agree less.
    """
    network = trained(name)
    selection = selection_of(network, np.ones(CHANNELS[name]), layer=network.default_layer)

    def agreement(moved: float) -> float:
        view = reflected_view(cat.shape[:2], short_side=320, margin=128)
        cells = 32 if name != "squeezenet1_1" else 16
        left, right = (
            contribution._raw_once(network, image, [selection], view)[0]
            for image in (cat, np.ascontiguousarray(cat[:, ::-1]))
        )
        pixels = round(moved * cells * cat.shape[0] / 320)
        width = cat.shape[1] - 2 * abs(pixels)
        a = left[:, abs(pixels) + pixels :][:, :width]
        b = right[:, ::-1][:, abs(pixels) - pixels :][:, :width]
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    assert agreement(0.0) > max(agreement(-0.5), agreement(0.5)) + 0.02


@pytest.mark.parametrize("place", [(0.25, 0.3), (0.75, 0.6)])
@pytest.mark.parametrize("name", ["efficientnet_lite0", "alexnet"])
def test_the_map_points_at_the_only_thing_in_the_picture(name, place):
    """A textured disc on grey lies at the centroid of |map - background|, within 1.25 cells."""
    network = trained(name)
    height, width = 256, 384
    y, x = np.mgrid[:height, :width]
    centre = place[0] * height, place[1] * width
    disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 30**2
    image = np.full((height, width, 3), 128, np.uint8)
    image[disc] = np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8)[disc]
    selection = selection_of(network, np.ones(CHANNELS[name]), layer=network.default_layer)
    raw = contribution_map(network, image, selection)
    weight = np.abs(raw - np.median(raw))
    weight[weight < 0.5 * weight.max()] = 0
    found = (weight * y).sum() / weight.sum(), (weight * x).sum() / weight.sum()
    cell = 32 * height / contribution.SHORT_SIDE
    assert np.hypot(found[0] - centre[0], found[1] - centre[1]) < 1.25 * cell


# the files


@pytest.fixture
def pictures(tmp_path, cat):
    from skimage import data

    write_png(tmp_path / "cat.png", cat)
    write_png(tmp_path / "coffee.png", data.coffee())
    return {"cat": tmp_path / "cat.png", "coffee": tmp_path / "coffee.png"}


def test_maps_of_a_set_share_one_scale_and_come_back_from_disk(lite0, pictures, tmp_path):
    selection = signed(lite0)
    folder = tmp_path / "maps"
    made = importance_maps(lite0, pictures, selection, folder=folder, short_side=96, margin=32)
    again = read_maps(folder)
    assert set(again) == {"cat", "coffee"}
    assert max(m.values.max() for m in again.values()) == 1
    for name, found in again.items():
        expected = contribution_map(
            lite0, read_image(pictures[name]), selection, short_side=96, margin=32
        )
        step = found.record["scale"] / 65535
        np.testing.assert_allclose(found.raw, expected, atol=2 * step)
        np.testing.assert_allclose(
            found.values, np.abs(expected) / found.record["scale"], atol=1e-4
        )
        assert found.record["raw_minimum"] == pytest.approx(expected.min())
        assert np.abs(found.values - made.maps[name].values).max() <= 0.5 / 65535 + 1e-7


def test_a_place_that_speaks_against_the_rating_matters_as_much_as_one_that_speaks_for_it(tmp_path):
    raw = {"a": np.array([[-2.0, 1.0], [0.0, 2.0]], dtype=np.float32)}
    write_maps(tmp_path, raw, about={"a": {}}, set_record={})
    found = read_maps(tmp_path)["a"]
    np.testing.assert_allclose(found.values, [[1, 0.5], [0, 1]], atol=1e-4)
    np.testing.assert_allclose(found.raw, raw["a"], atol=1e-4)


def test_records_say_how_a_map_was_made(lite0, pictures, tmp_path):
    importance_maps(
        lite0, pictures, signed(lite0), folder=tmp_path / "maps", short_side=96, margin=32
    )
    record = read_maps(tmp_path / "maps")["cat"].record
    made = record["provenance"]["parameters"]
    assert made["network"] == "efficientnet_lite0"
    assert made["short_side"] == 96
    assert set(record["provenance"]["inputs"]) == {"cat.png", "selection"}
    assert "magnitude" in record["method"]


@pytest.mark.parametrize("changed", ["a.png", "signed/a.png", "a.json"])
def test_a_map_changed_by_one_byte_is_refused(tmp_path, changed):
    raw = {"a": np.eye(8, dtype=np.float32)}
    write_maps(tmp_path, raw, about={"a": {}}, set_record={})
    content = bytearray((tmp_path / changed).read_bytes())
    content[-20] ^= 1
    (tmp_path / changed).write_bytes(content)
    with pytest.raises(InputError, match="was changed"):
        read_maps(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", '{"maps": ["a"]}', '{"maps": {"a": "x"}}'])
def test_a_record_that_names_no_maps_is_refused(tmp_path, content):
    (tmp_path / "maps.json").write_text(content)
    with pytest.raises(InputError, match=r"maps\.json is not the record of a set of maps"):
        read_maps(tmp_path)


NAMES = ("0801", "null", "NA", "1e5", "True", "2024-01-02", "-1", "a,b", "signed", "naïve 2.5")


def test_names_of_maps_stay_text_whatever_they_look_like(tmp_path):
    raw = {name: np.full((2, 2), k, np.float32) for k, name in enumerate(NAMES)}
    write_maps(tmp_path, raw, about={name: {"image": name} for name in NAMES}, set_record={})
    found = read_maps(tmp_path)
    assert tuple(found) == NAMES
    for k, name in enumerate(NAMES):
        assert found[name].record["image"] == name
        np.testing.assert_allclose(found[name].raw, k, atol=1e-3)


@pytest.mark.parametrize("name", ["maps", "MAPS", "../up", "a/b", "a\\b", "con", "nul.photo", ""])
def test_a_name_that_cannot_be_a_map_file_is_refused_before_anything_is_written(tmp_path, name):
    raw = {"fine": np.eye(2, dtype=np.float32), name: np.eye(2, dtype=np.float32)}
    with pytest.raises(InputError, match="rename"):
        write_maps(tmp_path / "maps", raw, about={key: {} for key in raw}, set_record={})
    assert not (tmp_path / "maps").exists()


def test_a_selection_that_tells_no_place_from_another_is_refused(lite0, pictures, tmp_path):
    nothing = selection_of(lite0, np.zeros(1280))
    with pytest.raises(InputError, match="same value"):
        importance_maps(
            lite0, pictures, nothing, folder=tmp_path / "maps", short_side=96, margin=32
        )
    assert not (tmp_path / "maps").exists()


def test_a_selection_of_another_network_or_other_weights_is_refused(lite0, cat):
    with pytest.raises(InputError, match="made with alexnet"):
        contribution_map(lite0, cat, signed(lite0, network="alexnet"))
    with pytest.raises(InputError, match="other weights"):
        contribution_map(lite0, cat, signed(lite0, weights_sha256="f" * 64))
    with pytest.raises(InputError, match="12 weights"):
        contribution_map(lite0, cat, signed(lite0, n=12), short_side=96, margin=32)
    with pytest.raises(InputError, match="no space"):
        contribution_map(lite0, cat, signed(lite0, layer="penultimate"))


def test_a_folder_without_maps_says_how_to_make_them(tmp_path):
    with pytest.raises(InputError, match="fechner maps make"):
        read_maps(tmp_path)


def test_records_module_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, fechner.records.maps; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "False"
