"""Read-outs equal the formulas that they are named after, and behave as distances do."""

import numpy as np
import pytest
from pair_worlds import made_pairs, picture, tiny_network

from fechner.analysis.network.distances.comparing import (
    changes,
    gram_changes,
    gram_matrix,
    reference_layer,
    sums_over_places,
)
from fechner.analysis.network.distances.passes import INPUT, pass_pairs
from fechner.analysis.network.distances.readouts import (
    READOUTS,
    channel_distances,
    channel_sd,
    distances,
    selection_weights,
)
from fechner.analysis.network.layers.reading import as_input, layer_values
from fechner.analysis.network.maps.importance import raw_map
from fechner.analysis.network.maps.predicting import predicted
from fechner.analysis.network.maps.removal import removal_map
from fechner.errors import InputError
from fechner.records.images.files import read_image
from fechner.records.selection import ChannelSelection, Gain

LAYERS = (INPUT, "first", "act", "second", "act2")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return pairs of two sizes of image, what was found, and the activations themselves."""
    folder, other = tmp_path_factory.mktemp("small"), tmp_path_factory.mktemp("large")
    pairs = made_pairs(folder)
    larger = made_pairs(other, references=2, size=(70, 90), seed=1)
    pairs.images.extend(larger.images)
    pairs.references.extend(larger.references)
    network = tiny_network()
    found = pass_pairs(network, pairs, LAYERS, gram=True)

    def values(path):
        batch = as_input(network, read_image(path)[None])
        all_layers = layer_values(network, LAYERS[1:], batch) | {INPUT: batch}
        return {
            layer: value[0].reshape(value.shape[1], -1).numpy().astype(np.float64)
            for layer, value in all_layers.items()
        }

    sides = [(values(x), values(y)) for x, y in zip(pairs.references, pairs.images, strict=True)]
    return found, sides, pairs


def lengths(a):
    return np.sqrt((a**2).sum(axis=0, keepdims=True)) + 1e-10


def gram(a):
    return a @ a.T / a.shape[1]


def weighed_gram(x, y, w):
    return np.sqrt(((w[:, None] + w[None]) / 2 * (gram(y) - gram(x)) ** 2).sum())


def cosine(x, y, w):
    scale = np.sqrt(w)[:, None]
    x, y = (x * scale).ravel(), (y * scale).ravel()
    return 1 - x @ y / np.sqrt((x @ x) * (y @ y))


FORMULAS = {
    "euclid": lambda x, y, w: np.sqrt((w[:, None] * (y - x) ** 2).sum()),
    "rms": lambda x, y, w: np.sqrt((w[:, None] * (y - x) ** 2).mean() / w.mean()),
    "mean": lambda x, y, w: np.sqrt((w * (y.mean(1) - x.mean(1)) ** 2).sum()),
    "mean_sd": lambda x, y, w: np.sqrt(
        (w * ((y.mean(1) - x.mean(1)) ** 2 + (y.std(1) - x.std(1)) ** 2)).sum()
    ),
    "gram": weighed_gram,
    "gram_sum": lambda x, y, w: weighed_gram(x, y, w) * x.shape[1],
    "cosine": cosine,
    "unit": lambda x, y, w: (w * ((y / lengths(y) - x / lengths(x)) ** 2).mean(1)).sum(),
}


def rounding(readout, sides, layer):
    """Return what float32 products leave of a Gram matrix: a millionth of its size."""
    if not readout.startswith("gram"):
        return 0.0
    places = max(x[layer].shape[1] for x, _ in sides) if readout == "gram_sum" else 1
    return 1e-6 * places * max(np.linalg.norm(gram(x[layer])) for x, _ in sides)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("readout", FORMULAS)
@pytest.mark.parametrize("weighed", [False, True], ids=["plain", "weighed"])
def test_a_readout_equals_its_formula_on_the_activations(world, readout, layer, weighed):
    found, sides, _ = world
    channels = len(sides[0][0][layer])
    w = np.random.default_rng(3).uniform(0, 2, channels) if weighed else np.ones(channels)
    expected = [FORMULAS[readout](x[layer], y[layer], w) for x, y in sides]
    got = distances(readout, [found.layer(layer)], weights=w if weighed else None)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=rounding(readout, sides, layer))


def test_normalised_divides_each_channel_by_its_sd_over_all_places_of_the_set(world):
    found, sides, pairs = world
    first = {path: row for row, path in reversed(list(enumerate(pairs.references)))}
    everything = [sides[row][0]["act2"] for row in first.values()]
    everything += [y["act2"] for _, y in sides]
    sd = np.concatenate(everything, axis=1).std(axis=1)
    np.testing.assert_allclose(channel_sd(found.layer("act2")), sd, rtol=1e-6)
    scale = np.where(sd > 0, sd, 1)[:, None]
    expected = [np.sqrt((((y["act2"] - x["act2"]) / scale) ** 2).mean()) for x, y in sides]
    np.testing.assert_allclose(distances("normalised", [found.layer("act2")]), expected, rtol=1e-6)


def test_balanced_divides_each_squared_difference_by_its_mean_over_the_pairs(world):
    found, sides, _ = world
    squared = np.array([((y["act"] - x["act"]) ** 2).mean(axis=1) for x, y in sides])
    mean = squared.mean(axis=0)
    expected = np.sqrt((squared / np.where(mean > 0, mean, 1)).mean(axis=1))
    np.testing.assert_allclose(distances("balanced", [found.layer("act")]), expected, rtol=1e-6)


@pytest.mark.parametrize("readout", ["euclid", "rms", "mean", "mean_sd", "gram", "cosine", "unit"])
def test_layers_are_joined_as_if_their_channels_stood_side_by_side(world, readout):
    found, sides, _ = world
    got = distances(readout, [found.layer("act"), found.layer("second")])
    parts = [[FORMULAS[readout](x[n], y[n], np.ones(len(x[n]))) for n in ("act", "second")]
             for x, y in sides]  # fmt: skip
    if readout == "rms":
        counts = [[x[n].size for n in ("act", "second")] for x, _ in sides]
        expected = np.sqrt((np.square(parts) * counts).sum(1) / np.sum(counts, axis=1))
    elif readout == "unit":
        expected = np.sum(parts, axis=1)
    elif readout == "cosine":
        joined = [[np.concatenate([s["act"].ravel(), s["second"].ravel()]) for s in side]
                  for side in sides]  # fmt: skip
        expected = [1 - a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in joined]
    else:
        expected = np.sqrt(np.square(parts).sum(axis=1))
    atol = max(rounding(readout, sides, name) for name in ("act", "second"))
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=atol)


@pytest.mark.parametrize("readout", READOUTS)
def test_equal_images_have_distance_zero(tmp_path, readout):
    pairs = made_pairs(tmp_path, references=2)
    pairs.images[0] = pairs.references[0]
    found = pass_pairs(tiny_network(), pairs, ["act", "second"], gram=True)
    values = distances(readout, [found.layer("act"), found.layer("second")])
    assert values[0] == 0
    assert (values[1:] > 0).all()


@pytest.mark.parametrize("readout", READOUTS)
def test_weights_of_one_are_the_same_as_none(world, readout):
    layer = world[0].layer("second")
    ones = distances(readout, [layer], weights=np.ones(layer.n_channels))
    assert (ones == distances(readout, [layer])).all()


@pytest.mark.parametrize("readout", READOUTS)
def test_weights_of_zero_leave_channels_out(world, readout):
    layer = world[0].layer("second")
    mask = np.arange(layer.n_channels) % 2 == 0
    terms = READOUTS[readout].terms([layer])
    expected = READOUTS[readout].combine(terms[:, :, mask].sum(axis=2))
    np.testing.assert_allclose(
        distances(readout, [layer], weights=mask.astype(float)), expected, rtol=1e-12
    )


def test_sum_and_root_of_mean_order_pairs_of_unequal_size_differently(world):
    found, _, pairs = world
    layer = found.layer("act")
    ratio = distances("euclid", [layer]) / distances("rms", [layer])
    sizes = np.array([read_image(path).size for path in pairs.images])
    assert len(np.unique(sizes)) == 2
    assert len(np.unique(ratio.round(6))) == 2


def changed(x, y):
    reference = reference_layer(x)
    return changes(reference, sums_over_places(reference, y)[None])[0]


def test_a_slight_distortion_of_values_far_from_zero_keeps_its_digits():
    rng = np.random.default_rng(0)
    x = (100 + rng.normal(size=(5000, 16))).astype(np.float32)
    y = (x + rng.normal(0, 0.05, x.shape)).astype(np.float32) * np.float32(1.0005)
    mean, sd, squared, _ = changed(x, y)
    exact_x, exact_y = x.astype(np.float64), y.astype(np.float64)
    np.testing.assert_allclose(mean, exact_y.mean(0) - exact_x.mean(0), rtol=1e-6)
    np.testing.assert_allclose(sd, exact_y.std(0) - exact_x.std(0), rtol=1e-4)
    np.testing.assert_allclose(squared, ((exact_y - exact_x) ** 2).mean(0), rtol=1e-6)


def test_a_channel_counts_with_its_row_of_the_difference_of_gram_matrices():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 9000, 6)).astype(np.float32)
    rows = gram_changes(gram_matrix(x), y)
    exact = (gram(y.T.astype(float)) - gram(x.T.astype(float))) ** 2
    np.testing.assert_allclose(rows, exact.sum(axis=1), rtol=1e-5)


def test_a_place_where_nothing_is_active_has_no_direction():
    x = np.zeros((300, 4), np.float32)
    y = x.copy()
    y[:150, 2] = 1
    unit = changed(x, y)[3]
    np.testing.assert_allclose(unit, [0, 0, 0.5, 0])


def test_an_unknown_readout_is_named_with_the_nearest(world):
    with pytest.raises(InputError, match="did you mean 'cosine'"):
        distances("cosin", [world[0].layer("act")])


def test_gram_matrices_that_were_not_compared_are_missed_in_one_line(tmp_path):
    found = pass_pairs(tiny_network(), made_pairs(tmp_path, references=1), ["act"])
    with pytest.raises(InputError, match="gram=True"):
        distances("gram", [found.layer("act")])


@pytest.mark.parametrize("weights", [[1.0], [-1.0] * 12, [np.nan] * 12, [0.0] * 12])
def test_weights_that_make_no_distance_are_refused(world, weights):
    with pytest.raises(InputError, match="channel weights"):
        distances("rms", [world[0].layer("act2")], weights=weights)


def selection(found, **changed) -> ChannelSelection:
    kept = [k % 3 == 0 for k in range(12)]
    fields = {
        "network": found.network, "layer": "act2", "widths": [12], "size": None,
        "weights_sha256": found.weights_sha256, "preprocessing": found.preprocessing,
        "pool": None, "dimension": "dmos", "method": "negative:reference", "n_channels": 12,
        "kept": kept, "weights": [0.5 * k for k in kept], "impact": [0.0] * 12,
        "distance": "rms",
        "alignment_selection": Gain(before=0.8, after=0.9),
        "alignment_held_out": Gain(before=0.8, after=0.85),
        "scenes_selection": ["a"], "scenes_held_out": ["b"], "provenance": {},
    }  # fmt: skip
    return ChannelSelection(**(fields | changed))


def test_a_selection_weighs_channels_by_what_it_kept(world):
    found = world[0]
    weights = selection_weights(selection(found), found, ["act2"])
    assert weights.tolist() == [float(k % 3 == 0) for k in range(12)]


def test_a_reweighting_weighs_channels_by_its_weights(world):
    found = world[0]
    chosen = selection(found, method="reweight:reference")
    assert selection_weights(chosen, found, ["act2"])[0] == 0.5


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights_sha256": "1" * 64}, "same network and weights"),
        ({"layer": "second"}, "of layer second"),
        ({"pool": "mean_sd"}, "means and SDs"),
    ],
)
def test_a_selection_of_other_channels_is_refused(world, changed, message):
    found = world[0]
    with pytest.raises(InputError, match=message):
        selection_weights(selection(found, **changed), found, ["act2"])


def test_a_selection_made_at_native_size_makes_maps_and_predicts_images_of_any_size(world):
    chosen = selection(world[0])
    network = tiny_network()
    images = [
        picture(np.random.default_rng(k), *size) for k, size in enumerate([(48, 64), (70, 50)])
    ]
    assert raw_map(network, images[0], chosen, short_side=64).shape == (48, 64)
    together = predicted(network, images, chosen)
    alone = [float(predicted(network, [image], chosen)[0]) for image in images]
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    assert removal_map(network, images[0], chosen, steps=2).shape == (48, 64)
    with pytest.raises(InputError, match="chosen on images at native size"):
        _ = chosen.side


def test_channel_distances_are_what_the_readout_sums(world):
    found = world[0]
    one = channel_distances(found, ["act", "second"], "unit")
    assert one.widths == (8, 12)
    assert one.n_channels == 20
    expected = distances("unit", [found.layer("act"), found.layer("second")])
    np.testing.assert_allclose(one.combine(one.terms.sum(axis=2)), expected)
