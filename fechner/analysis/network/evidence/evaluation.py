"""What a strategy is worth on images that took no part in it.

Outer folds keep scenes together. In each, the whole strategy, with its own inner folds,
runs on the training scenes and is judged on the others; then everything is repeated
under shuffled ratings: the ratings of the training images are permuted among those
images, while those of the judged images stay as they are. What the strategy reaches then
is what it gains from noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import cycle
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import (
    bootstrap_draws,
    percentile_interval,
    resampled_images,
    statistic_interval,
)
from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.readout import (
    apart_from,
    fit_readout,
    grouped_folds,
)
from fechner.analysis.network.choosing.strategies import Chosen, Strategy
from fechner.errors import InputError
from fechner.executors import SerialExecutor, run_all
from fechner.progress import Progress, one_of, silent


class AnyStrategy(Protocol):
    """A strategy, or what decides on a set of features and a strategy once it sees ratings."""

    @property
    def name(self) -> str:
        """How it is written."""

    def decide(
        self, sets: Sequence[RatedFeatures], ratings: NDArray, rng: np.random.Generator
    ) -> tuple[int, Strategy]:
        """Return the place of the set and the strategy to use on it."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Held-out evidence for one strategy; every number is of judged images.

    Attributes
    ----------
    strategy
        Its name.
    kept
        Mean share of channels kept, [0, 1].
    selection_before, selection_after
        Alignment on the training images, mean over folds (in-sample).
    before, after, interval
        Alignment on judged images with all channels and with the chosen ones, mean over
        folds and partitions, and its bootstrap 95 % interval over images.
    shuffled_selection, shuffled_after : (n_shuffles,)
        The same under shuffled ratings.
    prediction, prediction_interval, shuffled_prediction
        Spearman of ratings with what a read-out of the kept channels (or the strategy
        itself) predicts for judged images, over all folds together; the mean over several
        dimensions. Dimensions that are held constant are first taken out of the ratings.
    predicted : (n_images, n_partitions * n_dimensions)
        Those predictions, up to a constant; 0 for images that judge nothing.
    jaccard, impact_correlation
        Stability over folds: mean overlap of kept sets, mean rank correlation of impacts;
        NaN where no two folds chose among the same channels.
    """

    strategy: str
    kept: float
    selection_before: float
    selection_after: float
    before: float
    after: float
    interval: tuple[float, float]
    shuffled_selection: NDArray[np.float64] = field(repr=False)
    shuffled_after: NDArray[np.float64] = field(repr=False)
    prediction: float
    prediction_interval: tuple[float, float]
    shuffled_prediction: NDArray[np.float64] = field(repr=False)
    predicted: NDArray[np.float64] = field(repr=False)
    jaccard: float
    impact_correlation: float

    @property
    def alignment_p(self) -> float:
        """Share of shuffled controls that align at least as well, counting the real one."""
        return _control_p(self.after, self.shuffled_after)

    @property
    def prediction_p(self) -> float:
        """Share of shuffled controls that predict at least as well, counting the real one."""
        return _control_p(self.prediction, self.shuffled_prediction)


@dataclass(frozen=True, eq=False)
class _Fold:
    """One fold under one set of training ratings: what was chosen and what it reached."""

    which: int
    chosen: Chosen
    before: float
    after: float
    predicted: NDArray[np.float64]
    draws: NDArray[np.float64]


@dataclass
class _Run:
    """All folds of one partition under real or shuffled ratings."""

    partition: int
    real: bool
    predicted: NDArray[np.float64]
    folds: list[_Fold] = field(default_factory=list)


@dataclass(frozen=True)
class _Work:
    strategy: AnyStrategy
    sets: Sequence[RatedFeatures]
    folds: int
    repeats: int
    shuffles: int
    seed: int
    resamples: int


def evaluate(
    images: RatedFeatures | Sequence[RatedFeatures],
    strategies: Sequence[AnyStrategy],
    *,
    folds: int = 5,
    repeats: int = 1,
    shuffles: int = 20,
    resamples: int = 500,
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> list[Evaluation]:
    """Return the held-out evidence for each strategy, in their order.

    Parameters
    ----------
    images
        All rated images; several sets of features of them where a strategy chooses among
        sets (`nested.BestHeldOut`), while others use the first.
    folds
        Outer folds; scenes are dealt to them whole.
    repeats
        Partitions into folds; evidence is their mean, because on small sets it differs
        much between partitions. The shuffled repeats take turns among them.
    shuffles
        Repeats of the whole selection under shuffled ratings.
    resamples
        Bootstrap samples behind the intervals; 0 leaves the intervals NaN.
    seed
        Of partitions, shuffles, random strategies and bootstraps; every strategy sees the
        same ones.
    pool
        Where strategies run, one task each.

    Returns
    -------
    list of Evaluation

    Raises
    ------
    InputError
        If there are fewer scenes than folds.
    """
    for what, count, least in (("folds", folds, 2), ("repeats", repeats, 1)):
        if count < least:
            raise InputError(f"--{what} expects {least} or more, got {count}")
    if shuffles < 0:
        raise InputError(f"--shuffles expects 0 or more, got {shuffles}")
    sets = [images] if isinstance(images, RatedFeatures) else list(images)
    seen = sets[0].seen
    judging = len(np.unique(sets[0].scenes[~seen]))
    if judging < 2 and seen.any():
        raise InputError(
            f"the weights were fitted to images of all but {judging} scenes, so that nothing can "
            "judge them; fit them anew with fechner network finetune --held-out"
        )
    if judging < folds:
        raise InputError(f"{folds} folds need as many scenes, got {judging}; use --folds {judging}")
    work = [
        _Work(strategy, sets, folds, repeats, shuffles, seed, resamples) for strategy in strategies
    ]
    if not isinstance(pool, SerialExecutor | None):
        return run_all(_evaluate_one, work, pool=pool, progress=progress)
    return [_evaluate_one(one, one_of(progress, k, len(work))) for k, one in enumerate(work)]


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


def _evaluate_one(work: _Work, progress: Progress = silent) -> Evaluation:
    rng, images = np.random.default_rng(work.seed), work.sets[0]
    # One resample of images for all folds: partitions that share images are no new evidence.
    times = resampled_images(len(images), rng=rng, resamples=work.resamples)
    turns = [(k, True) for k in range(work.repeats)]
    turns += [(k % work.repeats, False) for k in range(work.shuffles)]
    runs = [_Run(partition, real, np.zeros(images.ratings.shape)) for partition, real in turns]
    dealt = held_out_folds(
        images.scenes, images.seen, folds=work.folds, repeats=work.repeats, seed=work.seed
    )
    for partition, train, test in dealt:
        fits = [one.subset(train) for one in work.sets]
        judges = [one.subset(test) for one in work.sets]
        for run in runs:
            if run.partition == partition:
                rated = fits[0].ratings
                target = rated if run.real else rng.permutation(rated)
                which, strategy = work.strategy.decide(fits, target, rng)
                drawn = times[: len(times) if run.real else 0, test]
                fold = _run_fold(which, strategy, fits, judges, target, rng, drawn)
                run.folds.append(fold)
                run.predicted[test] = fold.predicted
                progress(sum(len(run.folds) for run in runs), len(runs) * work.folds)
    return _summary(work, runs, rng)


def _run_fold(
    which: int,
    strategy: Strategy,
    fits: Sequence[RatedFeatures],
    judges: Sequence[RatedFeatures],
    target: NDArray,
    rng: np.random.Generator,
    times: NDArray,
) -> _Fold:
    fit, judge = fits[which], judges[which]
    chosen = strategy(fit, target, rng)
    objective = strategy.objective
    measure = judge.alignment(objective)
    before = measure(judge.channels(objective).similarity())
    if not chosen.kept.any():
        nothing = np.zeros(judge.ratings.shape)
        return _Fold(which, chosen, before, 0.0, nothing, np.zeros(len(times)))
    similarity = judge.similarity(objective, chosen.scale)
    draws = bootstrap_draws(similarity, measure, judge.pairs(objective), times)
    predicted = predict_held_out(chosen, fit, judge, target)
    return _Fold(which, chosen, before, measure(similarity), predicted, draws)


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


def _summary(work: _Work, runs: list[_Run], rng: np.random.Generator) -> Evaluation:
    images = work.sets[0].subset(~work.sets[0].seen)
    ratings = apart_from(images.ratings, images.held_constant).reshape(len(images), -1)
    judges = ~work.sets[0].seen
    for run in runs:
        run.predicted = run.predicted[judges].reshape(ratings.shape)
    real, shuffled = [r for r in runs if r.real], [r for r in runs if not r.real]
    folds = [fold for run in real for fold in run.folds]
    draws = _mean_draws([fold.draws for fold in folds])
    predictions = np.concatenate([run.predicted for run in real], axis=1)
    predicted = np.zeros((len(judges), predictions.shape[1]))
    predicted[judges] = predictions

    def mean(values: Iterable[float]) -> float:
        numbers = list(values)
        return float(np.mean(numbers)) if numbers else float("nan")

    alike = _folds_of_same_channels(real)
    return Evaluation(
        strategy=work.strategy.name,
        kept=mean(float(fold.chosen.kept.mean()) for fold in folds),
        selection_before=mean(fold.chosen.before for fold in folds),
        selection_after=mean(fold.chosen.after for fold in folds),
        before=mean(fold.before for fold in folds),
        after=mean(fold.after for fold in folds),
        interval=percentile_interval(draws),
        shuffled_selection=np.array([mean(f.chosen.after for f in r.folds) for r in shuffled]),
        shuffled_after=np.array([mean(f.after for f in r.folds) for r in shuffled]),
        prediction=mean_spearman(predictions, ratings),
        prediction_interval=statistic_interval(
            mean_spearman, predictions, ratings, rng=rng, resamples=work.resamples
        ),
        shuffled_prediction=np.array([mean_spearman(r.predicted, ratings) for r in shuffled]),
        predicted=predicted,
        jaccard=mean(mean_jaccard([f.chosen.kept for f in each]) for each in alike),
        impact_correlation=mean(
            mean_rank_correlation([f.chosen.impact for f in each]) for each in alike
        ),
    )


def mean_spearman(predicted: NDArray, rated: NDArray) -> float:
    """Return the mean over columns of Spearman's correlation.

    Parameters
    ----------
    predicted : (n_images, n_partitions * n_dimensions)
        All dimensions of one partition, then those of the next.
    rated : (n_images, n_dimensions)
    """
    columns = zip(predicted.T, cycle(rated.T), strict=False)
    return float(np.mean([spearman(one, other) for one, other in columns]))


def _mean_draws(draws: Sequence[NDArray]) -> NDArray[np.float64]:
    """Return the mean over folds of each bootstrap sample, (resamples,), without NaN."""
    table = np.stack(draws)
    drawn = np.isfinite(table)
    total = np.where(drawn, table, 0.0).sum(axis=0)
    return np.divide(
        total, drawn.sum(axis=0), out=np.full(table.shape[1], np.nan), where=drawn.any(axis=0)
    )


def _folds_of_same_channels(runs: list[_Run]) -> list[list[_Fold]]:
    """Return the folds of each partition that chose among the same channels, two or more."""
    groups: dict[tuple[int, int], list[_Fold]] = {}
    for run in runs:
        for fold in run.folds:
            groups.setdefault((run.partition, fold.which), []).append(fold)
    return [group for group in groups.values() if len(group) > 1]


def mean_jaccard(sets: Sequence[NDArray]) -> float:
    """Return the mean ``|A and B| / |A or B|`` over pairs of masks (n_channels,), [0, 1]."""
    overlaps = [
        (a & b).sum() / max((a | b).sum(), 1) for k, a in enumerate(sets) for b in sets[k + 1 :]
    ]
    return float(np.mean(overlaps)) if overlaps else 1.0


def mean_rank_correlation(impacts: Sequence[NDArray]) -> float:
    """Return the mean Spearman correlation over pairs of impact vectors (n_channels,)."""
    values = [spearman(a, b) for k, a in enumerate(impacts) for b in impacts[k + 1 :]]
    return float(np.mean(values)) if values else 1.0


def _control_p(value: float, control: NDArray) -> float:
    return float((1 + (control >= value).sum()) / (1 + len(control)))
