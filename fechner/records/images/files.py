"""Image files in and out: every reader of fechner sees the same sRGB pixels.

The first step of the way of the data. `read_image` either returns the picture a
viewer would show, as 8-bit sRGB, upright, or refuses the file and says why; no
odd or damaged file is ever shown wrong. Importance maps travel as 16-bit grey PNG.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from fechner.errors import InputError, UnsuitedError
from fechner.provenance import atomic_path
from fechner.records.images.decoding import decoded

READABLE = ("JPEG", "MPO", "PNG", "TIFF", "BMP", "WEBP", "PPM", "GIF", "AVIF")
MAX_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 89_478_485)
"""Largest image read, in pixels: the point at which Pillow itself suspects an attack."""

_EXIF_ORIENTATION = 0x0112
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS_PER_SAMPLE = 256, 257, 258


IMAGE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".avif", ".ppm"
)  # fmt: skip
"""How the names of images end where a folder is looked through. GIFs are mostly animations: they
are read where they are named."""


def image_files(folder: Path) -> list[Path]:
    """Return the images in a folder and below it, in order.

    Hidden files are none: on foreign disks macOS puts a ``._NAME.jpg``, no picture, beside each.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if not Path(folder).is_dir():
        raise InputError(f"no folder {folder}; check the path")
    below = Path(folder).rglob("*")
    named = (file for file in below if file.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(file for file in named if not file.name.startswith(".") and not file.is_dir())


def read_image(path: Path | str, *, background: tuple[int, int, int] | None = None) -> np.ndarray:
    """Return the picture in an image file as a viewer shows it.

    Grey becomes three equal channels; 16 bits become 8 by ``round(value / 257)``;
    palettes are looked up; the EXIF orientation is applied; pixels with a colour
    profile (CMYK too) go through it to sRGB, relative colorimetric; an alpha
    channel that is opaque everywhere is dropped, another one refused or, with a `background`
    (sRGB, [0, 255]), blended with it.

    Returns
    -------
    numpy.ndarray
        uint8 ``(height, width, 3)``, sRGB, [0, 255].

    Raises
    ------
    InputError
        If the file is missing, corrupt, truncated or empty; if it is animated, has
        transparent pixels, floating-point or 32-bit samples, or CMYK without a
        profile (its colours are undefined); if it has more than `MAX_PIXELS`. All but the
        damaged ones as the subclass `UnsuitedError`.
    """
    path = Path(path)
    with _opened(path) as image:
        picture = decoded(image, path)
        # Read after decoding: both readers have then turned a TIFF, and nothing else.
        turn = _orientation(image)
        eight, alpha = _eight_bit(picture, path)
        if alpha is not None and background is None:
            raise UnsuitedError(
                f"{path} has transparent pixels, so its colours depend on the background; "
                "flatten it onto one first"
            )
        pixels = srgb_pixels(eight, path, image.info.get("icc_profile"))
    if alpha is not None:
        share = np.asarray(alpha, np.float32)[..., None] / 255
        pixels = np.rint(share * pixels + (1 - share) * np.asarray(background, np.float32)).astype(
            np.uint8
        )
    return np.ascontiguousarray(_upright(pixels, turn))


def image_size(path: Path | str) -> tuple[int, int]:
    """Return ``(height, width)`` in pixels as `read_image` would give (only PNG is decoded for it).

    Raises
    ------
    InputError
        If the file is missing or is not an image that can be read.
    """
    path = Path(path)
    with _opened(path) as image:
        width, height = _stored_size(image)
        if image.format == "PNG":  # its EXIF block may stand behind the pixels
            decoded(image, path)
        turned = _orientation(image) in (5, 6, 7, 8)
    return (width, height) if turned else (height, width)


def check_header(path: Path | str) -> None:
    """Check, without decoding, that a file exists and begins as an image that is read here.

    Raises
    ------
    InputError
        If it does not.
    """
    with _opened(Path(path)):
        pass


def write_png(path: Path | str, pixels: np.ndarray) -> None:
    """Write uint8 ``(height, width, 3)`` sRGB pixels as a lossless PNG.

    Raises
    ------
    InputError
        If the folder cannot be written.
    ValueError
        If `pixels` has another type or shape.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(
            f"expected uint8 (height, width, 3), got {pixels.dtype} {pixels.shape}; convert first"
        )
    with atomic_path(Path(path)) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", compress_level=4)


def write_map_png(path: Path | str, values: np.ndarray) -> None:
    """Write a map ``(height, width)`` in [0, 1] as 16-bit grey PNG (steps of 1/65535).

    Raises
    ------
    ValueError
        If `values` is not two-dimensional, not finite, or leaves [0, 1].
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"expected a map (height, width), got shape {values.shape}")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise ValueError("expected map values in [0, 1], got others; rescale the map first")
    with atomic_path(Path(path)) as temporary:
        Image.fromarray(np.rint(values * 65535).astype(np.uint16)).save(temporary, format="PNG")


def read_map_png(path: Path | str) -> np.ndarray:
    """Return a map stored as grey PNG (16 or 8 bits): float32 ``(height, width)`` in [0, 1].

    Raises
    ------
    InputError
        If the file is missing, corrupt, or not a grey image.
    """
    path = Path(path)
    with _opened(path) as image:
        image = decoded(image, path)
        depth = {"I;16": 65535, "I;16B": 65535, "I;16L": 65535, "L": 255}.get(image.mode)
        if depth is None:
            raise InputError(
                f"{path} is no map: expected a grey PNG of 16 or 8 bits, got mode {image.mode}"
            )
        return (np.asarray(image, dtype=np.float32) / np.float32(depth)).astype(np.float32)


def write_mask_png(path: Path | str, mask: np.ndarray) -> None:
    """Write a region, bool ``(height, width)``, as a PNG of 0 and 255.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    grey = np.asarray(mask, bool).astype(np.uint8) * 255
    write_png(path, np.repeat(grey[..., None], 3, axis=2))


def read_mask_png(path: Path | str) -> np.ndarray:
    """Return a region that `write_mask_png` wrote: bool ``(height, width)``.

    Raises
    ------
    InputError
        If the file is missing, corrupt or no image.
    """
    return read_image(path)[..., 0] > 127


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file and refuse what cannot be read, from its header alone."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(path)
            frames = getattr(image, "n_frames", 1)
    except FileNotFoundError as error:
        raise InputError(f"image {path} is missing; check the path") from error
    except Image.DecompressionBombError as error:
        raise UnsuitedError(
            f"{path} has more than {MAX_PIXELS // 10**6} million pixels; scale it down first"
        ) from error
    except UnidentifiedImageError as error:
        empty = path.stat().st_size == 0
        raise InputError(
            f"{path} is {'an empty file' if empty else 'not an image, or is corrupt'}; "
            "replace it or leave it out"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything on damaged bytes
        raise InputError(f"cannot read {path}: {error}; replace it or leave it out") from error
    with image:
        _refuse_by_header(image, frames, path)
        yield image


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; damaged EXIF means upright, as for any viewer."""
    try:
        tags: Any = image.tag_v2 if hasattr(image, "tag_v2") else image.getexif()
        turn = tags.get(_EXIF_ORIENTATION, 1)
        return turn if isinstance(turn, int) else 1
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return 1


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Return (width, height) before turning; Pillow's own size of a TIFF is turned already."""
    tags: Any = getattr(image, "tag_v2", {})
    return tags.get(_TIFF_WIDTH, image.size[0]), tags.get(_TIFF_HEIGHT, image.size[1])


def _refuse_by_header(image: Image.Image, frames: int, path: Path) -> None:
    if image.format not in READABLE:
        raise InputError(f"{path} is {image.format}, which is not read here; save it as PNG")
    if 0 in image.size:
        raise InputError(f"{path} has no pixels; replace it or leave it out")
    if frames > 1 and image.format != "MPO":
        raise UnsuitedError(f"{path} holds {frames} frames; expected one picture: save one as PNG")


def _eight_bit(image: Image.Image, path: Path) -> tuple[Image.Image, Image.Image | None]:
    """Return the image as L, RGB or CMYK of 8 bits, and its alpha where some is not opaque."""
    if _bits(image, path) == 16:
        image = _from_sixteen_bits(image, path)
    if image.mode in ("I", "F", "LAB", "HSV", "RGBX") or image.mode.startswith("I;"):
        raise UnsuitedError(f"{path} has samples of kind {image.mode}; save it as 8-bit RGB PNG")
    if image.mode == "1":
        image = image.convert("L")
    transparent = "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa")
    if not transparent:
        return (image.convert("RGB") if image.mode == "P" else image), None
    grey = image.mode in ("L", "LA", "La")
    with_alpha = image.convert("RGBA")
    alpha = with_alpha.getchannel("A")
    opaque = alpha.getextrema() == (255, 255)
    return with_alpha.convert("L" if grey else "RGB"), None if opaque else alpha


def _bits(image: Image.Image, path: Path) -> int:
    """Return the bits of a sample: 16 where Pillow would have cut them to 8 (PNG, TIFF)."""
    if image.format == "PNG":
        with path.open("rb") as file:
            return 16 if file.read(25)[24] == 16 else 8
    if image.format == "TIFF":
        tags: Any = getattr(image, "tag_v2", {})
        declared = tags.get(_TIFF_BITS_PER_SAMPLE, 8)
        return 16 if 16 in np.atleast_1d(declared) else 8
    return 16 if image.mode.startswith("I;16") else 8


def _from_sixteen_bits(image: Image.Image, path: Path) -> Image.Image:
    import cv2

    raw = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint16 or "transparency" in image.info:
        raise UnsuitedError(
            f"{path} is a 16-bit image of an unusual kind; save it as 8-bit RGB PNG"
        )
    eight = np.rint(raw / 257.0).astype(np.uint8)
    if eight.ndim == 2:
        return Image.fromarray(eight)
    order = cv2.COLOR_BGR2RGB if eight.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return Image.fromarray(cv2.cvtColor(eight, order))


def srgb_pixels(image: Image.Image, path: Path, icc: bytes | None) -> np.ndarray:
    """Return the sRGB pixels of an L, RGB or CMYK image and its colour profile.

    Returns
    -------
    numpy.ndarray
        uint8 ``(height, width, 3)``.

    Raises
    ------
    InputError
        If the image is CMYK without a profile, or the profile cannot be used.
    """
    if image.mode == "CMYK" and not icc:
        raise UnsuitedError(
            f"{path} is CMYK without a colour profile, so its colours are undefined; save it as RGB"
        )
    if icc:
        image = _through_profile(image, path, icc)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _through_profile(image: Image.Image, path: Path, icc: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        space = profile.profile.xcolor_space.strip()
        if space == "RGB":
            image = image.convert("RGB") if image.mode == "L" else image
        if {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}.get(space) != image.mode:
            if image.mode == "CMYK":
                raise UnsuitedError(f"{path} is CMYK with a profile for {space}; save it as RGB")
            return image
        if space == "RGB" and _is_srgb(profile):
            return image
        return _to_srgb(image, profile)
    except InputError:
        raise
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise InputError(
            f"{path} has a colour profile that cannot be used ({error}); save it as sRGB"
        ) from error


def _to_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image,
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if converted is None:
        raise OSError("no conversion to sRGB")
    return converted


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether the profile leaves a grid of colours where sRGB has them (within 2 of 255)."""
    axis = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(27, 27, 3)
    moved = np.asarray(_to_srgb(Image.fromarray(grid), profile)).astype(int)
    return bool(np.abs(moved - grid).max() <= 2)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8; others mean upright) to ``(height, width, 3)``."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
