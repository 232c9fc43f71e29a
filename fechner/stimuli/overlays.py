"""How maps and regions are drawn wherever people look at them: sheets, overlays, the report.

One map has one colour everywhere, and an arm's outline the colour of its charts.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

ARM_COLOURS: dict[str, tuple[int, int, int]] = {
    "high": (213, 94, 0),
    "low": (0, 114, 178),
    "donor": (0, 158, 115),
    "middle": (204, 121, 167),
    "random": (240, 228, 66),
    "mirrored": (86, 180, 233),
    "centre": (230, 159, 0),
}
"""Colours that colour-blind readers can tell apart (Okabe and Ito 2008)."""

OTHER_ARM = (140, 90, 151)
"""Colour of an arm without one of its own."""


def arm_rgb(arm: str) -> tuple[int, int, int]:
    """Return the colour of an arm, 0 to 255."""
    return ARM_COLOURS.get(arm, OTHER_ARM)


def coloured_map(values: np.ndarray) -> np.ndarray:
    """Return a map (h, w) in [0, 1] as viridis colours, uint8 (h, w, 3).

    Colour follows the square root, because on one scale for all images a few places are far
    above the rest.
    """
    grey = np.rint(np.sqrt(np.clip(values, 0, 1)) * 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)[..., ::-1])


def outlined(image: np.ndarray, masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the image with each mask's outline in its arm's colour, white around it.

    Parameters
    ----------
    image
        uint8 (h, w, 3); it is left alone.
    masks
        Arm and its region, bool (h, w).
    """
    drawn = np.ascontiguousarray(image).copy()
    width = max(1, round(max(image.shape[:2]) / 220))
    for arm, mask in masks.items():
        contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, contours, -1, (255, 255, 255), 2 * width + 2)
        cv2.drawContours(drawn, contours, -1, arm_rgb(arm), 2 * width)
    return drawn
