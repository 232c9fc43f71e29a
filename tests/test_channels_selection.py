import numpy as np
import pandas as pd
import pytest
from channel_values import channels_of

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.analysis.network.choosing.readout import (
    ALPHAS,
    elastic_net_of,
    fit_elastic_net,
    fit_readout,
    grouped_folds,
    held_out_contribution,
    ridge_of,
)
from fechner.analysis.network.choosing.reweighting import (
    fit_distances,
    reference_distances,
    reweight_channels,
)
from fechner.analysis.network.choosing.split import split_scenes
from fechner.analysis.network.choosing.strategies import METHODS, PLAIN, parse_strategy
from fechner.analysis.network.evidence.curves import trace_curves
from fechner.analysis.network.evidence.evaluation import evaluate, mean_jaccard
from fechner.analysis.network.evidence.nested import BestHeldOut
from fechner.analysis.network.evidence.selection import choose, select_among
from fechner.errors import InputError
from fechner.executors import executor
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale
from fechner.records.selection import read_selection


def world(*, signal=2.0, n_scenes=10, each=6, channels=20, seed=0):
    """Images whose first five channels carry quality, in scenes with content of their own."""
    rng = np.random.default_rng(seed)
    scenes = np.repeat([f"scene{k}" for k in range(n_scenes)], each)
    quality = rng.normal(size=len(scenes))
    values = rng.random((len(scenes), channels, 2, 2)) + 0.5
    values += rng.random((n_scenes, channels))[np.repeat(np.arange(n_scenes), each)][
        ..., None, None
    ]
    values[:, :5] += signal * np.argsort(np.argsort(quality))[:, None, None, None] / len(scenes)
    return values, quality, scenes


def rated(quality, scenes, folder="."):
    """A table of rated images on a scale of 0 to 100."""
    table = pd.DataFrame(
        {
            "image": [f"{k}.png" for k in range(len(quality))],
            "scene": scenes,
            "quality": 50 + 10 * quality,
            "quality_sd": 1.0,
            "quality_n": 10,
        }
    )
    return RatedImages(table, folder, {"quality": Scale(0, 100)})


def study(world_values, **options):
    values, quality, scenes = world_values
    options = {"shuffles": 10, "seed": 3, **options}
    return select_among([channels_of(values)], rated(quality, scenes), "quality", **options)


def test_channels_that_carry_quality_survive_the_control_and_drive_the_maps():
    found = study(world())
    best = found.by_method("readout")
    assert found.chosen != "all"
    assert best.evidence > 0.8
    assert max(best.shuffled_evidence) < 0.75
    assert np.abs(best.impact[:5]).min() > np.abs(best.impact[5:]).mean()
    greedy = found.by_method("greedy")
    assert np.mean(greedy.kept[:5]) > np.mean(greedy.kept[5:])
    assert greedy.alignment_held_out.after > max(greedy.alignment_shuffled.held_out)


def test_nothing_survives_the_control_when_ratings_are_noise():
    driven = [study(world(signal=0.0, seed=seed), seed=seed).chosen for seed in range(8)]
    # Each study tries three selections against the 95 % quantile of ten shuffles.
    assert driven.count("all") >= 5


def test_the_fallback_is_named_as_such():
    found = study(world(signal=0.0, seed=1), seed=1)
    fallback = found.by_method("all")
    assert fallback.weights == [1.0] * 20
    method, reason = choose({"all": fallback})
    assert method == "all"
    assert "fall back" in reason


def test_in_sample_gains_of_greedy_pruning_are_as_large_under_shuffled_ratings():
    greedy = study(world(signal=0.0, seed=2, channels=60)).by_method("greedy")
    gain = greedy.alignment_selection.after - greedy.alignment_selection.before
    assert gain > 0.1
    assert np.mean(greedy.alignment_shuffled.selection) > 0.5 * greedy.alignment_selection.after


def test_held_out_scenes_take_no_part_in_the_selection():
    values, quality, scenes = world()
    first = study((values, quality, scenes))
    away = np.isin(scenes, first.choice.scenes_held_out)
    assert not set(first.choice.scenes_held_out) & set(first.choice.scenes_selection)
    changed = quality.copy()
    changed[away] = np.random.default_rng(9).permutation(quality[away])
    second = study((values, changed, scenes))
    for one, two in zip(first.candidates, second.candidates, strict=True):
        assert one.kept == two.kept
        assert one.weights == two.weights
        assert one.alignment_selection == two.alignment_selection


def test_readout_weights_reproduce_the_prediction_from_raw_channel_means():
    values, quality, scenes = world()
    found = study((values, quality, scenes)).by_method("readout")
    away = np.isin(scenes, found.scenes_held_out)
    raw = values.mean(axis=(2, 3)) @ np.array(found.weights)
    assert spearman(raw[away], quality[away]) == pytest.approx(found.readout.held_out_spearman)
    slope = np.polyfit(raw[~away], 50 + 10 * quality[~away], 1)[0]
    assert slope == pytest.approx(1.0, abs=0.35)


def test_the_same_seed_gives_the_same_study_and_another_seed_another_split():
    assert study(world()) == study(world())
    assert study(world(), seed=4).choice.scenes_held_out != study(world()).choice.scenes_held_out


def test_any_number_of_processes_gives_the_same_evidence():
    values, quality, scenes = world()
    images = RatedFeatures(values, quality, scenes)
    tried = [parse_strategy(name) for name in ("random", "negative", "readout")]
    tried.append(BestHeldOut(tuple(tried)))

    def all_of_it(pool):
        chosen = study((values, quality, scenes), shuffles=3, select="best held-out", pool=pool)
        evidence = evaluate(
            images, tried, folds=3, repeats=2, shuffles=3, resamples=20, seed=1, pool=pool
        )
        sides = images.subset(np.arange(36)), images.subset(np.arange(36, 60))
        curves = trace_curves(*sides, parse_strategy("curve"), shuffles=2, seed=1, pool=pool)
        return chosen.model_dump(), evidence, curves.table()

    with executor(2) as pool:
        here, there = all_of_it(None), all_of_it(pool)
    assert here[0]["candidates"] == there[0]["candidates"]
    for one, other in zip(here[1], there[1], strict=True):
        assert all(np.array_equal(vars(one)[k], vars(other)[k], equal_nan=True)
                   for k in vars(one) if k != "strategy")  # fmt: skip
    assert here[2].equals(there[2])


def test_a_study_survives_the_disk(tmp_path):
    found = study(world(), strategies=("negative",), shuffles=3)
    found.write(tmp_path / "selection.json")
    assert read_selection(tmp_path / "selection.json") == found
    (tmp_path / "selection.json").write_text('{"chosen": 1}')
    with pytest.raises(InputError, match="is not a channel selection"):
        read_selection(tmp_path / "selection.json")


def test_best_held_out_lets_inner_scenes_choose():
    found = study(world(), strategies=("negative", "readout"), select="best held-out", shuffles=2)
    assert found.chosen in ("all", "negative", "readout")
    assert "took no part in this choice" in found.reason


def test_individual_ratings_give_a_noise_ceiling():
    values, quality, scenes = world()
    panel = quality + np.random.default_rng(0).normal(size=(12, len(quality)))
    lower, upper = study((values, quality, scenes), individual=panel, shuffles=2).noise_ceiling
    assert 0 < lower < upper < 1


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("control", ["none", "within", "content"])
def test_every_strategy_gives_one_record_that_maps_can_use(method, control):
    values, quality, scenes = world(n_scenes=6)
    references = np.arange(len(quality)) // 6 * 6
    images = RatedFeatures(values, quality, scenes, reference_of=references)
    strategy = parse_strategy(f"{method}:{control}")
    chosen = strategy(images, quality, np.random.default_rng(0))
    assert chosen.kept.shape == chosen.weights.shape == chosen.impact.shape == (20,)
    assert (chosen.weights[~chosen.kept] == 0).all()
    assert np.isfinite(chosen.weights).all()
    assert strategy.predicts == (chosen.predict is not None)


def test_evaluation_tells_signal_from_noise():
    strategies = [parse_strategy(name) for name in ("negative", "readout")]
    values, quality, scenes = world()
    for one in evaluate(RatedFeatures(values, quality, scenes), strategies, shuffles=19, seed=0):
        assert one.alignment_p if one.strategy == "negative" else one.prediction_p <= 0.05
        assert one.prediction > max(one.shuffled_prediction)
    values, quality, scenes = world(signal=0.0)
    noise = evaluate(RatedFeatures(values, quality, scenes), strategies, shuffles=19, seed=0)
    assert all(one.prediction < 0.5 for one in noise)


def test_random_pruning_is_less_stable_than_pruning_by_impact():
    images = RatedFeatures(*world(signal=4.0))
    names = ("random", "negative")
    random, negative = evaluate(
        images, [parse_strategy(name) for name in names], shuffles=0, seed=0
    )
    assert random.jaccard < negative.jaccard


def test_the_nested_choice_is_evaluated_like_any_strategy():
    images = RatedFeatures(*world())
    rivals = tuple(parse_strategy(name) for name in ("all", "readout"))
    nested = BestHeldOut(rivals)
    (found,) = evaluate(images, [nested], folds=3, shuffles=2, seed=0)
    assert found.strategy == "best held-out"
    assert found.prediction > 0.7


def test_a_split_never_parts_a_scene():
    scenes = np.repeat(np.arange(9), [1, 5, 2, 7, 3, 3, 1, 8, 2])
    chosen = split_scenes(scenes, 0.33, rng=np.random.default_rng(0))
    assert not set(scenes[chosen]) & set(scenes[~chosen])
    tested = np.concatenate([test for _, test in grouped_folds(scenes, 4)])
    assert np.array_equal(np.sort(tested), np.arange(len(scenes)))
    for train, test in grouped_folds(scenes, 4):
        assert not set(scenes[train]) & set(scenes[test])


def test_ridge_readout_equals_scikit_learns_at_its_penalty():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(1)
    for shape in [(30, 8), (20, 50)]:
        X = rng.normal(size=shape) * rng.random(shape[1]) + 3
        y = X[:, 0] + rng.normal(size=shape[0])
        readout = fit_readout(X, y, np.arange(shape[0]) // 2)
        Z = (X - X.mean(0)) / X.std(0)
        reference = Ridge(alpha=readout.alpha).fit(Z, y)
        assert readout.alpha in ALPHAS
        assert np.allclose(readout.weights * X.std(0), reference.coef_, atol=1e-8)
        assert np.allclose(readout.predict(X), reference.predict(Z), atol=1e-8)


def test_the_elastic_net_drops_channels_that_say_nothing():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(80, 30))
    readout = fit_elastic_net(X, 3 * X[:, 0] - 2 * X[:, 1], np.arange(80) // 4)
    assert (readout.weights[:2] != 0).all()
    assert (readout.weights == 0).sum() > 10


def test_constant_channels_get_no_weight():
    X = np.random.default_rng(3).normal(size=(20, 4))
    X[:, 2] = 7.0
    assert fit_readout(X, X[:, 0], np.arange(20)).weights[2] == 0.0


def test_reweighting_finds_the_channels_that_make_the_ratings_rsm():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(40, 12, 6))
    images = RatedFeatures(values, rng.normal(size=40), np.arange(40) // 4)
    grams = images.channels(Objective())
    human = grams.products(2) + grams.products(5)
    weights = reweight_channels(grams, human, images.scenes)
    assert set(np.argsort(weights)[-2:]) == {2, 5}
    assert weights.min() >= 0


def test_nonnegative_weights_equal_scipys_nnls_without_penalty():
    from scipy.optimize import nnls

    from fechner.analysis.network.choosing.reweighting import _NonNegativePath

    rng = np.random.default_rng(5)
    parts, target = rng.normal(size=(6, 50)), rng.normal(size=50)
    centred = parts - parts.mean(axis=1, keepdims=True)
    want, _ = nnls(centred.T, target - target.mean())
    assert np.allclose(_NonNegativePath(parts, target)(0.0), want, atol=1e-6)


def test_distances_from_the_reference_name_the_harmful_channels():
    rng = np.random.default_rng(6)
    pristine = rng.random((8, 1, 10, 3))
    harm = (
        np.linspace(0, 3, 6)[None, :, None, None]
        * np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])[:, None]
    )
    values = (pristine + harm + 0.3 * rng.random((8, 6, 10, 3))).reshape(48, 10, 3)
    ratings = -np.tile(np.linspace(0, 3, 6), 8)
    references = np.repeat(np.arange(8) * 6, 6)
    distances = reference_distances(values, references)
    assert (distances[references == np.arange(48)] == 0).all()
    relevance = fit_distances(distances, ratings, references) * distances.std(axis=0)
    assert relevance[:2].min() > 5 * relevance[2:].max()
    with pytest.raises(InputError, match="fill the column reference"):
        reference_distances(values, np.full(48, -1))


def test_jaccard_of_equal_sets_is_one_and_of_disjoint_sets_zero():
    mask = np.array([True, True, False, False])
    assert mean_jaccard([mask, mask]) == 1.0
    assert mean_jaccard([mask, ~mask]) == 0.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategies": ("greedyy",)}, "did you mean 'greedy'"),
        ({"strategies": ("greedy:with",)}, "unknown control"),
        ({"select": "bets held-out"}, "cannot select by"),
        ({"held_out": 1.5}, "between 0 and 1"),
    ],
)
def test_wrong_options_are_named(change, words):
    with pytest.raises(InputError, match=words):
        study(world(), shuffles=2, **change)


def test_bad_data_end_in_one_clear_line():
    values, quality, scenes = world()
    with pytest.raises(InputError, match="constant ratings"):
        study((values, quality * 0, scenes))
    with pytest.raises(InputError, match="at least 4 scenes"):
        study((values, quality, np.repeat(["a", "b"], 30)))
    with pytest.raises(InputError, match="several images a scene"):
        study((values[::6], quality[::6], scenes[::6]), strategies=("negative:within",))
    broken = values.copy()
    broken[7, 3] = np.nan
    with pytest.raises(InputError, match="image 7 hold NaN"):
        study((broken, quality, scenes))
    with pytest.raises(InputError, match="activations of 59 images for a table of 60"):
        study_table = rated(quality, scenes)
        select_among([channels_of(values[:-1])], study_table, "quality", seed=0)
    with pytest.raises(InputError, match="11 folds need as many scenes, got 10"):
        evaluate(RatedFeatures(values, quality, scenes), [], folds=11, seed=0)


def test_progress_reaches_its_total():
    seen = []
    study(world(), shuffles=2, progress=lambda done, total: seen.append((done, total)))
    # All channels once; three strategies and the impacts that two share, under three ratings.
    assert seen == [(done, 13) for done in range(1, 14)]


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"reference"}))
def test_a_strategy_says_whether_it_rests_on_impacts(method, monkeypatch):
    images, asked = RatedFeatures(*world()), []
    found = images.impact(PLAIN, images.ratings)
    monkeypatch.setattr(images, "impact", lambda *told: asked.append(told) or found)
    parse_strategy(method)(images, images.ratings, np.random.default_rng(0))
    assert bool(asked) == parse_strategy(method).ranks


def test_strategies_share_impacts_and_choose_as_they_would_alone(monkeypatch):
    asked, find = [], RatedFeatures.impact
    monkeypatch.setattr(
        RatedFeatures, "impact", lambda *told: asked.append(told[1:]) or find(*told)
    )
    made = world()
    both = study(made, strategies=("negative", "greedy", "threshold:within"), shuffles=2)
    # Under three ratings; 'threshold' ranks by other pairs, and in three inner folds again.
    assert len(asked) == 3 + 3 * (1 + 3)
    alone = study(made, strategies=("greedy",), shuffles=2)
    assert len(asked) == 15 + 3
    assert both.by_name["greedy"].impact == alone.by_name["greedy"].impact
    assert both.by_name["greedy"].kept == alone.by_name["greedy"].kept
    images = RatedFeatures(*made)
    names = ("negative", "greedy", "random")
    evaluate(images, [parse_strategy(name) for name in names], folds=3, shuffles=2, seed=0)
    assert len(asked) == 18 + 3 * 3 + 3 * 2  # Random draws, and so shuffles otherwise.


def test_the_records_import_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys, fechner.records.selection;"
        "print([m for m in ('torch', 'numba', 'numpy', 'sklearn') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_readout_of_kept_channels_weighs_no_other_and_predicts_as_well():
    values, quality, scenes = world()
    images = RatedFeatures(values, quality, scenes)
    plain, read = (parse_strategy(name) for name in ("negative", "negative+readout"))
    assert read.name == "negative+readout"
    assert read.predicts
    chosen = read(images, quality, np.random.default_rng(0))
    assert (chosen.weights[~chosen.kept] == 0).all()
    assert (chosen.kept == plain(images, quality, np.random.default_rng(0)).kept).all()
    one, two = evaluate(images, [plain, read], folds=4, shuffles=2, seed=0)
    assert one.prediction == pytest.approx(two.prediction, abs=1e-12)


def test_what_inner_scenes_choose_by_prediction_drives_maps_that_predict():
    found = study(world(), strategies=["negative", "greedy"], select="best held-out")
    assert found.chosen.endswith("+readout")
    assert found.choice.readout.held_out_spearman > 0.6
    assert len(found.choice.readout.shuffled) == 10
    assert sum(weight != 0 for weight in found.choice.weights) == found.choice.n_kept


def test_more_partitions_of_the_same_images_do_not_narrow_the_interval():
    values, quality, scenes = world(signal=1.0)
    images = RatedFeatures(values, quality, scenes)

    def width(repeats):
        (found,) = evaluate(
            images, [parse_strategy("all")], folds=3, repeats=repeats, shuffles=0, seed=0
        )
        return found.interval[1] - found.interval[0]

    # Other partitions bring other pairs, not other images. Fresh resamples for each fold would
    # make the interval a third as wide.
    assert width(9) > 0.6 * width(1)


@pytest.mark.parametrize("again", [ridge_of, elastic_net_of])
def test_contributions_of_channels_sum_to_what_the_held_out_prediction_shares_with_ratings(again):
    values, quality, scenes = world()
    features = values.mean(axis=(2, 3))
    features[:, 7] = 3.0
    fit = again(0.1)
    told = held_out_contribution(features, quality, scenes, fit, folds=4)
    shared = []
    for train, test in grouped_folds(scenes, 4):
        predicted = fit(features[train], quality[train]).predict(features[test])
        shared.append(np.cov(predicted, quality[test], bias=True)[0, 1])
    assert told.share.sum() == pytest.approx(np.mean(shared) / quality.var())
    assert told.share[7] == told.stability[7] == 0
    assert told.share[:5].min() > np.abs(told.share[5:]).max()
    assert (told.stability[:5] == 1).all()
    assert told.stability[5:].mean() < 1


def test_the_record_of_a_readout_says_how_stable_each_sign_is(tmp_path):
    found = study(world())
    assert found.by_method("negative").stability is None
    stability = found.by_method("readout").stability
    assert min(stability[:5]) == 1
    found.write(tmp_path / "selection.json")
    assert read_selection(tmp_path / "selection.json").by_method("readout").stability == stability


def test_a_threshold_of_ones_own_keeps_what_it_says():
    values, quality, scenes = world()
    images, rng = RatedFeatures(values, quality, scenes), np.random.default_rng(0)
    impact = images.impact(Objective(), quality)
    above = parse_strategy("threshold=0.001")(images, quality, rng).kept
    assert np.array_equal(above, impact >= 0.001)
    highest = parse_strategy("threshold=top:3:content")
    assert (highest.name, highest.objective.control) == ("threshold=top3:content", "content")
    three = parse_strategy("threshold=top:3")(images, quality, rng).kept
    assert set(np.flatnonzero(three)) == set(np.argsort(impact)[-3:])


@pytest.mark.parametrize("text", ["threshold=", "threshold=top:0", "threshold=high", "greedy=3"])
def test_a_threshold_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="only threshold takes a value"):
        parse_strategy(text)


def test_exhaustive_search_is_there_on_request():
    values, quality, scenes = world(channels=10)
    images, rng = RatedFeatures(values, quality, scenes), np.random.default_rng(0)
    greedy, exhaustive = (parse_strategy(n)(images, quality, rng) for n in ("greedy", "exhaustive"))
    assert exhaustive.after >= greedy.before
    assert exhaustive.after == pytest.approx(greedy.after, abs=0.02)
