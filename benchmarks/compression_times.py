"""What benchmarks/compression.py says of time and memory: CPU seconds, the least of several."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import compression_peers as peers
import cv2
import numpy as np

from fechner.compression.folders.batch import compress_all, compress_job
from fechner.compression.folders.jobs import Job, plan
from fechner.compression.formats.compress import Settings
from fechner.compression.jpeg import encoder
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.ramp import centre_map, ramp
from fechner.executors import executor
from fechner.records.images.files import write_map_png, write_png

QUALITY = 85


def figures(folder: Path) -> dict[str, float]:
    """Return every figure of time and memory."""
    pictures = list(peers.reporting_photographs().values())
    found = ratios(pictures[:: len(pictures) // 4][:4]) | large(pictures, folder)
    return {name: round(value, 3) for name, value in (found | scaling(pictures)).items()}


def ratios(pictures) -> dict[str, float]:
    """Compare CPU times of encoding, map to file, with Pillow's optimised encoder."""
    found: dict[str, list[float]] = {"fast": [], "high": []}
    for picture in pictures:
        importance = centre_map(picture.shape[:2])
        base = fastest(lambda p=picture: encoder.reference_encoder(p, QUALITY, "4:2:0"), 15)

        def whole(effort, p=picture, m=importance) -> bytes:
            share = ramp(m, p.shape[:2])
            return encoder.encode_jpeg(
                from_pixels(p), share, quality=82, strength=1.2, effort=effort
            )

        for effort, values in found.items():
            values.append(fastest(lambda w=whole, e=effort: w(e)) / base)
    return {"deadzone_time_ratio": float(np.mean(found["fast"])),
            "trellis_time_ratio": float(np.mean(found["high"]))}  # fmt: skip


def fastest(work, repeats: int = 7) -> float:
    """Return the CPU seconds of the fastest of several calls."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def large(pictures, folder: Path) -> dict[str, float]:
    """Compress a mosaic of 12 megapixels in a process of its own."""
    tiles = [cv2.resize(picture, (768, 512), interpolation=cv2.INTER_AREA) for picture in pictures]
    rows = [
        np.concatenate([tiles[(5 * r + c) % len(tiles)] for c in range(5)], 1) for r in range(6)
    ]
    mosaic = np.concatenate(rows, 0)
    write_png(folder / "large.png", np.ascontiguousarray(mosaic))
    write_map_png(folder / "large_map.png", centre_map(mosaic.shape[:2]))
    words = [sys.executable, __file__, str(folder / "large.png"), str(folder / "large_map.png")]
    subprocess.run(words, check=True, capture_output=True)  # compiles what is not cached
    lines = [subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
             for _ in range(3)]  # fmt: skip
    return {"mp12_s": min(float(line[0]) for line in lines),
            "mp12_gb": max(float(line[1]) for line in lines)}  # fmt: skip


def one(picture: Path, importance: Path) -> None:
    """Compress one file as the command line does; print CPU seconds and peak gigabytes."""
    cv2.setNumThreads(1)
    target = picture.with_suffix(".jpg")
    target.unlink(missing_ok=True)
    start = time.process_time()
    row = compress_job(Job(picture, target, picture.name, picture.parent, importance, Settings()))
    seconds = time.process_time() - start
    if row.status != "compressed":
        sys.exit(row.note)
    # ru_maxrss would count what this process's parent held when it started it.
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    print(seconds, int(peak.split()[1]) / 1e6)


def scaling(pictures) -> dict[str, float]:
    """Return how many times as fast a folder is done with two jobs as with one, wall clock.

    And what does not need a quiet machine: CPU of two jobs over that of one, and the share of it
    that the process itself spends, which no number of jobs divides.
    """
    seconds, spent, own = [], [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for number, picture in enumerate(pictures * 2):
            write_png(folder / "in" / f"{number}.png", picture)
        for jobs in (1, 2):
            before = cpu()
            with executor(jobs) as pool:
                warm = plan(
                    [folder / "in" / "0.png", folder / "in" / "1.png"],
                    folder / f"w{jobs}",
                    Settings(),
                )
                compress_all(warm, pool=pool)
                todo = plan([folder / "in"], folder / f"out{jobs}", Settings())
                start, begun = time.perf_counter(), time.process_time()
                compress_all(todo, pool=pool)
                seconds.append(time.perf_counter() - start)
                own = time.process_time() - begun
            spent.append(cpu() - before)
    return {
        "jobs_scaling": seconds[0] / seconds[1],
        "jobs_cpu_ratio": spent[1] / spent[0],
        "jobs_own_share": own / spent[1],
    }


def cpu() -> float:
    """Return the CPU seconds of this process and of those that it waited for."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    one(*map(Path, sys.argv[1:3]))
