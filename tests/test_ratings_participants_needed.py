"""How many participants a MOS needs, and `fechner stats reliability` as typed."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.reliability.participants_needed import (
    expected_width,
    participants_for,
    planning_sizes,
    width_table,
)
from fechner.analysis.ratings.reliability.sources import sources_of_variance
from fechner.analysis.ratings.scores.mos import mos
from fechner.cli.stats import app
from fechner.errors import InputError
from fechner.records.cells import read_cells


def panel(images=60, participants=20, seed=0, *, bias=0.5, residual=1.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (images, 1)) + rng.normal(0, bias, (1, participants))
    values = values + rng.normal(0, residual, (images, participants))
    names = tuple(f"i{k}" for k in range(images)), tuple(f"p{k}" for k in range(participants))
    return RatingMatrix(values, *names)


@pytest.mark.parametrize("n", [2, 3, 8, 30])
def test_the_expected_width_is_the_mean_width_of_intervals_of_normal_ratings(n):
    draws = np.random.default_rng(1).normal(0, 0.8, (40_000, n))
    found = mos(RatingMatrix(draws, tuple(map(str, range(40_000))), tuple(map(str, range(n)))))
    width = (found["ci_high"] - found["ci_low"]).mean()
    assert expected_width(0.8, np.array([n]))[0] == pytest.approx(width, rel=0.015)


@pytest.mark.parametrize(("width", "sd"), [(0.5, 0.8), (12.5, 18.0), (0.05, 1.0), (30.0, 1.0)])
def test_one_participant_less_would_not_be_enough(width, sd):
    n = participants_for(width, sd)
    assert expected_width(sd, np.array([n]))[0] <= width
    assert n == 2 or expected_width(sd, np.array([n - 1]))[0] > width


def test_formula_simulation_and_the_panel_itself_agree():
    matrix = panel(images=300, participants=40)
    table = width_table(
        matrix, sources_of_variance(matrix), [5, 12, 40, 80], rng=np.random.default_rng(2)
    )
    away = (table["simulated"] - table["width"]).abs() / table["simulated_error"]
    assert (away < 3.3).all()
    assert table["observed"][:3].tolist() == pytest.approx(table["width"][:3].tolist(), rel=0.05)
    assert np.isnan(table["observed"][3])


def test_biases_widen_the_interval_of_the_mos_and_not_that_of_differences():
    harsh, even = panel(bias=2.0), panel(bias=0.0)
    tables = [
        width_table(m, sources_of_variance(m), [20], draws=2, rng=np.random.default_rng(0))
        for m in (harsh, even)
    ]
    removed = [float(table["width_bias_removed"][0]) for table in tables]
    assert removed[0] == pytest.approx(removed[1])
    assert tables[0]["width"][0] > 1.7 * tables[1]["width"][0]


def test_missing_ratings_widen_what_is_observed_and_do_not_stop_it():
    matrix = panel()
    matrix.values[np.random.default_rng(0).random(matrix.values.shape) < 0.3] = np.nan
    found = width_table(
        matrix, sources_of_variance(panel()), [2, 10, 20], rng=np.random.default_rng(0)
    )
    assert np.isfinite(found["observed"]).all()
    assert found["observed"][2] > found["width"][2]


def test_the_curve_holds_the_answer_and_the_panel():
    assert {47, 24} <= set(planning_sizes(47, 24))
    assert min(planning_sizes(2, 2)) == 2


def test_impossible_widths_are_refused():
    with pytest.raises(InputError, match="above 0"):
        participants_for(0, 1)
    with pytest.raises(InputError, match="not reached"):
        participants_for(1e-5, 1)


def long_table(path, matrix):
    values = np.clip(np.round(3 + matrix.values), 1, 5)
    rows = [
        (participant, image, "quality", values[i, p])
        for p, participant in enumerate(matrix.participants)
        for i, image in enumerate(matrix.images)
        if np.isfinite(values[i, p])
    ]
    columns = ["participant", "image", "dimension", "rating"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False).output


def test_reliability_prints_and_writes_every_number(tmp_path):
    table = long_table(tmp_path / "ratings.csv", panel())
    picture, out = tmp_path / "needed.svg", tmp_path / "reliability.csv"
    output = run(
        "reliability", table, "--scale", "1:5", "--metric", "ordinal", "--width", "0.4",
        "--figure", picture, "-o", out,
    )  # fmt: skip
    assert "To report for the MOS of 20 participants" in output
    assert "interval 0.4 points wide needs" in output
    written = read_cells(out)
    assert written["measure"].tolist()[:2] == ["ICC(1,1)", "ICC(A,1)"]
    assert "alpha (ordinal)" in set(written["measure"])
    text = picture.read_text()
    assert "participants that a MOS needs" in text
    assert "SIMULATED" not in text


def test_a_simulated_table_says_so_in_text_and_picture(tmp_path):
    table = long_table(tmp_path / "SIMULATED_ratings.csv", panel())
    picture = tmp_path / "needed.svg"
    output = run("reliability", table, "--scale", "1:5", "--figure", picture)
    assert "SIMULATED" in output
    assert "SIMULATED" in picture.read_text()


def test_an_impossible_width_leaves_nothing_written(tmp_path):
    table, out = long_table(tmp_path / "ratings.csv", panel()), tmp_path / "out.csv"
    with pytest.raises(InputError, match="above 0"):
        run("reliability", table, "--scale", "1:5", "--width", "0", "-o", out)
    assert not out.exists()


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    table = long_table(tmp_path / "ratings.csv", panel())
    again = [run("reliability", table, "--scale", "1:5", "--seed", "3") for _ in range(2)]
    assert again[0] == again[1]
