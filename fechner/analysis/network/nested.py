"""Letting held-out scenes choose the strategy, and judging that choice by others.

The best row of a table of held-out evidence was chosen by looking, and looking can be won
by noise. Here the choice is made on inner folds of whatever images a strategy may see, so
that the outer images judge the choice as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.evaluation import Evaluation, evaluate
from fechner.analysis.network.rated_features import RatedFeatures
from fechner.analysis.network.strategies import Chosen, Strategy


def best_held_out(
    images: RatedFeatures,
    strategies: Sequence[Strategy],
    *,
    criterion: str = "prediction",
    folds: int = 3,
    seed: int,
) -> tuple[Strategy, list[Evaluation]]:
    """Return the strategy that did best on inner held-out scenes, and all evidence.

    The choice itself sees these images, so what it is worth must be told by others
    (`BestHeldOut` inside `evaluate`, or the held-out scenes of `select_channels`).

    Parameters
    ----------
    criterion
        ``prediction`` of ratings by the kept channels, which compares every strategy in
        one unit, or ``alignment``, which compares those that share an objective.
    """
    evidence = evaluate(images, strategies, folds=folds, shuffles=0, resamples=0, seed=seed)
    scores = [e.prediction if criterion == "prediction" else e.after for e in evidence]
    return strategies[int(np.argmax(scores))], evidence


@dataclass(frozen=True)
class BestHeldOut(Strategy):
    """The strategy that chooses among `rivals` on inner folds of whatever images it sees."""

    rivals: tuple[Strategy, ...] = ()
    folds: int = 3

    @property
    def name(self) -> str:
        """How the strategy is written."""
        return "best held-out"

    def __call__(self, images: RatedFeatures, ratings: NDArray, rng: np.random.Generator) -> Chosen:
        """Choose a rival on inner held-out scenes, then choose channels by it."""
        seen = RatedFeatures(
            images.values, ratings, images.scenes, reference_of=images.reference_of
        )
        seed = int(rng.integers(2**31))
        strategy, _ = best_held_out(seen, self.rivals, folds=self.folds, seed=seed)
        return strategy(images, ratings, rng)
