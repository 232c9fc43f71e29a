"""HEIC and HEIF files read: single pictures and the tiled ones of phones (ISO/IEC 23008-12).

FFmpeg gives every item of such a file as a stream of its own, whose id is the item's; which
item is the picture, of which tiles it is made, how it is turned, mirrored and cut, and which
colours it means is read here from the file's boxes. Needs PyAV (extra ``hevc``).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fechner.compression.formats.heic import av_part
from fechner.errors import InputError, UnsuitedError
from fechner.records.images.files import MAX_PIXELS, srgb_pixels

BT709 = 1
"""Matrix coefficients of BT.709 (ITU-T H.273); others of 8-bit stills are BT.601's."""
_ALPHA = (b"auxiliary:alpha", b"hevc:2015:auxid:1")
"""Names of an auxiliary picture that holds transparency."""
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True)
class _Still:
    """What the boxes say of the primary picture: items to decode and what is done to them."""

    tiles: tuple[int, ...]
    size: tuple[int, int]
    properties: tuple[tuple[bytes, bytes], ...]
    transparent: bool

    def each(self, kind: bytes) -> Iterator[bytes]:
        """Yield the content of the properties of a kind."""
        yield from (content for name, content in self.properties if name == kind)


def read_heic(path: Path) -> np.ndarray:
    """Return the primary picture of a HEIC or HEIF file as a viewer shows it.

    Returns
    -------
    numpy.ndarray
        uint8 (h, w, 3), sRGB, upright.

    Raises
    ------
    InputError
        If the file is damaged or is none.
    UnsuitedError
        If it is transparent, high dynamic range, or too large.
    MissingPartError
        If PyAV is not installed.
    """
    av = av_part()
    content = path.read_bytes()
    try:
        still = _still(content)
        _refuse(still, path)
        pixels = _decoded(av, content, still)
        pixels = _shown(pixels, still)
    except InputError:
        raise
    except KeyError as error:
        raise InputError(f"{path} is no whole HEIC (no part {error}); replace it") from error
    except (av.error.FFmpegError, struct.error, IndexError, ValueError) as error:
        raise InputError(f"{path} is no whole HEIC ({error}); replace it") from error
    icc = next((c[4:] for c in still.each(b"colr") if c[:4] in (b"prof", b"rICC")), None)
    return np.ascontiguousarray(srgb_pixels(Image.fromarray(pixels), path, icc))


def _refuse(still: _Still, path: Path) -> None:
    transfer = next(
        (int.from_bytes(c[6:8], "big") for c in still.each(b"colr") if c[:4] == b"nclx"), 0
    )
    if transfer in _HDR_TRANSFERS:
        raise UnsuitedError(f"{path} is high dynamic range ({_HDR_TRANSFERS[transfer]})")
    if still.transparent:
        raise UnsuitedError(f"{path} has transparent pixels; save it as PNG first")
    if still.size[0] * still.size[1] > MAX_PIXELS:
        raise UnsuitedError(f"{path} has more than {MAX_PIXELS // 10**6} million pixels")


def _decoded(av: Any, content: bytes, still: _Still) -> np.ndarray:
    """Decode the tiles and join them row by row."""
    found: dict[int, np.ndarray] = {}
    with av.open(io.BytesIO(content)) as container:
        streams = [stream for stream in container.streams.video if stream.id in still.tiles]
        for packet in container.demux(streams):
            for frame in packet.decode():
                found.setdefault(packet.stream.id, _pixels(frame))
    missing = [item for item in still.tiles if item not in found]
    if missing:
        raise ValueError(f"{len(missing)} of {len(still.tiles)} parts are missing")
    height, width = still.size
    high, wide = found[still.tiles[0]].shape[:2]
    if len(still.tiles) == 1:
        return found[still.tiles[0]][:height, :width]
    columns = -(-width // wide)
    rows = [
        np.concatenate([found[item] for item in still.tiles[at : at + columns]], axis=1)
        for at in range(0, len(still.tiles), columns)
    ]
    whole = np.concatenate(rows, axis=0)[:height, :width]
    if whole.shape[:2] != (height, width) or high * len(rows) < height:
        raise ValueError("its tiles do not fill it")
    return whole


def _pixels(frame: Any) -> np.ndarray:
    matrix = "ITU709" if frame.colorspace == BT709 else "ITU601"
    full = "JPEG" if frame.color_range != 1 else "MPEG"
    return frame.reformat(
        format="rgb24", src_colorspace=matrix, src_color_range=full, dst_color_range="JPEG"
    ).to_ndarray()


def _shown(pixels: np.ndarray, still: _Still) -> np.ndarray:
    """Cut, turn and mirror in the order of the item's properties."""
    for kind, content in still.properties:
        if kind == b"clap":
            pixels = _cut(pixels, content)
        elif kind == b"irot":
            pixels = np.rot90(pixels, content[0] & 3)
        elif kind == b"imir":
            pixels = pixels[:, ::-1] if content[0] & 1 else pixels[::-1]
    return np.ascontiguousarray(pixels)


def _cut(pixels: np.ndarray, clap: bytes) -> np.ndarray:
    wide, wide_of, high, high_of, right, right_of, down, down_of = struct.unpack(">IIIIiIiI", clap)
    width, height = round(wide / wide_of), round(high / high_of)
    left = round((pixels.shape[1] - width) / 2 + right / right_of)
    top = round((pixels.shape[0] - height) / 2 + down / down_of)
    return pixels[max(top, 0) : top + height, max(left, 0) : left + width]


def _still(content: bytes) -> _Still:
    meta = dict(_boxes(content))[b"meta"][4:]
    boxes = dict(_boxes(meta))
    primary = int.from_bytes(boxes[b"pitm"][4 : 6 if boxes[b"pitm"][0] == 0 else 8], "big")
    owns, kinds = _properties(dict(_boxes(boxes[b"iprp"]))), _kinds(boxes[b"iinf"])
    references = list(_references(boxes.get(b"iref", b"")))
    made_of = [to for kind, of, to in references if kind == b"dimg" and of == primary]
    tiles = tuple(made_of[0]) if kinds.get(primary) == b"grid" else (primary,)
    kind = kinds[primary]
    if kind not in (b"hvc1", b"hev1", b"grid"):
        raise UnsuitedError(f"its picture is of the kind {kind.decode('latin-1')!r}, not read here")
    properties = tuple(owns[primary])
    sizes = [struct.unpack_from(">II", c, 4) for kind, c in properties if kind == b"ispe"]
    alphas = {
        item
        for item, has in owns.items()
        if any(sign in content for kind, content in has if kind == b"auxC" for sign in _ALPHA)
    }
    transparent = any(k == b"auxl" and of in alphas and primary in to for k, of, to in references)
    return _Still(tiles, (sizes[0][1], sizes[0][0]), properties, transparent)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each box in a row of them."""
    at = 0
    while at + 8 <= len(content):
        size, name, head = *struct.unpack_from(">I4s", content, at), 8
        if size == 1:
            size, head = struct.unpack_from(">Q", content, at + 8)[0], 16
        size = size or len(content) - at
        if size < head:
            raise ValueError("a box is smaller than its head")
        yield name, content[at + head : at + size]
        at += size


def _kinds(iinf: bytes) -> dict[int, bytes]:
    """Return the kind of every item."""
    found = {}
    for _, box in _boxes(iinf[6 if iinf[0] == 0 else 8 :]):
        wide = 4 if box[0] >= 3 else 2
        found[int.from_bytes(box[4 : 4 + wide], "big")] = box[6 + wide : 10 + wide]
    return found


def _references(iref: bytes) -> Iterator[tuple[bytes, int, list[int]]]:
    """Yield kind, item and items referred to."""
    wide = 4 if iref[:1] == b"\x01" else 2
    for kind, box in _boxes(iref[4:]):
        count = int.from_bytes(box[wide : wide + 2], "big")
        ids = [
            int.from_bytes(box[wide + 2 + wide * n : wide + 2 + wide * (n + 1)], "big")
            for n in range(count)
        ]
        yield kind, int.from_bytes(box[:wide], "big"), ids


def _properties(iprp: dict[bytes, bytes]) -> dict[int, list[tuple[bytes, bytes]]]:
    """Return the properties of every item, in order (ISO/IEC 23008-12, 9.3)."""
    known, box = list(_boxes(iprp[b"ipco"])), iprp[b"ipma"]
    id_bytes, long = (2 if box[0] < 1 else 4), bool(box[3] & 1)
    (count,) = struct.unpack_from(">I", box, 4)
    at, found = 8, {}
    for _ in range(count):
        item, number = int.from_bytes(box[at : at + id_bytes], "big"), box[at + id_bytes]
        at += id_bytes + 1
        owned = []
        for _ in range(number):
            index = struct.unpack_from(">H", box, at)[0] & 0x7FFF if long else box[at] & 0x7F
            at += 2 if long else 1
            if index:
                owned.append(known[index - 1])
        found[item] = owned
    return found
