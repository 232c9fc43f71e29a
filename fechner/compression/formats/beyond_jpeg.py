"""Formats other than JPEG, and what spatial control each of them really has.

========  ===================================================================  ==============
format    what lets importance in                                              needs
========  ===================================================================  ==============
jpeg      DCT coefficients, block by block (`fechner.compression.jpeg.encoder`)        -
jxl       that same JPEG, packed losslessly; unpacks to it byte by byte        extra ``jxl``
heic      x265's own quantiser offsets by region (FFmpeg's addroi)             extra ``hevc``
avif      none in the encoders that Pillow and FFmpeg carry: the picture is    -
          blurred before it, more where importance is less
webp      none: blurred before it, likewise                                    -
========  ===================================================================  ==============

Quality is the number that each encoder understands by it, and the important part gets
just what it gives; ``strength`` says how much the rest loses.
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
from PIL import Image, features

from fechner.compression.pictures import checked_picture, checked_weights
from fechner.errors import InputError, MissingPartError, nearest

FORMATS = {"jpeg": ".jpg", "jxl": ".jxl", "heic": ".heic", "avif": ".avif", "webp": ".webp"}
"""Every format and the suffix of its files."""
BLURRED = ("avif", "webp")
BLUR_SIGMAS = (0.0, 0.5, 0.8, 1.2, 1.8)
"""Widths between which the pre-filter blends, pixels; strength 1 uses the middle one."""


def suffix(name: str) -> str:
    """Return the file suffix of a format.

    Raises
    ------
    InputError
        If the format is unknown.
    """
    if name not in FORMATS:
        raise InputError(f"no format is called {name!r}; {nearest(name, FORMATS)}")
    return FORMATS[name]


def require(name: str) -> None:
    """Check that the parts that a format needs are installed.

    Raises
    ------
    InputError
        If the format is unknown.
    MissingPartError
        If a part is missing; the message says how to install it.
    """
    suffix(name)
    if name == "jxl":
        _jxl()
    if name == "heic":
        _av()
    if name in BLURRED and not features.check(name):
        raise MissingPartError(
            f"this Pillow cannot write {name}; install a wheel of Pillow 11.3 or later"
        )


def jpeg_to_jxl(jpeg: bytes) -> bytes:
    """Pack a JPEG losslessly as JPEG XL, about a tenth smaller; libjxl's ``djxl`` gives it back.

    Raises
    ------
    MissingPartError
        If pylibjxl is not installed.
    InputError
        If the JPEG is of a kind that cannot be packed.
    """
    try:
        return bytes(_jxl().jpeg_to_jxl(jpeg))
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"expected a JPEG that JPEG XL can pack, got another file ({error}); "
            "choose another format"
        ) from error


def prefiltered(picture: np.ndarray, share: np.ndarray, *, strength: float) -> np.ndarray:
    """Blur a picture where it may lose, smoothly more with the share of the loss.

    Parameters
    ----------
    picture
        uint8 (h, w, 3) sRGB.
    share
        Share of the loss (h, w) in [0, 1], from `fechner.compression.ramp.ramp`.
    strength
        0 changes nothing, 1 blurs by a sigma of 0.8 pixel where the share is 1, 2 by 1.8.

    Returns
    -------
    numpy.ndarray
        uint8 (h, w, 3); where the share is 0 the picture as it was.

    Raises
    ------
    InputError
        If the arrays do not fit, or the strength is not in [0, 2].
    """
    picture = checked_picture(picture)
    if not 0 <= strength <= 2:
        raise InputError(f"expected a strength of blur from 0 to 2, got {strength}")
    share = np.asarray(share, np.float32)
    if share.any():
        share = checked_weights(share, picture.shape, what="share of the loss")
    place = share * np.float32(strength) * (len(BLUR_SIGMAS) // 2)
    levels: list[np.ndarray] = [picture.astype(np.float32)]
    levels += [cv2.GaussianBlur(levels[0], (0, 0), sigma) for sigma in BLUR_SIGMAS[1:]]
    mixed = np.zeros_like(levels[0])
    for number, level in enumerate(levels):
        weight = np.clip(1 - np.abs(place - number), 0, 1)
        mixed += weight[..., None] * level
    return np.rint(mixed).astype(np.uint8)


def encode_blurred(
    picture: np.ndarray,
    share: np.ndarray,
    *,
    form: str,
    quality: float,
    strength: float,
    exif: bytes = b"",
    xmp: bytes = b"",
) -> bytes:
    """Encode as AVIF or WebP behind the pre-filter.

    Parameters
    ----------
    picture, share, strength
        As `prefiltered` takes them.
    form
        ``"avif"`` or ``"webp"``.
    quality
        The encoder's own quality, [1, 100].
    exif, xmp
        What the file says beside the picture: TIFF, and XML.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    MissingPartError
        If this Pillow lacks the encoder.
    """
    require(form)
    buffer = io.BytesIO()
    softened = prefiltered(picture, share, strength=strength)
    options: dict[str, Any] = {"speed": 6} if form == "avif" else {"method": 4}
    options |= {name: told for name, told in (("exif", exif), ("xmp", xmp)) if told}
    Image.fromarray(softened).save(buffer, form.upper(), quality=round(quality), **options)
    return buffer.getvalue()


def decode(content: bytes, form: str) -> np.ndarray:
    """Return the pixels of a file of any of the formats, uint8 (h, w, 3)."""
    if form == "jxl":
        return np.ascontiguousarray(_jxl().decode(content)[..., :3])
    if form == "heic":
        from fechner.compression.formats.heic import decode_heic

        return decode_heic(content)
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def _jxl() -> Any:
    try:
        import pylibjxl
    except ImportError as error:
        raise MissingPartError(
            "JPEG XL needs pylibjxl; install it with: pip install 'fechner[jxl]'"
        ) from error
    return pylibjxl


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingPartError(
            "HEIC needs PyAV; install it with: pip install 'fechner[hevc]'"
        ) from error
    return av
