"""What a picture lost at each place: errors as planes, which maps can weigh.

Each takes two uint8 (h, w, 3) sRGB pictures of one size and returns a float64 plane, 0 where
nothing was lost:

``mse``       squared error, mean over the three channels, squared grey levels, (h, w)
``1 - ssim``  one minus the structural similarity of the window around each pixel (`quality`),
              (h, w), NaN in the margin of 5 pixels where no window fits
``1 - gms``   one minus the similarity of gradient magnitudes (Xue and others 2014), of blocks of
              2 x 2 pixels, (h // 2, w // 2)
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from fechner.compression.metrics.quality import WINDOW, luma, ssim_map
from fechner.compression.pictures import checked_picture

GMS_CONSTANT = 170.0
"""What steadies the quotient where gradients are slight, squared grey levels (Xue et al. 2014)."""

PREWITT = np.array([[1, 0, -1]] * 3, np.float64) / 3

LocalError = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From reference and picture to the error of each place."""


def squared_error(reference: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the squared error of every pixel, mean over channels, float64 ``(height, width)``."""
    return np.square(reference.astype(np.float64) - test).mean(axis=2)


def ssim_error(reference: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return one minus the SSIM around each pixel, float64 (h, w), NaN in the margin.

    Raises
    ------
    InputError
        If the pictures differ in size or have a side below 11 pixels.
    """
    margin = WINDOW // 2
    return np.pad(1 - ssim_map(reference, test), margin, constant_values=np.nan)


def gms_error(reference: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return one minus the gradient magnitude similarity, float64 (h // 2, w // 2), in [0, 1].

    ``GMS = (2 m_r m_t + c) / (m_r^2 + m_t^2 + c)`` with ``m`` the length of the Prewitt gradient of
    the luma (Xue, Zhang, Mou and Bovik 2014, IEEE TIP 23:684). Outside, pictures go on as their
    edge: the authors' zeros would put an edge around both, which is alike in both.

    Raises
    ------
    InputError
        If the pictures differ in size or have a side below 4 pixels.
    """
    reference = checked_picture(reference, smallest=4)
    test = checked_picture(test, shape=reference.shape[:2])
    one, other = (_gradient_magnitude(_halved(luma(picture))) for picture in (reference, test))
    similar = (2 * one * other + GMS_CONSTANT) / (one**2 + other**2 + GMS_CONSTANT)
    return np.maximum(1 - similar, 0)


def _halved(plane: np.ndarray) -> np.ndarray:
    """Return the means of blocks of 2 x 2, an odd last row or column left out."""
    h, w = plane.shape[0] // 2, plane.shape[1] // 2
    return plane[: 2 * h, : 2 * w].astype(np.float64).reshape(h, 2, w, 2).mean(axis=(1, 3))


def _gradient_magnitude(plane: np.ndarray) -> np.ndarray:
    sides = (
        cv2.filter2D(plane, cv2.CV_64F, kernel, borderType=cv2.BORDER_REPLICATE)
        for kernel in (PREWITT, PREWITT.T)
    )
    return np.hypot(*sides)


LOCAL_ERRORS: dict[str, LocalError] = {
    "mse": squared_error,
    "1 - ssim": ssim_error,
    "1 - gms": gms_error,
}
"""Every local error, by name."""
