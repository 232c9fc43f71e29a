"""How quickly fechner answers, and how much its installation brings.

    python benchmarks/startup.py [--quick] [--runs 9]

Prints, as its last line, one JSON object. Seconds are CPU time of a process of its own, the median
of the runs after one that warms the disk:

- ``help_s``: ``fechner --help``; ``import_s``: ``import fechner``; ``status_s``: ``fechner status``
  of a study that was just begun
- beside them ``python_s``, a Python that does nothing, and ``numpy_s``, ``import numpy``; and the
  ratios ``help_over_numpy`` and ``import_over_python``
- ``wheel_mb``: the wheel; ``install_small_mb``: what ``pip install`` of that wheel without extras
  puts into an empty environment, with everything it pulls in (10^6 bytes; needs a package index and
  minutes: ``--quick`` leaves it out); ``install_fechner_mb``: the part of it that is fechner's own
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FECHNER = (sys.executable, "-m", "fechner")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="No environment is made.")
    parser.add_argument("--runs", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = answers(Path(folder), asked.runs)
        wheel = built_wheel(Path(folder) / "wheel")
        found["wheel_mb"] = round(wheel.stat().st_size / 1e6, 2)
        if not asked.quick:
            found |= installed(wheel, Path(folder) / "environment")
    print(json.dumps(found))


def answers(folder: Path, runs: int) -> dict[str, float]:
    """Return CPU seconds of short commands, and of their peers."""
    subprocess.run([*FECHNER, "study", "init", "study"], cwd=folder, check=True)
    seconds = {
        "python_s": cpu_seconds([sys.executable, "-c", "pass"], folder, runs),
        "numpy_s": cpu_seconds([sys.executable, "-c", "import numpy"], folder, runs),
        "import_s": cpu_seconds([sys.executable, "-c", "import fechner"], folder, runs),
        "help_s": cpu_seconds([*FECHNER, "--help"], folder, runs),
        "status_s": cpu_seconds([*FECHNER, "status", "study"], folder, runs),
    }
    return seconds | {
        "help_over_numpy": round(seconds["help_s"] / seconds["numpy_s"], 2),
        "import_over_python": round(seconds["import_s"] / seconds["python_s"], 2),
    }


def cpu_seconds(command: Sequence[str], folder: Path, runs: int) -> float:
    """Return the median CPU time of a command, user and system, in seconds."""
    measured = []
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        measured.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return round(statistics.median(measured[1:]), 3)


def built_wheel(folder: Path) -> Path:
    """Build the wheel of this source."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


def installed(wheel: Path, folder: Path) -> dict[str, float]:
    """Return what the wheel and all that it needs add to an empty environment, in 10^6 bytes."""
    venv.create(folder, with_pip=True)
    before = size(folder)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pinned = ["--constraint", str(ROOT / "constraints.txt")]
    command = [str(python), "-m", "pip", "install", "--quiet", *pinned]
    subprocess.run([*command, str(wheel)], check=True)
    own = next(folder.rglob("site-packages/fechner"))
    return {
        "install_small_mb": round((size(folder) - before) / 1e6, 1),
        "install_fechner_mb": round(size(own) / 1e6, 1),
    }


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


if __name__ == "__main__":
    main()
