"""Whether the blocks of a baseline JPEG are such as an encoder writes.

libjpeg, and with it every viewer, passes over blocks that no encoder writes: coefficients beyond
the last, symbols that only progressive files have, brightness beyond white. Damaged data spell
such blocks nearly at once, while the number of blocks often comes out right. So the Huffman
codes of a sequential file are read once more here, without computing a pixel (ITU-T T.81, F.2).
Progressive files are left to libjpeg, which sees more of their damage.
"""

from __future__ import annotations

import numba
import numpy as np

LARGEST_DC = 1024
"""Largest magnitude of 8 times a mean of 8-bit samples less 128."""
DC_BITS, AC_BITS = 11, 10
"""Most bits of a difference of means and of another coefficient (T.81, tables F.1 and F.2)."""

_IMPOSSIBLE, _END, _UNKNOWN = 100, 256, 1024
"""Steps past the 64 coefficients of a block: of a symbol that no encoder writes there, of the end
of a block, of bits that are no code."""

_WORTH_PAIRING = 300_000
"""Bytes of a scan from which a table of pairs of symbols saves more time than it costs."""

_TABLES = 8  # four for means (class 0), four for the other coefficients (class 1)
_WINDOW = 16
_SEQUENTIAL = (0xC0, 0xC1)
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def impossible_block(content: bytes) -> int | None:
    """Return the number of the first block that no encoder writes, or None.

    None too where the file is not sequential, not of 8 bits, or cannot be taken apart: whether
    such a file is whole is for its decoder to find.

    Parameters
    ----------
    content
        A whole JPEG file.
    """
    try:
        return _impossible_block(content)
    except (IndexError, KeyError, OverflowError, ValueError, ZeroDivisionError):
        return None  # damaged tables


def _impossible_block(content: bytes) -> int | None:
    lookup = np.full((_TABLES, 1 << _WINDOW), _UNKNOWN << 10, np.int32)
    steps = np.ones(4, np.int64)
    frame: bytes | None = None
    interval, at, done = 0, 2, 0
    while (at := content.find(0xFF, at)) >= 0 and at + 4 <= len(content):
        marker = content[at + 1]
        if marker == 0xD9:
            return None
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:
            at += 1  # within a scan, or between segments
            continue
        size = int.from_bytes(content[at + 2 : at + 4], "big")
        body, at = content[at + 4 : at + 2 + size], at + 2 + size
        if marker == 0xC4:
            _read_codes(body, lookup)
        elif marker == 0xDB:
            _read_steps(body, steps)
        elif marker == 0xDD:
            interval = int.from_bytes(body[:2], "big")
        elif marker in _FRAMES:
            if marker not in _SEQUENTIAL or body[0] != 8:
                return None
            frame = body
        elif marker == 0xDA:
            if frame is None:
                return None
            units, count = _units(frame, body, steps)
            scan = np.frombuffer(content, np.uint8)[at:]
            found = _first_impossible(scan, lookup, units, count, interval)
            if found >= 0:
                return done + found
            done += count * len(units)
    return None


def _read_codes(body: bytes, lookup: np.ndarray) -> None:
    """Enter Huffman tables: for every window of 16 bits, what its first code means.

    An entry is ``advance << 10 | size << 6 | bits``: the coefficients passed, the bits of the
    value and those of code and value.
    """
    at = 0
    while at + 17 <= len(body):
        table = body[at] >> 4 << 2 | body[at] & 3
        lookup[table] = _UNKNOWN << 10
        counts, start, symbol = body[at + 1 : at + 17], 0, at + 17
        for length, count in enumerate(counts, start=1):
            for _ in range(count):
                end = start + (1 << (_WINDOW - length))
                advance, size = _meaning(body[symbol], of_mean=table < 4)
                lookup[table, start:end] = advance << 10 | size << 6 | length + size
                start, symbol = end, symbol + 1
        at = symbol


def _meaning(symbol: int, *, of_mean: bool) -> tuple[int, int]:
    """Return the coefficients that a symbol passes and the bits of the value after it."""
    run, size = symbol >> 4, symbol & 15
    if of_mean:
        return (1, symbol) if symbol <= DC_BITS else (_IMPOSSIBLE, 0)
    if size == 0:
        return {0: _END, 15: 16}.get(run, _IMPOSSIBLE), 0
    return (run + 1, size) if size <= AC_BITS else (_IMPOSSIBLE, 0)


def _read_steps(body: bytes, steps: np.ndarray) -> None:
    """Enter the quantisation step of the mean of each table."""
    at = 0
    while at < len(body):
        wide = body[at] >> 4
        steps[body[at] & 3] = int.from_bytes(body[at + 1 : at + 2 + wide], "big")
        at += 65 + 64 * wide


def _units(frame: bytes, scan: bytes, steps: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the blocks of one unit of a scan and how many units there are.

    A block is (component, table of its mean, of its other coefficients, largest mean).

    Raises
    ------
    ValueError
        If the scan has no component, or more than a JPEG can have.
    """
    height, width = (int.from_bytes(frame[i : i + 2], "big") for i in (1, 3))
    parts = {frame[i]: frame[i + 1 : i + 3] for i in range(6, 6 + 3 * frame[5], 3)}
    across = max(part[0] >> 4 for part in parts.values())
    down = max(part[0] & 15 for part in parts.values())
    named = [(scan[i], scan[i + 1]) for i in range(1, 1 + 2 * scan[0], 2)]
    if not 1 <= len(named) <= 4:
        raise ValueError(f"expected a scan of 1 to 4 components, got {len(named)}")
    blocks = []
    for number, (name, tables) in enumerate(named):
        sampling, step = parts[name][0], int(steps[parts[name][1] & 3])
        # A whole step of leeway for how an encoder rounds.
        block = (number, tables >> 4 & 3, 4 + (tables & 3), LARGEST_DC // step + 1)
        blocks += [block] * ((sampling >> 4) * (sampling & 15) if len(named) > 1 else 1)
    if len(named) > 1:
        count = -(-width // (8 * across)) * -(-height // (8 * down))
    else:
        own = parts[named[0][0]][0]
        columns, rows = -(-width * (own >> 4) // across), -(-height * (own & 15) // down)
        count = -(-columns // 8) * -(-rows // 8)
    return np.array(blocks, np.int64), count


@numba.njit(cache=True)  # pragma: no cover
def _first_impossible(
    data: np.ndarray, lookup: np.ndarray, units: np.ndarray, count: int, interval: int
) -> int:
    """Return the number of the first impossible block of a scan; -1 where there is none."""
    plain = np.zeros(len(data) + 256, np.uint8)  # a block is at most 208 bytes
    means = np.zeros(4, np.int64)
    pairs = _paired(lookup) if len(data) > _WORTH_PAIRING else lookup
    after = held = at = whole = 0
    bits = np.int64(0)
    for unit in range(count):
        if unit == 0 or (interval and unit % interval == 0):
            whole, after = _unstuffed(data, after, plain)
            bits, held, at = np.int64(0), 0, 0
            means[:] = 0
        for number in range(len(units)):
            if at > whole + 8:
                return -1  # too few data: libjpeg warns of that
            part, k = units[number, 0], 0
            table = two = lookup[units[number, 1]]
            while k < 64:
                if held < 32:
                    more = np.int64(plain[at]) << 24 | np.int64(plain[at + 1]) << 16
                    more |= np.int64(plain[at + 2]) << 8 | np.int64(plain[at + 3])
                    bits = bits << 32 | more
                    at += 4
                    held += 32
                window = bits >> (held - 16) & 0xFFFF
                if k:
                    entry = int(two[window])
                    if k + (entry >> 10) < 64:
                        held -= entry & 63
                        k += entry >> 10
                        continue
                entry = int(table[window])
                held -= entry & 63
                if k == 0:
                    size = entry >> 6 & 15
                    if size:
                        value = bits >> held & ((1 << size) - 1)
                        means[part] += value - (0 if value >> (size - 1) else (1 << size) - 1)
                    if abs(means[part]) > units[number, 3]:
                        return unit * len(units) + number
                    table, two = lookup[units[number, 2]], pairs[units[number, 2]]
                k += entry >> 10
            if k >= _UNKNOWN:
                return -1  # no such code: libjpeg warns of that
            if 64 < k < _END:
                return unit * len(units) + number
    return -1


@numba.njit(cache=True)  # pragma: no cover
def _unstuffed(data: np.ndarray, start: int, plain: np.ndarray) -> tuple[int, int]:
    """Copy a scan up to its next marker without stuffed zeros; return bytes and where to go on."""
    at, end, count = start, len(data), 0
    while at < end:
        byte = data[at]
        if byte == 0xFF:
            if at + 1 < end and data[at + 1] != 0:
                if data[at + 1] != 0xFF:
                    at += 2
                    break
                at += 1
                continue
            at += 1
        plain[count] = byte
        count += 1
        at += 1
    plain[count : count + 8] = 0
    return count, at


@numba.njit(cache=True)  # pragma: no cover
def _paired(lookup: np.ndarray) -> np.ndarray:
    """Return entries for two symbols at once where 16 bits hold both, with their values."""
    pairs = lookup.copy()
    for table in range(4, 8):
        if lookup[table, 0] == lookup[table, -1]:
            continue  # no such table
        for window in range(1 << 16):
            first = lookup[table, window]
            used = first & 63
            if first >> 10 < 64 and used < 16:
                second = lookup[table, window << used & 0xFFFF]
                if second >> 10 < 64 and used + (second & 63) <= 16:
                    both = (first >> 10) + (second >> 10)
                    pairs[table, window] = both << 10 | used + (second & 63)
    return pairs
