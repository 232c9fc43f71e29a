"""How long each stage of the demonstration takes, and how much memory the whole of it.

    python benchmarks/stages.py [--quick]

Prints a table and, as its last line, one JSON object: seconds a stage, `total_s`,
`peak_gb` (the largest resident set of this process and of its largest child,
added), and `help_s` (median of five runs of ``fechner --help``). ``--quick`` uses
fewer scenes, shuffles and participants.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from fechner.executors import executor
from fechner.provenance import write_text
from fechner.study.demonstration import make_images, write_demonstration
from fechner.study.opening import open_study
from fechner.study.steps import ALL, run_steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, executor() as pool:
        file = write_demonstration(Path(folder))
        if quick:
            text = file.read_text("utf-8").replace("shuffles = 10", "shuffles = 2")
            text = text.replace("participants = 13", "participants = 4")
            write_text(file, text.replace("scenes = 12", "scenes = 8"))
        place = open_study(file, pool=pool)
        seconds["images_s"] = timed(lambda: make_images(place))
        for step in ALL:
            alone = partial(run_steps, place, [step], report=False)
            seconds[f"{step.name}_s"] = timed(alone)
        seconds["report_s"] = timed(lambda: run_steps(place, []))
    figures = {
        **{name: round(value, 3) for name, value in seconds.items()},
        "total_s": round(sum(seconds.values()), 3),
        "peak_gb": round(peak_gb(), 3),
        "help_s": round(statistics.median(timed(help_command) for _ in range(5)), 3),
    }
    for name, value in figures.items():
        print(f"{name:<14}{value:>9.3f}")
    print(json.dumps(figures))


def timed(work) -> float:
    """Return the wall seconds that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def help_command() -> None:
    command = [sys.executable, "-m", "fechner.cli.main", "--help"]
    subprocess.run(command, check=True, capture_output=True)


def peak_gb() -> float:
    """Return the peak resident memory of this process and of its largest child, in GB."""
    unit = 1e9 if sys.platform == "darwin" else 1e9 / 1024  # bytes, elsewhere KiB
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(who).ru_maxrss for who in whose) / unit


if __name__ == "__main__":
    main()
