"""How close a picture is to its reference, over the whole picture or over a region.

Every metric takes two uint8 (h, w, 3) sRGB pictures and optional pooling weights (h, w),
not negative; without weights every pixel counts the same. Protocol of each, because
preprocessing moves these numbers:

- `mse`, `psnr`: on the three sRGB channels as they are, in squared 8-bit grey levels.
- `ssim`: Wang et al. 2004, on BT.601 luma, Gaussian window 11 x 11 of sigma 1.5, at full
  resolution, valid windows only, K1 .01, K2 .03.
- `ms_ssim`: Wang et al. 2003, five scales, on the three channels, averaged over them.
- `gmsd`: Xue et al. 2013, on luma halved in size, Prewitt gradients.
- `ss2`: SSIMULACRA 2.1, see `fechner.compression.metrics.ssimulacra2`.

`ssim` equals scikit-image with a Gaussian window and population covariance; `ms_ssim` and
`gmsd` (even sides) equal piq's (the tests hold all three to it), but need no torch and can pool.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from fechner.compression.pictures import checked_picture, checked_weights
from fechner.errors import InputError, nearest

Metric = Callable[..., float]

WINDOW, WINDOW_SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponent of each scale (Wang et al. 2003)."""
GMSD_CONSTANT = 170 / 255**2
"""Constant that steadies gradient similarity for luma in [0, 1] (Xue et al. 2013)."""


def _pair(reference: np.ndarray, test: np.ndarray, smallest: int) -> tuple[np.ndarray, np.ndarray]:
    reference = checked_picture(reference, smallest=smallest)
    return reference, checked_picture(test, shape=reference.shape[:2])


def _pooled(plane: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the mean of `plane` (h, w), weighted by `weights` (h, w) where given."""
    if weights is None:
        return float(plane.mean(dtype=np.float64))
    return float(np.vdot(plane.astype(np.float64), weights) / weights.sum(dtype=np.float64))


def mse(reference: np.ndarray, test: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Return the mean squared error over pixels and channels, squared 8-bit grey levels.

    Raises
    ------
    InputError
        If the pictures are not uint8 (h, w, 3) of one size, or the weights do not fit.
    """
    reference, test = _pair(reference, test, 1)
    if weights is not None:
        weights = checked_weights(weights, reference.shape)
    difference = reference.astype(np.float32) - test
    return _pooled(np.square(difference).mean(axis=2), weights)


def psnr(reference: np.ndarray, test: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Return the peak signal-to-noise ratio ``10 log10(255^2 / mse)``, dB; inf when equal."""
    error = mse(reference, test, weights=weights)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def ssim(reference: np.ndarray, test: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Return the structural similarity of the luma, at most 1 (Wang et al. 2004).

    Raises
    ------
    InputError
        If the pictures differ in size, have a side below 11 pixels, or the weights do not fit.
    """
    reference, test = _pair(reference, test, WINDOW)
    similarity, _ = _ssim_maps(_luma(reference), _luma(test), 255.0)
    return _pooled(similarity, _inner(weights, reference.shape))


def ms_ssim(reference: np.ndarray, test: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Return the multi-scale structural similarity, [0, 1] (Wang et al. 2003).

    Raises
    ------
    InputError
        If the pictures differ in size, have a side below 161 pixels, or the weights do not fit.
    """
    smallest = (WINDOW - 1) * 2 ** (len(MS_SSIM_WEIGHTS) - 1) + 1
    reference, test = _pair(reference, test, smallest)
    if weights is not None:
        weights = checked_weights(weights, reference.shape)
    x, y = (picture.astype(np.float32) / 255 for picture in (reference, test))
    product = np.ones(3)
    for scale, exponent in enumerate(MS_SSIM_WEIGHTS):
        last = scale == len(MS_SSIM_WEIGHTS) - 1
        maps = _ssim_maps(x, y, 1.0)[0 if last else 1]
        inner = _inner(weights, x.shape)
        pooled = [_pooled(maps[..., channel], inner) for channel in range(3)]
        product *= np.maximum(pooled, 0.0) ** exponent
        x, y = _halve_padded(x), _halve_padded(y)
        weights = None if weights is None else _halve_padded(weights)
    return float(product.mean())


def gmsd(reference: np.ndarray, test: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Return the gradient magnitude similarity deviation, 0 for equal pictures (Xue et al. 2013).

    Raises
    ------
    InputError
        If the pictures differ in size, have a side below 8 pixels, or the weights do not fit.
    """
    reference, test = _pair(reference, test, 8)
    x, y = (_gradient(_half_luma(picture)) for picture in (reference, test))
    similarity = (2 * x * y + GMSD_CONSTANT) / (x * x + y * y + GMSD_CONSTANT)
    if weights is not None:
        weights = _half(checked_weights(weights, reference.shape))
    centre = _pooled(similarity, weights)
    return float(np.sqrt(_pooled(np.square(similarity - centre), weights)))


def ss2(reference: np.ndarray, test: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Return SSIMULACRA2: 100 identical, 90 visually lossless, 70 high, 50 medium, 30 low.

    For many comparisons with one reference keep a
    `fechner.compression.metrics.ssimulacra2.Ss2Reference`.

    Raises
    ------
    InputError
        If the pictures differ in size, have a side below 8 pixels, or the weights do not fit.
    """
    # Its compiled loops need numba, which takes a second to import.
    from fechner.compression.metrics.ssimulacra2 import Ss2Reference

    return Ss2Reference(reference).score(test, weights=weights)


METRICS: dict[str, Metric] = {
    "mse": mse,
    "psnr": psnr,
    "ssim": ssim,
    "ms_ssim": ms_ssim,
    "gmsd": gmsd,
    "ss2": ss2,
}
"""Every metric by its name; mse and gmsd fall with quality, the others rise."""


def metric(name: str) -> Metric:
    """Return a metric by name.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    if name not in METRICS:
        raise InputError(f"no metric is called {name!r}; {nearest(name, METRICS)}")
    return METRICS[name]


def _luma(picture: np.ndarray) -> np.ndarray:
    """Return BT.601 luma (h, w) in [0, 255]."""
    return cv2.transform(picture.astype(np.float32), np.array([[0.299, 0.587, 0.114]], np.float32))


def _inner(weights: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the weight of each window that lies wholly in the picture: the mean under it."""
    if weights is None:
        return None
    return _window(checked_weights(weights, shape))


def _ssim_maps(x: np.ndarray, y: np.ndarray, peak: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps of SSIM and of its contrast-structure term, valid windows only.

    ``SSIM = (2 mx my + c1) / (mx^2 + my^2 + c1) * (2 sxy + c2) / (sx^2 + sy^2 + c2)``
    """
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    mx, my = _window(x), _window(y)
    power = _window(x * x) + _window(y * y) - mx * mx - my * my
    cross = _window(x * y) - mx * my
    structure = (2 * cross + c2) / (power + c2)
    return (2 * mx * my + c1) / (mx * mx + my * my + c1) * structure, structure


def _window(plane: np.ndarray) -> np.ndarray:
    margin = WINDOW // 2
    blurred = cv2.GaussianBlur(plane.astype(np.float64), (WINDOW, WINDOW), WINDOW_SIGMA)
    return blurred[margin:-margin, margin:-margin]


def _halve_padded(plane: np.ndarray) -> np.ndarray:
    """Halve by 2 x 2 means; a picture with an odd side first repeats its top and left edge."""
    odd = max(plane.shape[0] % 2, plane.shape[1] % 2)
    plane = cv2.copyMakeBorder(plane, odd, 0, odd, 0, cv2.BORDER_REPLICATE)
    return _half(plane)


def _half(plane: np.ndarray) -> np.ndarray:
    """Return means of whole 2 x 2 pixels; a last odd row or column is left out."""
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    even = np.ascontiguousarray(plane[: 2 * height, : 2 * width])
    return cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)


def _half_luma(picture: np.ndarray) -> np.ndarray:
    return _half(_luma(picture)) / np.float32(255)


def _gradient(plane: np.ndarray) -> np.ndarray:
    """Return Prewitt gradient magnitude, zeros beyond the edge."""
    prewitt = np.array([[-1, 0, 1]] * 3, np.float32) / np.float32(3)
    along = cv2.filter2D(plane, -1, prewitt, borderType=cv2.BORDER_CONSTANT)
    across = cv2.filter2D(plane, -1, prewitt.T, borderType=cv2.BORDER_CONSTANT)
    return cv2.magnitude(along, across)
