"""From quantised DCT coefficients to the bytes of a JPEG file.

The last step of the JPEG encoder. A progressive stream by spectral selection (ITU-T
T.81, G.1.2): one scan of the DC coefficients and one or two of the AC coefficients for
each component, each with the Huffman table that suits it best (K.2). Runs of empty
blocks cost one symbol there, which is what thinned-out backgrounds consist of.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from fechner.compression.jpeg.dct import ZIGZAG

LONGEST_CODE = 16
"""Bits of the longest Huffman code that a JPEG may use."""
LONGEST_EOB_RUN = 0x7FFF
"""Longest run of empty blocks that one symbol can stand for."""
BITS = np.frexp(np.arange(1 << 16))[1].astype(np.uint8)
"""How many bits each magnitude takes (T.81, F.1.2). Looked up, because a processor cannot foretell
when a loop over them ends: that took half the time of a scan."""


@dataclass(frozen=True)
class CodedComponent:
    """One component of a JPEG, quantised.

    Attributes
    ----------
    blocks
        int16 (rows, columns, 64), in steps, zigzag order.
    steps
        Quantisation steps, integers (8, 8).
    sampling
        Horizontal and vertical sampling factor (T.81, A.1.1).
    chroma
        True for Cb and Cr.
    """

    blocks: np.ndarray
    steps: np.ndarray
    sampling: tuple[int, int]
    chroma: bool


def stream(
    planes: Sequence[CodedComponent],
    size: tuple[int, int],
    *,
    markers: Sequence[bytes] = (),
    splits: Sequence[int] = (2,),
) -> bytes:
    """Return the progressive JPEG file of quantised components.

    Parameters
    ----------
    planes
        One, three or four components.
    size
        Height and width of the picture, pixels.
    markers
        Whole APPn and COM segments to keep, each beginning with its 0xFF byte; they stand
        right behind the start of the image.
    splits
        Last coefficients of the first luma AC scan to try, the rest following in a second one:
        the smallest file is taken.

    Returns
    -------
    bytes
        The file.
    """
    tables: list[np.ndarray] = []
    for plane in planes:
        if not any(np.array_equal(plane.steps, table) for table in tables):
            tables.append(plane.steps)
    parts = [b"\xff\xd8", *markers]
    parts += [_quantisation(number, table) for number, table in enumerate(tables)]
    parts.append(_frame(planes, size, tables))
    for number, plane in enumerate(planes):
        parts.append(_scan(number, plane.blocks, 0, 0))
    for number, plane in enumerate(planes):
        bands = [
            ac_bands(last, chroma=plane.chroma) for last in splits[: 1 if plane.chroma else None]
        ]
        tried = (b"".join(_scan(number, plane.blocks, *band) for band in some) for some in bands)
        parts.append(min(tried, key=len))
    return b"".join([*parts, b"\xff\xd9"])


def ac_bands(split: int, *, chroma: bool) -> list[tuple[int, int]]:
    """Return first and last coefficient of each AC scan: one of chroma, two of luma."""
    return [(1, 63)] if chroma else [(1, split), (split + 1, 63)]


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _quantisation(number: int, table: np.ndarray) -> bytes:
    steps = table.reshape(64)[ZIGZAG]
    if steps.max() > 255:
        return _segment(0xDB, bytes([0x10 | number]) + steps.astype(">u2").tobytes())
    return _segment(0xDB, bytes([number]) + steps.astype(np.uint8).tobytes())


def _frame(
    planes: Sequence[CodedComponent], size: tuple[int, int], tables: list[np.ndarray]
) -> bytes:
    content = struct.pack(">BHHB", 8, *size, len(planes))
    for number, plane in enumerate(planes):
        table = next(i for i, steps in enumerate(tables) if np.array_equal(plane.steps, steps))
        across, down = plane.sampling
        content += bytes([number + 1, across << 4 | down, table])
    return _segment(0xC2, content)


def _scan(number: int, blocks: np.ndarray, first: int, last: int) -> bytes:
    """Return the Huffman table and the coded coefficients `first` to `last` of one component."""
    if first == 0:
        symbols, extras, lengths = _dc_symbols(blocks)
    else:
        symbols, extras, lengths = ac_symbols(blocks, first, last)
    counts, values = huffman_table(np.bincount(symbols, minlength=256))
    kind = 0x00 if first == 0 else 0x10
    table = _segment(0xC4, bytes([kind, *counts, *values]))
    header = _segment(0xDA, bytes([1, number + 1, 0x00, first, last, 0]))
    codes, widths = _codes(counts, values)
    return table + header + _pack(symbols, extras, lengths, codes, widths).tobytes()


def huffman_table(frequencies: np.ndarray) -> tuple[list[int], list[int]]:
    """Return the best code of at most 16 bits (T.81, K.2).

    Parameters
    ----------
    frequencies
        How often each of the 256 symbols occurs.

    Returns
    -------
    counts
        Number of codes of each length, 1 to 16 bits.
    values
        The symbols, shortest code first.
    """
    present = [int(symbol) for symbol in np.flatnonzero(frequencies)]
    if not present:
        present = [0]
    # A reserved symbol takes the code of only ones, which no stream may contain.
    # Equal counts are ordered by symbol: the same picture gives the same file everywhere.
    heap: list[tuple[int, int, tuple[int, ...]]] = [(0, 256, (256,))]
    heap += [(int(max(frequencies[s], 1)), s, (s,)) for s in present]
    heapq.heapify(heap)
    length = dict.fromkeys([*present, 256], 0)
    while len(heap) > 1:
        one, _, some = heapq.heappop(heap)
        two, tie, others = heapq.heappop(heap)
        for symbol in some + others:
            length[symbol] += 1
        heapq.heappush(heap, (one + two, tie, some + others))
    counts = _limited(
        [list(length.values()).count(bits) for bits in range(max(length.values()) + 1)]
    )
    values = sorted(present, key=lambda symbol: (length[symbol], symbol))
    return counts, values


def _limited(counts: list[int]) -> list[int]:
    """Shorten codes beyond 16 bits (T.81, figure K.3), then drop the reserved one."""
    counts = counts + [0] * (LONGEST_CODE + 1 - len(counts))
    for bits in range(len(counts) - 1, LONGEST_CODE, -1):
        while counts[bits] > 0:
            shorter = next(b for b in range(bits - 2, 0, -1) if counts[b] > 0)
            counts[bits] -= 2
            counts[bits - 1] += 1
            counts[shorter + 1] += 2
            counts[shorter] -= 1
    longest = max(bits for bits, count in enumerate(counts) if count)
    counts[longest] -= 1
    return counts[1 : LONGEST_CODE + 1]


def _codes(counts: list[int], values: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the code and its length of every symbol (T.81, C.2), zero where it has none."""
    codes, widths = np.zeros(256, np.uint32), np.zeros(256, np.uint8)
    code, position = 0, 0
    for bits, count in enumerate(counts, start=1):
        for symbol in values[position : position + count]:
            codes[symbol], widths[symbol] = code, bits
            code += 1
        position += count
        code <<= 1
    return codes, widths


@njit(cache=True)
def _dc_symbols(blocks):
    """Return symbols, extra bits and their number of a DC scan (T.81, G.1.2.1)."""
    rows, columns = blocks.shape[:2]
    symbols = np.empty(rows * columns, np.uint8)
    extras = np.empty(rows * columns, np.uint16)
    before = 0
    k = 0
    for row in range(rows):
        for column in range(columns):
            value = int(blocks[row, column, 0])
            difference = value - before
            before = value
            bits = np.int64(BITS[abs(difference)])
            symbols[k] = bits
            # Negative values are written as their ones' complement.
            extras[k] = (difference if difference >= 0 else difference - 1) & ((1 << bits) - 1)
            k += 1
    return symbols, extras, symbols.copy()


def ac_symbols(
    blocks: np.ndarray, first: int, last: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return symbols, extra bits and their number of the AC scan of coefficients `first` to `last`.

    Parameters
    ----------
    blocks
        int16 (rows, columns, 64), in steps.
    first, last
        Coefficients of the scan, 1 to 63.
    """
    # A block has at most three long runs and one end beside its values.
    room = np.count_nonzero(blocks) + 4 * blocks.shape[0] * blocks.shape[1] + 1
    return _ac_symbols(blocks, first, last, room)


@njit(cache=True)
def _ac_symbols(blocks, first, last, room):
    """Return symbols, extra bits and their number of an AC scan (T.81, G.1.2.2).

    `room` is the largest number of symbols that there can be.
    """
    rows, columns = blocks.shape[:2]
    symbols = np.empty(room, np.uint8)
    extras = np.empty(room, np.uint16)
    lengths = np.empty(room, np.uint8)
    places = np.empty(64, np.int64)
    count = 0
    empty = 0
    for row in range(rows):
        for column in range(columns):
            block = blocks[row, column]
            # Found without branches: where a value is not 0 cannot be predicted.
            found = 0
            for k in range(first, last + 1):
                places[found] = k
                found += block[k] != 0
            # Empty blocks are written when one comes that is not empty: a run is one symbol.
            if found and empty:
                bits = np.int64(BITS[empty]) - 1
                symbols[count] = bits << 4
                extras[count] = empty & ((1 << bits) - 1)
                lengths[count] = bits
                count += 1
                empty = 0
            k = first - 1
            for n in range(found):
                run = places[n] - k - 1
                k = places[n]
                value = np.int64(block[k])
                while run > 15:
                    symbols[count] = 0xF0
                    extras[count] = 0
                    lengths[count] = 0
                    count += 1
                    run -= 16
                bits = np.int64(BITS[abs(value)])
                symbols[count] = run << 4 | bits
                extras[count] = (value if value >= 0 else value - 1) & ((1 << bits) - 1)
                lengths[count] = bits
                count += 1
            if k < last:
                empty += 1
                if empty == LONGEST_EOB_RUN:
                    symbols[count] = 14 << 4
                    extras[count] = empty & ((1 << 14) - 1)
                    lengths[count] = 14
                    count += 1
                    empty = 0
    if empty:
        bits = np.int64(BITS[empty]) - 1
        symbols[count] = bits << 4
        extras[count] = empty & ((1 << bits) - 1)
        lengths[count] = bits
        count += 1
    return symbols[:count], extras[:count], lengths[:count]


@njit(cache=True)
def _pack(symbols, extras, lengths, codes, widths):
    """Return the bits as bytes, a zero byte stuffed behind every 0xFF (T.81, B.1.1.5)."""
    total = 0
    for k in range(symbols.size):
        total += np.int64(widths[symbols[k]]) + lengths[k]
    # Twice the bytes that the bits fill: at worst every one is 0xFF and gets a zero behind it.
    out = np.empty(total // 4 + 16, np.uint8)
    # At most 7 bits wait when 16 of a code and 15 behind it come: far from 64. What is shifted
    # out at the left was written already.
    held = np.uint64(0)
    bits = 0
    n = 0
    for k in range(symbols.size):
        symbol = symbols[k]
        length = np.uint64(lengths[k])
        word = np.uint64(codes[symbol]) << length | np.uint64(extras[k])
        size = int(widths[symbol]) + int(lengths[k])
        held = held << np.uint64(size) | word
        bits += size
        while bits >= 8:
            bits -= 8
            byte = np.uint8((held >> np.uint64(bits)) & np.uint64(0xFF))
            out[n] = byte
            n += 1
            if byte == 0xFF:
                out[n] = 0
                n += 1
    if bits:  # the last byte is filled with ones (T.81, F.1.2.3)
        ones = np.uint64((1 << (8 - bits)) - 1)
        byte = np.uint8((held << np.uint64(8 - bits) | ones) & np.uint64(0xFF))
        out[n] = byte
        n += 1
        if byte == 0xFF:
            out[n] = 0
            n += 1
    return out[:n]
