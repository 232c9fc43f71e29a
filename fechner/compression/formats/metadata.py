"""What a compressed file says beside its picture, and what it keeps quiet.

``none``
    What the picture needs to be shown right: orientation, colour profile, Adobe's transform.
``safe``
    Beside it what belongs to whoever made it: when it was taken, resolution, artist and
    copyright (EXIF; from IPTC or XMP where EXIF names none). No position, serial numbers, owner,
    maker's notes, thumbnail, edit history or comments.
``all``
    Everything, except pointers to further pictures (MPF), which are not carried along.

Tags: CIPA DC-008 (EXIF 2.32), IPTC-IIM 4.2.
"""

from __future__ import annotations

import io
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any, Literal, cast

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin, UnidentifiedImageError

from fechner.compression.formats.jpeg_parts import end_of_image
from fechner.compression.jpeg.markers import (
    ADOBE,
    EXIF,
    EXIF_HEADER,
    JFIF,
    jfif,
    kept_markers,
    orientation,
    segment,
    segments,
    without_markers,
)
from fechner.errors import InputError, nearest

Keep = Literal["all", "safe", "none"]
KEEPS = ("all", "safe", "none")

_SAFE = (
    ExifTags.Base.XResolution,
    ExifTags.Base.YResolution,
    ExifTags.Base.ResolutionUnit,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
)
_SAFE_OF_PHOTOGRAPH = (
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.DateTimeDigitized,
    ExifTags.Base.OffsetTime,
    ExifTags.Base.OffsetTimeOriginal,
    ExifTags.Base.OffsetTimeDigitized,
    ExifTags.Base.SubsecTime,
    ExifTags.Base.SubsecTimeOriginal,
    ExifTags.Base.SubsecTimeDigitized,
    ExifTags.Base.ColorSpace,
)
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_EXIF_BOX = re.compile(rb"Exif\x00{2,6}(MM\x00\*|II\*\x00)")
_LARGEST_SEGMENT = 65533
_BYLINE, _COPYRIGHT_NOTICE = (2, 80), (2, 116)
"""IPTC records of the author and of the copyright."""


def checked_keep(keep: str) -> Keep:
    """Return what is to be kept, checked.

    Raises
    ------
    InputError
        If it is none of all, safe and none.
    """
    if keep not in KEEPS:
        raise InputError(f"metadata to keep: expected all, safe or none, got {keep!r}; "
                         f"{nearest(keep, KEEPS)}")  # fmt: skip
    return cast("Keep", keep)


def safe_markers(jpeg: bytes, needed: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the segments that a compressed JPEG begins with under ``safe``.

    Parameters
    ----------
    jpeg
        The source file.
    needed
        The segments that its picture needs, as under ``none``.
    """
    density = next((s for s in segments(jpeg) if s[0] == JFIF and s[1].startswith(b"JFIF\0")), None)
    kept = [one for one in needed if one[1] != EXIF]
    if density is not None:
        # A thumbnail may follow the first 14 bytes.
        whole = segment(JFIF, density[1][:12] + b"\0\0")
        kept = [whole if one[1] == JFIF else one for one in kept]
    exif = safe_exif(jpeg, turn=orientation(jpeg))
    place = 1 if kept and kept[0][1] == JFIF else 0
    if exif:
        kept.insert(place, segment(EXIF, EXIF_HEADER + exif))
    return tuple(kept)


def safe_exif(file: bytes, *, turn: int, converted: bool = False) -> bytes:
    """Return EXIF (TIFF) with what is safe of a file's; empty for nothing.

    Parameters
    ----------
    file
        The whole source.
    turn
        Orientation that it is to tell, 1 to 8.
    converted
        Whether the pixels were converted to sRGB, so that the source's colour space is not told.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged EXIF, also while it writes
        return _safe_exif(file, turn, converted=converted)


def _safe_exif(file: bytes, turn: int, *, converted: bool) -> bytes:
    known, artist, rights = _told(file)
    of_photograph = dict(known.get_ifd(ExifTags.IFD.Exif))
    kept = Image.Exif()
    for tag in _SAFE:
        if tag in known:
            kept[tag] = known[tag]
    for tag, text in ((ExifTags.Base.Artist, artist), (ExifTags.Base.Copyright, rights)):
        if text and tag not in kept:
            kept[tag] = text
    times: dict[int, Any] = {
        int(tag): of_photograph[tag] for tag in _SAFE_OF_PHOTOGRAPH if tag in of_photograph
    }
    if converted:
        times.pop(ExifTags.Base.ColorSpace, None)
    if times:
        kept.get_ifd(ExifTags.IFD.Exif).update(times)
    if turn != 1:
        kept[ExifTags.Base.Orientation] = turn
    try:
        return kept.tobytes().removeprefix(EXIF_HEADER) if times or len(kept) else b""
    except Exception:  # a value of a kind that EXIF cannot hold
        only = Image.Exif()
        only[ExifTags.Base.Orientation] = turn
        return only.tobytes().removeprefix(EXIF_HEADER) if turn != 1 else b""


def _told(file: bytes) -> tuple[Image.Exif, str, str]:
    """Return a file's EXIF, and artist and copyright as told elsewhere; empty where damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(file)) as image:
                # Pillow decodes a whole PNG to look for EXIF behind its pixels.
                plain = image.format == "PNG" and not _told_behind_pixels(file)
                known = Image.Image.getexif(image) if plain else image.getexif()
                elsewhere = _told_elsewhere(image)
                known.get_ifd(ExifTags.IFD.Exif)
                return known, *elsewhere
        except UnidentifiedImageError:
            return _exif_within(file), "", ""
        except Exception:  # Pillow raises anything on damaged EXIF
            return Image.Exif(), "", ""


def _exif_within(file: bytes) -> Image.Exif:
    """Return the EXIF of a file that Pillow does not open (HEIC, JPEG XL), found by its name."""
    known, place = Image.Exif(), _EXIF_BOX.search(file)
    if place is not None:
        try:
            known.load(file[place.start(1) :])
            known.get_ifd(ExifTags.IFD.Exif)
        except Exception:  # as above
            return Image.Exif()
    return known


def _told_elsewhere(image: Image.Image) -> tuple[str, str]:
    """Return artist and copyright as IPTC or XMP tell them."""
    iptc = IptcImagePlugin.getiptcinfo(cast("ImageFile.ImageFile", image)) or {}
    xmp = image.info.get("xmp", b"")
    xmp = xmp.encode("utf-8", "ignore") if isinstance(xmp, str) else bytes(xmp)
    return (
        _iptc_text(iptc.get(_BYLINE)) or _xmp_text(xmp, b"dc:creator"),
        _iptc_text(iptc.get(_COPYRIGHT_NOTICE)) or _xmp_text(xmp, b"dc:rights"),
    )


def _iptc_text(found: bytes | list[bytes] | None) -> str:
    parts = found if isinstance(found, list) else [found] if found else []
    return "; ".join(part.decode("utf-8", "replace") for part in parts)


def _xmp_text(xmp: bytes, name: bytes) -> str:
    found = re.search(
        rb"<" + name + rb">.*?<rdf:li[^>]*>(.*?)</rdf:li>.*?</" + name + rb">", xmp, re.DOTALL
    )
    return unescape(found[1].decode("utf-8", "replace")).strip() if found else ""


def markers_of_pixels(path: Path, keep: Keep) -> tuple[bytes, ...]:
    """Return the segments of a JPEG made from another file's pixels, which are upright sRGB."""
    if keep == "none":
        return (jfif(),)
    content = path.read_bytes()
    exif = safe_exif(content, turn=1, converted=True) if keep == "safe" else _whole_exif(content)
    kept = [jfif()]
    if exif and len(EXIF_HEADER + exif) <= _LARGEST_SEGMENT:
        kept.append(segment(EXIF, EXIF_HEADER + exif))
    xmp = _xmp_of(content) if keep == "all" else b""
    if xmp and len(_XMP + xmp) <= _LARGEST_SEGMENT:
        kept.append(segment(EXIF, _XMP + xmp))
    return tuple(kept)


def told_in(markers: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return EXIF (TIFF) and XMP of a JPEG's segments, for another format; empty without one."""
    bodies = [marker[4:] for marker in markers if marker[1] == EXIF]
    exif, xmp = (
        next((body.removeprefix(head) for body in bodies if body.startswith(head)), b"")
        for head in (EXIF_HEADER, _XMP)
    )
    return exif, xmp


def _whole_exif(content: bytes) -> bytes:
    """Return a file's EXIF with the orientation taken out: the pixels are upright already."""
    exif, *_ = _told(content)
    exif.pop(ExifTags.Base.Orientation, None)
    exif.get_ifd(ExifTags.IFD.Exif).pop(ExifTags.Base.ColorSpace, None)
    try:
        return exif.tobytes().removeprefix(EXIF_HEADER) if len(exif) else b""
    except Exception:  # a value of a kind that EXIF cannot hold
        return b""


def _xmp_of(content: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(content)) as image:
            xmp = image.info.get("xmp", b"")
    except (UnidentifiedImageError, OSError, ValueError):
        return b""
    return xmp.encode() if isinstance(xmp, str) else bytes(xmp)


def copy_of(content: bytes, kind: str, keep: Keep) -> bytes:
    """Return a file that is copied, not compressed, without what is not to be kept.

    JPEG and PNG lose metadata without a change of their pixels; other kinds stay as they are.
    """
    if keep == "all":
        return content
    if kind == "jpeg":
        return _jpeg_copy(content, keep)
    return _png_copy(content, keep) if kind == "png" else content


def _jpeg_copy(jpeg: bytes, keep: Keep) -> bytes:
    needed = tuple(kept_markers(jpeg, metadata=False))
    wanted = [safe_markers(jpeg, needed)] if keep == "safe" else []
    named = any(marker == JFIF for marker, _ in segments(jpeg))
    bare = without_markers(jpeg[: end_of_image(jpeg)])
    made = jpeg
    for markers in (*wanted, needed):
        # `without_markers` leaves Adobe's segment where it was.
        first = [m for m in markers if m[1] != ADOBE and (named or m[1] != JFIF)]
        made = b"".join([bare[:2], *first, bare[2:]])
        if len(made) <= len(jpeg):
            return made
    return made


_PNG_TOLD = (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf")


def _png_chunks(png: bytes) -> Iterator[tuple[bytes, slice]]:
    """Yield name and place of each chunk (ISO/IEC 15948, 5.3)."""
    at = 8
    while at + 12 <= len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], slice(at, end)
        at = end


def _told_behind_pixels(png: bytes) -> bool:
    names = [name for name, _ in _png_chunks(png)]
    return b"IDAT" in names and any(name in _PNG_TOLD for name in names[names.index(b"IDAT") :])


def _png_copy(png: bytes, keep: Keep) -> bytes:
    kept = [png[:8]]
    for name, place in _png_chunks(png):
        if name == b"eXIf":
            kept.append(_png_exif(png, keep))
        elif name not in _PNG_TOLD:
            kept.append(png[place])
    return b"".join(kept)


def _png_exif(png: bytes, keep: Keep) -> bytes:
    with Image.open(io.BytesIO(png)) as image:
        turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    exif = safe_exif(png if keep == "safe" else b"", turn=turn)
    if not exif:
        return b""
    body = b"eXIf" + exif
    return len(exif).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
