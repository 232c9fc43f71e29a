"""From a grid of cells to a map at the size of the image.

The last step of every map. Cells are enlarged by a cubic B-spline, which stays between the
values of the cells and never rings; what is smoothed afterwards is smoothed across a border that
reflects, so that the mean of the map stays.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

REDUCED_SD_PX = 6
"""SD in pixels that a wide Gaussian still has on the reduced map that it is taken on."""


def enlarged(
    cells: NDArray, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the cubic B-spline with control values `cells` at the places ``rows x columns``.

    Parameters
    ----------
    cells : (n_rows, n_columns)
        Values of the cells.
    rows, columns
        Places of the pixels, counted in cells; beyond the outer cells these go on.

    Returns
    -------
    float32 ``(len(rows), len(columns))``
    """
    # A spline over a grid is one matrix from the left and one from the right: for 12 megapixels a
    # tenth of the memory that a list of all places takes.
    left, right = (spline_matrix(at, n) for at, n in zip((rows, columns), cells.shape, strict=True))
    found = (right @ (left @ cells.astype(np.float32)).T).T
    return np.ascontiguousarray(found)


def spline_matrix(places: NDArray[np.float64], n_cells: int) -> csr_array:
    """Return what each cell counts at each place, ``(n_places, n_cells)``; rows sum to 1.

    The cubic B-spline: with ``t`` the distance from the cell to the left, the four cells around
    count ``(1 - t)^3``, ``3 t^3 - 6 t^2 + 4``, ``-3 t^3 + 3 t^2 + 3 t + 1`` and ``t^3``, over 6.
    """
    left = np.floor(places).astype(int)
    t = places - left
    counts = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    )
    cells = np.clip(left + np.arange(-1, 3)[:, None], 0, n_cells - 1)
    which = np.tile(np.arange(len(places)), (4, 1))
    made = csr_array(
        ((counts / 6).ravel().astype(np.float32), (which.ravel(), cells.ravel())),
        shape=(len(places), n_cells),
    )
    made.sum_duplicates()
    return made


def smoothed_map(values: NDArray[np.float32], sd_px: float) -> NDArray[np.float32]:
    """Return a map ``(height, width)`` under a Gaussian of SD `sd_px` pixels; its mean stays."""
    import cv2

    if sd_px <= 0:
        return values
    # A wide Gaussian is taken on a smaller map: at 12 megapixels 0.3 s instead of 6. Averaging over
    # f pixels and enlarging linearly spreads by f^2 / 4, which the Gaussian then leaves out.
    f = int(sd_px / REDUCED_SD_PX)
    if f < 2:
        soft = cv2.GaussianBlur(values, (0, 0), sd_px, borderType=cv2.BORDER_REFLECT)
        return cast("NDArray[np.float32]", soft)
    size = [max(1, round(n / f)) for n in values.shape[::-1]]
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    sd = (sd_px**2 - f**2 / 4) ** 0.5 / f
    small = cv2.GaussianBlur(small, (0, 0), sd, borderType=cv2.BORDER_REFLECT)
    large = cv2.resize(small, values.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cast("NDArray[np.float32]", large)
