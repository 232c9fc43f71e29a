"""Rival predictions: what each of them is, and how the map's prediction is set beside it."""

import numpy as np
import pytest
from ratings_worlds import rate, records, stimuli_table
from scipy import ndimage, stats

from fechner.analysis.ratings.correlation import pearson as pearsonr
from fechner.analysis.ratings.prediction.comparing import beyond_all, compared
from fechner.analysis.ratings.prediction.pixels import ScenePixels
from fechner.analysis.ratings.prediction.rivals import (
    WEIGHTS,
    RivalPrediction,
    pixel_predictions,
    rivals_in_table,
)
from fechner.analysis.ratings.prediction.tracking import predicted_against_observed
from fechner.errors import InputError
from fechner.provenance import sha256_file
from fechner.records.images.files import write_png
from fechner.records.map_worth.study_rivals import RivalMaps
from fechner.records.maps import read_maps, write_maps
from fechner.records.stimuli import Stimulus, StimulusSet

IMAGES = [f"image{k:02d}" for k in range(24)]


def rival(name, harm, images=IMAGES, level=30.0):
    """A rival whose high arm is `harm` worse than its low one."""
    arms = {image: (level, level + value) for image, value in zip(images, harm, strict=True)}
    return RivalPrediction(name, "for a test", arms)


def test_a_constant_map_weighs_errors_as_the_plain_mean():
    low, high = np.random.default_rng(0).random((2, 6, 8))
    scene = ScenePixels("a", np.zeros((6, 8)), low, high)
    assert scene.weighted(np.full((12, 16), 7.0)) == pytest.approx((low.mean(), high.mean()))


def test_a_map_that_is_zero_everywhere_predicts_nothing():
    scene = ScenePixels("a", np.zeros((6, 8)), np.ones((6, 8)), np.ones((6, 8)))
    assert scene.weighted(np.zeros((6, 8))) == (0.0, 0.0)


def picture_set(folder, scenes=("a", "b", "c")):
    """Pictures whose high arm loses noise in the left half and whose low arm in the right half."""
    rng, stimuli, raw = np.random.default_rng(0), [], {}
    for scene in scenes:
        intact = ndimage.gaussian_filter(rng.uniform(0, 255, (48, 64, 3)), (3, 3, 0))
        intact = np.clip((intact - 127) * 6 + 127, 0, 255).astype(np.uint8)
        noisy = np.clip(intact + rng.normal(0, 12, intact.shape), 0, 255).astype(np.uint8)
        left = np.arange(64)[None, :, None] < 32
        shown = {
            "intact": intact,
            "high": np.where(left, noisy, intact),
            "low": np.where(left, intact, noisy),
        }
        raw[scene] = np.where(left[..., 0], 1.0, 0.1) * np.ones((48, 64))
        for region, image in shown.items():
            name = f"{scene}_{region}"
            write_png(folder / f"{name}.png", image)
            sha = sha256_file(folder / f"{name}.png")
            figures = (1, 3.0, "px", 0.5, 1, 9.0, 0.9, 5.0, 5.0)
            stimuli.append(Stimulus(name, f"{name}.png", scene, region, "noise", *figures, sha))
    write_maps(folder / "maps", raw, about={name: {} for name in raw}, set_record={})
    return StimulusSet(folder, tuple(stimuli), {})


def test_rivals_of_pictures_are_there_for_every_scene_and_the_mirrored_map_turns_the_sign(tmp_path):
    found = pixel_predictions(picture_set(tmp_path), tmp_path / "maps")
    assert [rival.name for rival in found.rivals] == list(WEIGHTS)
    own = np.diag(found.cross)
    mirrored = np.array([np.diff(found.rivals[0].arms[s])[0] for s in "abc"])
    assert (own > 0).all()
    np.testing.assert_allclose(mirrored, -own, rtol=0.25)


def test_a_rival_whose_maps_are_those_of_the_study_predicts_what_the_study_does(tmp_path):
    stimuli, maps = picture_set(tmp_path), tmp_path / "maps"
    for name, one in read_maps(maps).items():
        (tmp_path / "mine").mkdir(exist_ok=True)
        np.save(tmp_path / "mine" / f"{name}.npy", one.values)
    same, brought = (RivalMaps(n, "for a test", tmp_path / n) for n in ("maps", "mine"))
    found = pixel_predictions(stimuli, maps, [same, brought])
    assert [one.name for one in found.rivals] == [*WEIGHTS, "maps", "mine"]
    own = np.diag(found.cross)
    for rival_ in found.rivals[-2:]:
        harm = np.array([np.diff(rival_.arms[s])[0] for s in "abc"])
        np.testing.assert_array_equal(harm, own)
    observed = own + np.array([0.0, 30.0, -20.0])
    rows, _ = compared(own, observed, found.rivals[-2:], list("abc"))
    assert [row.correlation.r for row in rows] == [pearsonr(own, observed)] * 2
    assert [row.difference for row in rows] == [0.0, 0.0]


def test_a_rival_with_a_map_that_fits_no_picture_or_holds_no_number_is_named(tmp_path):
    stimuli, mine = picture_set(tmp_path), tmp_path / "mine"
    mine.mkdir()
    for name in "abc":
        np.save(mine / f"{name}.npy", np.ones((48, 64)))
    np.save(mine / "b.npy", np.full((48, 64), np.nan))
    rivals = [RivalMaps("mine", "for a test", mine)]
    with pytest.raises(InputError, match=r"b\.npy holds nan at x 0, y 0"):
        pixel_predictions(stimuli, tmp_path / "maps", rivals)
    np.save(mine / "b.npy", np.ones((48, 60)))
    with pytest.raises(InputError, match=r"b\.npy is 60 x 48 px, its image 64 x 48 px"):
        pixel_predictions(stimuli, tmp_path / "maps", rivals)
    (mine / "b.npy").unlink()
    with pytest.raises(InputError, match="holds no map of 'b'"):
        pixel_predictions(stimuli, tmp_path / "maps", rivals)


def test_rivals_of_the_table_are_its_columns_and_ssim_is_turned_round():
    table = stimuli_table(4).assign(ssim=lambda t: 1 - t["mse"] / 100)
    found = {rival.name: rival for rival in rivals_in_table(table, low="low", high="high")}
    assert set(found) == {"centre", "squared error", "structural similarity"}
    assert found["centre"].arms["image02"] == (18.0, 32.0)
    assert found["structural similarity"].arms["image02"] == pytest.approx((0.25, 0.25))
    bare = table.drop(columns=["ssim", "mse", "centre_error"])
    assert rivals_in_table(bare, low="low", high="high") == []


def test_the_difference_and_what_remains_beyond_each_rival():
    rng = np.random.default_rng(1)
    predicted, other = rng.normal(size=(2, 24))
    observed = predicted + 0.5 * rng.normal(size=24)
    rows, values = compared(predicted, observed, [rival("other", other)], IMAGES)
    (row,) = rows
    np.testing.assert_allclose(values["other"], other)
    assert row.correlation.r == pytest.approx(stats.pearsonr(other, observed)[0])
    assert row.difference == pytest.approx(
        stats.pearsonr(predicted, observed)[0] - stats.pearsonr(other, observed)[0]
    )
    assert row.difference_low > 0
    assert row.beyond.p < 0.001
    assert row.with_map == pytest.approx(stats.pearsonr(predicted, other)[0])


def test_a_rival_in_other_units_is_the_same_rival():
    rng = np.random.default_rng(2)
    predicted, other, noise = rng.normal(size=(3, 24))
    rows, _ = compared(
        predicted,
        predicted + noise,
        [rival("one", other), rival("two", 1000 * other, level=30000.0)],
        IMAGES,
    )
    assert rows[0].difference_low == pytest.approx(rows[1].difference_low)
    assert rows[0].spread == pytest.approx(rows[1].spread)


def test_a_rival_that_is_the_map_leaves_nothing_beyond_it():
    predicted, noise = np.random.default_rng(3).normal(size=(2, 24))
    rows, _ = compared(predicted, predicted + noise, [rival("map", predicted)], IMAGES)
    assert (rows[0].difference, rows[0].with_map) == pytest.approx((0, 1), abs=1e-9)
    assert rows[0].beyond.p > 0.5 or abs(rows[0].beyond.r) < 1e-6


def test_a_rival_that_predicts_the_same_for_every_image_is_left_out():
    predicted = np.random.default_rng(4).normal(size=24)
    rows, values = compared(predicted, predicted, [rival("flat", np.full(24, 3.0))], IMAGES)
    assert rows == []
    assert values == {}


def test_arms_that_were_matched_in_a_rival_have_next_to_no_spread():
    rng = np.random.default_rng(5)
    predicted = rng.normal(size=24)
    matched = rival("squared error", rng.normal(0, 0.2, 24), level=30.0)
    rows, _ = compared(predicted, predicted, [matched], IMAGES)
    assert rows[0].spread == pytest.approx(0.2 / 30, rel=0.4)


def test_beyond_all_holds_every_rival_constant_at_once_but_those_that_were_matched():
    rng = np.random.default_rng(6)
    a, b, own, noise = rng.normal(size=(4, 24))
    predicted = a + b + own
    named = [rival("a", 30 * a), rival("b", 30 * b), rival("matched", 0.1 * a, level=100.0)]
    rows, values = compared(predicted, a + b, named, IMAGES)
    gone = beyond_all(predicted, a + b + 0.01 * noise, rows, values)
    kept = beyond_all(predicted, a + b + own, rows, values)
    assert gone.df == 20
    assert abs(gone.r) < 0.6
    assert kept.r > 0.99
    assert beyond_all(predicted, a, rows[:1], values) is None
    assert beyond_all(predicted[:12], a[:12], rows, {k: v[:12] for k, v in values.items()}) is None


def test_a_rival_without_an_image_or_without_a_number_is_named():
    predicted = np.arange(24.0)
    short = rival("short", predicted[:5], IMAGES[:5])
    with pytest.raises(InputError, match="rival 'short' has no prediction for image 'image05'"):
        compared(predicted, predicted, [short], IMAGES)
    broken = rival("broken", np.where(predicted == 7, np.nan, predicted))
    with pytest.raises(InputError, match="'broken' predicts no finite number for image 'image07'"):
        compared(predicted, predicted, [broken], IMAGES)


def test_where_only_the_centre_counts_the_map_has_nothing_beyond_it():
    """A world in which harm follows the centre, and the map is the centre with noise."""
    stimuli = stimuli_table(24, seed=1)
    rng = np.random.default_rng(8)
    high = stimuli["region"] == "high"
    centre = np.where(high, rng.uniform(25, 75, len(stimuli)), 20.0)
    impact = centre + rng.normal(0, 6, len(stimuli))
    stimuli = stimuli.assign(centre_error=centre, predicted_impact=impact)
    ratings = rate(stimuli, column="centre_error", participants=24)
    found = predicted_against_observed(*records(ratings, stimuli), resamples=50)
    beside = {row.name: row for row in found.rivals}
    assert found.pearson.p < 0.01
    assert beside["centre"].difference_high < 0.2
    assert beside["centre"].beyond.p > 0.05
    assert found.images[3].rivals["centre"] == pytest.approx(
        centre[stimuli["stimulus"] == "image03_high"][0] - 20
    )


def test_rivals_that_are_given_stand_beside_those_of_the_table():
    stimuli = stimuli_table(24).assign(centre_error=np.random.default_rng(1).uniform(10, 40, 96))
    ratings = rate(stimuli, column="predicted_impact", participants=8)
    given = rival("segmentation", np.random.default_rng(0).normal(size=24))
    found = predicted_against_observed(*records(ratings, stimuli), rivals=[given], resamples=20)
    assert [row.name for row in found.rivals] == ["centre", "segmentation"]
    assert all(-2 <= row.difference_low <= row.difference_high <= 2 for row in found.rivals)
