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

DETAIL, SHADE = np.float32(0.9), np.float32(0.15)
"""How much of an image's detail, and of its broad light and dark, is seen under a map."""


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


def overlaid(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a map in colour with its image visible beneath, uint8 (h, w, 3).

    Colour is that of `coloured_map`; to its lightness, the image adds its own detail (what a
    Gaussian of a twentieth of the short side takes away) and a little of its light and dark. A
    plain mixture greys both: a bright wall then looks important, and nothing reaches the ends of
    the palette.

    Parameters
    ----------
    image
        uint8 (h, w, 3).
    values
        Map (h, w) in [0, 1].
    """
    light = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32)
    # What is broad is as well seen in a small picture, and a wide Gaussian is slow in a large one.
    scale = min(1.0, 200 / min(light.shape))
    small = cv2.resize(light, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.05 * min(small.shape))
    broad = cv2.resize(small, light.shape[::-1], interpolation=cv2.INTER_LINEAR)
    mixed = cv2.cvtColor(coloured_map(values), cv2.COLOR_RGB2LAB)
    added = DETAIL * (light - broad) + SHADE * (broad - np.float32(127.5))
    mixed[..., 0] = np.rint(np.clip(mixed[..., 0] + added, 0, 255))
    return cv2.cvtColor(mixed, cv2.COLOR_LAB2RGB)


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
