"""What building stimuli costs: inside the work, by two processes, in memory, and twice over.

    python benchmarks/stimuli.py FOLDER [--scenes 12] [--side 256]

Photographs of FOLDER (reduced to a short side of SIDE pixels, their local contrast as map) are
built with the usual arms (blur, MSE 60), one thread a process. Scenes beyond the photographs there
are repeat them mirrored, upside down and turned. Prints, as its last line, one JSON object:

- ``inside_share``: share of the worker's time in filters, the search for regions, matching, metrics
  and the network; the rest reads, writes and moves data (at least .8 is wanted)
- ``jobs_scaling``: wall time with one process over that with two (at least 1.7, quiet machine)
- ``memory_growth_mb_per_100_scenes``: how much more memory the peak takes for the second half of
  the scenes, per 100
- ``replayed_identical``: 1 where the set built by two processes has the bytes of that built by one
- ``seconds``: wall time with one and with two processes
"""

import argparse
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from fechner.executors import executor
from fechner.records.images.files import image_files, read_image, write_map_png, write_png
from fechner.rival_maps import local_contrast, luma_of
from fechner.stimuli.build import build_stimuli

INSIDE = (
    "matched_regions",
    "match_strengths",
    "feather",
    "squared_error",
    "ssim",
    "degrade",
    "covariate_planes",
    "covariate_means",
    "pair_distance",
    "load_network",
    "mismatch",
)
"""Functions that are the work itself; none of them calls another of them but `match_strengths`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--one", choices=("profile", "memory", "1", "2"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked)))
        return
    with tempfile.TemporaryDirectory() as folder:
        prepared(asked.folder, Path(folder) / "pool", asked.scenes, asked.side)
        figures = measured(Path(folder), asked.scenes)
    print(json.dumps(figures))


def prepared(folder: Path, out: Path, scenes: int, side: int) -> None:
    """Write `scenes` photographs and their maps into `out`."""
    photographs = [read_image(path) for path in image_files(folder)]
    turns = (lambda p: p, lambda p: p[:, ::-1], lambda p: p[::-1], lambda p: p[::-1, ::-1])
    for number in range(scenes):
        turn = turns[number // len(photographs) % len(turns)]
        picture = np.ascontiguousarray(turn(photographs[number % len(photographs)]))
        scale = side / min(picture.shape[:2])
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        write_png(out / f"s{number:04d}.png", picture)
        write_map_png(out / "maps" / f"s{number:04d}.png", unit(local_contrast(luma_of(picture))))


def unit(plane: np.ndarray) -> np.ndarray:
    return np.clip(plane / max(float(plane.max()), 1e-9), 0, 1)


def measured(folder: Path, scenes: int) -> dict[str, float]:
    """Run each measurement in a process of its own and return the figures."""
    found = {}
    for kind, number in (("1", scenes), ("2", scenes), ("profile", scenes), ("memory", scenes)):
        found[kind] = run(folder, kind, number)
    half = run(folder, "memory", scenes // 2)
    grown = (found["memory"]["peak_mb"] - half["peak_mb"]) / (scenes - scenes // 2)
    return {
        "inside_share": round(found["profile"]["inside"], 3),
        "jobs_scaling": round(found["1"]["seconds"] / found["2"]["seconds"], 2),
        "memory_growth_mb_per_100_scenes": round(100 * grown, 1),
        "replayed_identical": int(same(folder / "set_1", folder / "set_2")),
        "seconds": [round(found[kind]["seconds"], 1) for kind in ("1", "2")],
        "scenes": scenes,
    }


def run(folder: Path, kind: str, scenes: int) -> dict[str, float]:
    command = [sys.executable, __file__, str(folder / "pool"), "--one", kind]
    command += ["--scenes", str(scenes), "--out", str(folder / f"set_{kind}_{scenes}")]
    if kind in "12":
        command[-1] = str(folder / f"set_{kind}")
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    environment = {**os.environ, **dict.fromkeys(names, "1")}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def one(asked: argparse.Namespace) -> dict[str, float]:
    """Build once in this process, and return what was asked of it."""
    cv2.setNumThreads(1)
    files = image_files(asked.folder)[: asked.scenes]
    scenes = {path.stem: (path, asked.folder / "maps" / path.name) for path in files}
    profile = cProfile.Profile() if asked.one == "profile" else None
    with executor(2 if asked.one == "2" else 1) as pool:
        began = time.perf_counter()
        if profile is not None:
            profile.enable()
        build_stimuli(scenes, asked.out, pool=pool, fewest_scenes=2)
        if profile is not None:
            profile.disable()
        seconds = time.perf_counter() - began
    # Kilobytes on Linux; what this measures is meant for that.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    inside = share_inside(profile) if profile is not None else 0.0
    return {"seconds": seconds, "peak_mb": peak, "inside": inside}


def share_inside(profile: cProfile.Profile) -> float:
    """Return the share of a profile's time within the functions of `INSIDE`."""
    stats = pstats.Stats(profile)
    inside = 0.0
    for (_, _, name), (_, _, _, _, callers) in stats.stats.items():
        if name in INSIDE:
            inside += sum(
                spent[3] for (_, _, caller), spent in callers.items() if caller not in INSIDE
            )
    return inside / stats.total_tt


def same(one_set: Path, other: Path) -> bool:
    """Say whether two folders hold the same files with the same bytes."""
    names = {p.relative_to(one_set) for p in one_set.rglob("*") if p.is_file()}
    others = {p.relative_to(other) for p in other.rglob("*") if p.is_file()}
    return names == others and all(
        (one_set / n).read_bytes() == (other / n).read_bytes() for n in names
    )


if __name__ == "__main__":
    main()
