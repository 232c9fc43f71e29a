"""How each DCT coefficient is rounded: where importance turns into bytes.

Between the transform and the bit stream of the JPEG encoder. A decoder knows one table of
steps, so the only spatial control a JPEG has is which coefficients are rounded toward zero
or dropped. Two ways, both with one `strength` a block (0 keeps plain rounding):

- `dead_zone`: a coefficient below a threshold that grows with strength and frequency
  becomes zero, and the others are rounded down a little more often.
- `trellis`: of the rounded value, the one below it and zero, the choice for every
  coefficient of the block that minimises ``sum_k w_k (x_k - q_k)^2 + lambda bits``, by dynamic
  programming over the zero runs of its code (Crouse and Ramchandran 1997), with the code
  lengths of the picture at hand, scan by scan. The weights w fall with frequency, as far as
  errors of a block are weighed (in [0, 1]).

A block of more energy E (squared steps), where errors hide better, loses more, and a flat
one with faint texture, which would turn into a plain square, less: strength is multiplied by
``((E + 5) / 150)^.35``. DC coefficients are always rounded: an error there is a visible step
between blocks.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fechner.compression.jpeg.dct import ZIGZAG
from fechner.compression.jpeg.entropy import BITS, ac_symbols

WIDEST = 12.0
"""Largest threshold of the dead zone, in steps."""
LEAN, MOST_LEAN = 0.3, 0.4
"""How much of the strength also rounds surviving values down, and at most.

Below a half, so that a value next to the step above still rounds up to it."""
LARGEST = 1023
"""Largest AC magnitude that a baseline JPEG can hold (T.81, table F.2)."""


def frequency_growth(exponent: float) -> np.ndarray:
    """Return a factor a coefficient, (64,) in zigzag order: 1 at the lowest frequency, rising.

    ``(1 + |f|)^exponent / 2^exponent`` with f = (u, v) the frequency in the block.
    """
    radius = np.hypot(ZIGZAG // 8, ZIGZAG % 8)
    return (((1 + radius) / 2) ** exponent).astype(np.float32)


@njit(cache=True, fastmath=True, inline="always")
def _masking(energy):
    """Return ``((E + 5) / 150)^.35``, 1 for the energy of a typical block, .3 for an empty one."""
    return ((energy + np.float32(5.0)) / np.float32(150.0)) ** np.float32(0.35)


@njit(cache=True, fastmath=True)
def dead_zone(blocks, inverse, strength, growth):
    """Round blocks with a dead zone.

    Parameters
    ----------
    blocks
        float32 (rows, columns, 64), grey levels.
    inverse
        float32 (64,): one over each step.
    strength
        float32 (rows, columns), 0 or more: how far the zone reaches beyond half a step.
    growth
        float32 (64,): how much faster it widens at each frequency.

    Returns
    -------
    numpy.ndarray
        int16 (rows, columns, 64), in steps.
    """
    rows, columns = blocks.shape[:2]
    out = np.empty((rows, columns, 64), np.int16)
    half = np.float32(0.5)
    one = np.float32(1.0)
    for row in range(rows):
        for column in range(columns):
            x = blocks[row, column]
            # Without the mean: how bright a block is hides no error.
            energy = np.float32(0.0)
            for k in range(1, 64):
                scaled = x[k] * inverse[k]
                energy += scaled * scaled
            force = strength[row, column] * _masking(energy)
            offset = half - min(np.float32(LEAN) * force, np.float32(MOST_LEAN))
            q = out[row, column]
            for k in range(64):
                scaled = x[k] * inverse[k]
                magnitude = abs(scaled)
                threshold = min(half + force * growth[k], np.float32(WIDEST))
                # What passes the threshold was meant to stay: leaning down must not drop it.
                level = max(np.float32(np.int32(magnitude + offset)), one)
                level = level if magnitude >= threshold else np.float32(0.0)
                q[k] = np.int16(level if scaled >= 0 else -level)
            q[0] = np.int16(np.rint(x[0] * inverse[0]))
    return out


@njit(cache=True, fastmath=True)
def trellis(blocks, inverse, weights, weighed, price, bands, bits, ends):
    """Round blocks to the values, of those near, that cost least in squared error and bits.

    Parameters
    ----------
    blocks
        float32 (rows, columns, 64), grey levels.
    inverse
        float32 (64,): one over each step.
    weights
        float32 (64,): of the squared error of each coefficient.
    weighed
        float32 (rows, columns), [0, 1]: how far these weights hold; 0 weighs all alike.
    price
        float32 (rows, columns): what one bit is worth in squared steps (lambda).
    bands
        int64 (n, 2): first and last coefficient of each AC scan.
    bits
        float32 (n, 12, 64): bits of a value of a size behind a run of zeros, in each band.
    ends
        float32 (n,): bits of the end of a block, in each band.

    Returns
    -------
    numpy.ndarray
        int16 (rows, columns, 64), in steps.
    """
    rows, columns = blocks.shape[:2]
    out = np.zeros((rows, columns, 64), np.int16)
    x = np.zeros(64, np.float32)
    # Entry 0 is the beginning of a band; one follows for each value that may stay.
    place = np.zeros(64, np.int64)
    value = np.zeros(64, np.int64)
    before = np.zeros(64, np.int64)
    # The entries that a later value may follow, and what the best way to each of them costs.
    entry = np.zeros(64, np.int64)
    cost = np.zeros(64, np.float32)
    one = np.float32(1.0)
    for row in range(rows):
        for column in range(columns):
            q = out[row, column]
            for k in range(64):
                x[k] = blocks[row, column, k] * inverse[k]
            energy = np.float32(0.0)
            for k in range(1, 64):
                energy += x[k] * x[k]
            q[0] = np.int16(np.rint(x[0]))
            toll = price[row, column] * _masking(energy)
            for band in range(bands.shape[0]):
                first, final = bands[band, 0], bands[band, 1]
                # Below a half zero is both the nearest value and the cheapest: no way keeps it.
                count = 1
                for k in range(first, final + 1):
                    place[count] = k
                    count += abs(x[k]) >= np.float32(0.5)
                if count == 1:
                    continue
                # Costs are those over a band of zeros: what a run drops then costs nothing.
                cheapest = ending = toll * ends[band]
                last = 0
                place[0] = first - 1
                entry[0], cost[0] = 0, 0.0
                open_entries = 1
                for n in range(1, count):
                    k = place[n]
                    magnitude = abs(x[k])
                    nearest = min(int(magnitude + np.float32(0.5)), LARGEST)
                    # The value below is farther: it pays only where it takes a bit less.
                    lower = nearest > 1 and nearest & (nearest - 1) == 0
                    weight = one + weighed[row, column] * (weights[k] - one)
                    lowest = np.float32(1e30)  # not inf: fastmath assumes that there is none
                    chosen, source = nearest, 0
                    for level in range(nearest - lower, nearest + 1):
                        amount = np.float32(level)
                        own = weight * amount * (amount - np.float32(2.0) * magnitude)
                        size = BITS[level]
                        for i in range(open_entries):
                            trial = cost[i] + own + toll * bits[band, size, k - place[entry[i]] - 1]
                            # Selected without a branch: which one wins cannot be foretold.
                            better = trial < lowest
                            lowest = trial if better else lowest
                            source = entry[i] if better else source
                            chosen = level if better else chosen
                    value[n], before[n] = chosen, source
                    # A band that is full to its last coefficient needs no end.
                    total = lowest + ending if k < final else lowest
                    if total < cheapest:
                        cheapest = total
                        last = n
                    # Longer runs take more bits (but for a few rare ones): what follows costs no
                    # less behind an entry that is farther and dearer.
                    while open_entries and cost[open_entries - 1] >= lowest:
                        open_entries -= 1
                    entry[open_entries], cost[open_entries] = n, lowest
                    open_entries += 1
                while last > 0:
                    k = place[last]
                    q[k] = np.int16(value[last] if x[k] >= 0 else -value[last])
                    last = before[last]
    return out


def code_lengths(blocks: np.ndarray, bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what `trellis` needs to know of the code that suits quantised `blocks`.

    Parameters
    ----------
    blocks
        int16 (rows, columns, 64), in steps.
    bands
        First and last coefficient of each AC scan, (n, 2).

    Returns
    -------
    bits
        float32 (n, 12, 64): bits of each size of value behind each run, with its extra bits.
    ends
        float32 (n,): of the end of a block. Codes of runs of ends are shared by all that ends there
        or is empty: charging them to the blocks that begin a run took .3 % more.
    """
    runs, sizes = np.arange(64), np.arange(12)
    bits = np.zeros((len(bands), 12, 64), np.float32)
    ends = np.zeros(len(bands), np.float32)
    for band, (first, last) in enumerate(bands.tolist()):
        symbols, _, _ = ac_symbols(blocks, first, last)
        counts = np.bincount(symbols, minlength=256).reshape(16, 16).astype(float)
        # A Huffman code comes within a bit of the entropy; a pair that was not seen yet keeps a
        # finite price, so that the trellis may bring it in.
        total = counts.sum() + 1
        pairs = -np.log2((counts[:, :12] + 0.05) / total)
        long_run, of_ends = -np.log2((counts[15, 0] + 0.5) / total), counts[:15, 0]
        bits[band] = (pairs[runs & 15] + np.outer(runs >> 4, np.full(12, long_run)) + sizes).T
        spent = (of_ends * (np.arange(15) - np.log2((of_ends + 0.5) / total))).sum()
        ended = np.count_nonzero(blocks[..., last] == 0)
        ends[band] = (spent + 0.5) / max(ended, 1)
    return bits, ends
