import os
from pathlib import Path

import numpy as np
import pytest

from fechner.analysis.network.choosing.rated_features import RatedFeatures, rated_features
from fechner.analysis.network.choosing.sets import ChannelSet, read_channels
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.evidence.evaluation import evaluate
from fechner.analysis.network.layers.networks import load_network
from fechner.data.catalog import load

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEIGHTS = DATA / "weights" / "alexnet" / "alexnet_features.pth"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not WEIGHTS.is_file(), reason="the real test data are not here"),
]


@pytest.fixture(scope="module")
def images():
    """Pooled channels of a middle layer of AlexNet and the quality of 145 real images."""
    rated = load("avt", DATA / "avt_ai_images").rated
    network = load_network("alexnet", weights=WEIGHTS, device="cpu")
    pooled = [ChannelSet(("features.5",), "mean")]
    return rated_features(
        read_channels(network, pooled, rated.paths, size=256)[0], rated, "quality"
    )


def test_a_readout_predicts_the_quality_of_images_of_other_prompts(images):
    # Quick scripts on the same images and network reached .39 (last layer, maxima).
    (found,) = evaluate(images, [parse_strategy("readout:within")], shuffles=8, seed=0)
    assert found.prediction > 0.35
    assert found.prediction > max(found.shuffled_prediction)
    assert np.mean(found.shuffled_prediction) < 0.15


def test_pruning_gains_on_real_ratings_are_mostly_noise(images):
    (found,) = evaluate(images, [parse_strategy("negative")], shuffles=6, seed=0)
    gain = found.selection_after - found.selection_before
    assert gain > 0.05
    assert found.after - found.before < gain / 2
    assert np.mean(found.shuffled_selection) > gain / 2


def test_fewer_rated_images_than_folds_are_refused(images):
    few = images.subset(np.isin(images.scenes, np.unique(images.scenes)[:3]))
    assert isinstance(few, RatedFeatures)
    with pytest.raises(ValueError, match="5 folds need as many scenes, got 3"):
        evaluate(few, [parse_strategy("all")], seed=0)
