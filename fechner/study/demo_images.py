"""Rated images for the demonstration: real photographs, real distortions, SIMULATED ratings.

The demonstration has nobody to ask, so its ratings come from a full-reference
metric and a model of raters. The metric is MDSI (Ziaei Nafchi et al. 2016, IEEE
Access 4:5579), which sees colour as well as structure; a logistic curve takes it
to a 0..100 scale. The raters have a bias and an inconsistency of their own (Li and
Bampis 2017, DCC). What rests on these ratings shows that the pipeline works, and
nothing about people: every file says SIMULATED.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from fechner.compression.degrading.degrade import FAMILIES, degrade
from fechner.data.photographs import photographs
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.provenance import provenance, sha256_file
from fechner.records.images.files import read_image, write_png
from fechner.records.rated_images import RatedImages, write_rated_images
from fechner.records.ratings import ratings_from_table, write_ratings
from fechner.records.scales import Scale

SIDE = 384
"""Side of the square crops in pixels; a photograph that is smaller keeps its own size."""

CROPS = {
    "admiral": (0.5, 0.3, 1.0),
    "autumn": (0.5, 0.5, 0.88),
    "canal": (0.45, 0.5, 1.0),
    "coffee": (0.6, 0.5, 1.0),
    "flower": (0.35, 0.5, 1.0),
    "temple": (0.2, 0.5, 1.0),
}
"""Where the square lies (0 left or top, 1 right or bottom) and its part of the short side."""

LEVELS = {
    "blur": (0.8, 1.6, 3.2),
    "jpeg": (1.5, 4.0, 10.0),
    "noise": (8.0, 16.0, 32.0),
    "contrast": (0.3, 0.55, 0.8),
    "colour": (0.5, 0.75, 1.0),
}
"""Three strengths of each family, in its own unit (see `fechner.compression.degrading.degrade`)."""

SCALE = Scale(0, 100)
HALF_QUALITY_MDSI, MDSI_SPREAD = 0.28, 0.05
"""MDSI at which SIMULATED quality is halfway down its scale, and how fast it falls there."""


@dataclass(frozen=True)
class Raters:
    """The SIMULATED raters; standard deviations in points of the 0..100 scale.

    A rater's inconsistency (the SD of the noise in every rating) is log-normal
    around `inconsistency` with the log-SD `inconsistency_spread`.
    """

    number: int = 15
    bias_sd: float = 6.0
    inconsistency: float = 8.0
    inconsistency_spread: float = 0.3


def simulated_rated_images(
    folder: Path | str,
    *,
    seed: int,
    raters: Raters = Raters(),
    levels: Mapping[str, Sequence[float]] = LEVELS,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> RatedImages:
    """Distort the photographs at hand and rate the results by SIMULATED participants.

    Writes into `folder` the images as PNG, ``SIMULATED_rated.csv`` (one row an image:
    scene, reference, quality, family, level, strength) and ``SIMULATED_ratings.csv``
    (one row a rating), each beside its JSON. The image of level 0 is the photograph
    itself, and the one that every other image of its scene is compared with.

    Parameters
    ----------
    folder
        Gets the images and the tables.
    seed
        Draws the noise in the images, the raters and their ratings.
    raters
        How many raters there are, and how they differ.
    levels
        Strengths of each family of `fechner.compression.degrading.degrade`, mildest first.
    pool, progress
        Where photographs are distorted, and what is called after each of them.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    folder = Path(folder)
    sources = photographs()
    distort = partial(_distorted, folder=folder, seed=seed, levels=levels)
    rows = run_all(distort, list(sources.items()), pool=pool, progress=progress)
    table = pd.DataFrame([row for rows_of_scene in rows for row in rows_of_scene])
    ratings = simulated_ratings(table, raters, np.random.default_rng(seed))
    rated = RatedImages(_with_scores(table, ratings), folder, {"quality": SCALE}, simulated=True)
    block = provenance(
        parameters={"levels": dict(levels), "raters": asdict(raters), "metric": "MDSI (piq)"},
        inputs={scene: sha256_file(path) for scene, path in sources.items()},
        seed=seed,
        simulated=True,
    )
    single = ratings_from_table(ratings, scales=rated.scales, simulated=True)
    write_ratings(single, folder / "SIMULATED_ratings.csv", provenance_block=block)
    write_rated_images(rated, folder / "SIMULATED_rated.csv", block)
    return rated


def square(image: np.ndarray, x: float = 0.5, y: float = 0.5, part: float = 1.0) -> np.ndarray:
    """Cut a square from a photograph and scale it down to at most `SIDE` pixels.

    Parameters
    ----------
    image
        uint8 ``(height, width, 3)``, sRGB.
    x, y
        Where the square lies, from 0 (left, top) to 1 (right, bottom).
    part
        Its part of the shorter side, (0, 1].

    Returns
    -------
    numpy.ndarray
        uint8 ``(side, side, 3)``.
    """
    height, width = image.shape[:2]
    side = round(min(height, width) * part)
    top, left = round((height - side) * y), round((width - side) * x)
    cut = image[top : top + side, left : left + side]
    if side <= SIDE:
        return np.ascontiguousarray(cut)
    return np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def simulated_quality(reference: np.ndarray, image: np.ndarray) -> float:
    """Return SIMULATED quality in [0, 100]: ``100 / (1 + exp((MDSI - m) / s))``.

    m and s are `HALF_QUALITY_MDSI` and `MDSI_SPREAD`; MDSI is 0 for equal images.
    """
    import piq

    mdsi = float(piq.mdsi(_tensor(reference), _tensor(image), data_range=1.0))
    return float(100 / (1 + np.exp((mdsi - HALF_QUALITY_MDSI) / MDSI_SPREAD)))


def simulated_ratings(
    table: pd.DataFrame, raters: Raters, rng: np.random.Generator
) -> pd.DataFrame:
    """Rate each image of `table` (image, simulated_quality) once by each SIMULATED rater.

    A rating is ``quality + bias[rater] + inconsistency[rater] * noise``, clipped to
    the scale and rounded to whole points as a slider gives them.
    """
    quality = table["simulated_quality"].to_numpy()
    bias = rng.normal(0, raters.bias_sd, (raters.number, 1))
    spread = rng.normal(0, raters.inconsistency_spread, (raters.number, 1))
    noise = rng.standard_normal((raters.number, len(table)))
    exact = quality + bias + raters.inconsistency * np.exp(spread) * noise
    ratings = np.rint(np.clip(exact, SCALE.minimum, SCALE.maximum))
    names = [f"SIM{number:02d}" for number in range(1, raters.number + 1)]
    return pd.DataFrame(
        {
            "participant": np.repeat(names, len(table)),
            "image": np.tile(table["image"], raters.number),
            "dimension": "quality",
            "rating": ratings.ravel(),
        }
    )


def _distorted(
    source: tuple[str, Path], folder: Path, seed: int, levels: Mapping[str, Sequence[float]]
) -> list[dict[str, Any]]:
    """Write a photograph and its distorted versions; return their rows of the table."""
    scene, path = source
    photograph = square(read_image(path), *CROPS.get(scene, ()))
    rows = [_row(scene, "pristine", 0, 0.0, photograph, photograph, folder)]
    for family, strengths in levels.items():
        for level, strength in enumerate(strengths, start=1):
            draw = seed * 1000 + len(rows)
            image = degrade(photograph, family, strength, seed=draw)
            rows.append(_row(scene, family, level, strength, photograph, image, folder))
    return rows


def _row(
    scene: str,
    family: str,
    level: int,
    strength: float,
    photograph: np.ndarray,
    image: np.ndarray,
    folder: Path,
) -> dict[str, Any]:
    name = f"{scene}_{family}_{level}.png" if level else f"{scene}.png"
    write_png(folder / name, image)
    return {
        "image": name,
        "scene": scene,
        "reference": f"{scene}.png",
        "family": family,
        "level": level,
        "strength": strength,
        "strength_unit": FAMILIES[family].unit if level else "",
        "simulated_quality": simulated_quality(photograph, image),
    }


def _with_scores(table: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    scores = ratings.groupby("image")["rating"].agg(["mean", "std", "count"])
    scores.columns = ["quality", "quality_sd", "quality_n"]
    scored = table.join(scores, on="image")
    first = ["image", "scene", "reference", *scores.columns]
    return scored[[*first, *scored.columns.difference(first, sort=False)]]


def _tensor(image: np.ndarray) -> Any:
    import torch

    return torch.tensor(image).permute(2, 0, 1)[None].float() / 255
