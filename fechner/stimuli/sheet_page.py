"""A page of a stimulus set, fit for a paper's supplement: every scene, at any width.

For each scene the intact picture, its importance map with the outlines of low and high, and for
each degraded picture the picture with its outline, what changed, and its numbers; then the scenes
that were left out, with the reasons. One file, pictures inside, nothing loaded from elsewhere.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from fechner.provenance import write_text
from fechner.records.images.files import read_image, read_map_png, read_mask_png
from fechner.records.stimuli import INTACT, LAYER_DISTANCE, Stimulus, StimulusSet
from fechner.stimuli.kept import mask_path
from fechner.stimuli.overlays import coloured_map, outlined

SHOWN_PX = 480
"""Longest side of a picture on the page."""

GAIN = 4
"""How many times a difference is enlarged, around middle grey."""

NUMBERS = (
    ("strength", "strength"),
    ("mse", "MSE"),
    ("ssim", "SSIM"),
    ("predicted_impact", "predicted impact"),
    (LAYER_DISTANCE, "layer distance"),
)
"""What the table says of a picture: column of the set, and its words."""

Section = Callable[[StimulusSet, str, Path | None], str]
"""What is written of a scene of a set, with the folder of its maps, as HTML."""

STYLE = """
body{font:16px/1.45 system-ui,sans-serif;color:#222;margin:0 auto;max-width:1280px;padding:12px}
h1{font-size:1.5rem}
h2{font-size:1.15rem;margin:2rem 0 .4rem;border-top:1px solid #bbb;padding-top:.8rem}
.row{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,170px),1fr));gap:10px}
figure{margin:0}figure img{width:100%;height:auto;display:block}
figcaption{font-size:.85rem;overflow-wrap:anywhere}
.wide{overflow-x:auto;margin-top:.6rem}table{border-collapse:collapse;font-size:.85rem}
td,th{padding:2px clamp(3px,1vw,10px);text-align:right;vertical-align:bottom}
td:not(:first-child){white-space:nowrap}td:first-child{overflow-wrap:anywhere;min-width:4rem}
td:first-child,th:first-child{text-align:left}
tr+tr td{border-top:1px solid #ddd}.bar{width:220px;max-width:100%;height:12px}
.simulated{color:#a00;font-weight:600}li{overflow-wrap:anywhere}
@media print{section{break-inside:avoid}}
"""


def write_sheet_page(
    found: StimulusSet,
    path: Path,
    *,
    maps: Path | None = None,
    scenes: Sequence[str] = (),
    section: Section | None = None,
) -> Path:
    """Write a page of a stimulus set as one HTML file.

    Parameters
    ----------
    found
        The set.
    path
        The file to write.
    maps
        Folder of the importance maps, ``SCENE.png``; left out, no maps are drawn.
    scenes
        Which scenes; all where empty.
    section
        What is written of a scene; left out, that of degraded regions.

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
    write = section or _section
    sections = "\n".join(write(found, scene, maps) for scene in (scenes or found.scenes))
    write_text(
        path,
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{_simulated(found)}Stimuli</title><style>{STYLE}</style></head><body>
<h1>Stimuli</h1>
{_opening(found, with_maps=maps is not None)}
{sections}
{_severe(found, scenes)}
{_refused(found)}
</body></html>
""",
    )
    return path


def _simulated(found: StimulusSet) -> str:
    return "SIMULATED " if found.simulated else ""


def _opening(found: StimulusSet, *, with_maps: bool) -> str:
    lines = [
        f"<p>{len(found.stimuli)} pictures of {len(found.scenes)} scenes; set "
        f"{found.sha256[:12]}. Pictures are shown at {SHOWN_PX} px or smaller, as JPEG; the set "
        "holds them lossless. Under &ldquo;what changed&rdquo; a difference from the intact one "
        f"is enlarged {GAIN} times around middle grey. {_lines_are(found)}</p>"
    ]
    if found.simulated:
        lines.insert(0, '<p class="simulated">SIMULATED: the maps rest on simulated ratings.</p>')
    if with_maps:
        ramp = coloured_map(np.tile(np.linspace(0, 1, 220, dtype=np.float32), (12, 1)))
        lines.append(
            f'<p>Importance, one scale for all maps: 0 <img class="bar" alt="dark to light" '
            f'src="{_data(ramp)}"> 1 (colour follows its square root)</p>'
        )
    return "\n".join(lines)


def _lines_are(found: StimulusSet) -> str:
    if found.has_coded_files:
        return "Squares are at native resolution, framed in the whole picture."
    return "Lines are the borders of the degraded regions before their soft edge."


def _section(found: StimulusSet, scene: str, maps: Path | None) -> str:
    mine = [one for one in found.stimuli if one.scene == scene]
    degraded = [one for one in mine if one.region != INTACT]
    pictures = {one.stimulus: read_image(found.unchanged_path(one)) for one in mine}
    original = next(pictures[one.stimulus] for one in mine if one.region == INTACT)
    masks = {
        arm: read_mask_png(mask_path(found.folder, scene, arm))
        for arm in dict.fromkeys(one.region for one in degraded)
    }
    own = {arm: mask for arm, mask in masks.items() if arm in ("low", "high")}
    shown = [sheet_figure(found, "intact", original)]
    if maps is not None and (maps / f"{scene}.png").is_file():
        drawn = outlined(coloured_map(read_map_png(maps / f"{scene}.png")), own)
        shown.append(sheet_figure(found, "importance, with high (orange) and low (blue)", drawn))
    shown.append(sheet_figure(found, "regions: " + ", ".join(masks), outlined(original, masks)))
    for one in degraded:
        words = f"{one.region}, {one.family}" + (f" {one.level}" if one.level > 1 else "")
        picture = pictures[one.stimulus]
        with_outline = outlined(picture, {one.region: masks[one.region]})
        shown.append(sheet_figure(found, words, with_outline))
        shown.append(
            sheet_figure(found, f"{words}: what changed", enlarged_difference(original, picture))
        )
    return (
        f'<section><h2>{escape(scene)}</h2>\n<div class="row">{"".join(shown)}</div>\n'
        f"{_numbers(found, degraded)}</section>"
    )


def sheet_figure(found: StimulusSet, words: str, picture: np.ndarray) -> str:
    """Return a picture, uint8 (h, w, 3), with its words as an element of the page."""
    caption = escape(_simulated(found) + words)
    return (
        f'<figure><img alt="{caption}" src="{_data(picture)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def enlarged_difference(original: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Return `picture` minus `original` around middle grey, uint8, enlarged `GAIN` times."""
    apart = picture.astype(np.int16) - original.astype(np.int16)
    return np.clip(128 + GAIN * apart, 0, 255).astype(np.uint8)


def _data(picture: np.ndarray) -> str:
    """Return a picture, reduced where it is large, as the address that holds it."""
    scale = SHOWN_PX / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=92, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _numbers(found: StimulusSet, degraded: Sequence[Stimulus]) -> str:
    columns = [(name, words) for name, words in NUMBERS if name != LAYER_DISTANCE]
    columns = list(NUMBERS) if found.has_layer_distances else columns
    units = {one.strength_unit for one in degraded}
    shared = units.pop() if len(units) == 1 else ""
    rows = [
        [one.stimulus, *(_cell(one, name, unit=not shared) for name, _ in columns)]
        for one in degraded
    ]
    header = [f"{words}, {shared}" if shared and name == "strength" else words
              for name, words in columns]  # fmt: skip
    return numbers_table(["picture", *header], rows)


def numbers_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of the page from cells of plain text."""
    head = "".join(f"<th>{escape(words)}</th>" for words in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _cell(one: Stimulus, name: str, *, unit: bool) -> str:
    told = f" {one.strength_unit}" if unit and name == "strength" and one.strength_unit else ""
    return f"{getattr(one, name):.4g}{told}"


def _severe(found: StimulusSet, scenes: Sequence[str]) -> str:
    """Return the catch items of the scenes that are shown; nothing where there are none."""
    shown = "".join(
        sheet_figure(
            found,
            f"{one.scene}: {one.family}, {one.mse:.4g} squared grey levels",
            read_image(found.unchanged_path(one)),
        )
        for one in found.catch_items
        if not scenes or one.scene in scenes
    )
    if not shown:
        return ""
    return (
        "<section><h2>Severe catch items</h2><p>Only catch trials show them.</p>"
        f'<div class="row">{shown}</div></section>'
    )


def _refused(found: StimulusSet) -> str:
    refused = found.record.get("refused", {})
    if not refused:
        return "<h2>Scenes left out</h2><p>None.</p>"
    rows = "".join(
        f"<li><b>{escape(scene)}</b>: {escape(str(why))}</li>" for scene, why in refused.items()
    )
    return f"<h2>Scenes left out</h2><ul>{rows}</ul>"
