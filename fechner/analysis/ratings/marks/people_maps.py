"""Importance maps of people: which share of them marked each place, smoothed.

    share(x) = mean over participants of A_p(x),      A_p = 1 where p painted, else 0
    map      = (G * share) / (G * 1)

with G a Gaussian of a stated width. Who answered "nowhere" counts with 0 everywhere; who marked an
image several times counts once, with the mean of the showings. Dividing by ``G * 1`` leaves nobody
outside the image: where everybody marked everything the map is 1 up to the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fechner.errors import InputError
from fechner.records.human_marks.table import MarkedShowing
from fechner.records.journal.painted import painted

CELLS_A_WIDTH = 3
"""Cells a smoothing width for what is computed over participants: a Gaussian sampled so finely
loses less than 1 % of its variance."""


@dataclass(frozen=True, eq=False)
class PeopleMap:
    """Where people marked one image.

    Attributes
    ----------
    share
        float32 ``(height, width)`` in [0, 1]: the share of participants who marked a place,
        smoothed.
    people
        Codes of the participants, in order.
    nowhere
        How many of them marked nothing in any showing.
    planes
        float64 ``(n_people, n_cells)``: each participant's own map, in cells (`CELLS_A_WIDTH`).
    shape
        Rows and columns of the cells.
    """

    share: NDArray[np.float32]
    people: tuple[str, ...]
    nowhere: int
    planes: NDArray[np.float64]
    shape: tuple[int, int]


def by_image(answer: MarkedShowing) -> str:
    """Return the image that an answer is about."""
    return answer.image


def by_scene(answer: MarkedShowing) -> str:
    """Return the scene that an answer is about."""
    return answer.scene


def people_maps(
    answers: Sequence[MarkedShowing],
    sd_px: float,
    *,
    group: Callable[[MarkedShowing], str] = by_image,
) -> dict[str, PeopleMap]:
    """Return the map of each image, or of each other group of equal-sized images.

    Parameters
    ----------
    answers
        What participants marked.
    sd_px
        SD of the Gaussian in pixels.
    group
        What answers are taken together by: `by_image` or `by_scene`.

    Returns
    -------
    dict
        Maps by name, in order of appearance.

    Raises
    ------
    InputError
        If two images of a group differ in size.
    """
    groups: dict[str, list[MarkedShowing]] = {}
    for answer in answers:
        groups.setdefault(group(answer), []).append(answer)
    return {name: _people_map(name, own, sd_px) for name, own in groups.items()}


def _people_map(name: str, answers: Sequence[MarkedShowing], sd_px: float) -> PeopleMap:
    sizes = sorted({answer.size for answer in answers})
    if len(sizes) > 1:
        shown = " and ".join(f"{w} x {h}" for w, h in sizes)
        raise InputError(f"{name} was marked at {shown} px; a map needs one size")
    showings: dict[str, list[MarkedShowing]] = {}
    for answer in answers:
        showings.setdefault(answer.participant, []).append(answer)
    side, total = max(1, int(sd_px // CELLS_A_WIDTH)), np.zeros(sizes[0][::-1])
    cells = []
    # One participant after the other: the areas of all of them at once fill the memory.
    for code in sorted(showings):
        area = np.mean([painted(one.marks, one.size) for one in showings[code]], axis=0)
        total += area
        cells.append(smoothed(in_cells(area, side), sd_px / side))
    marked = {answer.participant for answer in answers if answer.marks}
    return PeopleMap(
        share=np.clip(smoothed(total / len(showings), sd_px), 0, 1).astype(np.float32),
        people=tuple(sorted(showings)),
        nowhere=len(showings) - len(marked),
        planes=np.stack([plane.ravel() for plane in cells]),
        shape=cells[0].shape,
    )


def in_cells(plane: NDArray, side: int) -> NDArray[np.float64]:
    """Return the means of a plane (h, w) in square cells of `side` px; those at the edge are cut.

    Examples
    --------
    >>> in_cells(np.array([[0.0, 1.0, 5.0]]), 2)
    array([[0.5, 5. ]])
    """
    h, w = plane.shape
    ones = np.ones((h, w))
    total, count = (
        np.add.reduceat(
            np.add.reduceat(values, np.arange(0, h, side), axis=0), np.arange(0, w, side), axis=1
        )
        for values in (np.asarray(plane, np.float64), ones)
    )
    return total / count


def smoothed(plane: NDArray, sd: float) -> NDArray[np.float64]:
    """Return ``(G * plane) / (G * 1)``: a weighted mean of what lies on the image, (h, w).

    Examples
    --------
    >>> smoothed(np.ones((3, 4)), 2.0).round(12).min()
    np.float64(1.0)
    """
    plane = np.asarray(plane, np.float64)
    blurred, weight = (
        cv2.GaussianBlur(values, (0, 0), sd, borderType=cv2.BORDER_CONSTANT)
        for values in (plane, np.ones_like(plane))
    )
    return np.asarray(blurred / weight, np.float64)
