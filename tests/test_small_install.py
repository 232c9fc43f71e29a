"""What works without the extras, and the line that names the one that is missing.

Packages of extras are hidden from a process of its own, as if they were not installed.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fechner.errors import EXTRAS
from fechner.records.images.files import write_png

HIDING = f"""
from importlib.machinery import PathFinder
found = PathFinder.find_spec
def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in {set(EXTRAS)!r} else found(name, path, target)
PathFinder.find_spec = staticmethod(find_spec)
if __name__ == "__main__":
    from fechner.cli.main import main
    main()
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    (folder / "fechner_small.py").write_text(HIDING)
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    write_png(folder / "photos" / "a.png", noise)

    def run(*words):
        command = [sys.executable, str(folder / "fechner_small.py"), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=folder)

    return run


def test_a_compressor_needs_no_torch(small):
    done = small("compress", "photos", "--map", "centre", "-o", "smaller", "--jobs", 1)
    assert done.returncode == 0, done.stderr


def test_protocols_and_statistics_need_no_extra(small):
    for words in (("protocol", "show", "acr"), ("stats", "power", "--help"), ("doctor",)):
        done = small(*words)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("map", "photos/a.png"), "pip install 'fechner[analysis]'"),
        (("compress", "photos", "-o", "out"), "or take --map centre"),
        (("channels", "agree", "rated.csv", "--out", "x"), "rated.csv"),
    ],
)
def test_what_needs_an_extra_names_it_in_one_line(small, words, remedy):
    done = small(*words)
    assert done.returncode == 2
    assert remedy in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_every_package_of_the_two_large_extras_is_known_by_the_name_that_is_imported():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
    for extra in ("analysis", "experiment"):
        assert extra in EXTRAS.values()
        assert f"\n{extra} = [" in text
