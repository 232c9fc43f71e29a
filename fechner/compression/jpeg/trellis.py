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

WIDEST = 12.0
"""Largest threshold of the dead zone, in steps."""
LEAN, MOST_LEAN = 0.3, 0.4
"""How much of the strength also rounds surviving values down, and at most.

Below a half, so that a value next to the step above still rounds up to it."""
MOST_SAVED = 48.0
"""Bits beyond which dropping neighbouring values for one code cannot pay; ends the search."""
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
    x = np.zeros(64, np.float32)
    place = np.zeros(64, np.int64)
    value = np.zeros(64, np.int64)
    before = np.zeros(64, np.int64)
    best = np.zeros(64, np.float32)
    zeroed = np.zeros(65, np.float32)
    dropped = np.zeros(64, np.float32)
    for row in range(rows):
        for column in range(columns):
            q = out[row, column]
            for k in range(64):
                x[k] = blocks[row, column, k] * inverse[k]
            # Running sums: the error of dropping any run is one difference, not a loop.
            energy = np.float32(0.0)
            for k in range(1, 64):
                square = x[k] * x[k]
                energy += square
                zeroed[k + 1] = zeroed[k] + weights[k] * square
            q[0] = np.int16(np.rint(x[0]))
            toll = price[row, column] * _masking(energy)
            reach = toll * MOST_SAVED
            count = 1
            cheapest = zeroed[64] + toll * end
            last = 0
            for k in range(1, 64):
                magnitude = abs(x[k])
                # Zero is both the nearest value and the cheapest: no path keeps it.
                if magnitude < 0.5:
                    continue
                rounded = min(int(magnitude + np.float32(0.5)), LARGEST)
                chosen = np.float32(1e30)  # not inf: fastmath assumes that there is none
                for level in range(max(rounded - 1, 1), rounded + 1):
                    size = 0
                    rest = level
                    while rest:
                        size += 1
                        rest >>= 1
                    error = magnitude - np.float32(level)
                    own = weights[k] * error * error + zeroed[k] + toll * size
                    # From the nearest predecessor back: what is dropped between only grows,
                    # and once it costs more than any code could save, farther ones cannot win.
                    for p in range(count - 1, -1, -1):
                        if dropped[count - 1] - dropped[p] > reach:
                            break
                        run = k - place[p] - 1
                        bits = long_run * (run >> 4) + rates[run & 15, size]
                        cost = best[p] - zeroed[place[p] + 1] + own + toll * bits
                        if cost < chosen:
                            chosen = cost
                            value[count] = level
                            before[count] = p
                nearest = magnitude - np.float32(rounded)
                squares = magnitude * magnitude - nearest * nearest
                dropped[count] = dropped[count - 1] + weights[k] * squares
                place[count] = k
                best[count] = chosen
                total = chosen + zeroed[64] - zeroed[k + 1]
                # A block that is full to its last coefficient needs no end.
                if k < 63:
                    total += toll * end
                if total < cheapest:
                    cheapest = total
                    last = count
                count += 1
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
                size = 0
                while level:
                    size += 1
                    level >>= 1
                pairs[run, size] += 1
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
