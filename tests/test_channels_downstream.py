from collections import OrderedDict

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fechner.analysis.network.alignment.alignment import align
from fechner.analysis.network.alignment.downstream import (
    DownstreamChannels,
    FullyConnected,
    similarity_slope,
)
from fechner.analysis.network.alignment.gradient import impact_gradient
from fechner.analysis.network.alignment.impact import channel_impact, leave_one_out
from fechner.analysis.network.alignment.pairs import all_pairs
from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.similarity import SIMILARITIES, model_similarity
from fechner.analysis.network.choosing.pruning import prune_greedily
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.analysis.network.choosing.sets import ChannelSet, read_channels
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.layers.activations import activations, prepared
from fechner.analysis.network.layers.fully_connected import entering, read_fully_connected
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.layers.reading import as_input
from fechner.errors import InputError


class Rectified:
    """``max(units, 0)``, as commonly follows a fully connected layer."""

    def __call__(self, units):
        return np.maximum(units, 0.0)

    def back(self, units, slope):
        return slope * (units > 0)


class TwoLayers(Rectified):
    """Rectification, a matrix, rectification."""

    def __init__(self, matrix):
        self.matrix = matrix

    def __call__(self, units):
        return super().__call__(super().__call__(units) @ self.matrix)

    def back(self, units, slope):
        inside = super().__call__(units) @ self.matrix
        return super().back(units, super().back(inside, slope) @ self.matrix.T)


def problem(n=20, channels=6, space=4, seed=9):
    rng = np.random.default_rng(seed)
    values = np.maximum(rng.normal(size=(n, channels, space)), 0)
    layer = FullyConnected(
        rng.normal(size=(10, channels * space)),
        rng.normal(size=10),
        TwoLayers(rng.normal(size=(10, 7))),
    )
    return values, layer, rng.normal(size=n)


def reached(values, layer, alignment, kept, similarity="cosine"):
    """Alignment after the later layers with only the `kept` channels, computed anew."""
    flat = (values * kept[None, :, None]).reshape(len(values), -1)
    features = layer.later(flat @ layer.weight.T + layer.bias)
    return alignment(model_similarity(features, all_pairs(len(values)), similarity=similarity))


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_leaving_a_channel_out_equals_running_the_layers_anew(similarity):
    values, layer, ratings = problem()
    pairs = all_pairs(20)
    alignment = align(ratings, pairs)
    channels = DownstreamChannels(values, layer, pairs, similarity=similarity)
    every = np.ones(6, bool)
    whole = reached(values, layer, alignment, every, similarity)
    want = [
        whole - reached(values, layer, alignment, np.arange(6) != c, similarity) for c in range(6)
    ]
    assert np.allclose(leave_one_out(channels, alignment), want, atol=1e-9)
    pruned = prune_greedily(channels, alignment)
    assert pruned.path[-1] == pytest.approx(
        reached(values, layer, alignment, pruned.kept, similarity), abs=1e-9
    )
    assert pruned.path[-1] > pruned.path[0]


class Units:
    """Nothing follows."""

    def __call__(self, units):
        return units

    def back(self, units, slope):
        return slope


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_where_nothing_follows_products_of_channels_equal_products_of_units_anew(similarity):
    values, layer, ratings = problem()
    pairs, weight = all_pairs(20), layer.weight
    alignment = align(ratings, pairs)
    slow, quick = (
        DownstreamChannels(
            values, FullyConnected(weight, layer.bias, Units(), last), pairs, similarity=similarity
        )
        for last in (False, True)
    )
    for removed in ([], [2], [0, 5]):
        slow.remove(removed)
        quick.remove(removed)
        for without in (None, 1, 4):
            assert np.allclose(quick.similarity(without), slow.similarity(without), atol=1e-10)
    before = quick.similarity()
    quick.copy().remove([1])
    assert np.array_equal(quick.similarity(), before)
    start = DownstreamChannels(
        values, FullyConnected(weight, layer.bias, Units(), True), pairs, similarity=similarity
    )
    kept = prune_greedily(start, alignment).kept
    anew = FullyConnected(weight, layer.bias, Units())
    assert alignment(_only(start, kept)) == pytest.approx(
        reached(values, anew, alignment, kept, similarity), abs=1e-9
    )


def _only(channels, kept):
    channels.activate(kept)
    return channels.similarity()


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_the_slope_of_similarity_equals_small_differences(similarity):
    rng = np.random.default_rng(0)
    features, pairs = rng.normal(size=(5, 4)) + 1, all_pairs(5)
    slope = rng.normal(size=len(pairs))
    got = similarity_slope(features, pairs, slope, similarity)
    step = 1e-6
    for place in np.ndindex(features.shape):
        up, down = features.copy(), features.copy()
        up[place] += step
        down[place] -= step
        rise = model_similarity(up, pairs, similarity=similarity)
        rise = rise - model_similarity(down, pairs, similarity=similarity)
        assert got[place] == pytest.approx(slope @ rise / (2 * step), abs=1e-6)


def test_the_gradient_equals_fading_a_channel_a_little():
    values, layer, ratings = problem(n=30, channels=12, seed=1)
    pairs = all_pairs(30)
    channels, alignment = (
        DownstreamChannels(values, layer, pairs),
        align(ratings, pairs, fit="pearson"),
    )
    gradient, step = impact_gradient(channels, alignment), 1e-6
    for channel in range(12):
        scale = np.ones(12)
        scale[channel] = 1 - step
        faded = reached(values, layer, alignment, scale)
        whole = reached(values, layer, alignment, np.ones(12))
        assert gradient[channel] == pytest.approx((whole - faded) / step, abs=1e-5)


def test_the_gradient_ranks_channels_nearly_as_exact_impact_does():
    values, layer, ratings = problem(n=60, channels=40, seed=1)
    pairs = all_pairs(60)
    channels, alignment = DownstreamChannels(values, layer, pairs), align(ratings, pairs)
    exact, first_order = channel_impact(channels, alignment), impact_gradient(channels, alignment)
    assert spearman(exact, first_order) > 0.7


def test_the_shortlist_reaches_what_exhaustive_search_reaches():
    values, layer, ratings = problem(n=40, channels=24, seed=2)
    pairs = all_pairs(40)
    channels, alignment = DownstreamChannels(values, layer, pairs), align(ratings, pairs)
    short = prune_greedily(channels, alignment, shortlist=6)
    full = prune_greedily(channels, alignment, shortlist=None)
    assert short.path[-1] > full.path[-1] - 0.02
    assert full.path[-1] > full.path[0] + 0.1


def test_a_layer_that_does_not_fit_is_named():
    values, _, _ = problem(n=40, channels=24)
    layer = FullyConnected(np.ones((3, 7)), np.ones(3), Rectified())
    with pytest.raises(InputError, match="takes 7 numbers, the activations have 24 channels x 4"):
        DownstreamChannels(values, layer, all_pairs(40))


def small_network(last_pool=3):
    """Two convolutions, pooling to a grid, three fully connected layers that work in place."""
    torch.manual_seed(0)
    parts = OrderedDict(
        features=nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2), nn.ReLU()
        ),
        avgpool=nn.AdaptiveAvgPool2d(last_pool),
        flat=nn.Flatten(),
        classifier=nn.Sequential(
            nn.Linear(6 * last_pool**2, 12), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(12, 8), nn.ReLU(inplace=True), nn.Linear(8, 5),
        ),
    )  # fmt: skip
    module = nn.Sequential(parts).eval().requires_grad_(False)
    names = [name for name, _ in module.named_modules() if name]
    return Network(
        name="small",
        module=module,
        layers=(*names, "penultimate"),
        default_layer="features.3",
        mean=(0.5, 0.5, 0.5),
        sd=(0.5, 0.5, 0.5),
        weights_sha256="0" * 64,
        weights_source="seed 0",
        device=torch.device("cpu"),
    )


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(3)
    paths = [tmp_path / f"{k}.png" for k in range(12)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(path)
    return paths


@pytest.mark.parametrize("target", ["classifier.0", "classifier.1", "penultimate"])
def test_impact_equals_silencing_the_channel_in_the_network_itself(pictures, target):
    network, ratings = small_network(), np.random.default_rng(4).normal(size=12)
    (one,) = read_channels(network, [ChannelSet(("features.3",), target=target)], pictures, size=64)
    alignment = align(ratings, all_pairs(12))
    got = leave_one_out(DownstreamChannels(one.values, one.judge, all_pairs(12)), alignment)

    def silenced(channel):
        def mute(module, given, out):
            out = out.clone()
            if channel is not None:
                out[:, channel] = 0
            return out

        hook = network.module.features.register_forward_hook(mute)
        found = activations(network, [target], pictures, size=64)[target].values
        hook.remove()
        return alignment(model_similarity(found.astype(np.float64), all_pairs(12)))

    want = [silenced(None) - silenced(channel) for channel in range(6)]
    assert np.allclose(got, want, atol=1e-4)
    assert np.abs(want).max() > 0.01


def test_what_enters_the_layer_is_what_the_network_feeds_it(pictures):
    network = small_network()
    layer = read_fully_connected(network, "features.3", "classifier.0")
    assert layer.last
    assert not read_fully_connected(network, "features.3", "classifier.1").last
    values = activations(network, ["features.3"], pictures, size=64)["features.3"].values
    received = []
    hook = network.module.classifier[0].register_forward_pre_hook(
        lambda _, given: received.append(given[0].numpy())
    )
    network.module(as_input(network, np.stack([prepared(path, 64) for path in pictures])))
    hook.remove()
    assert np.allclose(entering(values, layer).reshape(12, -1), received[0], atol=1e-5)


def test_the_packaged_network_judges_its_channels_by_its_classes():
    network = load_network(device="cpu")
    layer = read_fully_connected(network, "bn2", "classifier")
    assert layer.weight.shape == (1000, 1280)
    assert layer.last
    units = np.random.default_rng(0).normal(size=(2, 1000))
    assert np.array_equal(layer.later(units), units)


@pytest.mark.parametrize(
    ("layer", "target", "words"),
    [
        ("features.1", "classifier.0", "more than pooling lies between 'features.1'"),
        ("features.3", "classifier.9", "no fully connected layer 'classifier.9'"),
        ("features.3", "features.1", "no fully connected layer 'features.1'"),
        ("features.9", "classifier.0", "no layer 'features.9'"),
    ],
)
def test_layers_that_cannot_judge_are_refused(layer, target, words):
    with pytest.raises(InputError, match=words):
        read_fully_connected(small_network(), layer, target)


def test_a_network_without_fully_connected_layers_says_so():
    network = small_network()
    network.module.classifier = nn.Sequential(nn.Identity())
    with pytest.raises(InputError, match="has no fully connected layers"):
        read_fully_connected(network, "features.3", "classifier.0")


def test_strategies_work_behind_a_fully_connected_layer_but_for_reweighting():
    values, layer, ratings = problem(n=24, channels=8)
    images = RatedFeatures(values, ratings, np.arange(24) // 4, layer=layer)
    rng = np.random.default_rng(0)
    for name in ("all", "negative", "single_pass", "greedy", "curve", "threshold", "random"):
        chosen = parse_strategy(name)(images, ratings, rng)
        measure = images.alignment(Objective())
        assert chosen.after == pytest.approx(reached(values, layer, measure, chosen.kept))
    with pytest.raises(InputError, match="not reweighted"):
        parse_strategy("reweight")(images, ratings, rng)
