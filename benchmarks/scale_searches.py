"""What benchmarks/scale.py says of searches over channels: time, growth, processes, memory.

Two kinds of data. `rated_parts`: small parts of photographs that come with installed packages,
each intact and degraded in three ways, through EfficientNet-Lite0, with SIMULATED ratings (less
for more loss, another level a scene, noise). `channels.made_up`: made-up activations, 512 x 7 x 7.
"""

import math
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from channels import made_up

from fechner.analysis.network.alignment.alignment import AnyAlignment, align
from fechner.analysis.network.alignment.grams import ChannelGrams
from fechner.analysis.network.alignment.impact import certified_impact, leave_one_out
from fechner.analysis.network.alignment.pairs import all_pairs
from fechner.analysis.network.choosing.pruning import prune_greedily
from fechner.analysis.network.choosing.sets import ChannelSet, ChannelValues, read_channels
from fechner.analysis.network.choosing.strategies import GREEDY_BATCH
from fechner.analysis.network.evidence.selection import select_among
from fechner.analysis.network.layers.networks import load_network
from fechner.data.photographs import photographs
from fechner.executors import executor
from fechner.records.images.files import read_image, write_png
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale
from fechner.records.selection import SelectionStudy

SIDE = 128
"""Of the parts and of the network's input, in pixels."""
LOSSES = (0.0, 1.0, 2.0, 3.0)
"""What each version of a scene loses; ratings fall with it."""
MOST = 3200
MEMORY_IMAGES = 10_000
MEMORY_CHANNELS = 40
"""Channels that the search on so many images may lose: every step of it, each at its largest."""


def select_cpu(folder: Path, images: int = 2400, shuffles: int = 20) -> dict[str, object]:
    """CPU seconds of `channels select` with its default strategies, extraction left out."""
    one, rated = rated_parts(folder, images)
    took = cpu_of(lambda: selected(one, rated, shuffles))
    return {"select_2400_cpu_s": round(took, 1)}


def select_growth(folder: Path) -> dict[str, object]:
    """Exponent of the same from 800 to 3200 images, by least squares on logarithms."""
    sizes, spent = (800, 1600, 3200), {}
    for images in sizes:
        one, rated = rated_parts(folder, images)
        spent[str(images)] = cpu_of(lambda o=one, r=rated: selected(o, r, 1))
    slope = np.polyfit(np.log(sizes), np.log(list(spent.values())), 1)[0]
    return {
        "select_exponent": round(float(slope), 2),
        "select_growth": {"shuffles": 1, "cpu_s": {k: round(v, 1) for k, v in spent.items()}},
    }


def select_jobs(folder: Path, images: int = 800, shuffles: int = 8) -> dict[str, object]:
    """Wall time of a selection with one job over that with two; both must choose the same."""
    one, rated = rated_parts(folder, images)
    few, few_rated = rated_parts(folder, 80)
    seconds, found = {}, {}
    for jobs in (1, 2):
        with executor(jobs) as pool:
            select_among([few], few_rated, "quality", shuffles=2, seed=0, pool=pool)
            begin = time.perf_counter()
            found[jobs] = select_among(
                [one], rated, "quality", shuffles=shuffles, seed=0, pool=pool
            )
            seconds[jobs] = time.perf_counter() - begin
    if found[1].model_dump() != found[2].model_dump():
        sys.exit("two jobs chose otherwise than one")
    return {
        "select_jobs_scaling": round(seconds[1] / seconds[2], 2),
        "select_jobs": {
            "images": images, "shuffles": shuffles,
            "wall_s": {str(jobs): round(value, 1) for jobs, value in seconds.items()},
        },
    }  # fmt: skip


def selected(one: ChannelValues, rated: RatedImages, shuffles: int) -> SelectionStudy:
    """Return what the default strategies choose from a set of channels."""
    return select_among([one], rated, "quality", shuffles=shuffles, seed=0)


def greedy_1608() -> dict[str, object]:
    """CPU of greedy pruning, and of gradients beside one product of images a channel."""
    compiled = sums_of(*made_up(97))
    prune_greedily(*compiled, batch=GREEDY_BATCH)
    half, whole = sums_of(*made_up(804)), sums_of(*made_up(1608))
    certified_impact(*whole, channels=[0])
    took = cpu_of(lambda: prune_greedily(*whole, batch=GREEDY_BATCH))
    before = cpu_of(lambda: prune_greedily(*half, batch=GREEDY_BATCH))
    return {
        "greedy_1608_s": round(took, 1),
        "greedy_exponent": round(math.log2(took / before), 2),
    }


def gradients() -> dict[str, object]:
    """CPU of one product of images a channel over that of ours; both must agree."""
    values, ratings = made_up(2400, 1280)
    pooled = sums_of(values.mean(axis=2, keepdims=True), ratings)[0]
    whole = sums_of(*made_up(1608))[0]
    return {
        "gradient_1608_ratio": round(gradient_ratio(whole), 1),
        "gradient_2400_pooled_ratio": round(gradient_ratio(pooled), 1),
    }


def memory() -> dict[str, object]:
    """Peak memory of a greedy search over 512 x 7 x 7 channels of 10 000 images, in GB.

    In a process of its own, which does everything that a whole search does, each step at its
    largest: impacts by sorting and by counting, the gradient, joint removals, the shortlist.
    """
    begin = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        peak = pool.apply(searched)
    return {
        "memory_10000_gb": round(peak, 2),
        "memory": {"images": MEMORY_IMAGES, "wall_s": round(time.perf_counter() - begin, 1)},
    }


def searched() -> float:
    """Search, and return the peak memory of this process in GB."""
    values, ratings = made_up(MEMORY_IMAGES)
    grams, alignment = sums_of(values, ratings)
    certified_impact(grams, alignment, channels=range(2))
    leave_one_out(grams, alignment, channels=range(2))
    prune_greedily(
        grams, alignment, batch=GREEDY_BATCH, smallest=grams.n_channels - MEMORY_CHANNELS
    )
    # Not ru_maxrss, which a new process takes over from the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


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
    """Return the CPU seconds of one run in this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def rated_parts(folder: Path, images: int) -> tuple[ChannelValues, RatedImages]:
    """Return pooled channels of Lite0 for the first `images`, and SIMULATED ratings of them."""
    names = [f"{number:04d}.png" for number in range(MOST)]
    if not (folder / names[-1]).exists():
        write_parts(folder, names)
    network = load_network("efficientnet_lite0", device="cpu")
    sets = [ChannelSet((network.default_layer,), pool="mean")]
    (whole,) = read_channels(
        network, sets, [folder / name for name in names], size=SIDE, cache=folder / "cache"
    )
    rng = np.random.default_rng(1)
    scene, loss = np.divmod(np.arange(MOST), len(LOSSES))
    quality = 4 - np.array(LOSSES)[loss] * 0.6 + rng.normal(0, 0.4, MOST // len(LOSSES))[scene]
    quality += rng.normal(0, 0.3, MOST)
    table = pd.DataFrame({"image": names, "scene": [f"s{s}" for s in scene], "quality": quality})
    rated = RatedImages(
        table.iloc[:images], folder, {"quality": Scale(minimum=-2.0, maximum=8.0)}, simulated=True
    )
    return part_of(whole, images), rated


def part_of(whole: ChannelValues, images: int) -> ChannelValues:
    """Return the first `images` of a set of channels."""
    content = vars(whole) | {"values": np.array(whole.values[:images]), "seen": whole.seen[:images]}
    return ChannelValues(**content)


def write_parts(folder: Path, names: list[str]) -> None:
    """Write parts of photographs, each intact, blurred, coarse and noisy."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [read_image(path) for path in photographs().values()]
    rng = np.random.default_rng(0)
    ways = (lambda p: p, lambda p: cv2.GaussianBlur(p, (0, 0), 2.0), coarse, noise(rng))
    for first in range(0, len(names), len(ways)):
        source = sources[first // len(ways) % len(sources)]
        side = int(rng.integers(SIDE, min(source.shape[:2]) + 1))
        top, left = (int(rng.integers(0, size - side + 1)) for size in source.shape[:2])
        crop = source[top : top + side, left : left + side]
        crop = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for name, way in zip(names[first : first + len(ways)], ways, strict=True):
            write_png(folder / name, way(crop))


def coarse(pixels: np.ndarray) -> np.ndarray:
    """Return JPEG at quality 10."""
    return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 10])[1], 1)


def noise(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Return what adds Gaussian noise of 25 grey levels."""

    def noisy(pixels: np.ndarray) -> np.ndarray:
        return np.clip(pixels + rng.normal(0, 25, pixels.shape), 0, 255).astype(np.uint8)

    return noisy
