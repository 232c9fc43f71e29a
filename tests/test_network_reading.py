"""Hooks read what a layer gave, whatever else is read with it, or say why they cannot."""

import itertools
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from fechner.analysis.network.layers import networks
from fechner.analysis.network.layers.depth import layers_of
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.layers.reading import layer_values, visit
from fechner.errors import InputError

RANDOM = Path("random")


def network_of(module: nn.Module, default: str = "") -> Network:
    """Return a network around `module`, every module of which is a layer."""
    names = tuple(name for name, _ in module.named_modules() if name)
    return Network(
        name="toy",
        module=module.eval(),
        layers=names,
        default_layer=default or names[-1],
        mean=(0.0, 0.0, 0.0),
        sd=(1.0, 1.0, 1.0),
        weights_sha256="0" * 64,
        weights_source="test",
        device=torch.device("cpu"),
    )


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


class Shared(nn.Module):
    """One activation, in place, used after each of two convolutions."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.two(self.relu(self.one(x))))


class Given(nn.Module):
    """Gives what a function makes of its input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_a_module_used_twice_is_read_by_the_number_of_its_use():
    torch.manual_seed(0)
    module = Shared().eval()
    batch = noise(2, 3, 12, 14)
    first = module.one(batch).clamp(min=0)
    second = module.two(first).clamp(min=0)
    for asked in (["relu#1"], ["relu#2"], ["relu#1", "relu#2"], ["relu#2", "two", "relu#1"]):
        values = layer_values(network_of(module), asked, batch)
        for name, expected in (("relu#1", first), ("relu#2", second)):
            if name in asked:
                torch.testing.assert_close(values[name], expected)


@pytest.mark.parametrize("asked", [["relu"], ["one", "relu"], ["relu", "two"]])
def test_a_module_used_twice_is_refused_without_a_number_alone_and_beside_others(asked):
    with pytest.raises(InputError, match="used 2 times in one pass; say which: relu#1, relu#2"):
        layer_values(network_of(Shared()), asked, noise(1, 3, 12, 12))


@pytest.fixture(scope="module")
def resnet() -> Network:
    return load_network("resnet50", weights=RANDOM, device="cpu")


def test_every_layer_of_resnet_gives_alone_what_it_gives_beside_all_others(resnet):
    batch = noise(1, 3, 64, 80)
    together = layer_values(resnet, resnet.layers, batch)
    assert "layer1.0.relu#3" in together
    for name in itertools.islice(resnet.layers, 2, None, 23):
        alone = layer_values(resnet, [name], batch)[name]
        assert torch.equal(alone, together[name]), name


def test_resnets_shared_activation_names_its_uses(resnet):
    with pytest.raises(InputError, match=r"say which: layer1\.0\.relu#1.*#3"):
        resnet.checked_layer("layer1.0.relu")
    assert resnet.checked_layer("layer1.0.relu#2") == "layer1.0.relu#2"


def test_an_activation_in_place_changes_nothing_that_was_read_before_it():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Hardtanh(-9, 0.1, True))
    batch = noise(1, 3, 9, 9)
    values = layer_values(network_of(module), ["0", "1", "2"], batch)
    expected = nn.functional.conv2d(batch, module[0].weight, module[0].bias)
    torch.testing.assert_close(values["0"], expected)
    torch.testing.assert_close(values["1"], expected.clamp(min=0))
    torch.testing.assert_close(values["2"], expected.clamp(min=0, max=0.1))


def test_the_last_layer_is_not_copied():
    seen = []
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    module[1].register_forward_hook(lambda _, __, out: seen.append(out.data_ptr()))
    got = layer_values(network_of(module), ["0", "1"], noise(1, 3, 9, 9))
    assert got["1"].data_ptr() == seen[-1]


def test_channels_last_values_come_back_with_the_channels_second():
    module = nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), Given(lambda x: x.permute(0, 2, 3, 1)),
                           nn.LayerNorm(6))  # fmt: skip
    batch = noise(2, 3, 24, 36)
    values = layer_values(network_of(module), ["0", "1", "2"], batch)
    assert torch.equal(values["0"], values["1"])
    assert values["2"].shape == (2, 6, 6, 9)
    torch.testing.assert_close(values["2"].mean(dim=1), torch.zeros(2, 6, 9), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("function", "gave"),
    [
        (lambda x: (x, x), "tuple"),
        (lambda x: x.flatten(), r"\(18432,\)"),
        (lambda x: x[..., None], r"\(1, 3, 64, 96, 1\)"),
        (
            lambda x: x.unflatten(3, (4, -1)).permute(0, 3, 1, 2, 4).flatten(0, 1),
            r"\(4, 3, 64, 24\)",
        ),
    ],
    ids=["tuple", "flat", "five axes", "windows"],
)
def test_what_has_no_channels_of_single_images_is_refused(function, gave):
    module = nn.Sequential(Given(function), Given(lambda _: torch.zeros(1, 2)))
    with pytest.raises(InputError, match=f"'0' of toy has no channels of single images.*{gave}"):
        layer_values(network_of(module), ["0", "1"], noise(1, 3, 64, 96))


def test_values_that_lose_the_images_are_refused():
    """With one image the mean over images looks like a layer; with two it is none."""
    module = nn.Sequential(Given(lambda x: x.mean(dim=0, keepdim=True)))
    with pytest.raises(InputError, match="no channels of single images"):
        layer_values(network_of(module), ["0"], noise(2, 3, 16, 16))


@pytest.fixture(scope="module")
def vit() -> Network:
    return load_network("timm:vit_tiny_patch16_224", weights=RANDOM, device="cpu")


def test_transformer_tokens_are_channels_at_places_at_native_size(vit):
    batch = noise(2, 3, 48, 80)
    kept = {}
    hook = vit.module.blocks[3].register_forward_hook(lambda _, __, out: kept.update(out=out))
    layers = ["blocks.3", "blocks.3@cls", "blocks.3@patches"]
    values = layer_values(vit, layers, batch)
    hook.remove()
    tokens = kept["out"]
    assert tokens.shape == (2, 1 + 3 * 5, 192)
    torch.testing.assert_close(values["blocks.3"][:, :, 0].permute(0, 2, 1), tokens)
    torch.testing.assert_close(values["blocks.3@cls"], tokens[:, 0])
    for row, column in itertools.product(range(3), range(5)):
        torch.testing.assert_close(
            values["blocks.3@patches"][:, :, row, column], tokens[:, 1 + 5 * row + column]
        )


def test_transformers_take_images_whose_sides_are_no_multiples_of_the_patch(vit):
    values = layer_values(vit, ["blocks.0@patches"], noise(1, 3, 50, 70))
    assert values["blocks.0@patches"].shape == (1, 192, 4, 5)


def test_parts_of_tokens_are_checked(vit):
    assert vit.checked_layer("blocks.3@cls") == "blocks.3@cls"
    with pytest.raises(InputError, match="expected cls or patches"):
        layer_values(vit, ["blocks.3@head"], noise(1, 3, 32, 32))
    with pytest.raises(InputError, match="no channels"):
        layer_values(vit, ["patch_embed.proj@cls"], noise(1, 3, 32, 32))


def test_swin_stages_are_read_channels_second():
    pytest.importorskip("timm", minversion="1.0.31", reason="older ones take 224 x 224 px only")
    network = load_network("timm:swin_tiny_patch4_window7_224", weights=RANDOM, device="cpu")
    wanted = ["patch_embed", "layers.0", "layers.3", "norm", "penultimate"]
    values = layer_values(network, wanted, noise(1, 3, 64, 96))
    shapes = [tuple(values[name].shape[1:]) for name in wanted]
    assert shapes == [(96, 16, 24), (96, 16, 24), (768, 2, 3), (768, 2, 3), (768,)]
    torch.testing.assert_close(values["norm"].mean(dim=(2, 3)), values["penultimate"])
    # Attention works on windows, which belong to no single place of one image.
    assert "layers.0.blocks.0.attn" not in network.layers
    with pytest.raises(InputError, match="no channels of single images"):
        layer_values(network, ["layers.0.blocks.0.attn"], noise(1, 3, 64, 96))


def test_inside_a_convnext_block_the_channels_are_found_though_they_stand_last():
    network = load_network("timm:convnext_atto", weights=RANDOM, device="cpu")
    wanted = ["stages.0.blocks.0.conv_dw", "stages.0.blocks.0.mlp.fc1", "stages.0"]
    channels = [layer_values(network, wanted, noise(1, 3, 64, 96))[name].shape for name in wanted]
    assert [tuple(shape[1:]) for shape in channels] in (
        [(40, 16, 24), (160, 16, 24), (40, 16, 24)],
    )


def test_a_transformer_of_one_size_says_which():
    network = load_network("timm:mixer_s32_224", weights=RANDOM, device="cpu")
    assert layer_values(network, ["blocks.0"], noise(1, 3, 224, 224))["blocks.0"].shape[1] == 512
    with pytest.raises(InputError, match="takes images of 224 x 224 px only, got 80 x 64"):
        layer_values(network, ["blocks.0"], noise(1, 3, 64, 80))


def test_timm_names_that_do_not_exist_get_the_nearest_ones():
    with pytest.raises(InputError, match="did you mean 'vit_tiny_patch16_224'"):
        load_network("timm:vit_tiny_patch16_225")
    with pytest.raises(InputError, match="timm has no weights"):
        load_network("timm:vit_tiny_patch16_224.nobody")


def test_timm_networks_load_from_a_file_and_never_from_the_net(vit, tmp_path, monkeypatch):
    state = {name: value + 1 for name, value in vit.module.state_dict().items()}
    del state["head.weight"], state["head.bias"]
    torch.save({"model": state}, tmp_path / "mine.pth")
    network = load_network(vit.name, weights=tmp_path / "mine.pth", device="cpu")
    assert torch.equal(network.module.norm.bias, state["norm.bias"])
    assert not network.complete and network.default_layer == "blocks.11"
    del state["norm.bias"]
    torch.save(state, tmp_path / "torn.pth")
    with pytest.raises(InputError, match=r"149 of 152 tensors fit .*1 tensors missing \(norm.bias"):
        load_network(vit.name, weights=tmp_path / "torn.pth", device="cpu")


@pytest.mark.parametrize(
    ("name", "layer", "least"), [("alexnet", "features.12", 63), ("alexnet_bvlc", "pool5", 67)]
)
def test_too_small_an_image_is_one_line_with_the_least_size(name, layer, least):
    """By the formula of the output's side, floor((n + 2 p - k) / s) + 1, down the layers."""
    network = load_network(name, weights=RANDOM, device="cpu")
    message = f"'{layer}' of {name} needs images of at least {least} px; got 24 x 20"
    with pytest.raises(InputError, match=message) as caught:
        layer_values(network, [layer], noise(1, 3, 20, 24))
    assert "\n" not in str(caught.value)
    assert layer_values(network, [layer], noise(1, 3, least, least))[layer].shape[2:] == (1, 1)


def test_an_error_of_another_kind_is_not_called_a_matter_of_size():
    network = load_network("squeezenet1_1", weights=RANDOM, device="cpu")
    with pytest.raises(RuntimeError, match="channels"):
        layer_values(network, ["features.3"], noise(1, 5, 64, 64))


def test_depth_grows_from_the_input_to_the_end_of_the_features():
    network = load_network("alexnet", weights=RANDOM, device="cpu")
    layers = layers_of(network)
    named = {layer.name: layer for layer in layers}
    for number in range(13):
        assert named[f"features.{number}"].depth_percent == pytest.approx(100 * (number + 1) / 13)
    assert named["classifier.6"].depth_percent == named["penultimate"].depth_percent == 100
    assert [layer.name for layer in layers] == list(network.layers)
    depths = [layer.depth_percent for layer in layers]
    assert depths == sorted(depths)
    kinds = [named[f"features.{number}"].kind for number in range(3)]
    assert kinds == ["convolution", "activation", "pooling"]
    assert named["features.3"].channels == 192 and named["penultimate"].channels == 4096


def test_a_file_with_the_features_only_has_the_depths_of_a_complete_one(tmp_path):
    complete = load_network("alexnet", weights=RANDOM, device="cpu")
    state = complete.module.state_dict()
    torch.save({k: v for k, v in state.items() if k.startswith("features")}, tmp_path / "f.pth")
    features = load_network("alexnet", weights=tmp_path / "f.pth", device="cpu")
    depths = [{one.name: one.depth_percent for one in layers_of(n)} for n in (complete, features)]
    shared = [name for name in depths[1] if name.startswith("features")]
    assert len(shared) == 14 and all(depths[0][name] == depths[1][name] for name in shared)


def test_layers_stand_in_the_order_of_the_pass_not_of_the_definition(resnet):
    names = [layer.name for layer in layers_of(resnet)]
    assert names.index("layer1.0.relu#1") < names.index("layer1.0.conv2")
    assert names.index("layer1.0.downsample.0") < names.index("layer1.0") < names.index("layer2")


def test_asking_what_a_network_does_teaches_it_nothing():
    """Batch norms in training would take in the blank image."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    network = network_of(module)
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    visit(network, ["0"], noise(1, 3, 32, 32), lambda *_: None)
    assert module.training and all(part.training for part in module)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_threads_read_a_shared_module_each_by_its_own_count():
    torch.manual_seed(0)
    network = network_of(Shared())
    batches = [noise(1, 3, 10 + k, 12) for k in range(8)]
    alone = [layer_values(network, ["relu#2"], batch)["relu#2"] for batch in batches]
    got = [None] * len(batches)

    def read(k):
        got[k] = layer_values(network, ["relu#2"], batches[k])["relu#2"]

    threads = [threading.Thread(target=read, args=(k,)) for k in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(one, other) for one, other in zip(alone, got, strict=True))


def test_the_five_networks_of_the_paper_are_in_the_catalogue():
    """Hernandez-Camara et al. 2023: AlexNet, VGG16, ResNet-50, DenseNet-121, EfficientNet-B0."""
    assert {info.name for info in networks.catalogue()} >= {
        "alexnet", "vgg16", "resnet50", "densenet121", "efficientnet_b0",
    }  # fmt: skip
