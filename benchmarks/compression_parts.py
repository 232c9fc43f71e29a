"""The encoder with a part left out, for the ablation of benchmarks/compression.py.

Each part is replaced by what stood there before or by nothing, in this process only.
"""

import numpy as np

from fechner.compression.jpeg import encoder, search, tables, targets, tiles, trellis

ROBIDOUX = np.array(
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
PARTS = ("jpegli's tables", "finer blue", "rounding everywhere", "masking", "weights", "tiles")


def leave_out(part: str | None) -> None:
    """Leave a part out."""
    if part == "jpegli's tables":
        encoder.tables = libjpeg_scaled
    elif part == "finer blue":
        tables.BLUE_FINENESS = 1.0
    elif part == "rounding everywhere":
        encoder.EVERYWHERE = 0.02
    elif part == "masking":
        compile_masking_out()
    elif part == "weights":
        encoder.WEIGHTS = np.ones(64, np.float32)
    elif part == "tiles":
        search.corrected, targets.TILE_SLACK = evenly_corrected, 100.0


def libjpeg_scaled(quality: float, *, subsampling: str = "4:2:0") -> tables.Tables:
    """Return Robidoux's luma and T.81's chroma steps, scaled as libjpeg does."""
    chroma = np.full((8, 8), 99.0)
    chroma[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
    factor = (5000 / quality if quality < 50 else 200 - 2 * quality) / 100
    found = (ROBIDOUX * factor, 0.7 * chroma * factor, 0.7 * chroma * factor)
    return tables.Tables(*(np.clip(np.rint(one), 1, 255).astype(np.int64) for one in found))


def compile_masking_out() -> None:
    """Round every block alike, however busy."""
    from numba import njit

    trellis._masking = njit(fastmath=True)(lambda energy: np.float32(1.0))
    for name in ("dead_zone", "trellis"):
        fresh = njit(fastmath=True)(getattr(trellis, name).py_func)
        setattr(encoder, name, fresh)


def evenly_corrected(strengths, scores, unharmed, aims, share, *, exponent):
    """Return one strength for every tile, corrected by their mean."""
    telling = share >= tiles.TELLING_SHARE
    lost, wanted = ((unharmed - one)[telling].mean() for one in (scores, aims))
    ratio = (max(wanted, 0.05) / max(lost, 0.3)) ** (1 / exponent)
    return np.full(
        strengths.shape, np.clip(strengths.mean() * ratio, tiles.WEAKEST, tiles.STRONGEST)
    )
