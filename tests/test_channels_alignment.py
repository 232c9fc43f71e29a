from itertools import permutations, product

import channels_oracle as oracle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fechner.analysis.network.alignment.alignment import (
    FITS,
    Alignment,
    PartialAlignment,
    align,
)
from fechner.analysis.network.alignment.pairs import all_pairs, pairs_within
from fechner.analysis.network.alignment.ranks import midranks
from fechner.analysis.network.alignment.similarity import (
    SIMILARITIES,
    model_similarity,
    rating_similarity,
)
from fechner.analysis.network.alignment.uncertainty import bootstrap_interval, permutation_p
from fechner.analysis.network.evidence.ceiling import (
    noise_ceiling,
    split_half_reliability,
)
from fechner.errors import InputError

QUICK = settings(max_examples=40, deadline=None)
FEW_VALUES = st.integers(0, 4).map(float)


@st.composite
def features_and_ratings(draw):
    """Small sets with ties, dead and constant channels, and duplicated images."""
    n, channels, space = draw(st.integers(4, 9)), draw(st.integers(2, 6)), draw(st.integers(1, 3))
    numbers = draw(
        st.lists(FEW_VALUES, min_size=n * channels * space, max_size=n * channels * space)
    )
    features = np.array(numbers).reshape(n, channels, space)
    if draw(st.booleans()):
        features[1] = features[0]
    if draw(st.booleans()):
        features[:, 0] = 0.0
    if draw(st.booleans()):
        features[:, 1] = 2.0
    ratings = np.array(draw(st.lists(FEW_VALUES, min_size=n, max_size=n)))
    ratings[:2] = 0.0, 1.0
    ratings[2:4] = 3.0, 3.0
    return features, ratings


@QUICK
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_midranks_equal_scipys(values):
    assert np.array_equal(midranks(np.array(values)), stats.rankdata(values))


@pytest.mark.parametrize("similarity", SIMILARITIES)
@QUICK
@given(features_and_ratings())
def test_model_similarity_equals_the_plain_formula(similarity, data):
    features, _ = data
    got = model_similarity(features, all_pairs(len(features)), similarity=similarity)
    want = oracle.upper(oracle.similarity_matrix(features, similarity))
    assert np.allclose(got, want, atol=1e-7)


@pytest.mark.parametrize("fit", FITS)
@QUICK
@given(features_and_ratings())
def test_every_fit_measure_equals_scipys_with_ties(fit, data):
    features, ratings = data
    pairs = all_pairs(len(features))
    similarity = model_similarity(features, pairs)
    human = rating_similarity(ratings, pairs)
    want = oracle.fit(similarity, human, fit)
    assert Alignment(human, fit)(similarity) == pytest.approx(want, abs=1e-8)


def test_a_perfect_model_aligns_perfectly_by_every_measure():
    ratings = np.random.default_rng(0).normal(size=12)
    human = rating_similarity(ratings, all_pairs(12))
    reached = {fit: Alignment(human, fit)(3 * human + 1) for fit in FITS}
    assert reached == pytest.approx(
        {"spearman": 1, "tau_a": 1, "pearson": 1, "rmse_linear": 0, "rmse_monotone": 0}, abs=1e-7
    )


def test_squared_and_absolute_kernels_align_alike_under_spearman():
    rng = np.random.default_rng(1)
    pairs, ratings = all_pairs(15), rng.normal(size=15)
    similarity = rng.normal(size=len(pairs))
    absolute = align(ratings, pairs, kernel="absolute")(similarity)
    assert align(ratings, pairs, kernel="squared")(similarity) == pytest.approx(absolute)
    assert align(ratings, pairs, kernel="gaussian")(similarity) == pytest.approx(absolute)


def test_the_rank_kernel_ignores_a_monotone_change_of_the_ratings():
    pairs, ratings = all_pairs(8), np.arange(8.0)
    assert np.array_equal(
        rating_similarity(ratings, pairs, kernel="rank"),
        rating_similarity(np.exp(ratings), pairs, kernel="rank"),
    )


def test_several_dimensions_are_compared_together():
    ratings = np.array([[1.0, 10], [2, 20], [3, 30], [4, 10]])
    pairs = all_pairs(4)
    standard = (ratings - ratings.mean(0)) / ratings.std(0)
    want = [-np.linalg.norm(standard[i] - standard[j]) for i in range(4) for j in range(i + 1, 4)]
    assert np.allclose(rating_similarity(ratings, pairs), want)
    assert np.abs(rating_similarity(ratings, pairs, kernel="cosine")).max() <= 1 + 1e-12


def test_pairs_within_scenes_are_those_of_equal_scene():
    pairs = pairs_within(["a", "b", "a", "b", "a"])
    assert list(zip(pairs.rows.tolist(), pairs.columns.tolist(), strict=True)) == [
        (0, 2), (0, 4), (1, 3), (2, 4),
    ]  # fmt: skip


def test_a_pair_vector_becomes_its_matrix_and_comes_back():
    pairs = all_pairs(6)
    values = np.arange(len(pairs), dtype=float)
    matrix = pairs.matrix(values, diagonal=0.0)
    assert np.array_equal(pairs.of(matrix), values)
    assert np.array_equal(matrix, matrix.T)


def test_partial_alignment_equals_correlating_residuals():
    rng = np.random.default_rng(2)
    first, second, model = rng.normal(size=(3, 66))
    second += first
    model += second

    def residual(x):
        ranks = stats.rankdata(x)
        other = stats.rankdata(second)
        return ranks - np.polyval(np.polyfit(other, ranks, 1), other)

    want = stats.pearsonr(residual(model), residual(first)).statistic
    got = PartialAlignment(Alignment(first), (Alignment(second),))(model)
    assert got == pytest.approx(want, abs=1e-12)


def test_permutation_p_equals_permuting_and_ranking_anew():
    rng = np.random.default_rng(3)
    pairs, ratings = all_pairs(10), rng.normal(size=10)
    similarity = rng.normal(size=len(pairs))
    p, permuted = permutation_p(
        similarity, ratings, pairs, rng=np.random.default_rng(7), permutations=20
    )
    again = np.random.default_rng(7)
    want = [align(ratings[again.permutation(10)], pairs)(similarity) for _ in range(20)]
    assert np.allclose(permuted, want, atol=1e-12)
    assert p == (1 + (np.array(want) >= align(ratings, pairs)(similarity)).sum()) / 21


def test_images_swap_ratings_within_their_groups_only():
    rng = np.random.default_rng(3)
    groups, ratings = np.array([2, 0, 1, 0, 2, 1, 0, 2, 1, 1]), rng.normal(size=10)
    pairs = pairs_within(groups)
    similarity = rng.normal(size=len(pairs))
    p, permuted = permutation_p(
        similarity, ratings, pairs, rng=rng, groups=groups, permutations=400
    )
    observed = align(ratings, pairs)(similarity)
    assert p == pytest.approx((1 + (permuted >= observed - 1e-12).sum()) / 401)
    # Three groups of 3, 3 and 4: every value that swaps within groups can give, and no other.
    orders = product(*(permutations(np.flatnonzero(groups == g)) for g in range(3)))
    possible = set()
    for order in orders:
        swapped = ratings.copy()
        for group, places in enumerate(order):
            swapped[groups == group] = ratings[list(places)]
        possible.add(round(align(swapped, pairs)(similarity), 9))
    assert {round(value, 9) for value in permuted} <= possible
    assert len({round(value, 9) for value in permuted}) > 100
    with pytest.raises(InputError, match="give the groups"):
        permutation_p(similarity, ratings, pairs, rng=rng)


def test_permutation_p_is_uniform_when_nothing_is_there():
    rng = np.random.default_rng(4)
    pairs = all_pairs(12)
    ps = [
        permutation_p(
            model_similarity(rng.random((12, 5)), pairs),
            rng.normal(size=12),
            pairs,
            rng=rng,
            permutations=39,
        )[0]
        for _ in range(200)
    ]
    assert stats.kstest(ps, "uniform").pvalue > 0.001


def test_the_bootstrap_drops_pairs_of_an_image_with_itself():
    pairs = all_pairs(40)
    rng = np.random.default_rng(5)
    similarity, human = rng.normal(size=(2, len(pairs)))
    low, high = bootstrap_interval(similarity, Alignment(human), pairs, rng=rng, resamples=200)
    # Self-pairs, most alike in both matrices, would lift every resample far above 0.
    assert low < 0.0 < high
    assert high < 0.25


def test_the_ceiling_of_differences_lies_below_the_reliability_of_ratings():
    # Reliability .9 of ratings is about .68 of their absolute differences (simulation,
    # normal ratings; facts of the design).
    rng = np.random.default_rng(6)
    truth = rng.normal(size=120)
    panel = truth + rng.normal(size=(18, 120)) * np.sqrt(18 * (1 / 0.9 - 1))
    reliability = split_half_reliability(panel, all_pairs(120), rng=rng, splits=20)
    assert reliability == pytest.approx(0.68, abs=0.07)
    lower, upper = noise_ceiling(panel, all_pairs(120), rng=rng)
    assert upper == pytest.approx(np.sqrt(lower))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: align(np.ones(5), all_pairs(5)), "constant"),
        (lambda: align(np.array([1, 2, np.nan, 3]), all_pairs(4)), "image 2 is missing"),
        (lambda: align(np.arange(4.0), all_pairs(4), fit="spearmann"), "did you mean 'spearman'"),
        (lambda: align(np.arange(4.0), all_pairs(4), kernel="abs"), "unknown rating kernel"),
        (lambda: align(np.random.default_rng(0).random((4, 5)), all_pairs(4)), "5 rating dim"),
        (lambda: pairs_within(["a", "b", "c"]), "several images a scene"),
        (lambda: all_pairs(2), "at least three images"),
        (lambda: model_similarity(np.ones(4), all_pairs(4)), "choose a layer that has channels"),
        (
            lambda: model_similarity(np.array([[1.0], [np.nan], [1.0]]), all_pairs(3)),
            "image 1 hold NaN",
        ),
    ],
)
def test_bad_input_is_named_in_one_line(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
