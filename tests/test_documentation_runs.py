"""Every shell block of the documentation runs as it stands, or its page's source says why not."""

import re
import sys

import pytest
from documentation_blocks import MARKS, Reader, shell_blocks
from documentation_studies import GIVEN
from documented_commands import PAGES, ROOT, named

BLOCKS = {page: shell_blocks(page) for page in PAGES}
RUN = {page: [block for block in blocks if not block.reason] for page, blocks in BLOCKS.items()}
USUAL = [page for page in PAGES if any(not block.long for block in RUN[page])]
LONG = [page for page in PAGES if any(block.long for block in RUN[page])]
needs_a_shell = pytest.mark.skipif(sys.platform == "win32", reason="blocks are typed into bash")


@needs_a_shell
@pytest.mark.parametrize("page", USUAL, ids=named)
def test_the_short_blocks_of_a_page_run_as_they_stand(page, tmp_path):
    reader = Reader(tmp_path, GIVEN)
    for block in RUN[page]:
        if not block.long:
            reader.type(block)


@needs_a_shell
@pytest.mark.proof
@pytest.mark.parametrize("page", LONG, ids=named)
def test_all_blocks_of_a_page_run_as_they_stand(page, tmp_path):
    reader = Reader(tmp_path, GIVEN)
    for block in RUN[page]:
        reader.type(block)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_stands_above_a_block_is_understood(page):
    for block in BLOCKS[page]:
        unknown = [said for said in block.comments if not said.startswith(MARKS)]
        assert not unknown, f"{block.where}: {unknown}"
        instead = [block.left_out["given"]] if block.left_out else []
        assert {*block.given, *instead} <= set(GIVEN), block.where


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_block_that_is_not_run_says_in_words_what_it_would_need(page):
    for block in BLOCKS[page]:
        reason = block.left_out["reason"] if block.left_out else block.reason
        assert not reason or re.match(r"(needs|takes|these are|`make) .{8,}", reason), block.where


def test_only_participants_are_left_out_of_a_first_study():
    tutorial = BLOCKS[ROOT / "docs" / "tutorial.md"]
    assert [block.text.split()[:3] for block in tutorial if block.reason] == [
        ["fechner", "session", "run"]
    ]


def test_a_block_that_fails_is_named_with_what_it_said(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Text.\n\n<!-- given: a table of ratings -->\n```sh\nls ratings.csv\nfechner nothing\n```\n"
    )
    (tmp_path / "place").mkdir()
    reader = Reader(tmp_path / "place", GIVEN)
    with pytest.raises(AssertionError, match=r"(?s)page\.md:4 ended with 2.*No such command"):
        reader.type(shell_blocks(page)[0])
