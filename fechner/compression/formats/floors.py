"""The floors of formats whose quality is given: HEIC, AVIF and WebP.

Beside `fechner.compression.jpeg.targets`, which also moves the quality. The important part gets
what the encoder makes of the given quality; the strengths of the other tiles are searched, in at
most five encodings (`fechner.compression.jpeg.search`), until the rest is at its floor and no tile
of 96 pixels more than 2 below it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fechner.compression.formats import beyond_jpeg
from fechner.compression.jpeg.encoder import Effort
from fechner.compression.jpeg.search import Goal, Search, Trial
from fechner.compression.jpeg.targets import TILE_SLACK, Target
from fechner.compression.jpeg.tiles import spread, tile_means
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import most_important, ramp
from fechner.errors import InputError

EncodeLocal = Callable[[np.ndarray], bytes]
"""Encodes a picture, given how much each pixel may lose (h, w), in the format's unit."""

UNIT = {"avif": 1.0, "webp": 1.0, "heic": 0.25}
"""What strength 1 is: width of the blur, of quantiser offsets."""
LARGEST = {"avif": 2.0, "webp": 2.0, "heic": 0.5}
"""The most that any place may lose, in the format's unit."""
EXPONENT = {"avif": 1.6, "webp": 1.6, "heic": 1.8}
"""Power of strength as which loss grows (cat, brick house, coffee: 1.2 to 2.3)."""
START_STRENGTH = 1.0
"""Strength that a search begins with where the map is trusted wholly."""


def reach_floors(
    picture: np.ndarray,
    importance: np.ndarray,
    target: Target,
    form: str,
    encode: EncodeLocal,
) -> tuple[Trial, str]:
    """Compress a picture as strongly as the floors let it.

    Parameters
    ----------
    picture
        uint8 (h, w, 3) sRGB.
    importance
        (h, w), finite, 0 or more, any scale.
    target
        What is wanted; no size.
    form
        ``"avif"``, ``"webp"`` or ``"heic"``.
    encode
        What encodes the picture at the wanted quality.

    Returns
    -------
    trial
        The smallest file that keeps the floors, with its scores.
    note
        Why the result is not what was asked for; empty where it is.

    Raises
    ------
    InputError
        If a size is asked for.
    """
    if target.max_bytes is not None or target.bits_per_pixel is not None:
        raise InputError(f"a size can be asked of jpeg and jxl, not of {form}; give a quality")
    share = ramp(importance, picture.shape[:2])
    unit, largest = np.float32(UNIT[form]), LARGEST[form]

    def encoded(quality: float | None, strengths: np.ndarray, effort: Effort) -> bytes:
        local = spread(strengths, picture.shape[:2], picture.shape[:2])
        return encode(share * np.minimum(local * unit, largest))

    def decoded(content: bytes) -> np.ndarray:
        return beyond_jpeg.decode(content, form)

    inside = most_important(importance, picture.shape[:2])
    search = Search(encoded, decoded, share, inside, Ss2Reference(picture))
    none = np.zeros_like(tile_means(share))
    if target.strength is not None:
        return search.trial(None, none + target.strength, "fast"), ""
    unharmed = search.trial(None, none, "fast")
    floor = target.background_floor
    goal = Goal(
        important=-np.inf,  # it gets what the encoder gives
        floor=floor,
        tile_floor=floor - TILE_SLACK,
        unharmed=unharmed.rest,
        unharmed_tiles=unharmed.tiles,
        trust=target.trust,
        exponent=EXPONENT[form],
    )
    if unharmed.rest < floor:
        return unharmed, "background below the floor at this quality as it is"
    if not share.any() or target.trust == 0:
        return unharmed, ""
    trials = search.run(goal, None, START_STRENGTH * target.trust, "fast", fixed=False)
    kept = [trial for trial in trials if not any(trial.missed(goal, floors=True))]
    if not kept:
        return unharmed, "as it is without a map: with any loss a tile was below the floor"
    return min([unharmed, *kept], key=lambda trial: len(trial.content)), ""
