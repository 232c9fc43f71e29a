"""Strategies scored within the levels of a column, and on levels that chose nothing.

Where a column (generator, camera, codec) goes with the ratings, a selection may have learnt to
recognise its levels. Within a level that knowledge is worth nothing: predictions and matrices are
compared among images of one level only. And a selection that never saw a level cannot have
learnt it: each level is left out of choosing in turn, on top of the held-out scenes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.choosing.chosen import Chosen
from fechner.analysis.network.choosing.rated_features import (
    Objective,
    RatedFeatures,
    rated_features,
)
from fechner.analysis.network.choosing.readout import apart_from
from fechner.analysis.network.choosing.sets import ChannelValues
from fechner.analysis.network.choosing.strategies import Strategy
from fechner.analysis.network.evidence.by_scene import (
    FEWEST,
    alignment_draws_over_scenes,
    interval_over_scenes,
    resampled_scenes,
    spearman_within,
)
from fechner.analysis.network.evidence.columns import levels_of
from fechner.analysis.network.evidence.compare import ANY_SET
from fechner.analysis.network.evidence.folds import held_out_folds, predict_held_out
from fechner.analysis.network.evidence.nested import BestHeldOut
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.errors import FechnerError, InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.rated_images import RatedImages

COLUMNS = (
    "features", "pooling", "strategy", "measure", "level", "images", "all_channels", "value",
    "low", "high", "shuffled",
)  # fmt: skip
WITHIN, LEFT_OUT = "within levels", "level left out"


@dataclass(frozen=True, eq=False)
class _Work:
    name: tuple[str, str]
    images: RatedFeatures
    strategy: Strategy
    levels: NDArray[np.str_]
    folds: int
    shuffles: int
    seed: int


@dataclass
class _Aligned:
    """Alignments among the images of one level and fold."""

    pairs: int
    before: float
    after: float
    draws: NDArray[np.float64]


@dataclass
class _Reached:
    """What one strategy predicted and aligned on held-out scenes.

    `known`: predictions by a choice that saw the level; `unknown`: that did not; `noise`: under
    shuffled ratings. `aligned`, `unseen`, `misaligned`: the same of alignments.
    """

    known: NDArray[np.float64]
    unknown: NDArray[np.float64]
    noise: list[NDArray[np.float64]] = field(default_factory=list)
    aligned: list[_Aligned] = field(default_factory=list)
    unseen: list[_Aligned] = field(default_factory=list)
    misaligned: list[list[_Aligned]] = field(default_factory=list)


def within_levels(
    sets: Mapping[tuple[str, str], ChannelValues],
    rated: RatedImages,
    dimension: str,
    strategies: Sequence[Strategy],
    column: str,
    *,
    partial_out: str | None = None,
    nested: NDArray | None = None,
    folds: int = 5,
    shuffles: int = 20,
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return what each strategy is worth within the levels of a column, on held-out scenes.

    Parameters
    ----------
    sets, rated, dimension, strategies, partial_out
        As for `compare.compare`; one rating dimension.
    column
        Of the table. Its levels are names.
    nested : (n_images, n_partitions), optional
        What the choice made inside the folds predicts (`compare.Comparison`): rows of its own, of
        predictions over all images and within levels, means over partitions.
    folds, shuffles, seed, pool, progress
        See `evaluation.evaluate`; one partition into folds.

    Returns
    -------
    Frame with `COLUMNS`. ``measure`` is ``prediction`` (Spearman over all held-out images),
    ``prediction, within levels`` (`by_scene.spearman_within`), ``prediction, level left out``
    (likewise, each image predicted by a choice that saw neither its scene nor its level; then one
    row a ``level``), and alignment in the last two ways: its mean over folds and levels, weighted
    by pairs, with all channels and with those kept. Intervals are over scenes; ``shuffled`` is the
    mean under shuffled ratings, for what needs no further choosing.

    Raises
    ------
    InputError
        If the column is missing, constant or has a level an image, several dimensions are joined,
        or there are fewer scenes than folds.
    """
    if "+" in dimension:
        raise InputError("--confound looks at one rating dimension at a time; leave out the '+'")
    levels = levels_of(rated, column)
    seen = np.logical_or.reduce([one.seen for one in sets.values()])
    work = [
        _Work(name, images, strategy, levels, folds, shuffles, seed)
        for name, one in sets.items()
        for images in [
            rated_features(replace(one, seen=seen), rated, dimension, partial_out=partial_out)
        ]
        for strategy in strategies
    ]
    rows = [row for found in _scored(work, pool, progress) for row in found]
    if nested is not None:
        rows += _nested_rows(work[0], nested)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _nested_rows(work: _Work, predicted: NDArray) -> list[tuple]:
    images, levels = work.images, work.levels
    judges = ~images.seen
    wanted = np.zeros(len(images))
    wanted[judges] = apart_from(images.ratings[judges], images.held_constant[judges])
    times = resampled_scenes(images.scenes, rng=np.random.default_rng(work.seed)) * judges

    def over_all(rows: NDArray) -> float:
        return float(np.mean([spearman(one[rows], wanted[rows]) for one in predicted.T]))

    def within(rows: NDArray) -> float:
        each = [spearman_within(one[rows], wanted[rows], levels[rows]) for one in predicted.T]
        return float(np.mean(each))

    at, choice = np.flatnonzero(judges), (ANY_SET, "", BestHeldOut(()).name)
    return [
        (*choice, measure, "", len(at), np.nan, agrees(at), *interval_over_scenes(agrees, times),
         np.nan)
        for measure, agrees in (("prediction", over_all), (f"prediction, {WITHIN}", within))
    ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Fold:
    """One fold of one work, with the draws to come in it."""

    place: int
    train: NDArray
    test: NDArray
    rng: np.random.Generator


def _scored(work: Sequence[_Work], pool: Executor | None, progress: Progress) -> list[list[tuple]]:
    """Return the rows of each work: every fold of it is a task, then what all of them reached."""
    folds = [fold for place, one in enumerate(work) for fold in _folds(place, one)]
    with travelling(tuple(work), None, pool) as carried:
        made = iter(run_all(partial(_of_fold, carried), folds, pool=pool, progress=progress))
        counts = [sum(fold.place == place for fold in folds) for place in range(len(work))]
        reached = [_together([next(made) for _ in range(count)]) for count in counts]
        return run_all(partial(_rows, carried), list(enumerate(reached)), pool=pool)


def _folds(place: int, work: _Work) -> list[_Fold]:
    """Return the folds of a work; what each draws comes after what those before it draw."""
    images, rng = work.images, np.random.default_rng(work.seed)
    found = []
    for _, train, test in held_out_folds(
        images.scenes, images.seen, folds=work.folds, repeats=1, seed=work.seed
    ):
        found.append(_Fold(place, train, test, deepcopy(rng)))
        work.strategy.pass_over([images], rng)
        for _ in range(work.shuffles):
            rng.permutation(images.ratings[train])
            work.strategy.pass_over([images], rng)
        for level in np.unique(work.levels[test]):
            if (work.levels[train] == level).any():
                work.strategy.pass_over([images], rng)
    return found


def _of_fold(carried: tuple[_Work, ...] | Path, fold: _Fold) -> _Reached:
    """Choose on one fold, and predict and align its held-out images; others stay 0."""
    work, train, test, rng = arrived(carried)[fold.place], fold.train, fold.test, fold.rng
    images, levels = work.images, work.levels
    times = _times(work)
    reached = _Reached(
        known=np.zeros(len(images)),
        unknown=np.zeros(len(images)),
        noise=[np.zeros(len(images)) for _ in range(work.shuffles)],
        misaligned=[[] for _ in range(work.shuffles)],
    )
    fit, judge = images.subset(train), images.subset(test)
    chosen = work.strategy(fit, fit.ratings, rng)
    reached.known[test] = _predict(chosen, fit, judge, fit.ratings)
    reached.aligned += _alignments(work, chosen, test, times)
    for guess, into in zip(reached.noise, reached.misaligned, strict=True):
        target = rng.permutation(fit.ratings)
        misled = work.strategy(fit, target, rng)
        guess[test] = _predict(misled, fit, judge, target)
        into += _alignments(work, misled, test, times[:0])
    for level in np.unique(levels[test]):
        mine = levels[test] == level
        elsewhere = train[levels[train] != level]
        others = fit if len(elsewhere) == len(train) else images.subset(elsewhere)
        # A level of one scene (the scene itself) is left out already, with its fold.
        unknowing = chosen if others is fit else work.strategy(others, others.ratings, rng)
        guess = _predict(unknowing, others, judge, others.ratings)
        reached.unknown[test[mine]] = guess[mine]
        reached.unseen += _alignments(work, unknowing, test[mine], times)
    return reached


def _together(folds: Sequence[_Reached]) -> _Reached:
    """Return what all folds reached: each image is held out in one, and 0 in the others."""
    shuffles = range(len(folds[0].noise))
    return _Reached(
        known=np.sum([one.known for one in folds], axis=0),
        unknown=np.sum([one.unknown for one in folds], axis=0),
        noise=[np.sum([one.noise[k] for one in folds], axis=0) for k in shuffles],
        aligned=[aligned for one in folds for aligned in one.aligned],
        unseen=[aligned for one in folds for aligned in one.unseen],
        misaligned=[[aligned for one in folds for aligned in one.misaligned[k]] for k in shuffles],
    )


def _times(work: _Work) -> NDArray[np.int64]:
    """Return how often each image counts in each resample of scenes."""
    return resampled_scenes(work.images.scenes, rng=np.random.default_rng(work.seed))


def _predict(
    chosen: Chosen, fit: RatedFeatures, judge: RatedFeatures, target: NDArray
) -> NDArray[np.float64]:
    if not chosen.kept.any():
        return np.zeros(len(judge))
    return predict_held_out(chosen, fit, judge, target)


def _alignments(
    work: _Work, chosen: Chosen, rows: NDArray, times: NDArray[np.int64]
) -> list[_Aligned]:
    """Return the alignment among the judged images of each level, with all and kept channels."""
    aim = work.strategy.objective
    plain = Objective(aim.similarity, aim.kernel, aim.fit)
    found = []
    for level in np.unique(work.levels[rows]):
        mine = rows[work.levels[rows] == level]
        if len(mine) < FEWEST:
            continue
        try:
            judge = work.images.subset(mine)
            measure, pairs = judge.alignment(plain), judge.pairs(plain)
        except FechnerError:  # Images of one level and fold that are all rated alike.
            continue
        before = measure(judge.channels(plain).similarity())
        if not chosen.kept.any():
            found.append(_Aligned(len(pairs), before, 0.0, np.zeros(len(times))))
            continue
        similarity = judge.similarity(plain, chosen.scale)
        draws = alignment_draws_over_scenes(
            similarity, measure, pairs, judge.scenes, times[:, mine]
        )
        found.append(_Aligned(len(pairs), before, measure(similarity), draws))
    return found


def _rows(carried: tuple[_Work, ...] | Path, made: tuple[int, _Reached]) -> list[tuple]:
    place, reached = made
    work = arrived(carried)[place]
    times = _times(work)
    images, levels = work.images, work.levels
    judges = ~images.seen
    wanted = np.zeros(len(images))
    wanted[judges] = apart_from(images.ratings[judges], images.held_constant[judges])

    def over_all(guess: NDArray, rows: NDArray) -> float:
        return spearman(guess[rows], wanted[rows]) if len(rows) >= FEWEST else np.nan

    def within(guess: NDArray, rows: NDArray) -> float:
        return spearman_within(guess[rows], wanted[rows], levels[rows])

    rows = []
    asked = [
        ("prediction", "", over_all, reached.known, reached.noise),
        (f"prediction, {WITHIN}", "", within, reached.known, reached.noise),
        (f"prediction, {LEFT_OUT}", "", within, reached.unknown, []),
        *(
            (f"prediction, {LEFT_OUT}", str(level), over_all, reached.unknown, [])
            for level in np.unique(levels[judges])
        ),
    ]
    for measure, level, agrees, guess, noise in asked:
        mine = judges & ((levels == level) if level else True)
        at = np.flatnonzero(mine)
        low, high = interval_over_scenes(partial(agrees, guess), times * mine)
        shuffled = _mean([agrees(one, at) for one in noise])
        rows.append((measure, level, len(at), np.nan, agrees(guess, at), low, high, shuffled))
    misled = [_weighted(one)[1] for one in reached.misaligned if one]
    for how, found, controls in (
        (WITHIN, reached.aligned, misled),
        (LEFT_OUT, reached.unseen, []),
    ):
        if found:
            before, after, draws = _weighted(found)
            low, high = percentile_interval(draws)
            about = (f"alignment, {how}", "", int(judges.sum()), before, after)
            rows.append((*about, low, high, _mean(controls)))
    return [(*work.name, work.strategy.name, *row) for row in rows]


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _weighted(found: list[_Aligned]) -> tuple[float, float, NDArray[np.float64]]:
    """Return the means over levels and folds, weighted by pairs: before, after and draws."""
    weights = np.array([one.pairs for one in found], dtype=np.float64)
    draws = np.stack([one.draws for one in found])
    drawn = np.isfinite(draws)
    total = (np.where(drawn, draws, 0.0) * weights[:, None]).sum(axis=0)
    amount = (drawn * weights[:, None]).sum(axis=0)
    return (
        float(np.average([one.before for one in found], weights=weights)),
        float(np.average([one.after for one in found], weights=weights)),
        np.divide(total, amount, out=np.full(len(total), np.nan), where=amount > 0),
    )
