"""Pairs whose damage is local: people in this world see only what happens on the left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

SIZE = (48, 64)


def photograph(seed: int) -> np.ndarray:
    """Return soft noise as a picture, uint8 (48, 64, 3)."""
    soft = gaussian_filter(np.random.default_rng(seed).normal(size=(*SIZE, 3)), (2, 2, 0))
    return np.clip(soft / soft.std() * 45 + 128, 0, 255).astype(np.uint8)


def left_half() -> np.ndarray:
    return (np.arange(SIZE[1])[None] < SIZE[1] // 2) * np.ones(SIZE)


def write_pairs(folder: Path, *, references: int = 4, name: str = "pairs.csv") -> Path:
    """Write pairs with noise of six strengths on either half, DMOS the error on the left."""
    rows = ["image,reference,scene,family,dmos"]
    for k in range(references):
        original = photograph(k)
        Image.fromarray(original).save(folder / f"ref{k}.png")
        rng = np.random.default_rng(100 + k)
        for number in range(6):
            left, right = rng.uniform(0, 25, 2)
            strength = np.where(left_half() > 0, left, right)[..., None]
            worse = original + rng.normal(size=original.shape) * strength
            worse = np.clip(worse, 0, 255).astype(np.uint8)
            Image.fromarray(worse).save(folder / f"ref{k}_{number}.png")
            error = np.square(worse.astype(float) - original)[:, : SIZE[1] // 2].mean()
            family = "noise" if number % 2 else "grain"
            rows.append(f"ref{k}_{number}.png,ref{k}.png,s{k},{family},{error:.4f}")
    (folder / name).write_text("\n".join(rows) + "\n")
    scale = {"dimensions": {"dmos": {"minimum": 0, "maximum": 1000, "good": "low"}}}
    (folder / name).with_suffix(".json").write_text(json.dumps(scale))
    return folder / name


def write_left_maps(folder: Path, names: list[str]) -> Path:
    """Write maps that are 1 on the left and 0 on the right."""
    folder.mkdir()
    for name in names:
        Image.fromarray((left_half() * 65535).astype(np.uint16)).save(folder / f"{name}.png")
    return folder
