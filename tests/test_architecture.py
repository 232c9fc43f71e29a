"""The floors of docs/architecture.md hold in the code, and heavy modules stay where they belong."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "fechner"

FLOORS = {
    "errors": 0,
    "provenance": 1,
    "progress": 0,
    "executors": 1,
    "data": 2,
    "protocols": 2,
    "analysis.network": 3,
    "analysis.ratings": 3,
    "compression": 3,
    "stimuli": 4,
    "experiment": 5,
    "report": 5,
    "demo": 6,
    "study": 6,
    "cli": 7,
}
# Side by side on one floor and still allowed: a room of the door may open another.
MAY_IMPORT_LATE = {("cli", "cli"), ("study", "demo"), ("demo", "study")}


def room_of(module: str) -> str | None:
    """Return the room that a dotted module name ``fechner.x.y`` belongs to."""
    parts = module.split(".")[1:]
    for length in (2, 1):
        if ".".join(parts[:length]) in FLOORS:
            return ".".join(parts[:length])
    return None


def imports_of(path: Path) -> set[str]:
    """Return every ``fechner...`` module that a file imports, late imports included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {name for name in found if name.split(".")[0] == "fechner"}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_its_own_room_and_the_floors_below(path):
    here = room_of("fechner." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    assert here is not None, f"{path} lies in no room"
    for name in imports_of(path):
        there = room_of(name)
        if there is None or there == here or (here, there) in MAY_IMPORT_LATE:
            continue
        assert FLOORS[there] < FLOORS[here], f"{here} must not import {name}"


@pytest.mark.parametrize(
    ("module", "allowed"), [("psychopy", "experiment/"), ("torch", "analysis/network/")]
)
def test_heavy_libraries_are_imported_only_in_their_room(module, allowed):
    others = {"compression/quality.py", "demo.py"} if module == "torch" else set()
    for path in modules():
        place = path.relative_to(PACKAGE).as_posix()
        if place.startswith(allowed) or place in others:
            continue
        names = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Import)
            for alias in node.names
        } | {
            (node.module or "").split(".")[0]
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and node.level == 0
        }
        assert module not in names, f"{place} imports {module}"


HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "psychopy",
    "matplotlib",
    "sklearn",
    "statsmodels",
    "numba",
)
LIGHT_MODULES = {
    "fechner.cli.main": (*HEAVY, "pandas", "numpy", "scipy", "cv2", "PIL", "pydantic"),
    "fechner.stimuli.records": (*HEAVY, "pandas", "numpy", "scipy", "cv2"),
    "fechner.protocols.schema": (*HEAVY, "pandas", "scipy", "cv2"),
    "fechner.experiment.plan": (*HEAVY, "pandas", "scipy", "cv2"),
    "fechner.experiment.journal": (*HEAVY, "pandas", "numpy", "scipy", "cv2"),
    "fechner.experiment.session": (*HEAVY, "pandas", "scipy", "cv2"),
    "fechner.experiment.observers": (*HEAVY, "scipy", "cv2"),
    "fechner.data.tables": HEAVY,
    "fechner.data.images": HEAVY,
    "fechner.compression.regions": HEAVY,
    "fechner.compression.matching": HEAVY,
    "fechner.compression.degrade": HEAVY,
    "fechner.stimuli.build": HEAVY,
    "fechner.analysis.network.selection_records": HEAVY,
    "fechner.analysis.network.importance_records": HEAVY,
    "fechner.study.file": HEAVY,
    "fechner.study.steps": HEAVY,
}


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_importing_a_room_does_not_bring_what_it_does_not_need(module):
    code = f"import {module}, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    present = {name.split(".")[0] for name in loaded}
    assert not present & set(LIGHT_MODULES[module])


@pytest.mark.parametrize("module", ["fechner.experiment.run", "fechner.experiment.session"])
def test_a_rating_session_never_imports_torch(module):
    code = f"import {module}, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
