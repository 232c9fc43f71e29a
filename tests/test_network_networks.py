"""Loading networks: the packaged one, torchvision's, and a user's files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from fechner.analysis.network.layers import networks, weights
from fechner.errors import InputError, MissingPartError

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
ALEXNET = DATA / "weights" / "alexnet" / "alexnet_features.pth"
SQUEEZENET = DATA / "weights" / "squeezenet1_1" / "squeezenet1_1_tv_features.pth"
needs_weights = pytest.mark.skipif(not ALEXNET.is_file(), reason=f"no test weights in {DATA}")


@pytest.fixture(scope="module")
def lite0() -> networks.Network:
    return networks.load_network(device="cpu")


@pytest.fixture
def no_cached_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def random_checkpoint(name: str, path: Path) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    state = networks.build(name).state_dict()
    torch.save(state, path)
    return state


def test_packaged_network_gives_the_logits_of_its_own_package(lite0):
    """The reference implementation is the package efficientnet_lite_pytorch 0.1.0."""
    reference_package = pytest.importorskip("efficientnet_lite_pytorch")
    reference = reference_package.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=str(weights.packaged_file())
    ).eval()
    batch = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        expected, got = reference(batch), lite0.module(batch)
    assert expected.abs().max() > 1
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def test_packaged_network_knows_a_cat_and_a_cup_of_coffee(lite0):
    """ImageNet classes 281 to 285 are cats, 967 espresso, 968 cup, 504 coffee mug."""
    from skimage import data

    from fechner.analysis.network.layers.reading import as_input

    def best(image) -> int:
        from PIL import Image

        small = Image.fromarray(image).resize((224, 224), Image.Resampling.BILINEAR)
        import numpy as np

        batch = as_input(lite0, np.asarray(small)[None])
        with torch.inference_mode():
            return int(lite0.module(batch).argmax())

    assert best(data.chelsea()) in range(281, 286)
    assert best(data.coffee()) in (504, 967, 968)


def test_a_packaged_file_with_one_changed_byte_is_not_used(tmp_path, monkeypatch):
    damaged = bytearray(weights.packaged_file().read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "weights.pth").write_bytes(damaged)
    monkeypatch.setattr(weights, "packaged_file", lambda *_: tmp_path / "weights.pth")
    with pytest.raises(MissingPartError, match="sha256 differs"):
        networks.load_network(device="cpu")


def test_every_network_of_the_catalogue_has_the_layers_it_names():
    for info in networks.catalogue():
        module = networks.build(info.name)
        known = {name for name, _ in module.named_modules()} | {networks.PENULTIMATE}
        assert set(info.layers) <= known
        assert info.default_layer in info.layers


def test_the_addresses_of_torchvision_weights_are_torchvisions_own():
    import torchvision

    for info in networks.catalogue():
        if info.obtained == "download":
            published = torchvision.models.get_model_weights(info.name).IMAGENET1K_V1
            assert info.source == published.url


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("alexnet", (256, 6, 6)),
        ("vgg16", (512, 7, 7)),
        ("resnet50", (2048, 7, 7)),
        ("densenet121", (1024, 7, 7)),
        ("efficientnet_b0", (1280, 7, 7)),
        ("squeezenet1_1", (512, 13, 13)),
        ("efficientnet_lite0", (1280, 7, 7)),
    ],
)
def test_default_layer_is_the_last_convolution_with_its_space(name, shape, tmp_path):
    """Shapes at 224 px as in the papers of the networks."""
    from fechner.analysis.network.layers.reading import layer_values

    random_checkpoint(name, tmp_path / "random.pth")
    network = networks.load_network(name, weights=tmp_path / "random.pth", device="cpu")
    values = layer_values(network, [network.default_layer], torch.randn(1, 3, 224, 224))
    assert tuple(values[network.default_layer].shape) == (1, *shape)


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "alexnet"])
def test_default_layer_comes_after_the_activation(name, tmp_path):
    from fechner.analysis.network.layers.reading import layer_values

    random_checkpoint(name, tmp_path / "random.pth")
    network = networks.load_network(name, weights=tmp_path / "random.pth", device="cpu")
    values = layer_values(network, [network.default_layer], torch.randn(1, 3, 96, 96))
    assert values[network.default_layer].min() == 0


def test_densenet_files_with_the_published_tensor_names_load(tmp_path):
    state = random_checkpoint("densenet121", tmp_path / "new.pth")
    old = {
        name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): tensor
        for name, tensor in state.items()
    }
    assert old.keys() != state.keys()
    torch.save(old, tmp_path / "old.pth")
    network = networks.load_network("densenet121", weights=tmp_path / "old.pth", device="cpu")
    for name, tensor in network.module.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_timm_names_of_efficientnet_lite0_load_as_they_are(lite0, tmp_path):
    torch.save(lite0.module.state_dict(), tmp_path / "timm.pth")
    again = networks.load_network(weights=tmp_path / "timm.pth", device="cpu")
    for name, tensor in again.module.state_dict().items():
        assert torch.equal(tensor, lite0.module.state_dict()[name])


@needs_weights
def test_feature_only_file_says_that_the_layers_behind_are_unavailable():
    network = networks.load_network("alexnet", weights=ALEXNET, device="cpu")
    assert "features.12" in network.layers
    assert networks.PENULTIMATE not in network.layers
    with pytest.raises(InputError, match="features only"):
        network.checked_layer(networks.PENULTIMATE)
    with pytest.raises(InputError, match="features only"):
        network.checked_layer("classifier.5")


@pytest.mark.skipif(not SQUEEZENET.is_file(), reason=f"no test weights in {DATA}")
def test_squeezenet_weights_reproduce_a_published_perceptual_distance():
    """LPIPS (Zhang et al. 2018) of torchmetrics' example pair, seed 42: 0.1024 and 0.0938."""
    from fechner.analysis.network.layers.reading import layer_values

    network = networks.load_network("squeezenet1_1", weights=SQUEEZENET, device="cpu")
    heads = torch.load(
        DATA / "weights" / "lpips_lin" / "squeeze.pth", map_location="cpu", weights_only=True
    )
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
    torch.manual_seed(42)
    one, two = (torch.rand(2, 3, 100, 100) * 2 - 1 for _ in range(2))
    layers = [f"features.{number}" for number in (1, 4, 7, 9, 10, 11, 12)]
    a, b = (layer_values(network, layers, (image - shift) / scale) for image in (one, two))
    distance = torch.zeros(2)
    for number, layer in enumerate(layers):
        unit_a, unit_b = (v[layer] / v[layer].norm(dim=1, keepdim=True) for v in (a, b))
        weighted = heads[f"lin{number}.model.1.weight"] * (unit_a - unit_b) ** 2
        distance += weighted.sum(1).mean((1, 2))
    torch.testing.assert_close(distance, torch.tensor([0.1024, 0.0938]), rtol=0, atol=6e-5)


@needs_weights
def test_checkpoint_of_another_architecture_names_the_tensors():
    with pytest.raises(InputError, match=r"265 tensors missing \(bn1.bias.*10 tensors unknown"):
        networks.load_network("resnet50", weights=ALEXNET, device="cpu")


@needs_weights
def test_tensors_of_another_shape_are_named_with_both_shapes(tmp_path):
    state = torch.load(ALEXNET, weights_only=True)
    state["features.3.bias"] = torch.zeros(7)
    torch.save(state, tmp_path / "clash.pth")
    with pytest.raises(InputError, match=r"features.3.bias is \(7,\), expected \(192,\)"):
        networks.load_network("alexnet", weights=tmp_path / "clash.pth", device="cpu")


def test_last_layer_of_another_task_is_rebuilt_to_its_size(tmp_path):
    state = random_checkpoint("resnet50", tmp_path / "random.pth")
    state["fc.weight"], state["fc.bias"] = torch.ones(3, 2048), torch.ones(3)
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "own.pth")
    network = networks.load_network("resnet50", weights=tmp_path / "own.pth", device="cpu")
    assert network.module.fc.out_features == 3
    assert torch.equal(network.module.fc.weight, torch.ones(3, 2048))


def test_weights_in_torchs_folder_are_used_only_when_undamaged(no_cached_weights):
    folder = weights.hub_folder()
    folder.mkdir(parents=True)
    (folder / "alexnet-owt-7be5be79.pth").write_bytes(b"half a download")
    with pytest.raises(MissingPartError, match="damaged"):
        networks.load_network("alexnet", device="cpu")


def test_without_internet_one_line_names_the_packaged_network(no_cached_weights, monkeypatch):
    from urllib.error import URLError

    def offline(*_args, **_options):
        raise URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(MissingPartError, match="efficientnet_lite0") as caught:
        networks.load_network("vgg16", device="cpu")
    assert "\n" not in str(caught.value)
    assert not list(no_cached_weights.rglob("*.pth"))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x04K\x01."])
def test_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pth"):
        networks.load_network("alexnet", weights=tmp_path / "x.pth", device="cpu")


def test_checkpoint_that_wants_to_run_code_is_not_opened(tmp_path):
    import pickle

    class Harm:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "harmed",))

    (tmp_path / "x.pth").write_bytes(pickle.dumps(Harm()))
    torch.save({"a": Harm()}, tmp_path / "y.pth")
    for name in ("x.pth", "y.pth"):
        with pytest.raises(InputError):
            networks.load_network("alexnet", weights=tmp_path / name, device="cpu")
    assert not (tmp_path / "harmed").exists()


def test_misspelt_network_and_layer_get_the_nearest_names(lite0):
    with pytest.raises(InputError, match="did you mean 'alexnet'"):
        networks.load_network("alexnett")
    with pytest.raises(InputError, match="bn2"):
        lite0.checked_layer("bn_2")


def test_unknown_device_is_refused():
    with pytest.raises(InputError, match="no device 'tpu9'"):
        networks.load_network(device="tpu9")
