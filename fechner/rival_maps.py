"""Maps that need no network and no ratings: what an importance map has to do better than.

Whatever an importance map is asked (which stimuli harm more, where people look, what a model's
prediction loses), these are asked the same: uniform, centre, contrast energy, spectral residual,
and the map itself mirrored. All are planes (height, width) of the picture, 0 or more; only their
shape counts, so none has a unit that matters.
"""

from __future__ import annotations

import cv2
import numpy as np

LUMA = (0.2126, 0.7152, 0.0722)
"""Weights of R', G' and B' in luma (ITU-R BT.709)."""

CENTRE_VARIANCE = 0.22
"""Horizontal variance of fixations in squared half widths (Clarke and Tatler 2014)."""

CENTRE_ASPECT = 0.45
"""Vertical over horizontal variance of fixations (Clarke and Tatler 2014)."""

CONTRAST_WINDOW = 1 / 64
"""SD of the Gaussian window of local contrast, in longer sides of the picture."""

SALIENCY_SIDE = 64
"""Width in px at which the spectral residual is taken (Hou and Zhang 2007)."""

SALIENCY_BLUR = 2.5
"""SD in px of the Gaussian on the saliency map, as in the authors' program."""


def luma_of(image: np.ndarray) -> np.ndarray:
    """Return the luma, float32 (height, width) in [0, 255], of uint8 (height, width, 3)."""
    return (image @ np.array(LUMA, np.float32)).astype(np.float32)


def centre_weights(height: int, width: int) -> np.ndarray:
    """Return the centre bias of fixations ``(height, width)`` scaled to mean 1.

    ``exp(-(x^2 + y^2 / 0.45) / (2 * 0.22))`` with x and y in half widths from the
    centre (Clarke and Tatler 2014, Vision Research 102, 41-51).
    """
    y = (np.arange(height)[:, None] - (height - 1) / 2) / (width / 2)
    x = (np.arange(width)[None] - (width - 1) / 2) / (width / 2)
    bias = np.exp(-(x**2 + y**2 / CENTRE_ASPECT) / (2 * CENTRE_VARIANCE))
    return bias / bias.mean()


def local_contrast(luma: np.ndarray) -> np.ndarray:
    """Return the contrast energy around each pixel, squared grey levels, (height, width).

    ``G * Y^2 - (G * Y)^2`` with a Gaussian window G of SD 1/64 of the longer side: the squared
    RMS contrast of Frazor and Geisler (2006), not divided by the local mean, since grey levels
    are already compressed.
    """
    sd = CONTRAST_WINDOW * max(luma.shape)
    values = luma.astype(np.float64)
    mean = cv2.GaussianBlur(values, (0, 0), sd)
    return np.maximum(cv2.GaussianBlur(values**2, (0, 0), sd) - mean**2, 0)


def spectral_residual(luma: np.ndarray) -> np.ndarray:
    """Return the saliency of the spectral residual (Hou and Zhang 2007), at 64 px width.

    With A and P amplitude and phase of the Fourier transform and h a 3 x 3 mean,

        R = log A - h * log A,     S = g * |F^-1 exp(R + i P)|^2
    """
    h, w = luma.shape
    size = (SALIENCY_SIDE, max(1, round(SALIENCY_SIDE * h / w)))
    small = cv2.resize(luma.astype(np.float64), size, interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(small)
    # A flat picture has amplitudes of exactly 0 beside the mean; their logarithm must stay finite.
    log_amplitude = np.log(np.abs(spectrum) + 1e-9)
    residual = log_amplitude - cv2.blur(log_amplitude, (3, 3), borderType=cv2.BORDER_REPLICATE)
    back = np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))
    return cv2.GaussianBlur(np.abs(back) ** 2, (0, 0), SALIENCY_BLUR)


def mirrored_map(importance: np.ndarray) -> np.ndarray:
    """Return the map with left and right exchanged: it keeps all but the places."""
    return np.ascontiguousarray(importance[:, ::-1])
