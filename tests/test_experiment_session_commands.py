"""`fechner session`: every command once, and bad input in one line."""

import json

import pytest
from small_sets import write_small_set
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.cli.session import live_line
from fechner.experiment.session.session import Standing


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    write_small_set(folder / "set", scenes=4)
    return folder


def call(*words):
    return CliRunner().invoke(app, ["session", *map(str, words)])


@pytest.fixture(scope="module")
def sessions(study):
    folder = study / "sessions"
    for code in ("S01", "S02"):
        done = call(
            "run",
            "--stimuli", study / "set",
            "--sessions", folder,
            "--participant", code,
            "--simulate", "map",
            "--no-window",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        assert "SIMULATED session complete" in done.output
    return folder


def test_the_plan_is_audited_and_printed(study):
    audit = call("plan", "--stimuli", study / "set", "--participants", 8).output
    assert "8 participants" in audit and "each stimulus   shown 8 times" in audit
    assert "in each block   2 times" in audit
    printed = call("plan", "--stimuli", study / "set", "--participant", "P01").output
    assert "anchor" in printed and "scene0_low" in printed


def test_a_plan_over_the_limit_is_refused_and_no_person_is_run_by_it(study, tmp_path):
    call_protocol = ["protocol", "copy", "slider", str(tmp_path), "--name", "hasty"]
    assert CliRunner().invoke(app, call_protocol).exit_code == 0
    path = tmp_path / "hasty.toml"
    path.write_text(path.read_text().replace("session_minutes = 30", "session_minutes = 2"))
    planned = call("plan", "--stimuli", study / "set", "--protocol", path, "--participants", 4)
    assert planned.exit_code != 0 and "limit 2 min" in planned.output
    words = ["--stimuli", study / "set", "--protocol", path, "--sessions", tmp_path / "s"]
    run = call("run", *words, "--participant", "P01")
    assert run.exit_code == 2 and "limit is 2" in run.output
    assert not (tmp_path / "s").exists()


def test_a_code_in_other_letters_is_refused(study, sessions):
    words = ["--stimuli", study / "set", "--sessions", sessions, "--simulate", "map"]
    done = call("run", *words, "--no-window", "--participant", "s01")
    assert done.exit_code == 2 and "is S01 in other letters" in done.output


def test_sessions_are_listed_and_verified(study, sessions):
    listed = call("list", "--sessions", sessions).output
    assert listed.count("SIMULATED complete") == 2
    done = call(
        "verify", "--sessions", sessions, "--stimuli", study / "set", "--protocol", "slider"
    )
    assert done.exit_code == 0 and done.output.count("✓") == 2


def test_a_journal_that_was_edited_fails_the_verification(study, sessions, tmp_path):
    path = next(sessions.glob("*S01*.jsonl"))
    lines = path.read_text().splitlines()
    place = next(k for k, line in enumerate(lines) if '"kind":"main"' in line)
    trial = json.loads(lines[place])
    lines[place] = json.dumps({**trial, "stimulus": "scene0_intact", "scene": "scene9"})
    (tmp_path / path.name).write_text("\n".join(lines) + "\n")
    done = call(
        "verify", "--sessions", tmp_path, "--stimuli", study / "set", "--protocol", "slider"
    )
    assert done.exit_code == 2
    assert (
        "✗" in done.output and f"trials {trial['trial']} are not those of the plan" in done.output
    )


def test_ratings_are_exported_with_their_name(sessions, tmp_path):
    done = call("export", tmp_path / "ratings.csv", "--sessions", sessions)
    assert done.exit_code == 0
    assert (tmp_path / "SIMULATED_ratings.csv").exists()
    assert "SIMULATED_ratings.csv" in done.output.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--participant", "P01", "--size", "big"], "WIDTHxHEIGHT"),
        (["--participant", "P01", "--verify-pixels", "al"], "did you mean 'all'"),
        (["--participant", "P01", "--pixels-per-cm", "38"], "belong together"),
        (["--participant", "me@example.org"], "e-mail"),
        ([], "a free random one is"),
        (["--participant", "P01", "--protocol", "slidr"], "slider"),
        (["--participant", "P01", "--no-window"], "simulated participant"),
    ],
)
def test_bad_options_end_in_one_line(words, complaint, study, tmp_path):
    done = call("run", "--stimuli", study / "set", "--sessions", tmp_path / "s", *words)
    assert done.exit_code == 2
    assert complaint in done.output and "Traceback" not in done.output
    assert not list(tmp_path.rglob("*.jsonl"))


def test_the_experimenters_line_says_all_that_matters():
    line = live_line(Standing(12, 52, 8.25, 1, 2, 1870.0))
    assert line == "trial 12/52  8.2 min left  catch 1/2  median answer 1.9 s"
