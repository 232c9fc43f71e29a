"""Contact sheets: every scene's stimuli side by side, for people to look at before a session.

One row a scene: the intact picture, its importance map with the outlines of the
regions, then each degraded arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fechner.records.images.files import read_image, read_map_png, read_mask_png, write_png
from fechner.records.stimuli import INTACT, StimulusSet
from fechner.stimuli.kept import mask_path
from fechner.stimuli.overlays import coloured_map, outlined

GAP_PX, TITLE_PX = 6, 26
FRAME = (200, 200, 200)
"""A mask of the whole picture is as white as the sheet."""


def fitted(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the picture scaled to fit a tile of `width` x `height`, centred on grey."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    tile = np.full((height, width, 3), 235, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    return tile


def sheet_of(rows: Sequence[Sequence[tuple[str, np.ndarray]]], *, width: int = 240) -> np.ndarray:
    """Return titled pictures in rows, uint8 ``(height, width, 3)``.

    Parameters
    ----------
    rows
        Of (title, picture); pictures of any size.
    width
        Of a tile, in pixels.
    """
    first = rows[0][0][1]
    height = round(width * float(np.clip(first.shape[0] / first.shape[1], 0.6, 1.2)))
    step_x, step_y = width + GAP_PX, height + TITLE_PX + GAP_PX
    columns = max(len(row) for row in rows)
    sheet = Image.new("RGB", (columns * step_x + GAP_PX, len(rows) * step_y + GAP_PX), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for y, row in enumerate(rows):
        for x, (title, picture) in enumerate(row):
            corner = (GAP_PX + x * step_x, GAP_PX + y * step_y)
            draw.text((corner[0], corner[1] + 5), title, fill="black", font=font)
            tile = Image.fromarray(fitted(picture, width, height))
            top = corner[1] + TITLE_PX
            draw.rectangle((corner[0] - 1, top - 1, corner[0] + width, top + height), outline=FRAME)
            sheet.paste(tile, (corner[0], top))
    return np.asarray(sheet)


def contact_sheet(
    found: StimulusSet, path: Path, *, maps: Path | None = None, scenes: Sequence[str] = ()
) -> Path:
    """Write a contact sheet of a stimulus set as PNG.

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

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    InputError
        If a mask or a map cannot be read.
    RefusedError
        If a picture is not the one that was built.
    """
    rows = [_row(found, scene, maps) for scene in (scenes or found.scenes)]
    write_png(path, sheet_of(rows))
    return path


def _row(found: StimulusSet, scene: str, maps: Path | None) -> list[tuple[str, np.ndarray]]:
    stimuli = [stimulus for stimulus in found.stimuli if stimulus.scene == scene]
    pictures = {s.stimulus: read_image(found.unchanged_path(s)) for s in stimuli}
    intact = next(s for s in stimuli if s.region == INTACT)
    arms = dict.fromkeys(s.region for s in stimuli if s.region != INTACT)
    masks = {arm: read_mask_png(mask_path(found.folder, scene, arm)) for arm in arms}
    own = {arm: mask for arm, mask in masks.items() if arm in ("low", "high")}
    row = [(_prefix(found) + scene, pictures[intact.stimulus])]
    if maps is not None and (maps / f"{scene}.png").is_file():
        drawn = coloured_map(read_map_png(maps / f"{scene}.png"))
        row.append(("map: high, low", outlined(drawn, own)))
    else:
        row.append(("high, low", outlined(pictures[intact.stimulus], own)))
    for stimulus in stimuli:
        if stimulus.region != INTACT:
            arm = {k: mask for k, mask in masks.items() if k == stimulus.region}
            title = f"{stimulus.region} {stimulus.family} {stimulus.strength:.3g}"
            row.append((title, outlined(pictures[stimulus.stimulus], arm)))
    return row


def _prefix(found: StimulusSet) -> str:
    return "SIMULATED " if found.simulated else ""
