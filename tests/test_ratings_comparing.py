"""Contrasts of any conditions: against R, by hand, in declared worlds, and refused in one line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests
from test_ratings_r_reference import CLOSE, arms_of, reference
from typer.testing import CliRunner

from fechner.analysis.ratings.comparing.family import compare_conditions
from fechner.analysis.ratings.contrasts.effect_size import variance_of_cells, variance_of_ratings
from fechner.analysis.ratings.contrasts.holm import holm
from fechner.analysis.ratings.contrasts.slopes import slopes_design
from fechner.cli.stats import app
from fechner.errors import InputError
from fechner.records.contrasts.family import read_contrast_family
from fechner.records.ratings import ratings_from_table
from fechner.records.scales import Scale
from fechner.records.stimuli import StimulusTable

DATA = Path(__file__).parent / "data"


def small(name, **scale):
    """A table of ``tests/data`` as ratings with the conditions as their own columns."""
    table = pd.read_csv(DATA / f"SIMULATED_crossed_small_{name}.csv", dtype=str)
    table["scene"] = "scene" + table["i"]
    parts = [table[column] for column in ("scene", "cond", "level") if column in table]
    table = table.rename(columns={"p": "participant", "y": "rating", "cond": "region"})
    table["image"] = pd.concat(parts, axis=1).agg("_".join, axis=1)
    table = table.assign(rating=table["rating"].astype(float), dimension="quality")
    scales = {"quality": Scale(**{"minimum": 0, "maximum": 100, "good": "high", **scale})}
    return ratings_from_table(table.drop(columns="i"), scales=scales, simulated=True)


def world(rng, *, P=12, Q=10, levels=("1", "2"), effect=0.0, mean=60.0, cuts=None):
    """Region by level; the difference low - high is `effect` at every level, before any cut."""
    people, images = rng.normal(0, 6, P), rng.normal(0, 6, Q)
    by_person, by_image = rng.normal(0, 3, (P, 2, 2)), rng.normal(0, 4, (Q, 2, 2))
    rows = []
    for a, region in enumerate(("low", "high")):
        for b, level in enumerate(levels):
            y = mean + effect * (0.5 - a) - 14 * b + rng.normal(0, 10, (P, Q))
            y += people[:, None] + images + by_person[:, a, b, None] + by_image[:, a, b]
            rows += [(f"p{p}", f"s{i}", region, level, y[p, i]) for p in range(P) for i in range(Q)]
    table = pd.DataFrame(rows, columns=["participant", "scene", "region", "level", "rating"])
    table["rating"] = (
        table["rating"].clip(0, 100) if cuts is None else np.digitize(table["rating"], cuts) + 1.0
    )
    table["image"] = table["scene"] + table["region"] + table["level"]
    return ratings_from_table(table.assign(dimension="q"), scales={"q": Scale(0, 100)})


def test_one_contrast_equals_lme4_with_and_without_missing_cells():
    for name, model in (("balanced", "closed form"), ("missing", "REML")):
        row = compare_conditions(small(name), factor="region", of=[("low", "high")]).rows[0]
        theirs = reference(name, "differences")
        assert row.decides.model == model
        assert row.decides.estimate == pytest.approx(theirs["estimate"], rel=CLOSE)
        assert row.decides.p == pytest.approx(theirs["p"], rel=10 * CLOSE)
        assert row.p_holm == row.decides.p


@pytest.mark.parametrize("name", ["balanced", "missing", "singular_both", "crowd_pairs"])
def test_d_is_over_the_sum_of_all_components_of_lme4(name):
    """The variance of a rating: that of the mean of two, and a quarter of their difference's."""
    row = compare_conditions(small(name), factor="region", of=[("low", "high")]).rows[0]
    means, differences = reference(name, "means"), reference(name, "differences")
    total = sum(value for key, value in means.items() if key.startswith("variance:"))
    total += sum(value for key, value in differences.items() if key.startswith("variance:")) / 4
    assert row.effect.sd == pytest.approx(total**0.5, rel=CLOSE)
    assert row.effect.d == pytest.approx(differences["estimate"] / total**0.5, rel=CLOSE)


@pytest.mark.parametrize("name", ["latin", "crowd"])
def test_d_of_few_pairs_is_over_the_sum_of_all_components_of_the_slopes_model(name):
    total, spread = variance_of_ratings(slopes_design(arms_of(name), "low", "high"))
    theirs = reference(name, "slopes")
    shares = {"p:(Intercept)": 1, "i:(Intercept)": 1, "p:x": 0.25, "i:x": 0.25, "Residual": 1}
    expected = sum(theirs[f"variance:{part}"] * share for part, share in shares.items())
    assert total == pytest.approx(expected, rel=CLOSE)
    assert 0 < spread < total**2


def test_a_latin_square_is_compared_through_slopes_and_has_its_d():
    row = compare_conditions(small("latin"), factor="region").row("high - low")
    assert row.decides.model == "REML slopes"
    assert row.decides.estimate == pytest.approx(-reference("latin", "slopes")["estimate"])
    assert row.effect.d == pytest.approx(row.decides.estimate / row.effect.sd)


@pytest.mark.parametrize(("name", "scale"), [("levels", {}), ("acr_floor", {"maximum": 5})])
def test_an_interaction_equals_lme4_on_differences_of_differences(name, scale):
    ratings = small(name, **scale)
    found = compare_conditions(ratings, factor="region", of=[("low", "high")], interaction="level")
    row = found.row("low - high, level 1 - 2")
    theirs = reference(name, "interaction")
    assert row.kind == "interaction"
    assert row.decides.estimate == pytest.approx(theirs["estimate"], rel=CLOSE)
    assert row.decides.standard_error == pytest.approx(theirs["se"], rel=CLOSE)
    assert row.decides.df == pytest.approx(theirs["df"], rel=CLOSE)


def test_the_probit_of_an_interaction_equals_clm():
    ratings = small("acr_floor", maximum=5)
    found = compare_conditions(ratings, factor="region", of=[("low", "high")], interaction="level")
    theirs = reference("acr_floor", "probit_interaction")
    assert found.rows[0].ordinal[0].estimate == pytest.approx(theirs["x:z"], rel=CLOSE)


def test_an_interaction_with_few_pairs_is_tested_through_slopes():
    ratings = small("levels")
    full = compare_conditions(ratings, factor="region", of=[("low", "high")], interaction="level")
    rng = np.random.default_rng(0)
    table = ratings.table[rng.random(len(ratings.table)) < 0.6]
    sparse = ratings_from_table(table, scales=ratings.scales)
    found = compare_conditions(sparse, factor="region", of=[("low", "high")], interaction="level")
    decides = found.rows[0].decides
    assert decides.model == "REML slopes"
    # The same people and images with six ratings of ten: the same effect within its error.
    shift = abs(decides.estimate - full.rows[0].decides.estimate)
    assert shift < 2 * decides.standard_error
    assert decides.standard_error > 0.9 * full.rows[0].decides.standard_error
    assert {"image slope of conditions", "participant slope of levels"} <= set(decides.variances)


def test_a_family_is_all_pairs_of_a_group_with_holms_correction():
    found = compare_conditions(small("balanced"), factor="region", of=[("intact", "low", "high")])
    assert [row.name for row in found.rows] == ["intact - low", "intact - high", "low - high"]
    p = [row.decides.p for row in found.rows]
    theirs = multipletests(p, method="holm")[1]
    assert [row.p_holm for row in found.rows] == pytest.approx(list(theirs))
    assert [row.claimed for row in found.rows] == [bool(value < 0.05) for value in theirs]


def test_holm_equals_statsmodels():
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 30):
        p = rng.random(n) ** 3
        assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))


def test_a_factor_of_the_stimuli_and_one_of_the_ratings_give_the_same():
    ratings = small("balanced")
    columns = ratings.table[["image", "scene", "region"]].drop_duplicates()
    stimuli = StimulusTable(columns.rename(columns={"image": "stimulus"}))
    bare = ratings.table[["participant", "image", "dimension", "rating"]]
    apart = compare_conditions(
        ratings_from_table(bare, scales=ratings.scales), stimuli, factor="region"
    )
    together = compare_conditions(ratings, factor="region")
    assert apart.table().equals(together.table())


def test_within_levels_each_contrast_is_tested_on_the_ratings_of_that_level():
    found = compare_conditions(small("levels"), factor="region", of=[("low", "high")],
                               within="level")  # fmt: skip
    table = small("levels").table
    for level in ("1", "2"):
        own = table[table["level"].astype(str) == level]
        means = own.groupby("region")["rating"].mean()
        row = found.row(f"low - high, level {level}")
        assert row.decides.estimate == pytest.approx(means["low"] - means["high"])
    assert len(found.rows) == 2


def test_a_factor_is_compared_at_the_same_level_of_everything_else():
    """Level 1 minus level 2: regions must agree, so that leaving one out changes the estimate."""
    ratings = small("levels")
    table = ratings.table
    both = compare_conditions(ratings, factor="level").row("1 - 2").decides.estimate
    means = table.groupby(["level", "region"])["rating"].mean()
    by_region = [means[1, region] - means[2, region] for region in ("low", "high")]
    assert both == pytest.approx(np.mean(by_region))
    rows = (table["region"] == "high") & (table["level"] == 2)
    without = ratings_from_table(table[~rows], scales=ratings.scales)
    alone = compare_conditions(without, factor="level").row("1 - 2").decides.estimate
    assert alone == pytest.approx(by_region[0])


def test_groups_of_participants_can_be_compared():
    ratings = small("balanced")
    number = ratings.table["participant"].astype(int)
    table = ratings.table.assign(group=np.where(number % 2, "odd", "even"))
    grouped = ratings_from_table(table, scales=ratings.scales)
    row = compare_conditions(grouped, factor="group", of=[("even", "odd")]).rows[0]
    assert row.decides.model == "REML slopes"
    assert "participant slope" not in row.decides.variances
    means = table.groupby(["group", "participant"])["rating"].mean()
    difference = means["even"].mean() - means["odd"].mean()
    assert row.decides.estimate == pytest.approx(difference, rel=1e-6)
    # Between seven people and seven others: about twelve degrees of freedom, not hundreds.
    assert row.decides.df < 20


def test_equivalence_is_tested_for_each_contrast_with_one_margin():
    found = compare_conditions(small("balanced"), factor="region", margin=12.0)
    for row in found.rows:
        inside = row.equivalence.low > -12 and row.equivalence.high < 12
        assert row.equivalence.equivalent == inside
    assert {row.equivalence.bound for row in found.rows} == {12.0}
    assert compare_conditions(small("balanced"), factor="region").rows[0].equivalence is None


def test_low_is_good_turns_the_difference():
    turned = compare_conditions(small("balanced", good="low"), factor="region")
    straight = compare_conditions(small("balanced"), factor="region")
    for a, b in zip(turned.rows, straight.rows, strict=True):
        assert a.decides.estimate == pytest.approx(-b.decides.estimate)


def test_an_interaction_that_the_end_of_the_scale_makes_is_not_claimed():
    """Near the floor the numbers show an interaction which the ordered probit does not."""
    ratings = world(np.random.default_rng(2), P=30, Q=30, effect=10, mean=52, cuts=(48, 56, 64, 72))
    found = compare_conditions(ratings, factor="region", of=[("low", "high")], interaction="level")
    row = found.rows[0]
    assert row.p_holm < 0.05
    assert not row.claimed
    assert "ends of the scale" in row.why_not


def test_an_interaction_that_is_there_is_claimed():
    row = compare_conditions(
        small("levels"), factor="region", of=[("low", "high")], interaction="level"
    ).rows[0]
    assert row.claimed
    assert row.decides.high < 0
    assert row.ordinal[0].high < 0


@pytest.mark.proof
def test_intervals_of_d_hold_the_true_d_95_times_in_100():
    rng, inside = np.random.default_rng(3), []
    components = {"p": 6.0, "i": 7.0, "ps": 4.0, "is": 6.0, "e": 12.0}
    true = 8 / sum(v**2 * (0.25 if k in ("ps", "is") else 1) for k, v in components.items()) ** 0.5
    from fechner.analysis.ratings.contrasts.crossed import closed_form
    from fechner.analysis.ratings.contrasts.effect_size import effect_size
    from fechner.analysis.ratings.matrices import Differences

    P, Q = 14, 16
    names = tuple(f"p{k}" for k in range(P)), tuple(f"i{k}" for k in range(Q))
    for _ in range(1200):
        base = rng.normal(0, 6, (P, 1)) + rng.normal(0, 7, (1, Q))
        slope = 8 + rng.normal(0, 4, (P, 1)) + rng.normal(0, 6, (1, Q))
        cells = np.stack([base + sign * slope + rng.normal(0, 12, (P, Q)) for sign in (0.5, -0.5)],
                         axis=2)  # fmt: skip
        row = closed_form(Differences(cells[..., 0] - cells[..., 1], *names, "a", "b"))
        found = effect_size(row, variance_of_cells(cells))
        inside.append(found.low <= true <= found.high)
    assert 0.93 <= np.mean(inside) <= 0.97


@pytest.mark.proof
def test_a_null_interaction_is_claimed_in_at_most_about_5_percent_of_worlds_near_the_floor():
    rng, by_numbers, claimed = np.random.default_rng(4), [], []
    for _ in range(150):
        ratings = world(rng, P=14, Q=14, effect=12, mean=52, cuts=(48, 56, 64, 72))
        row = compare_conditions(
            ratings, factor="region", of=[("low", "high")], interaction="level"
        ).rows[0]
        by_numbers.append(row.decides.p < 0.05)
        claimed.append(row.claimed)
    assert np.mean(claimed) <= 0.08
    assert np.mean(by_numbers) > np.mean(claimed)


def test_a_family_survives_its_file_and_has_its_table_beside_it(tmp_path):
    found = compare_conditions(small("balanced"), factor="region", margin=5.0)
    found.write(tmp_path / "contrast.json")
    assert read_contrast_family(tmp_path / "contrast.json") == found
    table = pd.read_csv(tmp_path / "contrast.csv")
    assert table["decides"].sum() == 3
    assert {"d", "d_low", "d_high", "p_holm", "equivalence_p", "claimed"} <= set(table)
    assert found.simulated


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"factor": "regoin"}, "'region'"),
        ({"factor": "image"}, "no column 'image' of conditions"),
        ({"factor": "region", "of": [("low", "hihg")]}, "'high'"),
        ({"factor": "region", "of": [("low",)]}, "two levels"),
        ({"factor": "region", "within": "level", "interaction": "level"}, "not as both"),
        ({"factor": "region", "margin": -1.0}, "above 0"),
        ({"factor": "region", "within": "levle"}, "'level'"),
        ({"factor": "region", "excluded": ["p3"]}, "no participant 'p3'"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(given, match):
    with pytest.raises(InputError, match=match) as caught:
        compare_conditions(small("levels"), **given)
    assert "\n" not in str(caught.value)


def test_leaving_somebody_out_is_as_if_they_had_not_been_there_and_few_are_said():
    ratings = small("balanced")
    found = compare_conditions(ratings, factor="region", excluded=["3", "5"])
    table = ratings.table[~ratings.table["participant"].isin(["3", "5"])]
    without = compare_conditions(ratings_from_table(table, scales=ratings.scales), factor="region")
    assert found.table().equals(without.table())
    assert any("Only 12 participants" in warning for warning in found.warnings)


def test_a_level_that_lacks_a_condition_is_said_and_left_out():
    ratings = small("levels")
    rows = (ratings.table["region"] == "high") & (ratings.table["level"] == 2)
    without = ratings_from_table(ratings.table[~rows], scales=ratings.scales)
    found = compare_conditions(without, factor="region", of=[("low", "high")], within="level")
    assert [row.name for row in found.rows] == ["low - high, level 1"]
    assert any("level 2: not tested" in warning for warning in found.warnings)
    with pytest.raises(InputError, match="no two levels of level"):
        compare_conditions(without, factor="region", of=[("low", "high")], interaction="level")


def test_the_command_prints_and_writes_the_family(tmp_path):
    source = small("levels").table
    source.to_csv(tmp_path / "ratings.csv", index=False)
    scale = {"dimensions": {"quality": {"minimum": 0, "maximum": 100, "good": "high"}}}
    (tmp_path / "ratings.json").write_text(json.dumps(scale))
    given = ["contrast", tmp_path / "ratings.csv", "--factor", "region", "--of", "low,high",
             "--interaction", "level", "--margin", "3", "-o", tmp_path / "all.json"]  # fmt: skip
    result = CliRunner().invoke(app, [str(word) for word in given], catch_exceptions=False)
    assert result.exit_code == 0
    assert "claimed" in result.output
    assert read_contrast_family(tmp_path / "all.json").rows[0].claimed
    assert (tmp_path / "all.csv").is_file()
