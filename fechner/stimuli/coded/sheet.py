"""Sheets of coded pictures: every arm at every rate where they differ most, with its numbers.

A coded picture that is reduced shows nothing of what coding did. What is shown is therefore a
square at native resolution, the same for all arms of a scene: the one in which they vary most.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from fechner.errors import InputError
from fechner.records.images.files import read_image, read_map_png, write_png
from fechner.records.stimuli import INTACT, LAYER_DISTANCE, RECORD, Stimulus, StimulusSet
from fechner.stimuli.overlays import coloured_map
from fechner.stimuli.sheet_page import enlarged_difference, numbers_table, sheet_figure
from fechner.stimuli.sheets import sheet_of

CROP = 180
"""Side of the squares, pixels."""

Window = tuple[slice, slice]
Pictures = list[tuple[Stimulus, np.ndarray]]


def where_arms_differ(pictures: Sequence[np.ndarray], side: int = CROP) -> Window:
    """Return the square in which pictures of one size vary most.

    Parameters
    ----------
    pictures
        Each uint8 (h, w, 3), two or more.
    side
        Of the square, pixels; a smaller picture is taken whole.
    """
    spread = np.var(np.stack(pictures).astype(np.float32), axis=0).sum(axis=2)
    height, width = spread.shape
    side_y, side_x = min(side, height), min(side, width)
    mean = cv2.boxFilter(
        spread, -1, (side_x, side_y), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT
    )
    inside = mean[: height - side_y + 1, : width - side_x + 1]
    top, left = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return slice(int(top), int(top) + side_y), slice(int(left), int(left) + side_x)


def coded_section(found: StimulusSet, scene: str, maps: Path | None) -> str:
    """Return a scene's part of the page: whole picture and map, squares of every arm, numbers.

    Raises
    ------
    RefusedError
        If a picture is not the one that was built.
    """
    pictures = _pictures(found, scene)
    coded, window = [one for one in pictures if one[0].coded], _window(pictures)
    intact = _intact(pictures)
    whole = [("intact, reduced", _framed(intact, window))]
    if maps is not None and (maps / f"{scene}.png").is_file():
        drawn = coloured_map(read_map_png(maps / f"{scene}.png"))
        whole.append(("importance", _framed(drawn, window)))
    shown = [*whole, ("intact, the square", intact[window])]
    for one, picture in coded:
        words, square = f"{one.region}, rate {one.level}", picture[window]
        shown.append((words, square))
        shown.append((f"{words}: what changed", enlarged_difference(intact[window], square)))
    figures = "".join(sheet_figure(found, words, picture) for words, picture in shown)
    return (
        f'<section><h2>{escape(scene)}</h2>\n<div class="row">{figures}</div>\n'
        f"{numbers_table(_header(found), [_cells(found, one) for one, _ in coded])}</section>"
    )


def coded_sheet(
    found: StimulusSet, path: Path, *, maps: Path | None = None, scenes: Sequence[str] = ()
) -> Path:
    """Write one picture of a set: a row a scene and rate, squares at native resolution.

    Parameters
    ----------
    found
        The set.
    path
        The PNG to write.
    maps
        Folder of the importance maps, ``SCENE.png``; left out, no maps are drawn.
    scenes
        Which scenes; all where empty.

    Raises
    ------
    RefusedError
        If a picture is not the one that was built.
    """
    rows = []
    for scene in scenes or found.scenes:
        pictures = _pictures(found, scene)
        window = _window(pictures)
        for level in sorted({one.level for one, _ in pictures} - {0}):
            row = [(f"{scene}, rate {level}", _intact(pictures)[window])]
            if maps is not None and (maps / f"{scene}.png").is_file():
                row.append(("map", coloured_map(read_map_png(maps / f"{scene}.png"))[window]))
            for one, picture in pictures:
                if one.level == level:
                    row.append((_title(found, one), picture[window]))
            rows.append(row)
    write_png(path, sheet_of(rows, width=CROP))
    return path


def _pictures(found: StimulusSet, scene: str) -> Pictures:
    mine = [one for one in found.stimuli if one.scene == scene]
    return [(one, read_image(found.unchanged_path(one))) for one in mine]


def _intact(pictures: Pictures) -> np.ndarray:
    return next(picture for one, picture in pictures if one.region == INTACT)


def _window(pictures: Pictures) -> Window:
    """Return the square of a scene: where the arms of the smallest files differ."""
    return where_arms_differ([picture for one, picture in pictures if one.level == 1])


def _framed(picture: np.ndarray, window: Window) -> np.ndarray:
    framed, (rows, columns) = picture.copy(), window
    corners = (columns.start, rows.start), (columns.stop - 1, rows.stop - 1)
    cv2.rectangle(framed, *corners, (255, 255, 255), 3)
    cv2.rectangle(framed, *corners, (0, 0, 0), 1)
    return framed


def _ss2(found: StimulusSet, one: Stimulus) -> float:
    try:
        said = found.record["scenes"][one.scene]["rates"][str(one.level)]["arms"][one.region]
        return float(said["ss2"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{found.folder / RECORD} does not say the ss2 of {one.stimulus}; restore it"
        ) from error


def _title(found: StimulusSet, one: Stimulus) -> str:
    simulated = "SIMULATED " if found.simulated else ""
    return f"{simulated}{one.region} {one.bytes / 1000:.1f} kB ss2 {_ss2(found, one):.0f}"


def _header(found: StimulusSet) -> list[str]:
    words = ["file", "bytes", "setting", "ss2", "MSE", "SSIM", "map-weighted error"]
    return [*words, "layer distance"] if found.has_layer_distances else words


def _cells(found: StimulusSet, one: Stimulus) -> list[str]:
    numbers = [_ss2(found, one), one.mse, one.ssim, one.predicted_impact]
    if found.has_layer_distances:
        numbers.append(float(getattr(one, LAYER_DISTANCE)))
    setting = f"{one.strength_unit} {one.strength:.4g}"
    return [one.coded, f"{one.bytes:,}", setting, *(f"{value:.4g}" for value in numbers)]
