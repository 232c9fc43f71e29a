"""SSIMULACRA2 with a cached reference and pooling over any region.

The metric that the compressor steers by and is judged by ("ss2": 100 is identical,
90 visually lossless, 70 high quality, 50 medium, 30 low). It compares two pictures in
the XYB colour space at six scales by a structural term and two edge terms, each pooled
as a mean and as a 4-norm. Follows Jon Sneyers' SSIMULACRA 2.1
(https://github.com/cloudinary/ssimulacra2, BSD-3-Clause), of which the constants and
weights come. Pooling over a region replaces each mean over pixels by a weighted mean,
the weights halved in size with the picture; equal weights give the metric itself.

A side below 225 pixels has fewer scales. The original then applies each weight to another
scale than the one it was fitted for, which moves the score by tens of points; here every
scale keeps its own weight and a missing one adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numba import njit

from fechner.compression.pictures import checked_picture, checked_weights

SCALES = 6
"""Octaves that the metric looks at."""
SIGMA = 1.5
"""Width of its Gaussian window, pixels."""
RADIUS = 5
"""Radius of that window, pixels."""
TILE = 96
"""Side of the tiles in which the worst place is looked for, pixels: 1.5 degrees on a screen of 64
pixels a degree, and a whole number of pixels at every scale."""
C2 = 0.0009
"""Constant that steadies the structural term."""
OPSIN = np.array(
    [
        [0.30, 0.622, 0.078],
        [0.23, 0.692, 0.078],
        [0.24342268924547819, 0.20476744424496821, 0.5518098665095536],
    ],
    dtype=np.float32,
)
"""Absorbance of the three opsins for linear red, green, blue (libjxl, opsin_params.h)."""
OPSIN_BIAS = 0.0037930732552754493
_WEIGHTS_SPARSE = {
    # scale-major within a channel: (mean, 4-norm) x (structure, artefact, lost detail)
    1: 0.0007376606707406586,
    4: 0.0007793481682867309,
    7: 0.0004371155730107379,
    9: 1.1041726426657346,
    10: 0.00066284834129271,
    11: 0.00015231632783718752,
    13: 0.0016406437456599754,
    15: 1.8422455520539298,
    16: 11.441172603757666,
    18: 0.0007989109436015163,
    19: 0.000176816438078653,
    21: 1.8787594979546387,
    22: 10.94906990605142,
    24: 0.0007289346991508072,
    25: 0.9677937080626833,
    27: 0.00014003424285435884,
    28: 0.9981766977854967,
    29: 0.00031949755934435053,
    30: 0.0004550992113792063,
    33: 0.0013648766163243398,
    39: 7.466890328078848,
    41: 17.445833984131262,
    42: 0.0006235601634041466,
    45: 6.683678146179332,
    46: 0.00037724407979611296,
    47: 1.027889937768264,
    48: 225.20515300849274,
    51: 19.213238186143016,
    52: 0.0011401524586618361,
    53: 0.001237755635509985,
    54: 176.39317598450694,
    57: 24.43300999870476,
    58: 0.28520802612117757,
    59: 0.0004485436923833408,
    63: 34.77906344483772,
    64: 44.835625328877896,
    73: 0.0008680556573291698,
    79: 0.0005313191874358747,
    81: 0.00016533814161379112,
    87: 0.0004179171803251336,
    88: 0.0017290828234722833,
    90: 0.0020827005846636437,
    93: 8.826982764996862,
    94: 23.19243343998926,
    96: 95.1080498811086,
    97: 0.9863978034400682,
    98: 0.9834382792465353,
    99: 0.0012286405048278493,
    100: 171.2667255897307,
    101: 0.9807858872435379,
    105: 0.0005130064588990679,
    107: 0.00010854057858411537,
}


def _weights() -> np.ndarray:
    flat = np.zeros(108)
    flat[list(_WEIGHTS_SPARSE)] = list(_WEIGHTS_SPARSE.values())
    # (channel, scale, norm, term) -> (scale, channel, term, norm)
    return flat.reshape(3, SCALES, 2, 3).transpose(1, 0, 3, 2).copy()


WEIGHTS = _weights()
"""Weight of each pooled error, (scale, channel, term, norm); most are zero."""


def _linear_table() -> np.ndarray:
    value = np.arange(256) / 255.0
    curve = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return curve.astype(np.float32)


_LINEAR = _linear_table()


class Ss2Reference:
    """A reference picture, prepared once for many comparisons.

    Parameters
    ----------
    picture
        uint8 (h, w, 3), sRGB, at least 8 x 8 pixels.

    Raises
    ------
    InputError
        If the picture is not such an array.
    """

    def __init__(self, picture: np.ndarray) -> None:
        picture = checked_picture(picture, smallest=8)
        self.shape = picture.shape[:2]
        self._scales = [(x, _blur(x), _blur(x * x)) for x in _pyramid(picture)]

    def score(self, test: np.ndarray, *, weights: np.ndarray | None = None) -> float:
        """Return the ss2 of `test` (uint8 (h, w, 3)), pooled by `weights` (h, w) or evenly."""
        if weights is None:
            return self.regions(test, {})["whole"]
        return self.regions(test, {"region": weights})["region"]

    def regions(self, test: np.ndarray, regions: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Return ss2 for each named region and the ``"whole"`` picture, from one comparison.

        Parameters
        ----------
        test
            uint8 (h, w, 3), sRGB.
        regions
            Name -> pooling weights (h, w), not negative, not all zero.

        Raises
        ------
        InputError
            If `test` or a region does not have the reference's size.
        """
        return self.regions_and_tiles(test, regions)[0]

    def regions_and_tiles(
        self, test: np.ndarray, regions: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, float], np.ndarray]:
        """Return what `regions` does, and ss2 of every tile, from one comparison.

        A tile's score is that of a region: the errors of the whole picture, pooled over the tile.
        Tiles are `TILE` pixels wide and high; those of the last row and column reach to the edge.

        Parameters
        ----------
        test
            uint8 (h, w, 3), sRGB.
        regions
            Name -> pooling weights (h, w), not negative, not all zero.

        Returns
        -------
        scores
            By name, with ``"whole"``.
        tiles
            float64 (max(1, h // 96), max(1, w // 96)).

        Raises
        ------
        InputError
            If `test` or a region does not have the reference's size.
        """
        test = checked_picture(test, shape=self.shape)
        planes = [checked_weights(region, self.shape) for region in regions.values()]
        errors = np.zeros((1 + len(planes), SCALES, 3, 3, 2))
        rows, columns = (max(1, length // TILE) for length in self.shape)
        local = np.zeros((rows * columns, SCALES, 3, 3, 2))
        for scale, ((x, mu, square), y) in enumerate(
            zip(self._scales, _pyramid(test), strict=True)
        ):
            weights = np.stack(planes) if planes else np.empty((0, *x.shape[:2]), np.float32)
            blurred = (_blur(y), _blur(y * y), _blur(x * y))
            sums, tile_sums, counts = _pool(
                x, mu, square, y, *blurred, weights, TILE >> scale, rows, columns
            )
            errors[0, scale] = _norms(tile_sums.sum(0)[None], counts.sum()[None])[0]
            errors[1:, scale] = _norms(sums, weights.sum((1, 2), dtype=np.float64))
            local[:, scale] = _norms(tile_sums, counts)
            planes = [_halve(plane) for plane in planes]
        scores, tiles = _score(errors), _score(local).reshape(rows, columns)
        return dict(zip(["whole", *regions], scores.tolist(), strict=True)), tiles


def _norms(sums: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return means and 4-norms (n, channel, term, norm) of sums (n, channel, power, term)."""
    pooled = sums / np.maximum(totals, 1e-12)[:, None, None, None]
    return np.stack([pooled[:, :, 0], pooled[:, :, 1] ** 0.25], axis=-1)


def _score(errors: np.ndarray) -> np.ndarray:
    """Map pooled errors (n, scale, channel, term, norm) to scores (n,), 100 at best."""
    total = 0.9562382616834844 * (errors * WEIGHTS).sum((1, 2, 3, 4))
    total = (
        2.326765642916932 * total
        - 0.020884521182843837 * total**2
        + 6.248496625763138e-05 * total**3
    )
    return 100.0 - 10.0 * np.maximum(total, 0.0) ** 0.6276336467831387


def _pyramid(picture: np.ndarray) -> list[np.ndarray]:
    """Return the picture in positive XYB at up to six scales, halved in linear light."""
    linear = cv2.LUT(picture, _LINEAR)
    scales = []
    for _ in range(SCALES):
        if min(linear.shape[:2]) < 8:
            break
        scales.append(_positive_xyb(linear))
        linear = _halve(linear)
    return scales


def _positive_xyb(linear: np.ndarray) -> np.ndarray:
    opsin = cv2.transform(linear, OPSIN) + np.float32(OPSIN_BIAS)
    cone = cv2.pow(opsin, 1 / 3)
    matrix = np.array([[7.0, -7.0, 0.0], [0.5, 0.5, 0.0], [-0.5, -0.5, 1.0]])
    shift = np.array([[0.42], [0.01], [0.55]])
    shift -= matrix.sum(1, keepdims=True) * np.cbrt(OPSIN_BIAS)
    return cv2.transform(cone, np.hstack([matrix, shift]).astype(np.float32))


def _halve(plane: np.ndarray) -> np.ndarray:
    """Return means of 2 x 2 pixels; an odd last row or column repeats itself."""
    height, width = plane.shape[:2]
    if height % 2 or width % 2:
        plane = cv2.copyMakeBorder(plane, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    size = ((width + 1) // 2, (height + 1) // 2)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


def _blur(plane: np.ndarray) -> np.ndarray:
    # The reference implementation reads zeros beyond the left and right edge.
    width = plane.shape[1]
    padded = cv2.copyMakeBorder(plane, 0, 0, RADIUS, RADIUS, cv2.BORDER_CONSTANT, value=0)
    size = (2 * RADIUS + 1, 2 * RADIUS + 1)
    blurred = cv2.GaussianBlur(padded, size, SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(blurred[:, RADIUS : RADIUS + width])


@njit(cache=True, error_model="numpy")
def _pool(x, mu_x, square_x, y, mu_y, square_y, product, weights, side, rows, columns):
    """Sum the three error maps of a scale and their 4th powers: (n, channel, power, term).

    Over each region, over each tile of `side` pixels, and how many pixels each tile has.
    """
    height, width = x.shape[:2]
    sums = np.zeros((weights.shape[0], 3, 2, 3))  # float64: millions of terms down to 1e-8
    tiles = np.zeros((rows * columns, 3, 2, 3))
    pixels = np.zeros(rows * columns)
    errors = np.empty((3, 3, width), np.float32)
    for i in range(height):
        _row_errors(x[i], mu_x[i], square_x[i], y[i], mu_y[i], square_y[i], product[i], errors)
        first = min(i // side, rows - 1) * columns
        for column in range(columns):
            start = column * side
            end = width if column == columns - 1 else start + side
            pixels[first + column] += end - start
            for c in range(3):
                for term in range(3):
                    one, fourth = _sums(errors[c, term, start:end])
                    tiles[first + column, c, 0, term] += one
                    tiles[first + column, c, 1, term] += fourth
        for n in range(weights.shape[0]):
            for c in range(3):
                for term in range(3):
                    one, fourth = _weighted_sums(errors[c, term], weights[n, i])
                    sums[n, c, 0, term] += one
                    sums[n, c, 1, term] += fourth
    return sums, tiles, pixels


# No fastmath: contracted products would let equal pictures differ by rounding.
@njit(cache=True, error_model="numpy")
def _row_errors(x, mu_x, square_x, y, mu_y, square_y, product, out):
    """Write the errors of a row of pixels, (channel, term, width)."""
    for c in range(3):
        for j in range(x.shape[0]):
            mx = mu_x[j, c]
            my = mu_y[j, c]
            # SSIM divides by mx^2 + my^2, which makes dark places count more. These values
            # are even in perception already, and the chroma ones have no dark end.
            mean_term = np.float32(1.0) - (mx - my) * (mx - my)
            cross = np.float32(2.0) * (product[j, c] - mx * my) + np.float32(C2)
            spread_x = square_x[j, c] - mx * mx
            spread_y = square_y[j, c] - my * my
            power = (spread_x + spread_y) + np.float32(C2)
            edge = (np.float32(1.0) + abs(y[j, c] - my)) / (
                np.float32(1.0) + abs(x[j, c] - mx)
            ) - np.float32(1.0)
            out[c, 0, j] = max(np.float32(1.0) - mean_term * cross / power, np.float32(0.0))
            out[c, 1, j] = max(edge, np.float32(0.0))
            out[c, 2, j] = max(-edge, np.float32(0.0))


# Sums in any order: only then several terms are added at once.
@njit(cache=True, fastmath={"reassoc"})
def _sums(values):
    one, fourth = 0.0, 0.0
    for j in range(values.size):
        square = values[j] * values[j]
        one += values[j]
        fourth += square * square
    return one, fourth


@njit(cache=True, fastmath={"reassoc"})
def _weighted_sums(values, weights):
    one, fourth = 0.0, 0.0
    for j in range(values.size):
        square = values[j] * values[j]
        one += weights[j] * values[j]
        fourth += weights[j] * square * square
    return one, fourth
