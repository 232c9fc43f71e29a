"""`fechner session`: every command once, and bad input in one line."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from journals import as_first_version, edit, forge
from PIL import Image
from small_sets import write_small_set
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.cli.session import live_line
from fechner.experiment.session.session import SessionStatus
from fechner.provenance import sha256_file
from fechner.records.stimuli import read_stimulus_set, verify, write_stimulus_set


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
    for code in ("S01", "S02", "S03"):
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
    assert listed.count("SIMULATED complete") == 3
    done = call(
        "verify", "--sessions", sessions, "--stimuli", study / "set", "--protocol", "slider"
    )
    assert done.exit_code == 0 and done.output.count("✓") == 3


def test_each_journal_is_verified_in_its_own_language(study, tmp_path):
    words = ["--stimuli", study / "set", "--sessions", tmp_path, "--protocol", "acr"]
    for code, language in (("S01", "en"), ("S02", "it")):
        given = ["--participant", code, "--language", language, "--simulate", "map"]
        assert call("run", *words, *given, "--no-window").exit_code == 0
    done = call("verify", *words)
    assert done.exit_code == 0 and done.output.count("✓") == 2, done.output


def test_a_journal_of_another_plan_fails_the_verification(study, sessions, tmp_path):
    path = next(sessions.glob("*S01*.jsonl"))
    shutil.copy(path, tmp_path)
    number = 12

    def change(events):
        place = next(k for k, event in enumerate(events) if event.get("trial") == number)
        events[place] |= {"scene": "scene9"}

    forge(tmp_path / path.name, change)
    done = call(
        "verify", "--sessions", tmp_path, "--stimuli", study / "set", "--protocol", "slider"
    )
    assert done.exit_code == 2
    assert "✗" in done.output and f"trials {number} are not those of the plan" in done.output


@pytest.fixture
def damaged(sessions, tmp_path):
    """Three sessions: a byte lost in the middle of S01, a rating changed in S02, S03 whole."""
    folder = tmp_path / "sessions"
    shutil.copytree(sessions, folder)
    first, second = (folder / f"SIMULATED_sub-S0{k}_ses-1.jsonl" for k in (1, 2))
    content = first.read_bytes()
    middle = len(content) // 2
    first.write_bytes(content[:middle] + content[middle + 1 :])
    edit(second, 20, rating=1.0)
    return folder


def line_of(path, place):
    """The number of the line that byte `place` lies in."""
    return path.read_bytes()[:place].count(b"\n") + 1


def test_damaged_journals_are_named_and_stop_nobody_else(study, sessions, damaged, tmp_path):
    whole = next(sessions.glob("*S01*.jsonl"))
    cut = line_of(whole, len(whole.read_bytes()) // 2)
    named = (
        f"SIMULATED_sub-S01_ses-1.jsonl is damaged in line {cut}",
        "SIMULATED_sub-S02_ses-1.jsonl is damaged in line 20",
    )
    listed = call("list", "--sessions", damaged)
    assert listed.exit_code == 0 and all(name in listed.output for name in named)
    assert listed.output.count("SIMULATED complete") == 1
    checked = call("verify", "--sessions", damaged, "--stimuli", study / "set")
    assert checked.exit_code == 2 and "2 journals have problems" in checked.output
    assert all(name in checked.output for name in named)
    assert "✓ SIMULATED_sub-S03_ses-1.jsonl" in checked.output
    for form in ("ratings", "bids", "psychds", "sureal", "psychopy"):
        out = tmp_path / f"{form}.csv"
        refused = call("export", out, "--sessions", damaged, "--format", form)
        assert refused.exit_code == 2 and "--skip-damaged" in refused.output
        assert all(name in refused.output for name in named)
        assert not out.exists() and not out.with_name(f"SIMULATED_{out.name}").exists()
        done = call("export", out, "--sessions", damaged, "--format", form, "--skip-damaged")
        assert done.exit_code == 0, done.output
        assert all(f"left out: {name}" in done.output for name in named)
    table = (tmp_path / "SIMULATED_ratings.csv").read_text()
    assert "S03," in table and "S01," not in table and "S02," not in table


def test_a_damaged_journal_stops_only_its_own_session(study, damaged):
    words = ["--stimuli", study / "set", "--sessions", damaged, "--simulate", "map", "--no-window"]
    other = call("run", *words, "--participant", "S55")
    assert other.exit_code == 0 and "SIMULATED session complete" in other.output
    assert "note: SIMULATED_sub-S01_ses-1.jsonl is damaged" in other.output
    own = call("run", *words, "--participant", "S02")
    assert own.exit_code == 2
    assert "SIMULATED_sub-S02_ses-1.jsonl is damaged in line 20" in own.output
    assert "Traceback" not in own.output


def test_a_journal_of_the_first_version_is_said_to_have_no_chain(sessions, tmp_path):
    path = next(sessions.glob("*S01*.jsonl"))
    as_first_version(Path(shutil.copy(path, tmp_path)))
    done = call("verify", "--sessions", tmp_path)
    assert done.exit_code == 0 and "✓" in done.output and "not chained" in done.output


def test_a_changed_picture_is_not_exported(study, sessions, tmp_path):
    shutil.copytree(study / "set", tmp_path / "set")
    changed = tmp_path / "set" / "scene1_high.png"
    with Image.open(changed) as picture:
        brighter = picture.point(lambda level: min(255, level + 1))
    brighter.save(changed)
    words = ["--sessions", sessions, "--format", "bids", "--stimuli"]
    done = call("export", tmp_path / "bids", *words, tmp_path / "set")
    assert done.exit_code == 2 and "scene1_high.png (other bytes)" in done.output
    found = read_stimulus_set(tmp_path / "set")
    rows = [replace(s, sha256=sha256_file(found.image_path(s))) for s in found.stimuli]
    write_stimulus_set(found.folder, rows, found.record)
    verify(found.folder)
    done = call("export", tmp_path / "bids", *words, tmp_path / "set")
    assert done.exit_code == 2 and "not those that were shown: scene1_high;" in done.output
    assert not (tmp_path / "bids").exists()
    assert call("export", tmp_path / "bids", *words, study / "set").exit_code == 0


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
    line = live_line(SessionStatus(12, 52, 8.25, 1, 2, 1870.0))
    assert line == "trial 12/52  8.2 min left  catch 1/2  median answer 1.9 s"
