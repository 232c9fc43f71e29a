"""The package as it is imported: its calls, what they cost, and the page that shows them."""

import importlib
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

import fechner

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "from-a-notebook.md"
ROOMS = sorted(
    ".".join(("fechner", *stub.parent.relative_to(ROOT / "fechner").parts))
    for stub in (ROOT / "fechner").rglob("__init__.pyi")
)


def blocks(page):
    """Return the Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.S | re.M)


@pytest.mark.parametrize("room", ROOMS)
def test_every_exported_name_is_there_and_says_what_it_is(room):
    module = importlib.import_module(room)
    assert module.__all__, room
    for name in module.__all__:
        assert name in dir(module)
        assert getattr(getattr(module, name), "__module__", room).startswith(
            ("fechner", "builtins")
        )


def test_the_calls_of_a_notebook_are_exported():
    wanted = (
        "read_rated_images, read_ratings, load_network, select_channels, importance_maps, "
        "build_stimuli, run_participant, read_journals, ratings_table, claim, compress, degrade, "
        "open_study"
    )
    assert set(wanted.split(", ")) <= set(fechner.__all__)


def test_no_room_exports_a_name_that_is_one_of_its_modules():
    for room in ROOMS:
        module = importlib.import_module(room)
        folder = Path(module.__file__).parent
        files = {path.stem for path in folder.glob("*.py")} | {
            path.name for path in folder.iterdir() if (path / "__init__.py").exists()
        }
        assert not files & set(module.__all__), room


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_room_loads_no_heavy_library(room):
    code = f"import {room}, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "pandas", "scipy", "matplotlib", "psychopy", "pydantic", "PIL"}
    assert not heavy & set(run.stdout.split())


def test_an_unknown_name_is_refused_as_of_any_module():
    with pytest.raises(AttributeError, match="no_such_call"):
        _ = fechner.no_such_call


def test_the_module_runs_as_the_command():
    command = [sys.executable, "-m", "fechner", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == f"fechner {fechner.__version__}"


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "fechner" / "py.typed").is_file()


@pytest.mark.slow
def test_the_modules_of_the_exported_calls_and_the_records_are_checked_strictly():
    stub = (ROOT / "fechner" / "__init__.pyi").read_text("utf-8")
    exported = {f"fechner{name}" for name in re.findall(r"^from (\.[\w.]+) import", stub, re.M)}
    assert len(exported) > 15
    (strict,) = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"][
        "overrides"
    ]
    assert strict["disallow_untyped_defs"] and strict["disallow_any_generics"]
    assert strict["warn_return_any"] and strict["no_implicit_reexport"]
    missing = [name for name in exported if not any(fnmatch(name, one) for one in strict["module"])]
    assert missing == [] and "fechner.records.*" in strict["module"]


def test_every_block_of_the_notebook_page_runs_as_it_stands(tmp_path):
    found = blocks(PAGE)
    assert len(found) >= 8
    # On photographs of half the side; what they show stands in other tests.
    small = "from fechner.study import demo_images\n\ndemo_images.SIDE = 192"
    code = "\n\n".join([small, *found])
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "points" in run.stdout or "supported" in run.stdout
    assert (tmp_path / "channels" / "evidence.csv").exists() or list(
        (tmp_path / "channels").glob("*evidence.csv")
    )


def test_no_help_text_holds_brackets_that_the_terminal_would_take_for_a_style():
    """Rich swallows ``[donor]`` in a help text without a word."""
    import re
    from typing import Any

    import typer

    from fechner.cli.main import app

    def texts(command: Any):
        yield command.help or ""
        for parameter in command.params:
            yield getattr(parameter, "help", None) or ""
        for inner in getattr(command, "commands", {}).values():
            yield from texts(inner)

    swallowed = [t for t in texts(typer.main.get_command(app)) if re.search(r"(?<!\\)\[[a-z]", t)]
    assert swallowed == []
