"""Maps by Grad-CAM, LayerCAM, occlusion and the alignment gradient."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import nn

from fechner.analysis.network.alignment.alignment import FITS
from fechner.analysis.network.alignment.similarity import SIMILARITIES
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.layers.reading import as_input
from fechner.analysis.network.maps.alignment_gradient import alignment_gradient, own_relevance
from fechner.analysis.network.maps.class_activation import gradcam_map, layercam_map
from fechner.analysis.network.maps.geometry import reflected_view
from fechner.analysis.network.maps.importance import contribution_map
from fechner.analysis.network.maps.occlusion import SQUARE, occlusion_map
from fechner.analysis.network.maps.removal import BLURRED
from fechner.analysis.network.maps.through_readout import ThroughReadOut
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection, Gain, ReadoutEvidence

VIEW = {"short_side": 128, "margin": 32}


@pytest.fixture(scope="module")
def lite0() -> Network:
    return load_network(device="cpu")


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    from skimage import data

    return data.chelsea()


def readout(network: Network, weights, *, layer="bn2", **changes) -> ChannelSelection:
    fields = {
        "network": network.name,
        "layer": layer,
        "widths": [len(weights)],
        "size": 224,
        "weights_sha256": network.weights_sha256,
        "preprocessing": "",
        "pool": "mean",
        "dimension": "quality",
        "method": "readout",
        "n_channels": len(weights),
        "kept": [bool(w) for w in weights],
        "weights": [float(w) for w in weights],
        "impact": [0.0] * len(weights),
        "alignment_selection": Gain(before=None, after=None),
        "alignment_held_out": Gain(before=None, after=None),
        "readout": ReadoutEvidence(held_out_spearman=0.4),
        "scenes_selection": ["a"],
        "scenes_held_out": ["b"],
        "provenance": {},
    }
    return ChannelSelection(**(fields | changes))


def drawn(network: Network, n: int = 1280, **options) -> ChannelSelection:
    return readout(network, np.random.default_rng(0).normal(size=n), **options)


# Grad-CAM and LayerCAM


@pytest.mark.parametrize("pool", [None, "mean"])
def test_grad_cam_at_the_layer_of_a_read_out_of_means_is_the_contribution_map(lite0, cat, pool):
    """Class activation maps are the special case (Selvaraju et al. 2017, section 3)."""
    pytest.importorskip("captum")
    selection = drawn(lite0, pool=pool)
    contribution = contribution_map(lite0, cat, selection, **VIEW)
    found = gradcam_map(lite0, cat, selection, **VIEW)
    np.testing.assert_allclose(found, contribution, atol=1e-5 * np.ptp(contribution))


@pytest.mark.parametrize("at", ["blocks.2", "blocks.4", "bn2"])
def test_cells_of_layer_cam_are_the_papers_formula_on_gradients_taken_by_hand(lite0, cat, at):
    """The derivative of the prediction by one cell, from two passes with that cell moved."""
    selection = drawn(lite0)
    view = reflected_view(cat.shape[:2], **VIEW)
    predicting = ThroughReadOut(lite0, selection, view, at)
    shown = as_input(lite0, view.show(cat)[None])
    seen = []
    hook = predicting.cells.register_forward_hook(lambda _, __, out: seen.append(out))
    (gradient,) = torch.autograd.grad(predicting(shown).sum(), seen[0])
    hook.remove()
    channel, row, column = (int(k) for k in np.unravel_index(int(gradient.abs().argmax()),
                                                            gradient.shape)[1:])  # fmt: skip

    def moved(by: float) -> float:
        def add(_, __, out):
            out = out.clone()
            out[0, channel, row, column] += by
            return out

        hook = predicting.cells.register_forward_hook(add)
        with torch.no_grad():
            predicted = predicting(shown).double().item()
        hook.remove()
        return predicted

    slope = (moved(0.05) - moved(-0.05)) / 0.1
    assert slope == pytest.approx(float(gradient[0, channel, row, column]), rel=0.05)


class _Package:
    """Runs a map of the grad-cam package or of captum on one view, without our own code.

    The network is called whole and its head replaced, so that no hook of ours takes part.
    """

    def __init__(self, network: Network, weights: np.ndarray) -> None:
        net = network.module
        self.layer = net.get_submodule("blocks.4")

        class Whole(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = net

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                found = []
                hook = net.bn2.register_forward_hook(lambda _, __, out: found.append(out.clone()))
                net(x)
                hook.remove()
                w = torch.tensor(weights, dtype=torch.float32)
                return (found[0].mean(dim=(2, 3)) @ w)[:, None]

        self.model = Whole()


def whole_view(image: np.ndarray, side: int):
    """Return a view without reflection, so that every cell lies on the image."""
    view = reflected_view(image.shape[:2], short_side=side, margin=0)
    assert view.scaled == view.whole
    return view


def test_grad_cam_is_what_captum_gives_on_the_bare_network(lite0, cat):
    captum = pytest.importorskip("captum.attr")
    selection, image = drawn(lite0), cat[:256, :384]
    view = whole_view(image, 256)
    bare = _Package(lite0, np.array(selection.weights))
    shown = as_input(lite0, view.show(image)[None]).requires_grad_(True)
    expected = captum.LayerGradCam(bare.model, bare.layer).attribute(shown, target=0)
    own = ThroughReadOut(lite0, selection, view, "blocks.4")
    found = captum.LayerGradCam(own, own.cells).attribute(shown)
    torch.testing.assert_close(
        found, expected, rtol=1e-3, atol=1e-5 * expected.detach().abs().max().item()
    )
    # The whole call differs by the mean with the mirror image and the B-spline alone.
    raw = gradcam_map(lite0, image, selection, at="blocks.4", short_side=256, margin=0)
    cells = expected[0, 0].detach().numpy() * expected.numel()
    coarse = raw[8::16, 8::16]
    assert coarse.shape == cells.shape and np.corrcoef(coarse.ravel(), cells.ravel())[0, 1] > 0.7


@pytest.mark.parametrize("called", ["GradCAM", "LayerCAM"])
def test_cells_are_those_of_the_grad_cam_package(lite0, cat, called):
    package = pytest.importorskip("pytorch_grad_cam")
    from fechner.analysis.network.maps import class_activation

    selection, image = drawn(lite0), cat[:256, :384]
    view = whole_view(image, 256)
    bare = _Package(lite0, np.array(selection.weights))
    shown = as_input(lite0, view.show(image)[None])
    theirs = getattr(package, called)(bare.model, [bare.layer])
    theirs.compute_cam_per_layer = lambda x, targets, smooth: [
        theirs.get_cam_image(
            x, bare.layer, targets, *(
                one[0].cpu().data.numpy()
                for one in (theirs.activations_and_grads.activations,
                            theirs.activations_and_grads.gradients)
            ), smooth,
        )
    ]  # fmt: skip
    theirs.aggregate_multi_layers = lambda per_layer: per_layer[0]
    shown = shown.requires_grad_(True)
    expected = theirs(shown, targets=[lambda out: out[0]])[0]
    own = ThroughReadOut(lite0, selection, view, "blocks.4")
    cells = {"GradCAM": class_activation._gradcam, "LayerCAM": class_activation._layercam}
    found = cells[called](own, shown)[0, 0].detach().numpy() / expected.size
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("method", "height", "width"),
    [
        ("gradcam", 300, 451),
        ("gradcam", 257, 190),
        ("layercam", 300, 451),
        ("layercam", 257, 190),
        ("occlusion", 257, 190),
        pytest.param("occlusion", 300, 451, marks=pytest.mark.proof),
    ],
)
def test_a_map_points_at_the_only_thing_in_the_picture(lite0, method, height, width):
    """A textured disc on grey lies at the centroid of the map, within 1.25 cells."""
    pytest.importorskip("captum")
    y, x = np.mgrid[:height, :width]
    centre = 0.7 * height, 0.35 * width
    disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < (height / 9) ** 2
    image = np.full((height, width, 3), 128, np.uint8)
    image[disc] = np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8)[disc]
    selection = readout(lite0, np.ones(112), layer="blocks.4")
    if method == "occlusion":
        raw = occlusion_map(lite0, image, BLURRED.apply(image), selection, side=192)
    else:
        made = gradcam_map if method == "gradcam" else layercam_map
        raw = made(lite0, image, selection, short_side=384, margin=128)
    weight = np.abs(raw - np.median(raw))
    weight[weight < 0.5 * weight.max()] = 0
    found = (weight * y).sum() / weight.sum(), (weight * x).sum() / weight.sum()
    cell = 32 * height / 384 if method != "occlusion" else SQUARE * height / 192
    assert np.hypot(found[0] - centre[0], found[1] - centre[1]) < 1.25 * cell


@pytest.mark.parametrize("made", [gradcam_map, layercam_map])
def test_a_mirrored_image_gives_the_mirrored_map(lite0, cat, made):
    pytest.importorskip("captum")
    selection = drawn(lite0)
    straight = made(lite0, cat, selection, at="blocks.4", **VIEW)
    mirrored = made(lite0, np.ascontiguousarray(cat[:, ::-1]), selection, at="blocks.4", **VIEW)
    np.testing.assert_allclose(mirrored[:, ::-1], straight, atol=1e-3 * np.ptp(straight))
    assert straight.shape == cat.shape[:2] and straight.dtype == np.float32


def test_grad_cam_changes_sign_with_the_weights_and_layer_cam_takes_other_channels(lite0, cat):
    pytest.importorskip("captum")
    for_it = drawn(lite0)
    against = readout(lite0, -np.array(for_it.weights))
    one, two = (gradcam_map(lite0, cat, s, at="blocks.4", **VIEW) for s in (for_it, against))
    np.testing.assert_allclose(one, -two, atol=1e-4 * np.ptp(one))
    one, two = (layercam_map(lite0, cat, s, at="blocks.4", **VIEW) for s in (for_it, against))
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > -0.9


def test_the_map_of_joined_layers_is_the_sum_over_them(lite0, cat):
    weights = np.random.default_rng(0).normal(size=112 + 1280)
    joined = readout(lite0, weights, layer="blocks.4+bn2", widths=[112, 1280])
    parts = [layercam_map(lite0, cat, joined, at=at, **VIEW) for at in ("blocks.4", "bn2")]
    whole = layercam_map(lite0, cat, joined, **VIEW)
    np.testing.assert_allclose(whole, parts[0] + parts[1], atol=1e-5 * np.ptp(whole))


@pytest.mark.parametrize("made", [gradcam_map, layercam_map])
def test_a_selection_without_read_out_is_told_what_is_needed(lite0, cat, made):
    aligned = drawn(lite0, readout=None, method="greedy")
    with pytest.raises(InputError, match="predicts no rating; give the candidate of a read-out"):
        made(lite0, cat, aligned, **VIEW)


def test_a_layer_behind_the_selection_is_refused(lite0, cat):
    selection = readout(lite0, np.ones(112), layer="blocks.4")
    with pytest.raises(InputError, match=r"'bn2' lies behind blocks\.4"):
        layercam_map(lite0, cat, selection, at="bn2", **VIEW)


def test_a_layer_without_space_is_refused(lite0, cat):
    with pytest.raises(InputError, match=r"no space|lies behind"):
        layercam_map(lite0, cat, drawn(lite0), at=lite0.layers[-1], **VIEW)


def test_without_captum_the_error_says_how_to_install_it(lite0, cat, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(InputError, match=r"pip install 'fechner\[captum\]'"):
        gradcam_map(lite0, cat, drawn(lite0), **VIEW)
    with pytest.raises(InputError, match=r"pip install 'fechner\[captum\]'"):
        occlusion_map(lite0, cat, BLURRED.apply(cat), drawn(lite0))


# occlusion


def test_occlusion_is_the_loss_of_each_square_averaged_over_the_squares_of_a_place(lite0, cat):
    """Every square by hand: paste, predict, subtract, and average where squares overlap."""
    pytest.importorskip("captum")
    from scipy.ndimage import gaussian_filter

    from fechner.analysis.network.maps import occlusion

    image = np.ascontiguousarray(cat[100:196, 100:228])
    selection = readout(lite0, np.ones(24), layer="blocks.1")
    worse = BLURRED.apply(image)
    view = whole_view(image, 96)
    predicting = ThroughReadOut(lite0, selection, view, "blocks.1")

    def predicted(one: np.ndarray) -> float:
        with torch.no_grad():
            return predicting(as_input(lite0, view.show(one)[None])).item()

    lost, covered = np.zeros((96, 128)), np.zeros((96, 128))
    for top in range(0, 96 - SQUARE + 1, occlusion.STEP):
        for left in range(0, 128 - SQUARE + 1, occlusion.STEP):
            square = (slice(top, top + SQUARE), slice(left, left + SQUARE))
            pasted = image.copy()
            pasted[square] = worse[square]
            lost[square] += predicted(image) - predicted(pasted)
            covered[square] += 1
    expected = gaussian_filter(lost / covered, occlusion.STEP / 2, mode="reflect")
    found = occlusion_map(lite0, image, BLURRED.apply(image), selection, side=96)
    np.testing.assert_allclose(found, expected, atol=1e-2 * np.abs(expected).max())


def test_an_image_that_degrading_does_not_change_loses_nothing(lite0, cat):
    pytest.importorskip("captum")
    selection = readout(lite0, np.ones(24), layer="blocks.1")
    # With several threads torch sums one image and a batch in other orders: 1e-6 here.
    np.testing.assert_allclose(occlusion_map(lite0, cat, cat, selection, side=96), 0, atol=1e-5)


# the alignment gradient


def features(*, space: bool = False, seed: int = 0) -> RatedFeatures:
    rng = np.random.default_rng(seed)
    shape = (9, 6, 2, 3) if space else (9, 6)
    scenes = np.repeat(list("abc"), 3)
    return RatedFeatures(rng.uniform(0.2, 2, shape), rng.uniform(1, 5, 9), scenes)


@pytest.mark.parametrize("control", ["none", "within", "content"])
@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("space", [False, True])
def test_the_gradient_is_the_change_of_alignment_when_a_channel_rises_everywhere(
    similarity, control, space
):
    """Against finite differences of Pearson alignment, whose derivative needs no smoothing."""
    images, step = features(space=space), 1e-5
    objective = Objective(similarity, fit="pearson", control=control)
    scale = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    found = alignment_gradient(images, scale, objective)

    def alignment(image: int, channel: int, by: float) -> float:
        values = images.values.astype(np.float64).copy()
        values[image, channel] += by
        moved = RatedFeatures(values, images.ratings, images.scenes)
        measure = moved.alignment(objective)
        # Of a partial correlation: the part that `pair_derivative` carries back.
        return float(measure(moved.similarity(objective, scale > 0)))

    expected = np.array(
        [
            [(alignment(i, c, step) - alignment(i, c, -step)) / (2 * step) for c in range(6)]
            for i in range(9)
        ]
    )
    assert not found[:, 2].any()
    if control == "content":
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9
    else:
        ratio = (found * expected).sum() / (expected**2).sum()
        assert ratio > 0
        np.testing.assert_allclose(found, ratio * expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("fit", ["spearman", "pearson", "tau_a"])
def test_growing_all_channels_of_an_image_alike_changes_no_cosine(fit):
    assert fit in FITS
    images = features()
    found = alignment_gradient(images, np.ones(6), Objective(fit=fit))
    assert np.abs(found).max() > 0
    np.testing.assert_allclose((found * images.values).sum(axis=1), 0, atol=1e-12)


def test_weighed_channels_enter_by_their_weight():
    """A weight of 4 is a channel twice as large: its gradient follows by the chain rule."""
    images = features()
    scale = np.array([4.0, 1, 1, 1, 1, 1])
    twice = RatedFeatures(images.values * np.sqrt(scale), images.ratings, images.scenes)
    objective = Objective(fit="pearson")
    np.testing.assert_allclose(
        alignment_gradient(images, scale, objective),
        alignment_gradient(twice, np.ones(6), objective) * np.sqrt(scale),
        rtol=1e-6,
    )


def test_each_image_gets_its_own_relevance_and_the_map_of_what_was_rated_has_mean_zero(lite0, cat):
    """The pooled channels of the very view are orthogonal to the image's own gradient."""
    from fechner.analysis.network.layers.reading import layer_values

    view = reflected_view((96, 128), short_side=96, margin=32)
    pictures = [np.ascontiguousarray(cat[k : k + 96, k : k + 128]) for k in (0, 60, 120, 180)]
    pooled = []
    for picture in pictures:
        shown = as_input(lite0, view.show(picture)[None])
        cells = layer_values(lite0, ["blocks.2"], shown)["blocks.2"][0].numpy()
        mirrored = as_input(lite0, view.show(np.ascontiguousarray(picture[:, ::-1]))[None])
        cells = cells + layer_values(lite0, ["blocks.2"], mirrored)["blocks.2"][0].numpy()
        pooled.append(cells[:, view.cells_inside(cells.shape[1:])].mean(axis=1) / 2)
    images = RatedFeatures(np.array(pooled), [1.0, 2.0, 4.0, 3.0], list("abcd"))
    selection = readout(lite0, np.ones(40), layer="blocks.2", readout=None, method="all")
    own = own_relevance(selection, images)
    assert len({tuple(one.weights) for one in own}) == 4
    for picture, one in zip(pictures, own, strict=True):
        raw = contribution_map(lite0, picture, one, short_side=96, margin=32)
        assert abs(raw.mean()) < 0.03 * np.ptp(raw)


def test_a_selection_on_reference_pairs_or_other_channels_has_no_alignment_gradient(lite0):
    on_pairs = readout(lite0, np.ones(6), readout=None, method="greedy:reference", distance="rms")
    with pytest.raises(InputError, match="no pairs of rated images; ask for maps by distance"):
        own_relevance(on_pairs, features())
    with pytest.raises(InputError, match="5 channels, the rated images 6"):
        own_relevance(readout(lite0, np.ones(5), readout=None, method="all"), features())
    with pytest.raises(InputError, match="keeps no channel"):
        alignment_gradient(features(), np.zeros(6), Objective())
