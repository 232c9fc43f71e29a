"""From pixels to the DCT coefficients of a JPEG.

The first step of the JPEG encoder: colour planes (`fechner.compression.jpeg.colour`), chroma
at full or half size, and the 8 x 8 DCT (ITU-T T.81, A.3.3). The coefficients stay real
numbers in grey levels, because the decision how to round each of them is where importance
enters (`fechner.compression.jpeg.trellis`). Blocks are (rows, columns, 64) in zigzag order, as
the bit stream wants them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numba import njit

from fechner.compression.jpeg.colour import planes

ZIGZAG = np.array(
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
        12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
        58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ]
)  # fmt: skip
"""Position in the 8 x 8 block (row-major) of each coefficient of the stream (T.81, figure 5)."""

Role = Literal["luma", "blue", "red"]


@dataclass(frozen=True)
class Component:
    """The coefficients of one component before quantisation.

    Attributes
    ----------
    blocks
        float32 (rows, columns, 64), grey levels, zigzag order.
    sampling
        Horizontal and vertical sampling factor (T.81, A.1.1).
    role
        Which steps suit it: those of Y (also of RGB, CMYK and grey), of Cb or of Cr.
    steps
        The quantisation steps (8, 8) that the coefficients were read with; None for pixels.
    """

    blocks: np.ndarray
    sampling: tuple[int, int]
    role: Role
    steps: np.ndarray | None = None


def components(picture: np.ndarray, *, subsampling: str = "4:2:0") -> list[Component]:
    """Transform a picture into the components of a JPEG.

    Parameters
    ----------
    picture
        uint8 (h, w, 3) sRGB; equal channels everywhere give one grey plane.
    subsampling
        ``"4:2:0"`` (chroma at half size) or ``"4:4:4"``.

    Returns
    -------
    list of Component
        Y, or Y, Cb, Cr.
    """
    red, green, blue = cv2.split(picture)
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return [Component(_transform(red), (1, 1), "luma")]
    half = subsampling == "4:2:0"
    luma, toward_blue, toward_red = planes(picture, half=half)
    return [
        Component(_transform(luma), (2, 2) if half else (1, 1), "luma"),
        Component(_transform(toward_blue), (1, 1), "blue"),
        Component(_transform(toward_red), (1, 1), "red"),
    ]


def _transform(plane: np.ndarray) -> np.ndarray:
    """Return the blocks (rows, columns, 64), float32, of a plane (h, w), levels of 8 bits."""
    height, width = plane.shape
    down, right = -height % 8, -width % 8
    if down or right:
        plane = cv2.copyMakeBorder(plane, 0, down, 0, right, cv2.BORDER_REPLICATE)
    return _blocks(np.ascontiguousarray(plane), ZIGZAG)


@njit(cache=True, fastmath=True)
def _blocks(plane, zigzag):
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    blocks = np.empty((rows, columns, 64), np.float32)
    half = np.empty((8, 8), np.float32)
    whole = np.empty((8, 8), np.float32)
    for row in range(rows):
        for column in range(columns):
            for n in range(8):
                for m in range(8):
                    half[n, m] = np.float32(plane[8 * row + n, 8 * column + m])
            _columns_dct(half, whole)
            # Transposing between the passes keeps both of them along memory.
            for n in range(8):
                for m in range(8):
                    half[m, n] = whole[n, m]
            _columns_dct(half, whole)
            flat = blocks[row, column]
            for k in range(64):
                position = zigzag[k]
                flat[k] = whole[position % 8, position // 8]
            # T.81 takes 128 from every pixel; the mean of a block holds 8 times that.
            flat[0] -= np.float32(1024.0)
    return blocks


@njit(cache=True, fastmath=True, inline="always")
def _columns_dct(x, out):
    """Transform each column of `x` (8, 8): even frequencies by sums, odd ones by differences.

    ``c_k = cos(k pi / 16) / 2``. Sums and differences halve the products; the factorised
    transforms that save more leave scale factors behind, which would have to be taken out again
    here, because the coefficients are judged in grey levels before they are divided by steps.
    """
    c1, c2, c3 = np.float32(0.49039264), np.float32(0.46193977), np.float32(0.41573481)
    c4, c5, c6 = np.float32(0.35355339), np.float32(0.27778512), np.float32(0.19134172)
    c7 = np.float32(0.09754516)
    for m in range(8):
        s0, d0 = x[0, m] + x[7, m], x[0, m] - x[7, m]
        s1, d1 = x[1, m] + x[6, m], x[1, m] - x[6, m]
        s2, d2 = x[2, m] + x[5, m], x[2, m] - x[5, m]
        s3, d3 = x[3, m] + x[4, m], x[3, m] - x[4, m]
        t0, t1, t2, t3 = s0 + s3, s1 + s2, s0 - s3, s1 - s2
        out[0, m] = c4 * (t0 + t1)
        out[4, m] = c4 * (t0 - t1)
        out[2, m] = c2 * t2 + c6 * t3
        out[6, m] = c6 * t2 - c2 * t3
        out[1, m] = c1 * d0 + c3 * d1 + c5 * d2 + c7 * d3
        out[3, m] = c3 * d0 - c7 * d1 - c1 * d2 - c5 * d3
        out[5, m] = c5 * d0 - c1 * d1 + c7 * d2 + c3 * d3
        out[7, m] = c7 * d0 - c5 * d1 + c3 * d2 - c1 * d3
