"""What compression did to a picture, to look at: crops side by side, the error, the map.

`draw_panels` makes one strip a picture: where importance is highest and at the worst
place, each as original, compressed, and error; then the whole picture
with its map. `fechner.compression.folders.sheet` shows them, labelled, on one page.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from fechner.compression.ramp import most_important

CROP = 144
"""Side of a crop, pixels, shown at its own size."""
ERROR_GAIN = 6
"""How much the error map is brightened."""
LOOKED_AT = 1000
"""Pixels of the smaller side among which a crop's place is looked for."""
GAP = 4
"""Pixels between two tiles of a strip."""
TILES = (
    ("Where it matters most", ("original", "compressed", "error")),
    ("Worst place", ("original", "compressed", "error")),
    ("Whole picture", ("original", "map: white matters most")),
)
"""The tiles of a strip: groups of them, and what each shows."""


def draw_panels(
    picture: np.ndarray,
    decoded: np.ndarray,
    importance: np.ndarray,
    worst: tuple[int, int] | None = None,
) -> bytes:
    """Return the strip of one picture as PNG.

    Parameters
    ----------
    picture, decoded
        uint8 (h, w, 3).
    importance
        (h, w), any scale.
    worst
        Row and column of the place that scored lowest, pixels; None to take the one whose error
        is largest outside the most important quarter.
    """
    size = picture.shape[:2]
    side = min(CROP, *size)
    if worst is None:
        worst = _worst_outside(picture, decoded, importance, side)
    tiles = []
    for middle in (_highest(importance, side), worst):
        crop = _crop(middle, size, side)
        tiles += [picture[crop], decoded[crop], _heat(_error(picture[crop], decoded[crop]))]
    tiles += [_small(picture, side), _grey(_small(np.asarray(importance, np.float32), side))]
    gap = np.full((side, GAP, 3), 255, np.uint8)
    strip = np.concatenate([part for tile in tiles for part in (_padded(tile, side), gap)], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(strip).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _error(picture: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """Return the mean difference of the channels, uint8 (h, w)."""
    return cv2.transform(cv2.absdiff(picture, decoded), np.full((1, 3), 1 / 3, np.float32))


def _worst_outside(
    picture: np.ndarray, decoded: np.ndarray, importance: np.ndarray, side: int
) -> tuple[int, int]:
    """Return the middle of the square of most error outside the most important quarter."""
    step = _step(picture.shape)
    error = _error(*(np.ascontiguousarray(one[::step, ::step]) for one in (picture, decoded)))
    outside = most_important(importance[::step, ::step], error.shape[:2]) == 0
    row, column = _highest(error * outside, side // step)
    return row * step, column * step


def _step(shape: tuple[int, ...]) -> int:
    """Return which pixels of a large picture are looked at: every second, third and so on."""
    return max(1, min(shape[:2]) // LOOKED_AT)


def _highest(values: np.ndarray, side: int) -> tuple[int, int]:
    """Return the middle of the square of `side` with the highest mean."""
    step = _step(values.shape)
    some = np.ascontiguousarray(values[::step, ::step])
    blurred = cv2.blur(some.astype(np.float32), (side // step, side // step))
    row, column = np.unravel_index(int(np.argmax(blurred)), some.shape)
    return int(row) * step, int(column) * step


def _crop(middle: tuple[int, int], shape: tuple[int, ...], side: int) -> tuple[slice, slice]:
    """Return the square of `side` around a place, inside the picture."""
    top = int(np.clip(middle[0] - side // 2, 0, shape[0] - side))
    left = int(np.clip(middle[1] - side // 2, 0, shape[1] - side))
    return slice(top, top + side), slice(left, left + side)


def _heat(error: np.ndarray) -> np.ndarray:
    bright = np.clip(error.astype(np.float32) * ERROR_GAIN, 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(bright, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def _grey(importance: np.ndarray) -> np.ndarray:
    top = max(float(np.max(importance)), 1e-12)
    grey = np.clip(255 * np.asarray(importance) / top, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _small(picture: np.ndarray, height: int) -> np.ndarray:
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(picture, (min(width, 3 * height), height), interpolation=cv2.INTER_AREA)


def _padded(tile: np.ndarray, side: int) -> np.ndarray:
    down = side - tile.shape[0]
    return cv2.copyMakeBorder(tile, 0, down, 0, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def tiles_of(strip: bytes) -> list[bytes]:
    """Cut a strip of `draw_panels` into its eight tiles, in the order of `TILES`, each a PNG."""
    with Image.open(io.BytesIO(strip)) as image:
        side = image.height
        rest = (image.width - 6 * (side + GAP)) // 2 - GAP
        widths = [side] * 6 + [rest] * 2
        found, at = [], 0
        for width in widths:
            buffer = io.BytesIO()
            image.crop((at, 0, at + width, side)).save(buffer, "PNG")
            found.append(buffer.getvalue())
            at += width + GAP
    return found
