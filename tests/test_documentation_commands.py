"""Every command that the documentation shows exists, with every option that it shows."""

import re

import pytest
from documented_commands import (
    PAGES,
    ROOT,
    complaints,
    fenced,
    inline_commands,
    named,
    shell_lines,
)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_in_a_block_parses(page):
    lines = [words for words in shell_lines(page.read_text("utf-8")) if words[0] == "fechner"]
    assert [found for words in lines if (found := complaints(words))] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_in_a_sentence_exists_with_its_options(page):
    lines = inline_commands(page.read_text("utf-8"))
    assert [found for words in lines if (found := complaints(words, whole=False))] == []


def test_no_command_is_overlooked():
    text = "".join(page.read_text("utf-8") for page in PAGES)
    begun = re.findall(r"^(?:\$ )?fechner ", "".join(fenced(text, "", "sh")), re.M)
    assert len(begun) > 150
    read = [words for page in PAGES for words in shell_lines(page.read_text("utf-8"))]
    assert sum(words[0] == "fechner" for words in read) >= len(begun)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("fechner compress photos -o smaller", ""),
        ("fechner compress photos --no-such-option 3", "No such option"),
        ("fechner no-such-command", "no command 'no-such-command'"),
        ("fechner study no-such-step x", "no command 'no-such-step'"),
        ("fechner data check", "lacks"),
        ("fechner study init a b", "nothing takes ['b']"),
        ("fechner demo --world moon", "world cannot be 'moon'"),
        ("fechner demo --seed many", "seed cannot be 'many'"),
    ],
)
def test_a_command_that_does_not_parse_is_found(line, wrong):
    found = complaints(line.split())
    assert (wrong in found) if wrong else found == ""


def test_what_make_pip_and_python_are_asked_for_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    extras = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.M))
    for page in PAGES:
        for words in shell_lines(page.read_text("utf-8")):
            if words[0] == "make":
                assert set(words[1:]) <= targets, (named(page), words)
            elif words[:2] == ["pip", "install"]:
                named_extras = re.findall(r"fechner\[([\w,]+)\]", " ".join(words))
                assert set(",".join(named_extras).split(",")) - {""} <= extras, (named(page), words)
            elif words[0] == "python" and words[1].endswith(".py"):
                assert (ROOT / words[1]).is_file(), (named(page), words)
