"""The crossed tests against lme4, against each other, and in worlds without an effect."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from ratings_worlds import simulated_differences

from fechner.analysis.ratings.contrasts.clustered import clustered
from fechner.analysis.ratings.contrasts.crossed import closed_form, mean_squares, reml_crossed
from fechner.analysis.ratings.contrasts.mixed import mixed_model
from fechner.analysis.ratings.contrasts.reml import fit_reml, indicator
from fechner.analysis.ratings.contrasts.slopes import reml_slopes, slopes_design
from fechner.analysis.ratings.matrices import Differences
from fechner.analysis.ratings.power.analytic import Components
from fechner.errors import InputError

DATA = Path(__file__).parent / "data"
TABLES = ("crossed_slider", "crossed_slider_missing8pct", "crossed_acr")
CONDITIONS = ("intact", "low", "random", "centre", "high")


def read_table(name):
    return pd.read_csv(DATA / f"SIMULATED_{name}.csv").dropna()


def low_minus_high(table):
    wide = table.pivot_table(index=["p", "i"], columns="cond", values="y")
    values = (wide["low"] - wide["high"]).unstack()
    return Differences(
        values.to_numpy(float), tuple(map(str, values.index)), tuple(map(str, values.columns)),
        "low", "high",
    )  # fmt: skip


def lme4(name, model):
    """SDs, criterion, and estimate, error, df of low - high that R's lme4 and lmerTest print."""
    text = (DATA / "lme4_reference.txt").read_text()
    part = text.split(f"## {name} {model} ")[1].split("\n## ")[0]
    criterion = float(re.search(r"REMLcrit (\S+)", part).group(1))
    sd = {}
    for line in part.splitlines():
        found = re.match(r"\d+\s+(\S+)\s+(\(Intercept\)|lh|<NA>)\s+(\S+)$", line)
        if found:
            sd[found.group(1).removesuffix(".1") + ":" + found.group(2)] = float(found.group(3))
    row = part.split("Estimate")[1].splitlines()[1].split()
    return {"sd": sd, "criterion": criterion, "row": [float(v) for v in row[1:4]]}


def as_arms(table):
    return pd.DataFrame(
        {
            "participant": table["p"].astype(str),
            "scene": table["i"].astype(str),
            "region": table["cond"],
            "family": None,
            "level": None,
            "rating": table["y"],
        }
    )


@pytest.mark.parametrize("name", TABLES)
def test_slopes_on_the_ratings_equal_lme4_with_and_without_missing_cells(name):
    reference = lme4(name, "lhslopes")
    ours = reml_slopes(slopes_design(as_arms(read_table(name)), "low", "high"))
    estimate, error, df = reference["row"]
    assert ours.estimate == pytest.approx(estimate, rel=1e-5)
    assert ours.standard_error == pytest.approx(error, rel=5e-5)
    assert ours.df == pytest.approx(df, rel=1e-3)
    assert ours.variances["image slope"] ** 0.5 == pytest.approx(reference["sd"]["i:lh"], rel=1e-3)
    residual = reference["sd"]["Residual:<NA>"]
    assert ours.variances["residual"] ** 0.5 == pytest.approx(residual, rel=1e-4)
    assert ours.converged


@pytest.mark.parametrize("name", TABLES)
def test_reml_reaches_the_criterion_of_lme4_with_four_components(name):
    reference = lme4(name, "gANOVA")
    table = read_table(name)
    p, i = table["p"].to_numpy(), table["i"].to_numpy()
    c = table["cond"].map(CONDITIONS.index).to_numpy()
    X = np.eye(5)[c]
    blocks = {
        "i": indicator(i, 48),
        "p": indicator(p, 30),
        "i:cond": indicator(i * 5 + c, 240),
        "p:cond": indicator(p * 5 + c, 150),
    }
    fit = fit_reml(table["y"].to_numpy(float), X, blocks)
    contrast = [0, 1, 0, 0, -1]
    assert fit.criterion == pytest.approx(reference["criterion"], abs=1e-3)
    assert fit.standard_error(contrast) == pytest.approx(reference["row"][1], rel=5e-5)
    assert fit.df(contrast) == pytest.approx(reference["row"][2], rel=2e-3)


def test_closed_form_is_reml_on_complete_tables():
    table = low_minus_high(read_table("crossed_slider"))
    quick, slow = closed_form(table), reml_crossed(table)
    assert quick.standard_error == pytest.approx(slow.standard_error, rel=1e-6)
    assert quick.df == pytest.approx(slow.df, rel=1e-4)
    assert quick.variances == pytest.approx(slow.variances, rel=1e-4)


@pytest.mark.parametrize("name", TABLES)
def test_mixed_model_of_statsmodels_agrees_with_reml(name):
    table = low_minus_high(read_table(name))
    ours, theirs = reml_crossed(table), mixed_model(table)
    assert theirs.converged
    assert theirs.estimate == pytest.approx(ours.estimate, rel=1e-4)
    assert theirs.standard_error == pytest.approx(ours.standard_error, rel=5e-3)


def test_closed_form_on_differences_is_close_to_lme4_on_all_arms():
    ours = closed_form(low_minus_high(read_table("crossed_slider")))
    estimate, error, df = lme4("crossed_slider", "lhslopes")["row"]
    assert ours.estimate == pytest.approx(estimate, rel=1e-9)
    assert ours.standard_error == pytest.approx(error, rel=0.02)
    assert ours.df == pytest.approx(df, rel=0.05)


@pytest.mark.parametrize("name", TABLES)
def test_two_way_clustered_error_equals_statsmodels(name):
    table = low_minus_high(read_table(name))
    rows, columns = np.nonzero(np.isfinite(table.values))
    y = table.values[rows, columns]
    fit = sm.OLS(y, np.ones(len(y))).fit(
        cov_type="cluster", cov_kwds={"groups": np.column_stack([rows, columns])}
    )
    assert clustered(table).standard_error == pytest.approx(fit.bse[0], rel=1e-3)
    assert clustered(table).df == 29


def test_the_formula_of_the_quasi_f_stands():
    values = np.random.default_rng(3).normal(size=(7, 9)) + np.arange(9) + np.arange(7)[:, None]
    MS_P, MS_I, MS_E = mean_squares(values)
    total = MS_P + MS_I - MS_E
    result = closed_form(Differences(values, tuple("abcdefg"), tuple("123456789"), "a", "b"))
    assert result.standard_error**2 == pytest.approx(total / 63)
    assert result.df == pytest.approx(total**2 / (MS_P**2 / 6 + MS_I**2 / 8 + MS_E**2 / 48))


def test_mean_squares_add_up_to_the_total_sum_of_squares():
    values = np.random.default_rng(0).normal(size=(6, 11))
    MS_P, MS_I, MS_E = mean_squares(values)
    total = ((values - values.mean()) ** 2).sum()
    assert pytest.approx(total) == 5 * MS_P + 10 * MS_I + 50 * MS_E


@pytest.mark.parametrize(
    "components",
    [
        Components(participant=4, image=7, residual=18),
        Components(participant=0, image=7, residual=18),
        Components(participant=0, image=0, residual=18),
    ],
)
def test_closed_form_calls_noise_an_effect_in_about_5_percent_of_null_worlds_or_fewer(components):
    rng = np.random.default_rng(11)
    p = [
        closed_form(simulated_differences(0.0, components, participants=14, images=18, rng=rng)).p
        for _ in range(2000)
    ]
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.065


def test_intervals_hold_the_truth_95_times_in_100():
    rng, components = np.random.default_rng(5), Components(participant=4, image=7, residual=18)
    inside = []
    for _ in range(1500):
        c = closed_form(simulated_differences(3.0, components, participants=20, images=24, rng=rng))
        inside.append(c.low <= 3.0 <= c.high)
    assert 0.935 <= np.mean(inside) <= 0.97


def test_reml_with_missing_cells_calls_noise_an_effect_in_about_5_percent_of_null_worlds():
    rng, components = np.random.default_rng(8), Components(participant=4, image=7, residual=18)
    p = []
    for _ in range(200):
        table = simulated_differences(0.0, components, participants=12, images=14, rng=rng)
        table.values[rng.random(table.values.shape) < 0.1] = np.nan
        p.append(reml_crossed(table).p)
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_ignoring_that_images_are_random_would_call_noise_an_effect_far_too_often():
    """Why no model with one random factor is offered: the t test over all differences."""
    from scipy import stats

    rng, components = np.random.default_rng(2), Components(participant=4, image=11, residual=18)
    tables = [
        simulated_differences(0.0, components, participants=20, images=16, rng=rng).values
        for _ in range(300)
    ]
    naive = np.mean([stats.ttest_1samp(v.ravel(), 0).pvalue < 0.05 for v in tables])
    assert naive > 0.25


def test_a_latin_square_is_tested_through_slopes():
    rng = np.random.default_rng(1)
    rows = []
    for p in range(12):
        for i in range(12):
            arm = ("low", "high")[(p + i) % 2]
            rating = 60 + 3 * (p % 3) + 2 * (i % 4) - 10 * (arm == "high") + rng.normal(0, 4)
            rows.append((f"p{p}", f"i{i}", arm, None, None, rating))
    columns = ["participant", "scene", "region", "family", "level", "rating"]
    result = reml_slopes(slopes_design(pd.DataFrame(rows, columns=columns), "low", "high"))
    assert result.low < 10 < result.high
    assert result.high - result.low < 6


def test_closed_form_refuses_missing_cells_and_names_the_remedy():
    values = np.ones((4, 4))
    values[1, 1] = np.nan
    with pytest.raises(InputError, match="use REML"):
        closed_form(Differences(values, tuple("abcd"), tuple("1234"), "low", "high"))


def test_one_image_is_refused_because_images_are_random():
    with pytest.raises(InputError, match="at least 2 of each"):
        clustered(Differences(np.ones((4, 1)), tuple("abcd"), ("1",), "low", "high"))
