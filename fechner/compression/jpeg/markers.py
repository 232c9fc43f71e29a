"""What a JPEG file says beside its picture: orientation, profile, resolution, comments.

Read from a source and carried into the compressed file. What the picture needs to be
shown right (colour profile, EXIF orientation, Adobe's colour transform) always travels;
the rest (camera data, GPS, XMP, comments, resolution) only on request.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

JFIF, EXIF, ICC, ADOBE, COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
EXIF_HEADER, ICC_HEADER = b"Exif\x00\x00", b"ICC_PROFILE\x00"
ORIENTATION = 0x0112
"""The EXIF tag that tells how the stored pixels are turned, 1 (upright) to 8."""


def segment(marker: int, content: bytes) -> bytes:
    """Return a whole segment: 0xFF, `marker`, length, `content` (at most 65533 bytes)."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment before the first scan."""
    position = 2
    while position + 4 <= len(jpeg) and jpeg[position] == 0xFF:
        marker = jpeg[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xDA:
            return
        length = int.from_bytes(jpeg[position + 2 : position + 4], "big")
        yield marker, jpeg[position + 4 : position + 2 + length]
        position += 2 + length


def without_markers(jpeg: bytes) -> bytes:
    """Return the file without its APPn and COM segments, Adobe's colour transform excepted."""
    kept, position = [jpeg[:2]], 2
    for marker, content in segments(jpeg):
        while jpeg[position + 1] == 0xFF:
            position += 1
        end = position + 4 + len(content)
        if marker == ADOBE or not (0xE0 <= marker <= 0xEF or marker == COMMENT):
            kept.append(jpeg[position:end])
        position = end
    return b"".join([*kept, jpeg[position:]])


def kept_markers(jpeg: bytes, *, metadata: bool) -> list[bytes]:
    """Return the segments of a source JPEG that its compressed file keeps.

    Parameters
    ----------
    jpeg
        The source file.
    metadata
        Keep all of them; otherwise only what the picture needs to be shown right.
    """
    found = list(segments(jpeg))
    if metadata:
        # MPF points at byte positions of further pictures, which are not carried along.
        return [
            segment(marker, content)
            for marker, content in found
            if (0xE0 <= marker <= 0xEF or marker == COMMENT) and not content.startswith(b"MPF\x00")
        ]
    kept = []
    has_adobe = any(marker == ADOBE for marker, _ in found)
    if not has_adobe:
        kept.append(jfif())
    turn = orientation(jpeg)
    if turn != 1:
        kept.append(exif_orientation(turn))
    for marker, content in found:
        if marker == ADOBE or (marker == ICC and content.startswith(ICC_HEADER)):
            kept.append(segment(marker, content))
    return kept


def jfif(dots_per_inch: tuple[int, int] | None = None) -> bytes:
    """Return the segment that says "this is JFIF", with the resolution where there is one."""
    unit, density = (1, dots_per_inch) if dots_per_inch else (0, (1, 1))
    return segment(JFIF, b"JFIF\x00\x01\x01" + struct.pack(">BHHBB", unit, *density, 0, 0))


def adobe(transform: int) -> bytes:
    """Return Adobe's segment: `transform` 0 for RGB or CMYK, 1 for YCbCr, 2 for YCCK."""
    return segment(ADOBE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


def exif_orientation(turn: int) -> bytes:
    """Return an EXIF segment that holds nothing but the orientation, 1 to 8."""
    entry = struct.pack(">HHIHH", ORIENTATION, 3, 1, turn, 0)
    return segment(EXIF, EXIF_HEADER + b"MM\x00*" + struct.pack(">IH", 8, 1) + entry + bytes(4))


def orientation(jpeg: bytes) -> int:
    """Return the EXIF orientation of a JPEG, 1 (upright) to 8; 1 where it says nothing valid."""
    for marker, content in segments(jpeg):
        if marker == EXIF and content.startswith(EXIF_HEADER):
            turn = _orientation_entry(content[len(EXIF_HEADER) :])
            return turn if 1 <= turn <= 8 else 1
    return 1


def _orientation_entry(tiff: bytes) -> int:
    order = ">" if tiff[:2] == b"MM" else "<"
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * number)
            if tag == ORIENTATION:
                return value
    except struct.error:
        pass
    return 1
