"""Folding batch norms into convolutions changes the time of a pass and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fechner.analysis.network.layers import networks
from fechner.analysis.network.layers.folding import folded
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.layers.reading import layer_values


def with_random_statistics(name: str, path) -> Network:
    torch.manual_seed(0)
    module = networks.build(name)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)
    torch.save(module.state_dict(), path)
    return load_network(name, weights=path, device="cpu")


@pytest.mark.parametrize(
    "name", ["efficientnet_lite0", "resnet50", "densenet121", "efficientnet_b0"]
)
def test_every_usual_layer_keeps_its_values(name, tmp_path):
    network = with_random_statistics(name, tmp_path / "random.pth")
    layers = next(info.layers for info in networks.catalogue() if info.name == name)
    fast = folded(network, layers)
    assert fast is not network
    norms = [part for part in fast.module.modules() if isinstance(part, nn.BatchNorm2d)]
    assert len(norms) < sum(isinstance(p, nn.BatchNorm2d) for p in network.module.modules())
    batch = torch.randn(2, 3, 96, 96)
    expected, got = (layer_values(which, layers, batch) for which in (network, fast))
    for layer in layers:
        scale = float(expected[layer].abs().max())
        torch.testing.assert_close(got[layer], expected[layer], rtol=0, atol=1e-4 * scale)


def test_the_network_itself_is_untouched():
    network = load_network(device="cpu")
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    folded(network, ["bn2"])
    after = network.module.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_wanted_convolution_is_read_before_its_batch_norm():
    network = load_network(device="cpu")
    assert folded(network, ["conv_head"]) is network


def test_a_network_without_batch_norms_comes_back_as_it_is(tmp_path):
    torch.save(networks.build("squeezenet1_1").state_dict(), tmp_path / "random.pth")
    network = load_network("squeezenet1_1", weights=tmp_path / "random.pth", device="cpu")
    assert folded(network, ["features.12"]) is network


def test_modules_that_run_in_another_order_than_listed_are_not_folded():
    class Crossed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(3, 3, 1)
            self.norm = nn.BatchNorm2d(3)
            self.last = nn.ReLU()

        def forward(self, batch):
            return self.last(self.convolution(self.norm(batch)))

    torch.manual_seed(0)
    module = Crossed()
    module.norm.running_mean.normal_()
    module.norm.running_var.uniform_(0.5, 2)
    crossed = Network(
        name="crossed",
        module=module.eval(),
        layers=("last",),
        default_layer="last",
        mean=(0, 0, 0),
        sd=(1, 1, 1),
        weights_sha256="0" * 64,
        weights_source="random",
        device=torch.device("cpu"),
    )
    assert folded(crossed, ["last"]) is crossed
