"""Channels chosen on some references do what the strategies say, and are judged on others."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pair_worlds import LIVE, WEIGHTS, Pairs, live_pairs, trained
from scipy import stats

from fechner.analysis.network.alignment.alignment import Alignment
from fechner.analysis.network.alignment.distance_channels import DistanceChannels, slopes_of
from fechner.analysis.network.alignment.gradient import impact_gradient
from fechner.analysis.network.alignment.impact import leave_one_out
from fechner.analysis.network.choosing.pruning import prune_greedily
from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.reference_pairs import ChannelDistances, ReferenceFeatures
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.distances.passes import pass_pairs
from fechner.analysis.network.distances.readouts import (
    READOUTS,
    channel_distances,
    distances,
    selection_weights,
)
from fechner.analysis.network.evidence.reference_folds import (
    COLUMNS,
    compare_on_pairs,
    reference_turns,
)
from fechner.analysis.network.evidence.reference_pairs import (
    ON_PAIRS,
    drawn_references,
    pair_features,
    select_on_pairs,
    try_on_pairs,
)
from fechner.errors import InputError, RefusedError
from fechner.records.selection import read_selection

RMS = READOUTS["rms"].combine


def world(*, references=24, each=4, channels=30, good=12, seed=0):
    """Return pairs and channel differences, of which the first `good` grow with the DMOS.

    The others differ by reference more than by harm, and two of them weigh most.
    """
    rng = np.random.default_rng(seed)
    n = references * each
    dmos = rng.uniform(5, 60, n)
    scenes = np.repeat([f"r{k}" for k in range(references)], each)
    content = rng.gamma(2, 0.7, (references, channels))[np.repeat(np.arange(references), each)]
    squared = dmos[:, None] * rng.lognormal(0, 0.4, (n, channels)) / 30
    squared[:, good:] = content[:, good:] * rng.lognormal(0, 0.2, (n, channels - good))
    squared[:, -2:] *= 4
    pairs = Pairs([], [], dmos, scenes, np.tile(["blur", "noise", "jpeg", "shift"], n // 4))
    for row in range(n):
        pairs.images.append(f"{scenes[row]}_{row}.png")
        pairs.references.append(f"{scenes[row]}.png")
    one = ChannelDistances(
        network="net", layers=("layer",), weights_sha256="0" * 64, preprocessing="native",
        widths=(channels,), readout="rms", terms=np.stack([squared, np.ones_like(squared)]),
        combine=RMS, seen=np.zeros(n, bool),
    )  # fmt: skip
    return pairs, one


@pytest.fixture(scope="module")
def made():
    return world()


def without(squared, dmos, channel):
    kept = np.arange(squared.shape[1]) != channel
    return stats.spearmanr(squared[:, kept].mean(axis=1), dmos).statistic


def test_impacts_are_exact_differences_of_spearman(made):
    pairs, one = made
    features = pair_features(one, pairs)
    impact = features.impact(ON_PAIRS, features.ratings)
    squared = one.terms[0]
    whole = stats.spearmanr(squared.mean(axis=1), pairs.dmos).statistic
    expected = [whole - without(squared, pairs.dmos, c) for c in range(30)]
    np.testing.assert_allclose(impact, expected, atol=1e-12)


@pytest.mark.parametrize("readout", sorted(set(READOUTS) - {"gram", "gram_sum"}))
def test_removing_channels_one_by_one_equals_leaving_them_out_from_the_start(readout):
    rng = np.random.default_rng(1)
    terms = rng.gamma(1, 1, ({"cosine": 3}.get(readout, 2), 40, 9))
    state = DistanceChannels(terms, READOUTS[readout].combine)
    state.remove([4])
    state.remove([0, 7])
    left = np.setdiff1d(np.arange(9), [0, 4, 7])
    expected = -READOUTS[readout].combine(terms[:, :, left].sum(axis=2))
    np.testing.assert_allclose(state.similarity(), expected, rtol=1e-12)
    np.testing.assert_allclose(
        state.similarity(without=5),
        -READOUTS[readout].combine(terms[:, :, left[left != 5]].sum(axis=2)),
        rtol=1e-9,
    )


def test_the_slope_of_a_readout_is_its_derivative():
    sums = np.random.default_rng(0).gamma(2, 1, (3, 50))
    slopes = slopes_of(READOUTS["cosine"].combine, sums)
    step = 1e-5
    for k in range(3):
        moved = sums.copy()
        moved[k] += step
        rise = READOUTS["cosine"].combine(moved) - READOUTS["cosine"].combine(sums)
        np.testing.assert_allclose(slopes[k], rise / step, rtol=1e-3, atol=1e-6)


def test_the_gradient_orders_channels_as_exact_impacts_do(made):
    pairs, one = made
    state = DistanceChannels(one.terms, one.combine)
    alignment = Alignment(-pairs.dmos)
    exact, fast = leave_one_out(state, alignment), impact_gradient(state, alignment)
    assert stats.spearmanr(exact, fast).statistic > 0.9


def test_greedy_with_its_shortlist_ends_where_no_single_removal_helps(made):
    pairs, one = made
    alignment = Alignment(-pairs.dmos)
    pruned = prune_greedily(DistanceChannels(one.terms, one.combine), alignment)
    squared = one.terms[0]
    now = stats.spearmanr(squared[:, pruned.kept].mean(axis=1), pairs.dmos).statistic
    assert pruned.path[-1] == pytest.approx(now)
    for channel in np.flatnonzero(pruned.kept):
        kept = pruned.kept.copy()
        kept[channel] = False
        less = stats.spearmanr(squared[:, kept].mean(axis=1), pairs.dmos).statistic
        assert less <= now + 1e-12


STRATEGIES = ("negative", "single_pass", "greedy", "exhaustive", "threshold", "curve", "reweight")


@pytest.mark.parametrize("method", STRATEGIES)
def test_a_strategy_finds_the_channels_that_carry_harm_and_they_hold_elsewhere(made, method):
    pairs, one = made
    features = pair_features(one, pairs)
    here = np.isin(pairs.scenes, [f"r{k}" for k in range(14)])
    strategy = parse_strategy(f"{method}:reference")
    fitting = features.subset(here)
    chosen = strategy(fitting, fitting.ratings, np.random.default_rng(0))
    judging = features.subset(~here)
    measure = judging.alignment(ON_PAIRS)
    before = measure(judging.channels(ON_PAIRS).similarity())
    after = measure(judging.similarity(ON_PAIRS, chosen.scale))
    assert chosen.after > chosen.before
    assert after > before + 0.1


def test_kept_channels_are_those_of_plain_exhaustive_search():
    pairs, one = world(references=4, each=8, channels=7, good=3, seed=3)
    squared = one.terms[0]
    kept = list(range(7))

    def reached(some):
        return stats.spearmanr(squared[:, some].mean(axis=1), pairs.dmos).statistic

    while len(kept) > 1:
        best = max(kept, key=lambda c: reached([k for k in kept if k != c]))
        if reached([k for k in kept if k != best]) <= reached(kept):
            break
        kept.remove(best)
    pruned = prune_greedily(
        DistanceChannels(one.terms, one.combine), Alignment(-pairs.dmos), shortlist=None
    )
    assert np.flatnonzero(pruned.kept).tolist() == kept


def test_a_selection_says_that_pairs_judged_it_and_stands_beside_its_controls(made, tmp_path):
    pairs, one = made
    study = select_on_pairs([one], pairs, strategies=["greedy", "negative:reference"], seed=3)
    study.write(tmp_path / "selection.json")
    chosen = read_selection(tmp_path / "selection.json").by_method("greedy:reference")
    assert chosen.on_reference_pairs
    assert (chosen.distance, chosen.size, chosen.method) == ("rms", None, "greedy:reference")
    assert chosen.alignment_held_out.after > chosen.alignment_held_out.before + 0.1
    low, high = chosen.alignment_held_out.interval
    assert low < chosen.alignment_held_out.after < high
    assert len(chosen.alignment_shuffled.held_out) == len(chosen.alignment_random) == 20
    assert max(chosen.alignment_shuffled.held_out) < chosen.alignment_held_out.after
    assert max(chosen.alignment_random) < chosen.alignment_held_out.after
    assert not set(chosen.scenes_selection) & set(chosen.scenes_held_out)
    assert chosen.families_selection == chosen.families_held_out
    assert chosen.provenance["parameters"]["control"] == "reference"


def test_all_channels_are_a_candidate_without_controls(made):
    pairs, one = made
    study = select_on_pairs([one], pairs, strategies=["negative"], shuffles=2, draws=2, seed=1)
    everything = study.by_method("all:reference")
    assert everything.n_kept == 30
    assert everything.alignment_shuffled.held_out == everything.alignment_random == []


def test_choices_on_pairs_are_the_same_in_any_pool(made):
    pairs, one = made
    how = {"strategies": ["greedy", "random"], "shuffles": 3, "draws": 2, "seed": 1}
    alone, steps = select_on_pairs([one], pairs, **how), []
    with ThreadPoolExecutor(2) as pool:
        shared = select_on_pairs(
            [one], pairs, pool=pool, progress=lambda *step: steps.append(step), **how
        )
    assert shared == alone
    assert len(steps) == 1 + 2 * (1 + 3)
    assert steps[-1][0] == steps[-1][1]


def test_where_nothing_carries_harm_all_channels_drive_the_maps(made):
    pairs, one = made
    fallen_back = 0
    for seed in range(8):
        shuffled = np.random.default_rng(seed).permutation(pairs.dmos)
        noise = Pairs(pairs.images, pairs.references, shuffled, pairs.scenes)
        study = select_on_pairs([one], noise, strategies=["greedy"], draws=0, seed=seed)
        fallen_back += study.chosen == "all:reference"
    assert fallen_back >= 6


def test_types_that_choose_do_not_judge(made):
    pairs, one = made
    study = select_on_pairs(
        [one], pairs, strategies=["negative"], choosing_families=["blur", "noise"],
        shuffles=2, draws=2, seed=1,
    )  # fmt: skip
    chosen = study.by_method("negative:reference")
    assert chosen.families_selection == ["blur", "noise"]
    assert chosen.families_held_out == ["jpeg", "shift"]
    assert not set(chosen.scenes_selection) & set(chosen.scenes_held_out)


def test_pairs_that_the_weights_were_fitted_to_never_judge(made):
    pairs, one = made
    seen = np.isin(pairs.scenes, ["r0", "r1", "r2"])
    fitted = ChannelDistances(**{**vars(one), "seen": seen})
    for seed in range(5):
        study = select_on_pairs(
            [fitted], pairs, strategies=["negative"], shuffles=1, draws=1, seed=seed
        )
        assert not {"r0", "r1", "r2"} & set(study.candidates[0].scenes_held_out)


def test_references_take_turns_in_judging():
    labels = np.repeat(list("abcdefg"), 5)
    turns = reference_turns(labels, judging=3, splits=7, rng=np.random.default_rng(0))
    assert all(len(np.unique(labels[test])) == 3 for test in turns)
    assert np.sum(turns, axis=0).tolist() == [3] * 35


def test_a_comparison_has_a_row_a_strategy_with_gain_and_controls(made):
    pairs, one = made
    strategies = [parse_strategy(f"{name}:reference") for name in ("all", "greedy", "random")]
    table = compare_on_pairs(pair_features(one, pairs), strategies, splits=4, shuffles=4, draws=5)
    assert list(table.columns) == list(COLUMNS)
    table = table.set_index("strategy")
    greedy = table.loc["greedy:reference"]
    assert 0 < greedy["low"] < greedy["gain"] < greedy["high"]
    assert greedy["shuffled_most"] < greedy["held_out_after"]
    assert greedy["random_most"] < greedy["held_out_after"]
    assert greedy["p"] == pytest.approx(1 / 5)
    everything = table.loc["all:reference"]
    assert everything["gain"] == 0
    assert np.isnan([everything["shuffled"], everything["random"], everything["p"]]).all()


@pytest.mark.parametrize("name", ["all", "greedy", "random"])
def test_splits_side_by_side_draw_what_one_after_another_would(made, name):
    pairs, one = made
    features, strategy = pair_features(one, pairs), parse_strategy(f"{name}:reference")
    how = {"splits": 3, "shuffles": 2, "draws": 2, "seed": 5}
    with ThreadPoolExecutor(2) as pool:
        (row,) = compare_on_pairs(features, [strategy], pool=pool, **how).itertuples()
    judging = max(1, round(len(set(pairs.scenes)) * 3 / 7))
    turns = reference_turns(
        features.scenes, judging=judging, splits=3, rng=np.random.default_rng(5)
    )
    rng = np.random.default_rng([5, 1])
    times = drawn_references(features.scenes, rng=rng)
    trials = []
    for test in turns:
        orders = [rng.permutation(int((~test).sum())) for _ in range(2)]
        parts = features.subset(~test), features.subset(test)
        trials.append(
            try_on_pairs(strategy, *parts, orders, draws=2, rng=rng, times=times[:, test])
        )
    assert row.held_out_after == np.mean([one.after for one in trials])
    if name != "all":
        assert row.random == pytest.approx(np.mean([one.random for one in trials]), rel=1e-12)
        assert row.shuffled == pytest.approx(np.mean([one.shuffled for one in trials]), rel=1e-12)


def test_a_type_that_never_chose_can_judge(made):
    pairs, one = made
    (row,) = compare_on_pairs(
        pair_features(one, pairs), [parse_strategy("negative:reference")], splits=2,
        families=pairs.families, unseen="jpeg", draws=2,
    ).itertuples()  # fmt: skip
    assert row.gain > 0


def test_a_state_that_others_read_cannot_be_changed(made):
    pairs, one = made
    shared = pair_features(one, pairs).channels(ON_PAIRS)
    with pytest.raises(RefusedError, match="change a copy"):
        shared.remove([0])
    shared.copy().remove([0])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("readout:reference", "use 'reweight'"),
        ("reference:reference", "use 'reweight'"),
        ("greedy:within", "use greedy:reference"),
        ("gredy", "did you mean 'greedy'"),
        ("greedy:refrence", "did you mean 'reference'"),
    ],
)
def test_a_strategy_that_pairs_cannot_take_is_one_line(made, name, message):
    pairs, one = made
    with pytest.raises(InputError, match=message):
        select_on_pairs([one], pairs, strategies=[name], seed=0)


def test_rated_images_refuse_the_control_that_needs_native_size():
    images = RatedFeatures(np.random.default_rng(0).random((6, 3)), range(6), list("aabbcc"))
    with pytest.raises(InputError, match="needs distances from references at native size"):
        parse_strategy("negative:reference")(images, images.ratings, np.random.default_rng(0))


def test_constant_scores_are_one_line(made):
    _, one = made
    with pytest.raises(InputError, match="all 96 pairs have the same score"):
        ReferenceFeatures(one.terms, one.combine, np.ones(96), np.arange(96))


def test_too_few_references_cannot_choose_and_judge():
    pairs, one = world(references=1, each=12)
    with pytest.raises(InputError, match="at least 4 scenes, got 1"):
        select_on_pairs([one], pairs, seed=0)


def test_an_unknown_distortion_type_is_named_with_the_nearest(made):
    pairs, one = made
    with pytest.raises(InputError, match="did you mean 'noise'"):
        select_on_pairs([one], pairs, choosing_families=["nois"], seed=0)


@pytest.mark.slow
@pytest.mark.skipif(
    not LIVE.is_dir() or not WEIGHTS["alexnet"].is_file(), reason="no LIVE or AlexNet here"
)
def test_on_live_pruning_holds_on_unseen_references_and_random_channels_do_not(tmp_path):
    pairs, layer = live_pairs(), "features.5"
    found = pass_pairs(trained("alexnet"), pairs, [layer], cache=tmp_path)
    one = channel_distances(found, [layer])
    strategies = [parse_strategy(f"{n}:reference") for n in ("negative", "greedy", "reweight")]
    table = compare_on_pairs(
        pair_features(one, pairs), strategies, judging=3, splits=7, shuffles=5
    ).set_index("strategy")
    assert (table["low"] > 0).all()
    assert (table["gain"] > 0.01).all()
    assert (table["held_out_after"] > table["random_most"]).all()
    assert (table["held_out_after"] > table["shuffled_most"]).all()
    study = select_on_pairs([one], pairs, strategies=["negative"], draws=2, seed=0)
    weights = selection_weights(study.by_method("negative:reference"), found, [layer])
    assert 0 < weights.sum() < 192
    judged = np.isin(pairs.scenes, study.candidates[1].scenes_held_out)
    reached = stats.spearmanr(
        distances("rms", [found.layer(layer)], weights=weights)[judged], pairs.dmos[judged]
    ).statistic
    assert reached == pytest.approx(study.candidates[1].alignment_held_out.after, abs=1e-9)
