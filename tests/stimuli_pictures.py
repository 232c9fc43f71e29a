"""Small photographs with hand-made importance maps, as files, for tests of stimuli."""

from pathlib import Path

import cv2
import numpy as np
from skimage import data

from fechner.compression.regions.options import RegionOptions
from fechner.records.images.files import write_map_png, write_png

QUICK = RegionOptions(block=12, patch=2, tolerance=0.05, solver_gap=0.5, node_limit=500)
"""Looser than for people, so that tests are quick; what is tested does not depend on it."""


def photographs() -> dict[str, np.ndarray]:
    """Four photographs of 216 x 144 pixels, uint8."""
    pictures = {
        "cat": data.chelsea(),
        "cup": data.coffee(),
        "rocket": data.rocket()[100:],
        "crew": data.astronaut()[:340],
    }
    return {
        name: np.ascontiguousarray(cv2.resize(p, (216, 144), interpolation=cv2.INTER_AREA))
        for name, p in pictures.items()
    }


def smooth_map(seed: int, height: int, width: int) -> np.ndarray:
    """A smooth map in [0.02, 1], from 5 x 5 random numbers."""
    coarse = np.random.default_rng(seed).random((5, 5), np.float32)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return 0.02 + 0.98 * (fine - fine.min()) / np.ptp(fine)


def written(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Write photographs and maps; return name -> (image, map)."""
    scenes = {}
    for seed, (name, picture) in enumerate(photographs().items()):
        image, importance = folder / "images" / f"{name}.png", folder / "maps" / f"{name}.png"
        write_png(image, picture)
        write_map_png(importance, smooth_map(seed, *picture.shape[:2]))
        scenes[name] = (image, importance)
    return scenes


def codec_study(
    pictures: str, *, scenes: int = 4, arm: str = "map", rates: tuple[int, ...] = (40,)
) -> str:
    """Return the file of a study that holds `arm` against plain files of the same size."""
    return f"""\
title = "Coded"
[images]
photographs = "{pictures}"
[stimuli]
kind = "codecs"
scenes = {scenes}
[stimuli.codecs]
arms = ["plain", "{arm}"]
rates = {list(rates)}
[claim]
kind = "codec"
[claim.codec]
than = ["plain"]
"""
