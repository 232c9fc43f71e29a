"""Commands as the documentation writes them, held against the command line as it is."""

import re
import shlex
from enum import Enum
from pathlib import Path
from typing import get_args, get_type_hints

import typer

from fechner.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
CLI = typer.main.get_command(app)
OMITTED = ("...", "…")
# A word in capitals or a variable of the shell stands for any value.
STANDS_FOR_ANY = re.compile(r"^[A-Z_]+$|\$")
# Groups in which a word that is no command is the first argument of this one.
BY_DEFAULT = {"compress": "run", "import": "SET"}
TYPED = {int, float}


def named(page):
    """Return a page's name as test reports show it."""
    return page.relative_to(ROOT).as_posix()


def fenced(text, *languages):
    """Return the fenced blocks of a page in these languages ("" is none)."""
    found = re.findall(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", text, re.S | re.M)
    return [block for _, language, block in found if language in languages]


def shell_lines(text):
    """Return every command of a page's shell blocks as words, continued lines joined."""
    lines = []
    for block in fenced(text, "", "sh", "bash", "console"):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            if re.match(r"\s*(\$ )?(fechner|make|pip|python) ", line):
                lines += commands(line)
    return lines


def commands(line):
    """Split a line into its commands: at ``;``, ``&&``, ``|`` and loops, comments left out.

    >>> commands("for p in a b; do fechner map $p; done  # two")
    [['for', 'p', 'in', 'a', 'b'], ['fechner', 'map', '$p'], ['done']]
    """
    line = re.sub(r"\$\(([^()]|\([^()]*\))*\)", "...", line)  # words that the shell makes
    lexer = shlex.shlex(line.replace("$ ", "", 1), posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    found = [[]]
    for word in lexer:
        if set(word) <= set(";&|<>"):
            found.append([])
        elif word not in ("do", "then"):
            found[-1].append(word)
    return [words for words in found if words]


def inline_commands(text):
    """Return the ``fechner ...`` that stand within sentences, as words."""
    outside = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.S | re.M)
    found = re.findall(r"`(fechner [^`]+)`", outside)
    return [shlex.split(command) for command in found]


def complaints(words, whole=True):
    """Return what is wrong with ``fechner ...``, or ``""``.

    ``whole``: everything that is required must be there, as in a block; in a sentence a command
    may be named with some of its options.
    """
    command, rest = CLI, list(words[1:])
    if rest and rest[0] in OMITTED:
        return ""
    while rest and hasattr(command, "commands"):
        if rest[0] in command.commands:
            command = command.commands[rest.pop(0)]
        elif command.name in BY_DEFAULT:
            command = command.commands[BY_DEFAULT[command.name]]
        elif rest[0].startswith("-"):
            break
        else:
            return f"no command {rest[0]!r} in {' '.join(words)}"
    omitted = [word for word in rest if word in OMITTED]
    rest = [word for word in rest if word not in OMITTED]
    context = typer.Context(command, info_name=command.name)
    try:
        given, left, _ = command.make_parser(context).parse_args(rest)
    except Exception as error:  # the parser's own words, whichever class raises them
        if not whole and "requires an argument" in str(error):
            return ""
        return f"{' '.join(words)}: {getattr(error, 'message', error)}"
    if left and not hasattr(command, "commands"):
        return f"{' '.join(words)}: nothing takes {left}"
    return _values(command, given, words) or (
        _missing(command, given, words) if whole and not omitted else ""
    )


def _values(command, given, words):
    """Return the complaint about a choice or a number that is none; paths are not looked up."""
    annotations = get_type_hints(command.callback) if command.callback else {}
    for name, value in given.items():
        kind = annotations.get(name)
        kinds = [one for one in (kind, *get_args(kind)) if one in TYPED or _is_choice(one)]
        texts = [one for one in (value if isinstance(value, list) else [value]) if _is_text(one)]
        for text in texts if kinds else []:
            if not any(_converts(kind, text) for kind in kinds):
                return f"{' '.join(words)}: {name} cannot be {text!r}"
    return ""


def _is_text(value):
    return isinstance(value, str) and not STANDS_FOR_ANY.search(value)


def _is_choice(kind):
    return isinstance(kind, type) and issubclass(kind, Enum)


def _converts(kind, text):
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _missing(command, given, words):
    helped = {"--help", "--version"} & set(words)
    absent = [p.name for p in command.params if p.required and not given.get(p.name)]
    return f"{' '.join(words)}: lacks {absent}" if absent and not helped else ""
