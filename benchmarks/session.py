"""What a session in the window costs, whether pictures come in time, and what kills cost.

    python benchmarks/session.py [--quick]

Takes about 10 minutes and 3.5 minutes of a processor: most of it waits while 200 numbers are typed
at a person's pace. Prints a table and, as its last line, one JSON object:

`late_onsets`
    Of 100 pictures of 1024 x 1024 px, decoded and uploaded during a fixation of
    300 ms, how many came later than one frame plus the display's own jitter. That
    jitter is the 95th percentile of the lateness of the same pictures when they were
    ready long before, shown in turn with them, so that one hiccup of the machine hides
    nothing and a busy machine burdens both.
`display_late_onsets`
    How many of those that were ready came later than the same limit: what is no fault
    of decoding and uploading. An idle machine has 0 in both.
`onset_late_ms`, `display_late_ms`
    The median lateness of both.
`trial_overhead_ms`
    What a simulated participant's trial takes in the window beyond the times that
    the protocol asks for: drawing, events, journal, read-back of nothing.
`windowless_trial_ms`
    The same loop without a window, all of it.
`kills_survived`
    After how many of 20 kills -9 at random moments the journal had every line it had
    before, and the session, resumed, ended with every trial once.
`typed_numbers_wrong`
    How many of 200 numbers were taken for another that were typed on a slider from outside, on
    both rows of digits, corrected, too early (`typed_numbers.py`; needs xdotool).
`cut_texts`
    Texts that are cut off or overlap on the screens of every shipped protocol, in every language,
    in seven windows.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image
from typed_numbers import typed_numbers_wrong

from fechner.experiment.display import Frame
from fechner.experiment.readable import SIZES, unreadable
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting.open_window import open_window
from fechner.experiment.starting.run_participant import run_participant
from fechner.protocols.files import languages
from fechner.protocols.schema import load_protocol, shipped
from fechner.provenance import provenance, sha256_file
from fechner.records.journal import read_journal
from fechner.records.stimuli import Stimulus, write_stimulus_set

FIXATION_MS, SHOWN_MS = 300.0, 100.0
KILLS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="fechner-session-") as name:
        folder = Path(name)
        kills = kills_survived(folder / "kills", 5 if quick else KILLS)
        figures = {
            **onsets(folder / "onsets", 20 if quick else 100),
            **overhead(folder / "overhead", 6 if quick else 12),
            "kills_survived": kills,
            "typed_numbers_wrong": typed_numbers_wrong(24 if quick else 200),
            "cut_texts": cut_texts(),
        }
    for key, value in figures.items():
        print(f"{key:<22}{value:>9.2f}")
    print(json.dumps(figures))


def cut_texts() -> int:
    """Return how many texts of the shipped protocols' screens cannot be read."""
    return sum(
        len(unreadable(load_protocol(name, language=language), size))
        for name in shipped()
        for language in languages(name)
        for size in SIZES
    )


def picture(folder: Path, name: str, size: int, seed: int) -> Path:
    """Write a noisy picture of `size` x `size` px, which is the slowest kind to decode."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (size // 16, size // 16, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    noise = rng.integers(-8, 9, (size, size, 3))
    path = folder / f"{name}.png"
    Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)).save(path)
    return path


def onsets(folder: Path, count: int) -> dict[str, float]:
    """Return lateness figures of pictures made ready in time against ones made ready before."""
    frames = [Frame((picture(folder, f"large{k}", 1024, k),)) for k in range(min(count, 12))]
    display = open_window(load_protocol("acr"), size=(1280, 1100), verify="none")
    try:
        own, late = lateness(display, frames, count)
        frame_ms = display.window.judged_frame_ms
    finally:
        display.close()
    return late_figures(own, late, frame_ms)


def late_figures(own: list[float], late: list[float], frame_ms: float) -> dict[str, float]:
    """Return the figures of `late` onsets (ms) beside the display's `own` lateness (ms)."""
    jitter = max(0.0, float(np.percentile(own, 95)))
    limit = frame_ms + jitter
    return {
        "late_onsets": sum(ms > limit for ms in late),
        "display_late_onsets": sum(ms > limit for ms in own),
        "onset_late_ms": statistics.median(late),
        "display_late_ms": statistics.median(own),
        "display_jitter_ms": jitter,
    }


def lateness(display, frames: list[Frame], count: int) -> tuple[list[float], list[float]]:
    """Return how late onsets came, in ms: of pictures ready before the fixation, and not.

    The two kinds take turns, `count` of each, after three that are not counted.
    """
    own: list[float] = []
    late: list[float] = []
    for number in range(-3, 2 * count):
        ready = number % 2 == 0
        frame = frames[number % len(frames)]
        display.preload(frame)
        if ready:
            time.sleep(0.2)
            display.blank(50.0)
        display.fixation(FIXATION_MS)
        shown = display.show(frame, SHOWN_MS)
        if number >= 0:
            (own if ready else late).append(shown.late_ms)
    return own, late


def stimulus_folder(folder: Path, scenes: int) -> Path:
    """Write a stimulus set of three regions a scene, 256 x 256 px."""
    stimuli = []
    for scene in range(scenes):
        for place, region in enumerate(("intact", "low", "high")):
            path = picture(folder, f"s{scene}_{region}", 256, 10 * scene + place)
            error = 60.0 * place
            stimuli.append(
                Stimulus(
                    stimulus=path.stem,
                    file=path.name,
                    scene=f"s{scene}",
                    region=region,
                    family="noise",
                    level=min(place, 1),
                    strength=float(place),
                    strength_unit="px",
                    mask_area=0.2,
                    bytes=path.stat().st_size,
                    mse=error,
                    ssim=1.0,
                    predicted_impact=error,
                    centre_error=error,
                    sha256=sha256_file(path),
                )
            )
    write_stimulus_set(folder, stimuli, {"provenance": provenance(parameters={}, simulated=True)})
    return folder


def overhead(folder: Path, scenes: int) -> dict[str, float]:
    """Return the time of a trial beyond what was asked for, with and without a window."""
    stimuli = stimulus_folder(folder / "set", scenes)
    heard: list[float] = []
    record = simulate(stimuli, folder, "psychopy", lambda _: heard.append(time.perf_counter()))
    asked = record.header.timing_override
    wanted = asked["fixation_ms"] + asked["interval_ms"] + asked["minimum_view_ms"]
    gaps = [1000 * (b - a) for a, b in pairwise(heard)]
    began = time.perf_counter()
    alone = simulate(stimuli, folder / "alone", "none")
    seconds = time.perf_counter() - began
    return {
        "trial_overhead_ms": statistics.median(gaps) - wanted,
        "windowless_trial_ms": 1000 * seconds / len(alone.trials),
    }


def simulate(stimuli: Path, sessions: Path, window: str, on_trial=None):
    """Run a simulated participant."""
    return run_participant(
        stimuli,
        "slider",
        "S01",
        sessions_folder=sessions,
        window=window,
        observer=SimulatedObserver("S01", seed=1),
        verify_pixels="none",
        on_trial=on_trial,
    )


def kills_survived(folder: Path, kills: int) -> int:
    """Kill a session `kills` times; return after how many kills nothing was lost."""
    stimuli = stimulus_folder(folder / "set", 32)
    path = folder / "SIMULATED_sub-S01_ses-1.jsonl"
    rng = random.Random(1)
    survived, before = 0, ()
    for _ in range(kills):
        child = multiprocessing.get_context("fork").Process(target=slowly, args=(stimuli, folder))
        child.start()
        wanted = lines(path) + rng.randint(2, 4)
        while lines(path) < wanted and child.is_alive():
            time.sleep(0.0005)
        time.sleep(0.006 * rng.random())
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        after = read_journal(path).trials if lines(path) else ()
        survived += after[: len(before)] == before and len(after) >= len(before)
        before = after
    record = simulate(stimuli, folder, "none")
    whole = [trial.trial for trial in record.trials] == list(range(1, len(record.trials) + 1))
    return survived if whole and record.complete else 0


def slowly(stimuli: Path, sessions: Path) -> None:
    """Run the session with 5 ms a trial, so that kills fall into it."""
    run_participant(
        stimuli,
        "slider",
        "S01",
        sessions_folder=sessions,
        window="none",
        observer=SimulatedObserver("S01", seed=1),
        on_trial=lambda _: time.sleep(0.005),
    )


def lines(path: Path) -> int:
    """Return the whole lines of a file."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


if __name__ == "__main__":
    main()
