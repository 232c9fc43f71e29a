"""One fold of a strategy: chosen on the training images, judged on the others.

Every fold of every strategy, under real or under shuffled ratings, is a task of its own that any
process can do: what is random in it was drawn before. So the evidence does not depend on where, or
in how many processes, the tasks run.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.uncertainty import bootstrap_draws
from fechner.analysis.network.choosing.chosen import Chosen
from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.readout import apart_from, fit_readout, grouped_folds
from fechner.analysis.network.choosing.shared_impacts import run_choices
from fechner.analysis.network.choosing.strategies import Strategy
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.progress import Progress


class AnyStrategy(Protocol):
    """A strategy, or what decides on a set of features and a strategy once it sees ratings."""

    @property
    def name(self) -> str:
        """How it is written."""

    def decide(
        self, sets: Sequence[RatedFeatures], ratings: NDArray, rng: np.random.Generator
    ) -> tuple[int, Strategy]:
        """Return the place of the set and the strategy to use on it."""

    def pass_over(self, sets: Sequence[RatedFeatures], rng: np.random.Generator) -> None:
        """Draw from `rng` what a choice draws, and choose nothing."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold under one set of training ratings: what was chosen and what it reached."""

    which: int
    kept: NDArray[np.bool_]
    impact: NDArray[np.float64]
    selection_before: float
    selection_after: float
    before: float
    after: float
    predicted: NDArray[np.float64]
    draws: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Dealt:
    """What every fold of every strategy looks at; one resample of images for all folds.

    Partitions that share images are no new evidence, so that they share the resample.
    """

    sets: Sequence[RatedFeatures]
    folds: Sequence[tuple[int, NDArray[np.intp], NDArray[np.intp]]]
    times: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One fold of one strategy, under real or shuffled ratings.

    Attributes
    ----------
    strategy, place
        What chooses, and its place among the strategies.
    run, fold
        Place of the ratings among real and shuffled ones, and of the fold in `Dealt`.
    target, real
        Ratings of the training images, and whether they are the real ones.
    rng
        Draws what the choice draws.
    """

    strategy: AnyStrategy
    place: int
    run: int
    fold: int
    target: NDArray[np.float64]
    real: bool
    rng: np.random.Generator


def held_out_folds(
    scenes: NDArray, seen: NDArray, *, folds: int, repeats: int, seed: int
) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Give (partition, training rows, judged rows), the same for every strategy.

    Parameters
    ----------
    scenes, seen : (n_images,)
        Scenes are dealt whole; images that are `seen` train and never judge.
    folds, repeats, seed
        See `evaluate`.

    Yields
    ------
    partition, train, test
        Rows of images; scenes of `test` are not in `train`.
    """
    judging = np.flatnonzero(~seen)
    for partition in range(repeats):
        dealt = np.random.default_rng([seed, partition])
        for _, held in grouped_folds(scenes[judging], folds, rng=dealt):
            test = judging[held]
            yield partition, np.setdiff1d(np.arange(len(scenes)), test), test


def fold_tasks(
    strategy: AnyStrategy,
    place: int,
    data: Dealt,
    turns: Sequence[tuple[int, bool]],
    rng: np.random.Generator,
) -> Iterator[FoldTask]:
    """Give the tasks of one strategy, with all shuffled ratings drawn.

    Parameters
    ----------
    strategy, place
        What chooses, and its place among the strategies.
    data
        Sets and folds.
    turns
        Partition of each run, and whether its ratings are the real ones.
    rng
        Shuffles; it ends where it would if the choices had been made one after another.

    Yields
    ------
    FoldTask
    """
    rated = data.sets[0].ratings
    for fold, (partition, train, _) in enumerate(data.folds):
        for run, (mine, real) in enumerate(turns):
            if mine == partition:
                target = rated[train] if real else rng.permutation(rated[train])
                yield FoldTask(strategy, place, run, fold, target, real, deepcopy(rng))
                strategy.pass_over(data.sets, rng)


def run_folds(
    data: Dealt, tasks: Sequence[FoldTask], *, pool: Executor | None, progress: Progress
) -> list[tuple[FoldTask, Fold]]:
    """Return every task with what came of it, fold by fold.

    Parameters
    ----------
    data
        Sets and folds; they travel to each process once.
    tasks
        In any order.
    pool, progress
        Where tasks run, and what is called after each.

    Returns
    -------
    list
        The same for any `pool`.
    """
    # Fold by fold: the sums over channels of a fold serve all its strategies and runs.
    ordered = sorted(tasks, key=lambda task: task.fold)
    with travelling(data, None, pool) as carried:
        try:
            found = run_choices(
                partial(_impact, carried),
                partial(_fold, carried),
                ordered,
                ranked_by=_ranked_by,
                pool=pool,
                progress=progress,
            )
        finally:
            _sides.cache_clear()
    return list(zip(ordered, found, strict=True))


@lru_cache(maxsize=1)
def _sides(carried: Dealt | Path, fold: int) -> tuple[list[RatedFeatures], list[RatedFeatures]]:
    """Return the sets of training and of judged images of a fold, kept until the next one."""
    data = arrived(carried)
    _, train, test = data.folds[fold]
    return [one.subset(train) for one in data.sets], [one.subset(test) for one in data.sets]


def _ranked_by(task: FoldTask) -> Hashable | None:
    if not (isinstance(task.strategy, Strategy) and task.strategy.ranks):
        return None
    return task.fold, task.strategy.objective, task.target.tobytes()


def _impact(carried: Dealt | Path, task: FoldTask) -> NDArray[np.float64]:
    fits, _ = _sides(carried, task.fold)
    which, strategy = task.strategy.decide(fits, task.target, task.rng)
    return fits[which].impact(strategy.objective, task.target)


def _fold(carried: Dealt | Path, ranked: tuple[FoldTask, NDArray[np.float64] | None]) -> Fold:
    task, impact = ranked
    fits, judges = _sides(carried, task.fold)
    data, (_, _, test) = arrived(carried), arrived(carried).folds[task.fold]
    which, strategy = task.strategy.decide(fits, task.target, task.rng)
    drawn = data.times[: len(data.times) if task.real else 0, test]
    fit, judge = fits[which], judges[which]
    chosen = strategy(fit, task.target, task.rng, impact)
    objective = strategy.objective
    measure = judge.alignment(objective)
    before, after = measure(judge.channels(objective).similarity()), 0.0
    predicted, draws = np.zeros(judge.ratings.shape), np.zeros(len(drawn))
    if chosen.kept.any():
        similarity = judge.similarity(objective, chosen.scale)
        after = measure(similarity)
        draws = bootstrap_draws(similarity, measure, judge.pairs(objective), drawn)
        predicted = predict_held_out(chosen, fit, judge, task.target)
    return Fold(
        which=which,
        kept=chosen.kept,
        impact=chosen.impact,
        selection_before=chosen.before,
        selection_after=chosen.after,
        before=before,
        after=after,
        predicted=predicted,
        draws=draws,
    )


def predict_held_out(
    chosen: Chosen, fit: RatedFeatures, judge: RatedFeatures, target: NDArray
) -> NDArray[np.float64]:
    """Return the ratings predicted for judged images, less the mean of the training ratings.

    Without that the folds' own means would rank the predictions: a fold whose training
    images are rated high has judged images that are rated low.
    """
    if chosen.predict is not None:
        return chosen.predict(judge)
    wanted = apart_from(target, fit.held_constant).reshape(len(fit), -1)
    kept, columns = chosen.kept, []
    for rated in wanted.T:
        readout = fit_readout(fit.pooled[:, kept], rated, fit.scenes)
        columns.append(readout.predict(judge.pooled[:, kept]) - rated.mean())
    return np.stack(columns, axis=1).reshape(judge.ratings.shape)
