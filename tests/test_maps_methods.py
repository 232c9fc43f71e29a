"""Maps by the alignment gradient."""

from __future__ import annotations

import numpy as np
import pytest

from fechner.analysis.network.alignment.alignment import FITS
from fechner.analysis.network.alignment.similarity import SIMILARITIES
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.layers.reading import as_input
from fechner.analysis.network.maps.alignment_gradient import alignment_gradient, own_relevance
from fechner.analysis.network.maps.geometry import reflected_view
from fechner.analysis.network.maps.importance import contribution_map
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection, Gain, ReadoutEvidence


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
