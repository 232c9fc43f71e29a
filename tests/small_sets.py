"""Small real stimulus sets on disk: photographs, blurred in a part, with true records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from fechner.provenance import provenance, sha256_file
from fechner.records.stimuli import Stimulus, StimulusSet, write_stimulus_set

REGIONS = ("low", "high", "donor")


def write_small_set(
    folder: Path,
    *,
    scenes: int = 4,
    size: tuple[int, int] = (161, 121),
    regions: tuple[str, ...] = REGIONS,
    levels: int = 1,
) -> StimulusSet:
    """Write a set of odd-sized stimuli cut from one photograph; `size` is (width, height)."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    noise = np.clip(rng.normal(128, 60, (700, 700)), 0, 255).astype(np.uint8)
    photograph = Image.fromarray(noise).convert("RGB")
    stimuli: list[Stimulus] = []
    for number in range(scenes):
        left, top = (int(v) for v in rng.integers(0, 300, 2))
        intact = photograph.crop((left, top, left + size[0], top + size[1]))
        intact = Image.blend(intact, Image.new("RGB", size, _colour(number)), 0.5)
        scene = f"scene{number}"
        stimuli.append(_saved(folder, intact, intact, scene, "intact", 0, 0.0))
        for place, region in enumerate(regions):
            for level in range(1, levels + 1):
                strength = 0.6 * level * (place + 1)
                blurred = intact.filter(ImageFilter.GaussianBlur(strength))
                stimuli.append(_saved(folder, intact, blurred, scene, region, level, strength))
    record = {"provenance": provenance(parameters={"made": "small"}, simulated=True)}
    return write_stimulus_set(folder, stimuli, record)


def _colour(number: int) -> tuple[int, int, int]:
    return (40 * number % 256, 90 + 20 * number % 160, 200 - 30 * number % 200)


def _saved(
    folder: Path,
    intact: Image.Image,
    image: Image.Image,
    scene: str,
    region: str,
    level: int,
    strength: float,
) -> Stimulus:
    name = f"{scene}_{region}" + (f"_{level}" if level > 1 else "")
    path = folder / f"{name}.png"
    image.save(path)
    error = float(np.mean((np.asarray(image, float) - np.asarray(intact, float)) ** 2))
    weight = {"low": 0.5, "high": 2.0}.get(region, 1.0)
    return Stimulus(
        stimulus=name,
        file=path.name,
        scene=scene,
        region=region,
        family="blur" if level else "none",
        level=level,
        strength=strength,
        strength_unit="px",
        mask_area=0.2,
        bytes=path.stat().st_size,
        mse=error,
        ssim=1.0,
        predicted_impact=weight * error,
        centre_error=error,
        sha256=sha256_file(path),
    )
