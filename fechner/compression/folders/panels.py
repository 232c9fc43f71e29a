"""What compression did to a picture, to look at: crops side by side, the error, the map.

`draw_panels` makes one strip a picture: where importance is highest and where the error
of the rest is largest, each as original, compressed, and error; then the whole picture
with its map. `write_sheet` collects the strips on one self-contained HTML page.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from fechner.compression.ramp import most_important
from fechner.provenance import write_text

CROP = 144
"""Side of a crop, pixels, shown at its own size."""
ERROR_GAIN = 6
"""How much the error map is brightened."""
MOST_SHOWN = 60
"""Pictures on a sheet; the ones with the lowest background score are taken."""


def draw_panels(picture: np.ndarray, decoded: np.ndarray, importance: np.ndarray) -> bytes:
    """Return the strip of one picture as PNG.

    Parameters
    ----------
    picture, decoded
        uint8 (h, w, 3).
    importance
        (h, w), any scale.
    """
    difference = cv2.absdiff(picture, decoded)
    error = cv2.transform(difference, np.full((1, 3), 1 / 3, np.float32))
    side = min(CROP, *picture.shape[:2])
    elsewhere = error * (most_important(importance, picture.shape[:2]) == 0)
    tiles = []
    for place in (np.asarray(importance, np.float32), elsewhere):
        crop = _crop(cv2.blur(place, (side, side)), side)
        tiles += [picture[crop], decoded[crop], _heat(error[crop])]
    tiles += [_small(picture, side), _small(_grey(importance), side)]
    gap = np.full((side, 4, 3), 255, np.uint8)
    strip = np.concatenate([part for tile in tiles for part in (_padded(tile, side), gap)], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(strip).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _crop(place: np.ndarray, side: int) -> tuple[slice, slice]:
    """Return the square of `side` around the highest value, inside the picture."""
    y, x = np.unravel_index(int(np.argmax(place)), place.shape)
    top = int(np.clip(y - side // 2, 0, place.shape[0] - side))
    left = int(np.clip(x - side // 2, 0, place.shape[1] - side))
    return slice(top, top + side), slice(left, left + side)


def _heat(error: np.ndarray) -> np.ndarray:
    bright = np.clip(error.astype(np.float32) * ERROR_GAIN, 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(bright, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def _grey(importance: np.ndarray) -> np.ndarray:
    top = max(float(np.max(importance)), 1e-12)
    grey = np.clip(255 * np.asarray(importance) / top, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _small(picture: np.ndarray, height: int) -> np.ndarray:
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(picture, (min(width, 3 * height), height), interpolation=cv2.INTER_AREA)


def _padded(tile: np.ndarray, side: int) -> np.ndarray:
    down = side - tile.shape[0]
    return cv2.copyMakeBorder(tile, 0, down, 0, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def write_sheet(
    path: Path, rows: Sequence[Mapping[str, Any]], panels: Mapping[str, Path], *, about: str
) -> None:
    """Write the HTML page of a run.

    Parameters
    ----------
    path
        The page.
    rows
        One a picture, as `fechner.compression.folders.batch.SummaryRow` says it.
    panels
        Name of a picture and the file of its strip.
    about
        One sentence: what was done.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    from jinja2 import Environment

    good = [row for row in rows if row["ss2_background"] is not None]
    worst = sorted(good, key=lambda row: row["ss2_background"])[:MOST_SHOWN]
    shown = [
        {**row, "strip": base64.b64encode(panels[row["image"]].read_bytes()).decode()}
        for row in worst
        if row["image"] in panels and panels[row["image"]].is_file()
    ]
    failed = [row for row in rows if row["status"] == "failed"]
    page = Environment(autoescape=True).from_string(_PAGE)
    write_text(path, page.render(rows=rows, shown=shown, failed=failed, about=about))


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Compressed pictures</title>
<style>
 body { font: 15px/1.45 system-ui, sans-serif; margin: 2em; color: #222; }
 table { border-collapse: collapse; } td, th { padding: .15em .8em; text-align: right; }
 td:first-child, th:first-child { text-align: left; } tr:nth-child(even) { background: #f4f4f4; }
 figure { margin: 1.6em 0; overflow-x: auto; } figcaption { margin-bottom: .3em; }
 img { image-rendering: pixelated; max-width: none; }
</style>
<h1>Compressed pictures</h1>
<p>{{ about }}</p>
<p>Each strip: the most important place as original, compressed, and error (brightened six
times); the place outside the important quarter that lost most, likewise; the whole picture
and its map (white matters most). ss2 is SSIMULACRA2 against the source: 90 cannot be told
from it, 70 is high quality. Crops are shown pixel for pixel.</p>
{% if failed %}<h2>Not compressed</h2><ul>
{% for row in failed %}<li>{{ row.image }}: {{ row.note }}</li>{% endfor %}</ul>{% endif %}
{% for row in shown %}<figure><figcaption><b>{{ row.image }}</b>
 {{ "{:,}".format(row.bytes_before) }} to {{ "{:,}".format(row.bytes_after) }} bytes
 ({{ "%.1f"|format(row.saved_percent) }} % saved), ss2 important
 {{ "%.1f"|format(row.ss2_important) }}, rest {{ "%.1f"|format(row.ss2_background) }}
 {% if row.note %}({{ row.note }}){% endif %}</figcaption>
<img src="data:image/png;base64,{{ row.strip }}" alt="crops of {{ row.image }}"></figure>
{% endfor %}
<h2>All pictures</h2>
<table><tr><th>picture</th><th>before</th><th>after</th><th>saved %</th>
<th>plain JPEG</th><th>ss2 important</th><th>ss2 rest</th><th></th></tr>
{% for row in rows %}<tr><td>{{ row.image }}</td><td>{{ "{:,}".format(row.bytes_before) }}</td>
<td>{{ "{:,}".format(row.bytes_after) }}</td><td>{{ "%.1f"|format(row.saved_percent) }}</td>
<td>{{ "{:,}".format(row.bytes_plain) if row.bytes_plain else "" }}</td>
<td>{{ "%.1f"|format(row.ss2_important) if row.ss2_important is not none else "" }}</td>
<td>{{ "%.1f"|format(row.ss2_background) if row.ss2_background is not none else "" }}</td>
<td>{{ row.status }}</td></tr>{% endfor %}</table>
</html>
"""
