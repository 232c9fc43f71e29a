"""Marks that cover an area: the path of each brush, read from the rows of a table of marks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fechner.records.cells import numbers

KEYS = ("participant", "session", "trial", "mark")
"""What tells one mark from another, as far as the table has these columns."""


@dataclass(frozen=True, eq=False)
class BrushPath:
    """One mark that covers an area.

    Attributes
    ----------
    participant
        Who made it; empty where the table does not tell.
    points
        float64 ``(n_points, 2)``, column and row of the brush's middle in pixels: it moved straight
        from one to the next.
    radius
        Of the brush, or of the circle that a click stands for, in pixels; 0 is one pixel.
    """

    participant: str
    points: np.ndarray
    radius: float


def brush_paths(cells: pd.DataFrame, path: Path) -> tuple[BrushPath, ...]:
    """Return the marks of one image; empty where no row tells a radius above 0.

    Parameters
    ----------
    cells
        Rows of the image with ``x`` and ``y``. Those of one ``mark`` are one path, in the order of
        ``point``; without such a column each row is a click.
    path
        What messages call the table.

    Raises
    ------
    InputError
        If a radius is no number or below 0, or a point has no number.
    """
    if "radius" not in cells:
        return ()
    radius = numbers(cells, "radius", path, lowest=0, blank=True).fillna(0).to_numpy()
    if not radius.any():
        return ()
    points = np.stack([numbers(cells, name, path).to_numpy() for name in ("x", "y")], axis=1)
    who = cells["participant"].to_numpy(dtype=str) if "participant" in cells else None
    return tuple(
        BrushPath("" if who is None else str(who[rows[0]]), points[rows], float(radius[rows[0]]))
        for rows in _rows_of_marks(cells, path)
    )


def _rows_of_marks(cells: pd.DataFrame, path: Path) -> list[np.ndarray]:
    """Return which rows make each mark, in the order in which the brush passed them."""
    if "mark" not in cells:
        return [np.array([row]) for row in range(len(cells))]
    order = np.arange(len(cells))
    if "point" in cells:
        order = np.argsort(numbers(cells, "point", path).to_numpy(), kind="stable")
    found: dict[tuple[str, ...], list[int]] = {}
    named = [cells[name].to_numpy(dtype=str) for name in KEYS if name in cells]
    for row in order:
        found.setdefault(tuple(column[row] for column in named), []).append(int(row))
    return [np.array(rows) for rows in found.values()]
