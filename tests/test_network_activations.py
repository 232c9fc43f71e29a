"""Activations: what is read, how it is kept, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fechner.analysis.network.layers import activations as module
from fechner.analysis.network.layers.activations import activations, prepared
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.layers.reading import as_input, layer_values
from fechner.analysis.network.layers.store import StoredRows
from fechner.errors import InputError
from fechner.executors import executor
from fechner.records.done import VERSIONS
from fechner.records.images.files import write_png


@pytest.fixture(scope="module")
def lite0() -> Network:
    return load_network(device="cpu")


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> list[Path]:
    from skimage import data

    folder = tmp_path_factory.mktemp("images")
    for name in ("chelsea", "coffee", "astronaut"):
        picture = getattr(data, name)()
        write_png(folder / f"{name}.png", picture)
        write_png(folder / f"{name}_flipped.png", np.ascontiguousarray(picture[:, ::-1]))
    return sorted(folder.glob("*.png"))


def tiny(**parts: nn.Module) -> Network:
    """A network of 4 channels, for what does not need a trained one."""
    torch.manual_seed(0)
    stack = nn.Sequential()
    for name, part in ({"conv": nn.Conv2d(3, 4, 3), "relu": nn.ReLU(inplace=True)} | parts).items():
        stack.add_module(name, part)
    return Network(
        name="tiny",
        module=stack.eval(),
        layers=tuple(name for name, _ in stack.named_modules() if name),
        default_layer="relu",
        mean=(0.5, 0.5, 0.5),
        sd=(0.5, 0.5, 0.5),
        weights_sha256="0" * 64,
        weights_source="random",
        device=torch.device("cpu"),
    )


def test_values_equal_a_plain_pass_of_the_network(lite0, paths):
    got = activations(lite0, ["bn2"], paths, batch=4)["bn2"].values
    batch = as_input(lite0, np.stack([prepared(path, 224) for path in paths]))
    with torch.inference_mode():
        expected = lite0.module.forward_features(batch).numpy()
    assert got.shape == (6, 1280, 7, 7)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_input_of_a_mid_grey_image_is_zero_for_the_packaged_network(lite0):
    grey = np.full((1, 8, 8, 3), 127.5, np.float32)
    assert float(as_input(lite0, grey).abs().max()) < 1e-6


def test_several_layers_in_one_pass_equal_one_pass_each(lite0, paths):
    layers = ["blocks.4", "bn2", "penultimate"]
    together = activations(lite0, layers, paths[:2])
    for layer in layers:
        alone = activations(lite0, [layer], paths[:2])[layer]
        assert np.array_equal(together[layer].values, alone.values)
        assert together[layer].key == alone.key


def test_a_layer_before_an_inplace_activation_keeps_its_negative_values():
    network = tiny()
    batch = torch.randn(2, 3, 16, 16)
    found = layer_values(network, ["conv", "relu"], batch)
    assert found["conv"].min() < 0
    assert torch.equal(found["conv"].clamp(min=0), found["relu"])


def test_penultimate_of_the_packaged_network_is_the_mean_over_space(lite0, paths):
    units = activations(lite0, ["penultimate"], paths[:2])["penultimate"].values
    pooled = activations(lite0, ["bn2"], paths[:2], pool="mean")["bn2"].values
    np.testing.assert_allclose(units, pooled, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", ["mean", "max", "mean_sd"])
def test_pooling_equals_numpy_over_space(pool, paths):
    network = tiny()
    space = activations(network, ["relu"], paths, size=32)["relu"].values
    expected = {
        "mean": space.mean((2, 3)),
        "max": space.max((2, 3)),
        "mean_sd": np.concatenate([space.mean((2, 3)), space.std((2, 3))], axis=1),
    }[pool]
    got = activations(network, ["relu"], paths, size=32, pool=pool)["relu"]
    np.testing.assert_allclose(got.values, expected, rtol=1e-4, atol=1e-6)
    assert got.pool == pool


def test_cached_values_are_an_ordinary_npy_file_and_come_back_without_a_pass(paths, tmp_path):
    network = tiny()
    first = activations(network, ["relu"], paths, size=32, cache=tmp_path)["relu"]
    assert isinstance(first.values, np.memmap)
    assert np.array_equal(np.load(tmp_path / f"{first.key}.npy"), first.values)
    calls = []
    network.module.register_forward_hook(lambda *_: calls.append(1))
    again = activations(network, ["relu"], paths, size=32, cache=tmp_path)["relu"]
    assert not calls
    assert np.array_equal(first.values, again.values)


@pytest.fixture
def passes(monkeypatch):
    """The layers of each pass through the network."""
    found = []
    real = module.layer_values

    def counted(network, layers, batch):
        found.append(layers)
        return real(network, layers, batch)

    monkeypatch.setattr(module, "layer_values", counted)
    return found


def test_a_cached_file_that_was_changed_is_not_believed(paths, tmp_path, passes):
    network, options = tiny(), {"size": 32, "cache": tmp_path}
    first = activations(network, ["relu"], paths, **options)["relu"]
    expected = np.array(first.values)
    with (tmp_path / f"{first.key}.npy").open("r+b") as file:
        file.seek(-4, 2)
        file.write(np.float32(7).tobytes())
    again = activations(network, ["relu"], paths, **options)["relu"]
    assert len(passes) == 2
    np.testing.assert_array_equal(again.values, expected)


def test_values_of_another_version_of_the_algorithm_are_read_anew(
    paths, tmp_path, passes, monkeypatch
):
    network, options = tiny(), {"size": 32, "cache": tmp_path}
    activations(network, ["relu"], paths, **options)
    activations(network, ["relu"], paths, **options)
    assert len(passes) == 1
    monkeypatch.setitem(VERSIONS, "activations", VERSIONS["activations"] + 1)
    activations(network, ["relu"], paths, **options)
    assert len(passes) == 2


def test_key_changes_with_everything_that_shapes_the_values(paths):
    network = tiny()

    def key(**options) -> str:
        chosen = {"paths": paths, "layer": "relu", "size": 32, "pool": None} | options
        given = activations(
            network,
            [chosen["layer"]],
            chosen["paths"],
            size=chosen["size"],
            pool=chosen["pool"],
        )
        return given[chosen["layer"]].key

    keys = {
        key(),
        key(paths=paths[::-1]),
        key(paths=paths[:-1]),
        key(layer="conv"),
        key(size=48),
        key(pool="mean"),
    }
    assert len(keys) == 6
    assert key() == key()


@pytest.mark.parametrize("done", [1, 2, 4])
def test_an_interrupted_run_goes_on_where_it_stopped(paths, tmp_path, done):
    network = tiny()
    whole = activations(network, ["relu", "conv"], paths, size=32, batch=1)

    def stop(so_far: int, _total: int) -> None:
        if so_far >= done:
            raise KeyboardInterrupt

    options = {"size": 32, "batch": 1, "cache": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        activations(network, ["relu", "conv"], paths, progress=stop, **options)
    seen = []
    resumed = activations(
        network, ["relu", "conv"], paths, progress=lambda so_far, _: seen.append(so_far), **options
    )
    assert seen[0] == done
    for layer in ("relu", "conv"):
        assert np.array_equal(resumed[layer].values, whole[layer].values)


def test_a_torn_last_row_is_written_again(tmp_path):
    rows = np.arange(40, dtype=np.float32).reshape(10, 4)
    about = {"images": ["a"] * 10}
    first = StoredRows(tmp_path, "k", 10, about)
    first.put(0, rows[:7])
    first.close()
    part = tmp_path / "k.part.npy"
    with part.open("r+b") as file:
        file.truncate(part.stat().st_size - 5)
    second = StoredRows(tmp_path, "k", 10, about)
    assert second.done == 6
    second.put(5, rows[5:])
    second.close()
    assert np.array_equal(second.values(), rows)
    assert not part.exists()


def test_a_full_disk_is_one_line_and_what_was_written_is_used(paths, tmp_path, monkeypatch):
    from fechner.analysis.network.layers import store

    class Full:
        def __init__(self, file):
            self._file, self._left = file, 3

        def write(self, content):
            self._left -= 1
            if self._left < 0:
                raise OSError(28, "No space left on device")
            return self._file.write(content)

        def __getattr__(self, name):
            return getattr(self._file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._file.close()

    real = store.StoredRows._open
    monkeypatch.setattr(store.StoredRows, "_open", lambda self, shape: _wrapped(self, shape))

    def _wrapped(self, shape):
        self._file = Full(real(self, shape))
        return self._file

    network = tiny()
    options = {"size": 32, "batch": 1, "cache": tmp_path}
    with pytest.raises(InputError, match="No space left on device; free space") as caught:
        activations(network, ["relu"], paths, **options)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    seen = []
    activations(network, ["relu"], paths, progress=lambda done, _: seen.append(done), **options)
    assert seen[0] == 3


def test_a_cache_folder_that_cannot_be_made_is_one_line(paths, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot write activations"):
        activations(tiny(), ["relu"], paths[:1], size=32, cache=tmp_path / "file" / "below")


def test_values_that_are_not_finite_are_refused_with_image_and_layer(paths):
    network = tiny()
    with torch.no_grad():
        network.module.conv.bias[1] = float("nan")
    with pytest.raises(InputError, match=r"'conv' gives values that are not finite for .*\.png"):
        activations(network, ["conv"], paths[:2], size=32)


def test_a_layer_without_channels_is_refused(paths):
    network = tiny(flatten=nn.Flatten(start_dim=0))
    with pytest.raises(InputError, match="'flatten' of tiny has no channels"):
        activations(network, ["flatten"], paths[:1], size=32)


def test_a_layer_outside_the_pass_is_refused(paths):
    network = tiny()
    network.module.conv.add_module("idle", nn.Identity())
    odd = replace(network, layers=(*network.layers, "conv.idle"))
    with pytest.raises(InputError, match="takes no part"):
        activations(odd, ["conv.idle"], paths[:1], size=32)


def test_bad_requests_say_what_to_give(paths):
    network = tiny()
    with pytest.raises(InputError, match="did you mean 'relu'"):
        activations(network, ["rellu"], paths)
    with pytest.raises(InputError, match="no layer"):
        activations(network, [], paths)
    with pytest.raises(InputError, match="no image"):
        activations(network, ["relu"], [])
    with pytest.raises(InputError, match="mean_sd"):
        activations(network, ["relu"], paths, pool="median")
    with pytest.raises(InputError, match="missing"):
        activations(network, ["relu"], [paths[0].parent / "missing.png"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu(lite0, paths):
    on_gpu = activations(load_network(device="cuda"), ["bn2"], paths)["bn2"].values
    on_cpu = activations(lite0, ["bn2"], paths)["bn2"].values
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-3, atol=1e-3)


def test_decoding_runs_ahead_of_the_forward_pass(paths, monkeypatch):
    """At the first batch the following two are already asked for."""
    asked = []
    real = module.prepared
    monkeypatch.setattr(
        module, "prepared", lambda path, size: asked.append(path) or real(path, size)
    )
    batches = module.decoded_batches(paths, 0, size=32, batch=1)
    next(batches)
    batches.close()
    assert len(asked) == 3


def test_values_have_the_same_digits_on_any_number_of_threads(lite0, paths):
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(activations(lite0, ["bn2"], paths, size=96, batch=2)["bn2"].values)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(found[0], found[1])


def test_values_have_the_same_digits_in_other_processes_and_an_interrupted_run_goes_on(
    lite0, paths, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "_PART_BATCHES", 1)
    alone = activations(lite0, ["bn2"], paths, size=96, batch=2, pool="mean")["bn2"]
    cache = tmp_path / "cache"

    def stop(done, total):
        if done == 4:
            raise KeyboardInterrupt

    with executor(2) as pool:
        options = {"size": 96, "batch": 2, "pool": "mean", "cache": cache, "workers": pool}
        with pytest.raises(KeyboardInterrupt):
            activations(lite0, ["bn2"], paths, progress=stop, **options)
        steps = []
        progress = lambda done, total: steps.append(done)  # noqa: E731
        shared = activations(lite0, ["bn2"], paths, progress=progress, **options)["bn2"]
    assert steps == [4, 6]
    assert np.array_equal(alone.values, shared.values)
    assert alone.key == shared.key
