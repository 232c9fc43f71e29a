"""The table of marks: one row a point of every mark that stands, with its participant and image.

A row without ``x`` and ``y`` says that the participant answered "nowhere". Places are pixels of
the image, column and row from 0 at its top left corner. `fechner maps against-people` reads the
same table. The JSON beside it describes every column and says where the table came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from fechner.errors import InputError
from fechner.provenance import digest, write_json_beside, write_text
from fechner.records.cells import csv_text, numbers, read_cells, require_columns, require_filled
from fechner.records.journal.marks import Stroke
from fechner.records.simulated import is_marked

COLUMNS = {
    "image": "Name of the marked image in the stimulus set.",
    "participant": "Code of the participant.",
    "x": "Column of the pixel, from 0 at the left; empty where the answer was nowhere.",
    "y": "Row of the pixel, from 0 at the top; empty where the answer was nowhere.",
    "radius": "Radius in pixels of the brush, or of the circle that a click stands for.",
    "mark": "Number of the mark in its trial, from 1; marks that were taken back are left out.",
    "point": "Number of the point in its mark, from 1; between two the brush moved straight.",
    "ms": "Milliseconds from the moment when marking was possible.",
    "session": "Number of the session, from 1.",
    "trial": "Number of the trial in the session, from 1.",
    "scene": "The photograph that the image was made from.",
    "region": "Which region of the image was degraded.",
    "width": "Width of the image in pixels.",
    "height": "Height of the image in pixels.",
}
"""Columns of the table, and what they mean."""


@dataclass(frozen=True)
class MarkedShowing:
    """What one participant marked in one showing of an image; no mark means "nowhere".

    `size` is the width and height of the image in pixels.
    """

    participant: str
    image: str
    scene: str
    region: str
    session: int
    trial: int
    size: tuple[int, int]
    marks: tuple[Stroke, ...] = ()


@dataclass(frozen=True)
class MarkTable:
    """Every marked image of some sessions, ordered by participant, session and trial.

    Attributes
    ----------
    answers
        One a showing that counts.
    simulated
        True where no people placed the marks.
    """

    answers: tuple[MarkedShowing, ...]
    simulated: bool = False

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a point, in the columns of `COLUMNS`."""
        rows = [row for answer in self.answers for row in _rows(answer)]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    @cached_property
    def sha256(self) -> str:
        """Digest of the table."""
        return digest(csv_text(self.table))


def _rows(answer: MarkedShowing) -> list[dict[str, Any]]:
    about = {
        "image": answer.image,
        "participant": answer.participant,
        "session": answer.session,
        "trial": answer.trial,
        "scene": answer.scene,
        "region": answer.region,
        "width": answer.size[0],
        "height": answer.size[1],
    }
    empty = {"x": "", "y": "", "radius": "", "mark": "", "point": "", "ms": ""}
    rows = [
        about
        | {"x": x, "y": y, "radius": f"{mark.radius:g}", "mark": n, "point": k, "ms": f"{ms:g}"}
        for n, mark in enumerate(answer.marks, start=1)
        for k, (x, y, ms) in enumerate(mark.points, start=1)
    ]
    return rows or [about | empty]


def write_mark_table(
    marks: MarkTable, path: Path, *, provenance_block: Mapping[str, Any]
) -> tuple[Path, Path]:
    """Write the table as CSV and its description as JSON beside it; return both paths."""
    path = Path(path)
    write_json_beside(path, {"columns": COLUMNS, "provenance": dict(provenance_block)})
    write_text(path, csv_text(marks.table, path))
    return path, path.with_suffix(".json")


def read_mark_table(path: Path) -> MarkTable:
    """Read a table of marks that `write_mark_table` wrote.

    Raises
    ------
    InputError
        If a column is missing, a cell is no number, or a mark lies outside its image.
    """
    path = Path(path)
    cells = read_cells(path)
    require_columns(cells, COLUMNS, path)
    for column in ("image", "participant"):
        require_filled(cells, column, path)
    blank = {"x", "y", "radius", "mark", "point", "ms"}
    for name, lowest in (
        ("x", 0), ("y", 0), ("radius", 0), ("mark", 1), ("point", 1), ("ms", 0),
        ("session", 1), ("trial", 1), ("width", 1), ("height", 1),
    ):  # fmt: skip
        cells[name] = numbers(cells, name, path, lowest=lowest, blank=name in blank)
    _check_on_image(cells, path)
    keys = ["participant", "session", "trial", "image"]
    answers = [_answer(own) for _, own in cells.groupby(keys, sort=False)]
    return MarkTable(tuple(answers), is_marked(path.name))


def _check_on_image(cells: pd.DataFrame, path: Path) -> None:
    out = cells[(cells["x"] >= cells["width"]) | (cells["y"] >= cells["height"])]
    if len(out):
        first = out.iloc[0]
        raise InputError(
            f"{path} row {out.index[0] + 2}: the mark at ({first['x']:g}, {first['y']:g}) lies "
            f"outside {first['image']}, {first['width']:g} x {first['height']:g} px; give pixels "
            "of the image"
        )


def _answer(rows: pd.DataFrame) -> MarkedShowing:
    first, placed = rows.iloc[0], rows[rows["x"].notna()]
    return MarkedShowing(
        participant=first["participant"],
        image=first["image"],
        scene=first["scene"],
        region=first["region"],
        session=int(first["session"]),
        trial=int(first["trial"]),
        size=(int(first["width"]), int(first["height"])),
        marks=tuple(_stroke(points) for _, points in placed.groupby("mark")),
    )


def _stroke(rows: pd.DataFrame) -> Stroke:
    ordered = rows.sort_values("point")
    points: Sequence[tuple[int, int, float]] = [
        (int(x), int(y), float(ms))
        for x, y, ms in zip(ordered["x"], ordered["y"], ordered["ms"], strict=True)
    ]
    return Stroke(points=tuple(points), radius=float(ordered["radius"].iloc[0]))
