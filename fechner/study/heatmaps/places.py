"""Where a map has most, in words and pixels.

A place is a connected region of the highest tenth of the picture, in which the map also exceeds
half of its maximum; the region that holds most of the map is the one to look at first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ABOVE = 0.5
"""Share of the maximum that a region exceeds."""

HIGHEST = 0.1
"""Share of the picture that all regions together may cover."""

ROWS = ("upper", "middle", "lower")
COLUMNS = ("left", "centre", "right")


@dataclass(frozen=True)
class Place:
    """A region of a map.

    Attributes
    ----------
    left, top, width, height
        The box around it in pixels of the image.
    share
        Of the whole map that it holds, [0, 1].
    area
        Of the image that it covers, [0, 1].
    words
        Which ninth of the image its middle lies in: ``upper left``, ``centre``.
    """

    left: int
    top: int
    width: int
    height: int
    share: float
    area: float
    words: str

    @property
    def told(self) -> str:
        """The place in one clause."""
        return (
            f"{self.words}, {self.width} x {self.height} px at ({self.left}, {self.top}): "
            f"{100 * self.share:.0f} % of it in {100 * self.area:.1f} % of the picture"
        )


def top_place(values: NDArray) -> Place:
    """Return the region that holds most of a map ``(height, width)``, 0 or more and not all 0."""
    import cv2

    values = np.asarray(values, np.float32)
    least = max(ABOVE * float(values.max()), float(np.quantile(values, 1 - HIGHEST)))
    above = (values >= least).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    held = np.bincount(labels.ravel(), weights=values.ravel(), minlength=count)
    best = 1 + int(np.argmax(held[1:]))
    left, top, width, height, area = (int(n) for n in boxes[best])
    rows, columns = np.nonzero(labels == best)
    weights = values[rows, columns]
    middle = (np.average(rows, weights=weights), np.average(columns, weights=weights))
    return Place(
        left=left,
        top=top,
        width=width,
        height=height,
        share=float(held[best] / values.sum(dtype=np.float64)),
        area=area / values.size,
        words=_ninth(middle, values.shape),
    )


def _ninth(middle: tuple[float, float], shape: tuple[int, ...]) -> str:
    row, column = (
        names[min(int(3 * (at + 0.5) / n), 2)]
        for at, n, names in zip(middle, shape, (ROWS, COLUMNS), strict=True)
    )
    if row == "middle":
        return "centre" if column == "centre" else f"middle {column}"
    return f"{row} {column}"
