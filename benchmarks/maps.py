"""How much maps cost beside the bare passes of the network.

``python benchmarks/maps.py [--quick]`` prints a table and, as its last line, one JSON object:

``distance_ratio``
    A map by distance against bare passes of the image and its degraded version, at their native
    size, up to the same layer (at most 1.4). Against passes of the whole network, as anyone would
    take them, it is printed beside.
``gradient_ratio``
    A map by removal, for each gradient that it took, against one pass forward and back of the
    same input (at most 1.3).
``against_gradcam_ratio``
    A map of activations of one layer against that of the package grad-cam: same network, images,
    layer and size of input, without margin and mirror image, which that package has not (at most
    1.1). Left out where the package is not installed: ``pip install --no-deps grad-cam==1.5.7
    ttach==0.0.3`` (with what it depends on, it would put another OpenCV over ours).
``mp12_gb``
    Peak memory of a process that draws the map of a photograph of 12 megapixels (at most 2).
``heatmap_s``
    Seconds from ``python`` to the written picture of a 1-megapixel photograph.
``marks_exponent``
    How the work of `fechner maps against-people` grows with the number of images: log2 of its CPU
    time for 200 against 100 small images with maps of people (1: in proportion; shuffled AUC wants
    the marks of all other images for each).
``live_distance_minus_contrast``, ``..._low``, ``..._high``
    Squared errors of LIVE pairs weighed by the default map by distance, against those weighed by
    contrast energy: difference of their Spearman correlations with DMOS, and its 95 % interval over
    photographs (`fechner maps judge`). Left out where the pairs are not there.

Ratios are CPU seconds of one thread, medians of measurements taken in turn, because machines are
shared.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 - after the threads are set

NATIVE = (768, 1024)
"""Height and width of the picture that maps by distance are timed on."""
SIDE = 224
"""Side of the views of the other two ratios."""
DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
LIVE = DATA / "live_pairs"
DRAW = "import sys, fechner; fechner.heatmap(sys.argv[1], device='cpu').save(sys.argv[1] + '.png')"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="Fewer repeats, for a check.")
    repeats = 3 if parser.parse_args().quick else 9
    figures = {
        "distance_ratio": distance_ratio(repeats),
        "gradient_ratio": gradient_ratio(repeats),
    }
    if importlib.util.find_spec("pytorch_grad_cam") is None:
        print("grad-cam is not installed: against_gradcam_ratio is left out")
    else:
        figures["against_gradcam_ratio"] = against_gradcam_ratio(repeats)
    with tempfile.TemporaryDirectory() as folder:
        figures["mp12_gb"] = peak_gb(Path(folder))
        figures["heatmap_s"] = cold_seconds(Path(folder))
        figures["marks_exponent"] = marks_exponent(Path(folder), repeats)
        figures |= live_distance_minus_contrast(Path(folder))
    for name, value in figures.items():
        print(f"{name:24s} {value:.4g}")
    print(json.dumps({name: float(value) for name, value in figures.items()}))


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return a smooth picture with fine noise on it, uint8 ``(height, width, 3)``."""
    import cv2

    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    return np.clip(smooth + rng.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)


def ratio(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> float:
    """CPU of `ours` over that of `theirs`, the median of pairs taken in turn."""
    ours(), theirs()  # Compile, and fill caches.
    return statistics.median(seconds(ours) / seconds(theirs) for _ in range(repeats))


def seconds(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def distance_ratio(repeats: int) -> float:
    import torch

    from fechner.analysis.network.layers.networks import load_network
    from fechner.analysis.network.layers.reading import as_input, layer_values
    from fechner.analysis.network.maps.damage import damage, local_distance
    from fechner.analysis.network.maps.removal import blurred

    torch.set_num_threads(1)
    network = load_network(device="cpu")
    how = local_distance(network)
    image = picture(*NATIVE)
    worse = blurred(image)
    batches = [as_input(network, one[None]) for one in (image, worse)]

    def to_layer() -> None:
        for batch in batches:
            layer_values(network, how.layers, batch)

    def whole() -> None:
        with torch.inference_mode():
            for batch in batches:
                network.module(batch)

    def ours() -> None:
        damage(network, image, worse, how)

    found = ratio(ours, to_layer, repeats)
    print(
        f"distance, {NATIVE[1]} x {NATIVE[0]}, {network.name} {'+'.join(how.layers)}: {found:.2f} "
        f"passes to the layer, {ratio(ours, whole, repeats):.2f} passes of the whole network"
    )
    return found


def selection_of(network, weights, layer: str, **changes):
    """Return a read-out of `layer` with these weights."""
    from fechner.records.selection import ChannelSelection, Gain, ReadoutEvidence

    n = len(weights)
    fields = {
        "network": network.name,
        "layer": layer,
        "widths": [n],
        "size": SIDE,
        "weights_sha256": network.weights_sha256,
        "preprocessing": "",
        "pool": "mean",
        "dimension": "quality",
        "method": "readout",
        "n_channels": n,
        "kept": [True] * n,
        "weights": [float(weight) for weight in weights],
        "impact": [0.0] * n,
        "alignment_selection": Gain(before=None, after=None),
        "alignment_held_out": Gain(before=None, after=None),
        "readout": ReadoutEvidence(held_out_spearman=0.4),
        "scenes_selection": [],
        "scenes_held_out": [],
        "provenance": {},
    }
    return ChannelSelection(**(fields | changes))


def gradient_ratio(repeats: int) -> float:
    import torch

    from fechner.analysis.network.layers.networks import load_network
    from fechner.analysis.network.layers.reading import as_input
    from fechner.analysis.network.maps.removal import blurred, removal

    torch.set_num_threads(1)
    network = load_network(device="cpu")
    weights = np.random.default_rng(1).normal(size=1280)
    selection = selection_of(network, weights, "bn2")
    image = picture(2 * SIDE, 2 * SIDE)
    worse = blurred(image)
    points = removal(network, image, worse, selection).points
    batch = as_input(network, image[None, ::2, ::2])
    readout = torch.tensor(weights, dtype=torch.float32)
    features: list[torch.Tensor] = []
    hook = network.module.bn2.register_forward_hook(lambda _, __, out: features.append(out))

    def bare() -> None:
        for _ in range(points):
            features.clear()
            shown = batch.clone().requires_grad_(True)
            network.module(shown)
            torch.autograd.grad((features[0].mean(dim=(2, 3)) @ readout).sum(), shown)

    def ours() -> None:
        removal(network, image, worse, selection)

    found = ratio(ours, bare, max(3, repeats // 3))
    hook.remove()
    print(f"removal, {SIDE} x {SIDE}: {points} gradients, {found:.2f} passes forward and back each")
    return found


def against_gradcam_ratio(repeats: int) -> float:
    import torch
    from pytorch_grad_cam import GradCAM

    from fechner.analysis.network.layers.networks import load_network
    from fechner.analysis.network.layers.reading import as_input
    from fechner.analysis.network.maps.contribution import contribution_map

    torch.set_num_threads(1)
    network = load_network(device="cpu")
    rng = np.random.default_rng(1)
    selection = selection_of(network, rng.normal(size=1280), "bn2")
    image = picture(SIDE, SIDE)
    batch = as_input(network, image[None])
    module = network.module.requires_grad_(True)
    cam = GradCAM(model=module, target_layers=[module.bn2])

    def theirs() -> None:
        cam(input_tensor=batch.clone(), targets=None)

    def ours() -> None:
        contribution_map(network, image, selection, short_side=SIDE, margin=0)

    found = ratio(ours, theirs, repeats)
    print(f"activations of bn2, {SIDE} x {SIDE}: {found:.2f} times grad-cam, with mirror image")
    return found


def peak_gb(folder: Path) -> float:
    """Peak memory in GB of a process that draws the map of a photograph of 12 megapixels."""
    path = written(folder / "large.png", 3000, 4000)
    code = f"{DRAW}; print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    kilobytes = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    ).stdout
    return int(kilobytes.split()[-1]) * 1024 / 1e9


def cold_seconds(folder: Path) -> float:
    """Seconds from the start of Python to the picture of a 1-megapixel photo; best of three."""
    path = written(folder / "photo.png", 864, 1152)
    found = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", DRAW, path], check=True)
        found.append(time.perf_counter() - begin)
    return min(found)


def marks_exponent(folder: Path, repeats: int) -> float:
    """Return the exponent, the median of measurements in turn."""
    from fechner.study.map_worth.made import MapsToJudge
    from fechner.study.map_worth.people import maps_against_people

    (folder / "photos").mkdir()
    (folder / "people").mkdir()
    images = {}
    for k in range(200):
        images[f"i{k}"] = written(folder / "photos" / f"i{k}.png", 48, 64, seed=k)
        np.save(folder / "people" / f"i{k}.npy", np.random.default_rng(k).random((48, 64)))
    half = dict(list(images.items())[:100])

    def of(some: dict[str, Path]) -> Callable[[], object]:
        return lambda: maps_against_people(some, folder / "people", MapsToJudge())

    found = float(np.log2(ratio(of(images), of(half), max(3, repeats // 3))))
    print(f"maps against people: CPU time grows with the number of images to the power {found:.2f}")
    return found


def live_distance_minus_contrast(folder: Path) -> dict[str, float]:
    """Return the difference and the ends of its interval; nothing without the pairs."""
    from fechner.analysis.network.layers.networks import load_network
    from fechner.analysis.network.maps.damage import local_distance
    from fechner.records.layers.study import PairsTable
    from fechner.study.map_worth.judge import judge_pairs
    from fechner.study.map_worth.made import MapsToJudge
    from fechner.study.maps import MapsAsked

    if not (LIVE / "pairs.csv").is_file():
        print(f"{LIVE} is not there: live_distance_minus_contrast is left out")
        return {}
    network = load_network(device="cpu")
    asked = MapsAsked(network, None, "distance", local_distance(network))
    found = judge_pairs(
        PairsTable(table=live_table(folder), dimension="dmos"),
        MapsToJudge(distance=asked),
        errors=["mse"],
    )
    rows = found.judge.set_index("map")
    name = "minus_contrast"
    difference, low, high = rows.loc["distance", [name, f"{name}_low", f"{name}_high"]]
    print(f"LIVE, distance minus contrast energy: {difference:+.3f} [{low:.3f}, {high:.3f}]")
    figure = "live_distance_minus_contrast"
    return {figure: difference, f"{figure}_low": low, f"{figure}_high": high}


def live_table(folder: Path) -> Path:
    """Write the pairs with whole paths and their scale, and return the table."""
    import pandas as pd

    table = pd.read_csv(LIVE / "pairs.csv", dtype=str)
    for column in ("image", "reference"):
        table[column] = [str(LIVE / name) for name in table[column]]
    table[["image", "reference", "scene", "family", "dmos"]].to_csv(
        folder / "live.csv", index=False
    )
    scale = {"minimum": -20, "maximum": 130, "good": "low"}
    (folder / "live.json").write_text(json.dumps({"dimensions": {"dmos": scale}}))
    return folder / "live.csv"


def written(path: Path, height: int, width: int, seed: int = 0) -> Path:
    from PIL import Image

    Image.fromarray(picture(height, width, seed)).save(path)
    return path


if __name__ == "__main__":
    main()
