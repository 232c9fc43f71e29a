"""Sets of channels: how they are written, read, compared and chosen among."""

import numpy as np
import pandas as pd
import pytest
from channel_values import channels_of as of
from PIL import Image
from scipy import stats

from fechner.analysis.network.alignment.alignment import Alignment, PartialAlignment
from fechner.analysis.network.alignment.pairs import all_pairs
from fechner.analysis.network.alignment.similarity import rating_similarity
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.analysis.network.choosing.readout import apart_from
from fechner.analysis.network.choosing.sets import (
    joined,
    parse_channel_sets,
    pool_values,
    read_channels,
)
from fechner.analysis.network.choosing.split import split_scenes
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.evidence.agreement import layer_agreement
from fechner.analysis.network.evidence.compare import compare
from fechner.analysis.network.evidence.evaluation import evaluate
from fechner.analysis.network.evidence.selection import select_among
from fechner.analysis.network.layers.activations import activations
from fechner.analysis.network.layers.networks import load_network
from fechner.errors import InputError
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale


def table(scenes, **dimensions):
    names = [f"{k}.png" for k in range(len(scenes))]
    scales = {name: Scale(-1000, 1000) for name in dimensions}
    return RatedImages(pd.DataFrame({"image": names, "scene": scenes, **dimensions}), ".", scales)


def two_dimensions(seed=0, n_scenes=10, each=6):
    """Channels 0 to 4 rise with quality, 5 to 9 with authenticity, which follows quality."""
    rng = np.random.default_rng(seed)
    scenes = np.repeat([f"s{k}" for k in range(n_scenes)], each)
    quality = rng.normal(size=len(scenes))
    authenticity = quality + 0.7 * rng.normal(size=len(scenes))
    values = 1 + rng.random((len(scenes), 20, 2, 2))
    values[:, :5] += 0.6 * quality[:, None, None, None] + 2
    values[:, 5:10] += 0.6 * authenticity[:, None, None, None] + 2
    return np.abs(values), table(scenes, quality=quality, authenticity=authenticity)


APART = Objective(similarity="euclidean")
"""Channels of these worlds move together, which cosine similarity does not see."""


# how sets are written


def test_layers_are_joined_and_targets_judge():
    found = parse_channel_sets(["a", "a+b", "c:d", "penultimate"], ["space", "mean"])
    assert [(one.name, one.pool) for one in found] == [
        ("a", "space"), ("a", "mean"), ("a+b", "mean"), ("c:d", "space"), ("penultimate", "space"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "pools", "said"),
    [
        (["a+b"], ["space"], "joined layers differ in space"),
        (["a+b:c"], ["mean"], "a target judges one layer"),
        (["a"], ["median"], "unknown pooling 'median'"),
    ],
)
def test_sets_that_make_no_sense_are_refused(words, pools, said):
    with pytest.raises(InputError, match=said):
        parse_channel_sets(words, pools)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    paths = [folder / f"{k}.png" for k in range(5)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    return paths


def test_every_set_is_what_its_layers_say_pooled_and_side_by_side(pictures):
    network = load_network(device="cpu")
    sets = parse_channel_sets(["blocks.2+bn2", "bn2"], ["space", "mean_sd"])
    found = {(o.channels.name, o.channels.pool): o for o in read_channels(
        network, sets, pictures, size=64
    )}  # fmt: skip
    layers = activations(network, ["blocks.2", "bn2"], pictures, size=64)
    parts = [pool_values(layers[name].values, "mean_sd") for name in ("blocks.2", "bn2")]
    both = found["blocks.2+bn2", "mean_sd"]
    assert np.allclose(both.values, np.concatenate(parts, axis=1), atol=1e-5)
    assert both.widths == (80, 2560)
    assert np.array_equal(found["bn2", "space"].values, layers["bn2"].values)
    assert np.allclose(found["bn2", "mean_sd"].values, parts[1], atol=1e-5)


def test_networks_are_joined_where_their_channels_have_no_space():
    values = np.random.default_rng(0).random((4, 3))
    both = joined([of(values, pool="mean"), of(2 * values, layer="b", pool="mean")])
    assert np.array_equal(both.values, np.hstack([values, 2 * values]))
    assert both.channels.name == "last+b"
    assert both.widths == (3, 3)
    with pytest.raises(InputError, match="joined channels have no space"):
        joined([of(values[..., None, None])])


# several dimensions, and dimensions held constant


def test_holding_two_similarities_constant_equals_correlating_residuals():
    rng = np.random.default_rng(2)
    first, second, third, model = rng.normal(size=(4, 66))
    first, model = first + second, model + second - third
    ranked = np.column_stack([np.ones(66), stats.rankdata(second), stats.rankdata(third)])

    def residual(x):
        ranks = stats.rankdata(x)
        return ranks - ranked @ np.linalg.lstsq(ranked, ranks, rcond=None)[0]

    measure = PartialAlignment(Alignment(first), (Alignment(second), Alignment(third)))
    want = stats.pearsonr(residual(model), residual(first)).statistic
    assert measure(model) == pytest.approx(want, abs=1e-12)
    own = stats.rankdata(first) - stats.rankdata(first).mean()
    assert measure.centred @ (ranked[:, 1] - ranked[:, 1].mean()) == pytest.approx(0, abs=1e-8)
    assert measure.centred @ own > 0


def test_resampling_a_partial_alignment_resamples_what_is_held_constant():
    rng = np.random.default_rng(3)
    first, second, model = rng.normal(size=(3, 30))
    times = rng.integers(0, 3, 30)
    measure = PartialAlignment(Alignment(first), (Alignment(second),)).repeated(times)
    anew = PartialAlignment(
        Alignment(np.repeat(first, times)), (Alignment(np.repeat(second, times)),)
    )
    drawn = np.repeat(model, times)
    assert measure(drawn) == anew(drawn)


def test_a_channel_of_quality_helps_authenticity_only_until_quality_is_held_constant():
    values, rated = two_dimensions(n_scenes=40)
    authenticity, quality = rated.scores("authenticity"), rated.scores("quality")
    without = values[:, [0, *range(10, 20)]]
    plain = RatedFeatures(without, authenticity, rated.scenes)
    partial = RatedFeatures(without, authenticity, rated.scenes, held_constant=quality[:, None])
    assert plain.impact(APART, authenticity)[0] > 0.4
    assert partial.impact(APART, authenticity)[0] < 0.1


def test_a_readout_with_quality_held_constant_weighs_what_tells_authenticity_apart():
    values, rated = two_dimensions()
    authenticity, quality = rated.scores("authenticity"), rated.scores("quality")
    partial = RatedFeatures(values, authenticity, rated.scenes, held_constant=quality[:, None])
    weights = parse_strategy("readout")(partial, authenticity, np.random.default_rng(0)).weights
    assert weights[5:10].min() > 0 > weights[:5].max()


def test_what_is_held_constant_is_taken_out_of_what_is_predicted():
    values, rated = two_dimensions(seed=1)
    quality, authenticity = rated.scores("quality"), rated.scores("authenticity")
    only_quality = RatedFeatures(
        values[:, :5], authenticity, rated.scenes, held_constant=quality[:, None]
    )
    (found,) = evaluate(only_quality, [parse_strategy("all")], folds=5, shuffles=5, seed=0)
    low, high = found.prediction_interval
    assert low < 0 < high
    left = apart_from(authenticity, quality[:, None])
    assert np.corrcoef(left, quality)[0, 1] == pytest.approx(0, abs=1e-9)


def test_dimensions_are_compared_together_by_their_standard_scores():
    _, rated = two_dimensions()
    scores = np.column_stack([rated.scores("quality"), 100 * rated.scores("authenticity")])
    pairs = all_pairs(len(scores))
    standard = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    apart = np.linalg.norm(standard[pairs.rows] - standard[pairs.columns], axis=1)
    assert np.allclose(rating_similarity(scores, pairs), -apart)


def test_a_study_of_two_dimensions_keeps_the_channels_of_both():
    values, rated = two_dimensions()
    found = select_among(
        [of(values)], rated, "quality+authenticity", strategies=["greedy"], shuffles=5, seed=0,
        objective=APART,
    )  # fmt: skip
    kept = np.array(found.by_method("greedy").kept)
    assert kept[:10].mean() > kept[10:].mean()
    assert found.choice.dimension == "quality+authenticity"
    with pytest.raises(InputError, match="predicts one rating dimension, got 2"):
        select_among([of(values)], rated, "quality+authenticity", seed=0)


def test_several_dimensions_are_predicted_one_by_one():
    values, rated = two_dimensions()
    sets = {("small/last", "space"): of(values)}
    strategies = [parse_strategy("negative", APART)]
    options = {"folds": 4, "shuffles": 2, "seed": 0}
    both = compare(sets, rated, "quality+authenticity", strategies, **options)
    single = [
        compare(sets, rated, name, [parse_strategy("all")], **options).table["prediction"].item()
        for name in ("quality", "authenticity")
    ]
    assert both.table["prediction"].item() == pytest.approx(np.mean(single), abs=0.1)


def test_partialling_out_a_dimension_is_recorded_and_lowers_what_it_explains():
    values, rated = two_dimensions()
    only_quality = [of(values[:, :5])]
    options = {"strategies": ["negative"], "shuffles": 5, "seed": 0, "objective": APART}
    plain = select_among(only_quality, rated, "authenticity", **options)
    partial = select_among(only_quality, rated, "authenticity", partial_out="quality", **options)
    before = [study.by_method("all").alignment_held_out.before for study in (plain, partial)]
    assert before[0] > before[1] + 0.1
    assert partial.choice.partial_out == "quality"
    with pytest.raises(InputError, match="equals what is aligned"):
        select_among(only_quality, rated, "quality", partial_out="quality", seed=0)
    with pytest.raises(InputError, match="no dimension 'qualty'"):
        select_among(only_quality, rated, "authenticity", partial_out="qualty", seed=0)


# choosing among sets


def two_sets():
    values, rated = two_dimensions()
    noise = np.random.default_rng(5).random((len(values), 12))
    return [of(noise, layer="noise", pool="mean"), of(values)], rated


def test_inner_scenes_choose_the_set_that_tells_ratings():
    sets, rated = two_sets()
    found = select_among(
        sets, rated, "quality", strategies=["readout"], select="best held-out", shuffles=5, seed=0
    )
    assert found.chosen == "readout of last"
    assert found.choice.layer == "last"
    names = list(found.by_name)
    assert names == [
        "all of noise, mean", "readout of noise, mean", "all of last", "readout of last",
    ]  # fmt: skip
    evidence = found.by_method("readout of noise, mean").evidence
    assert found.choice.evidence > 0.6 > evidence
    with pytest.raises(InputError, match="did you mean 'readout of last'"):
        found.by_method("readout of lst")


def test_a_candidate_of_a_set_is_asked_for_by_its_whole_name():
    sets, rated = two_sets()
    options = {"strategies": ["negative"], "shuffles": 2, "seed": 0}
    named = select_among(sets, rated, "quality", select="all of noise, mean", **options)
    assert named.choice.layer == "noise"
    with pytest.raises(InputError, match="cannot select by 'negative'"):
        select_among(sets, rated, "quality", select="negative", **options)


def test_the_nested_row_chooses_among_sets_inside_the_folds():
    sets, rated = two_sets()
    named = {(one.channels.name, one.channels.pool): one for one in sets}
    steps = []
    found = compare(
        named, rated, "quality", [parse_strategy("readout")], nested=True, folds=3, shuffles=2,
        seed=0, progress=lambda done, total: steps.append(done / total),
    )  # fmt: skip
    score = found.table.set_index("features")["prediction"]
    assert score["any of these"] == pytest.approx(score["last"], abs=0.05)
    assert score["last"] > score["noise"] + 0.3
    gain = found.table.set_index("features")["minus_first"]
    first = found.table["features"].iloc[0]
    assert gain.isna().tolist() == [True, False, False]
    other = {"last", "noise"}.difference({first}).pop()
    assert gain[other] == pytest.approx(score[other] - score[first])
    sure = found.table.set_index("features").loc[other, ["minus_first_low", "minus_first_high"]]
    assert (np.sign(sure) == (1 if other == "last" else -1)).all()
    assert steps == sorted(steps)
    assert steps[-1] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folds": 1}, "--folds expects 2 or more, got 1"),
        ({"repeats": 0}, "--repeats expects 1 or more, got 0"),
        ({"shuffles": -1}, "--shuffles expects 0 or more, got -1"),
    ],
)
def test_counts_that_make_no_comparison_are_refused(options, said):
    values, rated = two_dimensions()
    with pytest.raises(InputError, match=said):
        compare(
            {("a", "space"): of(values)}, rated, "quality", [parse_strategy("all")],
            **({"seed": 0} | options),
        )  # fmt: skip


def test_channels_are_named_by_layer_and_statistic():
    values, rated = two_dimensions()
    both = joined([of(pool_values(values, "mean_sd"), pool="mean_sd")] * 2)
    study = select_among([both], rated, "quality", strategies=[], shuffles=2, seed=0)
    names = study.choice.channel_names()
    assert len(names) == len(set(names)) * 2 == 80
    assert names[0] == "last 0 mean"
    assert names[20] == "last 0 SD"


# layers as a whole


def test_agreement_tells_a_layer_that_follows_ratings_from_one_that_does_not():
    values, rated = two_dimensions()
    noise = np.random.default_rng(5).random((len(values), 12))
    sets = {("a", "space"): of(values), ("b", "none"): of(noise, layer="noise")}
    found = layer_agreement(
        sets, rated, "quality", objective=APART, permutations=99, repeats=1, seed=0
    ).set_index(["features", "measure"])
    assert found.loc[("a", "alignment, all"), "p"] == 0.01
    assert found.loc[("a", "alignment, within scenes"), "p"] < 0.05
    assert found.loc[("b", "alignment, all"), "p"] > 0.05
    assert found.loc[("a", "prediction"), "value"] > 0.9
    assert found.loc[("b", "prediction"), "low"] < 0.2
    assert (found["low"] <= found["high"]).all()


def test_agreement_without_pairs_within_scenes_compares_all_pairs_only():
    values, _ = two_dimensions(n_scenes=20, each=1)
    alone = table([f"s{k}" for k in range(20)], quality=np.arange(20.0))
    found = layer_agreement(
        {("a", "space"): of(values)}, alone, "quality", permutations=19, repeats=1, seed=0
    )
    assert found["measure"].tolist() == ["alignment, all", "prediction"]


# weights that were fitted to some of the images


def test_images_that_the_weights_were_fitted_to_never_judge():
    values, rated = two_dimensions()
    seen = np.isin(rated.scenes, ["s0", "s1", "s2", "s3"])
    for seed in range(5):
        mine = split_scenes(rated.scenes, 0.33, seen=seen, rng=np.random.default_rng(seed))
        assert mine[seen].all()
        assert len(set(rated.scenes[~mine])) == 3
    images = RatedFeatures(values, rated.scores("quality"), rated.scenes, seen=seen)
    judged = []

    class Watched(type(parse_strategy("all"))):
        def __call__(self, images, ratings, rng, impact=None):
            judged.append(set(rated.scenes) - set(images.scenes))
            return super().__call__(images, ratings, rng, impact)

    evaluate(images, [Watched("all")], folds=3, shuffles=0, seed=0)
    assert set.union(*judged) == {"s4", "s5", "s6", "s7", "s8", "s9"}


def test_weights_that_saw_everything_cannot_be_judged():
    values, rated = two_dimensions()
    seen = rated.scenes != "s0"
    with pytest.raises(InputError, match="fitted to images of all but 1 scenes"):
        select_among([of(values, seen=seen)], rated, "quality", seed=0)
    sets = {("a", "space"): of(values), ("b", "space"): of(values, seen=seen)}
    with pytest.raises(InputError, match="fitted to images of all but 1 scenes"):
        compare(sets, rated, "quality", [parse_strategy("all")], seed=0)
