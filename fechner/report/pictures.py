"""The report's pictures: photographs, maps and stimuli as small inline images.

Overview pictures are reduced; crops are shown at native resolution, because a reduced
picture hides exactly what participants saw. Outlines carry the colour of their arm. Where a
picture rests on simulated data, SIMULATED is drawn into it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fechner.records.images.files import read_image, read_mask_png
from fechner.records.maps import ImportanceMap
from fechner.records.stimuli import INTACT, StimulusSet
from fechner.report.style import PALETTE
from fechner.stimuli.kept import mask_path
from fechner.stimuli.overlays import coloured_map, outlined, overlaid

OVERVIEW_SIDE = 384
"""Longest side of an overview picture in px, where there are few."""

LEAST_SIDE = 240
"""The same where there are most."""

SHARP = 48
"""Overview pictures up to which each has `OVERVIEW_SIDE`; of more, all together have as many px."""

CROP_SIDE = 232
"""Side of a native crop in px."""

SCREENS = {
    "instructions": "page-instructions-1.png",
    "fixation": "fixation*.png",
    "stimulus": "picture-1*.png",
    "rating": "question-*-answered.png",
    "marks": "marks-placed.png",
}
"""What the report shows of a session, and the names of the kept screens."""

SCREEN_SIDE = 480
"""Longest side of a session's screen in px."""

MOST_SCENES = 24
"""Scenes shown; further ones are only counted."""


@dataclass(frozen=True)
class Picture:
    """An inline image (data URI), its size in px, and what stands below it.

    A map over its photograph has the map alone as `plain`.
    """

    uri: str
    width: int
    height: int
    caption: str
    plain: Picture | None = None


@dataclass(frozen=True)
class SceneRow:
    """One scene of the overview: its pictures from left to right."""

    scene: str
    pictures: list[Picture]


def scene_rows(
    stimuli: StimulusSet,
    maps: Mapping[str, ImportanceMap],
    *,
    arms: tuple[str, ...],
    stamped: bool,
) -> list[SceneRow]:
    """Return, for each scene, the intact image, its map with outlines, and each degraded arm.

    Parameters
    ----------
    stimuli
        The pictures.
    maps
        Scene and its importance map; a scene without one shows none.
    arms
        Degraded arms in the order of the columns.
    stamped
        Whether SIMULATED is written into what rests on the maps.

    Returns
    -------
    list of SceneRow
        At most `MOST_SCENES`.

    Raises
    ------
    InputError
        If a picture or a mask is missing or cannot be read.
    """
    rows = []
    side = overview_side(min(len(stimuli.scenes), MOST_SCENES) * (len(arms) + 3))
    for scene in stimuli.scenes[:MOST_SCENES]:
        files = stimulus_files(stimuli, scene)
        masks = {arm: arm_mask(stimuli, scene, arm) for arm in arms if arm in files}
        intact = read_image(files[INTACT])
        pictures = [picture(intact, INTACT, side=side)]
        if scene in maps:
            own = {arm: mask for arm, mask in masks.items() if arm != "donor"}
            pictures.append(
                map_picture(intact, maps[scene].values, masks=own, side=side, stamped=stamped)
            )
        for arm, mask in masks.items():
            shown = outlined(read_image(files[arm]), {arm: mask})
            pictures.append(picture(shown, arm, side=side, stamped=stamped))
        rows.append(SceneRow(scene, pictures))
    return rows


def overview_side(pictures: int) -> int:
    """Return the longest side in px at which so many overview pictures can still be mailed.

    Examples
    --------
    >>> overview_side(30), overview_side(84), overview_side(1000)
    (384, 290, 240)
    """
    return max(LEAST_SIDE, int(OVERVIEW_SIDE * min(1.0, (SHARP / pictures) ** 0.5)))


def map_picture(
    photograph: np.ndarray | None,
    values: np.ndarray,
    caption: str = "importance",
    *,
    masks: Mapping[str, np.ndarray] | None = None,
    side: int = OVERVIEW_SIDE,
    stamped: bool = False,
) -> Picture:
    """Return a map over its photograph, with the map alone beneath.

    Parameters
    ----------
    photograph
        uint8 (h, w, 3); the map stands alone where there is none.
    values
        Map (h, w) in [0, 1].
    caption
        What stands below it.
    masks
        Regions that are outlined on it, bool (h, w), by arm.
    side
        Longest side in px.
    stamped
        Whether SIMULATED is written into it.

    Returns
    -------
    Picture
    """
    plain = picture(
        outlined(coloured_map(values), masks or {}), f"{caption}, alone", side=side,
        stamped=stamped,
    )  # fmt: skip
    if photograph is None or photograph.shape[:2] != values.shape:
        return replace(plain, caption=caption)
    over = outlined(overlaid(photograph, values), masks or {})
    return replace(picture(over, caption, side=side, stamped=stamped), plain=plain)


def map_rows(
    maps: Mapping[str, ImportanceMap], originals: Mapping[str, Path], *, stamped: bool
) -> list[SceneRow]:
    """Return each photograph beside its map, for a study whose stimuli are not built yet."""
    rows = []
    for name, found in list(maps.items())[:MOST_SCENES]:
        original = read_image(originals[name]) if name in originals else None
        pictures = [map_picture(original, found.values, stamped=stamped)]
        if original is not None:
            pictures.insert(0, picture(original, "original"))
        rows.append(SceneRow(name, pictures))
    return rows


def native_crops(stimuli: StimulusSet, *, scenes: int = 3, stamped: bool) -> list[SceneRow]:
    """Return crops at native resolution where the masks lie, for the first scenes.

    Each row holds intact and degraded at the densest place of the high and of the low mask.
    """
    rows = []
    for scene in stimuli.scenes[:scenes]:
        files = stimulus_files(stimuli, scene)
        intact = read_image(files[INTACT])
        pictures = []
        for arm in ("high", "low"):
            if arm not in files:
                continue
            window = densest(arm_mask(stimuli, scene, arm), CROP_SIDE)
            shown = {INTACT: intact, "degraded": read_image(files[arm])}
            where = {"high": "important", "low": "unimportant"}[arm]
            pictures += [
                picture(image[window], f"{where}, {what}", side=None,
                        stamped=stamped and what == "degraded")
                for what, image in shown.items()
            ]  # fmt: skip
        rows.append(SceneRow(scene, pictures))
    return rows


def session_screens(folder: Path, *, stamped: bool) -> list[Picture]:
    """Return what a participant met in the window, in order, where a session kept it."""
    found = []
    for caption, pattern in SCREENS.items():
        paths = sorted(folder.glob(pattern))
        if paths:
            found.append(picture(read_image(paths[0]), caption, side=SCREEN_SIDE, stamped=stamped))
    return found


def stimulus_files(stimuli: StimulusSet, scene: str) -> dict[str, Path]:
    """Return the picture of each arm of a scene (its first family and level)."""
    files: dict[str, Path] = {}
    for one in stimuli.stimuli:
        if one.scene == scene and one.region not in files:
            files[one.region] = stimuli.unchanged_path(one)
    return files


def arm_mask(stimuli: StimulusSet, scene: str, arm: str) -> np.ndarray:
    """Return where an arm of a scene was degraded, bool (h, w)."""
    return read_mask_png(mask_path(stimuli.folder, scene, arm))


def densest(mask: np.ndarray, side: int) -> tuple[slice, slice]:
    """Return the window of `side` px (less on smaller images) that holds most of the mask."""
    h, w = (min(side, size) for size in mask.shape)
    inside = cv2.boxFilter(mask.astype(np.float32), -1, (w, h), anchor=(0, 0), normalize=False,
                           borderType=cv2.BORDER_CONSTANT)  # fmt: skip
    usable = inside[: mask.shape[0] - h + 1, : mask.shape[1] - w + 1]
    top, left = np.unravel_index(int(usable.argmax()), usable.shape)
    return slice(int(top), int(top) + h), slice(int(left), int(left) + w)


def picture(
    image: np.ndarray, caption: str, *, side: int | None = OVERVIEW_SIDE, stamped: bool = False
) -> Picture:
    """Return an image as an inline WebP.

    Parameters
    ----------
    image
        uint8 (h, w, 3).
    caption
        What stands below it.
    side
        Longest side in px; None keeps every pixel, lossless.
    stamped
        Whether SIMULATED is written into it.

    Returns
    -------
    Picture
    """
    shown = Image.fromarray(np.ascontiguousarray(image))
    if side is not None:
        shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    if stamped:
        _stamp(shown)
    buffer = io.BytesIO()
    shown.save(buffer, "WEBP", quality=80, method=4, lossless=side is None)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:image/webp;base64,{code}", shown.width, shown.height, caption)


def _stamp(image: Image.Image) -> None:
    """Write SIMULATED into the lower right corner."""
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=max(10, round(max(image.size) / 26)))
    left, top, right, bottom = draw.textbbox((0, 0), "SIMULATED", font=font)
    x, y = image.width - (right - left) - 5, image.height - (bottom - top) - 6
    draw.rectangle((x - 4, y - 3, image.width, image.height), fill=(255, 255, 255))
    draw.text((x - left, y - top), "SIMULATED", font=font, fill=_rgb(PALETTE["stamp"]))


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return red, green, blue
