"""How much distances of all layers cost beside the bare passes of the images.

``python benchmarks/layers.py [--quick]`` prints a table and, as its last line, one JSON object.
Ratios are CPU seconds of one thread of everything that `pass_pairs` does (reading and hashing
files of 384 x 512 pixels, all read-outs with Gram matrices, storing) over those of the same
network called on the same images, already in memory. The files are BMP, as those of LIVE and
TID2013; the figure for KADID-10k counts the decoding of its PNG files, too. Ratios are medians of
pairs of measurements taken in turn, because machines are shared. Weights are random where the
trained ones are not at hand (``FECHNER_TEST_DATA``): they cost the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 - after the threads are set

SIZE = (384, 512)
SIX = ("features.2", "features.5", "features.7", "features.9", "features.11", "features.12")
KADID_PAIRS, KADID_REFERENCES = 10_125, 81
VERSIONS = 15
"""Distorted images of a reference; LIVE has about 27, TID2013 120, KADID-10k 125."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="Smaller sizes, for a check.")
    quick = parser.parse_args().quick
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        pairs = made_pairs(Path(folder), references=1 if quick else 2, versions=VERSIONS)
        repeats = 1 if quick else 5
        figures["alexnet_6_layers_ratio"], _ = cost(pairs, "alexnet", SIX, repeats=repeats)
        ratio, seconds_a_pair = cost(pairs, "alexnet", None, repeats=repeats)
        figures["alexnet_all_layers_ratio"] = ratio
        figures["squeezenet_all_layers_ratio"], _ = cost(
            pairs, "squeezenet1_1", None, repeats=repeats
        )
        passes = KADID_PAIRS + KADID_REFERENCES
        seconds_a_pair += decoding_png(pairs)
        figures["kadid_minutes_2_cores"] = passes * seconds_a_pair / 2 / 60
        figures["peak_gb"] = in_own_process(peak_memory, pairs, 60 if quick else 1000)
    figures["greedy_512x3000_s"] = greedy(300 if quick else 3000, 64 if quick else 512)
    figures["bootstrap_50x3000_s"] = bootstrap_seconds(50, 300 if quick else 3000)
    if quick:
        print("--quick: smaller sizes under the same names; do not compare with a full run")
    for name, value in figures.items():
        print(f"{name:28s} {value:.6g}")
    print(json.dumps({name: float(value) for name, value in figures.items()}))


def made_pairs(folder: Path, *, references: int, versions: int) -> SimpleNamespace:
    """Write smooth pictures and versions of them, blurred to different degrees and noisy."""
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(0)
    images, originals = [], []
    for k in range(references):
        coarse = Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8))
        original = coarse.resize(SIZE[::-1], Image.Resampling.BICUBIC)
        original.save(folder / f"{k}.bmp")
        for version in range(versions):
            worse = np.asarray(original.filter(ImageFilter.GaussianBlur(version % 5)), np.float64)
            worse = np.clip(worse + rng.normal(0, version // 5, worse.shape), 0, 255)
            path = folder / f"{k}_{version}.bmp"
            Image.fromarray(worse.astype(np.uint8)).save(path)
            images.append(path)
            originals.append(folder / f"{k}.bmp")
    return SimpleNamespace(images=images, references=originals)


def decoding_png(pairs: SimpleNamespace) -> float:
    """CPU seconds that a PNG costs more than a BMP."""
    from PIL import Image

    from fechner.records.images.files import read_image

    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{k}.png" for k in range(len(pairs.images))]
        for source, file in zip(pairs.images, files, strict=True):
            Image.open(source).save(file)
        png, bmp = (
            seconds(lambda paths=paths: [read_image(path) for path in paths])
            for paths in (files, pairs.images)
        )
    print(f"decoding a PNG rather than a BMP: {(png - bmp) / len(files):.4f} s", flush=True)
    return (png - bmp) / len(files)


def network_called(name: str):
    """Return a network up to its last layer of features, trained where weights are at hand."""
    import torch

    from fechner.analysis.network.layers.networks import build, load_network

    here = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(os.environ.get("FECHNER_TEST_DATA", here)) / "weights"
    for file in (data / name).glob("*.pth"):
        return load_network(name, weights=file, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        state = build(name).features.state_dict()
        path = Path(folder) / "random.pth"
        torch.save({f"features.{key}": value for key, value in state.items()}, path)
        return load_network(name, weights=path, device="cpu")


def all_layers(network) -> list[str]:
    return [name for name in network.layers if name.count(".") == 1]


def cost(
    pairs: SimpleNamespace, name: str, layers: tuple[str, ...] | None, *, repeats: int
) -> tuple[float, float]:
    """CPU of distances over CPU of bare passes, and CPU seconds of distances a pass."""
    import torch

    from fechner.analysis.network.distances.passes import pass_pairs
    from fechner.analysis.network.layers.reading import as_input
    from fechner.records.images.files import read_image

    torch.set_num_threads(1)
    network = network_called(name)
    wanted = list(layers or all_layers(network))
    files = [*dict.fromkeys(pairs.references), *pairs.images]
    batches = [as_input(network, read_image(path)[None]) for path in files]

    def bare() -> None:
        with torch.inference_mode():
            for batch in batches:
                network.module(batch)

    def ours(gram: bool = True) -> None:
        with tempfile.TemporaryDirectory() as cache:
            pass_pairs(network, pairs, wanted, gram=gram, cache=Path(cache))

    bare(), ours()  # Compile, and fill caches.
    both = [(seconds(ours), seconds(bare)) for _ in range(repeats)]
    without = seconds(lambda: ours(gram=False)) / seconds(bare)
    decoding = seconds(lambda: [read_image(path) for path in files]) / seconds(bare)
    ratio = statistics.median(a / b for a, b in both)
    print(
        f"{name}, {len(wanted)} layers: {ratio:.2f} bare passes ({without:.2f} without Gram "
        f"matrices; reading alone {decoding:.2f}); bare pass {both[0][1] / len(files):.4f} s",
        flush=True,
    )
    return ratio, statistics.median(a for a, _ in both) / len(files)


def peak_memory(pairs: SimpleNamespace, count: int) -> float:
    """Peak memory in GB of `count` pairs through all layers of AlexNet, with every read-out."""
    import torch

    from fechner.analysis.network.distances.passes import pass_pairs
    from fechner.analysis.network.distances.readouts import READOUTS, distances

    torch.set_num_threads(1)
    network = network_called("alexnet")
    rows = np.arange(count) % len(pairs.images)
    many = SimpleNamespace(
        images=[pairs.images[row] for row in rows],
        references=[pairs.references[row] for row in rows],
    )
    with tempfile.TemporaryDirectory() as cache:
        found = pass_pairs(network, many, all_layers(network), gram=True, cache=Path(cache))
        for layer in found.layers:
            one = found.layer(layer)
            for readout in READOUTS:
                distances(readout, [one])
    # Not ru_maxrss, which a new process takes over from the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def in_own_process(work: Callable[..., float], *given: object) -> float:
    """Run `work` where nothing else has used memory before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, given)


def greedy(pairs: int, channels: int) -> float:
    """Seconds of a full backward elimination, against the search that tries every channel."""
    from fechner.analysis.network.choosing.reference_pairs import ReferenceFeatures
    from fechner.analysis.network.choosing.strategies import parse_strategy
    from fechner.analysis.network.distances.readouts import READOUTS

    rng = np.random.default_rng(0)
    dmos, references = rng.gamma(2, 1, pairs), np.arange(pairs) % 25
    carries = rng.random(channels)
    harm = dmos[:, None] * carries * rng.lognormal(0, 0.5, (pairs, channels))
    content = 2 * rng.gamma(1, 2, (25, channels))[references]
    squared = rng.lognormal(0, 1, channels) * (
        harm + (1 - carries) * rng.gamma(1, 2, (pairs, channels)) + content
    )
    terms = np.stack([squared, np.ones_like(squared)])
    features = ReferenceFeatures(terms, READOUTS["rms"].combine, dmos, references)
    found = {}
    parse_strategy("negative:reference")(features.subset(np.arange(100)), -dmos[:100], rng)
    for method in ("greedy", "exhaustive"):
        begin = time.process_time()
        chosen = parse_strategy(f"{method}:reference")(features, features.ratings, rng)
        found[method] = time.process_time() - begin
        print(
            f"{method}, {pairs} pairs, {channels} channels: {chosen.before:.4f} -> "
            f"{chosen.after:.4f} ({chosen.kept.sum()} left) in {found[method]:.2f} s",
            flush=True,
        )
    return found["greedy"]


def bootstrap_seconds(rows: int, pairs: int) -> float:
    """Seconds of 1000 resamples of references for all rows."""
    from fechner.analysis.network.distances.resampling import bootstrap

    rng = np.random.default_rng(0)
    values, dmos, references = rng.random((rows, pairs)), rng.random(pairs), np.arange(pairs) % 25
    bootstrap(values[:1], dmos, references, resamples=1)
    return seconds(lambda: bootstrap(values, dmos, references, resamples=1000))


def seconds(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
