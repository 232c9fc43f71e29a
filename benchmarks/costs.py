"""What each command costs at two sizes: CPU seconds of one core, start of the program included.

    python benchmarks/costs.py [--only WORD ...] [--quick]

Runs the commands as they are typed, each at a size and at another, on photographs that come with
installed packages (and parts of them, `scale_searches.write_parts`); ratings are SIMULATED. Prints
a line a command and, as its last line, one JSON object: for each command ``sizes``, ``cpu_s`` and
``each``, the CPU seconds of one more image, scene or pair between the two sizes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 - after the threads are set
import pandas as pd  # noqa: E402
from scale_pictures import written_scenes  # noqa: E402
from scale_searches import LOSSES, write_parts  # noqa: E402

from fechner.records.images.files import read_image, write_png  # noqa: E402

COMMANDS = {
    "network activations": (
        (40, 160),
        "network activations {parts} --out {out} --pool mean",
    ),
    "channels select, pooled by mean": (
        (160, 320),
        "channels select {rated} -p mean --size 64 --shuffles 2 --out {out} --cache {cache}",
    ),
    "channels select, with space": (
        (160, 320),
        "channels select {rated} --size 64 -l blocks.5 --shuffles 2 --out {out} --cache {cache}",
    ),
    "channels agree": (
        (160, 320),
        "channels agree {rated} -l bn2 --size 64 --out {out} --cache {cache}",
    ),
    "data check": ((160, 640), "data check {rated}"),
    "layers run": (
        (12, 48),
        "layers run {pairs} -n efficientnet_lite0 -l bn2 -r rms --out {out}",
    ),
    "maps make": ((2, 6), "maps make {photos} --out {out}"),
    "stimuli build": ((4, 8), "stimuli build {photos} --maps {maps} --out {out}"),
    "compress run": ((4, 12), "compress run {photos} --out {out}"),
    "compress run --map centre": ((4, 12), "compress run {photos} --map centre --out {out}"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="Commands that begin so.")
    parser.add_argument("--quick", action="store_true", help="The smaller size alone.")
    asked = parser.parse_args()
    found = {}
    for name, (sizes, words) in COMMANDS.items():
        if asked.only and not name.startswith(tuple(asked.only)):
            continue
        spent = [cpu_of(words, size) for size in sizes[: 1 if asked.quick else 2]]
        found[name] = {"sizes": sizes[: len(spent)], "cpu_s": [round(one, 1) for one in spent]}
        if len(spent) == 2:
            found[name]["each"] = round((spent[1] - spent[0]) / (sizes[1] - sizes[0]), 4)
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    print(json.dumps(found))


def cpu_of(words: str, size: int) -> float:
    """Return the CPU seconds of a command on so many images, scenes or pairs."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        given = {
            name: make(place / name, size) for name, make in MADE.items() if f"{{{name}}}" in words
        }
        given |= {
            "out": place / "out", "cache": place / "cache", "maps": place / "maps",
        }  # fmt: skip
        command = [word.format(**given) for word in words.split()]
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-m", "fechner.cli.main", *command], capture_output=True, text=True
        )
        after = os.times()
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr}")
    return sum(after[2:4]) - sum(before[2:4])


def parts(folder: Path, size: int) -> Path:
    """Make parts of photographs, each intact and degraded."""
    write_parts(folder, names_of(size))
    return folder


def names_of(size: int) -> list[str]:
    """Return the names of so many parts."""
    return [f"{number:04d}.png" for number in range(size)]


def rated(folder: Path, size: int) -> Path:
    """Make a table of parts with SIMULATED ratings."""
    names, rng = names_of(size), np.random.default_rng(0)
    write_parts(folder, names)
    scene, loss = np.divmod(np.arange(size), len(LOSSES))
    quality = np.clip(4 - 0.6 * loss + rng.normal(0, 0.3, size), 1, 5)
    table = pd.DataFrame(
        {"image": names, "scene": [f"s{one}" for one in scene], "quality": quality}
    )
    table.to_csv(folder / "SIMULATED_rated.csv", index=False)
    scale = {"dimensions": {"quality": {"minimum": 1, "maximum": 5}}}
    (folder / "SIMULATED_rated.json").write_text(json.dumps(scale))
    return folder / "SIMULATED_rated.csv"


def pairs(folder: Path, size: int) -> Path:
    """Make a table of photographs, blurred and intact, with SIMULATED scores."""
    photos = written_scenes(folder / "photos", size // 4, 384, maps=False)
    rows, rng = [], np.random.default_rng(0)
    for name, (path, _) in photos.items():
        pixels = read_image(path)
        for level in range(4):
            worse = np.clip(pixels + rng.normal(0, 5 + 8 * level, pixels.shape), 0, 255)
            write_png(folder / f"{name}_{level}.png", worse.astype(np.uint8))
            rows.append((f"{name}_{level}.png", f"photos/{name}.png", name, "noise", 20.0 * level))
    table = pd.DataFrame(rows, columns=["image", "reference", "scene", "family", "dmos"])
    table.to_csv(folder / "SIMULATED_pairs.csv", index=False)
    scale = {"dimensions": {"dmos": {"minimum": 0, "maximum": 100, "good": "low"}}}
    (folder / "SIMULATED_pairs.json").write_text(json.dumps(scale))
    return folder / "SIMULATED_pairs.csv"


def photos(folder: Path, size: int) -> Path:
    """Make photographs of 512 px on the short side, with maps in ``maps`` beside them."""
    for name, (_, drawn) in written_scenes(folder, size, 512).items():
        (folder.parent / "maps").mkdir(exist_ok=True)
        drawn.rename(folder.parent / "maps" / f"{name}.png")
    return folder


MADE = {"parts": parts, "rated": rated, "pairs": pairs, "photos": photos}

if __name__ == "__main__":
    main()
