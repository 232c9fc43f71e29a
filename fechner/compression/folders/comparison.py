"""The comparison of maps over a folder of pictures: tables, summary and figure.

Runs `fechner.compression.folders.curves` on every picture, at the strength that brings its own
background to the floor, and writes what ``fechner compress compare`` shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fechner.compression.folders.curves import (
    CONDITIONS,
    QUALITIES,
    Point,
    along,
    at_bytes,
    bd_rate,
    curve,
    curves,
)
from fechner.compression.formats.compress import Settings
from fechner.compression.jpeg.encoder import reference_encoder
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.jpeg.targets import reach
from fechner.compression.ramp import centre_map
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.provenance import (
    atomic_path,
    provenance,
    sha256_file,
    write_json,
    write_text,
)
from fechner.records.csv_text import named_rows_as_csv
from fechner.records.images.files import read_image, read_map_png

COLOURS = {
    "plain": "0.45",
    "uniform": "0.7",
    "map": "tab:red",
    "shuffled": "tab:orange",
    "anti": "tab:purple",
    "centre": "tab:blue",
}


@dataclass(frozen=True)
class PictureMaps:
    """One picture of a comparison: its file, its map, another picture's, and the judges'."""

    name: str
    source: Path
    importance: Path | None
    other: Path | None
    judges: tuple[tuple[str, Path], ...]
    settings: Settings

    def inputs(self) -> dict[str, str]:
        """Return the sha256 of every file that the comparison reads, by what it is."""
        files = {"image": self.source, "map": self.importance, "other map": self.other}
        files |= {f"judge {name}": path for name, path in self.judges}
        return {f"{self.name} {w}": sha256_file(p) for w, p in files.items() if p is not None}


@dataclass(frozen=True)
class Measured:
    """What was measured on one picture.

    ``bytes`` is what our encoder takes for the target, ``plain_bytes`` what Pillow takes
    for the same quality; ``points`` are the curves of every condition; ``inputs`` the sha256
    of the files that were read.
    """

    name: str
    bytes: int
    plain_bytes: int
    points: tuple[Point, ...]
    inputs: Mapping[str, str]

    @property
    def parts(self) -> list[str]:
        """The parts of the picture that files were judged in."""
        return list(self.points[0].ss2)


def measure(maps: PictureMaps) -> Measured:
    """Measure one picture.

    Raises
    ------
    InputError
        If the picture or a map cannot be read, or a map does not fit.
    """
    picture = read_image(maps.source)
    source = from_pixels(picture, subsampling=maps.settings.subsampling)
    given = maps.importance
    importance = centre_map(source.size) if given is None else read_map_png(given)
    found = reach(source, importance, maps.settings.target, effort=maps.settings.effort)
    quality = round(maps.settings.target.quality)
    points = curves(
        source,
        importance,
        other=None if maps.other is None else read_map_png(maps.other),
        judges={name: read_map_png(path) for name, path in maps.judges},
        qualities=sorted({*QUALITIES, quality}),
        strength=found.strength,
        effort=maps.settings.effort,
    )
    plain = reference_encoder(picture, quality, source.subsampling)
    return Measured(maps.name, len(found.content), len(plain), tuple(points), maps.inputs())


def measure_all(
    pictures: Sequence[PictureMaps], *, pool: Executor | None = None, progress: Progress = silent
) -> list[Measured]:
    """Measure every picture."""
    if not pictures:
        raise InputError("expected a picture or more to compare, got none")
    return run_all(measure, pictures, pool=pool, progress=progress)


def equal_byte_rows(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return a row for each picture and part: ss2 of every condition at our file's bytes.

    None where the condition's curve does not reach these bytes.
    """
    rows = []
    for picture in measured:
        known = _conditions(picture)
        for part in picture.parts:
            at = {c: _mean([at_bytes(picture.points, c, part, picture.bytes)]) for c in known}
            rows.append({"image": picture.name, "part": part, "bytes": picture.bytes, **at})
    return rows


def comparison_summary(measured: Sequence[Measured]) -> dict[str, Any]:
    """Return means over pictures: bytes saved, ss2 at equal bytes, BD-rate against plain.

    Returns
    -------
    dict
        ``saving_percent``; ``equal_bytes`` and ``bd_rate_percent``, each part ->
        condition -> mean over the pictures where it is defined (None where it is nowhere).
    """
    known = [c for c in CONDITIONS if all(c in _conditions(m) for m in measured)]
    parts = [p for p in measured[0].parts if all(p in m.parts for m in measured)]
    saving = np.mean([100 * (1 - m.bytes / m.plain_bytes) for m in measured])
    level = {
        part: {c: _mean([at_bytes(m.points, c, part, m.bytes) for m in measured]) for c in known}
        for part in parts
    }
    rates = {
        part: {c: _mean([_rate(m, c, part) for m in measured]) for c in known if c != "plain"}
        for part in parts
    }
    return {
        "pictures": len(measured),
        "saving_percent": float(saving),
        "equal_bytes": level,
        "bd_rate_percent": rates,
    }


def _conditions(measured: Measured) -> list[str]:
    return [c for c in CONDITIONS if any(p.condition == c for p in measured.points)]


def _rate(measured: Measured, condition: str, part: str) -> float:
    return bd_rate(*curve(measured.points, condition, part), *curve(measured.points, "plain", part))


def _mean(values: Sequence[float]) -> float | None:
    defined = [value for value in values if np.isfinite(value)]
    return float(np.mean(defined)) if defined else None


def write_map_comparison(
    measured: Sequence[Measured], folder: Path, *, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Write ``points.csv``, ``equal_bytes.csv``, ``summary.json`` and ``curves.png``.

    Returns
    -------
    dict
        The summary.
    """
    points = [
        {"image": m.name, "condition": p.condition, "quality": p.quality, "bytes": p.bytes, **p.ss2}
        for m in measured
        for p in m.points
    ]
    write_text(folder / "points.csv", named_rows_as_csv(points))
    write_text(folder / "equal_bytes.csv", named_rows_as_csv(equal_byte_rows(measured)))
    draw(measured, folder / "curves.png")
    inputs = {name: sha for picture in measured for name, sha in picture.inputs.items()}
    whole = comparison_summary(measured)
    write_json(
        folder / "summary.json",
        {**whole, "provenance": provenance(parameters=parameters, inputs=inputs)},
    )
    return whole


def draw(measured: Sequence[Measured], path: Path) -> None:
    """Draw the mean curves: ss2 against bytes relative to each picture's plain JPEG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    parts = measured[0].parts
    figure = Figure(figsize=(4.2 * len(parts), 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(parts), sharex=True, squeeze=False)[0]
    grid = np.linspace(0.35, 1.5, 60)
    for panel, part in zip(panels, parts, strict=True):
        for condition in _conditions(measured[0]):
            scores = [along(m.points, condition, part, grid * m.plain_bytes) for m in measured]
            whole = np.isfinite(scores).all(axis=0)
            mean = np.mean(np.array(scores)[:, whole], axis=0)
            width = 2.2 if condition == "map" else 1.4
            panel.plot(grid[whole], mean, color=COLOURS[condition], lw=width, label=condition)
        panel.set_title(part)
        panel.set_xlabel("bytes / plain JPEG")
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("SSIMULACRA2")
    panels[0].legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
