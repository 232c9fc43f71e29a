"""What a strategy is worth on images that took no part in it.

Outer folds keep scenes together. In each, the whole strategy, with its own inner folds,
runs on the training scenes and is judged on the others; then everything is repeated
under shuffled ratings: the ratings of the training images are permuted among those
images, while those of the judged images stay as they are. What the strategy reaches then
is what it gains from noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.rated_features import Objective, RatedFeatures
from fechner.analysis.network.readout import fit_readout, grouped_folds, spearman
from fechner.analysis.network.strategies import Chosen, Strategy
from fechner.analysis.network.uncertainty import (
    bootstrap_draws,
    percentile_interval,
    statistic_interval,
)
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent

WITHIN = Objective(control="within")


@dataclass(frozen=True)
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
        itself) predicts for judged images, over all folds together.
    jaccard, impact_correlation
        Stability over folds: mean overlap of kept sets, mean rank correlation of impacts.
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


@dataclass(frozen=True)
class _Fold:
    """One fold under one set of training ratings: what was chosen and what it reached."""

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
    strategy: Strategy
    images: RatedFeatures
    folds: int
    repeats: int
    shuffles: int
    seed: int
    resamples: int


def evaluate(
    images: RatedFeatures,
    strategies: Sequence[Strategy],
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
        All rated images.
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

    Raises
    ------
    InputError
        If there are fewer scenes than folds.
    """
    scenes = len(np.unique(images.scenes))
    if scenes < folds:
        raise InputError(f"{folds} folds need as many scenes, got {scenes}; use --folds {scenes}")
    work = [
        _Work(strategy, images, folds, repeats, shuffles, seed, resamples)
        for strategy in strategies
    ]
    return run_all(_evaluate_one, work, pool=pool, progress=progress)


def _evaluate_one(work: _Work) -> Evaluation:
    rng, images = np.random.default_rng(work.seed), work.images
    turns = [(k, True) for k in range(work.repeats)]
    turns += [(k % work.repeats, False) for k in range(work.shuffles)]
    runs = [_Run(partition, real, np.zeros(len(images))) for partition, real in turns]
    for partition in range(work.repeats):
        dealt = np.random.default_rng([work.seed, partition])
        for train, test in grouped_folds(images.scenes, work.folds, rng=dealt):
            fit, judge = images.subset(train), images.subset(test)
            for run in runs:
                if run.partition == partition:
                    target = fit.ratings if run.real else rng.permutation(fit.ratings)
                    resamples = work.resamples if run.real else 0
                    fold = _run_fold(work.strategy, fit, judge, target, rng, resamples)
                    run.folds.append(fold)
                    run.predicted[test] = fold.predicted
    return _summary(work, runs, rng)


def _run_fold(
    strategy: Strategy,
    fit: RatedFeatures,
    judge: RatedFeatures,
    target: NDArray,
    rng: np.random.Generator,
    resamples: int,
) -> _Fold:
    chosen = strategy(fit, target, rng)
    objective = strategy.objective
    measure = judge.alignment(objective)
    before = measure(judge.grams(objective).similarity())
    if not chosen.kept.any():
        return _Fold(chosen, before, 0.0, np.zeros(len(judge)), np.zeros(resamples))
    similarity = judge.similarity(objective, chosen.scale)
    draws = bootstrap_draws(
        similarity,
        measure.human,
        judge.pairs(objective),
        rng=rng,
        fit=measure.fit,
        resamples=resamples,
    )
    predicted = _predicted(chosen, fit, judge, target)
    return _Fold(chosen, before, measure(similarity), predicted, draws)


def _predicted(
    chosen: Chosen, fit: RatedFeatures, judge: RatedFeatures, target: NDArray
) -> NDArray[np.float64]:
    """Return the ratings predicted for judged images, less the mean of the training ratings.

    Without that the folds' own means would rank the predictions: a fold whose training
    images are rated high has judged images that are rated low.
    """
    if chosen.predict is not None:
        return chosen.predict(judge)
    readout = fit_readout(fit.pooled[:, chosen.kept], target, fit.scenes)
    return readout.predict(judge.pooled[:, chosen.kept]) - target.mean()


def _summary(work: _Work, runs: list[_Run], rng: np.random.Generator) -> Evaluation:
    ratings = work.images.ratings
    real, shuffled = [r for r in runs if r.real], [r for r in runs if not r.real]
    folds = [fold for run in real for fold in run.folds]
    draws = np.mean([fold.draws for fold in folds], axis=0)
    predictions = np.stack([run.predicted for run in real], axis=1)

    def mean_spearman(predicted: NDArray, rated: NDArray) -> float:
        return float(np.mean([spearman(column, rated) for column in predicted.T]))

    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    sets = [run.folds for run in real]
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
        shuffled_prediction=np.array([spearman(run.predicted, ratings) for run in shuffled]),
        jaccard=mean(mean_jaccard([f.chosen.kept for f in each]) for each in sets),
        impact_correlation=mean(
            mean_rank_correlation([f.chosen.impact for f in each]) for each in sets
        ),
    )


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
