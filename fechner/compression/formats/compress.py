"""One call for every format: a picture, its map and a target in; a judged file out.

Joins the JPEG encoder with its search (`targets`) and the other formats (`beyond_jpeg`,
`heic`). For AVIF, WebP and HEIC quality is the encoder's own number, and the strengths are the
largest at which the floors hold (`floors`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fechner.compression.formats import beyond_jpeg as formats
from fechner.compression.formats.floors import EncodeLocal, reach_floors
from fechner.compression.formats.metadata import Keep, checked_keep, told_in
from fechner.compression.formats.reading import open_source
from fechner.compression.jpeg import encoder
from fechner.compression.jpeg.encoder import Effort, checked_effort
from fechner.compression.jpeg.source import Source, from_pixels, sample
from fechner.compression.jpeg.source import upright_to_stored as turned
from fechner.compression.jpeg.targets import DEFAULT_TRUST, Target, reach
from fechner.compression.metrics.ssimulacra2 import TILE, Ss2Reference
from fechner.compression.ramp import centre_map, most_important
from fechner.provenance import write_bytes
from fechner.records.images.files import read_map_png


@dataclass(frozen=True)
class Settings:
    """How pictures are compressed.

    Attributes
    ----------
    target
        What is wanted of each.
    form
        A name of `fechner.compression.formats.beyond_jpeg.FORMATS`.
    effort
        Of the JPEG encoder: ``"fast"``, ``"high"`` or ``"max"``.
    subsampling
        Of JPEGs made from pixels; a JPEG source keeps its own.
    metadata
        What is kept beside the picture: ``"all"``, ``"safe"`` or ``"none"``
        (`fechner.compression.formats.metadata`).
    background
        sRGB, [0, 255], that transparent pixels are blended with; None refuses them.
    """

    target: Target = field(default_factory=Target)
    form: str = "jpeg"
    effort: Effort = "fast"
    subsampling: str = "4:2:0"
    metadata: Keep = "safe"
    background: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class CompressedPicture:
    """A compressed file and how it was judged.

    Attributes
    ----------
    content
        The file.
    picture, decoded
        uint8 (h, w, 3): what went in and what a viewer shows of `content`, turned as stored.
    importance
        The map, turned likewise.
    important, background, worst_tile
        ss2 of the most important quarter, of the rest, and the lowest of any tile of 96 pixels; of
        a sample where the picture is large.
    worst_place
        Row and column of that tile's middle, pixels; None where the picture was sampled.
    quality, strength
        What the encoder was given; quality None where a JPEG kept its own tables.
    note
        Why the result is not what was asked for; empty where it is.
    """

    content: bytes
    picture: np.ndarray
    decoded: np.ndarray
    importance: np.ndarray
    important: float
    background: float
    worst_tile: float
    worst_place: tuple[int, int] | None
    quality: float | None
    strength: float
    note: str

    def write(self, path: Path | str) -> Path:
        """Write the file, whole or not at all, and return its path.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        write_bytes(Path(path), self.content)
        return Path(path)


def compress(
    picture: Path | str | np.ndarray,
    importance: Path | str | np.ndarray | None = None,
    *,
    quality: float = 85.0,
    background_floor: float = 70.0,
    trust: float = DEFAULT_TRUST,
    strength: float | None = None,
    max_bytes: int | None = None,
    bits_per_pixel: float | None = None,
    form: str = "jpeg",
    effort: str = "fast",
    subsampling: str = "4:2:0",
    metadata: str = "safe",
    background: tuple[int, int, int] | None = None,
) -> CompressedPicture:
    """Compress one picture so that bits follow importance, and judge the result.

    Parameters
    ----------
    picture
        A file, or its pixels, uint8 (h, w, 3), sRGB.
    importance
        A grey PNG, or a map of the upright picture (h, w), finite, 0 or more, any scale: only
        the order of its values counts. None: the middle of the picture matters.
    quality
        The important quarter looks as Pillow's JPEG encoder makes it at this quality, [1, 100]
        (avif, webp, heic: the encoder's own quality).
    background_floor
        Lowest SSIMULACRA2 of the rest, [0, 100); any tile of 96 pixels keeps this less 2.
    trust
        How far the map is believed, [0, 1]: 1 takes the rest down to the floor, 0 spends evenly.
    strength
        Fixed loss in the rest instead of the floor, 0 or more; 1 is usual.
    max_bytes, bits_per_pixel
        Largest size of the file, of jpeg and jxl; at most one, and then `quality` does not matter.
    form
        ``"jpeg"``, ``"jxl"``, ``"heic"``, ``"avif"`` or ``"webp"``.
    effort
        ``"fast"``, ``"high"`` (smaller, slower) or ``"max"`` (smallest), of jpeg and jxl.
    subsampling
        Chroma of JPEGs made from pixels, ``"4:2:0"`` or ``"4:4:4"``; a JPEG source keeps its own.
    metadata
        What is kept beside the picture: ``"all"``; ``"safe"``, which is
        orientation, profile, resolution, capture date, artist and copyright; or ``"none"``.
    background
        sRGB, [0, 255], that transparent pixels are blended with; None refuses them.

    Returns
    -------
    CompressedPicture
        The file's bytes, what a viewer shows of them, and how close that is.

    Raises
    ------
    InputError
        If the picture or map cannot be read, the map does not fit, an option is out of range,
        or the size cannot be met.
    MissingPartError
        If the format needs a part that is not installed.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> picture = rng.integers(120, 136, (64, 96, 3)).astype(np.uint8)
    >>> left = np.repeat(np.linspace(1, 0, 96)[None], 64, axis=0)
    >>> found = compress(picture, left)
    >>> found.content[:2].hex(), found.decoded.shape
    ('ffd8', (64, 96, 3))
    >>> len(found.content) < len(compress(picture, left, strength=0).content)
    True
    """
    target = Target(quality, background_floor, strength, max_bytes, bits_per_pixel, trust)
    settings = Settings(
        target, form, checked_effort(effort), subsampling, checked_keep(metadata), background
    )
    source = source_of(picture, settings)
    if importance is None:
        upright = source.size if source.turn < 5 else source.size[::-1]
        importance = centre_map(upright)
    elif not isinstance(importance, np.ndarray):
        importance = read_map_png(importance)
    return compress_source(source, importance, settings)


def source_of(picture: Path | str | np.ndarray, settings: Settings) -> Source:
    """Open a picture for compression: a JPEG file as its coefficients, others as pixels.

    Raises
    ------
    InputError
        If the picture cannot be read or is of a kind that would be shown wrong.
    """
    if isinstance(picture, np.ndarray):
        return from_pixels(picture, subsampling=settings.subsampling)
    return open_source(
        Path(picture),
        coefficients=settings.form in ("jpeg", "jxl"),
        subsampling=settings.subsampling,
        keep=settings.metadata,
        background=settings.background,
    )


def compress_source(
    source: Source, importance: np.ndarray, settings: Settings
) -> CompressedPicture:
    """Compress a picture that `source_of` opened, as `compress` does.

    Raises
    ------
    InputError
        If the map does not fit the picture, or the target cannot be met.
    MissingPartError
        If the format needs a part that is not installed.
    """
    formats.require(settings.form)
    stored = turned(np.asarray(importance, np.float32), source.turn)
    trial = None
    if settings.form in ("jpeg", "jxl"):
        found = reach(source, importance, settings.target, effort=settings.effort)
        content, decoded = found.content, encoder.decode_jpeg(found.content)
        quality, strength, note, trial = found.quality, found.strength, found.note, found.trial
        if settings.form == "jxl":
            content = formats.jpeg_to_jxl(content)
    else:
        encode = _encoder(source, settings)
        trial, note = reach_floors(source.picture, stored, settings.target, settings.form, encode)
        content, strength = trial.content, float(trial.strengths.mean())
        decoded, quality = formats.decode(content, settings.form), settings.target.quality
    if trial is None:
        important, background, worst, place = judged(source, decoded, stored)
    else:
        important, background = trial.important, trial.rest
        worst, place = _worst(trial.tiles)
    return CompressedPicture(
        content,
        source.picture,
        decoded,
        stored,
        important,
        background,
        worst,
        place,
        quality,
        strength,
        note,
    )


def judged(
    source: Source, decoded: np.ndarray, importance: np.ndarray
) -> tuple[float, float, float, tuple[int, int] | None]:
    """Return ss2 of the most important quarter, of the rest and of the worst tile of 96 pixels.

    On a sample of a large picture. The last value is the middle of that tile (row, column);
    None where the picture was sampled.
    """
    part, (shown, there) = sample(source, decoded, importance)
    inside = most_important(there, part.size)
    scores, tiles = Ss2Reference(part.picture).regions_and_tiles(
        np.ascontiguousarray(shown), {"important": inside, "rest": 1 - inside}
    )
    worst, place = _worst(tiles)
    return scores["important"], scores["rest"], worst, place if part is source else None


def _worst(tiles: np.ndarray) -> tuple[float, tuple[int, int]]:
    """Return the lowest ss2 of tiles (rows, columns) and that tile's middle, pixels."""
    row, column = (int(index) for index in np.unravel_index(int(tiles.argmin()), tiles.shape))
    return float(tiles.min()), (row * TILE + TILE // 2, column * TILE + TILE // 2)


def _encoder(source: Source, settings: Settings) -> EncodeLocal:
    """Return what encodes the picture of a format other than JPEG, losing in each place so much."""
    quality = settings.target.quality
    exif, xmp = told_in(source.markers)
    if settings.form == "heic":
        from fechner.compression.formats.heic import encode_heic

        return lambda local: encode_heic(
            source.picture, local, quality=quality, strength=1.0, exif=exif, xmp=xmp
        )
    return lambda local: formats.encode_blurred(
        source.picture,
        local,
        form=settings.form,
        quality=quality,
        strength=1.0,
        exif=exif,
        xmp=xmp,
    )
