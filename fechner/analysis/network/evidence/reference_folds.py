"""What choosing channels on reference pairs is worth, over many splits by reference.

One split of a handful of references says little. So the references take turns: each judges in
as many splits as any other, the whole choice is made anew in each, and a table gives the
means over splits beside shuffled scores and random channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.choosing.reference_pairs import ReferenceFeatures
from fechner.analysis.network.choosing.strategies import Strategy
from fechner.analysis.network.evidence.evaluation import mean_jaccard
from fechner.analysis.network.evidence.reference_pairs import (
    PairTrial,
    drawn_references,
    try_on_pairs,
)
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
        Where strategies run, one task each.

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
    work = partial(_one_strategy, features, sides, shuffles, draws, seed)
    rows = run_all(work, list(strategies), pool=pool, progress=progress)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _one_strategy(
    features: ReferenceFeatures,
    sides: Sequence[tuple[NDArray, NDArray]],
    shuffles: int,
    draws: int,
    seed: int,
    strategy: Strategy,
) -> tuple:
    rng = np.random.default_rng([seed, 1])
    # One resample of references for all splits: splits that share references are no new evidence.
    times = drawn_references(features.scenes, rng=rng)
    trials = []
    for train, test in sides:
        orders = [rng.permutation(int(train.sum())) for _ in range(shuffles)]
        trials.append(
            try_on_pairs(
                strategy, features.subset(train), features.subset(test), orders,
                draws=draws, rng=rng, times=times[:, test],
            )
        )  # fmt: skip
    return (strategy.name, *_summary(trials))


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
