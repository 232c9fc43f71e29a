"""What choosing channels on reference pairs is worth, over many splits by reference.

One split of a handful of references says little. So the references take turns: each judges in
as many splits as any other, the whole choice is made anew in each, and a table gives the
means over splits beside shuffled scores and random channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.choosing.reference_pairs import ReferenceFeatures
from fechner.analysis.network.choosing.strategies import Strategy
from fechner.analysis.network.evidence.choice import FALLBACK
from fechner.analysis.network.evidence.evaluation import mean_jaccard
from fechner.analysis.network.evidence.reference_pairs import (
    PairTrial,
    drawn_references,
    try_on_pairs,
)
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent

COLUMNS = (
    "strategy", "kept", "train_before", "train_after", "held_out_before", "held_out_after",
    "gain", "low", "high", "shuffled_train", "shuffled", "shuffled_most", "random", "random_most",
    "p", "jaccard",
)  # fmt: skip


def reference_turns(
    references: ArrayLike, *, judging: int, splits: int, rng: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Return which pairs judge in each split, (n_pairs,) each.

    The references stand in a random circle, and `judging` neighbours judge; with as many
    splits as references each judges equally often.

    Parameters
    ----------
    references : (n_pairs,)
        The reference of each pair.
    judging, splits
        References that judge in a split, and how many splits.
    rng
        Of the circle.

    Raises
    ------
    InputError
        If `judging` leaves no two references to choose on, or is below 1.
    """
    labels = np.asarray(references)
    circle = rng.permutation(np.unique(labels))
    if not 1 <= judging <= len(circle) - 2:
        raise InputError(
            f"{judging} of {len(circle)} references cannot judge: at least one judges and two "
            "choose; use other numbers, or add references"
        )
    if splits < 1:
        raise InputError(f"splits expects 1 or more, got {splits}")
    starts = np.floor(np.arange(splits) * len(circle) / splits).astype(int)
    return [np.isin(labels, np.roll(circle, -start)[:judging]) for start in starts]


def compare_on_pairs(
    features: ReferenceFeatures,
    strategies: Sequence[Strategy],
    *,
    judging: int | None = None,
    splits: int = 7,
    families: ArrayLike | None = None,
    unseen: str | None = None,
    shuffles: int = 1,
    draws: int = 20,
    seed: int = 0,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return one row a strategy: what it reaches on references that had no part in it.

    Parameters
    ----------
    features
        All pairs.
    strategies
        Ways of choosing, under the control ``reference``.
    judging
        References that judge in each split; None takes 3 of 7, rounded.
    splits
        How many splits.
    families, unseen : (n_pairs,) and one of them, optional
        The distortion type that judges and never chooses; None lets all do both.
    shuffles, draws
        In each split, repeats under shuffled scores and sets of random channels.
    seed
        Of splits, shuffles, draws and bootstrap: the same for every strategy.
    pool
        Where choices run, one task for each strategy and split, with the same outcome in any pool.

    Returns
    -------
    Frame with `COLUMNS`. ``gain`` is held_out_after minus held_out_before, low and high its
    95 % interval over references; ``shuffled`` and ``random`` are means of held-out agreement,
    with their largest mean over splits beside; p is the share of shuffled repeats that do at
    least as well.

    Raises
    ------
    InputError
        If there are too few references, or no pair of the unseen type.
    """
    count = len(np.unique(features.scenes))
    judging = max(1, round(count * 3 / 7)) if judging is None else judging
    turns = reference_turns(
        features.scenes, judging=judging, splits=splits, rng=np.random.default_rng(seed)
    )
    hidden = np.zeros(len(features), bool)
    if unseen is not None:
        hidden = np.asarray(families).astype(str) == unseen
        if not hidden.any():
            raise InputError(f"no pair has the distortion type {unseen!r}")
    sides = [(~test & ~hidden, test & hidden if unseen else test) for test in turns]
    rng = np.random.default_rng([seed, 1])
    # One resample of references for all splits: splits that share references are no new evidence.
    times = drawn_references(features.scenes, rng=rng)
    every = _EverySplit(features, sides, times, draws)
    tasks = [one for strategy in strategies for one in _splits(strategy, every, shuffles, rng)]
    with travelling(every, None, pool) as carried:
        trials = iter(run_all(partial(_one_split, carried), tasks, pool=pool, progress=progress))
        rows = [(one.name, *_summary([next(trials) for _ in sides])) for one in strategies]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True, eq=False)
class _EverySplit:
    """All pairs, which of them choose and judge in each split, and what all splits share."""

    features: ReferenceFeatures
    sides: Sequence[tuple[NDArray, NDArray]]
    times: NDArray[np.int64]
    draws: int


@dataclass(frozen=True, eq=False)
class _Split:
    """One strategy on one split, with the draws to come."""

    strategy: Strategy
    place: int
    orders: Sequence[NDArray]
    rng: np.random.Generator


def _splits(
    strategy: Strategy, every: _EverySplit, shuffles: int, drawn: np.random.Generator
) -> Iterator[_Split]:
    """Give the splits of a strategy; what each draws comes after what those before it draw."""
    rng = deepcopy(drawn)
    for place, (train, _) in enumerate(every.sides):
        orders = [rng.permutation(int(train.sum())) for _ in range(shuffles)]
        yield _Split(strategy, place, orders, deepcopy(rng))
        # What `try_on_pairs` draws: under the scores and their shuffles, then random channels.
        repeats = 0 if strategy.method == FALLBACK else shuffles
        for _ in range(1 + repeats):
            strategy.pass_over([every.features], rng)
        for _ in range(every.draws if repeats else 0):
            rng.permutation(every.features.n_channels)


def _one_split(carried: _EverySplit | Path, split: _Split) -> PairTrial:
    every = arrived(carried)
    train, test = every.sides[split.place]
    return try_on_pairs(
        split.strategy,
        every.features.subset(train),
        every.features.subset(test),
        split.orders,
        draws=every.draws,
        rng=split.rng,
        times=every.times[:, test],
    )


def _summary(trials: Sequence[PairTrial]) -> tuple:
    def mean(name: str) -> float:
        return float(np.mean([getattr(one, name) for one in trials]))

    def controls(name: str) -> NDArray:
        """Return the mean over splits of each repeat, (n_repeats,); NaN where there is none."""
        found = np.array([getattr(one, name) for one in trials]).mean(axis=0)
        return found if found.size else np.array([np.nan])

    gains = np.stack([one.gains for one in trials])
    told = np.isfinite(gains)
    summed = np.where(told, gains, 0.0).sum(axis=0)
    over = np.divide(
        summed, told.sum(axis=0), out=np.full(len(summed), np.nan), where=told.any(axis=0)
    )
    after, shuffled, random = mean("after"), controls("shuffled"), controls("random")
    beaten = np.isfinite(shuffled).all()
    return (
        float(np.mean([one.chosen.kept.mean() for one in trials])),
        float(np.mean([one.chosen.before for one in trials])),
        float(np.mean([one.chosen.after for one in trials])),
        mean("before"),
        after,
        after - mean("before"),
        *percentile_interval(over),
        float(controls("shuffled_chosen").mean()),
        float(shuffled.mean()),
        float(shuffled.max()),
        float(random.mean()),
        float(random.max()),
        float((1 + (shuffled >= after).sum()) / (1 + len(shuffled))) if beaten else np.nan,
        mean_jaccard([one.chosen.kept for one in trials]),
    )
