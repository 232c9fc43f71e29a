"""The importance-driven JPEG encoder: an ordinary file in which bits follow importance.

`encode_jpeg` is one pass: coefficients, the share of the loss that each place bears, a table
quality and a strength give the bytes of a progressive JPEG that every decoder opens. What
quality and strength reach a wanted result is found by `fechner.compression.jpeg.targets`.

The steps are not those of T.81 but ones that spend bits better at equal SSIMULACRA2:
Robidoux's for luma (as in mozjpeg and ImageMagick), and T.81's chroma steps made finer by
`CHROMA_FINENESS`. What this saves without any map is reported apart from what maps save
(benchmarks/compression.py).
"""

from __future__ import annotations

import io
from typing import Literal, cast

import numpy as np
from PIL import Image

from fechner.compression.jpeg.dct import ZIGZAG, Component
from fechner.compression.jpeg.entropy import CodedComponent, stream
from fechner.compression.jpeg.source import Source
from fechner.compression.jpeg.trellis import (
    code_lengths,
    dead_zone,
    frequency_growth,
    trellis,
)
from fechner.compression.ramp import per_block
from fechner.errors import InputError, nearest

Effort = Literal["fast", "high", "max"]
EFFORTS = ("fast", "high", "max")

LUMA_STEPS = np.array(
    [
        [16, 16, 16, 18, 25, 37, 56, 85],
        [16, 17, 20, 27, 34, 40, 53, 75],
        [16, 20, 24, 31, 43, 62, 91, 135],
        [18, 27, 31, 40, 53, 74, 106, 156],
        [25, 34, 43, 53, 69, 94, 131, 189],
        [37, 40, 62, 74, 94, 124, 169, 238],
        [56, 53, 91, 106, 131, 169, 226, 311],
        [85, 75, 135, 156, 189, 238, 311, 418],
    ]
)
"""Luma steps at quality 50, by N. Robidoux (mozjpeg, jcparam.c, table 3)."""
CHROMA_STEPS = np.array(
    [
        [17, 18, 24, 47, 99, 99, 99, 99],
        [18, 21, 26, 66, 99, 99, 99, 99],
        [24, 26, 56, 99, 99, 99, 99, 99],
        [47, 66, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
    ]
)
"""Chroma steps at quality 50 (T.81, table K.2)."""
CHROMA_FINENESS = 0.7
"""Factor on the chroma steps; SSIMULACRA2 weighs colour more than K.2 does."""
FLOOR_PRICE = 0.01
"""Worth of a bit, in squared steps, where nothing may be lost: drops what nobody can see."""
PRICE, ZONE = 0.5, 0.75
"""Worth of a bit (trellis) and widening of the dead zone, in steps, at strength 1 and share 1."""
GROWTH = frequency_growth(0.5)


def tables(quality: float) -> tuple[np.ndarray, np.ndarray]:
    """Return luma and chroma steps, integers (8, 8) in [1, 255].

    Scaled from quality 50 as libjpeg does; `quality` in [1, 100], fractions allowed.
    """
    factor = (5000 / quality if quality < 50 else 200 - 2 * quality) / 100
    scaled = (LUMA_STEPS * factor, CHROMA_STEPS * CHROMA_FINENESS * factor)
    luma, chroma = (np.clip(np.floor(steps + 0.5), 1, 255).astype(np.int64) for steps in scaled)
    return luma, chroma


def encode_jpeg(
    source: Source,
    share: np.ndarray,
    *,
    quality: float | None,
    strength: float,
    effort: Effort = "fast",
) -> bytes:
    """Encode a source as a progressive JPEG.

    Parameters
    ----------
    source
        From `fechner.compression.jpeg.source`.
    share
        Share of the loss of each stored pixel, float32 (h, w) in [0, 1]; from
        `fechner.compression.ramp.ramp`.
    quality
        Quality of the tables, [1, 100]; None keeps those that the source was stored with.
    strength
        How much is lost where the share is 1; 0 loses the same everywhere, 1 brings the
        background of a typical photograph from ss2 81 to about 70.
    effort
        ``"fast"`` rounds with a dead zone, ``"high"`` and ``"max"`` by trellis.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    InputError
        If an option is out of range, or there are no tables to keep.
    """
    _check(source, quality, strength, effort)
    steps = None if quality is None else tables(quality)
    coded = []
    for plane in source.components:
        own = np.asarray(plane.steps if steps is None else steps[1 if plane.chroma else 0])
        blocks = _rounded(plane, own, share, strength, effort)
        coded.append(CodedComponent(blocks, own, plane.sampling, plane.chroma))
    return stream(coded, source.size, markers=source.markers)


def _rounded(
    plane: Component, steps: np.ndarray, share: np.ndarray, strength: float, effort: Effort
) -> np.ndarray:
    rows, columns = plane.blocks.shape[:2]
    local = strength * per_block(share, (rows, columns))
    inverse = (1 / steps.reshape(64)[ZIGZAG]).astype(np.float32)
    zone = (ZONE * local).astype(np.float32)
    blocks = dead_zone(plane.blocks, inverse, zone, GROWTH)
    if effort == "fast":
        return blocks
    price = (FLOOR_PRICE + PRICE * local).astype(np.float32)
    return trellis(plane.blocks, inverse, price, *code_lengths(blocks))


def finished(jpeg: bytes, effort: Effort) -> bytes:
    """Return the file after mozjpeg's lossless search for the best scans, at effort max."""
    if effort != "max":
        return jpeg
    import mozjpeg_lossless_optimization as mozjpeg

    smaller = mozjpeg.optimize(jpeg, mozjpeg.COPY_MARKERS.ALL)
    return smaller if len(smaller) < len(jpeg) else jpeg


def decode_jpeg(jpeg: bytes) -> np.ndarray:
    """Return the pixels of a JPEG as stored, uint8 (h, w, 3)."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image.convert("RGB"))


def reference_encoder(picture: np.ndarray, quality: int, subsampling: str) -> bytes:
    """Return what Pillow's own optimised JPEG encoder makes of a picture: the yardstick."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(
        buffer, "JPEG", quality=quality, optimize=True, subsampling=subsampling
    )
    return buffer.getvalue()


def checked_effort(effort: str) -> Effort:
    """Return `effort` if it is one of `EFFORTS`.

    Raises
    ------
    InputError
        If it is not.
    """
    if effort not in EFFORTS:
        raise InputError(f"no effort is called {effort!r}; {nearest(effort, EFFORTS)}")
    return cast(Effort, effort)


def _check(source: Source, quality: float | None, strength: float, effort: str) -> None:
    checked_effort(effort)
    if quality is not None and not 1 <= quality <= 100:
        raise InputError(f"expected a quality from 1 to 100, got {quality}")
    if not 0 <= strength < np.inf:
        raise InputError(f"expected a strength of 0 or more, got {strength}")
    if quality is None and not source.stored:
        raise InputError("a picture has no tables of its own to keep; give a quality")
