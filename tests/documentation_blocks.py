"""Shell blocks of the documentation, word for word, and what the source says of running them.

A comment directly above a block, which no reader of the page sees, says what the test must know:

``<!-- given: NAME -->``
    Files of `documentation_studies.GIVEN` are put into the page's folder first.
``<!-- given in a new folder: NAME -->``
    The same, in a folder that holds nothing else.
``<!-- long -->``
    Runs as a proof only, not in the usual tests.
``<!-- not run: REASON -->``
    Is not run here at all.
``<!-- not run: "LINE" REASON; given in its place: NAME -->``
    Of this block the line that begins so is not run.
``<!-- not run on this page: REASON -->``
    Anywhere on a page: none of its other blocks is run.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

SHELL = ("", "sh", "bash", "console")
BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.S | re.M
)
ABOVE = re.compile(r"((?:^ *<!--(?:(?!-->).)*-->\s*\n)+)\s*\Z", re.S | re.M)
COMMENT = re.compile(r"<!--\s*(.*?)\s*-->", re.S)
MARKS = ("given: ", "given in a new folder: ", "long", "not run: ")
WHOLE_PAGE = "not run on this page: "
LINE = re.compile(r'"(?P<begins>.+?)" (?P<reason>.+); given in its place: (?P<given>.+)')


@dataclass(frozen=True)
class Block:
    """A shell block of a page: where it stands, its text, and what stands above it."""

    page: Path
    line: int
    text: str
    comments: tuple[str, ...] = ()
    page_reason: str = ""

    @property
    def where(self) -> str:
        """The block as messages name it."""
        return f"{self.page.name}:{self.line}"

    def _said(self, word: str) -> list[str]:
        return [c.removeprefix(word) for c in self.comments if c.startswith(word)]

    @property
    def long(self) -> bool:
        """Whether it runs as a proof only."""
        return "long" in self.comments

    @property
    def given(self) -> tuple[str, ...]:
        """The files that it takes for granted, by their names in GIVEN."""
        return (*self._said("given: "), *self._said("given in a new folder: "))

    @property
    def afresh(self) -> bool:
        """Whether it begins in a new folder."""
        return bool(self._said("given in a new folder: "))

    @property
    def left_out(self) -> re.Match[str] | None:
        """Of a block of which one line is not run: that line, the reason, what is given instead."""
        return next((m for said in self._said("not run: ") if (m := LINE.fullmatch(said))), None)

    @property
    def reason(self) -> str:
        """Why it is not run at all; empty where it is."""
        own = [said for said in self._said("not run: ") if not LINE.fullmatch(said)]
        return own[0] if own else "" if self.comments else self.page_reason


def shell_blocks(page: Path) -> list[Block]:
    """Return the shell blocks of a page, in order."""
    text = page.read_text("utf-8")
    whole = [" ".join(c.split()) for c in COMMENT.findall(text)]
    page_reason = next((c.removeprefix(WHOLE_PAGE) for c in whole if c.startswith(WHOLE_PAGE)), "")
    found = []
    for match in BLOCK.finditer(text):
        if match["language"] not in SHELL:
            continue
        above = ABOVE.search(text[: match.start()])
        comments = [" ".join(c.split()) for c in COMMENT.findall(above[1])] if above else []
        comments = [c for c in comments if not c.startswith(WHOLE_PAGE)]
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, match["text"], tuple(comments), page_reason))
    return found


@dataclass
class Reader:
    """Somebody who types a page's blocks, one after another, in a folder of their own."""

    place: Path
    given: dict
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self._new_folder()

    def _new_folder(self) -> None:
        number = len(list(self.place.iterdir())) + 1
        self.folder = self.place / f"folder{number}"
        self.folder.mkdir()

    def type(self, block: Block) -> None:
        """Run a block; AssertionError with what it said where it fails."""
        if block.afresh:
            self._new_folder()
        for name in block.given:
            self.given[name](self.folder)
        line = block.left_out
        if line is None:
            self._run(block.text, block.where)
            return
        before, after = _around(block.text, line["begins"])
        self._run(before, block.where)
        self.given[line["given"]](self.folder)
        self._run(after, block.where)

    def _run(self, text: str, where: str) -> None:
        """Run shell text, with the commands of this environment first, as one typed it."""
        said = self.place / "said.txt"
        beside = Path(sys.executable).parent
        environment = {**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
        with said.open("w", encoding="utf-8") as stream:
            shell = subprocess.Popen(
                [shutil.which("bash") or "bash", "-euo", "pipefail", "-c", text],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code = shell.wait()
        _end_what_it_left(shell.pid)
        assert code == 0, f"{where} ended with {code}:\n{text}\n{said.read_text('utf-8')[-3000:]}"


def _around(text: str, begins: str) -> tuple[str, str]:
    """Return what stands before and after the line that begins so."""
    lines = text.splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if line.startswith(begins)]
    assert len(at) == 1, f"expected one line that begins with {begins!r}, found {len(at)}:\n{text}"
    return "".join(lines[: at[0]]), "".join(lines[at[0] + 1 :])


def _end_what_it_left(group: int) -> None:
    """End what a block left running in the background."""
    try:
        os.killpg(group, signal.SIGTERM)
    except ProcessLookupError:
        return
