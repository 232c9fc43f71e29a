"""Pairs of reference and distorted image to test with: real ones, and small made ones."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

from fechner.analysis.network.layers.networks import Network, load_network

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
LIVE = DATA / "live_pairs"
WEIGHTS = {
    "alexnet": DATA / "weights" / "alexnet" / "alexnet_features.pth",
    "squeezenet1_1": DATA / "weights" / "squeezenet1_1" / "squeezenet1_1_tv_features.pth",
}


@dataclass(frozen=True, eq=False)
class Pairs:
    """What `fechner.data.pairs.ReferencePairs` is."""

    images: list[Path]
    references: list[Path]
    dmos: np.ndarray
    scenes: np.ndarray
    families: np.ndarray | None = None
    levels: np.ndarray | None = None
    name: str = "made"
    simulated: bool = False

    def some(self, mine: np.ndarray) -> Pairs:
        """Return the pairs where `mine` is True."""
        rows = np.flatnonzero(mine)
        return Pairs(
            [self.images[row] for row in rows],
            [self.references[row] for row in rows],
            self.dmos[rows],
            self.scenes[rows],
            None if self.families is None else self.families[rows],
            name=self.name,
        )


def live_table() -> pd.DataFrame:
    return pd.read_csv(LIVE / "pairs.csv")


def live_pairs() -> Pairs:
    """Return the 105 pairs of LIVE with their DMOS."""
    table = live_table()
    return Pairs(
        [LIVE / name for name in table["image"]],
        [LIVE / name for name in table["reference"]],
        table["dmos"].to_numpy(),
        table["scene"].to_numpy(dtype=str),
        table["family"].to_numpy(dtype=str),
        name="live",
    )


def trained(name: str) -> Network:
    return load_network(name, weights=WEIGHTS.get(name), device="cpu")


def tiny_network(*, seed: int = 0, sha: str = "0" * 64) -> Network:
    """Return five layers with random weights, two of them activations that work in place."""
    torch.manual_seed(seed)
    module = nn.Sequential(
        OrderedDict(
            first=nn.Conv2d(3, 8, 3, stride=2),
            act=nn.ReLU(inplace=True),
            pool=nn.MaxPool2d(2),
            second=nn.Conv2d(8, 12, 3),
            act2=nn.ReLU(inplace=True),
        )
    )
    return Network(
        name="tiny",
        module=module.eval().requires_grad_(False),
        layers=tuple(module._modules),
        default_layer="act2",
        mean=(0.4, 0.5, 0.6),
        sd=(0.2, 0.3, 0.25),
        weights_sha256=sha,
        weights_source="random",
        device=torch.device("cpu"),
        complete=False,
    )


def picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return a smooth coloured picture, uint8 (height, width, 3)."""
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def made_pairs(
    folder: Path,
    *,
    references: int = 3,
    strengths: tuple[int, ...] = (5, 15, 40),
    size: tuple[int, int] = (48, 64),
    seed: int = 0,
) -> Pairs:
    """Write pictures and noisy, and darkened, versions of them; DMOS is the strength."""
    rng = np.random.default_rng(seed)
    images, originals, dmos, scenes, families = [], [], [], [], []
    for k in range(references):
        original = folder / f"r{k}.png"
        pixels = picture(rng, *size)
        Image.fromarray(pixels).save(original)
        for family in ("noise", "dark"):
            for strength in strengths:
                if family == "noise":
                    change = rng.normal(0, strength, pixels.shape)
                else:
                    change = np.full(pixels.shape, -float(strength))
                worse = np.clip(pixels + change, 0, 255).astype(np.uint8)
                image = folder / f"r{k}_{family}_{strength}.png"
                Image.fromarray(worse).save(image)
                images.append(image)
                originals.append(original)
                dmos.append(float(strength) + rng.normal(0, 0.1))
                scenes.append(f"r{k}")
                families.append(family)
    return Pairs(images, originals, np.array(dmos), np.array(scenes), np.array(families))
