"""How each DCT coefficient is rounded: where importance turns into bytes.

Between the transform and the bit stream of the JPEG encoder. A decoder knows one table of
steps, so the only spatial control a JPEG has is which coefficients are rounded toward zero
or dropped. Two ways, both with one `strength` a block (0 keeps plain rounding):

- `dead_zone`: a coefficient below a threshold that grows with strength and frequency
  becomes zero, and the others are rounded down a little more often.
- `trellis`: of the rounded value, the one below it and zero, the choice for every
  coefficient of the block that minimises ``sum_k w_k (x_k - q_k)^2 + lambda bits``, by dynamic
  programming over the zero runs of its code (Crouse and Ramchandran 1997), with the code
  lengths of the picture at hand. The weights w fall with frequency.

A block of more energy E (squared steps), where errors hide better, loses more, and a flat
one with faint texture, which would turn into a plain square, less: strength is multiplied by
``((E + 5) / 150)^.35``. DC coefficients are always rounded: an error there is a visible step
between blocks.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fechner.compression.jpeg.dct import ZIGZAG
from fechner.compression.jpeg.entropy import BITS

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
def trellis(blocks, inverse, weights, price, rates, long_run, end):
    """Round blocks to the values, of those near, that cost least in squared error and bits.

    Parameters
    ----------
    blocks
        float32 (rows, columns, 64), grey levels.
    inverse
        float32 (64,): one over each step.
    weights
        float32 (64,): of the squared error of each coefficient.
    price
        float32 (rows, columns): what one bit is worth in squared steps (lambda).
    rates
        float32 (16, 12): bits of a zero run and the size of the value behind it.
    long_run, end
        Bits of a run of sixteen zeros, and of the end of a block.

    Returns
    -------
    numpy.ndarray
        int16 (rows, columns, 64), in steps.
    """
    rows, columns = blocks.shape[:2]
    out = np.zeros((rows, columns, 64), np.int16)
    # Bits of each size behind each run, with those of the value itself.
    bits = np.zeros((12, 64), np.float32)
    for size in range(1, 12):
        for run in range(64):
            bits[size, run] = long_run * (run >> 4) + rates[run & 15, size] + size
    x = np.zeros(64, np.float32)
    # Entry 0 is the beginning of the block; one follows for each value that may stay.
    place = np.zeros(64, np.int64)
    value = np.zeros(64, np.int64)
    before = np.zeros(64, np.int64)
    # The entries that a later value may follow, and what the best way to each of them costs.
    entry = np.zeros(64, np.int64)
    cost = np.zeros(64, np.float32)
    for row in range(rows):
        for column in range(columns):
            q = out[row, column]
            for k in range(64):
                x[k] = blocks[row, column, k] * inverse[k]
            energy = np.float32(0.0)
            for k in range(1, 64):
                energy += x[k] * x[k]
            q[0] = np.int16(np.rint(x[0]))
            # Below a half zero is both the nearest value and the cheapest: no way keeps it.
            count = 1
            for k in range(1, 64):
                place[count] = k
                count += abs(x[k]) >= np.float32(0.5)
            toll = price[row, column] * _masking(energy)
            ending = toll * np.float32(end)
            # Costs are those over a block of zeros: what a run drops then costs nothing.
            cheapest = ending
            last = 0
            entry[0], cost[0] = 0, 0.0
            open_entries = 1
            for n in range(1, count):
                k = place[n]
                magnitude = abs(x[k])
                nearest = min(int(magnitude + np.float32(0.5)), LARGEST)
                # The value below is farther: it pays only where it takes a bit less.
                lower = nearest > 1 and nearest & (nearest - 1) == 0
                lowest = np.float32(1e30)  # not inf: fastmath assumes that there is none
                chosen, source = nearest, 0
                for level in range(nearest - lower, nearest + 1):
                    amount = np.float32(level)
                    own = weights[k] * amount * (amount - np.float32(2.0) * magnitude)
                    size = BITS[level]
                    for i in range(open_entries):
                        trial = cost[i] + own + toll * bits[size, k - place[entry[i]] - 1]
                        # Selected without a branch: which one wins cannot be predicted.
                        better = trial < lowest
                        lowest = trial if better else lowest
                        source = entry[i] if better else source
                        chosen = level if better else chosen
                value[n], before[n] = chosen, source
                # A block that is full to its last coefficient needs no end.
                total = lowest + ending if k < 63 else lowest
                if total < cheapest:
                    cheapest = total
                    last = n
                # Longer runs take more bits (but for a few rare ones): what follows costs no less
                # behind an entry that is farther and dearer.
                while open_entries and cost[open_entries - 1] >= lowest:
                    open_entries -= 1
                entry[open_entries], cost[open_entries] = n, lowest
                open_entries += 1
            while last > 0:
                k = place[last]
                q[k] = np.int16(value[last] if x[k] >= 0 else -value[last])
                last = before[last]
    return out


@njit(cache=True)
def pair_counts(blocks):
    """Count (zero run, size) pairs, runs of sixteen and block ends of quantised blocks."""
    pairs = np.zeros((16, 12), np.float64)
    long_runs, ends = 0.0, 0.0
    rows, columns = blocks.shape[:2]
    for row in range(rows):
        for column in range(columns):
            run = 0
            for k in range(1, 64):
                level = abs(np.int64(blocks[row, column, k]))
                if level == 0:
                    run += 1
                    continue
                while run > 15:
                    long_runs += 1
                    run -= 16
                pairs[run, BITS[level]] += 1
                run = 0
            if run:
                ends += 1
    return pairs, long_runs, ends


def code_lengths(blocks: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return what `trellis` needs to know of the code that suits quantised `blocks`.

    Returns
    -------
    rates
        float32 (16, 12): bits of the code of each (zero run, size), without its extra bits.
    long_run, end
        Bits of a run of sixteen zeros, and of the end of a block.
    """
    pairs, long_runs, ends = pair_counts(blocks)
    # A Huffman code comes within a bit of the entropy; a pair that was not seen yet keeps a
    # finite price, so that the trellis may bring it in.
    total = pairs.sum() + long_runs + ends + 1
    rates = -np.log2((pairs + 0.05) / total)
    lengths = -np.log2((np.array([long_runs, ends]) + 0.5) / total)
    return rates.astype(np.float32), float(lengths[0]), float(lengths[1])
