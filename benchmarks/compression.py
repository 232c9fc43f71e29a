"""What importance-driven compression saves, what the map is worth, and what it costs.

    python benchmarks/compression.py [--quick] [--maps DIR] [--cache DIR] [--effort high]
        [--method contribution]

On the 24 Kodak photographs (../shared/data/kodak, or FECHNER_TEST_DATA), against Pillow's
optimised JPEG of quality 85 with the same 4:2:0 subsampling. The maps come from the default
network with a ridge read-out of human quality ratings (the AVT images beside Kodak), or,
where that table is absent, from all its channels with equal weight; the first line of the
output says which. Maps of the read-out are by removal, as `fechner compress --selection` draws
them, unless --method says otherwise. The judge that the encoder does not use is AlexNet's mean
activation.

The last line is one JSON object:

- `saving_jpeg`, `saving_jxl`: bytes saved, per cent, mean over photographs; `saving_jpeg`
  is at the given effort, `saving_jpeg_fast` and `saving_jpeg_high` at each;
- `saving_uniform`: what the same encoder saves without a map at equal ss2 in the same
  quarter: the part of the saving that is the encoder's, not the map's;
- `important_ss2_gap`: mean of ss2 in the most important quarter minus Pillow's there,
  `important_ss2_gap_worst` the largest magnitude; `background_ss2` the lowest elsewhere;
- `antimap_drop`, `shuffled_drop`, `centre_drop`, `plain_drop`: ss2 lost in that quarter when
  the same bytes are spent by that condition; `judge_*`: the same in the quarter of the judge;
- `rating_loss`: what the selection itself predicts to be lost, in rating points, mean; the same
  `_anti`, `_shuffled`, `_centre` and `_uniform` at the same bytes, and `_se` the standard error
  over photographs of each minus the map's own (of maps made here only);
- `deadzone_time_ratio`, `trellis_time_ratio`: CPU time of encoding, map to file, per
  megapixel, over Pillow's optimised encoder; `search_time_ratio`: of a search by quality;
- `mp12_s`, `mp12_gb`: CPU seconds and peak memory of one 12-megapixel photograph,
  read, searched, encoded and written in a process of its own.

``--quick`` takes four photographs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from fechner.compression.folders.batch import compress_job
from fechner.compression.folders.curves import CONDITIONS, at_bytes, curves
from fechner.compression.folders.jobs import Job
from fechner.compression.formats import beyond_jpeg as formats
from fechner.compression.formats.compress import Settings
from fechner.compression.jpeg import encoder
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.jpeg.targets import Target, reach
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import centre_map, most_important, ramp
from fechner.records.images.files import (
    read_image,
    read_map_png,
    write_map_png,
    write_png,
)

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("FECHNER_TEST_DATA", ROOT.parent / "shared" / "data"))
QUALITY = 85


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four photographs")
    parser.add_argument("--maps", type=Path, help="folder of maps NAME.png to use instead")
    parser.add_argument("--cache", type=Path, help="folder that keeps the maps")
    parser.add_argument("--effort", default="high", choices=["fast", "high"])
    parser.add_argument("--method", default="auto", choices=["auto", "removal", "contribution"])
    parser.add_argument("--one", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(*options.one)
    paths = sorted((DATA / "kodak").glob("*.png"))
    if not paths:
        sys.exit(f"no Kodak photographs in {DATA / 'kodak'}; set FECHNER_TEST_DATA")
    paths = paths[::6] if options.quick else paths
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        cache = options.cache or Path(scratch)
        if options.maps:
            maps, ratings = {p: read_map_png(options.maps / p.name) for p in paths}, {}
        else:
            model = network_and_selection(cache)
            maps = network_maps(paths, *model, options.method, cache)
            ratings = rating_figures(paths, maps, *model, options.effort)
        judges = judge_maps(paths, cache)
        figures = quality_figures(paths, maps, judges, options.effort) | ratings
        figures |= time_figures(paths, maps)
        figures |= large_figures(paths, maps, Path(scratch))
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    return None


def quality_figures(paths, maps, judges, effort) -> dict[str, float]:
    rows = [photograph(path, maps, judges, effort) for path in paths]
    means = {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
    means["saving_jpeg"] = means[f"saving_jpeg_{effort}"]
    means["saving_jxl"] = means[f"saving_jxl_{effort}"]
    means["important_ss2_gap"] = means[f"gap_{effort}"]
    means["important_ss2_gap_worst"] = max(abs(row[f"gap_{effort}"]) for row in rows)
    means["background_ss2"] = min(row[f"background_{effort}"] for row in rows)
    return means


def photograph(path, maps, judges, effort) -> dict[str, float]:
    """Measure one photograph; print its line."""
    picture, importance = read_image(path), maps[path]
    source = from_pixels(picture)
    judge = Ss2Reference(picture)
    inside = most_important(importance, source.size)
    halves = {"important": inside, "rest": 1 - inside}
    plain = encoder.reference_encoder(picture, QUALITY, "4:2:0")
    yardstick = judge.regions(encoder.decode_jpeg(plain), halves)
    row: dict[str, float] = {}
    for level in ("fast", "high"):
        found = reach(source, importance, Target(quality=QUALITY), effort=level)
        scores = judge.regions(encoder.decode_jpeg(found.content), halves)
        packed = formats.jpeg_to_jxl(found.content)
        row[f"saving_jpeg_{level}"] = 100 * (1 - len(found.content) / len(plain))
        row[f"saving_jxl_{level}"] = 100 * (1 - len(packed) / len(plain))
        row[f"gap_{level}"] = scores["important"] - yardstick["important"]
        row[f"background_{level}"] = scores["rest"]
        if level == effort:
            best = found
    others = list(maps)
    points = curves(
        source,
        importance,
        other=maps[others[(others.index(path) + len(others) // 2) % len(others)]],
        judges={"judge": judges[path]} if judges else {},
        qualities=(55, 65, 75, 85, 92),
        strength=best.strength,
        effort=effort,
    )
    row["saving_uniform"] = uniform_saving(points, yardstick["important"], len(plain))
    parts = {"": "important", **({"judge_": "important by judge"} if judges else {})}
    for prefix, part in parts.items():
        at = {c: at_bytes(points, c, part, len(best.content)) for c in CONDITIONS}
        for condition, name in (("anti", "antimap"), ("shuffled", "shuffled"),
                                ("centre", "centre"), ("plain", "plain")):  # fmt: skip
            row[f"{prefix}{name}_drop"] = at["map"] - at[condition]
    print(
        f"{path.stem}  saved {row[f'saving_jpeg_{effort}']:5.1f} %  jxl "
        f"{row[f'saving_jxl_{effort}']:5.1f} %  gap {row[f'gap_{effort}']:+.2f}  rest "
        f"{row[f'background_{effort}']:.1f}  anti {row['antimap_drop']:5.1f}  shuffled "
        f"{row['shuffled_drop']:5.1f}  centre {row['centre_drop']:5.1f}",
        flush=True,
    )
    return row


def uniform_saving(points, score: float, plain_bytes: int) -> float:
    """Return what our encoder saves without a map at equal ss2 in the important quarter."""
    own = sorted((p.ss2["important"], np.log(p.bytes)) for p in points if p.condition == "uniform")
    size = np.exp(np.interp(score, *zip(*own, strict=True)))
    return float(100 * (1 - size / plain_bytes))


def time_figures(paths, maps) -> dict[str, float]:
    """Compare CPU times on four photographs, each the fastest of seven."""
    ratios: dict[str, list[float]] = {"deadzone": [], "trellis": [], "mozjpeg": [], "search": []}
    for path in paths[:: max(1, len(paths) // 4)][:4]:
        picture = np.tile(read_image(path), (2, 2, 1))
        importance = np.tile(maps[path], (2, 2))
        base = fastest(lambda p=picture: encoder.reference_encoder(p, QUALITY, "4:2:0"), 15)

        def whole(effort, p=picture, m=importance) -> bytes:
            share = ramp(m, p.shape[:2])
            content = encoder.encode_jpeg(
                from_pixels(p), share, quality=85.7, strength=1.0, effort=effort
            )
            return encoder.finished(content, effort)

        ratios["deadzone"].append(fastest(lambda w=whole: w("fast")) / base)
        ratios["trellis"].append(fastest(lambda w=whole: w("high")) / base)
        ratios["mozjpeg"].append(fastest(lambda w=whole: w("max"), 3) / base)
        ratios["search"].append(
            fastest(lambda p=picture, m=importance: reach(from_pixels(p), m, Target()), 3) / base
        )
    return {f"{name}_time_ratio": float(np.mean(values)) for name, values in ratios.items()}


def fastest(work, repeats: int = 7) -> float:
    """Return the CPU seconds of the fastest of several calls."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def large_figures(paths, maps, folder: Path) -> dict[str, float]:
    """Compress a 12-megapixel mosaic of the photographs in a process of its own."""
    pictures = [fitted(read_image(path)) for path in paths]
    tiles = [fitted(maps[path]) for path in paths]
    write_png(folder / "large.png", mosaic(pictures))
    large = mosaic(tiles)
    write_map_png(folder / "large_map.png", large / large.max())
    command = [sys.executable, __file__, "--one", str(folder / "large.png"),
               str(folder / "large_map.png")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)  # compiles what is not cached
    lines = [
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        for _ in range(3)
    ]
    return {"mp12_s": min(float(line[0]) for line in lines),
            "mp12_gb": max(float(line[1]) for line in lines)}  # fmt: skip


def fitted(array: np.ndarray) -> np.ndarray:
    """Return a photograph or map turned to lie 768 wide and 512 high."""
    return array if array.shape[1] >= array.shape[0] else np.rot90(array)


def mosaic(tiles: list[np.ndarray]) -> np.ndarray:
    """Return 6 rows of 5 tiles: 3840 x 3072 pixels, 11.8 megapixels."""
    rows = [np.concatenate([tiles[(5 * r + c) % len(tiles)] for c in range(5)], 1)
            for r in range(6)]  # fmt: skip
    return np.ascontiguousarray(np.concatenate(rows, 0))


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


def rating_figures(paths, maps, network, selection, effort) -> dict[str, float]:
    """Compare what the selection predicts to be lost at the bytes that the map's file takes."""
    from fechner.analysis.network.maps.removal import predicted

    rows = []
    for path in paths:
        picture, source = read_image(path), from_pixels(read_image(path))
        best = reach(source, maps[path], Target(quality=QUALITY), effort=effort)
        shared = other_map(path, maps)
        conditions = {"_anti": maps[path].max() - maps[path], "_shuffled": shared,
                      "_centre": centre_map(picture.shape[:2])}  # fmt: skip
        target = Target(max_bytes=len(best.content), strength=best.strength)
        files = [reach(source, m, target, effort=effort) for m in conditions.values()]
        no_map = Target(max_bytes=len(best.content), strength=0.0)
        files.append(reach(source, maps[path], no_map, effort=effort))
        shown = [encoder.decode_jpeg(file.content) for file in (best, *files)]
        scores = predicted(network, [picture, *shown], selection)
        rows.append(scores[0] - scores[1:])
    losses = np.array(rows)
    figures = {"rating_loss": losses[:, 0].mean()}
    for column, name in enumerate((*conditions, "_uniform"), start=1):
        more = losses[:, column] - losses[:, 0]
        figures[f"rating_loss{name}"] = losses[:, column].mean()
        figures[f"rating_loss{name}_se"] = more.std(ddof=1) / np.sqrt(len(paths))
    return {name: float(value) for name, value in figures.items()}


def other_map(path, maps) -> np.ndarray:
    """Return the map of the photograph half the set on, turned to lie as this one does."""
    others = list(maps)
    other = maps[others[(others.index(path) + len(others) // 2) % len(others)]]
    return other if other.shape == maps[path].shape else np.ascontiguousarray(np.rot90(other))


def network_and_selection(cache: Path):
    """Return the default network and its read-out; print which it is."""
    from fechner.analysis.network.layers.networks import load_network

    network = load_network("efficientnet_lite0")
    selection, how = quality_selection(network, cache)
    print(f"maps: {network.name} {selection.layer}, {how}")
    return network, selection


def network_maps(paths, network, selection, method, cache: Path) -> dict[Path, np.ndarray]:
    """Return the maps of a selection, made anew or from the cache."""
    from fechner.analysis.network.maps.importance import map_method, raw_map
    from fechner.analysis.network.maps.removal import removal_map

    kind = map_method(selection, asked=method)
    print(f"maps by {kind}")
    maps = {}
    for path in paths:
        file = cache / f"maps-{kind}" / path.name
        if not file.is_file():
            picture = read_image(path)
            if kind == "removal":
                importance = np.maximum(removal_map(network, picture, selection), 0)
            else:
                importance = np.abs(raw_map(network, picture, selection))
            write_map_png(file, importance / importance.max())
        maps[path] = read_map_png(file)
    return maps


def quality_selection(network, cache: Path):
    """Return a read-out of human quality ratings, or equal weights where they are absent."""
    from fechner.records.selection import read_selection

    file = cache / "selection.json"
    if (DATA / "avt_ai_images").is_dir() and not file.is_file():
        readout_of_ratings(network).write(file)
    if file.is_file():
        study = read_selection(file)
        evidence = study.choice.readout.held_out_spearman
        return study.choice, f"ridge read-out of AVT quality, held-out Spearman {evidence:.2f}"
    return equal_weights(network), "every channel with equal weight (no ratings were found)"


def readout_of_ratings(network):
    from fechner.analysis.network.choosing.sets import ChannelSet, read_channels
    from fechner.analysis.network.evidence.selection import select_among
    from fechner.data.catalog import avt

    rated = avt(DATA / "avt_ai_images").rated
    pooled = [ChannelSet((network.default_layer,), "mean")]
    return select_among(
        read_channels(network, pooled, rated.paths),
        rated,
        "quality",
        strategies=("readout",),
        select="readout",
        shuffles=5,
        seed=0,
    )


def equal_weights(network):
    from fechner.analysis.network.layers.activations import activations
    from fechner.records.selection import ChannelSelection, Gain

    photograph = next((DATA / "kodak").glob("*.png"))
    layer = network.default_layer
    acts = activations(network, [layer], [photograph])[layer]
    count = acts.values.shape[1]
    return ChannelSelection(
        network=network.name,
        layer=layer,
        widths=[count],
        size=224,
        weights_sha256=network.weights_sha256,
        preprocessing=acts.preprocessing,
        pool=None,
        dimension="activation",
        method="all",
        n_channels=count,
        kept=[True] * count,
        weights=[1.0] * count,
        impact=[0.0] * count,
        alignment_selection=Gain(before=None, after=None),
        alignment_held_out=Gain(before=None, after=None),
        scenes_selection=[],
        scenes_held_out=[],
        provenance={},
    )


def judge_maps(paths, cache: Path) -> dict[Path, np.ndarray]:
    """Return AlexNet's mean activation in its last convolution, where its weights are at hand."""
    weights = sorted((DATA / "weights" / "alexnet").glob("*"))
    weights = [file for file in weights if file.suffix in (".pth", ".pt", ".safetensors")]
    if not weights:
        return {}
    import torch
    import torchvision

    network = torchvision.models.alexnet(weights=None).features.eval()
    state = torch.load(weights[0], weights_only=True)
    network.load_state_dict({k.removeprefix("features."): v for k, v in state.items()
                             if k.startswith("features.")})  # fmt: skip
    mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    maps = {}
    for path in paths:
        picture = read_image(path)
        pixels = torch.from_numpy(picture.astype(np.float32) / 255)
        with torch.no_grad():
            layer = network[:12](((pixels - mean) / sd).permute(2, 0, 1)[None])
        size = (picture.shape[1], picture.shape[0])
        energy = cv2.resize(layer[0].mean(0).numpy(), size, interpolation=cv2.INTER_CUBIC)
        maps[path] = np.maximum(cv2.GaussianBlur(energy, (0, 0), 12), 0)
        write_map_png(cache / "judge" / path.name, maps[path] / maps[path].max())
    return maps


if __name__ == "__main__":
    main()
