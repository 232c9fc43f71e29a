"""Correlations, logistic, bootstraps and differences: by definition, and on published scores."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from pair_worlds import DATA, Pairs
from scipy import stats
from scipy.optimize import curve_fit

from fechner.analysis.network.distances.ceiling import (
    score_ceiling,
    share_of_ceiling,
    single_dmos,
)
from fechner.analysis.network.distances.correlations import (
    after_logistic,
    agreement_with_dmos,
    by_group,
    within,
)
from fechner.analysis.network.distances.resampling import bootstrap, differences_between, intervals
from fechner.analysis.network.distances.table import (
    COLUMNS,
    DistanceRow,
    agreement_table,
)
from fechner.errors import InputError

TID = DATA / "scores" / "zsiqa_tid2013.csv"
needs_tid = pytest.mark.skipif(not TID.is_file(), reason="no scores of TID2013 here")


@pytest.fixture(scope="module")
def world():
    """Return 3 distances of 120 pairs, their DMOS, references and types, with ties."""
    rng = np.random.default_rng(0)
    dmos = rng.integers(0, 40, 120).astype(float)
    values = dmos + rng.normal(0, 8, (3, 120))
    values[0] = values[0].round(-1)
    references = np.repeat([f"r{k}" for k in range(6)], 20)
    types = np.tile(["blur", "noise", "jpeg", "shift"], 30)
    return values, dmos, references, types


def test_pooled_correlations_equal_scipy(world):
    values, dmos, references, types = world
    found = agreement_with_dmos(values[0], dmos, families=types, references=references)
    assert found.spearman == pytest.approx(stats.spearmanr(values[0], dmos).statistic)
    assert found.kendall == pytest.approx(stats.kendalltau(values[0], dmos).statistic)


def test_within_is_the_mean_of_the_groups_own_correlations(world):
    values, dmos, references, _ = world
    expected = np.mean(
        [
            stats.spearmanr(values[1][references == r], dmos[references == r]).statistic
            for r in np.unique(references)
        ]
    )
    assert within(values[1], dmos, references) == pytest.approx(expected)


def test_a_group_whose_scores_are_all_equal_has_no_correlation(world):
    values, dmos, _, types = world
    flat = np.where(types == "blur", 1.0, dmos)
    table = by_group(values[1], flat, types).set_index("group")
    assert np.isnan(table.loc["blur", "spearman"])
    assert within(values[1], flat, types) == pytest.approx(table["spearman"].mean())


def test_the_logistic_finds_a_curve_that_made_the_scores():
    x = np.random.default_rng(0).uniform(0, 3, 400)
    y = 40 * (0.5 - 1 / (1 + np.exp(5 * (x - 1.2)))) + 2 * x + 30
    np.testing.assert_allclose(after_logistic(x, y), y, atol=1e-6)


def test_the_logistic_does_at_least_as_well_as_scipy_from_the_usual_start(world):
    values, dmos, _, _ = world

    def curve(x, b1, b2, b3, b4, b5):
        return b1 * (0.5 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5

    for x in values:
        start = (np.ptp(dmos), 1 / x.std(), x.mean(), 0, dmos.mean())
        usual = curve(x, *curve_fit(curve, x, dmos, start, maxfev=20000)[0])
        ours = after_logistic(x, dmos)
        assert ((ours - dmos) ** 2).sum() <= ((usual - dmos) ** 2).sum() * (1 + 1e-6)


def test_pearson_after_the_logistic_is_never_below_plain_pearson(world):
    values, dmos, _, _ = world
    for x in values:
        assert agreement_with_dmos(x, dmos).pearson >= stats.pearsonr(x, dmos).statistic - 1e-9


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_logistic_does_not_care_about_the_unit_of_distance(world, scale):
    values, dmos, _, _ = world
    np.testing.assert_allclose(
        after_logistic(values[1] * scale, dmos), after_logistic(values[1], dmos), rtol=1e-6
    )


def test_infinite_values_rank_last_and_leave_the_logistic_finite(world):
    values, dmos, _, _ = world
    psnr_like = values[1].copy()
    psnr_like[:2] = -np.inf
    found = agreement_with_dmos(psnr_like, dmos)
    assert np.isfinite([found.spearman, found.pearson, found.rmse]).all()


@pytest.mark.parametrize("what", ["references", "types"])
def test_a_resample_is_the_correlation_of_the_repeated_pairs(world, what):
    values, dmos, references, types = world
    units = references if what == "references" else types
    draws = bootstrap(values, dmos, units, resamples=20, seed=5)
    names = np.unique(units)
    times = np.random.default_rng(5).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=20
    )
    for b in range(20):
        rows = np.concatenate(
            [np.tile(np.flatnonzero(units == n), t) for n, t in zip(names, times[b], strict=True)]
        )
        for k in range(3):
            expected = stats.spearmanr(values[k][rows], dmos[rows]).statistic
            assert draws[k, b] == pytest.approx(expected, abs=1e-12)


def test_within_types_over_types_draws_whole_types(world):
    values, dmos, _, types = world
    draws = bootstrap(values[:1], dmos, types, inside=types, resamples=30, seed=2)[0]
    own = by_group(values[0], dmos, types)["spearman"].to_numpy()
    times = np.random.default_rng(2).multinomial(4, np.full(4, 0.25), size=30)
    np.testing.assert_allclose(draws, times @ own / 4, rtol=1e-12)


def test_within_types_over_references_correlates_the_drawn_pairs_of_each_type(world):
    values, dmos, references, types = world
    draws = bootstrap(values[:1], dmos, references, inside=types, resamples=5, seed=3)[0]
    names = np.unique(references)
    times = np.random.default_rng(3).multinomial(6, np.full(6, 1 / 6), size=5)
    for b in range(5):
        weight = times[b][np.searchsorted(names, references)]
        rows = np.repeat(np.arange(120), weight)
        own = [
            stats.spearmanr(values[0][rows][types[rows] == t], dmos[rows][types[rows] == t])
            for t in np.unique(types)
        ]
        assert draws[b] == pytest.approx(np.mean([one.statistic for one in own]))


def test_differences_are_paired_and_say_how_many_were_compared(world):
    values, dmos, references, types = world
    table = differences_between(
        ["a", "b", "c"], values, dmos, references, families=types, resamples=200, seed=1
    )
    assert table["compared"].tolist() == [3, 3, 3]
    draws = bootstrap(values, dmos, references, resamples=200, seed=1)
    low, high = np.quantile(draws[0] - draws[2], [0.025, 0.975])
    row = table[(table["first"] == "a") & (table["second"] == "c")].iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    apart = differences_between(
        ["a", "b", "c"], values, dmos, references, against="b", resamples=50
    )
    assert apart["first"].tolist() == ["a", "c"]
    assert apart["low_types"].isna().all()


def test_a_distance_does_not_differ_from_itself(world):
    values, dmos, references, _ = world
    table = differences_between(["a", "b"], values[[0, 0]], dmos, references, resamples=50)
    assert (table.loc[0, ["difference", "low", "high"]] == 0).all()


def test_a_table_has_a_row_a_distance_with_both_intervals(world):
    values, dmos, references, types = world

    pairs = Pairs([], list(references), dmos, references, types)
    rows = [DistanceRow("net", f"l{k}", "rms", "none", values[k], depth=k) for k in range(3)]
    table = agreement_table(rows, pairs, resamples=100)
    assert list(table.columns) == list(COLUMNS)
    assert table["n_references"].tolist() == [6, 6, 6]
    assert ((table["low"] < table["spearman"]) & (table["spearman"] < table["high"])).all()
    expected = intervals(bootstrap(values, dmos, types, resamples=100))
    np.testing.assert_allclose(table[["low_types", "high_types"]], expected)
    assert agreement_table(rows, pairs, resamples=0)["low"].isna().all()


@pytest.fixture(scope="module")
def tid():
    """Return metrics of the 3000 pairs of TID2013 turned into distances, and what is known."""
    table = pd.read_csv(TID)
    names = [name for name in table.columns if name not in ("dis", "ref", "mos")]
    values = table[names].to_numpy().T.copy()
    values[names.index("psnr")] *= -1
    references = table["ref"].str.upper().to_numpy(dtype=str)
    types = table["dis"].str.extract(r"_(\d+)_")[0].to_numpy(dtype=str)
    return names, values, table["mos"].to_numpy(), references, types


@needs_tid
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fsim", 0.851), ("clip_vitb32_l2", 0.793), ("dinov1_l2", 0.792), ("lpips", 0.769),
        ("dists", 0.708), ("psnr", 0.687),
    ],
)  # fmt: skip
def test_correlations_on_tid2013_are_those_that_were_published(tid, name, expected):
    names, values, dmos, _, _ = tid
    assert agreement_with_dmos(values[names.index(name)], dmos).spearman == pytest.approx(
        expected, abs=5e-4
    )


@needs_tid
def test_within_types_of_tid2013_the_lead_of_deep_metrics_is_gone(tid):
    names, values, dmos, _, types = tid
    size = {
        name: by_group(values[names.index(name)], dmos, types)["spearman"].abs().mean()
        for name in ("psnr", "lpips", "dists")
    }
    assert size == pytest.approx({"psnr": 0.819, "lpips": 0.819, "dists": 0.813}, abs=1e-3)
    # PSNR runs against one type, so that its mean is lower than the mean of magnitudes.
    assert within(values[names.index("psnr")], dmos, types) == pytest.approx(0.808, abs=1e-3)


@needs_tid
def test_lpips_beats_dists_on_other_references_but_not_on_other_types(tid):
    names, values, dmos, references, types = tid
    two = values[[names.index("lpips"), names.index("dists")]]
    row = differences_between(
        ["lpips", "dists"], two, dmos, references, families=types, resamples=4000
    ).iloc[0]
    assert row["difference"] == pytest.approx(0.061, abs=5e-4)
    assert (row["low"], row["high"]) == pytest.approx((0.048, 0.072), abs=3e-3)
    assert (row["low_types"], row["high_types"]) == pytest.approx((-0.008, 0.149), abs=6e-3)


def test_single_ratings_of_a_pair_are_the_reference_minus_the_image():
    ratings = np.array([[5.0, 3.0, 4.0], [4.0, np.nan, 1.0]])
    single = single_dmos(ratings, images=[1, 2], references=[0, 0])
    np.testing.assert_array_equal(single, [[2.0, 1.0], [np.nan, 3.0]])


def test_the_ceiling_is_what_a_second_panel_would_reach():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    panels = truth + rng.normal(0, 2.0, (2, 24, 400))
    lower, upper = score_ceiling(panels[0])
    second = stats.spearmanr(panels[0].mean(axis=0), panels[1].mean(axis=0)).statistic
    assert lower == pytest.approx(second, abs=0.03)
    assert upper == pytest.approx(
        stats.spearmanr(panels[0].mean(axis=0), truth).statistic, abs=0.03
    )
    assert share_of_ceiling(0.5 * upper, (lower, upper)) == pytest.approx(0.5)


def test_the_ceiling_rises_with_the_number_of_people():
    rng = np.random.default_rng(1)
    panel = rng.normal(size=200) + rng.normal(0, 2.0, (32, 200))
    reached = [score_ceiling(panel[:n])[0] for n in (4, 8, 16, 32)]
    assert all(a < b for a, b in pairwise(reached))


def test_three_people_have_no_ceiling():
    with pytest.raises(InputError, match="at least four people, got 3"):
        score_ceiling(np.ones((3, 10)))


def test_constant_scores_are_one_line(world):
    values = world[0]
    with pytest.raises(InputError, match="all 120 pairs have the same score"):
        agreement_with_dmos(values[0], np.ones(120))


def test_a_constant_distance_agrees_with_nothing(world):
    dmos = world[1]
    found = agreement_with_dmos(np.ones(120), dmos)
    assert (found.spearman, found.kendall, found.pearson) == pytest.approx((0, 0, 0))
    assert found.rmse == pytest.approx(dmos.std())


def test_a_missing_distance_is_named_by_its_pair(world):
    values, dmos, _, _ = world
    gap = values[0].copy()
    gap[7] = np.nan
    with pytest.raises(InputError, match="distance of pair 8 is missing"):
        agreement_with_dmos(gap, dmos)


def test_one_reference_has_no_interval(world):
    values, dmos, _, _ = world
    with pytest.raises(InputError, match=r"needs two of them, got 1 \(r0\)"):
        bootstrap(values, dmos, np.full(120, "r0"))


def test_a_row_that_is_not_there_cannot_be_compared_with(world):
    values, dmos, references, _ = world
    with pytest.raises(InputError, match="no row is called 'd'"):
        differences_between(["a", "b", "c"], values, dmos, references, against="d")
