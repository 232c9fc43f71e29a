"""From a wanted result to the quality and strength that reach it.

Above the encoder: `reach` encodes, decodes, judges by SSIMULACRA2 in the important
quarter, in the rest and in tiles of 96 pixels, and corrects (`search`), until the result is what
was asked for:

- by quality: the important quarter looks as the reference encoder's quality Q makes it
  (ss2 within 0.5), and the rest falls toward the floor as far as the map is trusted, no tile
  more than 2 below it;
- by bytes: the file has the wanted size; the rest of the picture pays for the quarter as
  at the given strength.

A JPEG is judged against what it shows. No more is asked of its important quarter than that loss be
hard to see, and where its own tables are about as coarse as those wanted, they are tried too: the
smaller file is taken. A large source is searched on a mosaic of its tiles and then encoded once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fechner.compression.jpeg.encoder import (
    Effort,
    decode_jpeg,
    encode_jpeg,
    finished,
    reference_encoder,
)
from fechner.compression.jpeg.search import Encode, Goal, Search, Trial
from fechner.compression.jpeg.source import Source, sample, upright_to_stored
from fechner.compression.jpeg.tables import quality_of
from fechner.compression.jpeg.tiles import STRONGEST, carried_over
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import most_important, ramp
from fechner.errors import InputError

DEFAULT_TRUST = 0.75
"""How far the map is trusted: chosen on Kodak (docs/example-kodak-compression.md)."""
TILE_SLACK = 2.0
"""How far below the floor of the rest a single tile may end, ss2."""
UNSEEN = 85.0
"""ss2 at which its author calls a picture virtually impossible to tell from the original when they
are flipped: no more is asked of the important part of a JPEG, whose reference at its own quality
would be itself."""
TRIES_OWN, TRIES_OURS = 8.0, -8.0
"""Up to how far above, and from how far below, the wanted quality a JPEG's own tables and ours are
tried."""
START_STRENGTH = 1.2
"""Strength that a search begins with where the map is trusted wholly."""
SAME_LOOK = ((1, 25, 40, 55, 65, 75, 85, 92, 96, 100), (1, 15, 25, 42, 56, 69, 81, 90, 95, 100))
"""Pillow's qualities, and those of our tables that give the same ss2 without a map (means of three
Kodak photographs, dead zone and trellis)."""
COARSEST, FINEST = 2.0, 99.0
"""Table qualities between which a size is searched."""


@dataclass(frozen=True)
class Target:
    """What a compressed picture should be.

    Attributes
    ----------
    quality
        The important part looks as the reference encoder (Pillow) makes it at this quality,
        [1, 100].
    background_floor
        Lowest ss2 of the rest, and 2 more than that of any tile of 96 pixels; ignored where
        `strength` is given.
    strength
        Fixed strength; None searches for those that reach the floor.
    max_bytes, bits_per_pixel
        Largest size of the file; at most one of them, and then `quality` does not matter.
    trust
        How far the map is believed, [0, 1]: 1 takes the rest down to the floor, 0 spends evenly.
    """

    quality: float = 85.0
    background_floor: float = 70.0
    strength: float | None = None
    max_bytes: int | None = None
    bits_per_pixel: float | None = None
    trust: float = DEFAULT_TRUST

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 1 <= self.quality <= 100:
            raise InputError(f"expected a quality from 1 to 100, got {self.quality}")
        if not 0 <= self.background_floor < 100:
            raise InputError(
                f"expected a background floor from 0 to below 100 (ss2), got "
                f"{self.background_floor}"
            )
        if self.strength is not None and not 0 <= self.strength <= STRONGEST:
            raise InputError(f"expected a strength from 0 to {STRONGEST}, got {self.strength}")
        if not 0 <= self.trust <= 1:
            raise InputError(f"expected a trust from 0 to 1, got {self.trust}")
        if self.max_bytes is not None and self.bits_per_pixel is not None:
            raise InputError("expected bytes or bits per pixel, got both; leave one out")
        for wanted, name in ((self.max_bytes, "bytes"), (self.bits_per_pixel, "bits per pixel")):
            if wanted is not None and not wanted > 0:
                raise InputError(f"expected {name} above 0, got {wanted}")


@dataclass(frozen=True)
class Reached:
    """A JPEG and how its target was reached.

    Attributes
    ----------
    content
        The file.
    quality
        Quality of the tables; None where those of the source were kept.
    strength
        Strength of the loss where the map is lowest, mean over tiles.
    rounds
        Encodings that the search took.
    note
        Why the result is not what was asked for; empty where it is.
    trial
        Scores of what `content` shows; None where not the whole of it was judged.
    """

    content: bytes
    quality: float | None
    strength: float
    rounds: int
    note: str = ""
    trial: Trial | None = None


def reach(
    source: Source, importance: np.ndarray, target: Target, *, effort: Effort = "fast"
) -> Reached:
    """Compress a source toward a target.

    Parameters
    ----------
    source
        From `fechner.compression.jpeg.source`.
    importance
        Map of the upright picture (h, w), finite, 0 or more, any scale.
    target
        What is wanted.
    effort
        ``"fast"``, ``"high"`` or ``"max"``, see `fechner.compression.jpeg.encoder.encode_jpeg`.

    Returns
    -------
    Reached
        The file, what the encoder was given, and a note where the target was missed.

    Raises
    ------
    InputError
        If the map does not fit the picture, or no file of the wanted size can be made: the
        message gives the sizes that can.
    """
    stored = upright_to_stored(np.asarray(importance, np.float32), source.turn)
    share = ramp(stored, source.size)
    wanted = target.max_bytes
    if target.bits_per_pixel is not None:
        wanted = int(target.bits_per_pixel * source.size[0] * source.size[1] / 8)
    if wanted is not None:
        strength = target.trust * START_STRENGTH if target.strength is None else target.strength
        return _reach_bytes(source, share, wanted, strength, effort)
    part, (part_share, part_map) = sample(source, share, stored)
    found = _searched(part, part_share, part_map, target, effort)
    best, content = found.best, found.best.content
    if part is not source:
        strengths = best.strengths
        if found.varies:
            strengths = carried_over(strengths, part, source)
        content = _encoder(source, share)(best.quality, strengths, best.effort)
    strength = float(best.strengths.mean()) if share.any() else 0.0
    trial = best if part is source else None
    jpeg = finished(content, effort)
    return Reached(jpeg, best.quality, strength, found.rounds, found.note, trial)


def checked_trust(text: str) -> float:
    """Return the trust of ``"full"`` or of a number in [0, 1].

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> checked_trust("full"), checked_trust("0.5")
    (1.0, 0.5)
    """
    if text == "full":
        return 1.0
    try:
        trust = float(text)
    except ValueError:
        raise InputError(f"expected a trust from 0 to 1, or full, got {text!r}") from None
    if not 0 <= trust <= 1:
        raise InputError(f"expected a trust from 0 to 1, or full, got {text!r}")
    return trust


def start_quality(quality: float) -> float:
    """Return the table quality whose important part looks like Pillow's `quality`, about."""
    return float(np.interp(quality, *SAME_LOOK))


@dataclass(frozen=True, eq=False)
class _Found:
    """The best trial, after how many, what it misses in words, and whether strengths vary."""

    best: Trial
    rounds: int
    note: str
    varies: bool


def _searched(
    source: Source, share: np.ndarray, importance: np.ndarray, target: Target, effort: Effort
) -> _Found:
    inside = most_important(importance, source.size)
    reference = Ss2Reference(source.picture)
    goal = _goal(source, inside, target, reference)
    fixed = target.strength
    # A floor that the yardstick itself does not reach leaves nothing to take away.
    if fixed is None and (goal.unharmed <= goal.floor or not share.any() or target.trust == 0):
        fixed = 0.0
    strength = START_STRENGTH * target.trust if fixed is None else fixed
    search, trials = Search(_encoder(source, share), decode_jpeg, share, inside, reference), []
    for quality in _qualities_to_try(source, target.quality):
        trials += search.run(goal, quality, strength, effort, fixed=fixed is not None)
    floors = target.strength is None and fixed is None

    def worth(trial: Trial) -> tuple[float, int]:
        return round(sum(trial.missed(goal, floors=floors)), 2), len(trial.content)

    best = min(trials, key=worth)
    return _Found(best, len(trials), _note(best, goal, target), varies=fixed is None)


def _encoder(source: Source, share: np.ndarray) -> Encode:
    def encode(quality: float | None, strengths: np.ndarray, effort: Effort) -> bytes:
        return encode_jpeg(source, share, quality=quality, strength=strengths, effort=effort)

    return encode


def _goal(source: Source, inside: np.ndarray, target: Target, reference: Ss2Reference) -> Goal:
    """Return what the yardstick makes of the source, and the floors below it."""
    yardstick = reference_encoder(source.picture, round(target.quality), source.subsampling)
    parts = {"important": inside, "rest": 1 - inside}
    scores, tiles = reference.regions_and_tiles(decode_jpeg(yardstick), parts)
    # What the important part is spared, the rest would be spared without a map too.
    spared = max(scores["important"] - UNSEEN, 0.0) if source.stored else 0.0
    return Goal(
        scores["important"] - spared,
        target.background_floor,
        target.background_floor - TILE_SLACK,
        scores["rest"] - spared,
        tiles - spared,
        target.trust,
    )


def _qualities_to_try(source: Source, quality: float) -> list[float | None]:
    """Return the qualities to begin with: None keeps the source's own tables."""
    steps = source.components[0].steps
    ours = start_quality(quality)
    if steps is None:
        return [ours]
    above = quality_of(steps) - quality
    return [None] * (above <= TRIES_OWN) + [ours] * (above >= TRIES_OURS)


def _note(best: Trial, goal: Goal, target: Target) -> str:
    low, tile, off = best.missed(goal, floors=target.strength is None)
    if low and best.rest < goal.floor:
        reason = ": this quality gives no more" if goal.unharmed <= goal.floor else ""
        return f"background at ss2 {best.rest:.1f}, below the floor of {goal.floor:g}{reason}"
    if tile:
        return f"worst tile at ss2 {best.tiles.min():.1f}, wanted {goal.tile_floor:g}"
    if off:
        return f"important part at ss2 {best.important:.1f}, wanted {goal.important:.1f}"
    return ""


def _reach_bytes(
    source: Source, share: np.ndarray, wanted: int, strength: float, effort: Effort
) -> Reached:
    """Find the finest tables whose file is not above `wanted` bytes."""

    def content(quality: float) -> bytes:
        return encode_jpeg(source, share, quality=quality, strength=strength, effort=effort)

    low, high = COARSEST, FINEST
    best = content(low)
    if len(best) > wanted:
        raise InputError(
            f"no file of {wanted} bytes can be made: this picture takes {len(best)} to "
            f"{len(content(high))}; ask for one of those sizes or scale the picture"
        )
    rounds = 1
    while high - low > 0.05 and len(best) < 0.995 * wanted:
        middle = (low + high) / 2
        trial = content(middle)
        rounds += 1
        if len(trial) <= wanted:
            low, best = middle, trial
        else:
            high = middle
    note = "" if high < FINEST else f"smaller than the {wanted} bytes asked for: it is at its best"
    return Reached(finished(best, effort), low, strength, rounds, note)
