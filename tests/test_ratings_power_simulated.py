"""Power by simulation: against the formulas, against the real analysis, and as typed."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ratings_worlds import rate, records, simulated_differences, stimuli_table
from scipy import stats
from typer.testing import CliRunner

from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.contrasts.crossed import closed_form
from fechner.analysis.ratings.contrasts.every_model import deciding_contrast
from fechner.analysis.ratings.matrices import Differences
from fechner.analysis.ratings.power.analytic import ACR_5, SLIDER_100, Components, smallest_effect
from fechner.analysis.ratings.power.latent import latent_assumptions
from fechner.analysis.ratings.power.outcomes import closed_forms, successes
from fechner.analysis.ratings.power.pilot import assumptions_of_pilot, components_of_claim
from fechner.analysis.ratings.power.planned import (
    LATIN_ARMS,
    Assumptions,
    PlannedStudy,
    PlannedTest,
    assumed_ratings,
    draw_ratings,
    ratings_of_a_study,
)
from fechner.analysis.ratings.power.simulated import power_by_formula, simulated_power
from fechner.analysis.ratings.power.smallest_design import smallest_designs
from fechner.cli.stats import app
from fechner.errors import InputError
from fechner.executors import executor
from fechner.records.scales import Scale

STUDIES = [PlannedStudy(12, 16), PlannedStudy(30, 24), PlannedStudy(30, 48), PlannedStudy(20, 72)]


def away(table):
    """Distance of simulation and formula in Monte-Carlo standard errors."""
    p = table["analytic"]
    return ((table["power"] - p).abs() / np.sqrt(p * (1 - p) / table["runs"])).max()


@pytest.mark.parametrize("components", [SLIDER_100, Components(0, 10.9, 18.4), Components(9, 2, 9)])
def test_simulation_and_formula_agree_where_both_hold(components):
    effect = smallest_effect(components, participants=30, images=24, wanted=0.7)
    table = simulated_power(Assumptions(components, effect), STUDIES, PlannedTest(), runs=2000)
    assert away(table) < 3.3


def test_without_effect_five_studies_in_a_hundred_find_one():
    table = simulated_power(Assumptions(SLIDER_100, 0.0), STUDIES, PlannedTest(), runs=3000)
    assert away(table) < 3.3
    assert table["analytic"].tolist() == pytest.approx([0.05] * 4)


def test_equivalence_agrees_with_its_formula():
    """The formula takes the standard error as known; it is right to .02."""
    table = simulated_power(
        Assumptions(ACR_5, 0.0), STUDIES[2:], PlannedTest("equivalence", margin=0.25), runs=3000
    )
    assert (table["power"] - table["analytic"]).abs().max() < 0.02 + 3 * 0.009


def test_five_categories_find_as_much_as_their_own_components_say():
    table = simulated_power(assumed_ratings("acr", 0.3), STUDIES, PlannedTest(), runs=2000)
    assert (table["power"] - table["analytic"]).abs().max() < 0.035


@pytest.mark.parametrize("effect", [0.0, 0.3, -0.8])
def test_answers_have_the_assumed_effect_and_variances_after_rounding(effect):
    assumed = assumed_ratings("acr", effect)
    y = draw_ratings(
        latent_assumptions(assumed), PlannedStudy(400, 400), ("low", "high"), 1,
        np.random.default_rng(9),
    )[0]  # fmt: skip
    assert set(np.unique(y)) == {1, 2, 3, 4, 5}
    D = y[..., 0] - y[..., 1]
    row = closed_form(Differences(D, tuple(map(str, range(400))), tuple(map(str, range(400))),
                                  "low", "high"))  # fmt: skip
    assert row.estimate == pytest.approx(effect, abs=0.07)
    found = [row.variances[name] ** 0.5 for name in ("participant", "image", "residual")]
    assert found == pytest.approx([0.283, 0.557, 0.957], rel=0.1)
    assert found[2] == pytest.approx(0.957, rel=0.01)


def test_a_stack_of_closed_forms_equals_the_closed_form_singular_tables_included():
    rng = np.random.default_rng(0)
    for components in (SLIDER_100, Components(0, 0, 10), Components(0, 5, 10), Components(5, 0, 9)):
        tables = [
            simulated_differences(3, components, participants=7, images=5, rng=rng)
            for _ in range(60)
        ]
        estimate, error, df = closed_forms(np.stack([table.values for table in tables]))
        for k, table in enumerate(tables):
            row = closed_form(table)
            assert (estimate[k], error[k], df[k]) == pytest.approx(
                (row.estimate, row.standard_error, row.df), rel=1e-9
            )


def test_tables_without_any_variance_are_not_an_error():
    D = np.stack([np.zeros((4, 5)), np.ones((4, 5))])
    estimate, error, df = closed_forms(D)
    assert estimate.tolist() == [0, 1]
    assert error.tolist() == [0, 0]
    assert df.tolist() == [3, 3]


def arms_table(y, arms):
    p, i, a = np.nonzero(np.isfinite(y))
    region = np.array(arms)[a]
    return pd.DataFrame(
        {"participant": p, "scene": i, "region": region, "rating": y[p, i, a],
         "family": ["blur" if arm != "intact" else None for arm in region],
         "level": [1.0 if arm != "intact" else None for arm in region]}
    )  # fmt: skip


@pytest.mark.parametrize(
    "planned", [PlannedStudy(9, 12, missing=0.1), PlannedStudy(12, 12, "latin")]
)
def test_studies_with_gaps_are_decided_by_the_model_of_the_claim(planned):
    arms = LATIN_ARMS if planned.layout == "latin" else ("low", "high")
    y = draw_ratings(assumed_ratings("slider", 9), planned, arms, 12, np.random.default_rng(1))
    rows = [deciding_contrast(arms_table(one, arms), "low", "high", 0.95) for one in y]
    expected = [row.p < 0.05 for row in rows]
    assert successes(y, arms, PlannedTest()).tolist() == expected
    assert 0 < sum(expected) < 12


def test_the_verdict_needs_both_contrasts():
    arms, planned = ("low", "high", "donor"), PlannedStudy(16, 20)
    assumed = Assumptions(SLIDER_100, 8.0, control_effect=5.0)
    y = draw_ratings(assumed, planned, arms, 300, np.random.default_rng(2))

    def one_sided(a, b):
        estimate, error, df = closed_forms(y[..., a] - y[..., b])
        return estimate - stats.t.ppf(0.975, df) * error > 0

    expected = one_sided(0, 1) & one_sided(2, 1)
    assert successes(y, arms, PlannedTest("verdict")).tolist() == expected.tolist()
    nothing = replace(assumed, control_effect=0.0)
    table = simulated_power(nothing, [planned], PlannedTest("verdict"), runs=1000)
    assert table["power"][0] < 0.05
    assert np.isnan(table["analytic"][0])


def test_two_contrasts_share_one_arm_and_each_has_the_assumed_variance():
    y = draw_ratings(Assumptions(SLIDER_100, 0.0), PlannedStudy(40, 40), ("low", "high", "donor"),
                     1000, np.random.default_rng(3))  # fmt: skip
    first, second = (closed_forms(y[..., k] - y[..., 1])[0] for k in (0, 2))
    expected = np.sqrt(4.24**2 / 40 + 10.9**2 / 40 + 18.4**2 / 1600)
    assert [first.std(), second.std()] == pytest.approx([expected] * 2, rel=0.06)
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.5, abs=0.08)


def test_in_a_latin_square_everybody_rates_every_image_once_and_every_arm_equally_often():
    planned = PlannedStudy(8, 12, "latin")
    y = draw_ratings(assumed_ratings("slider", 5), planned, LATIN_ARMS, 2, np.random.default_rng(0))
    here = np.isfinite(y)
    assert (here.sum(axis=3) == 1).all()
    assert (here.sum(axis=2) == 3).all()
    assert (here.sum(axis=1) == 2).all()
    assert ratings_of_a_study(planned, PlannedTest()) == here[0].sum()


def test_missing_ratings_are_missing_at_the_stated_share():
    planned = PlannedStudy(40, 40, missing=0.2)
    y = draw_ratings(
        assumed_ratings("slider", 5), planned, ("low", "high"), 5, np.random.default_rng(0)
    )
    assert np.isnan(y).mean() == pytest.approx(0.2, abs=0.01)


def test_results_depend_on_the_seed_and_neither_on_processes_nor_on_other_sizes():
    assumed, test = assumed_ratings("acr", 0.3), PlannedTest()
    sizes = [PlannedStudy(12, 12), PlannedStudy(14, 12)]
    alone = simulated_power(assumed, sizes[1:], test, runs=450, seed=4)
    with executor(2) as pool:
        together = simulated_power(assumed, sizes, test, runs=450, seed=4, pool=pool)
    assert together["power"][1] == alone["power"][0]
    other = simulated_power(assumed, sizes[1:], test, runs=450, seed=5)
    assert other["power"][0] != alone["power"][0]


def test_the_monte_carlo_interval_is_wilsons():
    """``(k + z^2 / 2 -+ z sqrt(k (n - k) / n + z^2 / 4)) / (n + z^2)`` (Wilson 1927)."""
    table = simulated_power(Assumptions(SLIDER_100, 7.0), [PlannedStudy(30, 24)], PlannedTest(),
                            runs=10)  # fmt: skip
    k = round(10 * table["power"][0])
    z2 = 1.959964**2
    centre, half = (k + z2 / 2) / (10 + z2), np.sqrt(z2 * (k * (10 - k) / 10 + z2 / 4)) / (10 + z2)
    assert [table["low"][0], table["high"][0]] == pytest.approx([centre - half, centre + half])


def test_the_search_closes_in_on_what_the_formula_says():
    assumed = Assumptions(SLIDER_100, 6.0)
    found = smallest_designs(
        assumed, PlannedStudy(2, 2), PlannedTest(), participants=[20, 40], images=[12, 24, 48, 96],
        runs=2000,
    )  # fmt: skip
    assert len(found.smallest) == 2
    for row in found.smallest.itertuples():
        expected = next(
            Q for Q in range(12, 97)
            if power_by_formula(assumed, PlannedStudy(row.participants, Q), PlannedTest()) >= 0.8
        )  # fmt: skip
        assert abs(row.images - expected) <= 4
        below = found.table.query("participants == @row.participants and images < @row.images")
        assert (below["power"] < 0.8).all()
        assert below["images"].max() == row.images - 1
    fewest = found.fewest_ratings
    assert fewest["ratings"] == found.smallest["ratings"].min()


def test_the_search_says_how_far_it_is_to_its_end():
    told = []
    smallest_designs(
        Assumptions(SLIDER_100, 8.0), PlannedStudy(2, 2), PlannedTest(), participants=[15, 30],
        images=[8, 40], runs=20, progress=lambda *counts: told.append(counts),
    )  # fmt: skip
    done, total = zip(*told, strict=True)
    assert list(done) == list(range(1, len(told) + 1))
    assert total[0] == 4
    assert done[-1] == total[-1] > 4


def test_no_size_is_enough_for_an_effect_that_is_too_small():
    found = smallest_designs(
        Assumptions(SLIDER_100, 0.5), PlannedStudy(2, 2), PlannedTest(), participants=[10],
        images=[10, 20], runs=50,
    )  # fmt: skip
    assert found.fewest_ratings is None
    assert len(found.table) == 2


@pytest.fixture(scope="module")
def pilot():
    stimuli = stimuli_table(30, seed=1)
    return rate(stimuli, column="predicted_impact", participants=20, seed=2), stimuli


def test_a_pilot_gives_its_variances_whether_by_claim_or_by_ratings(pilot):
    ratings, stimuli = records(*pilot)
    by_claim = components_of_claim(claim(ratings, stimuli))
    by_ratings = assumptions_of_pilot(ratings, stimuli, effect=4.0)
    for name in ("participant", "image", "residual"):
        assert getattr(by_ratings.components, name) == pytest.approx(getattr(by_claim, name))
    # `rate` draws people and scenes with an SD of 6, and slopes of arms of 2 beside that.
    assert by_ratings.participant == pytest.approx(6, abs=2)
    assert by_ratings.image == pytest.approx(6, abs=3)
    assert by_ratings.effect == 4.0
    assert by_ratings.scale == Scale(0, 100)


def test_a_pilot_in_a_latin_square_speaks_of_the_same_differences(pilot):
    table, stimuli = pilot
    own = np.array(["intact", "low", "high", "donor"])
    scene = table["image"].str.extract(r"(\d+)_")[0].astype(int)
    person = table["participant"].str[1:].astype(int)
    rotated = own[(scene + person) % 4]
    latin = table[table["image"].str.split("_").str[1] == rotated]
    whole = assumptions_of_pilot(*records(table, stimuli), effect=4.0).components
    part = assumptions_of_pilot(*records(latin, stimuli), effect=4.0).components
    assert part.residual == pytest.approx(whole.residual, rel=0.15)
    assert part.image == pytest.approx(whole.image, rel=0.5)


def test_where_low_is_good_the_scale_is_turned_with_the_ratings(pilot):
    table, stimuli = pilot
    turned = table.assign(rating=100 - table["rating"])
    straight = assumptions_of_pilot(*records(table, stimuli), effect=4.0)
    found = assumptions_of_pilot(*records(turned, stimuli, good="low"), effect=4.0)
    assert (found.scale.minimum, found.scale.maximum) == (-100, 0)
    assert found.middle == pytest.approx(straight.middle - 100)
    assert found.components == pytest.approx(straight.components)


def test_impossible_plans_are_refused():
    with pytest.raises(InputError, match="2 participants and 2 images"):
        PlannedStudy(1, 10)
    with pytest.raises(InputError, match="missing share"):
        PlannedStudy(10, 10, missing=1.0)
    with pytest.raises(InputError, match="would matter"):
        PlannedTest("equivalence")
    with pytest.raises(InputError, match="SDs of 0 or more"):
        Assumptions(Components(-1, 1, 1), 3.0)
    with pytest.raises(InputError, match="10 runs"):
        simulated_power(Assumptions(SLIDER_100, 3.0), STUDIES, PlannedTest(), runs=5)
    with pytest.raises(InputError, match="between 0 and 1"):
        smallest_designs(Assumptions(SLIDER_100, 3.0), PlannedStudy(2, 2), PlannedTest(),
                         participants=[10], images=[10], wanted=80)  # fmt: skip


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False).output


def test_design_prints_the_smallest_study_and_draws_it(tmp_path):
    out, picture = tmp_path / "design.csv", tmp_path / "design.svg"
    output = run("design", "--effect", 8, "-p", 15, "-p", 30, "-i", 12, "-i", 48, "--runs", 200,
                 "-o", out, "--figure", picture)  # fmt: skip
    assert "Smallest for power 0.8 (difference): 15 participants x" in output
    assert float(re.search(r"differ by ([\d.]+)", output).group(1)) < 0.15
    table = pd.read_csv(out)
    assert {"power", "low", "high", "analytic"} <= set(table)
    text = picture.read_text()
    assert "200 simulated studies a size" in text
    assert "formula" in text


def test_design_stands_on_a_pilot(pilot, tmp_path):
    table, stimuli = pilot
    table.to_csv(tmp_path / "ratings.csv", index=False)
    stimuli.to_csv(tmp_path / "stimuli.csv", index=False)
    claim(*records(table, stimuli)).write(tmp_path / "claim.json")
    given = ["-p", "12", "-i", "10", "-i", "20", "--effect", "6", "--runs", "50"]
    by_claim = run("design", "--pilot", tmp_path / "claim.json", *given)
    by_ratings = run("design", "--pilot", tmp_path / "ratings.csv", "--stimuli",
                     tmp_path / "stimuli.csv", "--scale", "0:100", *given)  # fmt: skip
    SDs = [re.search(r"participants [\d.]+, images [\d.]+", one) for one in (by_claim, by_ratings)]
    assert SDs[0].group() == SDs[1].group()
    with pytest.raises(InputError, match="--stimuli"):
        run("design", "--pilot", tmp_path / "ratings.csv", *given)


def test_design_without_an_effect_is_refused():
    with pytest.raises(InputError, match="--effect"):
        run("design", "-p", 10, "-i", 10)
