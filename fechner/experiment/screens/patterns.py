"""Pictures made for the window itself: the masking noise, and the pattern read back from it."""

from __future__ import annotations

import numpy as np
from PIL import Image


def noise_mask(size: tuple[int, int], *, seed: int, grain: int = 4) -> Image.Image:
    """Return grey noise of `size` (width, height) px in squares of `grain` px, for masking."""
    width, height = size
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 256, (-(-height // grain), -(-width // grain)), dtype=np.uint8)
    full = cells.repeat(grain, axis=0).repeat(grain, axis=1)[:height, :width]
    return Image.fromarray(full).convert("RGB")


def read_back_pattern(size: tuple[int, int]) -> Image.Image:
    """Return the picture that is read back before a session, of `size` (width, height) px.

    All 256 levels of each channel, one-pixel checks, and seeded noise: any scaling,
    shift, gamma, dithering or loss of bits changes some pixel of it.
    """
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    pattern = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    third = height // 3
    ramp = (columns % 256).astype(np.uint8)
    for channel in range(3):
        band = slice(channel * third // 3, (channel + 1) * third // 3)
        pattern[band] = 0
        pattern[band, :, channel] = ramp[band]
    checks = ((rows + columns) % 2 * 255).astype(np.uint8)[third : 2 * third]
    pattern[third : 2 * third] = checks[..., None]
    return Image.fromarray(pattern)
