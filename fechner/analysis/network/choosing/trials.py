"""Choices made on some scenes, and what each reaches on the others.

Every choice, under real or under shuffled ratings, is a task of its own that any process can do:
what is random in it was drawn before.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.choosing.chosen import Chosen
from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.shared_impacts import run_choices
from fechner.analysis.network.choosing.strategies import Strategy
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.progress import Progress


@dataclass(frozen=True, eq=False)
class Sides:
    """The images that choose and those that judge, one of each for every set of channels."""

    here: Sequence[RatedFeatures]
    there: Sequence[RatedFeatures]


@dataclass(frozen=True, eq=False)
class _Trial:
    """One choice: which set, by what, under which ratings, with the draws to come."""

    which: int
    strategy: Strategy
    target: NDArray[np.float64]
    rng: np.random.Generator


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was chosen, the alignment it reaches on the held-out side, and what it predicts."""

    chosen: Chosen
    reached: float
    predicted: NDArray[np.float64] | None


def outcomes_of(
    work: Sequence[tuple[int, Strategy]],
    sides: Sides,
    shuffles: int,
    rng: np.random.Generator,
    pool: Executor | None,
    progress: Progress,
) -> list[list[Outcome]]:
    """Return what each strategy makes of its set, under the real ratings first.

    Parameters
    ----------
    work
        Place of a set, and the strategy that chooses from it.
    sides
        The images.
    shuffles
        How often each choice is made again under shuffled ratings; not where it keeps all channels
        whatever the ratings say.
    rng
        Shuffles, and draws what strategies draw.
    pool, progress
        Where choices run, and what is called after each.

    Returns
    -------
    list of list
        One list for each of `work`, the same in any `pool`.
    """
    real = sides.here[0].ratings
    shuffled = [rng.permutation(real) for _ in range(shuffles)]
    trials, counts = [], []
    for which, strategy in work:
        targets = [real, *([] if _keeps_all(strategy) else shuffled)]
        counts.append(len(targets))
        for target in targets:
            trials.append(_Trial(which, strategy, target, deepcopy(rng)))
            strategy.pass_over(sides.here[which:], rng)
    with travelling(sides, None, pool) as carried:
        found = iter(
            run_choices(
                partial(_impact, carried),
                partial(_try, carried),
                trials,
                ranked_by=_ranked_by,
                pool=pool,
                progress=progress,
            )
        )
    return [[next(found) for _ in range(count)] for count in counts]


def _ranked_by(trial: _Trial) -> Hashable | None:
    if not trial.strategy.ranks:
        return None
    return trial.which, trial.strategy.objective, trial.target.tobytes()


def _impact(carried: Sides | Path, trial: _Trial) -> NDArray[np.float64]:
    here = arrived(carried).here[trial.which]
    return here.impact(trial.strategy.objective, trial.target)


def _try(carried: Sides | Path, ranked: tuple[_Trial, NDArray[np.float64] | None]) -> Outcome:
    sides, (trial, impact) = arrived(carried), ranked
    here, there, strategy = sides.here[trial.which], sides.there[trial.which], trial.strategy
    chosen, reached = strategy(here, trial.target, trial.rng, impact), 0.0
    if chosen.kept.any():
        similarity = there.similarity(strategy.objective, chosen.scale)
        reached = there.alignment(strategy.objective)(similarity)
    guess = chosen.predict(there) if strategy.predicts and chosen.predict else None
    # What predicts holds functions, which do not travel between processes.
    return Outcome(replace(chosen, predict=None), reached, guess)


def _keeps_all(strategy: Strategy) -> bool:
    """Return whether ratings have no say in what the strategy makes."""
    return strategy.method == "all" and not strategy.read_out
