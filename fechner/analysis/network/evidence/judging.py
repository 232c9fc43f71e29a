"""What is chosen on one rated set, judged on another.

Held-out scenes of one set share its cameras, its distortions, its makers. Another set shares the
network and the question only: what a selection predicts there, it knows of quality. Everything
rated chooses, everything in the other set judges, and the whole choice is repeated under shuffled
ratings of the choosing set.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.alignment.alignment import AnyAlignment
from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.choosing.chosen import Chosen
from fechner.analysis.network.choosing.rated_features import RatedFeatures, rated_features
from fechner.analysis.network.choosing.sets import ChannelValues
from fechner.analysis.network.choosing.shared_impacts import run_choices
from fechner.analysis.network.choosing.strategies import Strategy
from fechner.analysis.network.evidence.by_scene import (
    FEWEST,
    alignment_draws_over_scenes,
    interval_over_scenes,
    resampled_scenes,
    spearman_within,
)
from fechner.analysis.network.evidence.compare import ANY_SET
from fechner.analysis.network.evidence.folds import predict_held_out
from fechner.analysis.network.evidence.nested import BestHeldOut, best_held_out
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.rated_images import RatedImages

COLUMNS = (
    "features", "pooling", "strategy", "kept", "measure", "images", "all_channels", "value", "low",
    "high", "shuffled", "p",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class OtherSet:
    """A rated set that judges what another one chose.

    Attributes
    ----------
    rated, dimension
        The table, and the dimension that judges.
    sets
        The same channels as those chosen from, of its images.
    levels
        Of each column within whose levels predictions are judged too, by its name.
    """

    rated: RatedImages
    dimension: str
    sets: Mapping[tuple[str, str], ChannelValues]
    levels: Mapping[str, NDArray[np.str_]]


@dataclass(frozen=True, eq=False)
class _Work:
    name: tuple[str, str]
    fit: RatedFeatures
    judge: RatedFeatures
    groups: Mapping[str, NDArray]
    strategy: Strategy
    shuffles: int
    seed: int


def judge_elsewhere(
    sets: Mapping[tuple[str, str], ChannelValues],
    rated: RatedImages,
    dimension: str,
    strategies: Sequence[Strategy],
    other: OtherSet,
    *,
    nested: bool = False,
    shuffles: int = 20,
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return what each strategy, run on all of one set, is worth on all of another.

    Parameters
    ----------
    sets, rated, dimension, strategies
        As for `compare.compare`; one rating dimension.
    other
        What judges. Images that a network was fitted to do not.
    nested
        Whether to add the set and strategy that folds of the first set choose, under a name of
        their own: what choosing is worth there.
    shuffles
        Repeats of the whole choice under shuffled ratings.
    seed
        Of shuffles and bootstraps.
    pool, progress
        Where choices run, one task for each strategy and set of real or shuffled ratings, with the
        same outcome in any pool; and what is called after each.

    Returns
    -------
    Frame with `COLUMNS`. ``measure`` is ``prediction`` (Spearman of the other set's ratings with
    what a read-out of the kept channels, or the strategy itself, predicts), ``prediction, within
    scenes`` and ``within COLUMN`` (`by_scene.spearman_within`), ``alignment, all`` and ``alignment,
    within scenes`` (with all channels, and with those kept). Intervals are over the other set's
    scenes; ``p`` is the share of shuffled repeats that do as well, counting the real one.

    Raises
    ------
    InputError
        If images are in both sets, several dimensions are joined, or ratings are constant.
    """
    if "+" in dimension + other.dimension:
        raise InputError("--judge looks at one rating dimension at a time; leave out the '+'")
    require_apart(rated, other.rated)
    seen = np.logical_or.reduce([one.seen for one in sets.values()])
    work = []
    for name, one in sets.items():
        theirs = rated_features(other.sets[name], other.rated, other.dimension)
        judges = ~theirs.seen
        groups = {"scenes": theirs.scenes, **other.levels}
        fit = rated_features(replace(one, seen=seen), rated, dimension)
        judge = theirs.subset(judges)
        levels = {what: levels[judges] for what, levels in groups.items()}
        work += [
            _Work(name, fit, judge, levels, strategy, shuffles, seed) for strategy in strategies
        ]
    found = _judged(work, pool, progress)
    if nested:
        fits = [one.fit for one in work[:: len(strategies)]]
        which, strategy, _ = best_held_out(fits, strategies, seed=seed, pool=pool)
        chosen = found[which * len(strategies) + strategies.index(strategy)]
        # Its shuffled repeats would have to choose anew: that row stands above, with its own.
        found.append(
            [(ANY_SET, "", BestHeldOut(()).name, *row[3:-2], np.nan, np.nan) for row in chosen]
        )
    return pd.DataFrame([row for rows in found for row in rows], columns=list(COLUMNS))


def require_apart(rated: RatedImages, other: RatedImages) -> None:
    """Check that no image is in both tables.

    Raises
    ------
    InputError
        If one is, by its file.
    """
    shared = {path.resolve() for path in rated.paths} & {path.resolve() for path in other.paths}
    if shared:
        raise InputError(
            f"{len(shared)} images are in both tables, as {min(shared).name}; a choice is judged "
            "by images that took no part in it: leave them out of one table"
        )


@dataclass(frozen=True, eq=False)
class _Trial:
    """One choice: for which work, under which ratings, with the draws to come."""

    place: int
    target: NDArray[np.float64]
    rng: np.random.Generator


_Choice = tuple[Chosen, NDArray[np.float64]]
"""What was chosen, and what it predicts of the judging images."""


def _judged(work: Sequence[_Work], pool: Executor | None, progress: Progress) -> list[list[tuple]]:
    """Return the rows of each work: every choice is a task, then every work's evidence."""
    trials = [trial for place, one in enumerate(work) for trial in _trials(place, one)]
    with travelling(tuple(work), None, pool) as carried:
        made = iter(
            run_choices(
                partial(_impact, carried),
                partial(_choose, carried),
                trials,
                ranked_by=partial(_ranked_by, work),
                pool=pool,
                progress=progress,
            )
        )
        choices = [[next(made) for _ in range(1 + one.shuffles)] for one in work]
        return run_all(partial(_rows, carried), list(enumerate(choices)), pool=pool)


def _trials(place: int, work: _Work) -> list[_Trial]:
    rng = np.random.default_rng(work.seed)
    targets = [work.fit.ratings]
    targets += [rng.permutation(work.fit.ratings) for _ in range(work.shuffles)]
    trials = []
    for target in targets:
        trials.append(_Trial(place, target, deepcopy(rng)))
        work.strategy.pass_over([work.fit], rng)
    return trials


def _ranked_by(work: Sequence[_Work], trial: _Trial) -> Hashable | None:
    one = work[trial.place]
    if not one.strategy.ranks:
        return None
    return one.name, one.strategy.objective, trial.target.tobytes()


def _impact(carried: tuple[_Work, ...] | Path, trial: _Trial) -> NDArray[np.float64]:
    work = arrived(carried)[trial.place]
    return work.fit.impact(work.strategy.objective, trial.target)


def _choose(
    carried: tuple[_Work, ...] | Path, ranked: tuple[_Trial, NDArray[np.float64] | None]
) -> _Choice:
    trial, impact = ranked
    work = arrived(carried)[trial.place]
    chosen = work.strategy(work.fit, trial.target, trial.rng, impact)
    guess = np.zeros(len(work.judge))
    if chosen.kept.any():
        guess = predict_held_out(chosen, work.fit, work.judge, trial.target)
    # What predicts holds functions, which do not travel between processes.
    return replace(chosen, predict=None), guess


def _rows(carried: tuple[_Work, ...] | Path, made: tuple[int, list[_Choice]]) -> list[tuple]:
    place, found = made
    work = arrived(carried)[place]
    choices, guesses = [one for one, _ in found], [guess for _, guess in found]
    times = resampled_scenes(work.judge.scenes, rng=np.random.default_rng(work.seed))
    rows = [*_predictions(work, guesses, times), *_alignments(work, choices, times)]
    kept = float(choices[0].kept.mean())
    return [(*work.name, work.strategy.name, kept, *row) for row in rows]


def _predictions(work: _Work, guesses: list[NDArray], times: NDArray[np.int64]) -> list[tuple]:
    """Return rows of the predictions of the real choice, guesses[0], beside the shuffled ones."""
    wanted, everyone = work.judge.ratings, np.arange(len(work.judge))

    def over_all(guess: NDArray, rows: NDArray) -> float:
        return spearman(guess[rows], wanted[rows])

    def within(groups: NDArray, guess: NDArray, rows: NDArray) -> float:
        return spearman_within(guess[rows], wanted[rows], groups[rows])

    asked: list[tuple[str, Callable[[NDArray, NDArray], float]]] = [("prediction", over_all)]
    for what, groups in work.groups.items():
        asked.append((f"prediction, within {what}", partial(within, groups)))
    found = []
    for measure, agrees in asked:
        value, *noise = (agrees(guess, everyone) for guess in guesses)
        if np.isfinite(value):
            interval = interval_over_scenes(partial(agrees, guesses[0]), times)
            found.append((measure, len(wanted), np.nan, value, *interval, *_control(value, noise)))
    return found


def _alignments(work: _Work, choices: list[Chosen], times: NDArray[np.int64]) -> list[tuple]:
    """Return rows of the alignments over all pairs and over those within scenes."""
    found = []
    for what, control in (("all", "none"), ("within scenes", "within")):
        aim, judge = replace(work.strategy.objective, control=control), work.judge
        if control == "within" and np.unique(judge.scenes, return_counts=True)[1].max() < FEWEST:
            continue
        measure, pairs = judge.alignment(aim), judge.pairs(aim)
        before = measure(judge.channels(aim).similarity())
        reached = [
            judge.similarity(aim, one.scale) if one.kept.any() else np.zeros(len(pairs))
            for one in choices
        ]
        value, *noise = (_aligned(measure, one) for one in reached)
        draws = alignment_draws_over_scenes(reached[0], measure, pairs, judge.scenes, times)
        low, high = percentile_interval(draws)
        # Who keeps all channels chose nothing, so that shuffling cannot change it.
        control_row = (np.nan, np.nan) if choices[0].kept.all() else _control(value, noise)
        found.append((f"alignment, {what}", len(judge), before, value, low, high, *control_row))
    return found


def _aligned(measure: AnyAlignment, similarity: NDArray) -> float:
    return measure(similarity) if np.ptp(similarity) > 0 else 0.0


def _control(value: float, noise: Sequence[float]) -> tuple[float, float]:
    """Return the mean of the shuffled repeats, and the share that do as well; NaN without any."""
    if not noise:
        return float("nan"), float("nan")
    reached = np.asarray(noise)
    return float(reached.mean()), float((1 + (reached >= value).sum()) / (1 + len(reached)))
