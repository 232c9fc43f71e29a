"""Which map should choose regions that lose equally much: damage, damage per error, contrast.

    python benchmarks/region_maps.py FOLDER [--every 2] [--judge alexnet=alexnet_features.pth]

Of each photograph (short side 384 px) two matched regions are chosen by each map, as a study does,
and blurred until both lose a mean squared error of 60. The map is worth what the judges see between
the two: the distance in the network that made the map, in another network that had no part in it
(``--judge``), and structural similarity. Prints one row a map and judge, and as its last line one
JSON object: relative difference high - low, mean over photographs, its standard error, and in how
many photographs high was worse.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.network.maps.damage import (
    LocalDistance,
    damage,
    damage_per_error,
    local_distance,
    pair_distance,
)
from fechner.compression.degrading.matching import Loss, match_strengths
from fechner.compression.metrics.quality import ssim
from fechner.compression.regions.matched import matched_regions
from fechner.compression.regions.options import RegionOptions
from fechner.errors import RefusedError
from fechner.records.images.files import image_files, read_image
from fechner.rival_maps import local_contrast, luma_of
from fechner.study.maps import degradation_of_regions

SIDE, LOSS = 384, 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only every so many photographs")
    parser.add_argument("--judge", help="another network and its weights: NAME=FILE")
    asked = parser.parse_args()
    network = load_network(device="cpu")
    judges = {"the map's network": (network, local_distance(network))}
    if asked.judge:
        name, _, file = asked.judge.partition("=")
        other = load_network(name, weights=Path(file), device="cpu")
        layer = ("features.11",) if name == "alexnet" else local_distance(other).layers
        judges[name] = (other, LocalDistance(layer))
    found: dict[tuple[str, str], list[float]] = {}
    for path in image_files(asked.folder)[:: asked.every]:
        for key, value in of_photograph(reduced(read_image(path)), network, judges).items():
            found.setdefault(key, []).append(value)
        print(path.stem, flush=True)
    figures = {f"{kind}, {judge}": summary(values) for (kind, judge), values in found.items()}
    for name, row in figures.items():
        print(f"{name:<40}{row['mean']:+.2f} +- {row['se']:.2f}, {row['worse']} of {row['n']}")
    print(json.dumps(figures))


def reduced(image: np.ndarray) -> np.ndarray:
    """Return the photograph at a short side of `SIDE` pixels."""
    scale = SIDE / min(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def of_photograph(image, network, judges) -> dict[tuple[str, str], float]:
    """Return what each judge sees between the regions of each map, relative to their mean."""
    share = RegionOptions().share
    worse = degradation_of_regions("blur", LOSS, share).apply(image)
    seen = damage(network, image, worse, local_distance(network))
    maps = {
        "damage": seen.values,
        "damage per error": damage_per_error(seen, image, worse),
        "contrast energy": local_contrast(luma_of(image)),
    }
    found = {}
    for kind, importance in maps.items():
        try:
            regions = matched_regions(image, importance)
            arms = match_strengths(image, regions.soft, "blur", Loss("mse", LOSS))
        except RefusedError:
            continue
        for judge, (other, how) in judges.items():
            found[kind, judge] = relative(
                *(pair_distance(other, image, arms[arm].image, how) for arm in ("high", "low"))
            )
        loss = {arm: 1 - ssim(image, arms[arm].image) for arm in ("high", "low")}
        found[kind, "1 - SSIM"] = relative(loss["high"], loss["low"])
    return found


def relative(high: float, low: float) -> float:
    return (high - low) / ((high + low) / 2)


def summary(values: list[float]) -> dict[str, float]:
    n = len(values)
    return {
        "mean": round(float(np.mean(values)), 3),
        "se": round(float(np.std(values, ddof=1) / n**0.5), 3),
        "worse": int(np.sum(np.array(values) > 0)),
        "n": n,
    }


if __name__ == "__main__":
    main()
