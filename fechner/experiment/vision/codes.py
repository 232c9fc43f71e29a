"""8-bit sRGB codes of light, the same on every processor, so that a picture can be drawn again.

Powers are rounded by the kind of processor, and a code that lies near a half would then be another
one elsewhere. Here light is compared with the light that lies between two codes. Transfer function:
IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def light_of(code: float) -> float:
    """Return the linear light in [0, 1] of a code in [0, 255].

    >>> light_of(0), light_of(255)
    (0.0, 1.0)
    """
    value = code / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


_BETWEEN = np.array([light_of(code + 0.5) for code in range(255)])
"""The light halfway between each code and the next."""


def codes_of(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the codes nearest to linear light; light outside [0, 1] is cut off."""
    return np.searchsorted(_BETWEEN, light).astype(np.uint8)
