"""How much other pictures were marked at the places of one: what shuffled AUC holds a map against.

Every picture wants the marks of all others. Drawn anew for each that is n^2 drawings; here each
picture is drawn once and added to one total for each size of picture, and comes off the total
again where its own turn comes. Sizes are few, so that the work grows with the pictures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int]
"""Height and width of a picture at the working size."""


@dataclass(frozen=True, eq=False)
class MarksOfAll:
    """Marks of all pictures together, carried to each size of picture.

    Attributes
    ----------
    totals
        float64 ``(h, w)`` by size: the sum over pictures of their share of marks at each place;
        those of one picture sum to 1.
    counts
        int64 ``(h, w)`` by size: how many marked pixels of any picture lie at each place.
    """

    totals: dict[Shape, NDArray[np.float64]]
    counts: dict[Shape, NDArray[np.int64]]

    def elsewhere(self, own: NDArray) -> NDArray[np.float64]:
        """Return how much all others were marked, at the places of one of the pictures, ``(h, w)``.

        Parameters
        ----------
        own : (h, w)
            The marks of the picture, as they were added.
        """
        total, count = self.totals[own.shape].copy(), self.counts[own.shape].copy()
        _add(total, count, own, sign=-1)
        # What was added and taken off again leaves a grain of rounding; the count does not.
        total[count == 0] = 0
        return np.maximum(total, 0)


def marks_of_all(planes: Iterable[NDArray], shapes: Collection[Shape]) -> MarksOfAll:
    """Return the marks of all pictures together.

    Places are carried over in shares of height and width. Points stay points, whatever the sizes.

    Parameters
    ----------
    planes : (h, w) each
        How much each place of each picture was marked, 0 or more, some place above 0.
    shapes
        Every size that a picture has.

    Returns
    -------
    MarksOfAll

    Examples
    --------
    >>> one, other = np.array([[0, 1, 1]]), np.array([[2, 0, 0]])
    >>> marks_of_all([one, other], {(1, 3)}).elsewhere(one).tolist()
    [[1.0, 0.0, 0.0]]
    """
    found = MarksOfAll(
        {shape: np.zeros(shape) for shape in shapes},
        {shape: np.zeros(shape, np.int64) for shape in shapes},
    )
    for plane in planes:
        for shape, total in found.totals.items():
            _add(total, found.counts[shape], plane, sign=1)
    return found


def _add(total: NDArray, count: NDArray, plane: NDArray, *, sign: int) -> None:
    """Add a picture's share of marks to a total of any size, or take it off."""
    rows, columns = np.nonzero(plane)
    values = plane[rows, columns]
    to = tuple(
        ((at + 0.5) * new / old).astype(int)
        for at, new, old in zip((rows, columns), total.shape, plane.shape, strict=True)
    )
    np.add.at(total, to, sign * values / values.sum())
    np.add.at(count, to, sign)
