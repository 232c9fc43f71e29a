"""What benchmarks/scale.py says of pictures: stimuli, compression, the cluster.

Photographs are those that come with installed packages (`fechner.data.photographs`); scenes beyond
their number are other parts of them, mirrored and turned.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from distributed import Client
from scipy.optimize import nnls

from fechner.compression.folders.batch import compress_all
from fechner.compression.folders.jobs import plan
from fechner.compression.formats.compress import Settings
from fechner.data.photographs import photographs
from fechner.executors import executor
from fechner.provenance import sha256_file
from fechner.records.images.files import read_image, write_map_png, write_png
from fechner.rival_maps import local_contrast, luma_of
from fechner.stimuli.build import build_stimuli

TURNS = (lambda p: p, lambda p: p[:, ::-1], lambda p: p[::-1], lambda p: p[::-1, ::-1])
PARTS = ((0.0, 0.0), (0.0, 0.25), (0.25, 0.0), (0.25, 0.25))
"""Where the parts of a photograph begin, each of three quarters of its sides."""
MEASURED_SCENES = (24, 48, 96)


def stimuli_jobs(scenes: int = 24, side: int = 256) -> dict[str, object]:
    """Wall time of building a set with one job over that with two; both sets must be the same."""
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made = written_scenes(place / "photos", scenes, side)
        warm = dict(list(made.items())[:6])  # Two alone can be refused as each other's donors.
        for jobs in (1, 2):
            with executor(jobs) as pool:
                build_stimuli(warm, place / f"warm{jobs}", pool=pool, fewest_scenes=2)
                begin = time.perf_counter()
                build_stimuli(made, place / f"set{jobs}", pool=pool, fewest_scenes=2)
                seconds[jobs] = time.perf_counter() - begin
        if digests(place / "set1") != digests(place / "set2"):
            sys.exit("two jobs built other stimuli than one")
    return {
        "stimuli_jobs_scaling": round(seconds[1] / seconds[2], 2),
        "stimuli_jobs": {"scenes": scenes, "side": side, "wall_s": rounded(seconds)},
    }


def compress_jobs(pictures: int = 40) -> dict[str, object]:
    """Wall time of compressing a folder with one job over that with two."""
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        written_scenes(place / "in", pictures, 512, maps=False)
        for jobs in (1, 2):
            with executor(jobs) as pool:
                some = sorted((place / "in").iterdir())[:2]
                compress_all(plan(some, place / f"warm{jobs}", Settings()), pool=pool)
                todo = plan([place / "in"], place / f"out{jobs}", Settings())
                begin = time.perf_counter()
                compress_all(todo, pool=pool)
                seconds[jobs] = time.perf_counter() - begin
    return {
        "compress_jobs_scaling": round(seconds[1] / seconds[2], 2),
        "compress_jobs": {"pictures": pictures, "side": 512, "wall_s": rounded(seconds)},
    }


def stimuli_1000(side: int = 256) -> dict[str, object]:
    """Core hours of building 1000 scenes, from 24, 48 and 96.

    CPU seconds are fitted as ``a + b n + c n^2``, none below 0, so that what grows faster than
    linearly is foreseen; the exponent is that from 24 to 96.
    """
    one_set(6, side)  # What is compiled once on a machine is no part of a set.
    spent = {count: one_set(count, side) for count in MEASURED_SCENES}
    counts = np.array(MEASURED_SCENES, float)
    took = np.array([spent[count] for count in MEASURED_SCENES])
    powers = np.column_stack([counts**0, counts, counts**2])
    # Relative errors count, so that the smallest set says as much as the largest.
    parts, _ = nnls(powers / took[:, None], np.ones(len(took)))
    seconds = float(parts @ [1.0, 1000.0, 1000.0**2])
    return {
        "stimuli_1000_scenes_core_hours": round(seconds / 3600, 2),
        "stimuli_1000": {
            "side": side,
            "cpu_s": rounded(spent),
            "exponent": round(float(np.log2(took[2] / took[0]) / 2), 2),
            "a_b_c": [round(float(part), 5) for part in parts],
        },
    }


def one_set(scenes: int, side: int) -> float:
    """Return the CPU seconds of building so many scenes in this process."""
    with tempfile.TemporaryDirectory() as folder:
        made = written_scenes(Path(folder) / "photos", scenes, side)
        begin = time.process_time()
        build_stimuli(made, Path(folder) / "set", fewest_scenes=2)
        return time.process_time() - begin


def cluster_figures(count: int, side: int) -> dict[str, object]:
    """Build the same set here and on a cluster that loses a worker, and compare the files."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        # Paths are relative to a folder that the workers do not start in.
        os.chdir(folder)
        try:
            return _cluster_figures(count, side)
        finally:
            os.chdir(before)


def _cluster_figures(count: int, side: int) -> dict[str, object]:
    scenes, how = (
        written_scenes(Path("photos"), count, side),
        {"family": "noise", "max_strength_ratio": 4.0},
    )
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


def written_scenes(
    folder: Path, count: int, side: int, *, maps: bool = True
) -> dict[str, tuple[Path, Path]]:
    """Write parts of photographs with their local contrast as map; return both by name.

    Parameters
    ----------
    folder
        Made for them.
    count
        How many; each photograph once before any comes again as a part.
    side
        Short side in pixels.
    maps
        Whether maps are written, too.
    """
    folder.mkdir(parents=True)
    sources, found = list(photographs().values()), {}
    for number in range(count):
        pixels = scene_pixels(sources, number)
        factor = side / min(pixels.shape[:2])
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        name = f"s{number:04d}"
        paths = folder / f"{name}.png", folder / f"{name}_map.png"
        write_png(paths[0], pixels)
        if maps:
            contrast = local_contrast(luma_of(pixels))
            write_map_png(paths[1], contrast / contrast.max())
        found[name] = paths
    return found


def scene_pixels(sources: list[Path], number: int) -> np.ndarray:
    """Return scene `number`, uint8 (height, width, 3): first whole photographs, then their parts.

    Raises
    ------
    SystemExit
        If so many cannot be made of the photographs.
    """
    pixels, again = read_image(sources[number % len(sources)]), number // len(sources)
    if again == 0:
        return pixels
    part, turn = divmod(again - 1, len(TURNS))
    if part >= len(PARTS):
        sys.exit(f"{len(sources)} photographs make no {number + 1} scenes; install psychopy")
    height, width = pixels.shape[:2]
    top, left = (int(PARTS[part][0] * height), int(PARTS[part][1] * width))
    crop = pixels[top : top + 3 * height // 4, left : left + 3 * width // 4]
    return np.ascontiguousarray(TURNS[turn](crop))


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


def rounded(seconds: dict[int, float]) -> dict[str, float]:
    """Return seconds as they are printed."""
    return {str(name): round(value, 1) for name, value in seconds.items()}
