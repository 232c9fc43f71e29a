"""One call for every format: a picture, its map and a target in; a judged file out.

Joins the JPEG encoder with its search (`targets`) and the other formats (`formats`,
`heic`). For AVIF, WebP and HEIC quality is the encoder's own number, and the strength is
the largest, up to 2 (HEIC: 0.5), at which the rest of the picture stays above the floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fechner.compression.formats import beyond_jpeg as formats
from fechner.compression.jpeg import encoder
from fechner.compression.jpeg.encoder import Effort
from fechner.compression.jpeg.source import (
    Source,
    from_jpeg,
    from_pixels,
    sample,
)
from fechner.compression.jpeg.source import upright_to_stored as turned
from fechner.compression.jpeg.targets import Target, reach
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import most_important, ramp
from fechner.errors import InputError
from fechner.provenance import write_bytes

STEPS = 6
"""Halvings of the strength's range for the formats without a search of their own."""
LARGEST_STRENGTH = {"avif": 2.0, "webp": 2.0, "heic": 0.5}


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
        Keep EXIF, XMP, comments and resolution of JPEG sources.
    """

    target: Target = field(default_factory=Target)
    form: str = "jpeg"
    effort: Effort = "fast"
    subsampling: str = "4:2:0"
    metadata: bool = False


@dataclass(frozen=True)
class Outcome:
    """A compressed file and how it was judged.

    Attributes
    ----------
    content
        The file.
    picture, decoded
        uint8 (h, w, 3): what went in and what a viewer shows of `content`, turned as stored.
    importance
        The map, turned likewise.
    important, background
        ss2 of the most important quarter and of the rest; of a sample of tiles where the
        picture is large.
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
    quality: float | None
    strength: float
    note: str


def source_of(picture: Path | str | np.ndarray, settings: Settings) -> Source:
    """Open a picture for compression: a JPEG file as its coefficients, others as pixels.

    Raises
    ------
    InputError
        If the picture cannot be read or is of a kind that would be shown wrong.
    """
    from fechner.records.images.files import read_image

    if isinstance(picture, np.ndarray):
        return from_pixels(picture, subsampling=settings.subsampling)
    path = Path(picture)
    if path.suffix.lower() in (".jpg", ".jpeg") and settings.form in ("jpeg", "jxl"):
        return from_jpeg(path, metadata=settings.metadata)
    return from_pixels(read_image(path), subsampling=settings.subsampling)


def compress(
    picture: Source | Path | str | np.ndarray,
    importance: np.ndarray,
    settings: Settings | None = None,
) -> Outcome:
    """Compress one picture and judge the result.

    Parameters
    ----------
    picture
        A file, its pixels (uint8 (h, w, 3), sRGB), or what `source_of` made of either.
    importance
        Map of the upright picture (h, w), finite, 0 or more, any scale.
    settings
        Target and format; a JPEG of the usual quality where left out.

    Returns
    -------
    Outcome
        The file's bytes, what a viewer shows of them, and how close that is.

    Raises
    ------
    InputError
        If the picture cannot be read, the map does not fit it, or the target cannot be met.
    MissingPartError
        If the format needs a part that is not installed.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> picture = rng.integers(90, 166, (64, 96, 3)).astype(np.uint8)
    >>> left = np.repeat(np.linspace(1, 0, 96)[None], 64, axis=0)
    >>> found = compress(picture, left)
    >>> found.content[:2].hex(), found.decoded.shape
    ('ffd8', (64, 96, 3))
    """
    settings = settings or Settings()
    source = picture if isinstance(picture, Source) else source_of(picture, settings)
    formats.require(settings.form)
    stored = turned(np.asarray(importance, np.float32), source.turn)
    if settings.form in ("jpeg", "jxl"):
        found = reach(source, importance, settings.target, effort=settings.effort)
        content, decoded = found.content, encoder.decode_jpeg(found.content)
        quality, strength, note = found.quality, found.strength, found.note
        if settings.form == "jxl":
            content = formats.jpeg_to_jxl(content)
    else:
        content, strength, note = _other(source.picture, stored, settings)
        decoded, quality = formats.decode(content, settings.form), settings.target.quality
    important, background = judged(source, decoded, stored)
    return Outcome(
        content, source.picture, decoded, stored, important, background, quality, strength, note
    )


def judged(source: Source, decoded: np.ndarray, importance: np.ndarray) -> tuple[float, float]:
    """Return ss2 of the most important quarter and of the rest, on tiles of a large picture."""
    part, (shown, there) = sample(source, decoded, importance)
    inside = most_important(there, part.size)
    scores = Ss2Reference(part.picture).regions(
        np.ascontiguousarray(shown), {"important": inside, "rest": 1 - inside}
    )
    return scores["important"], scores["rest"]


def write(path: Path, outcome: Outcome) -> None:
    """Write the file of an outcome, whole or not at all."""
    write_bytes(path, outcome.content)


def _other(
    picture: np.ndarray, importance: np.ndarray, settings: Settings
) -> tuple[bytes, float, str]:
    """Encode in a format without a search of its own; return file, strength and note."""
    target = settings.target
    if target.bytes is not None or target.bits_per_pixel is not None:
        raise InputError(
            f"a size can be asked of jpeg and jxl, not of {settings.form}; give a quality"
        )
    share = ramp(importance, picture.shape[:2])
    encode = _encoder(picture, share, settings)
    top = LARGEST_STRENGTH[settings.form]
    if target.strength is not None:
        strength = min(target.strength, top)
        return encode(strength), strength, ""
    reference = Ss2Reference(picture)
    rest = 1 - most_important(importance, picture.shape[:2])
    low, high, best = 0.0, top, encode(0.0)
    if reference.score(formats.decode(best, settings.form), weights=rest) < target.background_floor:
        return best, 0.0, "background below the floor at this quality as it is"
    for _ in range(STEPS):
        middle = (low + high) / 2
        trial = encode(middle)
        decoded = formats.decode(trial, settings.form)
        if reference.score(decoded, weights=rest) >= target.background_floor:
            low, best = middle, trial
        else:
            high = middle
    return best, low, ""


def _encoder(
    picture: np.ndarray, share: np.ndarray, settings: Settings
) -> Callable[[float], bytes]:
    """Return what encodes the picture at a strength."""
    if settings.form == "heic":
        from fechner.compression.formats.heic import encode_heic

        return lambda s: encode_heic(picture, share, quality=settings.target.quality, strength=s)
    return lambda s: formats.encode_blurred(
        picture, share, form=settings.form, quality=settings.target.quality, strength=s
    )
