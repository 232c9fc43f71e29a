"""An image file decoded whole or not at all: damage is refused, never patched over.

Between the opened file and the pixels of `images`. Viewers, and Pillow, show something for a
JPEG whose data are damaged: libjpeg fills in what it cannot read and only warns. Here its
warnings are refusals, and so are blocks that no encoder writes (`jpeg_scan`). A PNG carries a
check sum for each of its chunks (CRC-32, ISO/IEC 15948), all of which must agree. Other formats
are refused where their decoders object.

No decoder can see damage that leaves valid data: a JPEG has no check sum, so changed bits that
still spell as many blocks of coefficients pass; in TIFF, BMP and PPM without compression, and in
WebP and AVIF, nearly every changed byte does. A file that ends early is refused in any format.
"""

from __future__ import annotations

import warnings
import zlib
from pathlib import Path

import simplejpeg
from PIL import Image

from fechner.errors import InputError

_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_LABELS = ("Warning: unknown JFIF", "Unknown Adobe color transform", "Invalid SOS parameters")
"""What libjpeg warns of that concerns a file's labels, not its picture (jerror.h).

Only its first warning is known, so that damage behind such a label is not seen."""

_UNUSUAL = "Could not determine subsampling"
"""What TurboJPEG says of valid files of sampling factors that it does not name (3x1, 2x4)."""

_PNG_SIGNATURE_BYTES = 8


def decoded(image: Image.Image, path: Path, *, content: bytes | None = None) -> Image.Image:
    """Return the picture of an opened image file with its pixels.

    Parameters
    ----------
    image
        The opened file; what it says beside its pixels stays with it.
    path
        The file, for the message and, without `content`, to read.
    content
        The whole file, where it is at hand.

    Raises
    ------
    InputError
        If the pixels are damaged or not all there.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if image.format in ("JPEG", "MPO"):
                return _jpeg(image, path.read_bytes() if content is None else content)
            if image.format == "PNG":
                _check_png(path.read_bytes() if content is None else content)
            image.load()
            return image
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything on damaged bytes
        raise InputError(
            f"{path} is corrupt or truncated: expected a whole {image.format}, got damaged data "
            f"({error}); replace it or leave it out"
        ) from error


def _jpeg(image: Image.Image, content: bytes) -> Image.Image:
    """Decode with the settings of Pillow (slow DCT, smooth chroma), and with every warning."""
    from fechner.records.images.jpeg_scan import impossible_block  # numba takes a while to import

    mode, block = image.mode, impossible_block(content)
    if block is not None:
        raise ValueError(f"block {block} is one that no encoder writes")
    try:
        pixels = simplejpeg.decode_jpeg(content, colorspace=_COLOURS[mode])
    except ValueError as error:
        if not (str(error).startswith(_LABELS) or _UNUSUAL in str(error)):
            raise
        image.load()
        return image
    if mode == "CMYK":  # stored as Adobe does: 255 is no ink
        return Image.frombytes(mode, pixels.shape[1::-1], (255 - pixels).tobytes())
    return Image.fromarray(pixels[..., 0] if mode == "L" else pixels)


def _check_png(content: bytes) -> None:
    """Raise ValueError unless all chunks up to the last are there and agree with their sums."""
    view, at, name = memoryview(content), _PNG_SIGNATURE_BYTES, b""
    while name != b"IEND":
        length, name = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        end = at + 12 + length
        if end > len(view):
            raise ValueError("the file ends before its last chunk")
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise ValueError(f"wrong check sum of chunk {name!r}")
        at = end
