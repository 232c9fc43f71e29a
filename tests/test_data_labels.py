import builtins
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fechner.data import modes as modes_module
from fechner.data.catalog import load
from fechner.data.description import describe
from fechner.data.label_warnings import (
    p_text,
    warning_for_groups,
    warnings_for,
    warnings_for_relations,
)
from fechner.data.labels import (
    distribution,
    groups,
    relations,
    share_between,
    spread,
)
from fechner.data.modes import (
    bimodality_coefficient,
    dip_test,
    find_modes,
    gaussian_mixture,
)
from fechner.errors import InputError
from fechner.provenance import read_json
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import ratings_from_table
from fechner.records.scales import Scale

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no test data at {DATA}")

STATFACULTY = (
    "30 33 35 36 37 37 39 39 39 39 39 40 40 40 40 41 42 43 43 43 44 44 45 45 46 46 47 47 48 48 48 "
    "49 50 50 51 52 52 53 53 53 53 53 54 54 57 57 59 60 60 60 61 61 61 61 62 62 62 62 63 66 70 72 "
    "72"
)
"""Faculty quality in statistics departments, the data of Hartigan and Hartigan 1985."""

MEN = [148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236]
"""Weights of eleven men in pounds, the example of Shapiro and Wilk 1965."""


FIVE = Scale(1, 5)


def rated_from(values, scale=FIVE, *, simulated=False, **columns):
    table = pd.DataFrame(
        {"image": [f"{k}.png" for k in range(len(values))], "scene": "s", "quality": values}
    )
    return RatedImages(table.assign(**columns), Path(), {"quality": scale}, simulated)


def ratings_of(table):
    return ratings_from_table(table, scales={"quality": FIVE})


def test_moments_equal_those_of_pandas():
    values = np.random.default_rng(0).gamma(3, 0.5, 200)
    found = distribution(rated_from(values, Scale(0, 10)), "quality")
    series = pd.Series(values)
    assert found.skew == pytest.approx(series.skew(), rel=1e-12)
    assert found.kurtosis == pytest.approx(series.kurt(), rel=1e-12)
    assert found.sd == pytest.approx(series.std(), rel=1e-12)


def test_normality_equals_the_example_of_shapiro_and_wilk():
    found = distribution(rated_from(np.array(MEN, float), Scale(100, 300)), "quality")
    assert found.shapiro_w == pytest.approx(0.79, abs=0.005)
    assert found.shapiro_p < 0.01


def test_the_dip_of_the_faculty_data_equals_that_of_r():
    """R's diptest 0.77: ``dip.test(statfaculty)`` gives D = 0.059524, p = 0.08672."""
    pytest.importorskip("diptest", reason="the extra 'labels' is not installed")
    dip, p, note = dip_test(np.array(STATFACULTY.split(), float))
    assert dip == pytest.approx(0.05952381, abs=1e-8)
    assert p == pytest.approx(0.08672, abs=1e-4)
    assert note == ""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.linspace(0, 1, 20_001), 5 / 9),
        (stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000), 1 / 3),
        (np.repeat([0.0, 1.0], 10_000), 1.0),
    ],
)
def test_the_bimodality_coefficient_of_known_shapes(values, expected):
    assert bimodality_coefficient(values) == pytest.approx(expected, abs=2e-3)


def test_the_mixture_finds_two_groups_and_their_places():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(20, 3, 400), rng.normal(60, 6, 600)])
    _, weights, means, sds = gaussian_mixture(values)
    assert np.allclose(weights, [0.4, 0.6], atol=0.01)
    assert np.allclose(means, [20, 60], atol=0.8)
    assert np.allclose(sds, [3, 6], atol=0.5)


def test_the_bic_of_one_gaussian_is_its_formula():
    values = np.random.default_rng(1).normal(50, 8, 300)
    bic = gaussian_mixture(values)[0][0]
    likelihood = stats.norm(values.mean(), values.std()).logpdf(values).sum()
    assert bic == pytest.approx(2 * np.log(300) - 2 * likelihood, abs=0.01)


def test_a_normal_has_one_mode_and_two_far_groups_have_two():
    rng = np.random.default_rng(5)
    one = rng.normal(0, 1, 500)
    two = np.concatenate([rng.normal(-4, 1, 250), rng.normal(4, 1, 250)])
    assert not find_modes(one).several
    assert find_modes(two).several
    assert find_modes(two).components == 2


def test_without_diptest_the_other_criteria_decide_and_the_table_says_so(monkeypatch, tmp_path):
    real = builtins.__import__

    def without_diptest(name, *args, **kwargs):
        if name == "diptest":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_diptest)
    rng = np.random.default_rng(5)
    two = np.concatenate([rng.normal(2, 0.2, 100), rng.normal(4, 0.2, 100)])
    found = describe(rated_from(two), tmp_path, dimensions=None)
    written = pd.read_csv(tmp_path / "labels.csv")
    assert written["dip_note"][0] == modes_module.NO_DIPTEST
    assert np.isnan(written["dip"][0])
    assert any("dip test not computed" in note for note in found.notes)
    assert any("bimodal or more (bimodality coefficient" in line for line in found.warnings)


def test_reliability_is_recovered_from_known_error():
    rng = np.random.default_rng(2)
    true = rng.normal(50, 6, 4000)
    raters = true[:, None] + rng.normal(0, 12, (4000, 9))
    table = {"quality_sd": raters.std(axis=1, ddof=1), "quality_n": 9.0}
    found = distribution(rated_from(raters.mean(axis=1), Scale(0, 100), **table), "quality")
    assert found.reliability == pytest.approx(36 / (36 + 144 / 9), abs=0.02)


def test_tied_pairs_are_counted_exactly():
    values = np.array([1.0, 1, 1, 2, 2, 3, 4, 5])
    assert distribution(rated_from(values), "quality").tied_pairs == pytest.approx(4 / 28)


def test_the_sos_parameter_of_binomial_ratings_is_one_over_their_steps():
    """Binomial ratings on a scale of k steps have ``a = 1 / k`` (Hossfeld et al. 2011)."""
    rng = np.random.default_rng(8)
    chances = rng.uniform(0.05, 0.95, 300)
    single = 1 + rng.binomial(4, chances[:, None], (300, 400))
    long = pd.DataFrame(
        {
            "participant": np.tile(np.arange(400).astype(str), 300),
            "image": np.repeat([f"{k}.png" for k in range(300)], 400),
            "dimension": "quality",
            "rating": single.ravel(),
        }
    )
    found = spread(rated_from(single.mean(axis=1)), "quality", ratings_of(long))
    assert found.sos == pytest.approx(0.25, abs=0.005)
    assert (found.table["n"] == 400).all()


def test_spread_from_the_table_equals_spread_from_the_ratings():
    rng = np.random.default_rng(9)
    single = rng.integers(1, 6, (40, 12)).astype(float)
    names = [f"{k}.png" for k in range(40)]
    long = pd.DataFrame(
        {
            "participant": np.tile(np.arange(12), 40),
            "image": np.repeat(names, 12),
            "dimension": "quality",
            "rating": single.ravel(),
        }
    )
    sds = {"quality_sd": single.std(axis=1, ddof=1), "quality_n": 12}
    rated = rated_from(single.mean(axis=1), **sds)
    assert spread(rated, "quality", ratings_of(long)).sos == pytest.approx(
        spread(rated, "quality").sos
    )


def test_spread_is_absent_without_single_ratings_and_sds():
    assert spread(rated_from(np.linspace(1, 5, 20)), "quality") is None


def test_ratings_of_other_images_are_refused():
    row = {"participant": ["P1"], "image": ["z.png"], "dimension": ["quality"], "rating": [3.0]}
    with pytest.raises(InputError, match="name none of the table's images"):
        spread(rated_from(np.linspace(1, 5, 20)), "quality", ratings_of(pd.DataFrame(row)))


def test_the_share_between_groups_is_that_of_an_analysis_of_variance():
    rng = np.random.default_rng(4)
    group = np.repeat(list("abc"), 30)
    values = rng.normal(3, 0.3, 90) + np.repeat([0.0, 0.4, 0.9], 30)
    rated = rated_from(values, generator=group)
    f = stats.f_oneway(*(values[group == name] for name in "abc")).statistic
    assert share_between(rated, "quality", "generator") == pytest.approx(2 * f / (2 * f + 87))
    table = groups(rated, "quality", "generator")
    assert table["n"].tolist() == [30, 30, 30]
    assert table["mean"][2] == pytest.approx(values[60:].mean())


def test_relations_follow_what_is_good_not_what_is_high():
    values = np.linspace(1, 5, 30)
    rated = rated_from(values, harm=6 - values**2 / 5)
    rated = replace(rated, scales={"quality": Scale(1, 5), "harm": Scale(1, 6, "low")})
    assert relations(rated, ["quality", "harm"])["spearman"][0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        (np.concatenate([np.linspace(1.4, 1.8, 60), np.linspace(4.2, 4.6, 60)]), "bimodal"),
        (np.linspace(2.6, 3.4, 100), "range restricted: the middle 90 % of the images take 18 %"),
        (np.clip(np.linspace(3, 6.5, 100), 1, 5), "stand at the ceiling"),
        (np.clip(np.linspace(-1, 4, 100), 1, 5), "stand at the floor"),
        (np.repeat([1.5, 2.5, 3.5, 4.5], 20), "of the pairs have equal ratings"),
        (1.2 + np.random.default_rng(0).exponential(0.5, 100), "skewed"),
    ],
)
def test_a_limit_of_the_distribution_is_said_plainly(values, part):
    lines = warnings_for(distribution(rated_from(np.minimum(values, 5)), "quality"))
    assert any(part in line for line in lines), lines


def test_poor_reliability_is_said_and_bounds_a_restricted_range():
    noisy = {"quality_sd": 1.0, "quality_n": 4}
    values = np.random.default_rng(0).normal(3, 0.55, 100)
    found = distribution(rated_from(np.clip(values, 1, 5), **noisy), "quality")
    assert any("reliability of the mean ratings" in line for line in warnings_for(found))


def test_a_good_distribution_draws_no_warning():
    values = 3 + 0.8 * stats.norm.ppf((np.arange(100) + 0.5) / 100)
    assert warnings_for(distribution(rated_from(values), "quality")) == []


def test_groups_that_hold_most_of_the_variance_are_said():
    assert warning_for_groups("quality", "generator", 0.3) is None
    assert "63 % of the variance" in warning_for_groups("quality", "generator", 0.63)


def test_dimensions_that_order_alike_are_said():
    table = pd.DataFrame([("a", "b", 9, 0.9, 0.95), ("a", "c", 9, 0.2, 0.1)])
    table.columns = ["first", "second", "n", "pearson", "spearman"]
    (line,) = warnings_for_relations(table)
    assert line.startswith("a and b order the images almost alike")


def test_small_p_are_not_printed_as_zero():
    assert p_text(0.0) == "p < 0.001"
    assert p_text(0.0312) == "p 0.031"


@pytest.mark.parametrize(
    ("values", "part"),
    [(np.full(20, 3.0), "every image has the same rating 3"), (np.arange(1.0, 5), "at least 8")],
)
def test_ratings_that_cannot_be_described_are_refused(values, part):
    with pytest.raises(InputError, match=part):
        distribution(rated_from(values), "quality")


def test_an_unknown_column_and_one_that_names_images_are_refused():
    rated = rated_from(np.linspace(1, 5, 80), prompt=[f"p{k}" for k in range(80)])
    with pytest.raises(InputError, match="did you mean 'prompt'"):
        groups(rated, "quality", "promt")
    with pytest.raises(InputError, match="has 80 different values"):
        groups(rated, "quality", "prompt")


def test_everything_that_rests_on_simulated_ratings_says_so(tmp_path):
    rated = rated_from(np.linspace(1, 5, 40), simulated=True, family=np.tile(list("ab"), 20))
    found = describe(rated, tmp_path, by="family")
    assert {path.name for path in found.files} == {path.name for path in tmp_path.iterdir()}
    assert all(path.name.startswith("SIMULATED_") for path in found.files)
    assert read_json(tmp_path / "SIMULATED_labels.json")["provenance"]["simulated"] is True


@needs_data
def test_aigciqa2023_quality_has_two_modes_and_authenticity_one():
    rated = load("aigciqa2023", DATA / "scores", check_images=False).rated
    quality, authenticity = (distribution(rated, name) for name in ("quality", "authenticity"))
    assert quality.modes.several
    assert np.allclose(quality.modes.means, [41, 57], atol=1)
    assert not authenticity.modes.several
    assert any("range restricted" in line for line in warnings_for(authenticity))


@needs_data
def test_avt_is_described_whole_with_its_generators(tmp_path):
    public = load("avt", DATA / "avt_ai_images")
    found = describe(public.rated, tmp_path, ratings=public.ratings, by="generator")
    record = read_json(tmp_path / "labels.json")
    assert set(record["dimensions"]) == {"quality", "appeal", "realism"}
    assert 0.2 < record["sos"]["quality"] < 0.5
    assert record["dimensions"]["quality"]["reliability"] > 0.9
    assert sum("generator" in line for line in found.warnings) == 3
    assert sum(path.suffix == ".png" for path in found.files) == 10
