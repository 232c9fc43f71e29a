"""Options mean the same, and are written the same, in every command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fechner.cli.main import app


def _options(command: Any, name: str = "fechner") -> Iterator[tuple[str, Any]]:
    for word, below in getattr(command, "commands", {}).items():
        yield from _options(below, f"{name} {word}")
    if not hasattr(command, "commands"):
        yield from ((name, one) for one in command.params if one.opts[0].startswith("--"))


OPTIONS = list(_options(typer.main.get_command(app)))


def test_an_option_has_one_short_form_wherever_it_stands() -> None:
    forms: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for command, option in OPTIONS:
        long, *short = option.opts
        forms.setdefault(long, {}).setdefault(tuple(short), []).append(command)
    assert {long: said for long, said in forms.items() if len(said) > 1} == {}


def test_every_whole_number_has_a_least_value() -> None:
    whole = [(c, o) for c, o in OPTIONS if "'int'" in str(o.type_descriptor)]
    assert len(whole) > 30
    assert [f"{c} {o.opts[0]}" for c, o in whole if o.min is None] == []


@pytest.mark.parametrize(
    ("words", "came"),
    [
        (["channels", "select", "t.csv", "-o", "x", "--shuffles", "1"], "equal to 2, got '1'"),
        (["channels", "compare", "t.csv", "-o", "x", "--seed", "-1"], "equal to 0, got '-1'"),
        (["data", "check", "t.csv", "--jobs", "many"], "got 'many'"),
    ],
)
def test_a_refused_value_is_shown(words: list[str], came: str) -> None:
    ended = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    assert ended.exit_code == 2
    assert came in " ".join(ended.stderr.split())
