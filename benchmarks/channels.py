"""How fast and how exact channel analysis is, against the usual notebook on the same data.

``python benchmarks/channels.py [--quick]`` prints a table and, as its last line, one JSON
object. The baseline is sklearn's cosine_similarity and scipy's spearmanr on features with
one channel masked, in this process, with the same number of threads (one) and the same
activations. Times are CPU seconds of that one thread, and ratios are medians of pairs of
measurements taken in turn, because machines are shared; only feature extraction, which
works beside the forward pass, is timed by the clock on the wall.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 - after the threads are set

CHANNELS, SPACE = 512, 49


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="Smaller sizes, for a check.")
    quick = parser.parse_args().quick
    figures: dict[str, float] = {}
    errors = []
    for name, n in (("600", 200 if quick else 600), ("2400", 600 if quick else 2400)):
        found = leave_one_out_ratios(n, repeats=3)
        errors.append(found["error"])
        if name == "600":
            figures["loo_600_ratio"] = found["exact"]
        else:
            figures["loo_2400_ratio_exact"] = found["exact"]
            figures["loo_2400_ratio_default"] = found["default"]
    figures["loo_max_error"] = max(errors)
    figures |= greedy(n=100 if quick else 400, channels=64 if quick else CHANNELS)
    for n in (2400, 10000):
        figures[f"peak_gb_{n}"] = in_own_process(peak_memory, n if not quick else n // 8)
    figures["extraction_ratio"] = extraction(images=32 if quick else 96)
    figures["permutations_1000_s"] = permutations(n=600)
    if quick:
        print("--quick: smaller sizes under the same names; do not compare with a full run")
    for name, value in figures.items():
        print(f"{name:24s} {value:.6g}")
    print(json.dumps({name: float(value) for name, value in figures.items()}))


def made_up(n: int, channels: int = CHANNELS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rectified activations (n, channels, 49) and ratings that a few channels carry.

    Channels differ in strength such that impacts crowd around 0 about as those of
    EfficientNet-Lite0 and AlexNet on rated images do (9 % below a tenth of the mean).
    """
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, channels, SPACE), np.float32)
    values += rng.standard_normal((n, channels, 1), np.float32)
    values *= rng.lognormal(0.0, 0.2, (1, channels, 1)).astype(np.float32)
    np.maximum(values, 0, out=values)
    return values, rng.normal(size=n) + 0.2 * values[:, :5].mean(axis=(1, 2))


def usual_notebook(values: np.ndarray, human: np.ndarray, channel: int) -> float:
    """Alignment without one channel, as notebooks compute it."""
    from scipy.stats import spearmanr
    from sklearn.metrics.pairwise import cosine_similarity

    kept = np.arange(values.shape[1]) != channel
    similarity = cosine_similarity(values[:, kept].reshape(len(values), -1))
    upper = np.triu_indices(len(values), 1)
    return float(spearmanr(similarity[upper], human).statistic)


def leave_one_out_ratios(n: int, *, repeats: int) -> dict[str, float]:
    """Seconds a channel of the notebook over ours, and the largest difference between them."""
    from fechner.analysis.network.alignment.alignment import align
    from fechner.analysis.network.alignment.grams import ChannelGrams
    from fechner.analysis.network.alignment.impact import certified_impact, leave_one_out
    from fechner.analysis.network.alignment.pairs import all_pairs

    values, ratings = made_up(n)
    pairs = all_pairs(n)
    alignment = align(ratings, pairs)
    grams = ChannelGrams(values, pairs)
    whole = alignment(grams.similarity())
    some = range(24)
    slow, exact, default = [], [], []
    for turn in range(repeats):
        slow.append(seconds(lambda t=turn: usual_notebook(values, alignment.human, t)))
        work = lambda: leave_one_out(grams, alignment, channels=some)  # noqa: E731
        exact.append(seconds(work) / len(some))
        work = lambda: certified_impact(grams, alignment, channels=some)  # noqa: E731
        default.append(seconds(work) / len(some))
    ours = leave_one_out(grams, alignment, channels=some)
    double = values.astype(np.float64)
    error = max(abs(whole - ours[c] - usual_notebook(double, alignment.human, c)) for c in range(3))
    quotient = [a / b for a, b in zip(slow, exact, strict=True)]
    certified = [a / b for a, b in zip(slow, default, strict=True)]
    print(
        f"n={n}: notebook {statistics.median(slow):.4f} s a channel, exact "
        f"{statistics.median(exact):.4f} s, default {statistics.median(default):.4f} s",
        flush=True,
    )
    return {
        "exact": statistics.median(quotient),
        "default": statistics.median(certified),
        "error": error,
    }


def greedy(*, n: int, channels: int) -> dict[str, float]:
    """Full backward elimination: seconds with the shortlist, and its gap to exhaustive search."""
    from fechner.analysis.network.alignment.alignment import align
    from fechner.analysis.network.alignment.grams import ChannelGrams
    from fechner.analysis.network.alignment.pairs import all_pairs
    from fechner.analysis.network.choosing.pruning import prune_greedily

    values, ratings = made_up(n, channels)
    pairs = all_pairs(n)
    alignment, grams = align(ratings, pairs), ChannelGrams(values, pairs)
    begin = time.process_time()
    short = prune_greedily(grams, alignment)
    took = time.process_time() - begin
    full = prune_greedily(grams, alignment, shortlist=None)
    print(
        f"greedy, n={n}, {channels} channels: {short.path[0]:.4f} -> {short.path[-1]:.4f} "
        f"({short.kept.sum()} left) in {took:.1f} s; exhaustive {full.path[-1]:.4f} "
        f"({full.kept.sum()} left) in {time.process_time() - begin - took:.1f} s",
        flush=True,
    )
    return {"greedy_400_s": took, "greedy_400_gap": full.path[-1] - short.path[-1]}


def peak_memory(n: int) -> float:
    """Peak memory in GB of everything from activations to impact, gradient and interval."""
    from fechner.analysis.network.alignment.alignment import align
    from fechner.analysis.network.alignment.gradient import impact_gradient
    from fechner.analysis.network.alignment.grams import ChannelGrams
    from fechner.analysis.network.alignment.impact import certified_impact, leave_one_out
    from fechner.analysis.network.alignment.pairs import all_pairs

    values, ratings = made_up(n)
    pairs = all_pairs(n)
    grams, alignment = ChannelGrams(values, pairs), align(ratings, pairs)
    certified_impact(grams, alignment, channels=range(4))
    leave_one_out(grams, alignment, channels=range(2))
    if n < 5000:
        impact_gradient(grams, alignment)
    # Not ru_maxrss, which a new process takes over from the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def in_own_process(work: Callable[[int], float], n: int) -> float:
    """Run `work` where nothing else has used memory before."""
    begin = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(work, (n,))
    print(f"peak memory, n={n}: {found:.2f} GB ({time.perf_counter() - begin:.0f} s)", flush=True)
    return found


def extraction(*, images: int) -> float:
    """Seconds of reading, decoding and storing activations over the bare forward pass."""
    import tempfile

    import torch
    from PIL import Image

    from fechner.analysis.network.layers.activations import activations, prepared
    from fechner.analysis.network.layers.networks import load_network
    from fechner.analysis.network.layers.reading import as_input

    network = load_network("efficientnet_lite0", device="cpu")
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{k}.png" for k in range(images)]
        for path in paths:
            Image.fromarray(rng.integers(0, 256, (256, 256, 3), np.uint8)).save(path)
        batches = [
            as_input(network, np.stack([prepared(path, 224) for path in paths[k : k + 16]]))
            for k in range(0, images, 16)
        ]

        def bare() -> None:
            with torch.inference_mode():
                for batch in batches:
                    network.module(batch)

        def ours(turn: int) -> None:
            cache = Path(folder) / f"cache{turn}"
            activations(network, [network.default_layer], paths, cache=cache)

        bare()
        ours(-1)
        wall = time.perf_counter
        ratios = [
            seconds(lambda t=t: ours(t), clock=wall) / seconds(bare, clock=wall) for t in range(5)
        ]
    print(f"extraction of {images} images over the bare forward pass: {ratios}")
    return statistics.median(ratios)


def permutations(*, n: int) -> float:
    """Seconds of 1000 permutations of images."""
    from fechner.analysis.network.alignment.pairs import all_pairs
    from fechner.analysis.network.alignment.uncertainty import permutation_p

    rng = np.random.default_rng(0)
    pairs, ratings = all_pairs(n), rng.normal(size=n)
    similarity = rng.normal(size=len(pairs))
    permutation_p(similarity, ratings, pairs, rng=rng, permutations=1)
    return seconds(lambda: permutation_p(similarity, ratings, pairs, rng=rng, permutations=1000))


def seconds(call: Callable[[], object], *, clock: Callable[[], float] = time.process_time) -> float:
    begin = clock()
    call()
    return clock() - begin


if __name__ == "__main__":
    main()
