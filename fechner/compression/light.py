"""Encoded sRGB values, the light they stand for, and their perceived lightness and chroma.

Optics adds light, not encoded values, so blur and downsampling work on what
`to_light` returns. Transfer function and primaries: IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]

REC709_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Luminance of the three sRGB primaries (IEC 61966-2-1, ITU-R BT.709)."""

_CODES = np.arange(256) / 255.0
_LIGHT_OF_CODE = np.where(
    _CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4
).astype(np.float32)


def to_light(image: Image) -> Plane:
    """Return the linear light ``(height, width, 3)`` in [0, 1] of encoded 8-bit sRGB values."""
    return _LIGHT_OF_CODE[image]


def to_codes(light: Plane) -> Plane:
    """Return encoded sRGB values ``(height, width, 3)`` in [0, 255], unrounded, of linear light."""
    light = np.clip(light, 0.0, 1.0)
    curved = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light <= 0.0031308, 12.92 * light, curved).astype(np.float32) * 255


def luminance(image: Image) -> Plane:
    """Return relative luminance ``(height, width)`` in [0, 1]."""
    return luminance_of_light(to_light(image))


def luminance_of_light(light: Plane) -> Plane:
    """Return relative luminance ``(height, width)`` of linear light ``(height, width, 3)``.

    The last digit is that of fused multiplications and additions, but not by a matrix product:
    BLAS rounds it by the kind of processor, and regions that are matched in luminance would then
    be others elsewhere.
    """
    red, green, blue = REC709_LUMINANCE.astype(np.float64)
    found = light[..., 0] * np.float32(red)
    for plane, weight in ((light[..., 1], green), (light[..., 2], blue)):
        found = (plane.astype(np.float64) * weight + found).astype(np.float32)
    return found


def chroma(image: Image) -> Plane:
    """Return CIELAB chroma ``C* = sqrt(a*^2 + b*^2)`` (D65), ``(height, width)``."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    return np.hypot(lab[..., 1], lab[..., 2])
