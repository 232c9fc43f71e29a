"""Thresholds: posteriors as questplus has them, group estimates as lme4 has them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fechner.analysis.ratings.choices.detections import detections
from fechner.analysis.ratings.choices.links import weibull
from fechner.analysis.ratings.choices.psychometric import posterior
from fechner.analysis.ratings.choices.random_effects import RandomFactor, fit_choices
from fechner.analysis.ratings.choices.thresholds import group_thresholds, staircase_thresholds
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.protocols.parts import Quest
from fechner.records.ratings import ratings_from_table
from fechner.records.scales import Scale
from fechner.records.stimuli import StimulusTable

DATA = Path(__file__).parent / "data"
R = json.loads((DATA / "choices_reference.json").read_text("utf-8"))["detection"]


def simulated():
    """The SIMULATED trials of the reference, whose low region has a threshold 0.3 log10 higher."""
    trials = pd.read_csv(DATA / "SIMULATED_detections.csv")
    return trials.assign(x=np.log10(trials["strength"]))


def ratings_of(trials, **more):
    rows = trials.rename(columns={"right": "rating"}).drop(columns="x", errors="ignore")
    rows = rows.assign(
        image=rows["scene"] + "_" + rows["region"], dimension="detection",
        trial=range(len(rows)), **more,
    )  # fmt: skip
    return ratings_from_table(rows, scales={"detection": Scale(0, 1)}, simulated=True)


def test_the_posterior_of_a_staircase_is_that_of_questplus():
    questplus = pytest.importorskip("questplus")
    quest, grid = Quest(), np.round(np.linspace(-0.5, 1.5, 15), 9)
    theirs = questplus.QuestPlusWeibull(
        intensities=grid, thresholds=grid, slopes=list(quest.slopes),
        lower_asymptotes=[quest.guess], lapse_rates=list(quest.lapses),
        responses=("right", "wrong"), stim_scale="log10",
    )  # fmt: skip
    rng, shown, right = np.random.default_rng(7), [], []
    for _ in range(40):
        x = float(theirs.next_intensity)
        found = int(rng.random() < 0.98 - 0.48 * np.exp(-(10 ** (2 * (x - 0.4)))))
        theirs.update(intensity=x, response="right" if found else "wrong")
        shown.append(x)
        right.append(found)
    ours = posterior(np.array(shown), np.array(right), quest, thresholds=grid)
    for axis, name in ((0, "threshold"), (1, "slope"), (2, "lapse_rate")):
        others = tuple({0, 1, 2} - {axis})
        wanted = np.asarray(theirs.marginal_posterior[name], float)
        np.testing.assert_allclose(ours.weights.sum(axis=others), wanted, atol=1e-9)


def test_the_group_model_is_that_of_lme4():
    trials = simulated()
    region = trials["region"].map({"high": 0, "low": 1}).to_numpy()
    X = np.column_stack([np.eye(2)[region], trials["x"]])
    factors = {}
    for name in ("participant", "scene"):
        codes = pd.factorize(trials[name])[0]
        factors[name] = RandomFactor(codes)
        factors[f"{name}:region"] = RandomFactor(pd.factorize(codes * 2 + region)[0])
    y = trials["right"].to_numpy(float)
    fit = fit_choices(y, X, factors, weibull(guess=0.5, lapse=0.01))
    assert fit.deviance == pytest.approx(R["deviance"], abs=1e-3)
    assert fit.deviance <= R["deviance"]
    np.testing.assert_allclose(fit.fixed, list(R["fixed"].values()), atol=2e-4)
    np.testing.assert_allclose(
        np.sqrt(np.diag(fit.covariance)), list(R["error"].values()), atol=2e-4
    )
    for name, variance in R["variances"].items():
        assert fit.variances[name] == pytest.approx(variance, abs=1e-4)


def test_thresholds_and_their_ratio_hold_the_truth_of_the_world():
    found = group_thresholds(simulated(), Quest())
    at = np.log10(-np.log((0.99 - 0.75) / 0.49)) / 2.5
    for row, truth in zip(found.table.itertuples(), (0.1, 0.4), strict=True):
        assert row.low < 10 ** (truth + at) < row.high
    ratio = found.ratios.iloc[0]
    assert ratio["contrast"] == "low / high"
    assert ratio["low"] < 10**0.3 < ratio["high"] and ratio["p"] < 0.01


def test_the_share_right_at_a_threshold_is_the_share_asked_for():
    quest = Quest(lapses=(0.02,), slopes=(3.0,))
    x = np.repeat(np.linspace(-1, 1, 9), 400)
    rng = np.random.default_rng(0)
    right = rng.random(len(x)) < weibull(guess=0.5, lapse=0.02).inverse(3.0 * (x - 0.2))
    found = posterior(x, right.astype(float), quest)
    for share in (0.6, 0.75, 0.9):
        middle, low, high = found.strength_at(share)
        truth = 0.2 + np.log10(-np.log((0.98 - share) / 0.48)) / 3.0
        assert low <= truth <= high and abs(middle - truth) < 0.05


def test_intervals_of_staircases_cover_their_truth():
    rng, inside, quest = np.random.default_rng(3), 0, Quest()
    curve = weibull(guess=0.5, lapse=0.02).inverse
    for _ in range(200):
        t = rng.normal(0.2, 0.2)
        x = rng.choice(np.linspace(-0.8, 1.2, 15), 40)
        right = (rng.random(40) < curve(2.5 * (x - t))).astype(float)
        _, low, high = posterior(x, right, quest).strength_at(0.75)
        truth = t + np.log10(-np.log((0.98 - 0.75) / 0.48)) / 2.5
        inside += low <= truth <= high
    assert 0.90 <= inside / 200 <= 0.99


def test_a_threshold_that_was_never_reached_is_said_to_lie_beyond():
    trials = pd.DataFrame(
        {"participant": "P1", "scene": "a", "region": "low", "x": np.tile([0.0, 0.5], 15),
         "right": np.tile([0, 0, 1, 1, 1, 0], 5)}
    )  # fmt: skip
    found = staircase_thresholds(trials, Quest()).iloc[0]
    assert not found["within"] and found["threshold"] > 10**0.5


def test_another_measure_is_taken_from_the_stimuli():
    ratings = ratings_of(simulated().head(40))
    names = sorted(set(ratings.table["image"]))
    table = pd.DataFrame({"stimulus": names, "scene": "s", "region": "r", "mse": 25.0})
    found = detections(ratings, StimulusTable(table), measure="mse")
    assert found["x"].unique().tolist() == pytest.approx([np.log10(25.0)])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"strength": 0.0}, "row 2 of the ratings: strength must be above 0"),
        ({"right": 0.5}, "row 2 of the ratings: found is 1 and not found 0, got 0.5"),
    ],
)
def test_rows_that_are_no_detection_are_named(change, complaint):
    trials = simulated().head(4)
    for column, value in change.items():
        trials[column] = trials[column].astype(float)
        trials.loc[0, column] = value
    with pytest.raises(InputError, match=complaint):
        detections(ratings_of(trials))


def test_answers_that_get_worse_with_strength_have_no_threshold():
    trials = simulated()
    with pytest.raises(InputError, match="do not get better with strength"):
        group_thresholds(trials.assign(x=-trials["x"]), Quest())


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_writes_thresholds_record_and_figure(tmp_path):
    rows = ratings_of(simulated()).table
    rows.to_csv(tmp_path / "SIMULATED_ratings.csv", index=False)
    done = run("stats", "thresholds", tmp_path / "SIMULATED_ratings.csv", "--scale", "0:1",
               "-o", tmp_path / "t.csv", "--figure", tmp_path / "t.png")  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "t.csv")
    assert len(table) == 24 and {"threshold", "low", "high", "within"} <= set(table)
    record = json.loads((tmp_path / "t.json").read_text("utf-8"))
    assert [row["region"] for row in record["regions"]] == ["high", "low"]
    assert record["provenance"]["simulated"] is True and "SIMULATED" in done.output
    assert (tmp_path / "t.png").stat().st_size > 10_000


def test_one_participant_has_thresholds_and_no_population(tmp_path):
    trials = simulated()
    rows = ratings_of(trials[trials["participant"] == "P00"]).table
    rows.to_csv(tmp_path / "ratings.csv", index=False)
    done = run("stats", "thresholds", tmp_path / "ratings.csv", "--scale", "0:1")
    assert done.exit_code == 0, done.output
    assert "no thresholds of the population" in done.output


def test_a_table_without_strength_is_told_where_it_may_come_from(tmp_path):
    rows = ratings_of(simulated()).table.drop(columns="strength")
    rows.to_csv(tmp_path / "ratings.csv", index=False)
    done = run("stats", "thresholds", tmp_path / "ratings.csv", "--scale", "0:1")
    assert done.exit_code == 2
    assert "have no column 'strength'" in done.output and "stimuli" in done.output
