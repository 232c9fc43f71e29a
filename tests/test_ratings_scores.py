"""Scores and the rejection of BT.500 against sureal, on SIMULATED and public studies."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import brentq

from fechner.analysis.ratings.matrices import RatingMatrix, rating_matrix
from fechner.analysis.ratings.scores.dmos import dmos
from fechner.analysis.ratings.scores.intervals import mean_interval
from fechner.analysis.ratings.scores.likelihood import maximum_likelihood
from fechner.analysis.ratings.scores.mos import mos, participant_bias, remove_bias, unvaried
from fechner.analysis.ratings.scores.z_scores import z_scores
from fechner.analysis.ratings.screening.bt500 import bt500
from fechner.errors import InputError
from fechner.records.ratings import ratings_from_table, read_ratings
from fechner.records.scales import Scale
from fechner.records.stimuli import StimulusTable

OURS = Path(__file__).parent / "data"
SHARED = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
PUBLIC = SHARED / "ratings"
COMPLETE, MISSING = "SIMULATED_acr", "SIMULATED_slider_missing"

needs_public = pytest.mark.skipif(not PUBLIC.exists(), reason=f"no public studies at {PUBLIC}")
STUDIES = (
    COMPLETE,
    MISSING,
    pytest.param("nflx_public", marks=needs_public),
    pytest.param("vqeghd3", marks=needs_public),
)


def matrix_of(values, limits=None):
    values = np.asarray(values, float)
    images = tuple(f"i{k}" for k in range(values.shape[0]))
    return RatingMatrix(values, images, tuple(f"p{k}" for k in range(values.shape[1])), limits)


def simulated_study(name):
    """A table of tests/data as a matrix, and what sureal computed on it."""
    reference = json.loads((OURS / "sureal_reference.json").read_text())
    return rating_matrix(read_ratings(OURS / f"{name}.csv")), reference[name]


@pytest.fixture(params=STUDIES)
def study(request):
    if request.param in (COMPLETE, MISSING):
        return simulated_study(request.param)
    reference = json.loads((PUBLIC / "reference.json").read_text())[request.param]
    return matrix_of(np.loadtxt(PUBLIC / f"{request.param}.csv", delimiter=",")), reference


def test_mos_and_its_error_equal_sureal(study):
    matrix, reference = study
    ours = mos(matrix)
    np.testing.assert_allclose(ours["mos"], reference["MOS"]["quality_scores"], atol=1e-12)
    error = ours["sd"] / np.sqrt(ours["n"])
    np.testing.assert_allclose(error, reference["MOS"]["quality_scores_std"], atol=1e-12)


def test_bias_removed_mos_equals_sureal(study):
    matrix, reference = study
    np.testing.assert_allclose(
        participant_bias(matrix), reference["BR_MOS"]["observer_bias"], atol=1e-12
    )
    np.testing.assert_allclose(
        mos(remove_bias(matrix))["mos"], reference["BR_MOS"]["quality_scores"], atol=1e-12
    )


@pytest.mark.parametrize("bias", ["kept", "removed"])
def test_bt500_rejection_equals_sureal(study, bias):
    matrix, reference = study
    unanimous = 0
    if bias == "kept":
        unanimous = int((np.nanmax(matrix.values, 1) == np.nanmin(matrix.values, 1)).sum())
    ours = bt500(matrix if bias == "kept" else remove_bias(matrix))
    theirs = reference["SR_MOS" if bias == "kept" else "BR_SR_MOS"]
    assert any(theirs["observer_rejected"])
    np.testing.assert_array_equal(ours.rejected, theirs["observer_rejected"])
    # sureal divides by all images, we by those that the participant rated; and it counts
    # everybody twice on an image that all rated the same, where we count nobody.
    rated = np.isfinite(matrix.values).sum(axis=0)
    outliers = np.array(theirs["observer_rejected_1st_stats"]) * len(matrix.images) - 2 * unanimous
    np.testing.assert_allclose(ours.outlier_share, outliers / rated, atol=1e-12)


def test_the_studies_hold_an_image_on_which_all_agree_and_cells_that_nobody_filled():
    """Without them the two differences from sureal would go untested in a fresh clone."""
    complete, missing = (simulated_study(name)[0].values for name in (COMPLETE, MISSING))
    assert (np.ptp(complete, axis=1) == 0).any()
    assert np.isnan(missing).mean() > 0.05


@needs_public
def test_sample_sd_flips_a_rejection_on_vqeghd3():
    """Reference: own_check of reference.json, computed with n - 1."""
    reference = json.loads((PUBLIC / "reference.json").read_text())["vqeghd3"]["own_check"]
    matrix = remove_bias(matrix_of(np.loadtxt(PUBLIC / "vqeghd3.csv", delimiter=",")))
    sample = np.flatnonzero(bt500(matrix, sd="sample").rejected).tolist()
    population = np.flatnonzero(bt500(matrix).rejected).tolist()
    assert sample == reference["br_sr_rejected_ddof1"]
    assert population == reference["br_sr_rejected_idx"]
    assert sample != population


def rejected_by_the_text(values, ddof):
    """BT.500-15, annex 1, section 2.3.1, rating by rating."""
    out = []
    for own in values.T:
        above = below = rated = 0
        for rating, all_ratings in zip(own, values, strict=True):
            if np.isnan(rating):
                continue
            rated += 1
            here = all_ratings[~np.isnan(all_ratings)]
            deviation = here - here.mean()
            kurtosis = (deviation**4).mean() / (deviation**2).mean() ** 2
            width = (2 if 2 <= kurtosis <= 4 else 20**0.5) * here.std(ddof=ddof)
            above += rating >= here.mean() + width
            below += rating <= here.mean() - width
        both = above + below
        out.append(both / rated > 0.05 and abs(above - below) / both < 0.3)
    return np.array(out)


@pytest.mark.parametrize("name", [COMPLETE, MISSING])
def test_sample_sd_follows_the_text_of_the_recommendation_and_flips_a_rejection(name):
    matrix = remove_bias(simulated_study(name)[0])
    population, sample = bt500(matrix).rejected, bt500(matrix, sd="sample").rejected
    np.testing.assert_array_equal(population, rejected_by_the_text(matrix.values, 0))
    np.testing.assert_array_equal(sample, rejected_by_the_text(matrix.values, 1))
    assert (population != sample).any()


def test_maximum_likelihood_equals_sureal(study):
    matrix, reference = study
    theirs = reference["Subject_MLE_Projection2"]
    ours = maximum_likelihood(matrix)
    np.testing.assert_allclose(ours.quality, theirs["quality_scores"], atol=1e-7)
    np.testing.assert_allclose(ours.bias, theirs["observer_bias"], atol=1e-9)
    np.testing.assert_allclose(ours.quality_error, theirs["quality_scores_std"], atol=1e-7)
    np.testing.assert_allclose(ours.inconsistency, theirs["observer_inconsistency"], atol=1e-7)
    assert ours.log_likelihood == pytest.approx(theirs["loglikelihood"], abs=1e-9)


def test_biases_have_mean_zero_where_ratings_are_missing_too():
    assert abs(maximum_likelihood(simulated_study(MISSING)[0]).bias.mean()) < 1e-12


def simulated(n_images=60, participants=27, spammers=3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1.5, 4.5, n_images)
    honest = (
        truth[:, None]
        + rng.normal(0, 0.3, participants)
        + rng.normal(0, 0.7, (n_images, participants))
    )
    noise = rng.integers(1, 6, (n_images, spammers))
    return matrix_of(np.hstack([np.clip(np.round(honest), 1, 5), noise])), truth


def test_bt500_alone_lets_spammers_pass_where_participants_differ_and_bias_removal_finds_them():
    """On 0..100 with SDs participant 8, image 8, residual 13, as in a real booth."""
    alone = removed = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        honest = (
            65 + rng.normal(0, 8, 27) + rng.normal(0, 8, (240, 1)) + rng.normal(0, 13, (240, 27))
        )
        values = np.hstack([np.clip(honest, 0, 100), rng.uniform(0, 100, (240, 3))])
        alone += bt500(matrix_of(values)).rejected[27:].sum()
        removed += bt500(remove_bias(matrix_of(values))).rejected[27:].sum()
    assert alone <= 3
    assert removed >= 27


def test_likelihood_weighs_spammers_down_and_comes_closer_to_the_truth():
    matrix, truth = simulated(spammers=6)
    model = maximum_likelihood(matrix)
    assert model.inconsistency[27:].min() > model.inconsistency[:27].max()
    assert np.std(model.quality - truth) < np.std(mos(matrix)["mos"] - truth)


def test_removing_bias_keeps_mos_when_everybody_rates_everything():
    matrix, _ = simulated()
    np.testing.assert_allclose(mos(remove_bias(matrix))["mos"], mos(matrix)["mos"])


def test_removing_bias_repairs_mos_when_a_harsh_participant_skips_images():
    values = np.tile(np.arange(1.0, 7.0)[:, None], (1, 4))
    values[:, 3] -= 2
    values[3:, 3] = np.nan
    plain, repaired = mos(matrix_of(values))["mos"], mos(remove_bias(matrix_of(values)))["mos"]
    assert np.ptp(np.diff(repaired)) < np.ptp(np.diff(plain))


def by_root(mean, sd, n, limits):
    """The score interval as its definition says, its ends found by bisection."""
    low, high = limits
    t = stats.t.ppf(0.975, n - 1)
    phi = sd**2 / ((mean - low) * (high - mean))

    def excess(mu):
        return (mean - mu) ** 2 - t**2 * phi * (mu - low) * (high - mu) / n

    return brentq(excess, low, mean), brentq(excess, mean, high)


def test_the_score_interval_ends_where_its_definition_says():
    for mean, sd, n in ((3.0, 0.9, 24), (4.8, 0.4, 24), (1.3, 0.6, 8)):
        ends = mean_interval(np.array([mean]), np.array([sd]), np.array([n]), limits=(1, 5))
        assert np.ravel(ends) == pytest.approx(by_root(mean, sd, n, (1, 5)))


def test_for_yes_and_no_the_score_interval_is_wilsons():
    """Its phi is n / (n - 1), and 1 with the variance that divides by n; then Wilson 1927."""
    from statsmodels.stats.proportion import proportion_confint

    n, yes = 4000, 3900
    values = np.repeat([1.0, 0.0], [yes, n - yes])
    low, high = mean_interval(
        np.array([values.mean()]), np.array([values.std()]), np.array([n]), limits=(0, 1)
    )
    z = stats.norm.cdf(stats.t.ppf(0.975, n - 1))
    wilson = proportion_confint(yes, n, alpha=2 * (1 - z), method="wilson")
    assert (low[0], high[0]) == pytest.approx(wilson, abs=1e-9)


def test_identical_ratings_have_the_exact_binomial_bound_of_another_answer():
    """Clopper and Pearson: 24 of 24 leave at most a share p for another answer."""
    from statsmodels.stats.proportion import proportion_confint

    p = proportion_confint(0, 24, method="beta")[1]
    for value in (1.0, 3.0, 5.0):
        scores = mos(matrix_of(np.full((1, 24), value), limits=(1, 5)))
        expected = value - p * (value - 1), value + p * (5 - value)
        assert scores[["ci_low", "ci_high"]].to_numpy()[0] == pytest.approx(expected)
        assert unvaried(scores) == ["i0"]


@pytest.mark.parametrize("method", [lambda m: m, remove_bias])
def test_intervals_of_scores_stay_on_the_scale(method):
    for name in (COMPLETE, MISSING):
        matrix = simulated_study(name)[0]
        low, high = matrix.limits
        scores = mos(method(matrix))
        assert scores["ci_low"].min() >= low
        assert scores["ci_high"].max() <= high
        inside = scores["mos"].between(low, high)
        assert (scores["ci_low"] <= scores["mos"])[inside].all()
        assert (scores["mos"] <= scores["ci_high"])[inside].all()


def test_near_the_end_of_the_scale_the_interval_holds_where_t_does_not():
    """24 people, whole ratings on 1 to 5 around a mean of 4.92."""
    rng = np.random.default_rng(5)
    mean = np.clip(np.round(5.6 + rng.normal(0, 0.78, 10**6)), 1, 5).mean()
    values = np.clip(np.round(5.6 + rng.normal(0, 0.78, (6000, 24))), 1, 5)
    cover = {}
    for limits in (None, (1, 5)):
        scores = mos(matrix_of(values, limits=limits))
        assert (scores["ci_high"] > 5).any() == (limits is None)
        cover[limits] = ((scores["ci_low"] <= mean) & (mean <= scores["ci_high"])).mean()
    assert cover[None] < 0.9
    assert 0.94 < cover[1, 5] < 0.985


def test_z_scores_are_scipys_on_0_to_100_and_do_not_know_how_people_use_the_scale():
    matrix, _ = simulated_study(MISSING)
    found = z_scores(matrix)
    expected = 100 * (stats.zscore(matrix.values, axis=0, ddof=1, nan_policy="omit") + 3) / 6
    np.testing.assert_allclose(found.matrix.values, expected, atol=1e-10)
    rng = np.random.default_rng(2)
    gain, offset = rng.uniform(0.2, 3, (2, matrix.values.shape[1]))
    other = z_scores(replace(matrix, values=offset + gain * matrix.values))
    np.testing.assert_allclose(other.matrix.values, found.matrix.values, atol=1e-9)
    assert found.left_out == ()


def test_who_never_varies_has_no_z_scores_and_is_named():
    values = np.column_stack([np.arange(4.0), np.full(4, 0.1) * 3, [1, np.nan, np.nan, np.nan]])
    found = z_scores(matrix_of(values))
    assert found.left_out == ("p1", "p2")
    assert mos(found.matrix)["n"].tolist() == [1, 1, 1, 1]
    with pytest.raises(InputError, match="nobody's ratings vary"):
        z_scores(matrix_of(values[:, 1:]))


def test_standardised_dmos_is_the_mean_of_each_participants_z_differences():
    ratings, stimuli = hidden_reference(COMPLETE)
    wide = ratings.table.pivot(index="image", columns="participant", values="rating")
    scene = wide.index.str.split("_").str[0]
    intact = wide.groupby(scene).transform(lambda column: column.iloc[0])
    assert (wide.index[::6].str.endswith("_0")).all()
    test = ~wide.index.str.endswith("_0")
    difference = (wide - intact)[test]
    expected = (100 * (difference.apply(stats.zscore, ddof=1) + 3) / 6).mean(axis=1)
    ours = dmos(ratings, stimuli, standardised=True).set_index("stimulus")["dmos"]
    np.testing.assert_allclose(ours[expected.index], expected)


def hidden_reference(name, *, good="high"):
    """A study of tests/data in which step 0 of every scene is the reference."""
    ratings = read_ratings(OURS / f"{name}.csv")
    scales = {"quality": replace(ratings.scale("quality"), good=good)}
    names = ratings.table["image"].unique()
    stimuli = pd.DataFrame({"stimulus": names, "scene": [name.split("_")[0] for name in names]})
    region = ["intact" if name.endswith("_0") else "blurred" for name in names]
    return replace(ratings, scales=scales), StimulusTable(stimuli.assign(region=region))


def test_dmos_equals_sureal_where_everybody_rated_everything():
    matrix, reference = simulated_study(COMPLETE)
    theirs = pd.Series(reference["DMOS"]["quality_scores"], index=matrix.images)
    ours = dmos(*hidden_reference(COMPLETE)).set_index("stimulus")["dmos"]
    assert len(ours) == 60
    np.testing.assert_allclose(ours, theirs[ours.index], atol=1e-12)


@pytest.mark.parametrize(("good", "top"), [("high", 100), ("low", 0)])
def test_dmos_is_the_mean_difference_within_participants_from_the_good_end(good, top):
    ratings, stimuli = hidden_reference(MISSING, good=good)
    table = ratings.table.assign(scene=ratings.table["image"].str[:2])
    intact = table[table["image"].str.endswith("_0")].set_index(["participant", "scene"])["rating"]
    own = pd.MultiIndex.from_frame(table[["participant", "scene"]])
    table["difference"] = table["rating"] - intact.reindex(own).to_numpy() + top
    by = table[~table["image"].str.endswith("_0")].groupby("image")["difference"]
    ours = dmos(ratings, stimuli).set_index("stimulus").sort_index()
    np.testing.assert_allclose(ours["dmos"], by.mean())
    assert ours["n"].tolist() == by.count().tolist()
    assert ours["n"].min() < 24
    for row, sd, n in zip(ours.itertuples(), by.std(), by.count(), strict=True):
        limits = top - 100, top + 100
        assert (row.ci_low, row.ci_high) == pytest.approx(by_root(row.dmos, sd, n, limits))
    assert (ours["scene"] == ours.index.str[:2]).all()


def test_an_image_as_good_as_its_reference_scores_the_good_end_of_the_scale():
    table = pd.DataFrame(
        {"participant": list("aabb"), "image": ["0801", "null"] * 2, "dimension": "quality",
         "rating": [4, 4, 2, 2]}
    )  # fmt: skip
    rows = {"stimulus": ["0801", "null"], "scene": "NA", "region": ["intact", "low"]}
    for good, top in (("high", 5), ("low", 1)):
        ratings = ratings_from_table(table, scales={"quality": Scale(1, 5, good)})
        scored = dmos(ratings, StimulusTable(pd.DataFrame(rows)))
        assert scored[["stimulus", "scene", "dmos"]].to_numpy().tolist() == [["null", "NA", top]]


def test_a_score_whose_reference_nobody_shares_is_shown_as_missing():
    table = pd.DataFrame(
        {"participant": list("ab"), "image": ["ref", "low"], "dimension": "q", "rating": [4, 3]}
    )
    rows = {"stimulus": ["ref", "low"], "scene": "s", "region": ["intact", "low"]}
    ratings = ratings_from_table(table, scales={"q": Scale(1, 5)})
    scored = dmos(ratings, StimulusTable(pd.DataFrame(rows)))
    assert scored["n"].tolist() == [0]
    assert scored["dmos"].isna().all()


def test_repeated_ratings_are_averaged_into_the_matrix():
    table = pd.DataFrame(
        {"participant": ["a", "a", "b"], "image": ["x", "x", "x"], "dimension": "quality",
         "rating": [2, 4, 5], "trial": [1, 2, 1]}
    )  # fmt: skip
    ratings = ratings_from_table(table, scales={"quality": Scale(1, 5)})
    np.testing.assert_array_equal(rating_matrix(ratings).values, [[3.0, 5.0]])


def test_a_scene_without_a_rated_reference_is_refused_and_named():
    ratings, stimuli = hidden_reference(COMPLETE)
    kept = ratings.table[ratings.table["image"] != "03_0"]
    with pytest.raises(InputError, match="scene '03' has no rated stimulus"):
        dmos(replace(ratings, table=kept), stimuli)


def test_likelihood_refuses_what_it_cannot_fit_and_says_why():
    values = np.column_stack([np.arange(4.0), np.arange(4.0) ** 2, [1, np.nan, np.nan, np.nan]])
    with pytest.raises(InputError, match="'p2' rated one image only"):
        maximum_likelihood(matrix_of(values))
    with pytest.raises(InputError, match="all ratings are the same"):
        maximum_likelihood(matrix_of(np.full((4, 3), 2.0)))


def test_likelihood_refuses_someone_who_is_the_consensus():
    with pytest.raises(InputError, match="the scores follow participant 'p0' alone"):
        maximum_likelihood(matrix_of(np.tile(np.arange(4.0)[:, None], (1, 3))))
