import channels_oracle as oracle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from test_channels_alignment import features_and_ratings

from fechner.analysis.network.alignment import grams as grams_module
from fechner.analysis.network.alignment import impact as impact_module
from fechner.analysis.network.alignment.alignment import FITS, align
from fechner.analysis.network.alignment.gradient import impact_gradient
from fechner.analysis.network.alignment.grams import ChannelGrams
from fechner.analysis.network.alignment.impact import (
    certified_impact,
    channel_impact,
    leave_one_out,
    reached_without,
)
from fechner.analysis.network.alignment.pairs import all_pairs, pairs_within
from fechner.analysis.network.alignment.similarity import (
    SIMILARITIES,
    model_similarity,
    rating_similarity,
)
from fechner.analysis.network.choosing.pruning import (
    prune_below,
    prune_greedily,
    prune_single_pass,
    pruning_curve,
)
from fechner.errors import InputError

QUICK = settings(max_examples=30, deadline=None)


def activations(n=40, channels=24, space=4, seed=0):
    """Rectified random activations with a dead channel and a duplicated image."""
    rng = np.random.default_rng(seed)
    values = np.maximum(rng.normal(size=(n, channels, space)) - 0.2, 0.0)
    values[:, 3] = 0.0
    values[5] = values[4]
    return values, rng.normal(size=n)


@pytest.fixture(params=["cached", "tiles"])
def either_path(request, monkeypatch):
    """Run with products kept, and with products computed tile by tile."""
    if request.param == "tiles":
        monkeypatch.setattr(grams_module, "CACHE_BYTES", 0)
        monkeypatch.setattr(grams_module, "TILE_NUMBERS", 64)


@pytest.mark.parametrize("similarity", SIMILARITIES)
@QUICK
@given(features_and_ratings())
def test_impact_equals_comparing_masked_features_anew(similarity, data):
    features, ratings = data
    pairs = all_pairs(len(features))
    got = leave_one_out(ChannelGrams(features, pairs, similarity=similarity), align(ratings, pairs))
    want = oracle.leave_one_out(features, rating_similarity(ratings, pairs), similarity)
    assert np.allclose(got, want, atol=1e-9)


@pytest.mark.usefixtures("either_path")
@pytest.mark.parametrize("fit", FITS)
def test_impact_equals_the_oracle_for_every_fit(fit):
    values, ratings = activations()
    pairs = all_pairs(len(values))
    got = leave_one_out(ChannelGrams(values, pairs), align(ratings, pairs, fit=fit))
    want = oracle.leave_one_out(values, rating_similarity(ratings, pairs), measure=fit)
    assert np.allclose(got, want, atol=1e-9)


@pytest.mark.usefixtures("either_path")
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_pairs_within_scenes_are_as_similar_as_among_all_pairs(similarity):
    values, _ = activations()
    some, every = (
        ChannelGrams(values, pairs, similarity=similarity)
        for pairs in (pairs_within(np.arange(40) % 7), all_pairs(40))
    )
    for without in (None, 2):
        whole = every.pairs.matrix(every.similarity(without))
        assert np.allclose(some.similarity(without), some.pairs.of(whole))


@pytest.mark.usefixtures("either_path")
@pytest.mark.parametrize("similarity", ("cosine", "pearson"))
@pytest.mark.parametrize("pairs", (all_pairs(40), pairs_within(np.arange(40) % 7)))
def test_projections_are_the_products_of_each_channel_times_the_weights(similarity, pairs):
    values, _ = activations()
    state = ChannelGrams(values, pairs, similarity=similarity)
    state.remove([1, 7, 20])
    weights = np.random.default_rng(1).normal(size=len(pairs))
    want = [state.products(c) @ weights * state.active[c] for c in range(24)]
    assert np.allclose(state.project(weights), want, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_removing_channels_equals_starting_without_them(similarity):
    values, _ = activations()
    pairs = all_pairs(40)
    state = ChannelGrams(values, pairs, similarity=similarity)
    state.remove([1, 7, 20])
    want = model_similarity(np.delete(values, [1, 7, 20], axis=1), pairs, similarity=similarity)
    assert np.allclose(state.similarity(), want, atol=1e-12)


def test_weighing_by_a_mask_equals_keeping_its_channels():
    values, _ = activations()
    kept = np.arange(24) % 2 == 0
    one, two = (ChannelGrams(values, all_pairs(40)) for _ in range(2))
    one.activate(kept)
    two.weigh(kept.astype(float))
    assert np.allclose(one.similarity(), two.similarity(), atol=1e-12)


def test_a_copy_leaves_the_original_as_it_was():
    values, _ = activations()
    state = ChannelGrams(values, all_pairs(40))
    before = state.similarity()
    state.copy().remove([0, 1, 2])
    assert np.array_equal(state.similarity(), before)


def test_certified_impact_lies_within_its_bound_and_has_the_right_sign():
    values, ratings = activations(n=120)
    pairs = all_pairs(120)
    grams, alignment = ChannelGrams(values, pairs), align(ratings, pairs)
    impact, bound = certified_impact(grams, alignment)
    exact = leave_one_out(grams, alignment)
    assert (bound > 0).any()
    assert (np.abs(impact - exact) <= bound + 1e-12).all()
    assert np.array_equal(np.sign(impact), np.sign(exact))


@pytest.mark.parametrize("similarity", SIMILARITIES)
@QUICK
@given(features_and_ratings(), st.sampled_from([2, 5, 16, 64]))
def test_counting_stays_within_its_bound_however_coarse_the_buckets(similarity, data, count):
    features, ratings = data
    pairs = all_pairs(len(features))
    grams, alignment = ChannelGrams(features, pairs, similarity=similarity), align(ratings, pairs)
    whole = grams.similarity()
    buckets = impact_module.Buckets(whole.mean(), whole.std() or 1.0)
    exact = alignment(whole) - oracle.leave_one_out(features, alignment.human, similarity)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(impact_module, "BUCKETS", count)
        for channel in range(grams.n_channels):
            counted, bound = impact_module._bucketed(grams, alignment, channel, buckets)
            assert abs(counted - exact[channel]) <= bound + 1e-9


def test_the_progress_of_certified_impact_ends_at_all_though_the_last_channel_is_dead():
    values, ratings = activations()
    values[:, -1] = 0.0
    pairs, steps = all_pairs(40), []
    certified_impact(
        ChannelGrams(values, pairs),
        align(ratings, pairs),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps[-1] == (22, 22)


def test_more_tied_pairs_than_a_bucket_can_count_are_sorted():
    rng = np.random.default_rng(1)
    values = np.ones((1500, 2, 1))
    values[:9] = rng.random((9, 2, 1))
    pairs = all_pairs(1500)
    grams, alignment = ChannelGrams(values, pairs), align(rng.normal(size=1500), pairs)
    impact, bound = certified_impact(grams, alignment)
    assert not bound.any()
    assert np.array_equal(impact, leave_one_out(grams, alignment))


def test_certified_impact_holds_its_bound_when_most_pairs_are_tied():
    values, ratings = activations(n=60)
    values[:30] = 0.0
    pairs = all_pairs(60)
    grams, alignment = ChannelGrams(values, pairs), align(ratings, pairs)
    impact, bound = certified_impact(grams, alignment)
    assert (np.abs(impact - leave_one_out(grams, alignment)) <= bound + 1e-12).all()


def test_certified_impact_meets_a_tolerance():
    values, ratings = activations(n=60)
    pairs = all_pairs(60)
    _, bound = certified_impact(ChannelGrams(values, pairs), align(ratings, pairs), tolerance=1e-9)
    assert bound.max() <= 1e-9


def test_only_spearman_can_be_certified():
    values, ratings = activations()
    pairs = all_pairs(40)
    with pytest.raises(InputError, match="needs the fit spearman"):
        certified_impact(ChannelGrams(values, pairs), align(ratings, pairs, fit="pearson"))


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("fit", ["spearman", "pearson"])
def test_the_gradient_ranks_channels_as_exact_impact_does(similarity, fit):
    rng = np.random.default_rng(3)
    values = np.maximum(rng.normal(size=(60, 80, 4)), 0.0)
    pairs = all_pairs(60)
    grams = ChannelGrams(values, pairs, similarity=similarity)
    alignment = align(rng.normal(size=60), pairs, fit=fit)
    exact, gradient = leave_one_out(grams, alignment), impact_gradient(grams, alignment)
    assert stats.spearmanr(exact, gradient).statistic > 0.95


def test_pruning_negative_channels_keeps_exactly_those_that_do_not_harm():
    values, ratings = activations()
    pairs = all_pairs(40)
    grams, alignment = ChannelGrams(values, pairs), align(ratings, pairs)
    impact = channel_impact(grams, alignment)
    pruned = prune_below(grams, alignment, impact)
    assert np.array_equal(pruned.kept, impact >= 0)
    assert pruned.path[1] == pytest.approx(
        alignment(model_similarity(values[:, impact >= 0], pairs))
    )
    with pytest.raises(InputError, match="lower the threshold"):
        prune_below(grams, alignment, impact, threshold=9.0)


def test_greedy_pruning_with_a_shortlist_reaches_what_exhaustive_search_reaches():
    values, ratings = activations(n=30, channels=14)
    pairs = all_pairs(30)
    alignment = align(ratings, pairs)
    want = oracle.greedy(values, rating_similarity(ratings, pairs))
    exhaustive = prune_greedily(ChannelGrams(values, pairs), alignment, shortlist=None)
    short = prune_greedily(ChannelGrams(values, pairs), alignment, shortlist=4)
    assert exhaustive.path[-1] == pytest.approx(want, abs=1e-9)
    assert short.path[-1] == pytest.approx(want, abs=0.02)


@pytest.mark.parametrize("options", [{}, {"batch": 0.2}, {"shortlist": 3}])
def test_no_single_removal_betters_what_greedy_pruning_kept(options):
    values, ratings = activations()
    pairs = all_pairs(40)
    alignment = align(ratings, pairs)
    grams = ChannelGrams(values, pairs)
    pruned = prune_greedily(grams, alignment, **options)
    grams.activate(pruned.kept)
    assert list(pruned.path) == sorted(pruned.path)
    assert alignment(grams.similarity()) == pytest.approx(pruned.path[-1], abs=1e-9)
    assert leave_one_out(grams, alignment)[pruned.kept].min() >= -1e-9
    assert sorted(pruned.removed) == np.flatnonzero(~pruned.kept).tolist()


@pytest.mark.parametrize("buckets", [64, 1 << 10, 1 << 17])
@pytest.mark.parametrize("options", [{}, {"batch": 0.2}, {"shortlist": None}])
def test_greedy_pruning_by_counting_is_that_by_sorting_however_coarse(
    buckets, options, monkeypatch
):
    values, ratings = activations(n=90)
    pairs = all_pairs(90)
    grams, alignment = ChannelGrams(values, pairs), align(ratings, pairs)
    sorted_ = prune_greedily(grams, alignment, **options)
    monkeypatch.setattr(impact_module, "MANY_PAIRS", 0)
    monkeypatch.setattr(impact_module, "BUCKETS", buckets)
    counted = prune_greedily(grams, alignment, **options)
    assert counted.removed == sorted_.removed
    assert counted.path == sorted_.path


def test_counting_evaluates_exactly_only_what_its_bounds_leave_open(monkeypatch):
    values, ratings = activations(n=90)
    pairs = all_pairs(90)
    grams, alignment = ChannelGrams(values, pairs), align(ratings, pairs)
    exact = reached_without(grams, alignment, np.arange(24), above=-1.0, most=24)
    monkeypatch.setattr(impact_module, "MANY_PAIRS", 0)
    best = reached_without(grams, alignment, np.arange(24), above=-1.0, most=1)
    assert best.argmax() == exact.argmax()
    assert best.max() == exact.max()
    assert (best != exact).sum() > 12
    assert np.abs(best - exact).max() < 1e-3


@pytest.mark.parametrize("fit", FITS)
def test_any_fit_measure_can_drive_greedy_pruning(fit):
    values, ratings = activations(channels=12)
    pairs = all_pairs(40)
    pruned = prune_greedily(ChannelGrams(values, pairs), align(ratings, pairs, fit=fit))
    assert pruned.path[-1] > pruned.path[0]


def test_one_pass_never_lowers_alignment():
    values, ratings = activations()
    pairs = all_pairs(40)
    grams, alignment = ChannelGrams(values, pairs), align(ratings, pairs)
    pruned = prune_single_pass(grams, alignment, leave_one_out(grams, alignment))
    assert list(pruned.path) == sorted(pruned.path)
    assert pruned.path[-1] > pruned.path[0]


def test_the_pruning_curve_starts_whole_and_follows_the_order():
    values, ratings = activations()
    pairs = all_pairs(40)
    grams, alignment = ChannelGrams(values, pairs), align(ratings, pairs)
    order = np.arange(24)[::-1]
    curve = pruning_curve(grams, alignment, order, np.array([0, 5, 20]))
    want = [alignment(model_similarity(values[:, : 24 - k], pairs)) for k in (0, 5, 20)]
    assert np.allclose(curve, want, atol=1e-9)
