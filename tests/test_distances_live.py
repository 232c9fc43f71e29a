"""On real pairs of LIVE our numbers are those of an independent program, and of published ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from pair_worlds import DATA, LIVE, WEIGHTS, live_pairs, live_table, trained
from scipy import stats

from fechner.analysis.network.distances.comparing import reference_layer, sums_over_places
from fechner.analysis.network.distances.passes import pass_pairs
from fechner.analysis.network.distances.perceptual import LPIPS_LAYERS, lpips, lpips_head
from fechner.analysis.network.distances.readouts import distances
from fechner.analysis.network.distances.yardsticks import pixel_yardsticks
from fechner.analysis.network.layers.reading import layer_values

pytestmark = [
    pytest.mark.skipif(not LIVE.is_dir(), reason="no pairs of LIVE here"),
    pytest.mark.slow,
]
NAMES = {"gram_per_place": "gram", "normalised": "balanced"}
"""What the independent program calls our read-outs. Its ``normalised`` divides by the mean squared
difference over the pairs, which is our ``balanced``; our ``normalised`` divides by the SD of
activations, and is another distance on purpose."""
HEADS = DATA / "weights" / "lpips_lin"


@pytest.mark.parametrize(
    "name",
    [
        "alexnet",
        pytest.param("squeezenet1_1", marks=pytest.mark.proof),
        pytest.param("efficientnet_lite0", marks=pytest.mark.proof),
    ],
)
def test_every_row_of_an_independent_program_is_met(name):
    oracle = pd.read_csv(LIVE / "oracle_layers.csv").query("network == @name")
    pairs = live_pairs()
    layers = list(dict.fromkeys(oracle["layer"]))
    found = pass_pairs(trained(name), pairs, layers, gram=True)
    for layer, rows in oracle.groupby("layer"):
        one = found.layer(layer)
        for row in rows.itertuples():
            values = distances(NAMES.get(row.readout, row.readout), [one])
            reached = stats.spearmanr(values, pairs.dmos).statistic
            assert reached == pytest.approx(row.spearman, abs=0.002), (layer, row.readout)


def test_normalising_by_the_sd_of_activations_is_another_distance():
    pairs = live_pairs()
    found = pass_pairs(trained("alexnet"), pairs, ["input", "features.0"])
    by_sd, by_change = (
        stats.spearmanr(distances(name, [found.layer("features.0")]), pairs.dmos).statistic
        for name in ("normalised", "balanced")
    )
    assert (by_sd, by_change) == pytest.approx((0.904, 0.921), abs=0.002)


def test_the_rms_of_the_input_orders_as_psnr_does():
    pairs = live_pairs()
    found = pass_pairs(replace(trained("alexnet"), sd=(0.25, 0.25, 0.25)), pairs, ["input"])
    rms = distances("rms", [found.layer("input")])
    psnr = live_table()["published_psnr"]
    assert stats.spearmanr(rms, -psnr).statistic == pytest.approx(1, abs=1e-6)


def test_our_lpips_explains_the_published_one_by_its_wrong_range():
    """Published: images in [0, 1] where [-1, 1] was expected, so that mean and SD were halved."""
    some = np.arange(105) % 5 == 0
    pairs = live_pairs().some(some)
    shift, scale = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
    right = trained("alexnet")
    wrong = replace(right, mean=shift, sd=scale)
    head = lpips_head("alexnet", HEADS)
    published = live_table()["published_lpips"][some]
    np.testing.assert_allclose(lpips(wrong, head, pairs), published, atol=1e-5)
    ours = lpips(right, head, pairs)
    assert np.abs(ours - published).max() > 0.1
    np.testing.assert_allclose(right.mean, [(1 + one) / 2 for one in shift], atol=1e-9)
    np.testing.assert_allclose(right.sd, [one / 2 for one in scale], atol=1e-9)


@pytest.mark.skipif(not WEIGHTS["squeezenet1_1"].is_file(), reason="no trained SqueezeNet here")
def test_lpips_of_squeezenet_is_that_of_torchmetrics_on_its_seeded_pair():
    network, head = trained("squeezenet1_1"), lpips_head("squeezenet1_1", HEADS)
    generator = torch.Generator().manual_seed(42)
    sides = [torch.rand(2, 3, 100, 100, generator=generator) for _ in range(2)]
    mean, sd = (torch.tensor(one).view(1, 3, 1, 1) for one in (network.mean, network.sd))
    x, y = (layer_values(network, LPIPS_LAYERS[network.name], (one - mean) / sd) for one in sides)

    def of(k):
        parts = [
            sums_over_places(reference_layer(flat(x[n][k])), flat(y[n][k]))[3]
            for n in LPIPS_LAYERS[network.name]
        ]
        return np.concatenate(parts) @ head

    def flat(values):
        return values.reshape(len(values), -1).T.contiguous().numpy()

    assert [of(0), of(1)] == pytest.approx([0.1024, 0.0938], abs=5e-5)


def test_psnr_equals_the_published_one_to_a_thousandth_of_a_decibel():
    (psnr,) = pixel_yardsticks(live_pairs(), ["psnr"])
    np.testing.assert_allclose(psnr.values, live_table()["published_psnr"], atol=1e-3)


def test_fsim_equals_the_published_one():
    """Published as half of one minus FSIM."""
    (fsim,) = pixel_yardsticks(live_pairs().some(np.arange(105) % 8 == 0), ["fsim"])
    published = live_table()["published_fsim"].to_numpy()[::8]
    np.testing.assert_allclose((1 - fsim.values) / 2, published, atol=1e-5)
