"""From a wanted result to the quality and strength that reach it.

Above the encoder: `reach` encodes, decodes, judges by SSIMULACRA2 in the important
quarter and in the rest, and corrects, until the result is what was asked for:

- by quality: the important quarter looks as the reference encoder's quality Q makes it
  (ss2 within 0.5), and the rest falls to the floor, not below;
- by bytes: the file has the wanted size; the rest of the picture pays for the quarter as
  at the given strength (1 by default).

A large source is searched on a mosaic of its tiles and then encoded once.
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
from fechner.compression.jpeg.source import Source, sample, upright_to_stored
from fechner.compression.jpeg.tables import tables
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import most_important, ramp
from fechner.errors import InputError

IMPORTANT_AIM, IMPORTANT_BAND = -0.15, 0.5
"""Where ss2 of the important quarter is steered to, against the reference's, and how far off
it may end."""
FLOOR_BAND = 0.4
"""How far above the floor the rest may end, ss2."""
MOST_ROUNDS, PATIENCE = 10, 5
"""Encodings that a search by quality may take, and those in which the tables may still move."""
START_STRENGTH, STRONGEST = 1.0, 8.0
"""Strength that a search begins with, and the largest that it tries."""
IMPORTANT_SLOPE, BACKGROUND_SLOPE = 0.75, 0.4
"""ss2 that one step of table quality adds to the two parts, about, near quality 85."""
SAME_LOOK = ((1, 25, 40, 55, 65, 75, 85, 92, 96, 100), (1, 15, 28, 47, 60, 72, 82, 91, 96, 100))
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
        Lowest ss2 of the rest; ignored where `strength` is given.
    strength
        Fixed strength; None searches for the one that reaches the floor.
    max_bytes, bits_per_pixel
        Largest size of the file; at most one of them, and then `quality` does not matter.
    """

    quality: float = 85.0
    background_floor: float = 70.0
    strength: float | None = None
    max_bytes: int | None = None
    bits_per_pixel: float | None = None

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
        Strength of the loss where the map is lowest.
    rounds
        Encodings that the search took.
    note
        Why the result is not what was asked for; empty where it is.
    """

    content: bytes
    quality: float | None
    strength: float
    rounds: int
    note: str = ""


@dataclass(frozen=True)
class _Trial:
    quality: float | None
    strength: float
    content: bytes
    important: float
    background: float


@dataclass(frozen=True)
class _Goal:
    """What a search steers to: ss2 of the important quarter (None: as it comes) and floor."""

    important: float | None
    floor: float
    unharmed: float

    def gap(self, trial: _Trial) -> float:
        """Return ss2 of the important quarter against the reference's; 0 where there is none."""
        return 0.0 if self.important is None else trial.important - self.important


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
        strength = 1.0 if target.strength is None else target.strength
        return _reach_bytes(source, share, wanted, strength, effort)
    part, (part_share, part_map) = sample(source, share, stored)
    best, rounds, note = _search(part, part_share, part_map, target, effort)
    content = best.content
    if part is not source:
        content = encode_jpeg(
            source, share, quality=best.quality, strength=best.strength, effort=effort
        )
    return Reached(finished(content, effort), best.quality, best.strength, rounds, note)


def start_quality(quality: float) -> float:
    """Return the table quality whose important part looks like Pillow's `quality`, about."""
    return float(np.interp(quality, *SAME_LOOK))


def _search(
    source: Source, share: np.ndarray, importance: np.ndarray, target: Target, effort: Effort
) -> tuple[_Trial, int, str]:
    judge = _Judge(source, share, importance, effort)
    quality, goal = judge.goal(target)
    # A floor that the yardstick itself does not reach leaves nothing to take away.
    fixed = target.strength
    if fixed is None and (goal.unharmed <= goal.floor or not share.any()):
        fixed = 0.0
    trials = [judge.trial(quality, START_STRENGTH if fixed is None else fixed)]
    while len(trials) < MOST_ROUNDS and not _reached(trials[-1], goal, fixed):
        following = _following(trials, goal, fixed)
        if following == (trials[-1].quality, trials[-1].strength):
            break
        trials.append(judge.trial(*following))
    best = min(trials, key=lambda trial: (*_missed(trial, goal, fixed), len(trial.content)))
    return best, len(trials), _note(best, goal, target.strength)


class _Judge:
    """Encodes and scores trials of one source."""

    def __init__(
        self, source: Source, share: np.ndarray, importance: np.ndarray, effort: Effort
    ) -> None:
        self._source, self._share, self._effort = source, share, effort
        self._reference = Ss2Reference(source.picture)
        inside = most_important(importance, source.size)
        self._parts = {"important": inside, "background": 1 - inside}

    def goal(self, target: Target) -> tuple[float | None, _Goal]:
        """Return the table quality to begin with and what to steer to."""
        if _keeps_own_tables(self._source, target.quality):
            return None, _Goal(None, target.background_floor, 100.0)
        yardstick = reference_encoder(
            self._source.picture, round(target.quality), self._source.subsampling
        )
        scores = self._reference.regions(decode_jpeg(yardstick), self._parts)
        goal = _Goal(scores["important"], target.background_floor, scores["background"])
        return start_quality(target.quality), goal

    def trial(self, quality: float | None, strength: float) -> _Trial:
        content = encode_jpeg(
            self._source, self._share, quality=quality, strength=strength, effort=self._effort
        )
        scores = self._reference.regions(decode_jpeg(content), self._parts)
        return _Trial(quality, strength, content, scores["important"], scores["background"])


def _keeps_own_tables(source: Source, quality: float) -> bool:
    """Tell whether a stored JPEG is already about as coarse as the reference encoder's quality."""
    steps = source.components[0].steps
    return steps is not None and steps.mean() >= 0.95 * tables(quality)[0].mean()


def _missed(trial: _Trial, goal: _Goal, fixed: float | None) -> tuple[float, float]:
    """Return how far the floor and the important band are missed, ss2, 0 or more."""
    low = max(goal.floor - trial.background, 0.0) if fixed is None else 0.0
    return low, max(abs(goal.gap(trial)) - IMPORTANT_BAND, 0.0)


def _reached(trial: _Trial, goal: _Goal, fixed: float | None) -> bool:
    if any(_missed(trial, goal, fixed)):
        return False
    return fixed is not None or trial.background <= goal.floor + FLOOR_BAND


def _following(
    trials: list[_Trial], goal: _Goal, fixed: float | None
) -> tuple[float | None, float]:
    """Return the quality and strength to try next."""
    last = trials[-1]
    quality = last.quality
    error = goal.gap(last) - IMPORTANT_AIM
    # Steps are integers, so that ss2 jumps with quality: near the aim it is left alone.
    good = [trial.quality for trial in trials if abs(goal.gap(trial)) <= IMPORTANT_BAND]
    if len(trials) >= PATIENCE and good:
        quality = good[-1]
    elif quality is not None and abs(error) > (0.25 if len(trials) < 3 else 0.35):
        quality = float(np.clip(quality - error / IMPORTANT_SLOPE, 1, 100))
    if fixed is not None:
        return quality, fixed
    return quality, _strength(
        _seen_from(trials, quality), goal.floor + FLOOR_BAND / 2, goal.unharmed
    )


def _seen_from(trials: list[_Trial], quality: float | None) -> list[tuple[float, float]]:
    """Return strength and background of the trials, moved to the table quality `quality`."""
    if quality is None:
        return [(trial.strength, trial.background) for trial in trials]
    same = [trial for trial in trials if trial.quality == quality] or trials[-1:]
    return [
        (trial.strength, trial.background + BACKGROUND_SLOPE * (quality - (trial.quality or 0.0)))
        for trial in same
    ]


def _strength(known: list[tuple[float, float]], aim: float, unharmed: float) -> float:
    """Return the strength at which the background should score `aim`.

    Between the two nearest trials on either side it is interpolated; with trials on one
    side only, from ``unharmed - background ~ strength^0.7``.
    """
    gentle = max((pair for pair in known if pair[1] >= aim), default=None)
    harsh = min((pair for pair in known if pair[1] < aim), default=None)
    if gentle and harsh and gentle[0] < harsh[0]:
        part = (gentle[1] - aim) / (gentle[1] - harsh[1])
        return gentle[0] + float(np.clip(part, 0.05, 0.95)) * (harsh[0] - gentle[0])
    strength, background = known[-1]
    ratio = max(unharmed - aim, 0.1) / max(unharmed - background, 0.1)
    return float(min(max(strength, 0.02) * np.clip(ratio ** (1 / 0.7), 0.25, 4), STRONGEST))


def _note(best: _Trial, goal: _Goal, fixed: float | None) -> str:
    low, off = _missed(best, goal, fixed)
    if low:
        return (
            f"background at ss2 {best.background:.1f}, below the floor of {goal.floor:g}: "
            f"this quality gives no more"
        )
    if off and goal.important is not None:
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
