"""`fechner stats` and `fechner report` as typed."""

import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from ratings_worlds import rate, stimuli_table
from typer.testing import CliRunner

from fechner.cli.report import report
from fechner.cli.stats import app
from fechner.errors import InputError
from fechner.records.cells import read_cells

runner = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stats")
    stimuli = stimuli_table(10)
    stimuli.to_csv(folder / "stimuli.csv", index=False)
    rate(stimuli, column="predicted_impact").to_csv(folder / "ratings.csv", index=False)
    scale = {"dimensions": {"quality": {"minimum": 0, "maximum": 100, "good": "high"}}}
    (folder / "ratings.json").write_text(json.dumps(scale))
    return folder


def run(*arguments):
    result = runner.invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_claim_prints_the_verdict_and_writes_it(folder, tmp_path):
    from fechner.records.claims.claim import read_claim

    output = run("claim", folder / "ratings.csv", folder, "-o", tmp_path / "claim.json")
    assert "SUPPORTED" in output
    assert "closed form *" in output
    found = read_claim(tmp_path / "claim.json")
    assert found.verdict == "supported"
    assert set(found.provenance["inputs"]) == {"ratings", "stimuli"}


def test_scores_write_one_row_an_image(folder, tmp_path):
    for method in ("mos", "bias-removed", "likelihood"):
        out = tmp_path / f"{method}.csv"
        run("scores", folder / "ratings.csv", "--method", method, "-o", out)
        assert len(pd.read_csv(out)) == 40


def test_dmos_writes_one_row_a_degraded_image(folder, tmp_path):
    run("dmos", folder / "ratings.csv", folder, "-o", tmp_path / "dmos.csv")
    found = pd.read_csv(tmp_path / "dmos.csv")
    assert list(found) == ["stimulus", "scene", "region", "dmos", "sd", "n", "ci_low", "ci_high"]
    assert len(found) == 30
    means = pd.read_csv(folder / "ratings.csv").groupby("image")["rating"].mean()
    row = found.set_index("stimulus").loc["image03_high"]
    assert row["dmos"] == pytest.approx(100 + means["image03_high"] - means["image03_intact"])


def test_screening_names_the_spammer(folder, tmp_path):
    ratings = pd.read_csv(folder / "ratings.csv")
    rows = ratings["participant"] == "P05"
    ratings.loc[rows, "rating"] = 50.0
    ratings.to_csv(tmp_path / "spam.csv", index=False)
    output = run("screen", tmp_path / "spam.csv", folder, "--scale", "0:100")
    assert "Left out: P05 (gave nearly one rating throughout)." in output


ODD = ("0801", "null", "NA", "1e5", "True", "2024-01-02", "-1", "a,b", "nan", "1.0")


@pytest.mark.parametrize("command", ["scores", "dmos", "screen", "claim"])
def test_names_that_look_like_something_else_stay_names(tmp_path, command):
    stimuli = stimuli_table(10)
    scenes = dict(zip(sorted(stimuli["scene"].unique()), ODD, strict=True))
    table = rate(stimuli, column="predicted_impact", participants=10)
    people = dict(zip(sorted(table["participant"].unique()), ODD, strict=True))
    stimuli["scene"] = stimuli["scene"].map(scenes)
    old = stimuli["stimulus"]
    stimuli["stimulus"] = stimuli["scene"] + "_" + stimuli["region"]
    table["image"] = table["image"].map(dict(zip(old, stimuli["stimulus"], strict=True)))
    table["participant"] = table["participant"].map(people)
    table.to_csv(tmp_path / "ratings.csv", index=False)
    stimuli.to_csv(tmp_path / "stimuli.csv", index=False)
    out, given = tmp_path / "out.csv", ["--scale", "0:100", "-o"]
    also = [tmp_path / "stimuli.csv"] if command in ("dmos", "claim") else []
    run(command, tmp_path / "ratings.csv", *also, *given, out)
    if command == "claim":
        found = json.loads(out.read_text())
        assert {row["image"] for row in found["images"]} == set(ODD)
        assert {row["participant"] for row in found["participants"]} == set(ODD)
    else:
        written = read_cells(out)
        named = {"scores": "image", "dmos": "scene", "screen": "participant"}[command]
        expected = set(stimuli["stimulus"]) if command == "scores" else set(ODD)
        assert set(written[named]) == expected


def test_names_in_brackets_are_shown_as_they_are(folder, tmp_path):
    ratings = pd.read_csv(folder / "ratings.csv").replace("P05", "[b]")
    ratings.to_csv(tmp_path / "odd.csv", index=False)
    assert "[b]" in run("screen", tmp_path / "odd.csv", "--scale", "0:100")


def test_power_prints_the_smallest_effect(tmp_path):
    run("power", "-p", "30", "-i", "48", "--kind", "acr", "-o", tmp_path / "power.csv")
    table = pd.read_csv(tmp_path / "power.csv")
    assert table["smallest_effect"].tolist() == pytest.approx([0.281], abs=0.001)


def test_power_can_stand_on_a_pilot(folder, tmp_path):
    run("claim", folder / "ratings.csv", folder, "-o", tmp_path / "claim.json")
    output = run("power", "-p", "20", "-i", "20", "--pilot", tmp_path / "claim.json",
                 "--equivalence", "3")  # fmt: skip
    assert "equivalence power" in output


def test_a_table_without_a_declared_scale_is_refused_and_the_scale_can_be_given(folder, tmp_path):
    bare = tmp_path / "bare.csv"
    bare.write_bytes((folder / "ratings.csv").read_bytes())
    with pytest.raises(InputError):
        run("screen", bare)
    assert "nobody" in run("screen", bare, "--scale", "0:100")
    with pytest.raises(InputError, match="MINIMUM:MAXIMUM"):
        run("screen", bare, "--scale", "five")


def test_report_writes_the_page_of_a_study(tmp_path):
    from report_study import write_study

    door = typer.Typer()
    door.command()(report)
    study = write_study(tmp_path / "study", people=False)
    result = runner.invoke(door, [str(study)], catch_exceptions=False)
    assert result.exit_code == 0
    assert (study / "report.html").is_file()


def test_power_draws_one_line_a_number_of_participants(tmp_path):
    picture = tmp_path / "power.svg"
    run("power", "-p", "15", "-p", "60", "-i", "24", "-i", "48", "--figure", picture)
    text = picture.read_text()
    assert "15 participants" in text
    assert "60 participants" in text


def test_a_wide_table_is_shown_in_parts_and_no_cell_is_cut(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table = Path(__file__).parent / "data" / "SIMULATED_acr.csv"
    shown = CliRunner().invoke(app, ["screen", str(table), "--scale", "1:5"])
    assert shown.exit_code == 0
    assert "…" not in shown.stdout
    head = [line for line in shown.stdout.splitlines() if line.startswith(" participant")]
    assert len(head) > 1 and max(map(len, head)) <= 80
    assert "agrees too little with the others" in shown.stdout
