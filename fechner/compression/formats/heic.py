"""HEIC files in which x265 spends less where importance is low.

FFmpeg's ``addroi`` filter hands x265 a quantiser offset for each region; the picture is
coded as one HEVC key frame and wrapped as a still (ISO/IEC 23008-12). This is the one
codec in wheels that takes a spatial map by itself. Needs PyAV (extra ``hevc``).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from fechner.compression.pictures import checked_picture
from fechner.errors import InputError, MissingPartError

CELL = 32
"""Side of a region, pixels; at most `MOST_CELLS` of them are given to the encoder."""
MOST_CELLS = 400
_VPS, _SPS, _PPS = 32, 33, 34


def encode_heic(
    picture: np.ndarray,
    share: np.ndarray,
    *,
    quality: float,
    strength: float,
    exif: bytes = b"",
    xmp: bytes = b"",
) -> bytes:
    """Encode a picture as HEIC.

    Parameters
    ----------
    picture
        uint8 (h, w, 3) sRGB.
    share
        Share of the loss (h, w) in [0, 1].
    quality
        [1, 100]; x265's constant rate factor is ``51 (1 - quality / 100)``.
    strength
        Quantiser offset, as a fraction of its range, where the share is 1: [0, 1].
    exif, xmp
        What the file says beside the picture: TIFF, and XML.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    MissingPartError
        If PyAV is not installed or lacks x265.
    InputError
        If an argument does not fit.
    """
    picture = checked_picture(picture, smallest=16)
    if not 0 <= strength <= 1:
        raise InputError(f"expected a quantiser offset from 0 to 1, got {strength}")
    stream = _hevc(_even(picture), share, 51 * (1 - quality / 100), strength)
    # EXIF begins with the place of its TIFF header (ISO/IEC 23008-12, A.2.1).
    told = [("Exif", b"\0\0\0\6Exif\0\0" + exif)] if exif else []
    told += [("mime", xmp)] if xmp else []
    return _wrapped(stream, picture.shape[:2], told)


def decode_heic(content: bytes) -> np.ndarray:
    """Return the pixels of a HEIC that `encode_heic` wrote, uint8 (h, w, 3)."""
    av = av_part()
    height, width = _true_size(content)
    with av.open(io.BytesIO(content)) as container:
        frame = next(container.decode(video=0))
    pixels = frame.reformat(
        format="rgb24", src_colorspace="ITU709", src_color_range="JPEG"
    ).to_ndarray()
    return np.ascontiguousarray(pixels[:height, :width])


def _true_size(content: bytes) -> tuple[int, int]:
    """Return height and width from the clean aperture, or from the coded size without one."""
    if b"clap" in content[:1024]:
        place = content.index(b"clap") + 4
        width, _, height = struct.unpack_from(">III", content, place)
    else:
        width, height = struct.unpack_from(">II", content, content.index(b"ispe") + 8)
    return height, width


def av_part() -> Any:
    """Return PyAV.

    Raises
    ------
    MissingPartError
        If it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingPartError(
            "HEIC needs PyAV; install it with: pip install 'fechner[hevc]'"
        ) from error
    return av


def _even(picture: np.ndarray) -> np.ndarray:
    down, right = picture.shape[0] % 2, picture.shape[1] % 2
    return cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_REPLICATE)


def _hevc(picture: np.ndarray, share: np.ndarray, factor: float, strength: float) -> bytes:
    """Return one HEVC key frame as an Annex B byte stream."""
    av = av_part()
    height, width = picture.shape[:2]
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range="JPEG"
    )
    frame.pts = 0
    frame = _with_regions(av, frame, share, strength)
    try:
        codec = av.CodecContext.create("libx265", "w")
    except ValueError as error:
        raise MissingPartError("this PyAV has no x265; install a wheel of PyAV") from error
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.framerate, codec.time_base = Fraction(1), Fraction(1)
    # With aq-mode 0 x265 ignores the offsets of regions.
    settings = "log-level=0:aq-mode=1:keyint=1:info=0:repeat-headers=1:range=full:colormatrix=bt709"
    codec.options = {"crf": f"{factor:.2f}", "preset": "medium", "x265-params": settings}
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def _with_regions(av: Any, frame: Any, share: np.ndarray, strength: float) -> Any:
    """Return the frame with the quantiser offset of every cell attached."""
    height, width = frame.height, frame.width
    cell = CELL
    while (height // cell + 1) * (width // cell + 1) > MOST_CELLS:
        cell *= 2
    graph = av.filter.Graph()
    last = graph.add_buffer(width=width, height=height, format="yuv420p", time_base=Fraction(1))
    for y in range(0, height, cell):
        for x in range(0, width, cell):
            offset = strength * float(np.mean(share[y : y + cell, x : x + cell]))
            if offset < 0.01:
                continue
            wide, high = min(cell, width - x), min(cell, height - y)
            region = graph.add("addroi", f"x={x}:y={y}:w={wide}:h={high}:qoffset={offset:.3f}")
            last.link_to(region)
            last = region
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    graph.push(frame)
    return graph.pull()


def _box(kind: str, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind.encode()) + content


def _full_box(kind: str, version: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)


def _wrapped(stream: bytes, size: tuple[int, int], told: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """Wrap a key frame as a still picture of `size` (h, w) (ISO/IEC 14496-12, 23008-12).

    `told` are further items that describe it, type and content.
    """
    units = [
        unit.rstrip(b"\x00") for unit in stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    ]
    units = [unit for unit in units if unit]
    kinds = [unit[0] >> 1 & 63 for unit in units]
    headers = {kind: unit for kind, unit in zip(kinds, units, strict=True) if kind in (32, 33, 34)}
    slices = [unit for kind, unit in zip(kinds, units, strict=True) if kind < 32]
    picture = b"".join(struct.pack(">I", len(unit)) + unit for unit in slices)
    items = [("hvc1", picture), *told]
    ftyp = _box("ftyp", b"heic", bytes(4), b"mif1", b"heic")
    meta = _meta(headers, size, items, 0)
    meta = _meta(headers, size, items, len(ftyp) + len(meta) + 8)
    return ftyp + meta + _box("mdat", *(content for _, content in items))


def _meta(
    headers: dict[int, bytes], size: tuple[int, int], items: Sequence[tuple[str, bytes]], start: int
) -> bytes:
    """Return the box that tells of the items, whose contents follow each other from `start` on."""
    height, width = size
    properties = [
        _box("hvcC", _configuration(headers)),
        _full_box("ispe", 0, struct.pack(">II", width + width % 2, height + height % 2)),
        _box("colr", b"nclx", struct.pack(">HHHB", 1, 13, 1, 0x80)),
        _full_box("pixi", 0, bytes([3, 8, 8, 8])),
    ]
    flags = [0x80 | 1, 2, 3, 4]
    if height % 2 or width % 2:
        across, down = -(width % 2), -(height % 2)
        clap = struct.pack(">IIIIiIiI", width, 1, height, 1, across, 2, down, 2)
        properties.append(_box("clap", clap))
        flags.append(0x80 | 5)
    return _full_box(
        "meta",
        0,
        _full_box("hdlr", 0, bytes(4), b"pict", bytes(13)),
        _full_box("pitm", 0, struct.pack(">H", 1)),
        _places([len(content) for _, content in items], start),
        _full_box(
            "iinf",
            0,
            struct.pack(">H", len(items)),
            *(_entry(number, kind) for number, (kind, _) in enumerate(items, start=1)),
        ),
        *_described(len(items)),
        _box(
            "iprp",
            _box("ipco", *properties),
            _full_box("ipma", 0, struct.pack(">IHB", 1, 1, len(flags)), bytes(flags)),
        ),
    )


def _places(lengths: Sequence[int], start: int) -> bytes:
    """Return where the items lie in the file: number, one extent, its offset and length each."""
    places = []
    for number, length in enumerate(lengths, start=1):
        places.append(struct.pack(">HHHII", number, 0, 1, start, length))
        start += length
    return _full_box("iloc", 0, struct.pack(">BBH", 0x44, 0, len(lengths)), *places)


def _entry(number: int, kind: str) -> bytes:
    """Return what an item is: number, type, no name, and of a MIME item its content type."""
    content = b"application/rdf+xml\0" if kind == "mime" else b""
    return _full_box("infe", 2, struct.pack(">HH", number, 0), kind.encode(), b"\0", content)


def _described(count: int) -> list[bytes]:
    """Return the references by which further items describe the first (cdsc), if there are any."""
    further = [_box("cdsc", struct.pack(">HHH", n, 1, 1)) for n in range(2, count + 1)]
    return [_full_box("iref", 0, *further)] if further else []


def _configuration(headers: dict[int, bytes]) -> bytes:
    """Return the decoder configuration of 8-bit 4:2:0 (ISO/IEC 14496-15, 8.3.3.1)."""
    profile = headers[_SPS].replace(b"\0\0\3", b"\0\0")[3:15]
    content = b"\x01" + profile + bytes([0xF0, 0x00, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F, 3])
    for kind in (_VPS, _SPS, _PPS):
        unit = headers[kind]
        content += struct.pack(">BHH", 0x80 | kind, 1, len(unit)) + unit
    return content
