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
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import (
    percentile_interval,
    resampled_images,
    statistic_interval,
)
from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.readout import apart_from
from fechner.analysis.network.evidence.folds import (
    AnyStrategy,
    Dealt,
    Fold,
    FoldTask,
    fold_tasks,
    held_out_folds,
    run_folds,
)
from fechner.errors import InputError
from fechner.progress import Progress, silent


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


@dataclass
class _Run:
    """All folds of one partition under real or shuffled ratings."""

    partition: int
    real: bool
    predicted: NDArray[np.float64]
    folds: list[Fold] = field(default_factory=list)


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
        Where choices run: one task for each strategy, fold, and set of real or shuffled
        ratings. The evidence is the same in any pool.

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
    turns = [(k, True) for k in range(repeats)] + [(k % repeats, False) for k in range(shuffles)]
    rngs = [np.random.default_rng(seed) for _ in strategies]
    for rng in rngs:  # The same resample for every strategy, because all begin alike.
        times = resampled_images(len(sets[0]), rng=rng, resamples=resamples)
    dealt = held_out_folds(sets[0].scenes, seen, folds=folds, repeats=repeats, seed=seed)
    data = Dealt(sets, list(dealt), times)
    tasks = [
        task
        for place, rng in enumerate(rngs)
        for task in fold_tasks(strategies[place], place, data, turns, rng)
    ]
    found = run_folds(data, tasks, pool=pool, progress=progress)
    each = [
        _runs(data, turns, [(task, fold) for task, fold in found if task.place == place])
        for place in range(len(strategies))
    ]
    return [
        _summary(strategy.name, sets[0], runs, rng, resamples)
        for strategy, runs, rng in zip(strategies, each, rngs, strict=True)
    ]


def _runs(
    data: Dealt, turns: Sequence[tuple[int, bool]], found: Sequence[tuple[FoldTask, Fold]]
) -> list[_Run]:
    """Return the folds of one strategy, run by run."""
    shape = data.sets[0].ratings.shape
    runs = [_Run(partition, real, np.zeros(shape)) for partition, real in turns]
    for task, fold in found:
        runs[task.run].folds.append(fold)
        runs[task.run].predicted[data.folds[task.fold][2]] = fold.predicted
    return runs


def _summary(
    name: str,
    everything: RatedFeatures,
    runs: list[_Run],
    rng: np.random.Generator,
    resamples: int,
) -> Evaluation:
    judges = ~everything.seen
    images = everything.subset(judges)
    ratings = apart_from(images.ratings, images.held_constant).reshape(len(images), -1)
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
        strategy=name,
        kept=mean(float(fold.kept.mean()) for fold in folds),
        selection_before=mean(fold.selection_before for fold in folds),
        selection_after=mean(fold.selection_after for fold in folds),
        before=mean(fold.before for fold in folds),
        after=mean(fold.after for fold in folds),
        interval=percentile_interval(draws),
        shuffled_selection=np.array([mean(f.selection_after for f in r.folds) for r in shuffled]),
        shuffled_after=np.array([mean(f.after for f in r.folds) for r in shuffled]),
        prediction=mean_spearman(predictions, ratings),
        prediction_interval=statistic_interval(
            mean_spearman, predictions, ratings, rng=rng, resamples=resamples
        ),
        shuffled_prediction=np.array([mean_spearman(r.predicted, ratings) for r in shuffled]),
        predicted=predicted,
        jaccard=mean(mean_jaccard([f.kept for f in each]) for each in alike),
        impact_correlation=mean(mean_rank_correlation([f.impact for f in each]) for each in alike),
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


def _folds_of_same_channels(runs: list[_Run]) -> list[list[Fold]]:
    """Return the folds of each partition that chose among the same channels, two or more."""
    groups: dict[tuple[int, int], list[Fold]] = {}
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
