"""The quantisation steps of the JPEG encoder, by quality.

Between the transform and the rounding. The steps are those of jpegli, which spend bits better
than the tables of T.81 or Robidoux's: by Butteraugli's distance, almost flat toward high
frequencies in luma, and with tables of their own for Cb and Cr. At distance d and position k::

    step_k = scale(d, k) base_k,    scale(d, k) = 1.73966 d                            below 1.5
                                    scale(d, k) = 1.73966 max(d / 2, 1.5^(1 - e_k) d^e_k)  above

so that low frequencies grow slower once loss shows. With chroma at half size the whole is
multiplied by 1.22, and chroma once more by `HALF_SIZE`. Constants: jpegli, lib/jpegli/quant.cc
(https://github.com/google/jpegli, BSD-3-Clause), rounded to three decimals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

GLOBAL_SCALE, HALF_SIZE_SCALE = 1.73966, 1.22
"""Of all steps, and of all steps of a picture whose chroma is stored at half size."""
BEND = 1.5
"""Distance above which low frequencies grow slower than high ones."""

LUMA_BASE = np.array(
    [
        [1.240, 1.723, 2.921, 2.813, 3.340, 3.464, 3.841, 3.870],
        [1.723, 2.093, 2.846, 2.705, 3.441, 3.166, 4.025, 4.035],
        [2.921, 2.846, 2.959, 3.386, 3.620, 3.905, 3.758, 4.237],
        [2.813, 2.705, 3.386, 3.380, 4.168, 4.806, 4.784, 4.606],
        [3.340, 3.441, 3.620, 4.168, 4.580, 4.923, 5.574, 5.485],
        [3.464, 3.166, 3.905, 4.806, 4.923, 5.439, 5.094, 6.087],
        [3.841, 4.025, 3.758, 4.784, 5.574, 5.094, 5.438, 5.404],
        [3.870, 4.035, 4.237, 4.606, 5.485, 6.087, 5.404, 4.378],
    ]
)
BLUE_BASE = np.array(
    [
        [2.824, 6.496, 9.310, 10.647, 11.074, 17.146, 18.464, 29.087],
        [6.496, 8.890, 8.977, 13.666, 16.547, 16.639, 26.778, 21.330],
        [9.310, 8.977, 11.087, 18.205, 19.752, 23.986, 102.646, 24.451],
        [10.647, 13.666, 18.205, 18.628, 16.043, 25.049, 25.017, 35.798],
        [11.074, 16.547, 19.752, 16.043, 19.373, 14.678, 19.947, 51.094],
        [17.146, 16.639, 23.986, 25.049, 14.678, 31.320, 46.357, 67.481],
        [18.464, 26.778, 102.646, 25.017, 19.947, 46.357, 61.316, 88.347],
        [29.087, 21.330, 24.451, 35.798, 51.094, 67.481, 88.347, 112.161],
    ]
)
RED_BASE = np.array(
    [
        [2.922, 4.498, 7.356, 6.584, 8.536, 8.799, 9.188, 9.483],
        [4.498, 6.310, 7.025, 7.156, 8.049, 7.012, 6.712, 8.380],
        [7.356, 7.025, 6.892, 6.883, 8.782, 6.877, 7.886, 8.679],
        [6.584, 7.156, 6.883, 7.003, 7.722, 7.955, 7.473, 8.363],
        [8.536, 8.049, 8.782, 7.722, 6.778, 9.485, 9.044, 8.053],
        [8.799, 7.012, 6.877, 7.955, 9.485, 8.608, 9.923, 64.251],
        [9.188, 6.712, 7.886, 7.473, 9.044, 9.923, 63.185, 83.353],
        [9.483, 8.380, 8.679, 8.363, 8.053, 64.251, 83.353, 114.892],
    ]
)
HALF_SIZE = np.array(
    [
        [0.4093, 0.3209, 0.3477, 0.3333, 0.3144, 0.2823, 0.3214, 0.3354],
        [0.3209, 0.3111, 0.3489, 0.2801, 0.3059, 0.3119, 0.4135, 0.3445],
        [0.3477, 0.3489, 0.3586, 0.3257, 0.2727, 0.3754, 0.3369, 0.3484],
        [0.3333, 0.2801, 0.3257, 0.3020, 0.3515, 0.3410, 0.3971, 0.3839],
        [0.3144, 0.3059, 0.2727, 0.3515, 0.3105, 0.3397, 0.2716, 0.3836],
        [0.2823, 0.3119, 0.3754, 0.3410, 0.3397, 0.3212, 0.3203, 0.0726],
        [0.3214, 0.4135, 0.3369, 0.3971, 0.2716, 0.3203, 0.0798, 0.0553],
        [0.3354, 0.3445, 0.3484, 0.3839, 0.3836, 0.0726, 0.0553, 0.3368],
    ]
)
"""Factor on chroma steps where chroma is stored at half size: one pixel of it covers four."""
GROWTH_OF_STEPS = np.array(
    [
        [1.00, 0.51, 0.67, 0.74, 1.00, 1.00, 1.00, 1.00],
        [0.51, 0.66, 0.69, 0.87, 1.00, 1.00, 1.00, 1.00],
        [0.67, 0.69, 0.84, 0.83, 0.96, 1.00, 1.00, 1.00],
        [0.74, 0.87, 0.83, 1.00, 1.00, 0.91, 0.91, 1.00],
        [1.00, 1.00, 0.96, 1.00, 1.00, 1.00, 1.00, 1.00],
        [1.00, 1.00, 1.00, 0.91, 1.00, 1.00, 1.00, 1.00],
        [1.00, 1.00, 1.00, 0.91, 1.00, 1.00, 1.00, 1.00],
        [1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00],
    ]
)
"""Exponents e_k of the distance above `BEND`."""


class Tables(NamedTuple):
    """Quantisation steps, integers (8, 8) in [1, 255], of Y, Cb and Cr."""

    luma: np.ndarray
    blue: np.ndarray
    red: np.ndarray


def distance_of(quality: float) -> float:
    """Return the distance of a quality in [1, 100], as jpegli does: 85 is 1.45, 90 is 1.

    ``d = .1 + .09 (100 - q)`` from 30 on, and ``25 - 1.15 q + .01767 q^2`` below.
    """
    if quality < 30:
        return 25.0 - 1.15 * quality + 53.0 / 3000.0 * quality**2
    return 0.1 + 0.09 * (100.0 - quality) if quality < 100 else 0.01


BLUE_FINENESS = 0.75
"""Factor on the steps of Cb: 1.7 % fewer bytes at equal ss2 over eight Kodak photographs."""


def tables(quality: float, *, subsampling: str = "4:2:0") -> Tables:
    """Return the steps of a quality in [1, 100], fractions allowed.

    Examples
    --------
    >>> tables(85).luma[0].tolist()
    [4, 5, 9, 9, 10, 11, 12, 12]
    """
    distance = distance_of(quality)
    scale = np.full((8, 8), distance)
    if distance >= BEND:
        bent = BEND ** (1 - GROWTH_OF_STEPS) * distance**GROWTH_OF_STEPS
        scale = np.maximum(distance / 2, bent)
    scale = scale * GLOBAL_SCALE
    chroma = scale
    if subsampling == "4:2:0":
        scale = scale * HALF_SIZE_SCALE
        chroma = scale * HALF_SIZE
    found = (scale * LUMA_BASE, BLUE_FINENESS * chroma * BLUE_BASE, chroma * RED_BASE)
    return Tables(*(np.clip(np.floor(steps + 0.5), 1, 255).astype(np.int64) for steps in found))


LIBJPEG_MEAN = 45.266
"""Geometric mean of the luma steps of quality 50 (T.81, table K.1)."""


def quality_of(steps: np.ndarray) -> float:
    """Return the libjpeg quality whose luma steps have the same geometric mean, [1, 100].

    So tables of mozjpeg, jpegli, cameras and Photoshop are placed on one scale.

    Examples
    --------
    >>> round(quality_of(tables(85).luma))
    87
    """
    factor = float(np.exp(np.log(steps).mean())) / LIBJPEG_MEAN
    return float(np.clip(100 - 50 * factor if factor <= 1 else 50 / factor, 1, 100))
