"""How the work grows, and whether it is the same wherever it runs.

    python benchmarks/scale.py [--scenes 6] [--side 192] [--searches]

Prints, as its last line, one JSON object:

- with ``--searches`` instead of the rest, CPU of one thread on made-up activations:
  ``greedy_1608_s`` (512 x 7 x 7, at most 40) and ``greedy_exponent`` (804 to 1608 images);
  ``gradient_1608_ratio`` and ``gradient_2400_pooled_ratio``, one product a channel over ours
- ``cluster_identical``: 1 where stimuli built on a Dask cluster (a scheduler and two workers, a
  process each, one of them killed after the first scene) have the bytes of those built in this
  process. All paths are given relative to a folder that the workers do not start in.
- ``cluster``: what the figure rests on: scenes, files compared, and whether a worker was killed
  while work was left
"""

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from channels import made_up
from distributed import Client

from fechner.analysis.network.alignment.alignment import AnyAlignment, align
from fechner.analysis.network.alignment.grams import ChannelGrams
from fechner.analysis.network.alignment.pairs import all_pairs
from fechner.analysis.network.choosing.pruning import prune_greedily
from fechner.analysis.network.choosing.strategies import GREEDY_BATCH
from fechner.data.photographs import photographs
from fechner.executors import executor
from fechner.provenance import sha256_file
from fechner.records.images.files import read_image, write_map_png, write_png
from fechner.rival_maps import local_contrast, luma_of
from fechner.stimuli.build import build_stimuli


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--side", type=int, default=192, help="Short side of the photographs.")
    parser.add_argument("--searches", action="store_true", help="Searches over channels alone.")
    asked = parser.parse_args()
    if asked.searches:
        print(json.dumps(search_figures()))
        return
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            found = cluster_figures(asked.scenes, asked.side)
        finally:
            os.chdir(before)
    print(json.dumps(found))


def search_figures() -> dict[str, float]:
    """Time greedy pruning, and gradients beside one product of images a channel."""
    compiled = sums_of(*made_up(97))
    prune_greedily(*compiled, batch=GREEDY_BATCH)
    half, whole = sums_of(*made_up(804)), sums_of(*made_up(1608))
    values, ratings = made_up(2400, 1280)
    pooled = sums_of(values.mean(axis=2, keepdims=True), ratings)
    took = cpu_of(lambda: prune_greedily(*whole, batch=GREEDY_BATCH))
    before = cpu_of(lambda: prune_greedily(*half, batch=GREEDY_BATCH))
    return {
        "greedy_1608_s": round(took, 1),
        "greedy_exponent": round(math.log2(took / before), 2),
        "gradient_1608_ratio": round(gradient_ratio(whole[0]), 1),
        "gradient_2400_pooled_ratio": round(gradient_ratio(pooled[0]), 1),
    }


def sums_of(values: np.ndarray, ratings: np.ndarray) -> tuple[ChannelGrams, AnyAlignment]:
    """Return the sums over channels of all pairs, and what they are held against."""
    pairs = all_pairs(len(values))
    return ChannelGrams(values, pairs), align(ratings, pairs)


def gradient_ratio(grams: ChannelGrams) -> float:
    """Return CPU of one product of images a channel over that of ours; both must agree."""
    weights = np.random.default_rng(0).normal(size=len(grams.pairs))
    found: dict[str, np.ndarray] = {}

    def each() -> None:
        found["each"] = np.array([grams.products(c) @ weights for c in range(grams.n_channels)])

    def ours() -> None:
        found["ours"] = grams.project(weights)

    ratio = cpu_of(each) / cpu_of(ours)
    if not np.allclose(found["each"], found["ours"], atol=1e-5 * np.abs(found["each"]).max()):
        sys.exit("the two gradients differ")
    return ratio


def cpu_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one run."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def cluster_figures(count: int, side: int) -> dict[str, object]:
    """Build the same set here and on a cluster that loses a worker, and compare the files."""
    scenes, how = written_scenes(count, side), {"family": "noise", "max_strength_ratio": 4.0}
    build_stimuli(scenes, Path("alone"), **how)
    killed_at: list[tuple[int, int]] = []
    with two_workers() as (address, workers):

        def kill(done: int, total: int) -> None:
            if not killed_at:
                killed_at.append((done, total))
                workers[0].kill()

        with executor(cluster=address) as pool:
            build_stimuli(scenes, Path("cluster"), pool=pool, progress=kill, **how)
    here, there = digests(Path("alone")), digests(Path("cluster"))
    midway = bool(killed_at) and killed_at[0][0] < killed_at[0][1]
    return {
        "cluster_identical": int(here == there and midway),
        "cluster": {"scenes": count, "files": len(here), "killed_midway": midway},
    }


def written_scenes(count: int, side: int) -> dict[str, tuple[Path, Path]]:
    """Write small photographs with their local contrast as map; return both by name."""
    Path("photos").mkdir()
    found = {}
    for name, source in list(photographs().items())[:count]:
        pixels = read_image(source)
        factor = side / min(pixels.shape[:2])
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        paths = Path("photos", f"{name}.png"), Path("photos", f"{name}_map.png")
        write_png(paths[0], pixels)
        contrast = local_contrast(luma_of(pixels))
        write_map_png(paths[1], contrast / contrast.max())
        found[name] = paths
    return found


@contextlib.contextmanager
def two_workers() -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """Run a scheduler and two workers, each a process of its own; give its address and them."""
    Path("elsewhere").mkdir()
    told = Path("scheduler.json").resolve()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def begun(program: str, *words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--scheduler-file",
                   str(told), *words]  # fmt: skip
        return subprocess.Popen(
            command, env=environment, cwd="elsewhere",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    started = [begun("scheduler", "--port", "0", "--no-dashboard")]
    try:
        started += [begun("worker", "--no-nanny", "--nthreads", "1") for _ in range(2)]
        with Client(scheduler_file=str(told), timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address, started[1:]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of a folder by its path in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


if __name__ == "__main__":
    main()
