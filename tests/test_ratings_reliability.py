"""Agreement of participants: against pingouin, psych, krippendorff, rsatoolbox; and by algebra."""

import csv
import json
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from fechner.analysis.ratings.matrices import RatingMatrix, rating_matrix
from fechner.analysis.ratings.reliability.coefficient import Coefficient
from fechner.analysis.ratings.reliability.intraclass import intraclass
from fechner.analysis.ratings.reliability.krippendorff import krippendorff_alpha
from fechner.analysis.ratings.reliability.noise_ceiling import mos_ceiling, participant_ceiling
from fechner.analysis.ratings.reliability.sources import sources_of_variance
from fechner.analysis.ratings.reliability.split_half import spearman_brown, split_half
from fechner.analysis.ratings.reliability.summary import summarise_reliability
from fechner.errors import InputError
from fechner.records.ratings import read_ratings

OURS = Path(__file__).parent / "data"
SHARED = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
PUBLIC = SHARED / "ratings"
REFERENCE = json.loads((OURS / "reliability_reference.json").read_text())
COMPLETE, MISSING = "SIMULATED_acr", "SIMULATED_slider_missing"
METRICS = ("interval", "ordinal", "nominal")

needs_public = pytest.mark.skipif(not PUBLIC.exists(), reason=f"no public studies at {PUBLIC}")
STUDIES = (
    COMPLETE,
    MISSING,
    pytest.param("nflx_public", marks=needs_public),
    pytest.param("vqeghd3", marks=needs_public),
)


def matrix_of(values):
    values = np.asarray(values, float)
    images = tuple(f"i{k}" for k in range(values.shape[0]))
    return RatingMatrix(values, images, tuple(f"p{k}" for k in range(values.shape[1])))


def study(name):
    if name.startswith("SIMULATED"):
        return rating_matrix(read_ratings(OURS / f"{name}.csv"))
    return matrix_of(np.loadtxt(PUBLIC / f"{name}.csv", delimiter=","))


def world(rng, *, images=30, participants=12, image=1.0, participant=0.5, residual=1.0, missing=0):
    """Ratings (n_images, n_participants) with these SDs."""
    values = rng.normal(0, image, (images, 1)) + rng.normal(0, participant, (1, participants))
    values = values + rng.normal(0, residual, (images, participants))
    values[rng.random(values.shape) < missing] = np.nan
    return matrix_of(values)


def alpha(matrix, metric="interval", resamples=2):
    return krippendorff_alpha(matrix, metric, resamples=resamples, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", STUDIES)
def test_intraclass_correlations_and_their_intervals_equal_pingouin(name):
    matrix = study(name)
    complete = matrix.values[np.isfinite(matrix.values).all(axis=1)]
    ours = intraclass(sources_of_variance(matrix_of(complete)))
    theirs = REFERENCE[name]["intraclass"]
    assert REFERENCE[name]["complete_images"] == len(complete)
    assert set(ours) == set(theirs)
    for kind, one in ours.items():
        assert (one.value, one.low, one.high) == pytest.approx(tuple(theirs[kind]), abs=1e-9)


def psych(table):
    with (OURS / "psych_reference.csv").open(encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["measure"]: row for row in rows if row["table"] == table}


def test_intraclass_correlations_equal_psych_in_r():
    ours, theirs = intraclass(sources_of_variance(study(COMPLETE))), psych(COMPLETE)
    names = {"ICC1": "1,1", "ICC2": "A,1", "ICC3": "C,1", "ICC1k": "1,k", "ICC2k": "A,k",
             "ICC3k": "C,k"}  # fmt: skip
    for name, kind in names.items():
        one, row = ours[f"ICC({kind})"], theirs[name]
        expected = tuple(float(row[key]) for key in ("value", "low", "high"))
        assert (one.value, one.low, one.high) == pytest.approx(expected, abs=1e-4)


def test_with_missing_ratings_variances_equal_lme4_and_single_coefficients_psych():
    sources, theirs = sources_of_variance(study(MISSING)), psych(MISSING)
    ours = intraclass(sources)
    found = (sources.image_sd**2, sources.participant_sd**2, sources.residual_sd**2)
    names = ("variance image", "variance participant", "variance Residual")
    assert found == pytest.approx(tuple(float(theirs[n]["value"]) for n in names), rel=1e-4)
    assert ours["ICC(A,1)"].value == pytest.approx(float(theirs["ICC2"]["value"]), abs=1e-5)
    assert ours["ICC(C,1)"].value == pytest.approx(float(theirs["ICC3"]["value"]), abs=1e-5)


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("metric", METRICS)
def test_alpha_equals_the_package_krippendorff(name, metric):
    assert alpha(study(name), metric).value == pytest.approx(
        REFERENCE[name]["alpha"][metric], abs=1e-12
    )


@pytest.mark.parametrize("name", [name for name in STUDIES if name != MISSING])
def test_the_ceiling_of_one_participant_equals_rsatoolbox(name):
    matrix = matrix_of(study(name).values[:66])
    for ranks, method in ((False, "corr"), (True, "spearman")):
        found = participant_ceiling(matrix, ranks=ranks)
        assert [found.lower, found.upper] == pytest.approx(
            REFERENCE[name]["ceiling"][method], abs=1e-9
        )


def test_alpha_by_pairs_as_krippendorff_wrote_it():
    """Observed and expected disagreement summed over pairs of ratings, without any shortcut."""
    rng = np.random.default_rng(0)
    values = rng.integers(1, 6, (9, 4)).astype(float)
    values[rng.random(values.shape) < 0.2] = np.nan
    units = [row[np.isfinite(row)] for row in values]
    units = [unit for unit in units if len(unit) > 1]
    every = np.concatenate(units)
    pairs = sum(2 * sum((a - b) ** 2 for a, b in combinations(u, 2)) / (len(u) - 1) for u in units)
    chance = 2 * sum((a - b) ** 2 for a, b in combinations(every, 2)) / (len(every) - 1)
    assert alpha(matrix_of(values)).value == pytest.approx(1 - pairs / chance)


def test_ordinal_alpha_knows_only_the_order_and_nominal_only_the_names():
    values = np.random.default_rng(1).integers(1, 6, (20, 6)).astype(float)
    stretched = np.array([0, 1, 10, 11, 12, 300.0])[values.astype(int)]
    renamed = np.array([0, 5, 3, 1, 2, 4.0])[values.astype(int)]
    for metric, other in (("ordinal", stretched), ("nominal", renamed)):
        same = alpha(matrix_of(other), metric).value
        assert same == pytest.approx(alpha(matrix_of(values), metric).value)
    assert alpha(matrix_of(renamed), "ordinal").value != pytest.approx(
        alpha(matrix_of(values), "ordinal").value
    )


def test_kind_and_harsh_participants_change_agreement_and_not_consistency():
    matrix = world(np.random.default_rng(2))
    shifted = matrix_of(matrix.values + np.linspace(-3, 3, 12))
    plain, moved = (intraclass(sources_of_variance(one)) for one in (matrix, shifted))
    for kind in ("ICC(C,1)", "ICC(C,k)"):
        assert moved[kind].value == pytest.approx(plain[kind].value)
        assert (moved[kind].low, moved[kind].high) == pytest.approx(
            (plain[kind].low, plain[kind].high)
        )
    assert moved["ICC(A,1)"].value < plain["ICC(A,1)"].value - 0.1
    halves = [split_half(one, rng=np.random.default_rng(0)).value for one in (matrix, shifted)]
    assert halves[0] == pytest.approx(halves[1])


def test_coefficients_do_not_depend_on_the_unit_of_the_scale():
    matrix = world(np.random.default_rng(3), missing=0.1)
    other = matrix_of(20 * matrix.values + 1000)
    for metric in ("interval", "ordinal"):
        same = alpha(other, metric, resamples=50)
        assert (same.value, same.low) == pytest.approx(
            (alpha(matrix, metric, 50).value, alpha(matrix, metric, 50).low)
        )
    same = split_half(other, rng=np.random.default_rng(0))
    assert same.low == pytest.approx(split_half(matrix, rng=np.random.default_rng(0)).low)


def test_participants_who_repeat_each_other_agree_perfectly():
    matrix = matrix_of(np.tile([[1.0], [3.0], [2.0], [5.0]], (1, 6)))
    for one in intraclass(sources_of_variance(matrix)).values():
        assert (one.value, one.low, one.high) == (1, 1, 1)
    for metric in METRICS:
        assert alpha(matrix, metric).value == 1
    assert split_half(matrix, rng=np.random.default_rng(0)).value == pytest.approx(1)
    found = participant_ceiling(matrix)
    assert (found.lower, found.upper) == pytest.approx((1, 1))


@pytest.mark.parametrize("seed", range(30))
def test_no_value_and_no_end_exceeds_one(seed):
    rng = np.random.default_rng(seed)
    matrix = world(rng, images=5, participants=4, image=rng.choice([0, 0.1, 3]), residual=1)
    rows = [*intraclass(sources_of_variance(matrix)).values(), alpha(matrix, resamples=200)]
    rows.append(split_half(matrix, splits=50, resamples=50, rng=rng))
    for one in rows:
        assert one.low <= one.high <= 1
        assert one.value <= 1


@pytest.mark.parametrize("name", STUDIES)
def test_random_halves_agree_with_cronbachs_alpha(name):
    """Their mean estimates what Cronbach's alpha, which is ICC(C,k), estimates."""
    matrix = study(name)
    found = split_half(matrix, rng=np.random.default_rng(0))
    expected = intraclass(sources_of_variance(matrix))["ICC(C,k)"].value
    assert found.value == pytest.approx(expected, abs=0.006)
    if "cronbach_alpha" in REFERENCE[name]:
        assert expected == pytest.approx(REFERENCE[name]["cronbach_alpha"], abs=1e-9)


def test_random_halves_of_four_are_the_three_ways_to_halve_four():
    matrix = world(np.random.default_rng(4), participants=4)
    x = matrix.values
    r = [
        np.corrcoef(x[:, [0, k]].sum(axis=1), np.delete(x, [0, k], axis=1).sum(axis=1))[0, 1]
        for k in (1, 2, 3)
    ]
    found = split_half(matrix, splits=6000, resamples=2, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(spearman_brown(np.mean(r), 2), abs=0.01)


def test_an_odd_panel_is_stepped_up_to_its_full_size():
    matrix = world(np.random.default_rng(5), images=3000, participants=5)
    found = split_half(matrix, splits=100, resamples=2, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(1 / (1 + 1 / 5), abs=0.01)


def test_the_ceiling_of_the_mos_is_what_a_second_panel_and_the_truth_reach():
    rng = np.random.default_rng(6)
    truth = rng.normal(size=20_000)
    panels = truth[:, None] + rng.normal(0, 2, (2, 20_000, 8))
    second = np.corrcoef(panels[0].mean(axis=1), panels[1].mean(axis=1))[0, 1]
    true = np.corrcoef(panels[0].mean(axis=1), truth)[0, 1]
    some = matrix_of(panels[0])
    lower, upper = mos_ceiling(split_half(some, splits=100, resamples=2, rng=rng))
    assert (lower.value, upper.value) == pytest.approx((second, true), abs=0.015)


def test_the_ceiling_of_no_reliability_is_zero():
    lower, upper = mos_ceiling(Coefficient("split-half", -0.2, -0.9, 0.04))
    assert (lower.value, lower.low, upper.value, upper.high) == (0, 0, 0, pytest.approx(0.2))


def test_a_participant_who_never_varies_is_named_and_left_out_of_the_ceiling():
    matrix = world(np.random.default_rng(7))
    values = matrix.values.copy()
    values[:, 3] = 2.0
    found = participant_ceiling(matrix_of(values))
    others = participant_ceiling(matrix_of(np.delete(values, 3, axis=1)))
    assert found.constant == ("p3",)
    assert (found.lower, found.upper) == (others.lower, others.upper)


def coverage(missing, runs, **sizes):
    """Share of intervals that hold the true coefficient, and that of alpha."""
    rng, inside = np.random.default_rng(8), []
    for _ in range(runs):
        matrix = world(rng, missing=missing, **sizes)
        sources = sources_of_variance(matrix)
        found, k = intraclass(sources), sources.raters
        truth = {"ICC(A,1)": 1 / 2.25, "ICC(C,1)": 1 / 2, "ICC(A,k)": 1 / (1 + 1.25 / k),
                 "ICC(C,k)": 1 / (1 + 1 / k)}  # fmt: skip
        inside.append([found[kind].low <= true <= found[kind].high for kind, true in truth.items()])
    return np.mean(inside, axis=0)


def test_ninety_five_of_a_hundred_intervals_hold_the_true_coefficient():
    assert coverage(0, 1500) == pytest.approx(np.full(4, 0.95), abs=0.02)


def test_so_do_the_approximate_intervals_where_ratings_are_missing():
    assert coverage(0.3, 300) == pytest.approx(np.full(4, 0.95), abs=0.035)


def test_the_bootstrap_interval_of_alpha_holds_the_alpha_of_all_images():
    """Participants are those at hand: alpha over very many images rated by them."""
    rng, inside = np.random.default_rng(9), []
    for _ in range(200):
        bias = rng.normal(0, 0.5, 12)
        many = rng.normal(size=(3040, 1)) + bias + rng.normal(0, 1, (3040, 12))
        found = alpha(matrix_of(many[:40]), resamples=300)
        true = alpha(matrix_of(many[40:].round(1))).value
        inside.append(found.low <= true <= found.high)
    assert 0.89 <= np.mean(inside) <= 0.98


def test_the_summary_holds_every_number_and_says_which_to_report():
    found = summarise_reliability(study(MISSING), metric="ordinal")
    table = found.table.set_index("measure")
    assert table.loc["alpha (ordinal)", "value"] == pytest.approx(
        REFERENCE[MISSING]["alpha"]["ordinal"]
    )
    upper, halves = table.loc["MOS: upper", "value"], table.loc["split-half", "value"]
    assert upper == pytest.approx(halves**0.5)
    assert any("To report" in sentence for sentence in found.sentences)
    assert any("missing" in warning for warning in found.warnings)


def test_three_participants_are_given_every_number_but_halves():
    found = summarise_reliability(world(np.random.default_rng(1), participants=3))
    assert "four participants, got 3" in found.warnings[0]
    table = found.table.set_index("measure")
    assert "split-half" not in table.index
    assert table.loc["MOS: lower", "value"] == max(table.loc["ICC(C,k)", "value"], 0)


def test_what_cannot_be_computed_is_named_and_does_not_stop_the_rest():
    two = summarise_reliability(world(np.random.default_rng(1), images=2))
    assert any(warning.startswith("no split-half: halves") for warning in two.warnings)
    assert "ICC(A,k)" in set(two.table["measure"])
    values = np.tile([[2.0, 4.0, 3.0]], (5, 1))
    flat = summarise_reliability(matrix_of(values))
    assert any("no ceiling of one participant" in warning for warning in flat.warnings)


def test_tables_that_cannot_have_a_reliability_are_refused():
    with pytest.raises(InputError, match="2 images and 2 participants"):
        sources_of_variance(matrix_of(np.ones((1, 5))))
    with pytest.raises(InputError, match="every rating is 4"):
        sources_of_variance(matrix_of(np.full((6, 5), 4.0)))
    with pytest.raises(InputError, match="too few"):
        sources_of_variance(matrix_of([[1, np.nan], [np.nan, 2], [3, np.nan]]))
    with pytest.raises(InputError, match="two ratings or more"):
        alpha(matrix_of([[1, np.nan], [np.nan, 2]]))
    with pytest.raises(InputError, match="four participants"):
        split_half(matrix_of(np.eye(3)), rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="vary"):
        participant_ceiling(matrix_of(np.ones((4, 3))))
