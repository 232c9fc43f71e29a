"""Columns that go with the ratings: what they predict alone, and what channels know beyond them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from channel_values import channels_of
from scipy import stats

from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.evidence.by_scene import (
    alignment_draws_over_scenes,
    interval_over_scenes,
    resampled_scenes,
    spearman_within,
)
from fechner.analysis.network.evidence.columns import (
    BestChannels,
    columns_alone,
    columns_in_folds,
    columns_of_few_levels,
    levels_of,
    predict_by_levels,
    warnings_of,
)
from fechner.analysis.network.evidence.compare import compare
from fechner.analysis.network.evidence.confounds import within_levels
from fechner.analysis.network.evidence.evaluation import evaluate
from fechner.analysis.network.evidence.folds import held_out_folds
from fechner.analysis.network.evidence.selection import select_among
from fechner.errors import InputError
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale
from fechner.records.selection import ColumnAlone

MAKERS = np.array(["glide", "midjourney", "craiyon"])


def world(*, made_by, own=0.0, seed=0):
    """20 scenes by 3 makers, twice each: quality is the maker's level plus the image's own.

    The first channels say who made an image; the others say its own quality where `own` > 0.
    """
    rng = np.random.default_rng(seed)
    scenes = np.repeat([f"s{k:02d}" for k in range(20)], 6)
    maker = np.tile(np.arange(3), 40)
    mine = rng.normal(size=120)
    values = rng.normal(size=(120, 12)) * 0.3 + 2
    values[np.arange(120), maker] += 2.0
    values[:, 6:] += own * mine[:, None]
    table = pd.DataFrame(
        {
            "image": [f"{k}.png" for k in range(120)],
            "scene": scenes,
            "quality": 50 + made_by * 8 * (maker - 1) + 6 * mine,
            "quality_n": np.tile([20, 21], 60),
            "maker": MAKERS[maker],
            "prompt": [f"a picture of {scene}" for scene in scenes],
            "brightness": rng.random(120),
        }
    )
    return channels_of(values), RatedImages(table, ".", {"quality": Scale(0, 100)})


def scored(values, rated, *strategies, **options):
    options = {"folds": 4, "shuffles": 5, "seed": 1, **options}
    tried = [parse_strategy(name) for name in strategies]
    table = within_levels({("net", "mean"): values}, rated, "quality", tried, "maker", **options)
    return table[table["level"] == ""].set_index(["strategy", "measure"])


def test_channels_that_only_know_the_maker_are_worth_nothing_within_makers():
    found = scored(*world(made_by=1.0), "readout").loc["readout"]
    assert found.loc["prediction", "value"] > 0.6
    within = found.loc["prediction, within levels"]
    assert within["low"] < 0 < within["high"]
    unseen = found.loc["prediction, level left out"]
    assert unseen["low"] < 0.1


def test_channels_that_know_the_image_itself_hold_within_makers_and_on_makers_never_seen():
    found = scored(*world(made_by=1.0, own=0.3), "readout", "negative").loc["readout"]
    for measure in ("prediction, within levels", "prediction, level left out"):
        assert found.loc[measure, "low"] > 0.4
    assert found.loc["prediction, within levels", "shuffled"] < 0.3


def test_what_is_scored_within_levels_is_the_same_in_any_pool():
    data, names = world(made_by=1.0), ("readout", "negative", "random")
    alone, steps = scored(*data, *names, shuffles=1), []
    with ThreadPoolExecutor(2) as pool:
        shared = scored(
            *data, *names, shuffles=1, pool=pool, progress=lambda *step: steps.append(step)
        )
    pd.testing.assert_frame_equal(shared, alone)
    assert steps == [(k, 12) for k in range(1, 13)]


def test_the_prediction_over_all_levels_is_that_of_the_comparison():
    values, rated = world(made_by=1.0)
    images = RatedFeatures(values.values, rated.scores("quality"), rated.scenes)
    (same,) = evaluate(images, [parse_strategy("readout")], folds=4, shuffles=0, seed=1)
    found = scored(values, rated, "readout", shuffles=0)
    assert found.loc[("readout", "prediction"), "value"] == pytest.approx(same.prediction)


def test_the_nested_choice_is_scored_within_levels_by_what_it_predicted_in_its_own_folds():
    values, rated = world(made_by=1.0, own=0.3)
    blind = channels_of(np.random.default_rng(3).random((120, 12)))
    sets = {("blind", "mean"): blind, ("seeing", "mean"): values}
    options = {"folds": 3, "shuffles": 0, "seed": 0}
    tried = [parse_strategy("readout")]
    found = compare(sets, rated, "quality", tried, nested=True, repeats=2, **options)
    table = within_levels(sets, rated, "quality", tried, "maker", nested=found.nested, **options)
    rows = table[table["strategy"] == "best held-out"].set_index("measure")["value"]
    makers, ratings = levels_of(rated, "maker"), rated.scores("quality")
    expected = [spearman_within(one, ratings, makers) for one in found.nested.T]
    assert rows["prediction, within levels"] == pytest.approx(np.mean(expected))
    alone = found.table.set_index("strategy")["prediction"]
    assert rows["prediction"] == pytest.approx(alone["best held-out"])


def test_every_level_left_out_has_a_row_of_its_own():
    values, rated = world(made_by=0.5)
    tried = [parse_strategy("readout")]
    table = within_levels(
        {("net", "mean"): values}, rated, "quality", tried, "maker", folds=3, shuffles=0, seed=1
    )
    rows = table[table["level"] != ""]
    assert sorted(rows["level"]) == sorted(MAKERS)
    assert rows["images"].tolist() == [40, 40, 40]


def test_alignment_within_levels_is_the_mean_over_levels_and_folds_of_those_pairs_alone():
    values, rated = world(made_by=1.0, own=0.3)
    found = scored(values, rated, "all", folds=2, shuffles=0).loc["all"]
    unit = values.values / np.linalg.norm(values.values, axis=1, keepdims=True)
    reached, weights = [], []
    seen = np.zeros(120, bool)
    for _, _, test in held_out_folds(rated.scenes, seen, folds=2, repeats=1, seed=1):
        for maker in MAKERS:
            rows = test[rated.table["maker"].to_numpy()[test] == maker]
            i, j = np.triu_indices(len(rows), 1)
            alike = (unit[rows[i]] * unit[rows[j]]).sum(axis=1)
            scores = rated.scores("quality")[rows]
            reached.append(stats.spearmanr(alike, -np.abs(scores[i] - scores[j])).statistic)
            weights.append(len(i))
    assert found.loc["alignment, within levels", "value"] == pytest.approx(
        np.average(reached, weights=weights)
    )


def test_a_column_predicts_by_mean_ratings_of_its_levels_on_other_scenes():
    _, rated = world(made_by=1.0)
    ratings, levels = rated.scores("quality"), levels_of(rated, "maker")
    train, test = np.arange(60), np.arange(60, 120)
    means = pd.Series(ratings[train]).groupby(levels[train]).mean()
    guess = np.random.default_rng(5).normal(size=(120, 1))
    (alone,) = columns_alone(
        {"maker": levels}, ratings, rated.scenes, [(0, train, test)], BestChannels("any", guess),
        seed=0,
    )  # fmt: skip
    expected = stats.spearmanr(means[levels[test]].to_numpy(), ratings[test]).statistic
    assert alone.prediction == pytest.approx(expected)
    assert alone.low < alone.prediction < alone.high
    reached = stats.spearmanr(guess[test, 0], ratings[test]).statistic
    assert alone.channels_prediction == pytest.approx(reached)
    assert alone.lead == pytest.approx(expected - reached)
    assert alone.lead_low < alone.lead < alone.lead_high


def test_channels_that_predict_as_a_column_does_are_led_by_nothing_in_any_set_of_scenes():
    _, rated = world(made_by=1.0)
    ratings, levels, scenes = rated.scores("quality"), levels_of(rated, "maker"), rated.scenes
    dealt = list(held_out_folds(scenes, np.zeros(120, bool), folds=4, repeats=2, seed=0))
    same = np.zeros((120, 2))
    for partition, train, test in dealt:
        same[test, partition] = 3 * predict_by_levels(levels[train], ratings[train], levels[test])
    (alone,) = columns_alone(
        {"maker": levels}, ratings, scenes, dealt, BestChannels("as the column", same), seed=0
    )
    assert alone.low < alone.high
    assert (alone.lead, alone.lead_low, alone.lead_high) == (0, 0, 0)
    assert warnings_of([alone]) == []


def test_the_columns_rival_is_what_predicts_best_in_the_comparison():
    values, rated = world(made_by=1.0, own=0.3)
    blind = channels_of(np.random.default_rng(3).random((120, 12)))
    sets = {("blind", "mean"): blind, ("seeing", "mean"): values}
    options = {"folds": 3, "repeats": 2, "seed": 0}
    tried = [parse_strategy("readout"), parse_strategy("negative")]
    found = compare(sets, rated, "quality", tried, shuffles=0, **options)
    best = found.table.loc[found.table["prediction"].idxmax()]
    (alone,) = columns_in_folds(
        rated, rated.scores("quality"), found.best, seen=np.zeros(120, bool), **options
    )
    assert alone.channels == f"{best['strategy']} of seeing"
    assert alone.channels_prediction == pytest.approx(best["prediction"])
    assert alone.lead == pytest.approx(alone.prediction - best["prediction"])


def test_a_level_that_made_no_mean_is_predicted_by_the_mean_of_all():
    guess = predict_by_levels(
        np.array(["a", "a", "b"]), np.array([1.0, 2.0, 6.0]), np.array(["b", "new", "a"])
    )
    assert guess.tolist() == [3.0, 0.0, -1.5]


def test_columns_that_stand_for_scenes_count_people_or_measure_are_not_tried_unasked():
    _, rated = world(made_by=1.0)
    assert list(columns_of_few_levels(rated)) == ["maker"]


def test_numbers_of_few_levels_are_tried_like_names():
    _, rated = world(made_by=1.0)
    rated.table["height"] = 100 + np.arange(120) % 24
    rated.table["place"] = np.arange(120) % 25
    rated.table["size"] = [f"{height}x{height}" for height in rated.table["height"]]
    assert list(columns_of_few_levels(rated)) == ["maker", "height"]


def test_a_column_that_predicts_better_than_the_channels_is_said_unasked_and_kept():
    _, rated = world(made_by=1.0)
    blind = channels_of(np.random.default_rng(3).random((120, 12)))
    options = {"strategies": ("negative", "readout"), "shuffles": 2, "seed": 0}
    told = select_among([blind], rated, "quality", **options)
    assert "The column 'maker' alone (mean ratings of its 3 levels) predicts" in told.reason
    assert [one.column for one in told.columns] == ["maker"]
    quiet, rated = world(made_by=0.1, own=0.6)
    assert "maker" not in select_among([quiet], rated, "quality", **options).reason


def test_what_is_said_of_a_columns_lead_says_how_sure_it_is():
    def said(lead, low, high):
        reached = {"prediction": 0.5 + lead, "low": 0.4, "high": 0.8}
        beside = {"channels": "readout of bn2", "channels_prediction": 0.5}
        ahead = {"lead": lead, "lead_low": low, "lead_high": high}
        return warnings_of([ColumnAlone(column="maker", levels=3, **reached, **beside, **ahead)])

    assert said(-0.01, -0.1, 0.1) == []
    (sure,) = said(0.2, 0.1, 0.3)
    assert "better than readout of bn2 (0.500) by 0.200 [0.100, 0.300]: the channels may" in sure
    (unsure,) = said(0.2, -0.1, 0.5)
    assert "by 0.200 [-0.100, 0.500], which other scenes may turn round: " in unsure


def test_agreement_within_groups_is_the_mean_of_theirs_weighted_by_images():
    rng = np.random.default_rng(0)
    a, b, groups = rng.normal(size=30), rng.normal(size=30), np.repeat(["x", "y", "z"], [10, 17, 3])
    both = [stats.spearmanr(a[groups == g], b[groups == g]).statistic for g in "xy"]
    assert spearman_within(a, b, groups) == pytest.approx(np.average(both, weights=[10, 17]))
    assert np.isnan(spearman_within(a[27:], b[27:], groups[27:]))


def test_intervals_over_scenes_are_wider_than_over_images_where_scenes_agree_within():
    rng = np.random.default_rng(0)
    scenes = np.repeat(np.arange(12), 10)
    x = rng.normal(size=12)[scenes] + 0.1 * rng.normal(size=120)
    y = rng.normal(size=12)[scenes] + 0.1 * rng.normal(size=120)

    def agrees(rows):
        return stats.spearmanr(x[rows], y[rows]).statistic

    def width(groups):
        low, high = interval_over_scenes(agrees, resampled_scenes(groups, rng=rng, resamples=200))
        return high - low

    assert width(scenes) > 2 * width(np.arange(120))


def test_a_scene_drawn_twice_counts_its_own_pairs_twice_and_meets_itself_never():
    scenes = np.array(["a", "a", "a", "b", "b", "b"])
    rng = np.random.default_rng(0)
    images = RatedFeatures(rng.random((6, 4)) + 1, rng.random(6), scenes)
    aim = parse_strategy("all").objective
    pairs, measure = images.pairs(aim), images.alignment(aim)
    alike = images.channels(aim).similarity()
    (drawn,) = alignment_draws_over_scenes(
        alike, measure, pairs, scenes, np.array([[2, 2, 2, 1, 1, 1]])
    )
    human = -np.abs(images.ratings[pairs.rows] - images.ratings[pairs.columns])
    times = np.where(
        scenes[pairs.rows] != scenes[pairs.columns], 2, np.where(scenes[pairs.rows] == "a", 2, 1)
    )
    expected = stats.spearmanr(np.repeat(alike, times), np.repeat(human, times)).statistic
    assert drawn == pytest.approx(expected)


def test_a_column_that_is_missing_constant_or_different_in_every_image_is_refused_in_a_line():
    values, rated = world(made_by=1.0)
    rated.table["camera"] = "one"
    for column, message in (
        ("makers", "did you mean 'maker'"),
        ("camera", "is 'one' for every image"),
        ("brightness", "120 levels for 120 images"),
    ):
        with pytest.raises(InputError, match=message):
            within_levels({("net", "mean"): values}, rated, "quality", [], column, folds=3, seed=0)
