"""The degradation families: what each does to a whole image, as plain functions.

Every function takes an 8-bit sRGB image ``(height, width, 3)``, a strength, and a
random generator (used by the seeded families only), and returns encoded values
``(height, width, 3)`` as float32 in about [0, 255], unrounded, so that the caller
can blend them inside a soft mask. `fechner.compression.degrading.degrade` gives them their
names, units and ranges.

Blur and downsampling happen to light, so they work on linear light; the grey that
a desaturated colour moves to has the same luminance, also in linear light. Noise,
quantisation and contrast follow the databases people have rated (TID2013,
Ponomarenko et al. 2015; KADID-10k, Lin et al. 2019) and work on encoded values.
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy.fft
from numpy.random import Generator
from scipy.sparse import csr_array

from fechner.compression.light import (
    Image,
    Plane,
    luminance_of_light,
    to_codes,
    to_light,
)

LOCAL_MEAN_SD_PX = 16.0
"""Standard deviation, in pixels, of the Gaussian that defines the local mean of `contrast`."""

SCRAMBLED_ABOVE_CPP = 1 / 64
"""Phases are left alone below this frequency, in cycles per pixel: layout stays in place."""

JPEG_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)
"""Luminance quantisation table, ITU-T T.81 Annex K.1."""

JPEG_CHROMA = np.full((8, 8), 99, np.float32)
"""Chrominance quantisation table, ITU-T T.81 Annex K.2."""
JPEG_CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def gaussian(plane: Plane, sigma: float) -> Plane:
    """Filter ``(height, width[, 3])`` by a Gaussian of `sigma` pixels, mirrored at the edges.

    Half-sample mirroring makes the filter its own adjoint: ``sum(a * G b) == sum(b * G a)``.
    """
    if sigma <= 0:
        return plane
    size = 2 * int(np.ceil(4 * sigma)) + 1
    filtered = cv2.GaussianBlur(plane, (size, size), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(filtered, np.float32)


def blur(image: Image, sigma: float, rng: Generator) -> Plane:
    """Blur light by a Gaussian with standard deviation `sigma` in pixels."""
    return to_codes(gaussian(to_light(image), sigma))


def noise(image: Image, sd: float, rng: Generator) -> Plane:
    """Add Gaussian noise with standard deviation `sd` in grey levels, independent per channel.

    One seed gives one noise field at every strength, so only its size changes.
    """
    return image + np.float32(sd) * rng.standard_normal(image.shape, np.float32)


def jpeg(image: Image, scale: float, rng: Generator) -> Plane:
    """Quantise 8 x 8 DCT coefficients with the Annex K tables times `scale`, without subsampling.

    ``scale = 1`` is quality 50 of the IJG encoder, ``2 - q / 50`` quality q above it and
    ``50 / q`` below. Steps are not rounded to integers, so that strength is continuous.
    """
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % 8), (0, -width % 8), (0, 0)), mode="edge")
    planes = cv2.cvtColor(padded.astype(np.float32) - 128, cv2.COLOR_RGB2YCrCb)
    rows, columns = padded.shape[0] // 8, padded.shape[1] // 8
    blocks = planes.reshape(rows, 8, columns, 8, 3).transpose(0, 2, 4, 1, 3)
    steps = np.stack([JPEG_LUMA, JPEG_CHROMA, JPEG_CHROMA]) * np.float32(scale)
    coefficients = scipy.fft.dctn(blocks, axes=(-2, -1), norm="ortho")
    coefficients = np.round(coefficients / steps) * steps
    blocks = scipy.fft.idctn(coefficients, axes=(-2, -1), norm="ortho")
    planes = blocks.transpose(0, 3, 1, 4, 2).reshape(planes.shape)
    decoded = cv2.cvtColor(np.ascontiguousarray(planes), cv2.COLOR_YCrCb2RGB)
    return np.asarray(decoded[:height, :width], np.float32) + 128


def downsample(image: Image, factor: float, rng: Generator) -> Plane:
    """Average light over cells of `factor` x `factor` pixels, then interpolate linearly between.

    The factor is any real number from 1: a cell may share pixels with its neighbours.
    """
    light = to_light(image)
    rows, columns = (_there_and_back(length, factor) for length in light.shape[:2])
    tall = rows @ light.reshape(light.shape[0], -1)
    wide = tall.reshape(light.shape).transpose(1, 0, 2).reshape(light.shape[1], -1)
    back = (columns @ wide).reshape(light.shape[1], light.shape[0], 3)
    return to_codes(back.transpose(1, 0, 2))


def _there_and_back(length: int, factor: float) -> csr_array:
    """Return ``(length, length)``: cell averages, then linear interpolation to the pixels.

    A border between cells lies on the centre, so that the cells move steadily with
    the factor and only the outermost appear or vanish.
    """
    half = max(1, int(np.ceil(length / 2 / factor)))
    cells, start = 2 * half, length / 2 - half * factor
    edges = np.clip(start + factor * np.arange(cells + 1), 0, length)
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    averages = np.clip(overlap, 0, None)
    averages /= averages.sum(1, keepdims=True)
    place = np.clip((pixels + 0.5 - start) / factor - 0.5, 0, cells - 1)
    left = np.minimum(place.astype(int), cells - 2)
    weight = place - left
    interpolation = np.zeros((length, cells))
    interpolation[pixels, left] = 1 - weight
    interpolation[pixels, left + 1] += weight
    return (csr_array(interpolation) @ csr_array(averages)).astype(np.float32)


def contrast(image: Image, loss: float, rng: Generator) -> Plane:
    """Move every pixel the fraction `loss` toward its local mean: ``m + (1 - loss)(x - m)``."""
    encoded = image.astype(np.float32)
    return encoded + np.float32(loss) * (gaussian(encoded, LOCAL_MEAN_SD_PX) - encoded)


def colour(image: Image, loss: float, rng: Generator) -> Plane:
    """Move every colour the fraction `loss` of the way to the grey of its luminance."""
    light = to_light(image)
    grey = luminance_of_light(light)[..., None]
    return to_codes(light + np.float32(loss) * (grey - light))


def levels(image: Image, step: float, rng: Generator) -> Plane:
    """Move every channel to the nearest of the levels `step` apart from mid-grey (127.5).

    Levels beyond black or white are black and white themselves.
    """
    if step <= 1:
        return image.astype(np.float32)
    centred = image.astype(np.float32) - np.float32(127.5)
    number = np.round(centred / np.float32(step))
    # Next to black and white the level beyond may be nearer, because it is cut off there.
    near, beyond = (
        np.clip(n * np.float32(step), -127.5, 127.5) for n in (number, number + np.sign(centred))
    )
    nearest = np.where(np.abs(centred - beyond) < np.abs(centred - near), beyond, near)
    return np.asarray(nearest + 127.5, np.float32)


def phase(image: Image, fraction: float, rng: Generator) -> Plane:
    """Turn every Fourier phase by `fraction` of a random angle in [-pi, pi), the same per channel.

    The angles are the phases of white noise, so the result stays real. Frequencies
    below `SCRAMBLED_ABOVE_CPP` keep their phase.
    """
    height, width = image.shape[:2]
    spectrum = scipy.fft.rfft2(image.astype(np.float32), axes=(0, 1))
    angles = np.angle(scipy.fft.rfft2(rng.standard_normal((height, width), np.float32)))
    frequency = np.hypot(scipy.fft.fftfreq(height)[:, None], scipy.fft.rfftfreq(width)[None])
    angles[frequency < SCRAMBLED_ABOVE_CPP] = 0
    turned = spectrum * np.exp(1j * fraction * angles)[..., None]
    return scipy.fft.irfft2(turned, s=(height, width), axes=(0, 1)).astype(np.float32)
