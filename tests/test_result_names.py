"""Nothing that a command reads, and no JSON of another program, is written over."""

import json

import pytest
import typer
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.cli.options.result_names import OUTPUTS, refuse_written_inputs
from fechner.errors import InputError
from fechner.provenance import write_json_beside
from fechner.records.ratings import read_ratings, write_ratings

TABLE = "participant,image,dimension,rating\n" + "".join(
    f"{person},{image},quality,{(3 * person + 2 * image) % 5 + 1}\n"
    for person in range(6)
    for image in range(4)
)


@pytest.fixture()
def ratings(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text(TABLE)
    scale = {"dimensions": {"quality": {"minimum": 1, "maximum": 5, "good": "high"}}}
    (tmp_path / "ratings.json").write_text(json.dumps(scale))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ("stats", "scores", "ratings.csv", "-o", "ratings.csv"),
        ("stats", "scores", "ratings.csv", "-o", "./ratings.json"),
        ("stats", "screen", "ratings.csv", "-o", "ratings.csv"),
        ("stats", "contrast", "ratings.csv", "-o", "ratings"),
        ("data", "import", "ratings", "ratings.csv", "--scale", "1:5", "-o", "ratings.csv"),
    ],
)
def test_a_result_never_replaces_the_ratings_that_it_is_made_from(ratings, monkeypatch, arguments):
    monkeypatch.chdir(ratings.parent)
    before = {path.name: path.read_bytes() for path in ratings.parent.iterdir()}
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "would lose it; give the result another name" in result.output
    assert {path.name: path.read_bytes() for path in ratings.parent.iterdir()} == before


def test_a_result_of_another_name_is_written_and_written_again(ratings, monkeypatch):
    monkeypatch.chdir(ratings.parent)
    for _ in range(2):
        result = CliRunner().invoke(app, ["stats", "scores", "ratings.csv", "-o", "scores.csv"])
        assert result.exit_code == 0, result.output
    assert (ratings.parent / "scores.csv").is_file()


@pytest.mark.parametrize(
    "arguments", [("power", "-p", "8", "-i", "8"), ("reliability", "ratings.csv")]
)
def test_a_figure_of_no_known_format_is_refused_before_anything(ratings, monkeypatch, arguments):
    monkeypatch.chdir(ratings.parent)
    result = CliRunner().invoke(app, ["stats", *arguments, "--figure", "figure.xyz"])
    assert result.exit_code == 2
    assert "--figure expects a name ending in .png, .svg or .pdf, got figure.xyz" in result.output


def test_a_folder_named_like_a_table_is_no_result_over_it(ratings):
    refuse_written_inputs({"table": str(ratings), "out": ratings.with_suffix("")})


def test_every_parameter_that_says_where_results_go_is_known():
    missed = [
        f"{command}: {parameter.name}"
        for command, parameter in _parameters(typer.main.get_command(app), "fechner")
        if {"-o", "--out", "--figure"} & set(parameter.opts) and parameter.name not in OUTPUTS
    ]
    assert not missed


def _parameters(command, path):
    for name, below in getattr(command, "commands", {}).items():
        yield from _parameters(below, f"{path} {name}")
    yield from ((path, parameter) for parameter in command.params)


def test_the_json_of_another_program_is_not_replaced_by_a_record(ratings):
    given = read_ratings(ratings)
    theirs = ratings.with_name("notes.json")
    theirs.write_text('{"mine": [1, 2]}')
    with pytest.raises(InputError, match=r"notes.json is not fechner's.*another name"):
        write_ratings(given, ratings.with_name("notes.csv"))
    assert json.loads(theirs.read_text()) == {"mine": [1, 2]}
    assert not theirs.with_suffix(".csv").exists()
    write_json_beside(ratings.with_name("ours.csv"), {"provenance": {}})
    write_json_beside(ratings.with_name("ours.csv"), {"provenance": {"fechner": "1"}})


def test_a_folder_in_the_place_of_a_table_leaves_no_record_without_its_table(ratings):
    folder = ratings.with_name("sessions")
    folder.mkdir()
    with pytest.raises(InputError, match=r"sessions is a folder; name a table in it"):
        write_ratings(read_ratings(ratings), folder)
    assert not folder.with_suffix(".json").exists()
