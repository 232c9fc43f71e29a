"""Every image is passed once, at its native size, whatever is asked of it and wherever it runs."""

from dataclasses import replace

import numpy as np
import pytest
from pair_worlds import WEIGHTS, made_pairs, picture, tiny_network, trained
from PIL import Image

from fechner.analysis.network.distances.passes import INPUT, by_reference, pass_pairs
from fechner.analysis.network.distances.readouts import READOUTS, distances
from fechner.analysis.network.layers.tracing import trace
from fechner.errors import InputError
from fechner.executors import executor
from fechner.provenance import sha256_file

FIELDS = ("mean", "sd", "of", "places", "mean_change", "sd_change", "squared", "unit", "gram")


@pytest.fixture
def watched():
    """Return a network whose module remembers, in `sizes`, every batch that enters it."""
    network = tiny_network()
    trace(network.module)  # Looking at a network takes passes of its own.
    network.module.sizes = []
    network.module.register_forward_pre_hook(
        lambda module, given: module.sizes.append(tuple(given[0].shape))
    )
    return network


def same(one, other, layers):
    for layer in layers:
        a, b = one.layer(layer), other.layer(layer)
        for field in FIELDS:
            x, y = getattr(a, field), getattr(b, field)
            assert (x is None and y is None) or np.array_equal(x, y), (layer, field)


def test_each_reference_and_each_image_is_passed_once_at_its_native_size(tmp_path, watched):
    pairs = made_pairs(tmp_path, references=2, size=(48, 64))
    pass_pairs(watched, pairs, ["first", "act", "act2"], gram=True)
    assert watched.module.sizes == [(1, 3, 48, 64)] * (2 + len(pairs.images))


def test_the_pass_ends_at_the_last_layer_that_is_wanted(tmp_path, watched):
    reached = []
    watched.module.second.register_forward_hook(lambda *_: reached.append(1))
    pass_pairs(watched, made_pairs(tmp_path, references=1), ["first", "act"])
    assert not reached


def test_a_layer_says_the_same_alone_and_beside_the_one_that_overwrites_it(tmp_path):
    pairs = made_pairs(tmp_path, references=1)
    together = pass_pairs(tiny_network(), pairs, ["first", "act", "second", "act2"])
    for layer in ("first", "act", "second", "act2"):
        same(pass_pairs(tiny_network(), pairs, [layer]), together, [layer])


def test_rows_come_in_the_order_of_the_table_however_references_are_mixed(tmp_path):
    pairs = made_pairs(tmp_path)
    order = np.random.default_rng(0).permutation(len(pairs.images))
    mixed = replace(
        pairs,
        images=[pairs.images[k] for k in order],
        references=[pairs.references[k] for k in order],
    )
    layer = pass_pairs(tiny_network(), pairs, ["act"]).layer("act")
    shuffled = pass_pairs(tiny_network(), mixed, ["act"]).layer("act")
    for readout in set(READOUTS) - {"gram", "gram_sum", "balanced", "normalised"}:
        expected = distances(readout, [layer])[order]
        np.testing.assert_allclose(distances(readout, [shuffled]), expected, rtol=1e-12)
    assert [len(one.images) for one in by_reference(mixed)] == [6, 6, 6]


def test_what_is_kept_is_not_passed_again(tmp_path, watched):
    pairs = made_pairs(tmp_path, references=2)
    first = pass_pairs(watched, pairs, ["act", "act2"], gram=True, cache=tmp_path / "kept")
    passed = len(watched.module.sizes)
    second = pass_pairs(watched, pairs, ["act", "act2"], gram=True, cache=tmp_path / "kept")
    assert len(watched.module.sizes) == passed
    same(first, second, ["act", "act2"])


def test_another_layer_is_added_to_what_is_kept(tmp_path, watched):
    pairs = made_pairs(tmp_path, references=2)
    reached = []
    watched.module.second.register_forward_hook(lambda *_: reached.append(1))
    pass_pairs(watched, pairs, ["act2"], cache=tmp_path / "kept")
    passed = len(reached)
    more = pass_pairs(watched, pairs, ["act", "act2"], cache=tmp_path / "kept")
    assert len(reached) == passed
    assert more.layer("act").n_channels == 8
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_gram_matrices_that_are_asked_for_later_are_found_later(tmp_path):
    pairs = made_pairs(tmp_path, references=1)
    pass_pairs(tiny_network(), pairs, ["act"], cache=tmp_path / "kept")
    later = pass_pairs(tiny_network(), pairs, ["act"], gram=True, cache=tmp_path / "kept")
    same(later, pass_pairs(tiny_network(), pairs, ["act"], gram=True), ["act"])


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, watched):
    pairs = made_pairs(tmp_path, references=3)
    last = pairs.images[-1]
    content = last.read_bytes()
    last.write_bytes(b"")
    with pytest.raises(InputError, match="empty file"):
        pass_pairs(watched, pairs, ["act"], cache=tmp_path / "kept")
    last.write_bytes(content)
    watched.module.sizes.clear()
    pass_pairs(watched, pairs, ["act"], cache=tmp_path / "kept")
    assert len(watched.module.sizes) == 1 + 6


def test_a_changed_image_passes_its_reference_anew_and_no_other(tmp_path, watched):
    pairs = made_pairs(tmp_path, references=3)
    pass_pairs(watched, pairs, ["act"], cache=tmp_path / "kept")
    Image.fromarray(picture(np.random.default_rng(9), 48, 64)).save(pairs.images[0])
    watched.module.sizes.clear()
    found = pass_pairs(watched, pairs, ["act"], cache=tmp_path / "kept")
    assert len(watched.module.sizes) == 1 + 6
    same(found, pass_pairs(tiny_network(), pairs, ["act"]), ["act"])


def test_other_weights_of_the_same_name_are_another_key(tmp_path, watched):
    pairs = made_pairs(tmp_path, references=1)
    pass_pairs(tiny_network(), pairs, ["act"], cache=tmp_path / "kept")
    other = replace(watched, weights_sha256="1" * 64)
    pass_pairs(other, pairs, ["act"], cache=tmp_path / "kept")
    assert len(watched.module.sizes) == 7


def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path):
    pairs = made_pairs(tmp_path, references=1)
    expected = pass_pairs(tiny_network(), pairs, ["act"], cache=tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    plain = pass_pairs(tiny_network(), pairs, ["act"])
    file.write_bytes(file.read_bytes()[:-200])
    found = pass_pairs(tiny_network(), pairs, ["act"], cache=tmp_path / "kept")
    same(found, plain, ["act"])
    same(expected, plain, ["act"])


@pytest.mark.slow
def test_processes_give_the_same_numbers_as_one(tmp_path):
    pairs = made_pairs(tmp_path, references=3)
    network = trained("alexnet") if WEIGHTS["alexnet"].is_file() else tiny_network()
    layer = network.layers[1] if network.name == "tiny" else "features.5"
    with executor(2) as pool:
        found = pass_pairs(network, pairs, [layer], gram=True, cache=tmp_path / "c", pool=pool)
    same(found, pass_pairs(network, pairs, [layer], gram=True), [layer])
    assert not list((tmp_path / "c").glob(".network-*"))


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_numbers_as_this_process(tmp_path):
    distributed = pytest.importorskip("distributed")
    pairs = made_pairs(tmp_path, references=3)
    network = trained("alexnet") if WEIGHTS["alexnet"].is_file() else tiny_network()
    layer = network.layers[1] if network.name == "tiny" else "features.5"
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        executor(cluster=cluster.scheduler_address) as pool,
    ):
        found = pass_pairs(network, pairs, [layer], cache=tmp_path / "c", pool=pool)
    same(found, pass_pairs(network, pairs, [layer]), [layer])


def test_pairs_that_the_weights_were_fitted_to_are_marked(tmp_path):
    pairs = made_pairs(tmp_path, references=2)
    seen = frozenset({sha256_file(pairs.references[0]), sha256_file(pairs.images[7])})
    found = pass_pairs(replace(tiny_network(), seen=seen), pairs, ["act"])
    assert found.seen.tolist() == [True] * 6 + [False, True] + [False] * 4


def test_a_network_travels_between_processes_with_all_but_its_lock():
    import pickle

    network = replace(tiny_network(), seen=frozenset({"a"}))
    arrived = pickle.loads(pickle.dumps(network))
    assert (arrived.name, arrived.seen, arrived.complete) == ("tiny", {"a"}, False)
    assert arrived.lock is not network.lock


def test_an_unknown_layer_is_named_with_the_nearest(tmp_path):
    with pytest.raises(InputError, match="did you mean 'second'"):
        pass_pairs(tiny_network(), made_pairs(tmp_path, references=1), ["secnd"])


def test_a_layer_that_was_not_passed_is_named_with_the_nearest(tmp_path):
    found = pass_pairs(tiny_network(), made_pairs(tmp_path, references=1), [INPUT, "act"])
    with pytest.raises(InputError, match="'act2' was not passed; did you mean 'act'"):
        found.layer("act2")


def test_an_image_below_what_a_layer_can_take_is_one_line(tmp_path):
    pairs = made_pairs(tmp_path, references=1, size=(10, 40))
    pass_pairs(tiny_network(), pairs, ["act"])
    with pytest.raises(InputError, match=r"40 x 10 pixels, too few for layer 'act2' of tiny"):
        pass_pairs(tiny_network(), pairs, ["act2"])


@pytest.mark.skipif(not WEIGHTS["alexnet"].is_file(), reason="no trained AlexNet here")
def test_an_image_below_what_alexnet_can_take_is_one_line(tmp_path):
    pairs = made_pairs(tmp_path, references=1, size=(24, 40))
    with pytest.raises(InputError, match=r"too few for layer 'features\.12' of alexnet"):
        pass_pairs(trained("alexnet"), pairs, ["features.12"])


def test_images_of_unequal_size_are_named_and_never_resized(tmp_path):
    pairs = made_pairs(tmp_path, references=1)
    Image.fromarray(picture(np.random.default_rng(0), 48, 65)).save(pairs.images[2])
    with pytest.raises(InputError, match=r"r0_noise_40.png has 65 x 48 .*r0.png has 64 x 48"):
        pass_pairs(tiny_network(), pairs, ["act"])


def test_values_that_are_not_finite_are_named_with_layer_and_image(tmp_path):
    network = tiny_network()
    network.module.second.bias[:] = float("nan")
    with pytest.raises(InputError, match="layer 'second' gives values that are not finite for"):
        pass_pairs(network, made_pairs(tmp_path, references=1), ["second"])


def test_no_layer_and_no_pair_are_one_line_each(tmp_path):
    pairs = made_pairs(tmp_path, references=1)
    with pytest.raises(InputError, match="no layer"):
        pass_pairs(tiny_network(), pairs, [])
    with pytest.raises(InputError, match="no pair"):
        pass_pairs(tiny_network(), replace(pairs, images=[], references=[]), ["act"])
