"""The floors of docs/architecture.md hold in the code, and heavy modules stay where they belong."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "fechner"

FLOORS = {
    "errors": 1,
    "progress": 1,
    "threads": 1,
    "provenance": 2,
    "executors": 2,
    "rival_maps": 2,
    "records": 3,
    "data": 4,
    "protocols": 4,
    "analysis.network": 5,
    "analysis.ratings": 5,
    "compression": 5,
    "stimuli": 6,
    "analysis.judging": 6,
    "experiment": 7,
    "report": 7,
    "study": 8,
    "cli": 9,
    "__main__": 10,
}


def dotted(path: Path) -> str:
    """Return the module name of a file: ``fechner.records.stimuli``."""
    name = ".".join(("fechner", *path.relative_to(PACKAGE).with_suffix("").parts))
    return name.removesuffix(".__init__")


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
    here = room_of(dotted(path))
    assert here is not None, f"{path} lies in no room"
    for name in imports_of(path):
        there = room_of(name)
        if there not in (None, here):
            assert FLOORS[there] < FLOORS[here], f"{here} must not import {name}"


def node_of(module: str, files: dict[str, Path]) -> str | None:
    """Return the sub-room of a module; the module itself where it lies beside the sub-rooms."""
    while module and module not in files:
        module = module.rpartition(".")[0]
    room = room_of(module)
    if room is None:
        return None
    inside = module.removeprefix(f"fechner.{room}").strip(".").split(".")
    return ".".join((room, inside[0])) if inside[0] else None


def test_sub_rooms_import_each_other_in_no_circle():
    files = {dotted(path): path for path in PACKAGE.rglob("*.py")}
    needs: dict[str, set[str]] = {}
    for module, path in files.items():
        here = node_of(module, files)
        if here is not None:
            found = {node_of(name, files) for name in imports_of(path)}
            needs.setdefault(here, set()).update(found - {here, None})
    order = TopologicalSorter(needs)
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail("these sub-rooms import each other: " + " <- ".join(error.args[1]))


def test_a_folder_shows_at_most_seventeen_modules():
    for folder in {path.parent for path in modules()}:
        shown = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(shown) <= 17, f"{folder.relative_to(ROOT)} shows {len(shown)} modules"


@pytest.mark.parametrize(
    ("module", "allowed"), [("psychopy", "experiment/window/"), ("torch", "analysis/network/")]
)
def test_heavy_libraries_are_imported_only_in_their_room(module, allowed):
    others = (
        {"compression/metrics/quality.py", "study/demo_images.py"} if module == "torch" else set()
    )
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
    "fechner.records.stimuli": (*HEAVY, "pandas", "numpy", "scipy", "cv2"),
    "fechner.protocols.schema": (*HEAVY, "pandas", "scipy", "cv2"),
    "fechner.experiment.plan.plan": (*HEAVY, "pandas", "scipy", "cv2"),
    "fechner.experiment.journal.journal": (*HEAVY, "pandas", "numpy", "scipy", "cv2"),
    "fechner.experiment.session.session": (*HEAVY, "pandas", "scipy", "cv2"),
    "fechner.experiment.simulated.observers": (*HEAVY, "scipy", "cv2"),
    "fechner.records.rated_images": HEAVY,
    "fechner.records.images.files": HEAVY,
    "fechner.compression.regions.matched": HEAVY,
    "fechner.compression.degrading.matching": HEAVY,
    "fechner.compression.degrading.degrade": HEAVY,
    "fechner.stimuli.build": HEAVY,
    "fechner.records.selection": HEAVY,
    "fechner.records.maps": HEAVY,
    "fechner.records.study": HEAVY,
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


@pytest.mark.parametrize(
    "module", ["fechner.experiment.starting.run_participant", "fechner.experiment.session.session"]
)
def test_a_rating_session_never_imports_torch(module):
    code = f"import {module}, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
