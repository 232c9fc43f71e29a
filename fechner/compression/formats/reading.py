"""Pictures of every kind opened for compression, by their content.

A JPEG is opened as the coefficients that it stores, where they can be taken apart; every other
kind, and a JPEG of unusual sampling or arithmetic coding, as its pixels.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from fechner.compression.formats import metadata
from fechner.compression.formats.metadata import Keep
from fechner.compression.formats.sniffing import HEAD_BYTES, kind_of
from fechner.compression.jpeg.markers import segments
from fechner.compression.jpeg.source import Source, from_jpeg, from_pixels
from fechner.errors import InputError, MissingPartError, UnsuitedError
from fechner.records.images.files import read_image

SMALLEST, LARGEST = 8, 65500
"""Sides between which a picture is compressed, pixels: a block; the most that libjpeg opens."""
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_HUFFMAN, _ARITHMETIC = (0xC0, 0xC1, 0xC2), (0xC9, 0xCA)
_LUMA_FACTORS = ((1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4))


def kind_of_file(path: Path) -> str:
    """Return a file's kind by its first bytes, as `fechner.compression.formats.sniffing` says it.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return kind_of(file.read(HEAD_BYTES))
    except FileNotFoundError as error:
        raise InputError(f"image {path} is missing; check the path") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error


def read_pixels(path: Path, *, background: tuple[int, int, int] | None = None) -> np.ndarray:
    """Return the picture in a file of any kind that is read, as a viewer shows it.

    Parameters
    ----------
    path
        The file.
    background
        sRGB, [0, 255], that transparent pixels are blended with; without one they are refused.

    Returns
    -------
    numpy.ndarray
        uint8 (h, w, 3), sRGB, upright.

    Raises
    ------
    InputError
        If it is damaged or no picture; as the subclass `UnsuitedError` if it is animated,
        transparent, too large, or of samples that are not read.
    MissingPartError
        If its kind needs a part that is not installed.
    """
    kind = kind_of_file(path)
    if kind == "heic":
        from fechner.compression.formats.heic_reading import read_heic

        return read_heic(path)
    if kind == "jxl":
        return _read_jxl(path, background)
    return read_image(path, background=background)


def open_source(
    path: Path,
    *,
    coefficients: bool,
    subsampling: str = "4:2:0",
    keep: Keep = "safe",
    background: tuple[int, int, int] | None = None,
) -> Source:
    """Open a picture for compression.

    Parameters
    ----------
    path
        The file.
    coefficients
        Whether a JPEG's coefficients are wanted; otherwise its pixels.
    subsampling
        Of JPEGs made from pixels.
    keep
        What the compressed file says beside the picture: ``"all"``, ``"safe"`` or ``"none"``.
    background
        As for `read_pixels`.

    Raises
    ------
    InputError
        As for `read_pixels`.
    MissingPartError
        As for `read_pixels`.
    """
    if kind_of_file(path) == "jpeg" and coefficients:
        content = path.read_bytes()
        if _taken_apart(content, path):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of damaged EXIF, which shows nothing
                source = from_jpeg(path, metadata=keep == "all")
            check_sides(source.size, path)
            if keep != "safe":
                return source
            return replace(source, markers=metadata.safe_markers(content, source.markers))
    pixels = read_pixels(path, background=background)
    check_sides(pixels.shape[:2], path)
    markers = metadata.markers_of_pixels(path, keep)
    return from_pixels(pixels, subsampling=subsampling, markers=markers)


def check_sides(size: tuple[int, ...], path: Path) -> None:
    """Check that a picture (h, w) is neither too small nor too large to be compressed.

    Raises
    ------
    UnsuitedError
        If a side is below `SMALLEST` or above `LARGEST`.
    """
    if min(size) < SMALLEST or max(size) > LARGEST:
        what = f"smaller than {SMALLEST}" if min(size) < SMALLEST else f"larger than {LARGEST}"
        raise UnsuitedError(f"{path} is {size[1]} x {size[0]} pixels, a side {what}")


def _taken_apart(jpeg: bytes, path: Path) -> bool:
    """Tell whether a JPEG's coefficients can be taken apart; its pixels are read where not."""
    frame = next(((m, body) for m, body in segments(jpeg) if m in _FRAMES), None)
    if frame is None or len(frame[1]) < 6:
        return True  # left to the reader, which says what is damaged
    marker, body = frame
    if marker not in (*_HUFFMAN, *_ARITHMETIC) or body[0] != 8:
        kind = f"{body[0]} bits" if marker in (*_HUFFMAN, *_ARITHMETIC) else "lossless coding"
        raise UnsuitedError(f"{path} is a JPEG of {kind}, which hardly any viewer opens")
    factors = [(byte >> 4, byte & 15) for byte in body[7 : 6 + 3 * body[5] : 3]]
    chroma = factors[1:3]
    usual = len(factors) == 1 or (
        factors[0] in _LUMA_FACTORS
        and all(factor == (1, 1) for factor in chroma)
        and all(factor == factors[0] for factor in factors[3:])
    )
    return usual and marker in _HUFFMAN


def _read_jxl(path: Path, background: tuple[int, int, int] | None) -> np.ndarray:
    try:
        import pylibjxl
    except ImportError as error:
        raise MissingPartError(
            f"{path} is JPEG XL, read with pylibjxl; install it with: pip install 'fechner[jxl]'"
        ) from error
    try:
        pixels = np.asarray(pylibjxl.decode(path.read_bytes()))
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path} is no whole JPEG XL ({error}); replace it") from error
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise UnsuitedError(f"{path} has samples of kind {pixels.dtype}; save it as 8-bit PNG")
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    colour, alpha = (pixels, None) if pixels.shape[2] in (1, 3) else np.split(pixels, [-1], axis=2)
    colour = np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour
    if alpha is None or alpha.min() == 255:
        return np.ascontiguousarray(colour)
    if background is None:
        raise UnsuitedError(f"{path} has transparent pixels; flatten it onto a background first")
    share = alpha.astype(np.float32) / 255
    mixed = share * colour + (1 - share) * np.asarray(background, np.float32)
    return np.rint(mixed).astype(np.uint8)
