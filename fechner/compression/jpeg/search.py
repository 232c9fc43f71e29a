"""The search for the quality and the strengths that reach a goal, in at most five encodings.

Inside `fechner.compression.jpeg.targets`, and of other formats, whose quality is given, in
`fechner.compression.formats.floors`. Every trial is encoded, decoded and judged by
SSIMULACRA2 in the important part, in the rest and in every tile; then the quality of our tables is
moved by what the important part misses, and the strength of every tile by what that tile misses.
Where a JPEG keeps its own tables, the important part loses nothing: there the first ten points of
ss2 would buy 2 to 6 % of the bytes only (three Kodak photographs, qualities 70 and 85).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fechner.compression.jpeg.encoder import Effort
from fechner.compression.jpeg.tiles import (
    LOSS_EXPONENT,
    STRONGEST,
    TELLING_SHARE,
    between,
    corrected,
    first_strengths,
    tile_means,
)
from fechner.compression.metrics.ssimulacra2 import Ss2Reference

MOST_ROUNDS = 5
"""Encodings that a search may take, and the trellis after it."""
IMPORTANT_BAND = 0.5
"""How far off its goal the important part may end, ss2."""
FLOOR_BAND = 0.25
"""How far above the floor the rest may end, ss2."""
TILE_MARGIN = 0.6
"""How far above its lowest score a tile is aimed, ss2."""
IMPORTANT_SLOPE = 0.75
"""ss2 that one step of table quality adds to the important part, about, near quality 85."""
TRELLIS_QUALITY = 0.5
"""How much higher the quality of the tables is for a trellis at equal looks."""
UNEVENNESS = 0.3
"""Share of the differences between tiles without loss that is left between their aims."""


@dataclass(frozen=True, eq=False)
class Goal:
    """What a search steers to, and what it knows before.

    Attributes
    ----------
    important
        ss2 wanted of the important part.
    floor, tile_floor
        Lowest ss2 of the rest, and of any tile.
    unharmed, unharmed_tiles
        ss2 of the rest and of the tiles (rows, columns) without loss by the map.
    trust
        Share of the way from there to the floor that is gone, [0, 1].
    exponent
        Power of strength as which loss grows.
    """

    important: float
    floor: float
    tile_floor: float
    unharmed: float
    unharmed_tiles: np.ndarray
    trust: float
    exponent: float = LOSS_EXPONENT

    @property
    def rest(self) -> float:
        """Return the lowest ss2 of the rest at this trust."""
        return self.unharmed - self.trust * max(self.unharmed - self.floor, 0.0)

    @property
    def lowest(self) -> np.ndarray:
        """Return the lowest ss2 of each tile: one without loss that is lower is left alone."""
        return np.minimum(self.tile_floor, self.unharmed_tiles - 0.5)


@dataclass(frozen=True, eq=False)
class Trial:
    """One encoding and its scores; `strengths` and `tiles` are (rows, columns).

    `quality` is None where the source's own tables were kept.
    """

    quality: float | None
    strengths: np.ndarray
    effort: Effort
    content: bytes
    important: float
    rest: float
    tiles: np.ndarray

    def missed(self, goal: Goal, *, floors: bool) -> tuple[float, float, float]:
        """Return by how much the rest, the worst tile and the important part are off, ss2."""
        low = max(goal.rest - self.rest, 0.0) if floors else 0.0
        tile = max(float((goal.lowest - self.tiles).max()), 0.0) if floors else 0.0
        off = goal.important - self.important
        if self.quality is not None:
            off = abs(off)
        return low, tile, max(off - IMPORTANT_BAND, 0.0)


class Encode(Protocol):
    """Encodes one picture with a strength for every tile."""

    def __call__(self, quality: float | None, strengths: np.ndarray, effort: Effort) -> bytes:
        """Return the file."""
        ...


class Search:
    """Encodes and judges trials of one picture.

    Parameters
    ----------
    encode, decode
        To a file and back to uint8 (h, w, 3).
    share
        Share of the loss of each pixel, (h, w) in [0, 1].
    inside
        The important part, (h, w), 1 inside and 0 outside.
    reference
        Of the picture.
    """

    def __init__(
        self,
        encode: Encode,
        decode: Callable[[bytes], np.ndarray],
        share: np.ndarray,
        inside: np.ndarray,
        reference: Ss2Reference,
    ) -> None:
        self._encode, self._decode, self._reference = encode, decode, reference
        self._parts = {"important": inside, "rest": 1 - inside}
        self._tile_share, self._tile_rest = tile_means(share), tile_means(1 - inside)

    def trial(self, quality: float | None, strengths: np.ndarray, effort: Effort) -> Trial:
        """Encode and judge."""
        content = self._encode(quality, strengths, effort)
        scores, tiles = self._reference.regions_and_tiles(self._decode(content), self._parts)
        return Trial(
            quality, strengths, effort, content, scores["important"], scores["rest"], tiles
        )

    def run(
        self, goal: Goal, quality: float | None, strength: float, effort: Effort, *, fixed: bool
    ) -> list[Trial]:
        """Return the trials from a quality and a strength to the goal.

        A trellis goes on from where the dead zone ended, and that file stays among the trials: so
        more effort never gives a larger file.

        Parameters
        ----------
        goal
            What is wanted.
        quality
            Of the tables to begin with; None keeps the source's own.
        strength
            To begin with.
        effort
            ``"fast"``: the dead zone alone.
        fixed
            Keep the strength, the same in every tile.
        """
        strengths = np.full(goal.unharmed_tiles.shape, strength)
        if not fixed:
            strengths = first_strengths(
                strength, goal.unharmed_tiles, _aims(goal), exponent=goal.exponent
            )
        trials = self._to_goal(goal, quality, strengths, "fast", fixed)
        if effort == "fast":
            return trials
        best = min(trials, key=lambda trial: sum(trial.missed(goal, floors=not fixed)))
        if best.quality is not None:
            quality = min(best.quality + TRELLIS_QUALITY, 100.0)
        return trials + self._to_goal(goal, quality, best.strengths, effort, fixed)

    def _to_goal(
        self,
        goal: Goal,
        quality: float | None,
        strengths: np.ndarray,
        effort: Effort,
        fixed: bool,
    ) -> list[Trial]:
        trials = [self.trial(quality, strengths, effort)]
        while len(trials) < MOST_ROUNDS and not self._reached(trials[-1], goal, fixed):
            last = trials[-1]
            following = strengths if fixed else self._strengths(trials, goal)
            trials.append(self.trial(self._quality(last, goal), following, effort))
        return trials

    def _reached(self, trial: Trial, goal: Goal, fixed: bool) -> bool:
        if any(trial.missed(goal, floors=not fixed)):
            return False
        return fixed or trial.rest - goal.rest <= FLOOR_BAND

    def _quality(self, last: Trial, goal: Goal) -> float | None:
        """Return the quality to try next; near the aim it stays, since steps are integers."""
        if last.quality is None:
            return None
        error = last.important - goal.important
        if abs(error) <= 0.25:
            return last.quality
        return float(np.clip(last.quality - error / IMPORTANT_SLOPE, 1, 100))

    def _strengths(self, trials: list[Trial], goal: Goal) -> np.ndarray:
        last, aim = trials[-1], goal.rest + FLOOR_BAND / 2
        kept = [t for t in trials if t.rest >= goal.rest and (goal.lowest <= t.tiles).all()]
        below = [t for t in trials if t.rest < goal.rest]
        if len(trials) > 2 and kept and below:
            gentle = min(kept, key=lambda t: t.rest)
            harsh = max(below, key=lambda t: t.rest)
            return between(gentle.strengths, harsh.strengths, (gentle.rest, harsh.rest), aim)
        # The score of the rest is no mean of its tiles, but lies off it by about the same amount
        # from trial to trial: the aims are shifted by that, and by what tiles cannot follow.
        aims, weight = _aims(goal), self._tile_rest
        follow = (self._tile_share >= TELLING_SHARE) & (weight > 0)
        follow &= (last.strengths < STRONGEST) | (last.tiles < aims)
        if follow.any():
            wanted = aim - last.rest
            missing = wanted * weight.sum() - (weight * (aims - last.tiles))[follow].sum()
            aims = aims + missing / weight[follow].sum()
        aims = np.maximum(aims, goal.lowest + TILE_MARGIN)
        return corrected(
            last.strengths,
            last.tiles,
            goal.unharmed_tiles,
            aims,
            self._tile_share,
            exponent=goal.exponent,
        )


def _aims(goal: Goal) -> np.ndarray:
    """Return the score that each tile is brought to: as much loss to all that may lose."""
    mean = float(goal.unharmed_tiles.mean())
    even = goal.rest + FLOOR_BAND / 2 + UNEVENNESS * (goal.unharmed_tiles - mean)
    return np.minimum(even, goal.unharmed_tiles)
