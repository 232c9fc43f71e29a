"""Real or generated: d', criterion and ROC areas as R and the textbook have them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fechner.analysis.ratings.choices.authenticity import authenticity_answers
from fechner.analysis.ratings.choices.group_sensitivity import group_sensitivity
from fechner.analysis.ratings.choices.links import probit
from fechner.analysis.ratings.choices.random_effects import RandomFactor, fit_choices
from fechner.analysis.ratings.choices.sensitivity import (
    evidence_of,
    roc_area,
    sensitivity,
    single_sensitivities,
)
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.ratings import ratings_from_table
from fechner.records.scales import Scale
from fechner.records.stimuli import StimulusTable

DATA = Path(__file__).parent / "data"
R = json.loads((DATA / "choices_reference.json").read_text("utf-8"))


def simulated():
    table = pd.read_csv(DATA / "SIMULATED_authenticity.csv")
    return table.assign(generated=(table["truth"] == "generated").astype(float))


def ratings_of(table, *columns):
    rows = pd.DataFrame(
        {"participant": table["participant"], "image": table["scene"] + "_" + table["condition"],
         "dimension": "authenticity", "rating": 1 - table["said"], "trial": range(len(table)),
         "scene": table["scene"], "region": table["condition"]}
    )  # fmt: skip
    for name in columns:
        rows[name] = table[name]
    return ratings_from_table(rows, scales={"authenticity": Scale(0, 1)}, simulated=True)


@pytest.mark.parametrize(
    ("counts", "d_prime", "criterion"),
    [
        # Macmillan and Creelman (2005): rates .8 and .4, and the mirrored observer.
        ((20, 25, 10, 25), 1.095, -0.294),
        ((15, 25, 5, 25), 1.095, 0.294),
        ((50, 100, 50, 100), 0.0, 0.0),
    ],
)
def test_d_prime_and_criterion_are_those_of_the_textbook(counts, d_prime, criterion):
    found = sensitivity(*counts, corrected=False)
    assert found.d_prime == pytest.approx(d_prime, abs=5e-4)
    assert found.criterion == pytest.approx(criterion, abs=5e-4)


def test_the_log_linear_correction_is_that_of_hautus():
    found = sensitivity(20, 20, 0, 20)
    # H = 20.5 / 21, F = 0.5 / 21, of which the normal quantiles are +-1.9808.
    assert found.hit_rate == pytest.approx(20.5 / 21)
    assert found.d_prime == pytest.approx(2 * 1.9808, abs=1e-3) and found.criterion == 0


def test_one_participant_is_as_r_has_it():
    one = simulated().query("participant == 'P03' and condition == 'intact'")
    signal = one["generated"] == 1
    found = sensitivity(one["said"][signal].sum(), signal.sum(), one["said"][~signal].sum(),
                        (~signal).sum())  # fmt: skip
    for name in ("d_prime", "d_prime_error", "criterion", "criterion_error"):
        assert getattr(found, name) == pytest.approx(R["sensitivity"][name], abs=1e-4)
    area, error = roc_area(one["generated"].to_numpy(), evidence_of(one))
    assert area == pytest.approx(R["sensitivity"]["wilcoxon"], abs=1e-9)
    assert error == pytest.approx(R["sensitivity"]["area_error"], abs=1e-9)


def test_the_population_model_is_that_of_lme4():
    rows = simulated()
    theirs, s = R["authenticity"], rows["generated"].to_numpy() - 0.5
    condition = (rows["condition"] == "intact").to_numpy(int)
    own = np.eye(2)[condition]
    person, image = pd.factorize(rows["participant"])[0], pd.factorize(rows["scene"])[0]
    factors = {
        "participant.1": RandomFactor(person),
        "participant": RandomFactor(person, s),
        "scene": RandomFactor(image),
        "scene.condition": RandomFactor(image * 2 + condition),
    }
    y = rows["said"].to_numpy(float)
    fit = fit_choices(y, np.column_stack([own, own * s[:, None]]), factors, probit())
    np.testing.assert_allclose(fit.fixed, list(theirs["fixed"].values()), atol=1e-4)
    errors = np.sqrt(np.diag(fit.covariance))
    np.testing.assert_allclose(errors, list(theirs["error"].values()), atol=1e-4)
    for name, variance in theirs["variances"].items():
        assert fit.variances[name] == pytest.approx(variance, abs=1e-4)


def test_the_populations_d_prime_is_that_of_participants_on_many_images():
    rng = np.random.default_rng(2)
    skill, image = rng.normal(0, 0.3, 20), rng.normal(0, 0.7, 120)
    p, i = np.mgrid[:20, :120].reshape(2, -1)
    s = np.where(i % 2, 0.5, -0.5)
    z = (1.4 + skill[p]) * s - 0.3 + image[i] + rng.normal(0, 1, len(p))
    rows = pd.DataFrame(
        {"participant": p.astype(str), "scene": i.astype(str), "condition": "all",
         "generated": (s > 0).astype(float), "said": (z > 0).astype(float)}
    )  # fmt: skip
    found = group_sensitivity(rows).table.iloc[0]
    mean = single_sensitivities(rows)["d_prime"].mean()
    assert found["d_prime"] == pytest.approx(mean, abs=0.08)
    assert found["d_prime_low"] < 1.4 / np.sqrt(1 + 0.49) < found["d_prime_high"]
    assert found["criterion_low"] < 0.3 / np.sqrt(1 + 0.49) < found["criterion_high"]


def test_an_area_is_the_chance_that_the_generated_one_looks_more_generated():
    generated = np.array([1, 1, 0, 0])
    assert roc_area(generated, np.array([4, 3, 2, 1.0]))[0] == 1.0
    assert roc_area(generated, np.array([1, 1, 1, 1.0]))[0] == 0.5
    assert roc_area(generated, np.array([3, 1, 2, 0.0]))[0] == 0.75


def test_calling_generated_real_and_real_generated_turns_the_sign_of_d_prime():
    a, b = sensitivity(18, 25, 7, 25), sensitivity(7, 25, 18, 25)
    assert a.d_prime == pytest.approx(-b.d_prime) and a.criterion == pytest.approx(b.criterion)


@pytest.mark.parametrize("place", ["ratings", "stimuli"])
def test_the_truth_is_read_from_the_ratings_or_from_the_stimuli(place):
    table = simulated()
    stimuli = None
    if place == "stimuli":
        names = (table["scene"] + "_" + table["condition"]).drop_duplicates()
        known = table.loc[names.index]
        stimuli = StimulusTable(
            pd.DataFrame({"stimulus": names, "scene": known["scene"], "region": known["condition"],
                          "truth": known["truth"]})
        )  # fmt: skip
    ratings = ratings_of(table, "confidence", *(["truth"] if place == "ratings" else []))
    found = authenticity_answers(ratings, stimuli)
    for name in ("generated", "said", "confidence"):
        np.testing.assert_array_equal(found[name], table[name])
    assert found["condition"].tolist() == table["condition"].tolist()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (None, "add a column 'truth' \\(real or generated\\) to the stimuli"),
        ("fake", "row 2 of the ratings: truth is real or generated, got 'fake'"),
        ("", "row 2 of the ratings: the truth of 'i00_intact' is empty"),
        ("all", "every image that was rated is real; telling both apart needs both"),
    ],
)
def test_what_is_wrong_with_the_truth_is_said_in_one_line(change, complaint):
    table = simulated()
    if change == "all":
        table["truth"] = "real"
    elif change is not None:
        table.loc[0, "truth"] = change
    columns = () if change is None else ("truth",)
    with pytest.raises(InputError, match=complaint):
        authenticity_answers(ratings_of(table, *columns))


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_writes_table_record_and_figure(tmp_path):
    ratings_of(simulated(), "truth", "confidence").table.to_csv(
        tmp_path / "SIMULATED_ratings.csv", index=False
    )
    done = run("stats", "detection", tmp_path / "SIMULATED_ratings.csv", "--scale", "0:1",
               "-o", tmp_path / "d.csv", "--figure", tmp_path / "d.png")  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "d.csv")
    assert len(table) == 24 and table["area"].between(0, 1).all()
    record = json.loads((tmp_path / "d.json").read_text("utf-8"))
    assert [row["condition"] for row in record["conditions"]] == ["high", "intact"]
    assert (tmp_path / "d.png").stat().st_size > 10_000


def test_the_command_says_which_column_is_missing(tmp_path):
    ratings_of(simulated()).table.to_csv(tmp_path / "ratings.csv", index=False)
    done = run("stats", "detection", tmp_path / "ratings.csv", "--scale", "0:1")
    assert done.exit_code == 2 and "add a column 'truth'" in done.output
    assert len(done.output.strip().splitlines()) == 1
