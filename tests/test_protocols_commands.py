import json

import pytest
from typer.testing import CliRunner

from fechner.cli.protocol import app
from fechner.errors import InputError, MissingPartError
from fechner.protocols.schema import load_protocol, shipped


def run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_list_names_every_protocol():
    output = run("list")
    assert all(name in output for name in shipped())


@pytest.mark.parametrize("name", shipped())
def test_show_says_the_question_the_labels_and_the_digest(name):
    protocol = load_protocol(name, language="it")
    output = run("show", name, "--language", "it")
    assert protocol.texts.question in output
    assert all(label in output for label in protocol.texts.labels)
    assert protocol.sha256 in output


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_protocol_passes_its_check_letters_included(name):
    output = run("check", name)
    assert output.count("good") == 2


def test_a_copy_passes_the_check_and_a_spoilt_copy_does_not(tmp_path):
    run("copy", "pair", tmp_path, "--name", "mine")
    path = tmp_path / "mine.toml"
    assert run("check", path).startswith("mine en: good")
    path.write_text(path.read_text("utf-8").replace("break_every", "brake_every"), "utf-8")
    with pytest.raises(InputError, match="did you mean 'break_every'"):
        run("check", path)


def test_check_finds_letters_that_the_font_cannot_draw(tmp_path):
    run("copy", "slider", tmp_path, "--name", "mine")
    text = tmp_path / "mine.en.toml"
    text.write_text(text.read_text("utf-8").replace("Bad", "悪い"), "utf-8")
    with pytest.raises(MissingPartError, match=r"DejaVuSans.ttf lacks 2 characters.*'悪い'"):
        run("check", tmp_path / "mine.toml")


def test_check_asks_for_texts_where_there_are_none(tmp_path):
    run("copy", "slider", tmp_path, "--name", "mine")
    for path in tmp_path.glob("mine.*.toml"):
        path.unlink()
    with pytest.raises(InputError, match=r"write mine\.en\.toml beside it"):
        run("check", tmp_path / "mine.toml")


def test_schema_is_printed_or_written(tmp_path):
    printed = json.loads(run("schema"))
    run("schema", "--out", tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text("utf-8")) == printed
    assert "rest" in json.loads(run("schema", "--texts"))["properties"]
