"""What a strategy is worth on images that took no part in it.

Outer folds keep scenes together. In each, the whole strategy, with its own inner folds,
runs on the training scenes and is judged on the others; then everything is repeated
under shuffled ratings: the ratings of the training images are permuted among those
images, while those of the judged images stay as they are. What the strategy reaches then
is what it gains from noise.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        folds, and its bootstrap 95 % interval over images.
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
    draws: NDArray[np.float64] | None


@dataclass(frozen=True)
class _Work:
    strategy: Strategy
    images: RatedFeatures
    folds: int
    shuffles: int
    seed: int


def evaluate(
    images: RatedFeatures,
    strategies: Sequence[Strategy],
    *,
    folds: int = 5,
    shuffles: int = 20,
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
    shuffles
        Repeats of the whole selection under shuffled ratings.
    seed
        Of shuffles, random strategies and bootstraps; every strategy sees the same ones.
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
    work = [_Work(strategy, images, folds, shuffles, seed) for strategy in strategies]
    return run_all(_evaluate_one, work, pool=pool, progress=progress)


def _evaluate_one(work: _Work) -> Evaluation:
    rng = np.random.default_rng(work.seed)
    repeats: list[list[_Fold]] = [[] for _ in range(1 + work.shuffles)]
    judged: list[NDArray] = []
    for train, test in grouped_folds(work.images.scenes, work.folds):
        fit, judge = work.images.subset(train), work.images.subset(test)
        judged.append(test)
        targets = [fit.ratings] + [rng.permutation(fit.ratings) for _ in range(work.shuffles)]
        for k, target in enumerate(targets):
            repeats[k].append(_run_fold(work.strategy, fit, judge, target, rng, sure=k == 0))
    return _summary(work, repeats, np.concatenate(judged), rng)


def _run_fold(
    strategy: Strategy,
    fit: RatedFeatures,
    judge: RatedFeatures,
    target: NDArray,
    rng: np.random.Generator,
    *,
    sure: bool,
) -> _Fold:
    chosen = strategy(fit, target, rng)
    objective = strategy.objective
    measure = judge.alignment(objective)
    before = measure(judge.grams(objective).similarity())
    if not chosen.kept.any():
        return _Fold(chosen, before, 0.0, np.zeros(len(judge)), None)
    similarity = judge.similarity(objective, chosen.scale)
    draws = None
    if sure:
        pairs = judge.pairs(objective)
        draws = bootstrap_draws(similarity, measure.human, pairs, rng=rng, fit=measure.fit)
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


def _summary(
    work: _Work, repeats: list[list[_Fold]], judged: NDArray, rng: np.random.Generator
) -> Evaluation:
    real, shuffled = repeats[0], repeats[1:]
    ratings = work.images.ratings[judged]
    predicted = [np.concatenate([fold.predicted for fold in folds]) for folds in repeats]
    reached = [spearman(prediction, ratings) for prediction in predicted]
    draws = [fold.draws for fold in real if fold.draws is not None]
    return Evaluation(
        strategy=work.strategy.name,
        kept=float(np.mean([fold.chosen.kept.mean() for fold in real])),
        selection_before=float(np.mean([fold.chosen.before for fold in real])),
        selection_after=float(np.mean([fold.chosen.after for fold in real])),
        before=float(np.mean([fold.before for fold in real])),
        after=float(np.mean([fold.after for fold in real])),
        interval=percentile_interval(np.mean(draws, axis=0)) if draws else (0.0, 0.0),
        shuffled_selection=np.array([np.mean([f.chosen.after for f in s]) for s in shuffled]),
        shuffled_after=np.array([np.mean([f.after for f in s]) for s in shuffled]),
        prediction=reached[0],
        prediction_interval=statistic_interval(spearman, predicted[0], ratings, rng=rng),
        shuffled_prediction=np.array(reached[1:]),
        jaccard=mean_jaccard([fold.chosen.kept for fold in real]),
        impact_correlation=mean_rank_correlation([fold.chosen.impact for fold in real]),
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
    evidence = evaluate(images, strategies, folds=folds, shuffles=0, seed=seed)
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
