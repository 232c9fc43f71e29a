"""Letting held-out scenes choose channels and strategy, and judging that choice by others.

The best row of a table of held-out evidence was chosen by looking, and looking can be won
by noise. Here the choice is made on inner folds of whatever images it may see, so that the
outer images judge the choice as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.strategies import Strategy
from fechner.analysis.network.evidence.evaluation import evaluate
from fechner.progress import Progress, one_of, silent


def best_held_out(
    sets: Sequence[RatedFeatures],
    strategies: Sequence[Strategy],
    *,
    folds: int = 3,
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> tuple[int, Strategy, float]:
    """Return which set and strategy predict ratings best on inner held-out scenes, and how well.

    Prediction of ratings by the kept channels compares all strategies in one unit. The
    choice itself sees these images, so what it is worth only others can say
    (`BestHeldOut` inside `evaluate`, or the held-out scenes of `select_among`).

    Parameters
    ----------
    sets
        Sets of features of the same images.
    folds, seed
        Of the inner partition.
    pool, progress
        Where choices run, and what is called after each.

    Returns
    -------
    Place of the set, strategy, and Spearman of predicted ratings.

    Raises
    ------
    InputError
        If there are fewer scenes than folds.
    """
    rows = [
        (found.prediction, strategy.predicts, which, strategy)
        for which, images in enumerate(sets)
        for strategy, found in zip(
            strategies,
            evaluate(
                images,
                strategies,
                folds=folds,
                shuffles=0,
                resamples=0,
                seed=seed,
                pool=pool,
                progress=one_of(progress, which, len(sets)),
            ),
            strict=True,
        )
    ]
    # A read-out predicts as well as all the channels it reads, but its weights say more.
    score, _, which, strategy = max(rows, key=lambda row: row[:2])
    return which, strategy, score


@dataclass(frozen=True)
class BestHeldOut:
    """The choice among sets of features and `rivals`, made on inner folds."""

    rivals: tuple[Strategy, ...]
    folds: int = 3
    name: str = "best held-out"

    def decide(
        self, sets: Sequence[RatedFeatures], ratings: NDArray, rng: np.random.Generator
    ) -> tuple[int, Strategy]:
        """Return the place of the best set and the best of the rivals on it."""
        seen = [images.rated_as(ratings) for images in sets]
        seed = int(rng.integers(2**31))
        which, strategy, _ = best_held_out(seen, self.rivals, folds=self.folds, seed=seed)
        return which, strategy

    def pass_over(self, sets: Sequence[RatedFeatures], rng: np.random.Generator) -> None:
        """Draw from `rng` the seed of the inner folds, and choose nothing."""
        rng.integers(2**31)
