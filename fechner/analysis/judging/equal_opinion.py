"""How many bytes one coder saves at equal opinion, with participants and images random.

Opinion of every arm at every rate (mean rating, or a scale value of comparisons in JND) stands
against the geometric mean of its bytes over the images; the Bjontegaard delta rate between two
such curves (`compression.folders.curves.bd_rate`) is the saving. Its interval comes from the
pigeonhole bootstrap (Owen 2007, Annals of Applied Statistics 1, 386): participants and images are
drawn with replacement, each on its own, and a rating counts as often as both were drawn. It
counts the residual three times and so errs toward wide intervals; drawing ratings, or
participants alone, would be too narrow by the variance between images. An inverted mixed model
would need a straight line of opinion over log bytes, which opinion is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.choices.scale_fit import JND, fit_scale, groups_of
from fechner.compression.folders.curves import bd_rate
from fechner.errors import InputError
from fechner.records.claims.codec_claim import BytesAtEqualOpinion, CurvePoint

DRAWS_OF_RATINGS, DRAWS_OF_PAIRS = 1000, 300
SETTLED, MOST_PASSES = 1e-9, 500
"""Change of a severity, in points, at which its passes end, and how many there are at most."""
ENOUGH = 0.95
"""Share of the resamplings in which two curves must share an opinion for an interval."""

Opinion = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Weights of participants (n,) and of images (m,) -> opinion (arms, levels)."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Opinion and bytes of every arm at every rate.

    Attributes
    ----------
    arms, levels
        Names of the arms and numbers of the rates.
    log_bytes
        float64 (images, arms, levels).
    opinion
        Of any weights of participants and images; NaN where they leave nothing.
    participants, images
        How many there are.
    draws
        How often to draw anew.
    """

    arms: tuple[str, ...]
    levels: tuple[int, ...]
    log_bytes: np.ndarray
    opinion: Opinion
    participants: int
    images: int
    draws: int


def judged_ratings(arms: pd.DataFrame, sizes: pd.DataFrame, names: Sequence[str]) -> Judged:
    """Return what ratings say of each arm and rate.

    Each participant's severity is taken out first (`_severity`), so that who rated only a part of
    the set shifts no curve.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns.
    sizes
        ``scene, region, level, bytes`` of every stimulus.
    names
        The arms.
    """
    own = arms[arms["region"].isin(names)]
    own = own.assign(rating=own["rating"] - _severity(own))
    levels = _levels(own["level"])
    scenes = sorted(set(own["scene"]))
    wide = own.pivot_table(
        index="participant", columns=["scene", "region", "level"], values="rating", aggfunc="mean"
    ).reindex(columns=pd.MultiIndex.from_product([scenes, names, levels]))
    cells = wide.to_numpy(float).reshape(len(wide), len(scenes), len(names), len(levels))
    there = np.isfinite(cells)
    filled = np.where(there, cells, 0.0)

    def opinion(participants: np.ndarray, images: np.ndarray) -> np.ndarray:
        total = np.einsum("p,i,pial->al", participants, images, filled, optimize=True)
        count = np.einsum("p,i,pial->al", participants, images, there.astype(float), optimize=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / count

    log_bytes = _log_bytes(sizes, scenes, names, levels)
    return Judged(
        tuple(names), levels, log_bytes, opinion, len(wide), len(scenes), DRAWS_OF_RATINGS
    )


def _severity(rows: pd.DataFrame) -> np.ndarray:
    """Return by how much each rating's participant rates above the others, mean 0: (n,).

    Least squares of ``rating = participant + scene, region and level``, by turns: a plain mean
    would take what somebody was shown for what he or she is.
    """
    who = pd.factorize(rows["participant"])[0]
    what = rows.groupby(["scene", "region", "level"], sort=False).ngroup().to_numpy()
    rating = rows["rating"].to_numpy(float)
    people, seen = np.bincount(who), np.bincount(what)
    effect = np.zeros(len(people))
    for _ in range(MOST_PASSES):
        condition = np.bincount(what, rating - effect[who]) / seen
        found = np.bincount(who, rating - condition[what]) / people
        found -= found.mean()
        if np.abs(found - effect).max() < SETTLED:
            break
        effect = found
    return found[who]


def judged_pairs(compared: pd.DataFrame, sizes: pd.DataFrame, names: Sequence[str]) -> Judged:
    """Return what comparisons say: Thurstone's scale values in JND, fitted in every draw.

    Parameters
    ----------
    compared
        The table of `comparisons.with_conditions`.
    sizes, names
        As `judged_ratings` takes them.
    """
    own = compared[compared["region_first"].isin(names) & compared["region_second"].isin(names)]
    levels = _levels(own["level_first"])
    place = {
        (arm, level): number
        for number, (arm, level) in enumerate((a, k) for a in names for k in levels)
    }
    sides = [
        np.array(
            [place[a, int(k)] for a, k in zip(own[f"region_{s}"], own[f"level_{s}"], strict=True)],
            int,
        )
        for s in ("first", "second")
    ]
    who, participants = pd.factorize(own["participant"], sort=True)
    which, images = pd.factorize(own["scene"], sort=True)
    share = own["share"].to_numpy(float)

    def opinion(people: np.ndarray, scenes: np.ndarray) -> np.ndarray:
        rows = np.repeat(np.arange(len(own)), (people[who] * scenes[which]).astype(int))
        first, second = sides[0][rows], sides[1][rows]
        if len(set(groups_of(first, second, len(place)))) > 1:
            return np.full((len(names), len(levels)), np.nan)
        fitted = fit_scale(first, second, share[rows], len(place))
        return (fitted.values / JND["thurstone"]).reshape(len(names), len(levels))

    log_bytes = _log_bytes(sizes, list(images), names, levels)
    return Judged(
        tuple(names), levels, log_bytes, opinion, len(participants), len(images), DRAWS_OF_PAIRS
    )


def curve_of(judged: Judged) -> list[CurvePoint]:
    """Return opinion and bytes of every arm at every rate, from everybody and all images."""
    opinion = judged.opinion(np.ones(judged.participants), np.ones(judged.images))
    sizes = np.exp(judged.log_bytes.mean(axis=0))
    return [
        CurvePoint(arm=arm, level=level, bytes=float(sizes[a, k]), opinion=float(opinion[a, k]))
        for a, arm in enumerate(judged.arms)
        for k, level in enumerate(judged.levels)
        if np.isfinite(opinion[a, k])
    ]


def bytes_at_equal_opinion(
    judged: Judged, better: str, than: Sequence[str], *, level: float = 0.95, seed: int = 0
) -> list[BytesAtEqualOpinion]:
    """Return how many per cent of bytes an arm takes more than each other at equal opinion.

    Parameters
    ----------
    judged
        From `judged_ratings` or `judged_pairs`, with two rates or more.
    better, than
        The arm, and those that it is held against.
    level
        Of the intervals.
    seed
        Of the draws.

    Returns
    -------
    list of BytesAtEqualOpinion
        One an arm of `than`.

    Raises
    ------
    InputError
        If there is one rate only.
    """
    if len(judged.levels) < 2:
        raise InputError("bytes at equal opinion need two rates or more; the set has one")
    rng = np.random.default_rng(seed)
    whole = _rates(judged, np.ones(judged.participants), np.ones(judged.images), better, than)
    drawn = np.array(
        [
            _rates(judged, _drawn(judged.participants, rng), _drawn(judged.images, rng),
                   better, than)
            for _ in range(judged.draws)
        ]
    )  # fmt: skip
    df = min(judged.participants, judged.images) - 1
    return [
        _interval(better, name, whole[k], drawn[:, k], level, df) for k, name in enumerate(than)
    ]


def _interval(
    better: str, than: str, whole: float, drawn: np.ndarray, level: float, df: int
) -> BytesAtEqualOpinion:
    found = drawn[np.isfinite(drawn)]
    given = len(found) / len(drawn)
    low = high = None
    if given >= ENOUGH and np.isfinite(whole) and df > 0:
        half = stats.t.ppf(0.5 + level / 2, df) * np.log1p(found / 100).std(ddof=1)
        low, high = (float(100 * np.expm1(np.log1p(whole / 100) + s * half)) for s in (-1, 1))
    return BytesAtEqualOpinion(
        better=better, than=than, per_cent=float(whole) if np.isfinite(whole) else None,
        low=low, high=high, draws=len(drawn), given=given,
    )  # fmt: skip


def _rates(
    judged: Judged, people: np.ndarray, images: np.ndarray, better: str, than: Sequence[str]
) -> list[float]:
    opinion = judged.opinion(people, images)
    sizes = np.exp(np.average(judged.log_bytes, axis=0, weights=images))

    def rate(name: str) -> float:
        a, b = judged.arms.index(better), judged.arms.index(name)
        if not np.isfinite(opinion[[a, b]]).all():
            return float("nan")
        try:
            return bd_rate(sizes[a], opinion[a], sizes[b], opinion[b])
        except InputError:
            # A curve that lies flat in this draw says nothing about bytes.
            return float("nan")

    return [rate(name) for name in than]


def _drawn(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.multinomial(n, np.full(n, 1 / n)).astype(float)


def _levels(column: pd.Series) -> tuple[int, ...]:
    return tuple(sorted({int(value) for value in column.dropna()}))


def _log_bytes(
    sizes: pd.DataFrame, scenes: Sequence[str], names: Sequence[str], levels: Sequence[int]
) -> np.ndarray:
    table = sizes.set_index(["scene", "region", "level"])["bytes"]
    wanted = pd.MultiIndex.from_product([scenes, names, levels])
    found = table.reindex(wanted).to_numpy(float).reshape(len(scenes), len(names), len(levels))
    return np.log(found)
