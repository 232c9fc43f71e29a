"""How close a picture is to its reference: what stimuli are matched by and described with.

Both take two uint8 (h, w, 3) sRGB pictures of one size. Preprocessing moves these numbers, so:

- `mse`: on the three sRGB channels as they are, in squared 8-bit grey levels.
- `ssim`: Wang et al. 2004, on BT.601 luma, Gaussian window 11 x 11 of sigma 1.5, at full
  resolution, valid windows only, K1 .01, K2 .03. It equals scikit-image's with a Gaussian window
  and population covariance.

What files are judged by is `fechner.compression.metrics.ssimulacra2`.
"""

from __future__ import annotations

import cv2
import numpy as np

from fechner.compression.pictures import checked_picture

WINDOW, WINDOW_SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""What steadies the two ratios where means or variances are near 0 (Wang et al. 2004)."""


def mse(reference: np.ndarray, test: np.ndarray) -> float:
    """Return the mean squared error over pixels and channels, squared 8-bit grey levels.

    Raises
    ------
    InputError
        If the pictures are not uint8 (h, w, 3) of one size.
    """
    reference, test = _pair(reference, test, 1)
    difference = reference.astype(np.float32) - test
    return float(np.square(difference).mean(axis=2).mean(dtype=np.float64))


def ssim(reference: np.ndarray, test: np.ndarray) -> float:
    """Return the structural similarity of the luma, at most 1: the mean of `ssim_map`.

    Raises
    ------
    InputError
        If the pictures differ in size or have a side below 11 pixels.
    """
    return float(ssim_map(reference, test).mean())


def ssim_map(reference: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the structural similarity of each window, float64 (h - 10, w - 10) (Wang et al. 2004).

    ``(2 mx my + c1) / (mx^2 + my^2 + c1) * (2 sxy + c2) / (sx^2 + sy^2 + c2)`` of the luma, for
    the windows that lie wholly in the picture.

    Raises
    ------
    InputError
        If the pictures differ in size or have a side below 11 pixels.
    """
    reference, test = _pair(reference, test, WINDOW)
    x, y = luma(reference), luma(test)
    mx, my = _window(x), _window(y)
    power = _window(x * x) + _window(y * y) - mx * mx - my * my
    cross = _window(x * y) - mx * my
    structure = (2 * cross + C2) / (power + C2)
    return (2 * mx * my + C1) / (mx * mx + my * my + C1) * structure


def _pair(reference: np.ndarray, test: np.ndarray, smallest: int) -> tuple[np.ndarray, np.ndarray]:
    reference = checked_picture(reference, smallest=smallest)
    return reference, checked_picture(test, shape=reference.shape[:2])


def luma(picture: np.ndarray) -> np.ndarray:
    """Return BT.601 luma (h, w) in [0, 255]."""
    return cv2.transform(picture.astype(np.float32), np.array([[0.299, 0.587, 0.114]], np.float32))


def _window(plane: np.ndarray) -> np.ndarray:
    """Return the Gaussian mean over each window.

    In float64: a variance is the small difference of two large means.
    """
    margin = WINDOW // 2
    blurred = cv2.GaussianBlur(plane.astype(np.float64), (WINDOW, WINDOW), WINDOW_SIGMA)
    return blurred[margin:-margin, margin:-margin]
