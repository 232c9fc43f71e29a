"""Ours, jpegli and mozjpeg at equal bytes, enlarged twice: docs/img/compress-side-by-side.jpg.

    python benchmarks/compression_side_by_side.py PHOTOGRAPH OUT --mozjpeg FOLDER [--trust 1]

Three places: where ours gains most and loses most against jpegli, of the tiles of 96 pixels,
and the background tile in the middle of the losses.
"""

import argparse
from pathlib import Path

import compression_peers as peers
import matplotlib.pyplot as plt
import numpy as np

import fechner
from fechner.compression.jpeg.encoder import decode_jpeg
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.jpeg.targets import Target, reach
from fechner.compression.metrics.ssimulacra2 import TILE, Ss2Reference
from fechner.compression.ramp import most_important
from fechner.report.style import drawing

CROP, ENLARGED = 150, 2
"""Side of a crop in pixels, and how often each is repeated."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photograph")
    parser.add_argument("out", type=Path)
    parser.add_argument("--mozjpeg", type=Path, required=True)
    parser.add_argument("--trust", type=float, default=1.0)
    options = parser.parse_args()
    picture = peers.reporting_photographs()[options.photograph]
    importance = fechner.heatmap(picture).values
    target = Target(trust=options.trust)
    ours = reach(from_pixels(picture), importance, target, effort="high").content
    files = {
        "fechner": ours,
        "jpegli": peers.jpegli_of(picture, len(ours)),
        "mozjpeg": peers.mozjpeg_of(picture, options.mozjpeg, len(ours)),
    }
    reference = Ss2Reference(picture)
    tiles = {n: reference.regions_and_tiles(decode_jpeg(f), {})[1] for n, f in files.items()}
    inside = most_important(importance, picture.shape[:2])
    draw(picture, files, tiles, places(tiles, inside), options.out)


def places(tiles, inside) -> dict[str, tuple[int, int]]:
    """Return the tile (row, column) of each place by its title."""
    gain = tiles["fechner"] - tiles["jpegli"]
    rows, columns = gain.shape
    share = np.array([[inside[r * TILE : (r + 1) * TILE, c * TILE : (c + 1) * TILE].mean()
                       for c in range(columns)] for r in range(rows)])  # fmt: skip
    outside = np.where(share < 0.1, gain, np.nan)
    middle = np.nanargmin(np.abs(outside - np.nanmedian(outside)))
    found = {
        "important part": np.argmax(np.where(share > 0.5, gain, -np.inf)),
        "background": middle,
        "where ours is worst": np.argmin(gain),
    }
    return {name: tuple(map(int, np.unravel_index(i, gain.shape))) for name, i in found.items()}


def draw(picture, files, tiles, where, out: Path) -> None:
    shown = {"original": picture, **{name: decode_jpeg(file) for name, file in files.items()}}
    with drawing():
        figure, axes = plt.subplots(
            len(where), len(shown), figsize=(3.05 * len(shown), 3.3 * len(where)), squeeze=False
        )
        for row, (title, (r, c)) in zip(axes, where.items(), strict=True):
            y = min(max(r * TILE + TILE // 2 - CROP // 2, 0), picture.shape[0] - CROP)
            x = min(max(c * TILE + TILE // 2 - CROP // 2, 0), picture.shape[1] - CROP)
            for axis, (name, pixels) in zip(row, shown.items(), strict=True):
                crop = pixels[y : y + CROP, x : x + CROP]
                axis.imshow(crop.repeat(ENLARGED, 0).repeat(ENLARGED, 1), interpolation="nearest")
                axis.set_axis_off()
                score = "" if name == "original" else f", ss2 {tiles[name][r, c]:.0f} here"
                axis.set_title(f"{name}{score}", fontsize=10)
            row[0].text(-0.04, 0.5, title, rotation=90, va="center", ha="right", fontsize=11,
                        transform=row[0].transAxes)  # fmt: skip
        sizes = ", ".join(f"{name} {len(file)}" for name, file in files.items())
        figure.suptitle(f"The same bytes ({sizes}), at 200 %", fontsize=11)
        figure.tight_layout()
        figure.savefig(out, dpi=98, pil_kwargs={"quality": 82})


if __name__ == "__main__":
    main()
