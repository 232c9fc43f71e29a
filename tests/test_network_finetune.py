"""Fine-tuning: what it learns, what it leaves alone, and how it resumes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.layers.activations import activations
from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.network.training.finetune import FinetuneOptions, finetune
from fechner.errors import InputError
from fechner.provenance import read_json, sha256_file
from fechner.records.images.files import write_png
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
ALEXNET = DATA / "weights" / "alexnet" / "alexnet_features.pth"
SMALL = {"size": 96, "whole_epochs": 3, "patience": 30, "batch": 8}


@pytest.fixture(scope="module")
def rated(tmp_path_factory) -> RatedImages:
    """Twelve scenes of three crops; the rating is how much noise was added, reversed."""
    from skimage import data

    folder = tmp_path_factory.mktemp("rated")
    rng = np.random.default_rng(0)
    pictures = [data.chelsea(), data.coffee(), data.astronaut(), data.rocket()]
    rows = []
    for scene in range(12):
        picture = pictures[scene % 4]
        y, x = 20 + 8 * scene, 30 + 10 * scene
        crop = picture[y : y + 96, x : x + 96].astype(float)
        for level in (0, 40, 110):
            noisy = np.clip(crop + rng.normal(0, level, crop.shape), 0, 255).astype(np.uint8)
            name = f"s{scene}_{level}.png"
            write_png(folder / name, noisy)
            rows.append({"image": name, "scene": f"s{scene}", "quality": 80.0 - level / 2})
    return RatedImages(
        table=pd.DataFrame(rows), folder=folder, scales={"quality": Scale(minimum=0, maximum=100)}
    )


def fit(rated, folder, *, part="head", seed=1, **options):
    names = ("network", "leave_out", "weights", "progress")
    others = {name: options.pop(name) for name in names if name in options}
    chosen = FinetuneOptions(part=part, **(SMALL | options))
    network = others.pop("network", "efficientnet_lite0")
    return finetune(
        network, rated, "quality", folder=folder, options=chosen, seed=seed, device="cpu", **others
    )


def test_a_head_learns_what_the_ratings_follow(rated, tmp_path):
    result = fit(rated, tmp_path)
    assert result.validation_spearman > 0.8
    errors = [entry["validation_error"] for entry in result.history]
    assert min(errors) < 0.5 * errors[0]


def test_shuffled_ratings_are_not_learnt(rated, tmp_path):
    table = rated.table.copy()
    table["quality"] = np.random.default_rng(5).permutation(table["quality"].to_numpy())
    shuffled = RatedImages(table=table, folder=rated.folder, scales=rated.scales)
    assert fit(shuffled, tmp_path).validation_spearman < 0.6


def test_a_head_leaves_the_trunk_as_it_was_and_its_file_loads(rated, tmp_path):
    result = fit(rated, tmp_path)
    tuned = load_network(weights=result.path, device="cpu")
    plain = load_network(device="cpu")
    assert tuned.module.classifier.out_features == 1
    for name, tensor in plain.module.state_dict().items():
        if not name.startswith("classifier"):
            assert torch.equal(tuned.module.state_dict()[name], tensor)
    assert tuned.weights_sha256 != plain.weights_sha256


def test_the_whole_network_moves_and_its_file_goes_through_activations(rated, tmp_path):
    result = fit(rated, tmp_path, part="whole", head_epochs=1, whole_rate=3e-4)
    tuned = load_network(weights=result.path, device="cpu")
    plain = load_network(device="cpu")
    moved, still = (
        activations(network, ["bn2"], rated.paths[:2], size=96)["bn2"] for network in (tuned, plain)
    )
    assert moved.values.shape == still.values.shape
    assert np.abs(moved.values - still.values).max() > 1e-3
    assert moved.key != still.key
    whole = [entry for entry in result.history if entry["part"] == "whole"]
    assert len(whole) == 3
    assert whole[-1]["training_error"] < whole[0]["training_error"]


def test_predictions_are_in_the_unit_of_the_ratings(rated, tmp_path):
    large = {"size": 224, "head_epochs": 200}
    result = fit(rated, tmp_path, **large)
    tuned = load_network(weights=result.path, device="cpu")
    predicted = activations(tuned, ["classifier"], rated.paths)["classifier"].values[:, 0]
    scores = rated.scores("quality")
    assert abs(predicted.mean() - scores.mean()) < 8
    assert np.corrcoef(predicted, scores)[0, 1] > 0.7


def test_scenes_are_never_split_and_left_out_scenes_never_seen(rated, tmp_path):
    result = fit(rated, tmp_path, leave_out=["s0", "s7"], head_epochs=2)
    trained, judged = set(result.scenes_training), set(result.scenes_validation)
    assert not trained & judged
    assert trained | judged == {f"s{n}" for n in range(12)} - {"s0", "s7"}
    record = read_json(result.path.with_suffix(".json"))
    assert record["provenance"]["parameters"]["left_out_scenes"] == ["s0", "s7"]
    seen = load_network("efficientnet_lite0", weights=result.path, device="cpu").seen
    unseen = np.isin(rated.scenes, ["s0", "s7"])
    assert [sha256_file(path) in seen for path in rated.paths] == (~unseen).tolist()


def test_the_same_seed_gives_the_same_weights_and_another_another_split(rated, tmp_path):
    one, two, three = (
        fit(rated, tmp_path / str(number), seed=seed, head_epochs=5)
        for number, seed in enumerate((1, 1, 2))
    )
    weights = [torch.load(r.path, weights_only=True)["regression"]["weight"] for r in (one, two)]
    assert torch.equal(*weights)
    assert one.scenes_validation != three.scenes_validation


def test_a_stopped_fit_goes_on_and_ends_at_the_same_weights(rated, tmp_path):
    unbroken = fit(rated, tmp_path / "a", part="whole")

    def stop(done: int, total: int) -> None:
        if total == 3 and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(rated, tmp_path / "b", part="whole", progress=stop)
    seen = []
    resumed = fit(
        rated, tmp_path / "b", part="whole", progress=lambda done, total: seen.append(done)
    )
    assert seen == [3]
    assert resumed.history == unbroken.history
    states = [torch.load(r.path, weights_only=True)["state_dict"] for r in (resumed, unbroken)]
    for name, tensor in states[0].items():
        torch.testing.assert_close(tensor, states[1][name], rtol=1e-4, atol=1e-5)
    assert not list((tmp_path / "b").glob("*.training.pth"))


def test_an_unfinished_fit_of_other_options_is_not_continued(rated, tmp_path):
    def stop(done: int, total: int) -> None:
        if total == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(rated, tmp_path, part="whole", progress=stop)
    with pytest.raises(InputError, match="other inputs or options"):
        fit(rated, tmp_path, part="whole", seed=9)


def test_training_stops_when_validation_no_longer_improves(rated, tmp_path):
    result = fit(rated, tmp_path, head_epochs=4000, patience=5, head_rate=0.5)
    errors = [entry["validation_error"] for entry in result.history]
    assert len(errors) < 4000
    assert len(errors) - 1 - int(np.argmin(errors)) == 5


@pytest.mark.skipif(not ALEXNET.is_file(), reason=f"no test weights in {DATA}")
def test_a_feature_only_file_is_tuned_on_its_pooled_features(rated, tmp_path):
    result = fit(rated, tmp_path, network="alexnet", weights=ALEXNET, head_epochs=100)
    tuned = load_network("alexnet", weights=result.path, device="cpu")
    assert not tuned.complete
    regression = torch.load(result.path, weights_only=True)["regression"]
    judged = np.isin(rated.scenes, result.scenes_validation)
    paths = [path for path, judges in zip(rated.paths, judged, strict=True) if judges]
    pooled = activations(tuned, ["features.12"], paths, size=96, pool="mean")["features.12"]
    predicted = pooled.values @ regression["weight"][0].numpy() + float(regression["bias"][0])
    reached = spearman(predicted, rated.scores("quality")[judged])
    assert reached == pytest.approx(result.validation_spearman, abs=0.02)
    assert reached > 0.3


def test_bad_input_is_refused_in_one_line(rated, tmp_path):
    flat = RatedImages(
        table=rated.table.assign(quality=50.0), folder=rated.folder, scales=rated.scales
    )
    with pytest.raises(InputError, match="constant"):
        fit(flat, tmp_path)
    with pytest.raises(InputError, match="no scene 's99'"):
        fit(rated, tmp_path, leave_out=["s99"])
    with pytest.raises(InputError, match="two scenes"):
        fit(rated, tmp_path, leave_out=[f"s{n}" for n in range(11)])
    with pytest.raises(InputError, match="at least 16 images"):
        fit(rated, tmp_path, leave_out=[f"s{n}" for n in range(8)])
    with pytest.raises(InputError, match="head, whole"):
        fit(rated, tmp_path, part="tail")
