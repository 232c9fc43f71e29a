"""What is shared between threads gives each of them what it gives one alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from fechner.analysis.network.alignment.alignment import FITS, Alignment, PartialAlignment
from fechner.analysis.network.alignment.downstream import DownstreamChannels, FullyConnected
from fechner.analysis.network.alignment.grams import ChannelGrams
from fechner.analysis.network.alignment.pairs import all_pairs
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.layers.activations import activations
from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.network.layers.reading import as_input, layer_values
from fechner.errors import RefusedError

THREADS = 6


def in_threads(call, arguments):
    """Return ``call(argument)`` of each, all begun at once in as many threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, arguments))


def measures():
    rng = np.random.default_rng(0)
    human, other = rng.normal(size=(2, 20_000))
    plain = {fit: Alignment(human, fit) for fit in FITS}
    return {**plain, "partial": PartialAlignment(plain["spearman"], (Alignment(other),))}


@pytest.mark.parametrize("name", [*FITS, "partial"])
def test_a_measure_that_threads_share_gives_each_its_own_alignment(name):
    measure = measures()[name]
    rng = np.random.default_rng(1)
    similarities = list(rng.normal(size=(40, len(measure))))
    alone = [measure(similarity) for similarity in similarities]
    assert len(set(alone)) == len(alone)
    assert in_threads(measure, similarities) == alone


def images(n, side=64):
    return np.random.default_rng(2).integers(0, 256, (n, side, side, 3), np.uint8)


@pytest.fixture(scope="module")
def lite0():
    return load_network("efficientnet_lite0", device="cpu")


def test_threads_read_different_layers_and_images_of_one_network(lite0):
    batches = [as_input(lite0, image[None]) for image in images(THREADS * 4)]
    layers = ["blocks.2", "bn2", "blocks.4", "penultimate", "bn2"]
    work = [(layers[k % len(layers)], batch) for k, batch in enumerate(batches)]

    def read(one):
        layer, batch = one
        return layer_values(lite0, [layer], batch)[layer].numpy().tobytes()

    assert in_threads(read, work) == [read(one) for one in work]


def test_a_plain_pass_in_one_thread_is_left_alone_by_another_that_reads_a_layer(lite0):
    batches = [as_input(lite0, image[None]) for image in images(THREADS * 4)]

    def work(k):
        if k % 2:
            with torch.inference_mode():
                return lite0.module(batches[k]).numpy().tobytes()
        return layer_values(lite0, ["blocks.2"], batches[k])["blocks.2"].numpy().tobytes()

    turns = range(len(batches))
    assert in_threads(work, turns) == [work(k) for k in turns]
    assert not any(part._forward_hooks for part in lite0.module.modules())


def test_threads_fold_and_read_one_network_into_one_cache(lite0, tmp_path):
    paths = [tmp_path / f"{k}.png" for k in range(5)]
    for path, image in zip(paths, images(len(paths)), strict=True):
        Image.fromarray(image).save(path)
    alone = activations(lite0, ["bn2"], paths, size=64, batch=2)["bn2"].values

    def read(_):
        return activations(lite0, ["bn2"], paths, size=64, batch=2, cache=tmp_path / "cache")

    for found in in_threads(read, range(THREADS)):
        np.testing.assert_array_equal(found["bn2"].values, alone)


def rated(n=60, channels=12, seed=3):
    rng = np.random.default_rng(seed)
    values = rng.random((n, channels, 3, 3), np.float32)
    ratings = values[:, 0].mean(axis=(1, 2)) + 0.1 * rng.normal(size=n)
    return RatedFeatures(values, ratings, np.repeat(np.arange(n // 4), 4))


def test_threads_choose_channels_on_one_set_of_images():
    names = ["greedy", "negative", "readout", "single_pass", "greedy:within", "curve"]

    def kept(images, name):
        chosen = parse_strategy(name)(images, images.ratings, np.random.default_rng(0))
        return chosen.kept.tobytes(), chosen.weights.tobytes(), chosen.after

    alone = [kept(rated(), name) for name in names]
    shared = rated()
    assert in_threads(lambda name: kept(shared, name), names * 4) == alone * 4


def changes(sums):
    yield lambda: sums.remove([0])
    yield lambda: sums.activate(np.ones(sums.n_channels, bool))
    if isinstance(sums, ChannelGrams):
        yield lambda: sums.weigh(np.ones(sums.n_channels))


def sums_of(kind):
    values = rated().values
    if kind is ChannelGrams:
        return ChannelGrams(values, all_pairs(len(values)))
    weight = np.random.default_rng(4).normal(size=(5, values[0].size))
    judge = FullyConnected(weight, np.zeros(5), lambda units: units)
    return DownstreamChannels(values, judge, all_pairs(len(values)))


@pytest.mark.parametrize("kind", [ChannelGrams, DownstreamChannels])
def test_sums_of_another_thread_can_be_read_and_copied_but_not_changed(kind):
    sums = sums_of(kind)
    before = sums.similarity()

    def elsewhere(_):
        for change in changes(sums):
            with pytest.raises(RefusedError, match=r"copy\(\)"):
                change()
        mine = sums.copy()
        for change in changes(mine):
            change()
        return sums.similarity().tobytes()

    assert in_threads(elsewhere, range(THREADS)) == [before.tobytes()] * THREADS
    for change in changes(sums):
        change()


def test_sums_that_a_set_of_images_keeps_are_for_reading_alone():
    images = rated()
    with pytest.raises(RefusedError):
        images.channels(Objective()).remove([0])
    images.channels(Objective()).copy().remove([0])
