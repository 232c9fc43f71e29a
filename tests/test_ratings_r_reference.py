"""Every model against lme4, lmerTest and ordinal in R, on small tables of every kind.

The numbers stand in ``data/crossed_reference.csv``, which ``data/crossed_reference.R`` wrote.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fechner.analysis.ratings.contrasts.crossed import closed_form, reml_crossed
from fechner.analysis.ratings.contrasts.every_model import deciding_contrast
from fechner.analysis.ratings.contrasts.ordinal import ordered_probit
from fechner.analysis.ratings.contrasts.slopes import reml_slopes, slopes_design
from fechner.analysis.ratings.matrices import differences

DATA = Path(__file__).parent / "data"
CLOSE = 1e-4
"""Relative; absolute for what R gives as 0, in units of the residual's variance."""

PARTS = {
    "differences": {"p:(Intercept)": "participant", "i:(Intercept)": "image"},
    "slopes": {
        "p:(Intercept)": "participant",
        "p:x": "participant slope",
        "i:(Intercept)": "image",
        "i:x": "image slope",
    },
}
PARTS["between"] = {name: PARTS["slopes"][name] for name in list(PARTS["slopes"])[:3]}


def reference(table, model):
    """The numbers of one model on one table, by quantity."""
    rows = pd.read_csv(DATA / "crossed_reference.csv").set_index(["table", "model"])
    return rows.loc[(table, model)].set_index("quantity")["value"].to_dict()


def arms_of(name):
    table = pd.read_csv(DATA / f"SIMULATED_crossed_small_{name}.csv")
    return pd.DataFrame(
        {
            "participant": table["p"].astype(str),
            "scene": table["i"].astype(str),
            "region": table["cond"],
            "family": None,
            "level": None,
            "rating": table["y"].astype(float),
        }
    )


def check(ours, theirs, parts):
    assert ours.converged
    assert ours.estimate == pytest.approx(theirs["estimate"], rel=CLOSE)
    assert ours.standard_error == pytest.approx(theirs["se"], rel=CLOSE)
    assert ours.df == pytest.approx(theirs["df"], rel=CLOSE)
    assert ours.p == pytest.approx(theirs["p"], rel=10 * CLOSE)
    residual = theirs["variance:Residual"]
    for part, name in {**parts, "Residual": "residual"}.items():
        expected = pytest.approx(theirs[f"variance:{part}"], rel=CLOSE, abs=CLOSE * residual)
        assert ours.variances[name] == expected, name


PAIRED = ("balanced", "missing", "singular_participant", "singular_both", "acr", "crowd_pairs")


@pytest.mark.parametrize("name", PAIRED)
def test_reml_on_differences_equals_lme4_and_lmertest(name):
    table = differences(arms_of(name), "low", "high")
    check(reml_crossed(table), reference(name, "differences"), PARTS["differences"])


@pytest.mark.parametrize(
    "name", [name for name in PAIRED if name not in ("missing", "crowd_pairs")]
)
def test_the_closed_form_equals_lme4_also_where_variances_are_at_zero(name):
    ours = closed_form(differences(arms_of(name), "low", "high"))
    theirs = reference(name, "differences")
    check(ours, theirs, PARTS["differences"])
    zero = [ours_name for part, ours_name in PARTS["differences"].items()
            if theirs[f"variance:{part}"] == 0]  # fmt: skip
    assert sorted(ours.at_zero) == sorted(zero)


@pytest.mark.parametrize("name", ["balanced", "missing", "latin", "acr", "crowd"])
def test_slopes_on_the_ratings_equal_lme4_and_lmertest(name):
    ours = reml_slopes(slopes_design(arms_of(name), "low", "high"))
    check(ours, reference(name, "slopes"), PARTS["slopes"])


def test_images_of_one_arm_only_equal_lme4_without_their_slope():
    ours = reml_slopes(slopes_design(arms_of("between_images"), "low", "high"))
    check(ours, reference("between_images", "between"), PARTS["between"])


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("balanced", "closed form"),
        ("missing", "REML"),
        ("latin", "REML slopes"),
        ("crowd", "REML slopes"),
        ("crowd_pairs", "REML"),
        ("singular_both", "closed form"),
    ],
)
def test_each_design_is_decided_by_its_model(name, model):
    found = deciding_contrast(arms_of(name), "low", "high", 0.95)
    assert found.model == model
    kind = "slopes" if model == "REML slopes" else "differences"
    assert found.p == pytest.approx(reference(name, kind)["p"], rel=10 * CLOSE)


def test_the_ordered_probit_equals_clm():
    theirs = reference("acr", "probit")
    assert ordered_probit(arms_of("acr"), "low", "high").estimate == pytest.approx(
        theirs["x"], rel=CLOSE
    )


def test_the_tables_are_what_their_program_makes(tmp_path):
    import importlib.util

    spec = importlib.util.spec_from_file_location("tables", DATA / "make_crossed_tables.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    for make in program.TABLES:
        made = make()
        stored = pd.read_csv(DATA / f"SIMULATED_crossed_small_{make.__name__}.csv")
        assert list(made) == list(stored)
        np.testing.assert_array_equal(made["y"], stored["y"])
