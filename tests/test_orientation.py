"""``fechner``, ``fechner status`` and ``fechner doctor``: where one is, and what comes next."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
from journals import header_of, written
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.cli.orienting import doctor
from fechner.records.images.files import write_png
from fechner.records.study import write_template
from fechner.study.status import folder_status

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def fechner(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_without_a_command_it_says_where_to_begin():
    result = fechner()
    assert result.exit_code == 0
    for command in ("map", "compress", "study init", "demo", "status", "doctor"):
        assert f"fechner {command}" in result.output


def test_a_new_study_has_everything_to_do_and_names_what_is_missing(tmp_path):
    write_template(tmp_path / "mine")
    found = folder_status(tmp_path / "mine")
    standing = dict(found.lines)
    assert list(standing) == [
        *("channels", "maps", "stimuli", "frozen plan"),
        *("sessions", "ratings", "claim", "report"),
    ]
    assert "rated.csv" in standing["channels"]
    assert standing["maps"] == "to do, after channels"  # what is missing is said once
    assert standing["frozen plan"] == "not frozen"
    assert standing["sessions"] == "0 of 30 participants, 0 sessions"
    assert found.next == f"fechner study run {tmp_path / 'mine'}"


def test_sessions_are_counted_by_how_they_stand(tmp_path):
    written(tmp_path / "sub-A7_ses-01.jsonl", 3)
    (tmp_path / "sub-B1_ses-01.jsonl").write_text("torn")
    found = folder_status(tmp_path)
    assert found.lines == (("sessions", "2 sessions (1 interrupted, 1 damaged)"),)
    assert found.next == f"fechner session list {tmp_path}"


def test_pictures_and_folders_of_studies_are_known(tmp_path):
    write_png(tmp_path / "pictures" / "a.png", np.zeros((8, 8, 3), np.uint8))
    assert folder_status(tmp_path / "pictures").lines == (("pictures", "1"),)
    write_template(tmp_path / "one")
    assert folder_status(tmp_path).lines == (("one", "study"),)


def test_a_folder_that_is_not_there_is_refused_in_one_line(tmp_path):
    result = fechner("status", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--nonsense",), "error: No such option: --nonsense; see fechner --help"),
        (("compress", "x", "--qualty", "3"), "Possible options: --out, --quality"),
        (("demo", "--world", "mars"), "'--world': 'mars' is not one of 'map', 'null'"),
        (("maps", "make"), "error: Missing argument 'images'; see fechner maps make --help"),
        (("sesion",), "error: No such command 'sesion'"),
    ],
)
def test_a_wrong_option_is_one_line_that_says_where_the_options_stand(words, told):
    result = CliRunner().invoke(app, list(words), prog_name="fechner")
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_doctor_knows_every_extra_and_what_is_missing_of_it(monkeypatch):
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert set(doctor.GIVES) == set(project["project"]["optional-dependencies"]) - {"dev", "all"}

    def version(package):
        if package == "dask":
            raise PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr("importlib.metadata.version", version)
    monkeypatch.setattr(
        "importlib.metadata.requires",
        lambda name: ["dask[distributed]>=1; extra == 'cluster'", "numpy>=1"],
    )
    found = {one.what: one for one in doctor.findings(Path.cwd())}
    assert found["extra cluster"].mark == "absent"
    assert "pip install 'fechner[cluster]'" in found["extra cluster"].found
    assert found["networks with weights"].mark == "ok"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_usual_shell_can_complete(shell):
    result = CliRunner().invoke(
        app, [], env={"_FECHNER_COMPLETE": f"complete_{shell}", "COMP_WORDS": "fechner sta",
                      "_TYPER_COMPLETE_ARGS": "fechner sta", "COMP_CWORD": "1",
                      "_TYPER_COMPLETE_FISH_ACTION": "get-args",
                      "_TYPER_COMPLETE_WORD_TO_COMPLETE": "sta"},
        prog_name="fechner",
    )  # fmt: skip
    assert "status" in result.output


def test_saying_what_a_folder_is_loads_nothing_that_computes():
    code = (
        "import sys, fechner.study.status; "
        "print(*{'torch', 'numba', 'scipy', 'statsmodels', 'matplotlib'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_names_in_lists_are_whole_in_a_narrow_terminal(tmp_path):
    code = "ABCDEFGHIJKLMN7"
    written(tmp_path / f"sub-{code}_ses-1.jsonl", 2, header_of(participant=code))
    listed = ("session", "list", "--sessions", tmp_path)
    for words, name in ((("protocol", "list"), "dcr_side_by_side"), (listed, code)):
        run = subprocess.run(
            [sys.executable, "-m", "fechner", *map(str, words)],
            capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "48"},
        )  # fmt: skip
        assert f" {name} " in run.stdout and "…" not in run.stdout
