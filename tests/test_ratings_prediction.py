"""Predicted against observed harm: images as the unit, noise corrected, maps shuffled."""

import numpy as np
import pytest
from ratings_worlds import rate, records, stimuli_table
from scipy import stats
from scipy.ndimage import gaussian_filter

from fechner.analysis.ratings.correlation import (
    correlate,
    disattenuated,
    partial,
    pearson,
    reliability,
    shuffled_maps,
)
from fechner.analysis.ratings.prediction.other_maps import cross_predictions
from fechner.analysis.ratings.prediction.pixels import ScenePixels, each_scene
from fechner.analysis.ratings.prediction.rivals import pixel_predictions
from fechner.analysis.ratings.prediction.tracking import predicted_against_observed
from fechner.errors import InputError
from fechner.provenance import sha256_file
from fechner.records.images.files import read_map_png, write_map_png, write_png
from fechner.records.maps import read_maps, write_maps
from fechner.records.prediction import read_prediction
from fechner.records.stimuli import Stimulus, StimulusSet


def test_correlations_equal_scipy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20))
    ours, ranks = correlate(x, y), correlate(x, y, ranks=True)
    assert (ours.r, ours.p) == pytest.approx(tuple(stats.pearsonr(x, y)))
    assert (ranks.r, ranks.p) == pytest.approx(tuple(stats.spearmanr(x, y)))


def test_partial_correlation_equals_the_formula():
    x, y, z = np.random.default_rng(1).normal(size=(3, 30))
    xy, xz, yz = pearson(x, y), pearson(x, z), pearson(y, z)
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial(x, y, z).r == pytest.approx(expected)


def test_reliability_is_that_of_the_model_with_and_without_missing_cells():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 3, (15, 1)) + rng.normal(0, 2, 400) + rng.normal(0, 8, (15, 400))
    expected = 4 / (4 + 64 / 15)
    assert reliability(values) == pytest.approx(expected, abs=0.06)
    values[rng.random(values.shape) < 0.1] = np.nan
    assert reliability(values) == pytest.approx(4 / (4 + 64 / 13.5), abs=0.06)


def test_a_perfect_predictor_is_limited_by_reliability_and_corrected_to_one():
    """FACTS of the field: at reliability .53 a perfect predictor reaches r = .73."""
    rng = np.random.default_rng(3)
    truth = rng.normal(0, 5, 3000)
    values = truth + rng.normal(0, 5 * np.sqrt(12 * (1 / 0.53 - 1)), (12, 3000))
    raw = pearson(truth, values.mean(axis=0))
    corrected, _ = disattenuated(
        truth, values.mean(axis=0), lambda k: reliability(values[:, k]), resamples=10, rng=rng
    )
    assert raw == pytest.approx(0.73, abs=0.02)
    assert corrected == pytest.approx(1.0, abs=0.03)


def test_the_bootstrap_interval_holds_the_true_correlation():
    rng, inside = np.random.default_rng(4), []
    for _ in range(60):
        truth = rng.normal(0, 5, 40)
        predicted = 0.6 * truth / 5 + 0.8 * rng.normal(size=40)
        values = truth + rng.normal(0, 3, (20, 1)) + rng.normal(0, 14, (20, 40))
        _, interval = disattenuated(
            predicted,
            values.mean(axis=0),
            lambda k, values=values: reliability(values[:, k]),
            resamples=200,
            rng=rng,
        )
        if interval is not None:
            inside.append(interval[0] <= 0.6 <= interval[1])
    assert np.mean(inside) >= 0.85


def test_no_correction_below_a_reliability_of_point_three():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 10, (10, 60))
    found = disattenuated(
        rng.normal(size=60), noise.mean(axis=0), lambda k: reliability(noise[:, k]), rng=rng
    )
    assert found == (None, None)


def test_the_map_world_is_tracked_and_the_null_world_is_not():
    stimuli = stimuli_table(30, seed=2)
    real = predicted_against_observed(*records(rate(stimuli, column="predicted_impact"), stimuli))
    null = predicted_against_observed(*records(rate(stimuli, column="mse"), stimuli))
    assert real.pearson.p < 0.001
    assert real.pearson.r > 0.6
    assert "tracks" in real.sentence
    assert null.pearson.p > 0.05
    assert "does not demonstrably track" in null.sentence


def test_null_worlds_are_called_tracking_about_5_times_in_100():
    rng, p = np.random.default_rng(6), []
    for _ in range(1000):
        values = rng.normal(0, 5, 24) + rng.normal(0, 13, (12, 24))
        p.append(correlate(rng.normal(size=24), values.mean(axis=0)).p)
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.07


def test_maps_that_all_know_the_same_thing_gain_nothing_over_their_shuffles():
    rng = np.random.default_rng(0)
    common = rng.normal(size=20)
    cross = common[:, None] + 0.01 * rng.normal(size=(20, 20))
    observed = common + 0.3 * rng.normal(size=20)
    shuffled = shuffled_maps(cross, observed, shuffles=200, rng=rng)
    assert pearson(np.diag(cross), observed) > 0.8
    assert shuffled.min() > 0.8


def test_maps_that_know_their_own_image_beat_their_shuffles():
    stimuli = stimuli_table(20, seed=5)
    ratings = rate(stimuli, column="predicted_impact", slope=0.7)
    rng = np.random.default_rng(1)
    wide = stimuli.pivot(index="scene", columns="region", values="predicted_impact")
    own = (wide["high"] - wide["low"]).to_numpy()
    cross = rng.permuted(np.tile(own[:, None], (1, 20)), axis=0)
    np.fill_diagonal(cross, own)
    found = predicted_against_observed(*records(ratings, stimuli), cross=cross)
    assert found.shuffled_p < 0.02
    assert not any("shuffled" in warning for warning in found.warnings)


def pixels(scene, low, high):
    return ScenePixels(scene, np.empty((0, 0)), low, high)


def test_cross_prediction_with_the_own_map_is_the_predicted_impact():
    rng = np.random.default_rng(0)
    scenes = [pixels(name, rng.random((6, 8)), rng.random((6, 8))) for name in "ab"]
    maps = {name: rng.random((6, 8)).astype(np.float32) for name in "ab"}
    cross = cross_predictions(scenes, maps)
    weights = maps["b"] / maps["b"].mean()
    low, high = scenes[1].low, scenes[1].high
    assert cross[1, 1] == pytest.approx((weights * high).mean() - (weights * low).mean(), rel=1e-6)
    assert cross.shape == (2, 2)


def test_a_map_of_another_size_is_resampled():
    scenes = [pixels(name, np.zeros((n, n)), np.ones((n, n))) for name, n in (("a", 8), ("b", 4))]
    maps = {"a": np.full((8, 8), 0.5), "b": np.full((4, 4), 0.25)}
    np.testing.assert_allclose(cross_predictions(scenes, maps), 1.0)


def test_drops_of_each_arm_are_measured_from_the_intact_image():
    stimuli = stimuli_table(8)
    ratings = rate(stimuli, column="predicted_impact", participants=5)
    found = predicted_against_observed(*records(ratings, stimuli), resamples=20)
    means = ratings.groupby("image")["rating"].mean()
    row = next(row for row in found.arms if (row.image, row.arm) == ("image03", "high"))
    assert row.drop == pytest.approx(means["image03_intact"] - means["image03_high"])
    assert len(found.arms) == 24
    assert set(found.by_arm) == {"low", "high", "donor"}


def test_both_predictions_of_a_stimulus_are_tested_in_the_same_terms():
    """The layer distance is what people follow here, and the map knows nothing of them."""
    rng = np.random.default_rng(7)
    stimuli = stimuli_table(20)
    stimuli["layer_distance"] = rng.uniform(0.1, 0.5, len(stimuli)) * (stimuli["level"] > 0)
    ratings = rate(stimuli, column="layer_distance", participants=12, slope=60.0)
    found = predicted_against_observed(*records(ratings, stimuli), resamples=40)
    by_map, by_layer = found.tested
    assert (by_map.name, by_layer.name) == ("map-weighted error", "layer distance")
    assert by_map.pearson == found.pearson and by_map.by_arm == found.by_arm
    means = stimuli.groupby(["scene", "region"])["layer_distance"].mean().unstack()
    difference = (means["high"] - means["low"]).to_numpy()
    observed = [row.observed for row in found.images]
    assert by_layer.pearson.r == pytest.approx(stats.pearsonr(difference, observed)[0])
    assert by_layer.spearman.r == pytest.approx(stats.spearmanr(difference, observed)[0])
    assert by_layer.pearson.low > 0.3 and by_layer.by_arm["high"].r > 0.5
    (rival,) = (row for row in found.rivals if row.name == "layer distance")
    assert rival.correlation == by_layer.pearson and rival.difference_high < 0


def test_stimuli_without_layer_distances_have_the_one_prediction():
    stimuli = stimuli_table(8)
    ratings = rate(stimuli, column="predicted_impact", participants=6)
    found = predicted_against_observed(*records(ratings, stimuli), resamples=20)
    assert [one.name for one in found.tested] == ["map-weighted error"]


def test_a_prediction_survives_its_file(tmp_path):
    stimuli = stimuli_table(8)
    found = predicted_against_observed(
        *records(rate(stimuli, column="mse", participants=4), stimuli), resamples=20
    )
    found.write(tmp_path / "prediction.json")
    assert read_prediction(tmp_path / "prediction.json") == found


def test_few_images_are_refused_and_stimuli_without_prediction_named():
    stimuli = stimuli_table(3)
    ratings = rate(stimuli, column="mse", participants=3)
    with pytest.raises(InputError, match="needs 4 images"):
        predicted_against_observed(*records(ratings, stimuli))
    with pytest.raises(InputError, match="no column 'predicted_impact'"):
        predicted_against_observed(*records(ratings, stimuli.drop(columns="predicted_impact")))


def stimulus(scene, region, sha256=""):
    name = f"{scene}_{region}"
    figures = (1, 3.0, "px", 0.2, 1, 9.0, 0.9, 5.0, 5.0)
    return Stimulus(name, f"{name}.png", scene, region, "blur", *figures, sha256)


def write_pictures(folder, scene, shown, importance):
    """Write the pictures of a scene by region, and its map; return its stimuli."""
    write_maps(folder / "maps", {scene: importance}, about={scene: {}}, set_record={})
    for region, image in shown.items():
        write_png(folder / f"{scene}_{region}.png", image)
    digests = {region: sha256_file(folder / f"{scene}_{region}.png") for region in shown}
    return [stimulus(scene, region, sha) for region, sha in digests.items()]


def test_predictions_from_files_equal_those_from_arrays(tmp_path):
    rng, stimuli, expected, raw = np.random.default_rng(0), [], [], {}
    for scene in ("0801", "null"):
        picture = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        shown = {"intact": picture}
        for region in ("low", "high"):
            shown[region] = rng.integers(0, 256, picture.shape, dtype=np.uint8)
        raw[scene] = rng.random((20, 30))
        stimuli += write_pictures(tmp_path, scene, shown, raw[scene])
        errors = [
            ((picture - shown[region].astype(float)) ** 2).mean(axis=2)
            for region in ("low", "high")
        ]
        expected.append(pixels(scene, *errors))
    write_maps(tmp_path / "maps", raw, about={name: {} for name in raw}, set_record={})
    shown = StimulusSet(tmp_path, tuple(stimuli), {})
    maps = {name: found.values for name, found in read_maps(tmp_path / "maps").items()}
    found = pixel_predictions(shown, tmp_path / "maps").cross
    np.testing.assert_allclose(found, cross_predictions(expected, maps), rtol=1e-5)


def test_large_pictures_are_averaged_down_without_moving_the_prediction(tmp_path):
    rng, shape = np.random.default_rng(1), (600, 1200)
    smooth = gaussian_filter(rng.normal(size=shape), 40)
    picture = rng.integers(60, 190, (*shape, 3), dtype=np.uint8)
    noisy = picture + rng.integers(0, 60, picture.shape).astype(np.uint8)
    half = np.zeros((*shape, 1), bool)
    half[:, :600] = True
    arms = {"intact": picture, "low": picture, "high": np.where(half, noisy, picture)}
    stimuli = write_pictures(tmp_path, "big", arms, smooth - smooth.min())
    importance = read_map_png(tmp_path / "maps" / "big.png")
    error = ((arms["high"].astype(float) - picture) ** 2).mean(axis=2)
    exact = (importance / importance.mean() * error).mean()
    shown = StimulusSet(tmp_path, tuple(stimuli), {})
    found = pixel_predictions(shown, tmp_path / "maps").cross
    assert found[0, 0] == pytest.approx(exact, rel=2e-3)


def test_a_map_that_was_changed_is_refused(tmp_path):
    picture = np.zeros((8, 8, 3), np.uint8)
    arms = dict.fromkeys(("intact", "low", "high"), picture)
    stimuli = write_pictures(tmp_path, "a", arms, np.arange(64.0).reshape(8, 8))
    write_map_png(tmp_path / "maps" / "a.png", np.ones((8, 8)))
    with pytest.raises(InputError, match="was changed"):
        pixel_predictions(StimulusSet(tmp_path, tuple(stimuli), {}), tmp_path / "maps")


def test_a_scene_without_an_arm_is_named(tmp_path):
    picture = np.zeros((8, 8, 3), np.uint8)
    stimuli = write_pictures(tmp_path, "a", {"intact": picture, "low": picture}, np.eye(8))
    with pytest.raises(InputError, match="scene 'a' has no arm 'high'"):
        list(each_scene(StimulusSet(tmp_path, tuple(stimuli), {}), low="low", high="high"))


def latin_square(ratings):
    """Keep, of each participant and image, the intact rating and one arm."""
    number = ratings["participant"].str[1:].astype(int) + ratings["image"].str[5:7].astype(int)
    arm = ratings["image"].str[8:]
    kept = np.array(["low", "high", "donor"])[number % 3]
    return ratings[(arm == kept) | (arm == "intact")]


def test_a_latin_square_is_compared_without_pairs():
    stimuli = stimuli_table(24, seed=3)
    ratings = rate(stimuli, column="predicted_impact", participants=36, slope=0.7)
    paired = predicted_against_observed(*records(ratings, stimuli), resamples=50)
    square = predicted_against_observed(*records(latin_square(ratings), stimuli), resamples=50)
    assert square.n_images == 24
    assert square.pearson.r == pytest.approx(paired.pearson.r, abs=0.25)
    assert square.pearson.p < 0.05
    assert square.reliability < paired.reliability
    assert square.disattenuated > square.pearson.r


def test_images_that_nobody_rated_leave_the_shuffled_maps_too():
    stimuli = stimuli_table(8)
    ratings = rate(stimuli, column="predicted_impact", participants=5)
    ratings = ratings[~ratings["image"].str.startswith("image02")]
    cross = np.random.default_rng(0).normal(size=(8, 8))
    found = predicted_against_observed(*records(ratings, stimuli), cross=cross, resamples=20)
    assert found.n_images == 7
    assert len(found.shuffled) == 2000
    with pytest.raises(InputError, match="cross predictions expect shape"):
        predicted_against_observed(*records(ratings, stimuli), cross=cross[:7, :7], resamples=20)
