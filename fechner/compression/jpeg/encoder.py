"""The importance-driven JPEG encoder: an ordinary file in which bits follow importance.

`encode_jpeg` is one pass: coefficients, the share of the loss that each place bears, a table
quality and a strength give the bytes of a progressive JPEG that every decoder opens. What
quality and strength reach a wanted result is found by `fechner.compression.jpeg.targets`.

The steps are jpegli's (`fechner.compression.jpeg.tables`). What they save without any map is
reported apart from what maps save (benchmarks/compression.py).
"""

from __future__ import annotations

import io
from typing import Literal, cast

import numpy as np
from PIL import Image

from fechner.compression.jpeg.dct import ZIGZAG, Component
from fechner.compression.jpeg.entropy import CodedComponent, ac_bands, stream
from fechner.compression.jpeg.source import Source
from fechner.compression.jpeg.tables import tables
from fechner.compression.jpeg.tiles import spread
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

PRICE, ZONE = 0.35, 0.5
"""Worth of a bit, in squared steps (trellis), and widening of the dead zone, in steps, at
strength 1."""
EVERYWHERE = 0.16
"""Strength where nothing may be lost: coarser rounding under finer steps spends bits better.

At equal ss2 over eight Kodak photographs it takes off 2.9 % (trellis) and 2.5 % (dead zone)."""
SPLITS = (2, 5)
"""Where the AC scans of luma may be split: behind 2 the files of seven photographs were from .2 %
larger to 1.8 % smaller than behind 5. Effort ``"max"`` tries both."""
GROWTH, WEIGHTS = frequency_growth(0.5), frequency_growth(-0.3)
"""How the dead zone widens, and how the trellis counts errors less, with frequency."""


def encode_jpeg(
    source: Source,
    share: np.ndarray,
    *,
    quality: float | None,
    strength: float | np.ndarray,
    effort: Effort = "fast",
    everywhere: float | None = None,
) -> bytes:
    """Encode a source as a progressive JPEG.

    Parameters
    ----------
    source
        From `fechner.compression.jpeg.source`.
    share
        Share of the loss of each stored pixel, float32 (h, w), 0 or more; from
        `fechner.compression.ramp.ramp`.
    quality
        Quality of the tables, [1, 100]; None keeps those that the source was stored with.
    strength
        How much is lost where the share is 1; 0 loses the same everywhere, 1 brings the
        background of a typical photograph from ss2 81 to about 70. Or one of each tile of 96
        pixels, (rows, columns).
    effort
        ``"fast"`` rounds with a dead zone, ``"high"`` and ``"max"`` by trellis.
    everywhere
        Strength that is added everywhere. By default `EVERYWHERE`, and 0 where the source's own
        tables are kept: at strength 0 its coefficients then stay what they are.

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
    steps = None if quality is None else tables(quality, subsampling=source.subsampling)
    if everywhere is None:
        everywhere = 0.0 if quality is None else EVERYWHERE
    local = _local(source, share, strength, everywhere)
    coded = []
    for plane in source.components:
        own = np.asarray(plane.steps if steps is None else getattr(steps, plane.role))
        blocks = _rounded(plane, own, local[plane.blocks.shape[:2]], effort)
        coded.append(CodedComponent(blocks, own, plane.sampling, plane.role != "luma"))
    splits = SPLITS if effort == "max" else SPLITS[:1]
    return stream(coded, source.size, markers=source.markers, splits=splits)


def _local(
    source: Source, share: np.ndarray, strength: float | np.ndarray, everywhere: float
) -> dict[tuple[int, ...], np.ndarray]:
    """Return the strength of every block, float32 (rows, columns), for each grid of blocks.

    Computed for blocks and not for pixels: of 12 megapixels that takes a fifth of the time.
    """
    found: dict[tuple[int, ...], np.ndarray] = {}
    for plane in source.components:
        grid = plane.blocks.shape[:2]
        if grid not in found:
            own = (
                strength
                if np.ndim(strength) == 0
                else spread(np.asarray(strength), source.size, grid)
            )
            found[grid] = np.float32(everywhere) + np.float32(own) * per_block(share, grid)
    return found


def _rounded(
    plane: Component, steps: np.ndarray, strength: np.ndarray, effort: Effort
) -> np.ndarray:
    """Return the blocks in steps, int16, each rounded by its strength (rows, columns)."""
    inverse = (1 / steps.reshape(64)[ZIGZAG]).astype(np.float32)
    zone = np.float32(ZONE) * strength
    if effort == "fast":
        return dead_zone(plane.blocks, inverse, zone, GROWTH)
    # Every fourth row tells the code well enough: by every row files differ by .1 % either way.
    some = dead_zone(plane.blocks[::4], inverse, zone[::4], GROWTH)
    price = np.float32(PRICE) * strength
    bands = np.array(ac_bands(SPLITS[0], chroma=plane.role != "luma"))
    code = code_lengths(some, bands)
    return trellis(plane.blocks, inverse, WEIGHTS, _weighed(strength), price, bands, *code)


def _weighed(strength: np.ndarray) -> np.ndarray:
    """Return how far errors are weighed by frequency in each block, float32 in [0, 1].

    Wholly where no map takes anything; else ``1 - everywhere / strength``, so that what a map
    spares is not weighed. Saved against jpegli at equal ss2 of the important quarter, 24 Kodak
    photographs: without a map 9.8 % (9.2 % if no block is weighed); with one, at full trust,
    23.2 % (22.7 % if every block is weighed, 23.0 % if none).
    """
    if strength.max() <= EVERYWHERE:
        return np.ones_like(strength)
    return 1 - np.float32(EVERYWHERE) / np.maximum(strength, np.float32(EVERYWHERE))


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


def _check(
    source: Source, quality: float | None, strength: float | np.ndarray, effort: str
) -> None:
    checked_effort(effort)
    if quality is not None and not 1 <= quality <= 100:
        raise InputError(f"expected a quality from 1 to 100, got {quality}")
    if not (np.min(strength) >= 0 and np.max(strength) < np.inf):
        raise InputError(f"expected a strength of 0 or more, got {strength}")
    if quality is None and not source.stored:
        raise InputError("a picture has no tables of its own to keep; give a quality")
