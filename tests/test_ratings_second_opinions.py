"""A model beside the deciding one shows believable numbers or says why it has none."""

import json

import numpy as np
import pandas as pd
import pytest
from ratings_worlds import rate, records, stimuli_table
from typer.testing import CliRunner

from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.contrasts import every_model
from fechner.analysis.ratings.contrasts.clustered import clustered_ratings
from fechner.analysis.ratings.contrasts.crossed import closed_form
from fechner.analysis.ratings.contrasts.every_model import by_every_model, deciding_contrast
from fechner.analysis.ratings.contrasts.mixed import mixed_model, mixed_slopes
from fechner.analysis.ratings.contrasts.ordinal import ordered_probit
from fechner.analysis.ratings.contrasts.second_opinions import ERROR_BAND, second_opinion
from fechner.analysis.ratings.contrasts.slopes import slopes_design
from fechner.analysis.ratings.matrices import differences
from fechner.cli.stats import app
from fechner.errors import InputError
from fechner.records.contrasts.contrast import UnfittedModel
from fechner.report.tables import contrast_table

NONSENSE = [(5, 6, 136), (5, 6, 168), (5, 6, 193), (6, 8, 110)]
"""Participants, images and seeds of the 5-point tables, 4 of 600, on which statsmodels 0.15 stops
("Singular matrix") or calls standard errors 6e7 and 9e7 times too large converged."""


def as_arms(cells):
    """Rows of (participant, scene, region, rating) as `rated_arms` returns them."""
    table = pd.DataFrame(cells, columns=["participant", "scene", "region", "rating"])
    return table.assign(family=None, level=None)


def five_points(P, Q, seed):
    """Both arms of every image on 1..5; images differ in the effect, participants do not."""
    rng = np.random.default_rng(seed)
    images, people = rng.normal(0, 0.5, Q), rng.normal(0, 0.5, P)
    cells = []
    for arm in ("low", "high"):
        latent = 3.5 + people[:, None] + images + rng.normal(0, 0.35, Q)
        latent = np.clip(np.round(latent + rng.normal(0, 0.9, (P, Q))), 1, 5)
        cells += [(f"p{p}", f"i{i}", arm, latent[p, i]) for p in range(P) for i in range(Q)]
    return as_arms(cells)


def some_arms():
    return five_points(8, 10, 0)


def latin_square(P, Q, effect, seed):
    rng = np.random.default_rng(seed)
    people, images = rng.normal(0, 8, P), rng.normal(0, 8, Q)
    slopes = rng.normal(0, 4, P), rng.normal(0, 6, Q)
    cells = []
    for p in range(P):
        for i in range(Q):
            x = (0.5, -0.5)[(p + i) % 2]
            rating = 60 + people[p] + images[i] + x * (effect + slopes[0][p] + slopes[1][i])
            cells.append((f"p{p}", f"i{i}", "low" if x > 0 else "high", rating + rng.normal(0, 9)))
    return as_arms(cells)


def test_whatever_statsmodels_returns_no_nonsense_is_shown_and_nothing_stops():
    shown = nonsense = 0
    for P, Q, seed in [*NONSENSE, *((6, 8, seed) for seed in range(20))]:
        found = by_every_model(five_points(P, Q, seed), "low", "high", 0.95)
        for row in found.contrasts:
            ratio = row.standard_error / found.decides.standard_error
            assert 1 / ERROR_BAND <= ratio <= ERROR_BAND
            assert np.isfinite([row.estimate, row.low, row.high, row.p]).all()
            shown += row.model == "mixed model"
        why = [row.why for row in found.unfitted if row.model == "mixed model"]
        nonsense += len(why)
        assert all(why)
    assert shown + nonsense == 24
    assert 1 <= nonsense <= 8


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"standard_error": 1e8}, "times that of 'closed form'"),
        ({"standard_error": 1e-8}, "times that of 'closed form'"),
        ({"standard_error": float("nan")}, "not a number"),
        ({"estimate": float("inf")}, "not a number"),
        ({"variances": {"image": float("nan")}}, "not a number"),
        ({"converged": False}, "before the optimum"),
    ],
)
def test_a_fit_that_means_nothing_becomes_a_row_without_numbers(change, why):
    decides = deciding_contrast(some_arms(), "low", "high", 0.95)
    found = second_opinion("mixed model", lambda: decides.model_copy(update=change), decides)
    assert isinstance(found, UnfittedModel)
    assert why in found.why
    assert second_opinion("mixed model", lambda: decides, decides) is decides


@pytest.mark.parametrize("error", [np.linalg.LinAlgError("Singular matrix"), KeyError(), OSError()])
def test_whatever_a_library_raises_becomes_a_row_that_says_so(error):
    def fit():
        raise error

    decides = deciding_contrast(some_arms(), "low", "high", 0.95)
    found = second_opinion("mixed model", fit, decides)
    assert found.why == (str(error) or type(error).__name__)


@pytest.fixture
def broken(monkeypatch):
    def stop(*_, **__):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(every_model, "mixed_model", stop)


def test_a_claim_goes_on_without_the_model_that_stopped_and_says_so(broken):
    stimuli = stimuli_table(10)
    found = claim(*records(rate(stimuli, column="predicted_impact"), stimuli))
    assert [row.model for row in found.unfitted] == ["mixed model"] * 2
    assert "mixed model" not in {row.model for row in found.contrasts}
    assert any("did not fit: Singular matrix" in warning for warning in found.warnings)
    rows = contrast_table(found.contrasts, found.level, found.unfitted).rows
    assert [row[1] for row in rows if row[-1] == "did not fit"] == ["mixed model"] * 2


def test_the_command_prints_that_a_model_did_not_fit(broken, tmp_path):
    stimuli = stimuli_table(10)
    stimuli.to_csv(tmp_path / "stimuli.csv", index=False)
    rate(stimuli, column="predicted_impact").to_csv(tmp_path / "ratings.csv", index=False)
    scale = {"dimensions": {"quality": {"minimum": 0, "maximum": 100, "good": "high"}}}
    (tmp_path / "ratings.json").write_text(json.dumps(scale))
    given = ["claim", str(tmp_path / "ratings.csv"), str(tmp_path)]
    result = CliRunner().invoke(app, given, catch_exceptions=False)
    assert result.exit_code == 0
    assert "did not fit" in result.output


def test_ratings_without_variance_are_given_and_nothing_is_fitted_to_them():
    cells = [(f"p{p}", f"i{i}", arm, 3.0)
             for p in range(4) for i in range(5) for arm in ("low", "high")]  # fmt: skip
    square = [cell for k, cell in enumerate(cells) if (k // 2 + k) % 2]
    for rows in (cells, square):
        found = by_every_model(as_arms(rows), "low", "high", 0.95)
        assert [(row.estimate, row.p) for row in found.contrasts] == [(0.0, 1.0)]
        assert "no variance" in found.decides.reason


def test_a_probit_without_an_upper_bound_is_told_and_not_printed():
    rng = np.random.default_rng(0)
    cells = [(f"p{p}", f"i{i}", arm, rng.integers(1, 3) + 2.0 * (arm == "low"))
             for p in range(6) for i in range(6) for arm in ("low", "high")]  # fmt: skip
    with pytest.raises(InputError, match="no upper bound"):
        ordered_probit(as_arms(cells), "low", "high")
    found = by_every_model(as_arms(cells), "low", "high", 0.95)
    assert found.ordinal == []
    assert found.unfitted[-1].model == "ordered probit"


def test_a_latin_square_is_told_which_model_decides_and_gets_its_second_opinions():
    found = by_every_model(latin_square(12, 14, 6.0, seed=1), "low", "high", 0.95)
    assert [row.model for row in found.contrasts] == ["REML slopes", "mixed model", "clustered"]
    assert "0 % of the participant-image pairs" in found.decides.reason
    ours, theirs, robust = found.contrasts
    assert theirs.estimate == pytest.approx(ours.estimate, rel=1e-3)
    # statsmodels inverts the Hessian in all parameters, where lme4 and we take (X'V^-1X)^-1.
    assert theirs.standard_error == pytest.approx(ours.standard_error, rel=0.03)
    assert robust.standard_error == pytest.approx(ours.standard_error, rel=0.5)


def test_many_people_who_rate_few_images_in_both_arms_are_analysed_by_differences():
    rng = np.random.default_rng(3)
    cells = []
    for p in range(60):
        cells += [(f"p{p}", f"i{i}", arm, rng.normal(60 + 5 * (arm == "low"), 9))
                  for i in rng.permutation(30)[:6] for arm in ("low", "high")]  # fmt: skip
    found = by_every_model(as_arms(cells), "low", "high", 0.95)
    assert found.decides.model == "REML"
    assert "80 % of the differences are missing" in found.decides.reason
    assert found.decides.n_differences == 360
    assert {row.model for row in found.contrasts} == {"REML", "mixed model", "clustered"}


def test_clustered_least_squares_with_dummies_equals_statsmodels():
    import statsmodels.api as sm

    arms = latin_square(10, 12, 4.0, seed=2)
    design = slopes_design(arms, "low", "high")
    ours = clustered_ratings(design)
    dummies = pd.get_dummies(arms[["participant", "scene"]], drop_first=True, dtype=float)
    X = np.column_stack([design.X[:, 0] - design.X[:, 1], np.ones(len(arms)), dummies])
    theirs = sm.OLS(design.y, X).fit()
    assert ours.estimate == pytest.approx(-2 * theirs.params[0])
    groups = np.column_stack([design.p, design.i])
    robust = theirs.get_robustcov_results(cov_type="cluster", groups=groups, df_correction=True)
    error = robust.cov_params()[0, 0] ** 0.5
    assert ours.standard_error == pytest.approx(2 * error, rel=1e-6)


def test_images_seen_in_one_arm_only_are_compared_through_their_own_variance():
    """Then the contrast is between two samples of images: the t test of image means, nearly."""
    from scipy import stats

    rng = np.random.default_rng(4)
    level, cells = rng.normal(0, 6, 16), []
    for p in range(50):
        cells += [(f"p{p}", f"i{i}", ("low", "high")[i % 2], 60 + level[i] + rng.normal(0, 3))
                  for i in range(16)]  # fmt: skip
    found = by_every_model(as_arms(cells), "low", "high", 0.95)
    means = as_arms(cells).groupby("scene")["rating"].mean()
    own = means.index.str[1:].astype(int)
    plain = stats.ttest_ind(means[own % 2 == 0], means[own % 2 == 1])
    assert "image slope" not in found.decides.variances
    assert found.decides.df == pytest.approx(14, abs=0.1)
    assert found.decides.p == pytest.approx(plain.pvalue, rel=0.02)
    assert found.unfitted == []


def test_the_quick_way_to_the_deciding_contrast_is_the_same_contrast():
    for arms in (some_arms(), latin_square(8, 8, 3.0, seed=0), some_arms().iloc[1:]):
        assert deciding_contrast(arms, "low", "high", 0.9) == (
            by_every_model(arms, "low", "high", 0.9).decides
        )


def test_statsmodels_agrees_on_both_kinds_of_designs_and_refuses_what_would_take_minutes():
    table = differences(some_arms(), "low", "high")
    assert mixed_model(table).standard_error == pytest.approx(
        closed_form(table).standard_error, rel=2e-3
    )
    rows = pd.DataFrame(
        [(f"p{p}", f"i{i}", ("low", "high")[(p + i) % 2], float(p % 7))
         for p in range(300) for i in range(20)],
        columns=["participant", "scene", "region", "rating"],
    )  # fmt: skip
    with pytest.raises(InputError, match="minutes"):
        mixed_slopes(slopes_design(rows.assign(family=None, level=None), "low", "high"))


def test_a_variance_at_zero_is_said_with_what_it_means():
    stimuli = stimuli_table(10)
    ratings = rate(stimuli, column="predicted_impact", participants=8, seed=3, image_slope=0.0)
    found = claim(*records(ratings, stimuli))
    singular = [row for row in found.contrasts if row.decides and row.at_zero]
    assert singular
    assert any("is singular (" in warning for warning in found.warnings)


def test_newton_finds_the_optimum_where_a_quasi_newton_search_broke_off():
    """The criterion from four starts of another optimiser is nowhere below the one found."""
    from scipy import optimize

    from fechner.analysis.ratings.contrasts.reml import fit_reml
    from fechner.analysis.ratings.contrasts.reml_criterion import products

    for seed in range(6):
        design = slopes_design(latin_square(10, 9, 3.0, seed=seed), "low", "high")
        fit = fit_reml(design.y, design.X, design.blocks())
        given = products(design.y, design.X, list(design.blocks().values()))
        found = [
            optimize.minimize(
                lambda ratios, given=given: given.criterion(given.solve(ratios)),
                np.full(4, start), method="Nelder-Mead", bounds=[(0, 1e4)] * 4,
                options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 3000},
            ).fun
            for start in (0.05, 1.0)
        ]  # fmt: skip
        assert fit.converged
        assert fit.criterion <= min(found) + 1e-6


def test_exact_derivatives_equal_differences_of_the_criterion():
    from fechner.analysis.ratings.contrasts.reml_criterion import products

    design = slopes_design(latin_square(7, 8, 3.0, seed=5), "low", "high")
    given = products(design.y, design.X, list(design.blocks().values()))
    at = np.array([0.2, 0.5, 0.1, 0.7])
    solution = given.solve(at)
    gradient, H = given.slopes(solution, given.sums(solution))
    for k in range(4):
        step = 1e-5 * np.eye(4)[k]
        up, down = given.solve(at + step), given.solve(at - step)
        numeric = (given.criterion(up) - given.criterion(down)) / 2e-5
        assert gradient[k] == pytest.approx(numeric, rel=1e-5, abs=1e-6)
        slopes = [given.slopes(s, given.sums(s))[0] for s in (up, down)]
        np.testing.assert_allclose(H[k], (slopes[0] - slopes[1]) / 2e-5, rtol=1e-5)
