"""The demonstration: a whole study on photographs that come with installed packages.

Its ratings and its participants are SIMULATED. It shows that every part works
together, on this machine; it shows nothing about people.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from fechner.data.photographs import photographs
from fechner.errors import InputError
from fechner.provenance import write_text
from fechner.records.done import done_key, read_done, write_done
from fechner.records.study import STUDY_FILE, read_study
from fechner.study.demo_images import simulated_rated_images
from fechner.study.opening import OpenStudy
from fechner.study.steps import run_whole

SERIAL_S, SHARED_S = 60.0, 150.0
"""CPU seconds of the demonstration: steps of one process (channels, sessions, claim, report), and
loops that processes share (images, maps, stimuli), where `_short_task` takes `SHORT_TASK_S`."""

SHORT_TASK_S = 0.128

TITLE = "Demonstration (SIMULATED ratings and participants)"
IMAGES = "SIMULATED_rated.csv"

FILE = """\
# The demonstration of fechner: photographs from installed packages, SIMULATED ratings.
title = "{title}"
seed = {seed}

[images]
table = "images/{images}"
ratings = "images/SIMULATED_ratings.csv"
dimension = "quality"

[channels]
shuffles = 10

[stimuli]
scenes = 14

[session]
protocol = "slider"

[screening]
fastest_ms = 0        # SIMULATED participants answer the window at once

[simulate]
world = "{world}"     # what SIMULATED participants care about: "map", "null" or "centre"
participants = 13
in_window = 1         # how many of them go through the real window
"""


def write_demonstration(folder: Path, *, world: str = "map", seed: int = 1) -> Path:
    """Write the demonstration's study file into `folder` and return its path.

    Raises
    ------
    InputError
        If the folder holds anything but an earlier demonstration.
    """
    folder = Path(folder)
    file = folder / STUDY_FILE
    if folder.is_dir() and any(folder.iterdir()) and not _is_demonstration(file):
        raise InputError(
            f"{folder} is not empty and holds no demonstration; choose another --out folder"
        )
    text = FILE.format(title=TITLE, seed=seed, images=IMAGES, world=world)
    write_text(file, text)
    return file


def expected_minutes(
    processes: int, serial_s: float = SERIAL_S, shared_s: float = SHARED_S
) -> float:
    """Return about how many minutes a whole demonstration takes here, with so many processes.

    What it needs was measured once. A short task of the same kind, timed now, says how fast a core
    of this machine is at this moment, beside whatever else it does.

    >>> expected_minutes(4) < expected_minutes(1)
    True
    """
    slower = _short_task() / SHORT_TASK_S
    return slower * (serial_s + shared_s / max(processes, 1)) / 60


def _short_task() -> float:
    """Filter a picture of 512 x 512 pixels twenty times; return the seconds that it took."""
    picture = np.random.default_rng(0).random((512, 512), np.float32)
    begun = time.perf_counter()
    for _ in range(20):
        np.fft.irfft2(np.fft.rfft2(picture))
    return time.perf_counter() - begun


def _is_demonstration(file: Path) -> bool:
    return file.is_file() and read_study(file).title == TITLE


def make_images(place: OpenStudy) -> None:
    """Distort the photographs and simulate their ratings, unless that was done."""
    record, key = (
        place.finished / "images.json",
        done_key("images", place.study.seed, photographs().values()),
    )
    if read_done(record, key, folder=place.folder) is not None:
        place.say("images: done already")
        return
    place.say("images: distort photographs and simulate their ratings")
    with place.bars("Rated images") as progress:
        simulated_rated_images(
            place.table.parent, seed=place.study.seed, pool=place.pool, progress=progress
        )
    made = [path for path in place.table.parent.rglob("*") if path.is_file()]
    write_done(record, key, wrote=sorted(made), folder=place.folder)


def run_demonstration(place: OpenStudy) -> Path:
    """Make the rated images, run the whole study, and return the report's path."""
    make_images(place)
    run_whole(place)
    return place.report
