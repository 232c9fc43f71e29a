"""What is wrong with ratings is said in one line, with exit code 2, before anything is written."""

import json

import numpy as np
import pandas as pd
import pytest
from journals import header_of, written
from small_stimuli import simulated_session, small_set, with_intact
from typer.testing import CliRunner

from fechner.analysis.ratings.matrices import rating_matrix
from fechner.analysis.ratings.scores.likelihood import maximum_likelihood
from fechner.cli.main import app
from fechner.data.importing.reader import import_ratings
from fechner.errors import InputError
from fechner.experiment.simulated.observers import simulated_panel
from fechner.protocols.schema import load_protocol
from fechner.records.ratings import ratings_from_table, read_ratings
from fechner.records.scales import Scale

runner = CliRunner()


def fechner(*words):
    return runner.invoke(app, [str(word) for word in words])


def refused(*words):
    """Run a command that must fail; return its one line."""
    done = fechner(*words)
    assert done.exit_code == 2, done.output
    assert not done.stdout
    lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("note:")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def table_of(people=6, images=4):
    """Ratings on 1 to 5 that differ between images and people."""
    rows = [
        (f"P{p}", f"i{i}", "quality", 1 + (i + (p * i) % 3) % 5)
        for p in range(people)
        for i in range(images)
    ]
    return pd.DataFrame(rows, columns=["participant", "image", "dimension", "rating"])


def save(folder, table, scale=(1, 5)):
    path = folder / "ratings.csv"
    table.to_csv(path, index=False)
    ends = {"minimum": scale[0], "maximum": scale[1], "good": "high"}
    path.with_suffix(".json").write_text(json.dumps({"dimensions": {"quality": ends}}))
    return path


def test_a_rating_outside_the_scale(tmp_path):
    table = table_of()
    table.loc[7, "rating"] = 6
    line = refused("stats", "scores", save(tmp_path, table), "-o", tmp_path / "s.csv")
    assert "row 9, column 'rating' is 6, expected 1 to 5" in line
    assert not (tmp_path / "s.csv").exists()


def test_a_trial_that_stands_there_twice(tmp_path):
    table = table_of()
    path = save(tmp_path, pd.concat([table, table.iloc[[3]]]))
    line = refused("stats", "scores", path)
    assert "row 26 repeats an earlier row (participant P0, image i3" in line
    assert "add a column 'trial'" in line


def test_a_participant_with_one_image_in_the_model_of_participants(tmp_path):
    table = table_of()
    keep = (table["participant"] != "P4") | (table["image"] == "i1")
    path = save(tmp_path, table[keep])
    line = refused("stats", "scores", path, "--method", "likelihood")
    assert "participant 'P4' rated one image only" in line
    done = fechner("stats", "scores", path, "--method", "z-scores")
    assert done.exit_code == 0
    assert "no z-scores, and left out: P4" in done.stderr


@pytest.mark.parametrize(
    ("method", "said"),
    [("likelihood", "all ratings are the same"), ("z-scores", "nobody's ratings vary")],
)
def test_no_variance_at_all(tmp_path, method, said):
    path = save(tmp_path, table_of().assign(rating=3))
    assert said in refused("stats", "scores", path, "--method", method)
    done = fechner("stats", "scores", path)
    assert done.exit_code == 0
    assert "everybody gave the same rating to i0, i1, i2, i3" in done.stderr


def stimuli_of(folder, table):
    images = table["image"].unique()
    rows = {"stimulus": images, "scene": "s", "region": ["intact", *["low"] * (len(images) - 1)]}
    path = folder / "stimuli.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_rated_image_that_is_not_among_the_stimuli(tmp_path):
    table = table_of()
    stimuli = stimuli_of(tmp_path, table)
    path = save(tmp_path, table.replace("i3", "i33"))
    line = refused("stats", "dmos", path, stimuli)
    assert "1 rated images are not in the stimuli table, first 'i33'; did you mean" in line


def test_only_references_were_rated(tmp_path):
    table = table_of(images=1)
    stimuli = stimuli_of(tmp_path, table)
    assert "only references were rated" in refused("stats", "dmos", save(tmp_path, table), stimuli)


def test_scales_that_contradict_each_other(tmp_path):
    path = save(tmp_path, table_of(), scale=(0, 100))
    line = refused("stats", "scores", path, "--scale", "1:5")
    assert "declares 'quality' as 1 to 5" in line
    assert "as 0 to 100 (high is good); correct one of them" in line


@pytest.mark.parametrize("people", [1, 4])
def test_fewer_than_five_participants_are_analysed_and_warned_of(tmp_path, people):
    done = fechner("stats", "scores", save(tmp_path, table_of(people)))
    assert done.exit_code == 0
    assert f"only {people} participant" in done.stderr
    assert "only" not in fechner("stats", "scores", save(tmp_path, table_of(5))).stderr


def test_journals_of_two_protocols_are_not_one_table(tmp_path):
    written(tmp_path / "sub-A1_ses-1.jsonl", 3, header_of("acr", "A1"), rating=4)
    written(tmp_path / "sub-A2_ses-1.jsonl", 3, header_of("acr_hr", "A2"), rating=4)
    out = tmp_path / "ratings.csv"
    line = refused("session", "export", out, "--sessions", tmp_path)
    assert "sub-A1_ses-1.jsonl and sub-A2_ses-1.jsonl rate 'quality' by different protocols" in line
    assert not out.exists()


def test_journals_of_two_scales_are_not_one_table(tmp_path):
    written(tmp_path / "sub-A1_ses-1.jsonl", 3, header_of("acr", "A1"), rating=4)
    written(tmp_path / "sub-A2_ses-1.jsonl", 3, header_of("slider", "A2"))
    out = tmp_path / "ratings.csv"
    line = refused("session", "export", out, "--sessions", tmp_path)
    assert "rate 'quality' on different scales (one of 1, 2, 3, 4, 5" in line


def test_sessions_with_hidden_references_go_through_to_dmos(tmp_path):
    """The shipped protocol acr_hr from SIMULATED sessions to differential scores."""
    stimuli = small_set(tmp_path / "set", with_intact(6))
    for observer in simulated_panel(6, seed=3).values():
        simulated_session(tmp_path / "sessions", load_protocol("acr_hr"), stimuli, observer)
    out = tmp_path / "ratings.csv"
    done = fechner("session", "export", out, "--sessions", tmp_path / "sessions")
    assert done.exit_code == 0, done.output
    ratings = tmp_path / "SIMULATED_ratings.csv"
    scored = tmp_path / "dmos.csv"
    done = fechner("stats", "dmos", ratings, tmp_path / "set", "-o", scored)
    assert done.exit_code == 0, done.output
    found = pd.read_csv(scored).set_index("stimulus")
    table = read_ratings(ratings).table
    assert set(found.index) == {
        f"scene{i}_{region}" for i in range(6) for region in ("low", "high")
    }
    means = table.groupby("image")["rating"].mean()
    for name, row in found.iterrows():
        assert row["n"] == 6
        assert row["dmos"] == pytest.approx(5 + means[name] - means[f"{row['scene']}_intact"])
    assert found["ci_low"].min() >= 1
    assert found["ci_high"].max() <= 9
    for form in ("psychds", "psychopy"):
        whole = tmp_path / form
        done = fechner("session", "export", whole, "--sessions", tmp_path / "sessions",
                       "--format", form)  # fmt: skip
        assert done.exit_code == 0, done.output
        for one in whole.rglob("*.csv"):
            again = import_ratings(one, scales=Scale(1, 5))
            assert again.ratings.simulated
            assert any(
                "(anchor, catch, practice, repeat, stabilising) left" in s for s in again.said
            )
            own = table[table["participant"] == again.ratings.participants[0]]
            keys = ["participant", "image", "rating", "trial"]
            assert again.ratings.table[keys].to_numpy().tolist() == own[keys].to_numpy().tolist()
    regions = found.groupby("region")["dmos"].mean()
    assert regions["low"] > regions["high"]
    standard = tmp_path / "z.csv"
    done = fechner(
        "stats", "dmos", ratings, tmp_path / "set", "--method", "z-scores", "-o", standard
    )
    assert done.exit_code == 0, done.output
    assert pd.read_csv(standard)["dmos"].mean() == pytest.approx(50)


def test_bias_and_inconsistency_of_participants_are_shown_and_written(tmp_path):
    table = table_of(8, 12)
    table["rating"] = np.random.default_rng(1).integers(1, 6, len(table))
    path, out = save(tmp_path, table), tmp_path / "scores.csv"
    done = fechner("stats", "scores", path, "--method", "likelihood", "-o", out)
    assert done.exit_code == 0, done.output
    assert "inconsistency" in done.stdout
    model = maximum_likelihood(rating_matrix(read_ratings(path)))
    people = pd.read_csv(tmp_path / "scores_participants.csv")
    assert people["participant"].tolist() == [f"P{p}" for p in range(8)]
    assert people["bias"].to_numpy() == pytest.approx(model.bias)
    assert people["inconsistency"].to_numpy() == pytest.approx(model.inconsistency)
    scores = pd.read_csv(out)
    assert scores["quality"].to_numpy() == pytest.approx(model.quality)
    assert scores["ci_low"].min() >= 1
    assert scores["ci_high"].max() <= 5


def test_a_condition_that_images_do_not_name_is_said_where_it_tells_repeats_apart():
    scales = {"quality": Scale(1, 5)}
    rows = [(p, i, c) for p in "ABC" for i in "xyz" for c in ("low", "high")]
    table = pd.DataFrame(rows, columns=["participant", "image", "arm"])
    table = table.assign(dimension="quality", rating=3, rt_ms=np.arange(len(table)))
    with pytest.raises(InputError, match="names of images hold 'arm' where that"):
        ratings_from_table(table, scales=scales)
    with pytest.raises(InputError, match=r"made twice$"):
        ratings_from_table(table.drop(columns="arm"), scales=scales)
